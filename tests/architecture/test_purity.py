"""The pure packages decide by their inputs alone; each rule is shown to catch what it forbids."""

import pytest

from tests.architecture import purity
from tests.architecture.set_order import set_attributes, set_iteration
from tests.architecture.source import (
    PURE,
    REPOSITORY,
    SHELLS,
    SHIPPED,
    Check,
    Source,
    breaches,
    sources,
)

PURE_CHECKS = {
    "imports": purity.forbidden_imports,
    "calls": purity.reaching_calls,
    "async": purity.async_code,
    "state": purity.module_state,
    "sets": set_iteration(set_attributes(sources(*PURE))),
}


@pytest.mark.parametrize("check", PURE_CHECKS.values(), ids=PURE_CHECKS)
def test_pure_packages_are_pure(check: Check):
    found = breaches(purity.excused(check), sources(*PURE))
    assert not found, "\n".join(found)


def test_the_engine_meets_clock_and_chance_through_ports():
    own = ("engine/runtime/", "engine/kill/")  # A kill needs no engine, so no clock of one.
    outside = [file for file in sources("engine") if not file.path.startswith(own)]

    found = breaches(purity.excused(purity.ambient_access), outside)
    assert not found, "\n".join(found)


def test_only_the_risk_gate_approves():
    found = breaches(purity.approvals_made, sources(*SHIPPED))
    assert not found, "\n".join(found)


def test_every_package_of_the_engine_is_pure_or_a_shell():
    packages = {f"engine/{init.parent.name}" for init in REPOSITORY.glob("engine/*/__init__.py")}

    assert packages == {*PURE, *SHELLS}


# Each rule against source that breaks it, and source that only looks as if it did.


def lines_found(check: Check, text: str) -> list[int]:
    return [finding.line for finding in check(Source("engine/kernel/planted.py", text))]


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "import os.path",
        "from random import choice",
        "from uuid import uuid4",
        "from concurrent.futures import ThreadPoolExecutor",
        "def late():\n    import asyncio",
    ],
)
def test_a_forbidden_import_is_found(text: str):
    assert len(lines_found(purity.forbidden_imports, text)) == 1


def test_other_imports_pass():
    text = "import math\nfrom engine.model.timeframe import time\nfrom engine import random_walk"

    assert lines_found(purity.forbidden_imports, text) == []


@pytest.mark.parametrize(
    "text", ["sorted(orders, key=lambda order: id(order))", "hash('BTC')", "open('x')", "print(1)"]
)
def test_a_call_that_reaches_outside_is_found(text: str):
    assert lines_found(purity.reaching_calls, text) == [1]


def test_methods_of_the_same_name_pass():
    assert lines_found(purity.reaching_calls, "book.open()\norder.id\nself.hash(text)") == []


def test_async_code_is_found():
    assert lines_found(purity.async_code, "class Feed:\n    async def run(self): ...") == [2]


@pytest.mark.parametrize(
    "text",
    [
        "seen = {1}",
        "seen: dict[str, int] = {}",
        "ORDERS = {}",
        "WAITING = []",
        "RECENT = collections.deque()",
        "next_id = itertools.count(1)",
        "if True:\n    cache = [1]",
        "def count():\n    global total",
        "TABLE = {1: 2}\nTABLE[3] = 4",
        "TABLE = {1: 2}\ndef learn():\n    TABLE.update(seen)",
        "TABLE = [1]\nTABLE += [2]",
        "TABLE = {1: 2}\ndel TABLE[1]",
    ],
)
def test_state_of_a_module_is_found(text: str):
    assert len(lines_found(purity.module_state, text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "__all__ = ['Book']",
        "LEVELS_MAX = 50",
        "NAMES = ('a', 'b')",
        "ROUTES = {Trade: (on_trade,)}",
        "def fresh():\n    seen = {}\n    seen[1] = 2",
        "class Tape:\n    def __init__(self):\n        self.trades = deque()",
    ],
)
def test_constants_and_owned_state_pass(text: str):
    assert lines_found(purity.module_state, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "import secrets",
        "from time import monotonic_ns",
        "from os import urandom",
        "datetime.datetime.now()",
        "datetime.utcnow()",
        "uuid.uuid4()",
        "asyncio.to_thread(work)",
        "self._loop.run_in_executor(None, work)",
        "asyncio.get_running_loop().run_in_executor(None, work)",
    ],
)
def test_ambient_access_is_found(text: str):
    assert lines_found(purity.ambient_access, text) == [1]


def test_ports_and_harmless_relatives_pass():
    text = "self.clock.now()\nuuid.uuid5(space, name)\nimport os\nimport asyncio"

    assert lines_found(purity.ambient_access, text) == []


def test_an_approval_made_elsewhere_is_found():
    assert lines_found(purity.approvals_made, "orders.ApprovedOrder(intent)") == [1]
    assert list(purity.approvals_made(Source(purity.APPROVAL_HOME, "ApprovedOrder(intent)"))) == []


def test_a_marked_line_needs_a_reason():
    check = purity.excused(purity.forbidden_imports)

    assert lines_found(check, "import uuid  # pure: uuid5 only hashes its arguments") == []
    assert lines_found(check, "import uuid  # pure:") == [1]


@pytest.mark.parametrize(
    "text",
    [
        "for name in {'a', 'b'}: ...",
        "for name in set(names): ...",
        "for name in old.keys() - new.keys(): ...",
        "for name in known.union(names): ...",
        "for name in first if first else {1}: ...",
        "names = {1, 2}\nfor name in names: ...",
        "def loop(names: frozenset[str]):\n    return [n for n in names]",
        "def loop():\n    names: set[str] = find()\n    return tuple(names)",
        "names = set(x)\ndef loop():\n    yield from names",
        "total = sum(price for price in {0.1, 0.2})",
        "text = ', '.join({'a', 'b'})",
        "first = next(iter({1, 2}))",
        "pairs = {name: 0 for name in {1, 2}}",
        "show(*{1, 2})",
        "one, two = {1, 2}",
        "best = max({1, 2}, key=size)",
        "some = set(x).pop()",
        "for venue in state.dirty: ...",
        "for index, venue in enumerate(self.dirty): ...",
    ],
)
def test_a_loop_over_a_set_is_found(text: str):
    assert len(lines_found(set_iteration(frozenset({".dirty"})), text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "for name in sorted({'a', 'b'}): ...",
        "for name in ['a', 'b']: ...",
        "for name in table.keys(): ...",
        "names = {1, 2}\nknown = 1 in names and len(names)",
        "names = {name for name in {1, 2}}",
        "best = sorted(name for name in {1, 2} if name)",
        "late = any(age > 5 for age in {1, 2})",
        "def loop(names: list[str]):\n    return list(names)",
        "def one():\n    names = {1}\ndef two(names):\n    return list(names)",
        "left = total - len({1, 2})\nfor n in range(left): ...",
    ],
)
def test_an_order_that_cannot_show_passes(text: str):
    assert lines_found(set_iteration(frozenset()), text) == []


def test_an_attribute_declared_as_a_set_is_known_in_every_file():
    declared = Source("a.py", "class State:\n    dirty: set[str]\n    rows: dict[str, int]")
    assigned = Source("b.py", "class Feed:\n    def f(self):\n        self.open: set[int] = set()")
    contradicting = Source("c.py", "class Book:\n    open: bool")

    assert set_attributes([declared, assigned]) == {".dirty", ".open"}
    assert set_attributes([declared, assigned, contradicting]) == {".dirty"}
