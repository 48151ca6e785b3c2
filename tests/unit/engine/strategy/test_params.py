"""Parameters: from what people write to numbers, and back."""

from types import SimpleNamespace
from typing import Annotated, NamedTuple

import pytest

from engine.model.errors import ConfigError
from engine.strategy.params import (
    Choice,
    Float,
    Int,
    ParameterSpec,
    parameters_of,
    read_params,
    words_of,
)


class Params(NamedTuple):
    """One of each kind."""

    n: Annotated[int, Int(10, 60), "candles"] = 20
    stop_pct: Annotated[float, Float(1.0, 6.0, 0.5), "%"] = 3.0
    exit: Annotated[int, Choice("band", "mean"), "where"] = 0
    short: Annotated[bool, Choice("no", "yes"), "both sides"] = False


def refuse_ten(params: Params) -> str:
    return "ten is too many." if params.n == 10 else ""


MODULE = SimpleNamespace(ID="sample", Params=Params, check=refuse_ten)


def test_a_strategy_says_what_can_be_set():
    n, stop, exit_, short = parameters_of(MODULE)

    assert n == ParameterSpec("n", int, Int(10, 60, 1), "candles", 20)
    assert (stop.type, stop.range, stop.default) == (float, Float(1.0, 6.0, 0.5), 3.0)
    assert isinstance(exit_.range, Choice)
    assert exit_.range.words == ("band", "mean")
    assert (short.type, short.default) == (bool, False)


def test_a_parameter_without_range_is_the_programmers_error():
    class Bare(NamedTuple):
        n: int = 1

    with pytest.raises(AssertionError, match="n of Params has no range and unit"):
        parameters_of(SimpleNamespace(Params=Bare))


def test_what_is_left_out_is_as_declared():
    assert read_params(MODULE, {}) == Params()
    assert read_params(MODULE, {"n": 30}) == Params(n=30)


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("n", 100, 100),
        ("n", 25.0, 25),
        ("stop_pct", 4, 4.0),
        ("stop_pct", 0.4, 0.4),
        ("stop_pct", None, 0.0),
        ("exit", "mean", 1),
        ("exit", 1, 1),
        ("short", "yes", True),
        ("short", True, True),
    ],
)
def test_a_value_becomes_a_number_of_the_declared_type(name: str, value, number):
    read = getattr(read_params(MODULE, {name: value}), name)

    assert read == number
    assert type(read) is type(number)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("n", "many", "n = 'many': a whole number is expected"),
        ("n", 2.5, "n = 2.5: a whole number is expected"),
        ("n", True, "n = True: a whole number is expected"),
        ("n", None, "n = None: a whole number is expected"),
        ("stop_pct", "3", "stop_pct = '3': a number or null is expected"),
        ("stop_pct", float("nan"), "stop_pct = nan: a number or null is expected"),
        ("exit", "never", "exit = 'never': band or mean is expected"),
        ("exit", 2, "exit = 2: band or mean is expected"),
        ("exit", True, "exit = True: band or mean is expected"),
        ("short", 1, "short = 1: no or yes is expected"),
    ],
)
def test_what_is_no_such_value_is_refused(name: str, value, expected: str):
    with pytest.raises(ConfigError) as refused:
        read_params(MODULE, {name: value})

    assert str(refused.value) == expected


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"sample has no parameter stop_pc; did you mean stop_p"):
        read_params(MODULE, {"stop_pc": 1})
    with pytest.raises(ConfigError, match=r"it has n, stop_pct, exit, short\."):
        read_params(MODULE, {"zzz": 1})


def test_what_the_strategy_does_not_take_is_refused_in_its_words():
    with pytest.raises(ConfigError, match=r"^sample: ten is too many\.$"):
        read_params(MODULE, {"n": 10})


def test_parameters_are_shown_as_people_write_them():
    assert words_of(MODULE, Params(exit=1)) == {
        "n": 20,
        "stop_pct": 3.0,
        "exit": "mean",
        "short": "no",
    }
    assert read_params(MODULE, words_of(MODULE, Params(exit=1, short=True))) == Params(
        exit=1, short=True
    )
