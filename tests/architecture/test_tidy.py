"""The house style where a machine can check it; each rule is shown to catch what it forbids."""

import tomllib
from collections.abc import Iterator

import pytest

from tests.architecture import tidy
from tests.architecture.source import (
    EVERYTHING,
    PURE,
    REPOSITORY,
    SHIPPED,
    Check,
    Source,
    breaches,
    sources,
)

EVERYWHERE = [
    tidy.long_functions,
    tidy.long_files,
    tidy.missing_docstring,
    tidy.vague_names,
    tidy.untracked_todos,
    tidy.foreign_letters,
]


@pytest.mark.parametrize("check", EVERYWHERE, ids=lambda check: check.__name__)
def test_every_file_is_tidy(check: Check):
    found = breaches(check, sources(*EVERYTHING))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "check", [tidy.broad_handlers, tidy.floats_of_money], ids=lambda check: check.__name__
)
def test_what_is_shipped_is_careful(check: Check):
    found = breaches(check, sources(*SHIPPED))
    assert not found, "\n".join(found)


def test_no_exemption_outlives_its_reason():
    paths = {file.path for file in sources(*EVERYTHING)}
    places = {place for file in sources(*SHIPPED) for place, _ in tidy.broad_handler_places(file)}

    assert set(tidy.BROAD_HANDLERS) - places == set()
    assert set(tidy.LONG_FILES) - paths == set()
    assert {place.partition("::")[0] for place in tidy.LONG_FUNCTIONS} - paths == set()
    assert set(tidy.REACHED_BY_TESTS) - {file.module for file in sources(*SHIPPED)} == set()


def test_every_module_is_reached_from_an_entry():
    found = tidy.dead_modules(sources(*SHIPPED), entries())
    assert not found, "\n".join(found)


def test_every_pure_module_with_behaviour_has_its_own_tests():
    missing = [
        home
        for file in sources(*PURE)
        if tidy.has_behaviour(file) and not (REPOSITORY / (home := home_of_tests(file))).exists()
    ]

    assert not missing, "\n".join(missing)


def test_every_test_of_a_pure_module_has_its_module():
    homes = {home_of_tests(file) for file in sources(*PURE)}
    orphans = [
        test.path
        for test in sources(*(f"tests/unit/{package}" for package in PURE))
        if test.path.rpartition("/")[2].startswith("test_") and test.path not in homes
    ]

    assert not orphans, "\n".join(orphans)


