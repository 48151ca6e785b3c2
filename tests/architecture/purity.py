"""Rules of the pure packages: the same inputs give the same decisions on any day and machine.

Each rule looks at one file and yields what breaks it. The rules find what is written plainly, not
what a determined author hides.
"""

import ast
from collections.abc import Iterator

from tests.architecture.source import Check, Finding, Source, dotted, imports, line_of

MARKER = "# pure:"
"""Excuses the line that it ends, if the reason why it is pure all the same follows."""

ELSEWHERE = {
    "asyncio": "waiting belongs to engine/runtime",
    "concurrent": "pure code has one thread",
    "datetime": "moments are integers of nanoseconds",
    "importlib": "what runs is written in the imports",
    "io": "pure code is handed bytes and text",
    "logging": "what people should know is an effect",
    "loguru": "what people should know is an effect",
    "multiprocessing": "pure code has one thread",
    "os": "settings arrive as values",
    "pathlib": "files belong to storage",
    "random": "engine.model.chance has a state that can be seen",
    "secrets": "engine.model.chance has a state that can be seen",
    "select": "sockets belong to engine/runtime",
    "selectors": "sockets belong to engine/runtime",
    "shutil": "files belong to storage",
    "signal": "signals belong to engine/runtime",
    "socket": "sockets belong to engine/runtime",
    "sqlite3": "stores belong to storage",
    "ssl": "sockets belong to engine/runtime",
    "subprocess": "pure code starts nothing",
    "tempfile": "files belong to storage",
    "threading": "pure code has one thread",
    "time": "the moment comes in the envelope",
    "uuid": "identifiers are made of boot id and counter",
}
"""What pure code may not import, and where it is to be had instead."""

AMBIENT_MODULES = ("random", "secrets", "threading", "time")

AMBIENT_NAMES = {
    "date.today": "ask the clock port",
    "datetime.now": "ask the clock port",
    "datetime.today": "ask the clock port",
    "getrandom": "ask the port of chance",
    "run_in_executor": "threads belong to engine/runtime",
    "to_thread": "threads belong to engine/runtime",
    "urandom": "ask the port of chance",
    "utcnow": "ask the clock port",
    "uuid1": "ask the port of identifiers",
    "uuid4": "ask the port of identifiers",
}

REACHING_CALLS = {
    "__import__": "what runs is written in the imports",
    "breakpoint": "pure code talks to nobody",
    "eval": "what runs is written in the source",
    "exec": "what runs is written in the source",
    "globals": "state lives in objects",
    "hash": "hashes of text differ between processes; order by the value",
    "id": "addresses differ between processes; order by the value",
    "input": "pure code talks to nobody",
    "open": "files belong to storage",
    "print": "pure code talks to nobody",
}

STATEFUL_MAKERS = {
    "Counter",
    "OrderedDict",
    "array",
    "bytearray",
    "count",
    "cycle",
    "defaultdict",
    "deque",
    "dict",
    "list",
    "set",
}

CHANGING_METHODS = {
    "add",
    "append",
    "appendleft",
    "clear",
    "discard",
    "extend",
    "insert",
    "pop",
    "popitem",
    "popleft",
    "remove",
    "reverse",
    "setdefault",
    "sort",
    "update",
}

APPROVAL_HOME = "engine/execution/risk.py"


def forbidden_imports(source: Source) -> Iterator[Finding]:
    """Nothing is imported that knows the time, the machine, chance or another task."""
    for line, module in imports(source.tree):
        reason = ELSEWHERE.get(module.partition(".")[0])
        if reason is not None:
            yield Finding(line, f"imports {module}: {reason}")


def reaching_calls(source: Source) -> Iterator[Finding]:
    """No built-in is called that reaches outside, or whose answer depends on the process."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and (name := dotted(node.func)) in REACHING_CALLS:
            yield Finding(node.lineno, f"calls {name}(): {REACHING_CALLS[name]}")


def async_code(source: Source) -> Iterator[Finding]:
    """Pure code runs to completion."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef):
            yield Finding(node.lineno, f"async def {node.name}: waiting belongs to engine/runtime")


