"""Finds loops over sets: their order differs between processes, and decisions with it.

A set is known by how it is written (`{1, 2}`, `set(...)`, `a.keys() & b.keys()`), by a name that
was given one in the same function or module, or by an attribute that is declared as one anywhere
in the pure packages. Asking a set (`in`, `len`) and sorting it are fine.
"""

import ast
from collections.abc import Iterable, Iterator

from tests.architecture.source import Check, Finding, Source, dotted, line_of

ORDER_FREE = {"all", "any", "frozenset", "len", "max", "min", "set", "sorted"}
"""Calls whose answer is the same in whatever order they see the items."""

FIRST_WINS = {"max", "min"}
"""With a key, the first of several equals is the answer. (A key of `sorted` has to be total.)"""

ORDERED = {
    "deque",
    "enumerate",
    "extend",
    "filter",
    "fromkeys",
    "iter",
    "join",
    "list",
    "map",
    "sum",
    "tuple",
    "zip",
}

SET_TYPES = {"AbstractSet", "FrozenSet", "MutableSet", "Set", "frozenset", "set"}
SET_MAKERS = {"difference", "frozenset", "intersection", "set", "symmetric_difference", "union"}

MEND = "loops over a set, whose order differs between processes: use sorted(), a tuple or a dict"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def set_attributes(files: Iterable[Source]) -> frozenset[str]:
    """Return the attributes, as `.name`, declared as sets in these files and as nothing else.

    `self.dirty: set[str] = set()` and a field `dirty: frozenset[str]` both declare one.
    """
    sets: set[str] = set()
    others: set[str] = set()
    for source in files:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.AnnAssign):
                name = f".{dotted(node.target).split('.')[-1]}"
                (sets if _is_set_type(node.annotation) else others).add(name)
    return frozenset(sets - others)


def set_iteration(attributes: frozenset[str]) -> Check:
    """Return the check, given the attributes that are known to be sets."""

    def check(source: Source) -> Iterator[Finding]:
        yield from _loops_over_sets(source.tree, attributes)

    return check


def _loops_over_sets(scope: ast.Module | Function, outer: frozenset[str]) -> Iterator[Finding]:
    nodes = list(_nodes_of(scope))
    known = outer | _names_of_sets(nodes)
    order_free = _order_free(nodes)
    for node in nodes:
        if node not in order_free and any(_is_set(value, known) for value in _looped_over(node)):
            yield Finding(line_of(node), MEND)
    for node in nodes:
        if isinstance(node, Function):
            yield from _loops_over_sets(node, known)


def _nodes_of(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of this scope, and the functions in it but not what is inside them."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, Function):
            yield from _nodes_of(node)


def _names_of_sets(nodes: list[ast.AST]) -> frozenset[str]:
    names = set()
    for node in nodes:
        match node:
            case ast.arg(name, annotation) if annotation and _is_set_type(annotation):
                names.add(name)
            case ast.AnnAssign(ast.Name(name), annotation) if _is_set_type(annotation):
                names.add(name)
            case ast.Assign([ast.Name(name)], value) if _is_set(value, frozenset()):
                names.add(name)
    return frozenset(names)


def _order_free(nodes: list[ast.AST]) -> set[ast.AST]:
    """Return the comprehensions that are consumed without regard to order."""
    return {
        argument
        for node in nodes
        if isinstance(node, ast.Call) and _called(node) in ORDER_FREE and not _is_first_wins(node)
        for argument in node.args
    }


def _looped_over(node: ast.AST) -> list[ast.expr]:
    """Return what this node goes through, item by item, in an order that can show."""
    match node:
        case (
            ast.For(iter=looped)
            | ast.AsyncFor(iter=looped)
            | ast.Starred(looped)
            | ast.YieldFrom(looped)
            | ast.Assign([ast.Tuple() | ast.List()], looped)
            | ast.Call(ast.Attribute(looped, "pop"), args=[])
        ):
            return [looped]
        case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
            return [generator.iter for generator in node.generators]
        case ast.Call() if _called(node) in ORDERED or _is_first_wins(node):
            return node.args
        case _:
            return []


def _is_first_wins(call: ast.Call) -> bool:
    return _called(call) in FIRST_WINS and any(word.arg == "key" for word in call.keywords)


def _is_set(value: ast.expr, known: frozenset[str]) -> bool:
    match value:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Name(name):
            return name in known
        case ast.Attribute(_, name):
            return f".{name}" in known
        case ast.Call():
            return _called(value) in SET_MAKERS
        case ast.BinOp(left, ast.BitAnd() | ast.BitOr() | ast.BitXor() | ast.Sub(), right):
            return any(_is_set(side, known) or _is_key_view(side) for side in (left, right))
        case _:
            return isinstance(value, ast.IfExp) and any(
                _is_set(side, known) for side in (value.body, value.orelse)
            )


def _is_key_view(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and _called(value) == "keys"


def _is_set_type(annotation: ast.expr) -> bool:
    outermost = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return dotted(outermost).split(".")[-1] in SET_TYPES


def _called(call: ast.Call) -> str:
    """Return the last name of what is called; `", ".join` too, whose owner has no name."""
    match call.func:
        case ast.Name(name) | ast.Attribute(_, name):
            return name
        case _:
            return ""