def entries() -> Iterator[str]:
    """Yield the modules that people, processes and simulations start."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    for script in project["scripts"].values():
        yield script.partition(":")[0]
    yield "cockpit.__main__"
    yield from tidy.REACHED_BY_TESTS


def home_of_tests(file: Source) -> str:
    folder, _, name = file.path.rpartition("/")
    return f"tests/unit/{folder}/test_{name}"


# Each rule against source that breaks it, and source that only looks as if it did.


def lines_found(check: Check, text: str, path: str = "engine/execution/planted.py") -> list[int]:
    return [finding.line for finding in check(Source(path, text))]


def test_a_long_function_is_found():
    just_fits = "def f():\n" + "    x = 1\n" * (tidy.FUNCTION_LINES_MAX - 1)

    assert lines_found(tidy.long_functions, just_fits) == []
    assert lines_found(tidy.long_functions, just_fits + "    x = 1\n") == [1]


def test_a_long_function_is_found_in_a_class_and_in_a_function():
    body = "        x = 1\n" * tidy.FUNCTION_LINES_MAX

    assert lines_found(tidy.long_functions, f"class A:\n    async def f():\n{body}") == [2]
    assert lines_found(tidy.long_functions, f"def outer():\n    def f():\n{body}") == [1, 2]


def test_a_long_file_is_found():
    just_fits = "x = 1\n" * tidy.FILE_LINES_MAX

    assert lines_found(tidy.long_files, just_fits) == []
    assert lines_found(tidy.long_files, just_fits + "x = 1\n") == [tidy.FILE_LINES_MAX + 1]


def test_a_named_exemption_is_honoured():
    long = Source("a.py", "def f():\n" + "    x = 1\n" * tidy.FILE_LINES_MAX)
    catching = Source("a.py", "def f():\n    try: ...\n    except Exception: ...")

    assert list(tidy.long_functions(long, exempt={"a.py::f"})) == []
    assert list(tidy.long_files(long, exempt={"a.py"})) == []
    assert list(tidy.broad_handlers(catching, allowed={"a.py::f"})) == []


def test_a_missing_docstring_is_found():
    assert lines_found(tidy.missing_docstring, "# A comment.\nx = 1") == [1]
    assert lines_found(tidy.missing_docstring, "") == [1]
    assert lines_found(tidy.missing_docstring, '"""What it does."""') == []


@pytest.mark.parametrize(
    "path", ["engine/utils.py", "cockpit/order_manager.py", "storage/common/rows.py"]
)
def test_a_vague_name_is_found(path: str):
    assert lines_found(tidy.vague_names, "", path) == [1]
    assert lines_found(tidy.vague_names, "", "engine/execution/portfolio.py") == []


@pytest.mark.parametrize(
    "comment", ["# TODO later", "# TODO: later", "x = 1  # FIXME", "# XXX", "# TODO(#12)"]
)
def test_a_todo_outside_the_tracker_is_found(comment: str):
    assert lines_found(tidy.untracked_todos, comment) == [1]


def test_a_tracked_todo_passes():
    assert lines_found(tidy.untracked_todos, "# TODO(#12): ask OKX.\nTODO = 'TODO'") == []


def test_a_foreign_letter_in_a_name_is_found():
    assert lines_found(tidy.foreign_letters, "x = 'µ'\nµ = 1  # µ") == [2]


@pytest.mark.parametrize(
    "handler",
    ["except:", "except Exception:", "except BaseException as e:", "except (A, Exception):"],
)
def test_a_broad_handler_is_found(handler: str):
    text = f"class A:\n    def f(self):\n        try: ...\n        {handler} raise"

    assert list(tidy.broad_handler_places(Source("a.py", text))) == [("a.py::A.f", 4)]


def test_silencing_everything_is_found():
    assert lines_found(tidy.broad_handlers, "with contextlib.suppress(Exception): ...") == [1]
    assert lines_found(tidy.broad_handlers, "with suppress(OSError): ...") == []


def test_a_narrow_handler_passes():
    assert lines_found(tidy.broad_handlers, "try: ...\nexcept (KeyError, OSError): ...") == []


def test_a_float_of_money_is_found():
    assert lines_found(tidy.floats_of_money, "x = 1\nprice = float(text)") == [2]
    assert lines_found(tidy.floats_of_money, "float(text)", "engine/detection/wall.py") == []


def test_a_dead_module_is_found():
    files = [
        Source("cockpit/__init__.py", ""),
        Source("cockpit/cli.py", "def run():\n    from cockpit import app\n    spawn('engine')"),
        Source("cockpit/app.py", "import cockpit.panes.book"),
        Source("cockpit/panes/__init__.py", ""),
        Source("cockpit/panes/book.py", "LATE = 'engine.late:Book'"),
        Source("cockpit/panes/old.py", "import cockpit.panes.older"),
        Source("cockpit/panes/older.py", "import cockpit.panes.old"),
        Source("engine/__main__.py", ""),
        Source("engine/late.py", ""),
    ]

    dead = ["cockpit/panes/old.py", "cockpit/panes/older.py"]
    assert tidy.dead_modules(files, ["cockpit.cli"]) == dead


def test_declarations_need_no_tests_and_bodies_do():
    protocol = (
        "class Clock(Protocol):\n    def now_ns(self) -> int:\n        '''Now.'''\n        ..."
    )

    assert not tidy.has_behaviour(Source("a.py", protocol))
    assert not tidy.has_behaviour(Source("a.py", "class Trade(Struct):\n    price: int"))
    assert tidy.has_behaviour(Source("a.py", "class A:\n    def f(self):\n        return 1"))
