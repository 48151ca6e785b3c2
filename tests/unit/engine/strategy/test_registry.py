"""What every strategy of the registry must keep to."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.strategy.candle import ENTER, HOLD, LEAVE, REVERSE, CandleHost, Position, complaint
from engine.strategy.params import Choice, Int, parameters_of
from engine.strategy.registry import STRATEGIES
from tests.unit.engine.strategy.subset import subset_problems

EVERY = pytest.mark.parametrize("spec", STRATEGIES, ids=lambda spec: spec.name)

HEAD = """
import enum
import math
from math import sqrt
from engine.strategy.candle import BUY, HOLD, Decision, enter, hold, leave, quote, reverse

LIMIT = 2
WORD = "two"
SEEN = [1]

class Kind(enum.IntEnum):
    ONE = 1

ONE = Kind.ONE

def twice(x: float, row):
    return 2.0 * x + row.close

def stranger(x: float):
    return x

HELPERS = (twice,)
"""


@EVERY
def test_a_strategy_is_listed_under_its_own_name(spec):
    assert spec.name == spec.module.ID
    assert [one.name for one in STRATEGIES].count(spec.name) == 1
    assert type(spec.module.VERSION) is int


@EVERY
def test_a_strategy_starts_with_parameters_that_it_takes(spec):
    assert complaint(spec.module, spec.params) == ""
    assert CandleHost(spec.module, spec.params, spec.timeframe_s).need > 0


@EVERY
def test_every_parameter_starts_within_its_range(spec):
    for parameter in parameters_of(spec.module):
        searched = parameter.range
        if isinstance(searched, Choice):
            assert 0 <= parameter.default < len(searched.words)
        else:
            assert searched.low <= parameter.default <= searched.high
        assert parameter.unit


@EVERY
def test_decide_stays_in_the_subset_that_compiles(spec):
    assert subset_problems(spec.module) == []


@EVERY
@given(data=st.data())
def test_a_strategy_acts_exactly_when_all_its_conditions_hold(spec, data):
    row = spec.module.Row(*data.draw(rows_of(spec.module)))
    params = data.draw(params_of(spec.module))
    position = Position(data.draw(st.sampled_from([0, 1, -1])), 10.0, 3)
    assume(complaint(spec.module, params) == "")

    decision = spec.module.decide(row, position, params)
    conditions = spec.module.conditions(row, position, params)

    acts = {ENTER} if position.side == 0 else {LEAVE, REVERSE}
    assert decision.kind in {HOLD, *acts}
    assert conditions
    assert (decision.kind in acts) == all(condition.holds for condition in conditions)
    assert all(type(condition.holds) is bool for condition in conditions)


@EVERY
def test_nothing_known_is_nothing_done(spec):
    row = spec.module.Row(*[math.nan] * len(spec.module.Row.__annotations__))

    for side in (0, 1, -1):
        assert spec.module.decide(row, Position(side, 10.0, 3), spec.params).kind == HOLD


def rows_of(module) -> st.SearchStrategy:
    """Return rows of few different numbers, so that some are equal."""
    number = st.one_of(st.integers(-8, 40).map(lambda half: half / 2.0), st.just(math.nan))
    return st.tuples(*[number for _ in module.Row.__annotations__])


def params_of(module) -> st.SearchStrategy:
    """Return parameters within their ranges."""
    drawn = []
    for parameter in parameters_of(module):
        searched = parameter.range
        if isinstance(searched, Choice):
            drawn.append(st.integers(0, len(searched.words) - 1).map(parameter.type))
        elif isinstance(searched, Int):
            drawn.append(st.integers(searched.low, searched.high))
        else:
            drawn.append(st.floats(searched.low, searched.high))
    return st.builds(module.Params, *drawn)


# The subset: source that leaves it, and source that only looks as if it did.


def planted(folder: Path, body: str, head: str = HEAD) -> ModuleType:
    """Return a module whose `decide` has this body."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    file = folder / "planted.py"
    file.write_text(f"{head}\ndef decide(row, position, params):\n{lines}")
    return imported(file)


