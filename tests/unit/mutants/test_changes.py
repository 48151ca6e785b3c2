"""What a mutant is: one small change that tests must notice, and nothing else."""

import ast

import pytest

from tests.mutants.changes import changed, count


def becomes(source: str) -> list[str]:
    """Return every mutant of a program as text."""
    return [ast.unparse(changed(source, number)[0]) for number in range(count(source))]


@pytest.mark.parametrize(
    ("source", "mutants"),
    [
        ("x = a < b", ["x = a <= b"]),
        ("x = a >= b", ["x = a > b"]),
        ("x = a == b", ["x = a != b"]),
        ("x = a is b", ["x = a is not b"]),
        ("x = a in b", ["x = a not in b"]),
        ("x = a and b", ["x = a or b"]),
        ("x = not a", ["x = a"]),
        ("x = -a", ["x = a"]),
        ("x = a + b", ["x = a - b"]),
        ("x = a // b", ["x = a * b"]),
        ("x = 7", ["x = 8"]),
        ("x = True", ["x = False"]),
        ("x = min(a, b)", ["x = max(a, b)"]),
        ("x = a if b else c", ["x = c if b else a"]),
        ("if a:\n    x = b", ["if not a:\n    x = b"]),
        ("x += a", ["pass"]),
        ("x.y = a", ["pass"]),
        ("x[y] = a", ["pass"]),
        ("f(a)", ["pass"]),
        ("async def f():\n    await g(a)", ["async def f():\n    pass"]),
    ],
)
def test_a_place_has_one_change(source: str, mutants: list[str]) -> None:
    assert becomes(source) == mutants


def test_a_program_has_a_mutant_for_each_place() -> None:
    assert becomes("x.y = a + 1") == ["pass", "x.y = a - 1", "x.y = a + 2"]


@pytest.mark.parametrize(
    "source",
    [
        '"""Words."""',
        "x = a",
        "x = 'a' + b",
        "x = f'{a + 1}'",
        "x: Literal[1]",
        "assert a < 1",
        "raise ValueError(a + 1)",
        "logger.warning('{}', a + 1)",
        "logger.opt(exception=a).error('no')",
        "def f(a: int = 1) -> None:\n    return a",
        "@decorated(1)\nasync def f(a=1):\n    return a",
        "class A(B):\n\n    def __repr__(self):\n        return str(1 + 1)",
    ],
)
def test_what_is_said_to_people_or_the_type_checker_stays(source: str) -> None:
    assert count(source) == 0


def test_a_change_tells_where_it_is_and_what_it_was() -> None:
    tree, change = changed("a = b\nif c:\n    d(e)", 1)

    assert change == (3, "d(e)", "pass")
    assert ast.unparse(tree) == "a = b\nif c:\n    pass"


def test_there_are_no_more_mutants_than_places() -> None:
    with pytest.raises(AssertionError, match="1 changes only"):
        changed("x = 7", 1)