def module_state(source: Source) -> Iterator[Finding]:
    """A module holds constants; what changes lives in an object that somebody owns.

    A table in capitals may be a plain dict or list as long as its module never changes it.
    """
    tables = set()
    for node in _module_statements(source.tree):
        name, value = _binding(node)
        if value is None or name == "__all__" or not _is_mutable(value):
            continue
        if name.isupper() and not _is_stateful(value):
            tables.add(name)
        else:
            yield Finding(node.lineno, f"{name} can change and is owned by nobody")
    for inner in ast.walk(source.tree):
        if isinstance(inner, ast.Global):
            yield Finding(inner.lineno, f"global {', '.join(inner.names)}: state needs an owner")
        elif (changed := _changed_name(inner)) in tables:
            yield Finding(line_of(inner), f"changes the table {changed}")


def ambient_access(source: Source) -> Iterator[Finding]:
    """Outside the runtime, the engine meets clock, chance and threads through ports only."""
    for line, module in imports(source.tree):
        if module.partition(".")[0] in AMBIENT_MODULES:
            yield Finding(line, f"imports {module}: only engine/runtime may")
        elif reason := _ambient_reason(module):
            yield Finding(line, f"imports {module}: {reason}")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and (reason := _ambient_reason(_tail(node))):
            yield Finding(node.lineno, f"reaches for {_tail(node)}: {reason}")


def approvals_made(source: Source) -> Iterator[Finding]:
    """Only the risk gate makes an ApprovedOrder."""
    if source.path == APPROVAL_HOME:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "ApprovedOrder":
            yield Finding(node.lineno, f"makes an ApprovedOrder; only {APPROVAL_HOME} may")


def excused(check: Check) -> Check:
    """Return the check without its findings on lines that carry the marker and a reason."""

    def unexcused(source: Source) -> Iterator[Finding]:
        for finding in check(source):
            if not source.lines[finding.line - 1].partition(MARKER)[2].strip():
                yield finding

    return unexcused


def _ambient_reason(name: str) -> str | None:
    last_two = ".".join(name.split(".")[-2:])
    return AMBIENT_NAMES.get(last_two) or AMBIENT_NAMES.get(last_two.rpartition(".")[2])


def _tail(node: ast.Attribute) -> str:
    """Return as much of `a.b.c` as is written in names: `c` of `a().c`."""
    return dotted(node) or node.attr


def _module_statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield what runs on import: the top level and the blocks in it, not functions and classes."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        statement = waiting.pop(0)
        yield statement
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            waiting += [n for n in ast.iter_child_nodes(statement) if isinstance(n, ast.stmt)]


def _binding(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    match statement:
        case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(ast.Name(name), _, value):
            return name, value
        case _:
            return "", None


def _is_mutable(value: ast.expr) -> bool:
    displays = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
    return isinstance(value, displays) or _is_stateful(value)


def _is_stateful(value: ast.expr) -> bool:
    """Whether it can only be meant to change: made empty, counting, or growing."""
    match value:
        case ast.Call(func):
            return dotted(func).split(".")[-1] in STATEFUL_MAKERS
        case ast.Dict(keys=[]) | ast.List(elts=[]):
            return True
        case _:
            return False


def _changed_name(node: ast.AST) -> str:
    """Return the name of the container that this node changes in place, if it does."""
    match node:
        case ast.Subscript(value=ast.Name(name), ctx=ast.Store() | ast.Del()):
            return name
        case ast.AugAssign(target=ast.Name(name)):
            return name
        case ast.Call(func=ast.Attribute(ast.Name(name), method)) if method in CHANGING_METHODS:
            return name
        case _:
            return ""
