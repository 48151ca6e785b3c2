"""Small changes of a program that a good test must notice: one per mutant.

A site is a place in the syntax tree where one change is possible; sites are numbered in the order
in which the tree is walked, so that a file and a number name a mutant for as long as the file is
the same. Left alone is what no test should be bound to: words, logs, assertions, annotations.
"""

import ast
from typing import Final, NamedTuple

COMPARES: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
}
NAMES: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
SPEAKERS: Final = frozenset({"logger", "say"})
"""What they say is for people."""


class Change(NamedTuple):
    """One change: where, and what becomes of what."""

    line: int
    was: str
    becomes: str


class _Changer(ast.NodeTransformer):
    """Walks a tree and changes the site of one number, or none."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.sites = 0
        self.change: Change | None = None

    def _at(self, node: ast.expr | ast.stmt, other: ast.AST) -> ast.AST:
        """Count a site; return what stands there from now on."""
        self.sites += 1
        if self.sites - 1 != self._wanted:
            return node
        self.change = Change(node.lineno, ast.unparse(node), ast.unparse(other))
        return ast.copy_location(other, node)

    # What is left alone.

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._body(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._body(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._body(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return node

    # What is changed.

    def _body(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> ast.AST:
        """Change a body alone: decorators, arguments and their types stay as they are."""
        if node.name != "__repr__":
            node.body = [self.visit(statement) for statement in node.body]
        return node

    def _gone(self, node: ast.stmt) -> ast.AST:
        """Change a statement to none, or what is within it."""
        gone = self._at(node, ast.Pass())
        return gone if gone is not node else self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(call, ast.Call):
            return node if _speaks(call) else self._gone(node)
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """A name that is not there would be noticed by anyone; a state that stays would not."""
        is_state = isinstance(node.targets[0], ast.Attribute | ast.Subscript)
        return self._gone(node) if is_state else self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return self._gone(node)

    def visit_If(self, node: ast.If) -> ast.AST:
        negated = ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        self.sites += 1
        if self.sites - 1 == self._wanted:
            told = ast.unparse(node.test)
            self.change = Change(node.lineno, f"if {told}", f"if not ({told})")
            return ast.copy_location(negated, node)
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        found = self._at(node, ast.IfExp(node.test, node.orelse, node.body))
        return found if found is not node else self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        other = COMPARES.get(type(node.ops[0]))
        if other is not None:
            swapped = ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators)
            found = self._at(node, swapped)
            if found is not node:
                return found
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        swapped = ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        found = self._at(node, swapped)
        return found if found is not node else self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.op, ast.Not | ast.USub):
            found = self._at(node, node.operand)
            if found is not node:
                return found
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        other = OPERATORS.get(type(node.op))
        if other is not None and not _is_text(node):
            found = self._at(node, ast.BinOp(node.left, other(), node.right))
            if found is not node:
                return found
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, bool):
            return self._at(node, ast.Constant(not node.value))
        if isinstance(node.value, int):
            return self._at(node, ast.Constant(node.value + 1))
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if _speaks(node):
            return node
        if isinstance(node.func, ast.Name) and node.func.id in NAMES:
            other = ast.Name(NAMES[node.func.id], ast.Load())
            found = self._at(node, ast.Call(other, node.args, node.keywords))
            if found is not node:
                return found
        return self.generic_visit(node)


def count(source: str) -> int:
    """Return how many changes a program has room for."""
    changer = _Changer(-1)
    changer.visit(ast.parse(source))
    return changer.sites


def changed(source: str, number: int) -> tuple[ast.Module, Change]:
    """Return a program with the change of a number, from 0."""
    changer = _Changer(number)
    tree = changer.visit(ast.parse(source))
    assert changer.change is not None, f"there are {changer.sites} changes only"
    return ast.fix_missing_locations(tree), changer.change


def _speaks(node: ast.Call) -> bool:
    """Whether a call only tells people something."""
    func: ast.expr = node
    while isinstance(func, ast.Attribute | ast.Call):
        func = func.value if isinstance(func, ast.Attribute) else func.func
    return isinstance(func, ast.Name) and func.id in SPEAKERS


def _is_text(node: ast.BinOp) -> bool:
    """Whether an operation joins words."""
    return any(
        isinstance(side, ast.JoinedStr)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )
