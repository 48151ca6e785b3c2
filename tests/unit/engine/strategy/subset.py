"""The subset of Python in which `decide` is written, so that it compiles as it stands.

`strategy.md` §1.1 says what is in it. Here it is asked of the source; whether the types agree only
the compiler knows. Global names are looked up in the module itself: what counts is what they are.
"""

import ast
import inspect
import math
from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import NamedTuple

from engine.strategy.candle import enter, hold, leave, quote, reverse

MAKERS = (hold, leave, enter, reverse, quote)
BUILT_INS = (abs, min, max)
NUMBERS = (int, float, bool)
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
SIGNS = (ast.Not, ast.USub, ast.UAdd)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)


def subset_problems(module: ModuleType) -> list[str]:
    """Return what in `decide` and its helpers would not compile, as `line: problem`."""
    tree = ast.parse(inspect.getsource(module))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    helpers = getattr(module, "HELPERS", ())
    problems = []
    for function in (module.decide, *helpers):
        node = functions.get(function.__name__)
        if node is None:
            problems.append(f"1: {function.__name__} is not a function of this module")
        else:
            problems += _Reading(node, module, helpers).problems()
    return problems


class _Finding(NamedTuple):
    line: int
    problem: str


class _Reading:
    """One function, read once."""

    def __init__(
        self, function: ast.FunctionDef, module: ModuleType, helpers: tuple[FunctionType, ...]
    ) -> None:
        self._function = function
        self._module = module
        self._helpers = helpers
        self._found: list[_Finding] = []
        arguments = function.args.args
        self._tuples = [one.arg for one in arguments if not _is_number(one.annotation)]
        self._locals = [one.arg for one in arguments if _is_number(one.annotation)]
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._locals.append(node.id)

    def problems(self) -> list[str]:
        """Return what was found, in the order of the lines."""
        function = self._function
        body = function.body[1:] if ast.get_docstring(function) is not None else function.body
        self._signature()
        self._statements(body)
        if not _always_returns(body):
            self._find(function, f"{function.name} has a way to end without a return")
        return [f"{line}: {problem}" for line, problem in sorted(self._found)]

    def _find(self, node: ast.AST, problem: str) -> None:
        self._found.append(_Finding(getattr(node, "lineno", 0), problem))

    def _signature(self) -> None:
        function, arguments = self._function, self._function.args
        others = (arguments.vararg, arguments.kwarg, *arguments.kwonlyargs, *arguments.defaults)
        if function.decorator_list or any(others):
            self._find(function, f"{function.name} takes plain arguments and no decorator")
        names = [one.arg for one in arguments.args]
        if function.name == "decide" and names != ["row", "position", "params"]:
            self._find(function, "decide takes row, position and params")

    def _statements(self, nodes: Iterable[ast.stmt]) -> None:
        for node in nodes:
            self._statement(node)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Return(ast.expr() as value):
                self._returned(value)
            case (
                ast.Assign([ast.Name()], value)
                | ast.AnnAssign(ast.Name(), _, ast.expr() as value)
                | ast.AugAssign(ast.Name(), ast.operator(), value)
            ):
                if isinstance(node, ast.AugAssign) and not isinstance(node.op, OPERATORS):
                    self._find(node, f"{_said(node)} is no arithmetic")
                self._expression(value)
            case ast.If(test, body, orelse):
                self._expression(test)
                self._statements([*body, *orelse])
            case ast.For(ast.Name(), ast.Call(ast.Name("range"), bounds, []), body, []):
                self._expressions(bounds)
                self._statements(body)
            case ast.Pass() | ast.Break() | ast.Continue():
                return
            case _:
                self._find(node, f"{_said(node)} is not in the subset")

    def _returned(self, value: ast.expr) -> None:
        self._expression(value)
        if self._function.name == "decide" and not self._is_decision(value):
            self._find(value, f"returns {_said(value)}, which no maker made")

    def _is_decision(self, value: ast.expr) -> bool:
        match value:
            case ast.Call(ast.Name(name)):
                return self._global(name) in (*MAKERS, *self._helpers)
            case ast.IfExp(_, body, orelse):
                return self._is_decision(body) and self._is_decision(orelse)
            case _:
                return False

    def _expressions(self, nodes: Iterable[ast.expr]) -> None:
        for node in nodes:
            self._expression(node)

    def _expression(self, node: ast.expr) -> None:
        match node:
            case ast.Constant(value) if type(value) in NUMBERS:
                return
            case ast.Name(name):
                self._name(node, name)
            case ast.Attribute(ast.Name(owner), name):
                self._attribute(node, owner, name)
            case ast.Call():
                self._call(node)
            case ast.BoolOp(_, values):
                self._expressions(values)
            case ast.IfExp(test, body, orelse):
                self._expressions([test, body, orelse])
            case _:
                self._operation(node)

    def _operation(self, node: ast.expr) -> None:
        match node:
            case ast.BinOp(left, operator, right) if isinstance(operator, OPERATORS):
                self._expressions([left, right])
            case ast.UnaryOp(operator, operand) if isinstance(operator, SIGNS):
                self._expression(operand)
            case ast.Compare(left, operators, others) if all(
                isinstance(operator, COMPARISONS) for operator in operators
            ):
                self._expressions([left, *others])
            case _:
                self._find(node, f"{_said(node)} is not in the subset")

    def _name(self, node: ast.expr, name: str) -> None:
        if name in self._tuples:
            self._find(node, f"{name} is used as a whole; only a helper may be handed it")
        elif name not in self._locals and type(self._global(name)) not in NUMBERS:
            self._find(node, f"{name} is neither a local name nor a constant number")

    def _attribute(self, node: ast.expr, owner: str, name: str) -> None:
        is_constant = self._global(owner) is math and type(getattr(math, name, None)) is float
        if owner not in self._tuples and not is_constant:
            self._find(node, f"{owner}.{name} is neither a field of an argument nor of math")

    def _call(self, node: ast.Call) -> None:
        called = self._called(node.func)
        is_helper = called in self._helpers
        is_of_math = called is not None and called in vars(math).values()
        if not (is_helper or is_of_math or called in (*MAKERS, *BUILT_INS)):
            self._find(node, f"{_said(node.func)} is no maker, helper or function of math")
        if any(keyword.arg is None for keyword in node.keywords):
            self._find(node, "arguments are written out")
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            is_whole = isinstance(argument, ast.Name) and argument.id in self._tuples
            if not (is_helper and is_whole):
                self._expression(argument)

    def _called(self, function: ast.expr) -> object:
        match function:
            case ast.Name(name):
                return self._global(name)
            case ast.Attribute(ast.Name(owner), name) if self._global(owner) is math:
                return getattr(math, name, None)
            case _:
                return None

    def _global(self, name: str) -> object:
        if name in self._locals:
            return None
        built_in = next((one for one in BUILT_INS if one.__name__ == name), None)
        return getattr(self._module, name, built_in)


def _always_returns(body: list[ast.stmt]) -> bool:
    match body:
        case [*_, ast.Return()]:
            return True
        case [*_, ast.If(_, first, second)]:
            return _always_returns(first) and _always_returns(second)
        case _:
            return False


def _is_number(annotation: ast.expr | None) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id in ("int", "float", "bool")


def _said(node: ast.AST) -> str:
    """Return the beginning of what is written."""
    return f"`{ast.unparse(node).splitlines()[0][:60]}`"
