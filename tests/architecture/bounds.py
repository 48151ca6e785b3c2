"""Every queue of the program and what happens when it is full: the source of `docs/limits.md`.

`python -m tests.architecture.bounds` writes the page. A queue with a `maxlen` drops its oldest and
speaks for itself; any other must be named here with its bound.
"""

import ast
from collections.abc import Iterator
from typing import NamedTuple

from tests.architecture.source import REPOSITORY, SHIPPED, Source, dotted, sources

PAGE = REPOSITORY / "docs" / "limits.md"

HEAD = """# Limits

Everything that grows with what comes from outside has a bound, and something happens at it. This
page is written by `python -m tests.architecture.bounds`; a test compares it with the code.

| queue | limit | at the limit |
| --- | --- | --- |
"""

QUEUES = ("deque", "Queue", "SimpleQueue", "LifoQueue", "PriorityQueue")


class Bound(NamedTuple):
    """How a queue without `maxlen` is kept short."""

    limit: str
    at_limit: str


BOUNDS = {
    "cockpit/driver.py::_waiting": Bound(
        "`WAITING_BYTES_MAX`", "frames are skipped until the terminal reads again"
    ),
    "engine/execution/paper.py::_answers": Bound(
        "the orders in flight", "the gate refuses above its limit of open orders"
    ),
    "engine/fake/farewells.py::_leaving": Bound(
        "the open connections at each planned end", "the server takes no more connections"
    ),
    "engine/fake/trading/memory.py::_messages": Bound(
        "what one test tells", "nothing: the transport in memory is for tests and the simulator"
    ),
    "engine/ingest/tape.py::_seconds": Bound("seconds of one minute", "older ones leave the sums"),
    "engine/runtime/feed_ports.py::_kept": Bound(
        "one batch of each source", "the source waits before it reads on: its venue is slowed down"
    ),
    "engine/runtime/feed_socket.py::_refused_ns": Bound(
        "the unreadable frames of a minute", "more than five and the connection is made anew"
    ),
    "engine/runtime/feed_socket.py::held": Bound(
        "`engine.runtime.feed_socket.HELD_MAX` frames",
        "the successor is given up, the old connection goes on",
    ),
    "engine/runtime/subscriptions.py::_outgoing": Bound(
        "what changes, and two messages for each stream carried",
        "what waits to be sent is not asked for again",
    ),
    "engine/runtime/guard.py::_sent_ns": Bound(
        "the orders of one second", "the guard refuses above its own limit"
    ),
    "engine/runtime/inbox.py::_control": Bound(
        "`CONTROL_MAX` commands", "commands are refused; kills, timers and fills always fit"
    ),
    "engine/runtime/inbox.py::_data": Bound(
        "`DATA_MAX` events", "feeds stop reading their sockets; nothing is dropped"
    ),
    "engine/runtime/journal_writer.py::_jobs": Bound(
        "one job at a time", "the next group waits in `_waiting`"
    ),
    "engine/runtime/journal_writer.py::_waiting": Bound(
        "`WAITING_MAX` records", "new risk is refused and said so; cancels and kill go on"
    ),
    "engine/runtime/recorder.py::_waiting": Bound(
        "`WAITING_BYTES_MAX` of frames", "the oldest are dropped, counted, and a hole says so"
    ),
}
"""`path::name` of a queue without `maxlen`, and its bound."""


class Queue(NamedTuple):
    """A queue in the code; `maxlen` is how its bound is written there, if it has one."""

    place: str
    line: int
    maxlen: str


def queues(source: Source) -> Iterator[Queue]:
    """Yield every queue that a file makes, once for each name."""
    seen = set()
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        name = dotted(target).rpartition(".")[2]
        for call in ast.walk(node.value):
            if isinstance(call, ast.Call) and dotted(call.func).rpartition(".")[2] in QUEUES:
                queue = Queue(f"{source.path}::{name}", node.lineno, _maxlen(call))
                if queue.place not in seen:
                    seen.add(queue.place)
                    yield queue


def page() -> str:
    """Return the text of the page."""
    rows = []
    for source in sources(*SHIPPED):
        for queue in queues(source):
            bound = BOUNDS.get(queue.place)
            if queue.maxlen:
                bound = Bound(f"`{queue.maxlen}`", "the oldest is dropped")
            assert bound is not None, f"{queue.place} has no bound"
            path, _, name = queue.place.partition("::")
            rows.append(f"| `{name}` of `{path}` | {bound.limit} | {bound.at_limit} |\n")
    return HEAD + "".join(sorted(rows))


def _maxlen(call: ast.Call) -> str:
    for keyword in call.keywords:
        if keyword.arg in ("maxlen", "maxsize"):
            return ast.unparse(keyword.value)
    return ""


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