def imported(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "body",
    [
        "'''Why.'''\nreturn hold()",
        "return enter(BUY, params.size / 100.0, stop_pct=params.stop)",
        "return enter(BUY, min(row.a, 2) ** 2 % LIMIT // 1, -row.b, +abs(row.c))",
        "return hold() if not row.a < row.b <= 1 or row.c != 1e-6 and True else leave()",
        "if row.a > math.pi:\n    return leave()\nelif row.b == 1:\n    return hold()\n"
        "else:\n    return quote(1, 2, sqrt(row.c) * math.exp(1))",
        "best = 0.0\nfor k in range(1, params.n):\n    best += k * row.a\n    if best > 1:\n"
        "        break\n    else:\n        continue\nreturn enter(BUY, best)",
        "size: float = 1\nif row.a > 1:\n    pass\nreturn reverse(-BUY, twice(size, row))",
    ],
)
def test_what_compiles_passes(body: str, tmp_path: Path):
    assert subset_problems(planted(tmp_path, body)) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return enter(BUY, WORD)", "WORD is neither"),
        ("return enter(ONE, 1)", "ONE is neither"),
        ("return enter(BUY, later)", "later is neither"),
        ("return enter(BUY, len(SEEN))", "`len` is no maker"),
        ("return enter(BUY, stranger(1))", "`stranger` is no maker"),
        ("return enter(BUY, math.phi)", "math.phi is neither"),
        ("return enter(BUY, math.fsum2(1))", "`math.fsum2` is no maker"),
        ("return enter(BUY, SEEN[0])", "`SEEN[0]` is not in the subset"),
        ("return enter(BUY, [1, 2])", "`[1, 2]` is not in the subset"),
        ("return enter(BUY, 'all')", "`'all'` is not in the subset"),
        ("return enter(BUY, None)", "`None` is not in the subset"),
        ("return enter(BUY, max(row))", "row is used as a whole"),
        ("return enter(BUY, row.a @ row.b)", "`row.a @ row.b` is not in the subset"),
        ("return enter(BUY, row.a.real)", "`row.a.real` is not in the subset"),
        ("return enter(BUY, row.a.hex())", "`row.a.hex` is no maker"),
        ("return enter(BUY, ~LIMIT)", "`~LIMIT` is not in the subset"),
        ("return enter(BUY, (x := 1))", "is not in the subset"),
        ("return enter(BUY, (lambda: 1)())", "is no maker"),
        ("return enter(*row)", "`*row` is not in the subset"),
        ("return enter(BUY, **params)", "arguments are written out"),
        ("return hold() if row.a is row.b else leave()", "`row.a is row.b` is not"),
        ("return hold() if row.a in (1, 2) else leave()", "`row.a in (1, 2)` is not"),
        ("return 1", "returns `1`, which no maker made"),
        ("return hold() if row.a else 0", "which no maker made"),
        ("return Decision(HOLD)", "which no maker made"),
        ("return", "`return` is not in the subset"),
        ("if row.a > 1:\n    return hold()", "without a return"),
        ("while row.a > 1:\n    pass\nreturn hold()", "`while row.a > 1:` is not"),
        ("for x in SEEN:\n    pass\nreturn hold()", "`for x in SEEN:` is not"),
        ("for k in range(3):\n    pass\nelse:\n    pass\nreturn hold()", "is not in the subset"),
        ("try:\n    return hold()\nfinally:\n    pass", "`try:` is not in the subset"),
        ("global LIMIT\nLIMIT = 3\nreturn hold()", "`global LIMIT` is not"),
        ("a, b = 1, 2\nreturn hold()", "`a, b = (1, 2)` is not"),
        ("SEEN[0] = 2\nreturn hold()", "`SEEN[0] = 2` is not"),
        ("a = 1\na <<= 2\nreturn hold()", "`a <<= 2` is no arithmetic"),
        ("print(1)\nreturn hold()", "`print(1)` is not in the subset"),
        ("assert row.a\nreturn hold()", "`assert row.a` is not"),
        ("import math\nreturn hold()", "`import math` is not"),
        ("hold = 1\nreturn hold()", "which no maker made"),
    ],
)
def test_what_does_not_compile_is_found(body: str, problem: str, tmp_path: Path):
    found = subset_problems(planted(tmp_path, body))

    assert found
    assert any(problem in one for one in found), found


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (HEAD.replace("2.0 * x", "str(x)"), "`str` is no maker"),
        (HEAD.replace("(twice,)", "(twice, sqrt)"), "sqrt is not a function of this module"),
        (HEAD.replace("x: float, row", "x: float, row, *more"), "twice takes plain arguments"),
        (HEAD.replace("x: float, row", "x: float, row=1"), "twice takes plain arguments"),
    ],
)
def test_helpers_are_read_too(head: str, problem: str, tmp_path: Path):
    found = subset_problems(planted(tmp_path, "return hold()", head))

    assert len(found) == 1
    assert problem in found[0]


def test_decide_has_its_three_arguments(tmp_path: Path):
    (tmp_path / "planted.py").write_text(f"{HEAD}\ndef decide(row, params):\n    return hold()\n")

    assert "decide takes row, position and params" in str(
        subset_problems(imported(tmp_path / "planted.py"))
    )


def test_a_problem_says_its_line(tmp_path: Path):
    line = HEAD.count("\n") + 4

    assert subset_problems(planted(tmp_path, "a = 1\nb = ''\nreturn hold()")) == [
        f"{line}: `''` is not in the subset"
    ]
