"""The part of the house style that a machine can check and ruff does not."""

import ast
import io
import re
import tokenize
from collections.abc import Container, Iterable, Iterator, Sequence

from tests.architecture.source import Finding, Source, dotted, imports, line_of

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500

LONG_FUNCTIONS: dict[str, str] = {}
"""`path::function` of a compiled loop that may be longer -> what splitting it costs, measured."""

LONG_FILES: dict[str, str] = {}
"""Path of a table of wire constants that may be longer -> whose table it is."""

BROAD_HANDLERS = {
    "engine/runtime/port_server.py::PortServer._on_client": "a client: costs it its connection",
    "engine/runtime/port_server.py::_contained": "pictures of a client: the same",
    "engine/kernel/strategy_calls.py::_contained": "a strategy call: stops that strategy",
    "engine/runtime/feed_socket.py::FeedSocket._use_once": "loop of a feed: logs, backs off",
    "engine/runtime/latch.py::LatchKeeper._work": "worker: the loop is told, logs and tries again",
    "engine/runtime/recorder.py::Recorder._work": "worker: the loop is told and its watch fails",
    "engine/runtime/host.py::EngineHost._cancel_without_kernel": "end of a broken run: logs, ends",
    "engine/runtime/trade_rest.py::TradeRest._decoded": "an answer: logs, proves nothing",
    "engine/runtime/transport.py::NetworkTransport.request": "libraries: a request unanswered",
    "engine/kill/rest.py::network.send": "a library: a request unanswered",
    "engine/runtime/supervisor.py::Supervisor._kept": "a part: logs, counts, restarts, halts",
    "engine/runtime/watchdog.py::Watchdog._watch": "thread: the loop is told and its beat fails",
}
"""`path::function` that may catch everything -> why, and what becomes of the error.

Five kinds of place have a reason: the outer loop of a shell, the call of a strategy, the entry of
a process, its end, and the edge where somebody else's bytes meet somebody else's code.
"""

REACHED_BY_TESTS = {
    "engine.runtime.virtual_loop": "the loop of virtual time, on which shells are simulated",
    "engine.fake.trading.memory": "the network of that loop, to the fake exchange",
}
"""Module that nothing shipped imports -> what it is for."""

VAGUE_NAMES = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}

TODO = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
TODO_WITH_ENTRY = re.compile(r"TODO\(#\d+\): \S")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def long_functions(
    source: Source, exempt: Container[str] = LONG_FUNCTIONS.keys()
) -> Iterator[Finding]:
    """A function fits on a screen."""
    for name, node in _functions(source.tree):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES_MAX and f"{source.path}::{name}" not in exempt:
            problem = f"{name} has {length} lines, {FUNCTION_LINES_MAX} is the limit"
            yield Finding(node.lineno, problem)


def long_files(source: Source, exempt: Container[str] = LONG_FILES.keys()) -> Iterator[Finding]:
    """A file has one main noun."""
    length = len(source.lines)
    if length > FILE_LINES_MAX and source.path not in exempt:
        yield Finding(length, f"has {length} lines, {FILE_LINES_MAX} is the limit")


def missing_docstring(source: Source) -> Iterator[Finding]:
    """A module says first what it is responsible for."""
    if ast.get_docstring(source.tree) is None:
        yield Finding(1, "does not start with what it is responsible for")


def vague_names(source: Source) -> Iterator[Finding]:
    """A file is named after what is in it."""
    for word in VAGUE_NAMES.intersection(re.split(r"[/_.]", source.path)):
        yield Finding(1, f"{word!r} names nothing; name the file after what is in it")


def untracked_todos(source: Source) -> Iterator[Finding]:
    """What is left to do is in the tracker too."""
    for token in _tokens(source):
        if token.type != tokenize.COMMENT or TODO_WITH_ENTRY.search(token.string):
            continue
        if TODO.search(token.string):
            yield Finding(token.start[0], "write it as `TODO(#123): what is left to do`")


def foreign_letters(source: Source) -> Iterator[Finding]:
    """Names can be typed on any keyboard, and two that look the same are the same."""
    for token in _tokens(source):
        if token.type == tokenize.NAME and not token.string.isascii():
            yield Finding(token.start[0], f"{token.string} has letters outside ASCII")


def broad_handlers(
    source: Source, allowed: Container[str] = BROAD_HANDLERS.keys()
) -> Iterator[Finding]:
    """Only the named places may catch what they do not know."""
    for place, line in broad_handler_places(source):
        if place not in allowed:
            yield Finding(line, "catches everything; name the errors that it can act upon")


def broad_handler_places(source: Source) -> Iterator[tuple[str, int]]:
    """Yield `path::function` and line of whatever catches or silences every exception."""
    for name, function in [("<module>", source.tree), *_functions(source.tree)]:
        for node in _own_nodes(function):
            if any(_is_broad(caught) for caught in _caught(node)):
                yield f"{source.path}::{name}", line_of(node)


def floats_of_money(source: Source) -> Iterator[Finding]:
    """Orders and money are integers and decimals from end to end."""
    if not source.path.startswith("engine/execution/"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and dotted(node.func) == "float":
            yield Finding(node.lineno, "float() loses digits; stay with int and Decimal")


def dead_modules(files: Iterable[Source], entries: Iterable[str]) -> list[str]:
    """Return the paths of modules that no entry reaches by imports, however indirectly.

    A text that spells a module's name, with or without `:attribute`, counts as an import: that is
    how registries and child processes name what they load late.
    """
    by_module = {file.module: file for file in files}
    waiting, reached = list(entries), set()
    while waiting:
        module = waiting.pop()
        if module in reached or module not in by_module:
            continue
        reached.add(module)
        waiting += [module.rpartition(".")[0], *_mentioned(by_module[module])]
    return [file.path for module, file in by_module.items() if module not in reached]


def has_behaviour(source: Source) -> bool:
    """Whether there is a function with a body to test; declarations alone have none."""
    return any(
        not isinstance(statement, ast.Expr)
        for _, function in _functions(source.tree)
        for statement in function.body
    )


def _functions(tree: ast.AST, outer: str = "") -> Iterator[tuple[str, Function]]:
    """Yield each function with its name as `Class.method` or `function.inner`."""
    for node in ast.iter_child_nodes(tree):
        name = outer
        if isinstance(node, Function | ast.ClassDef):
            name = f"{outer}.{node.name}".lstrip(".")
        if isinstance(node, Function):
            yield name, node
        yield from _functions(node, name)


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in this function or module, but not in the functions inside it."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, Function):
            yield node
            yield from _own_nodes(node)


def _caught(node: ast.AST) -> Sequence[ast.expr | None]:
    """Return what is caught here; None stands for a bare `except:`."""
    if isinstance(node, ast.ExceptHandler):
        return node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "suppress":
        return node.args
    return []


def _is_broad(caught: ast.expr | None) -> bool:
    return caught is None or dotted(caught).split(".")[-1] in ("BaseException", "Exception")


def _mentioned(source: Source) -> Iterator[str]:
    for _, name in imports(source.tree):
        yield name
        yield name.rpartition(".")[0]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.partition(":")[0]
            yield f"{node.value}.__main__"


def _tokens(source: Source) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(source.text).readline)
