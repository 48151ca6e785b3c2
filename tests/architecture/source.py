"""The project's own Python files, as the architecture tests read them."""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]

SHIPPED = ("cockpit", "engine", "storage")
EVERYTHING = (*SHIPPED, "bench", "tests")

PURE = (
    "engine/detection",
    "engine/execution",
    "engine/ingest",
    "engine/kernel",
    "engine/model",
    "engine/strategy",
    "engine/venues",
)
SHELLS = ("engine/fake", "engine/kill", "engine/research", "engine/runtime")


@dataclass(frozen=True)
class Source:
    """One file: its path from the repository's root, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """What Python understands of it."""
        return ast.parse(self.text, self.path)

    @cached_property
    def lines(self) -> list[str]:
        """What a person sees of it."""
        return self.text.splitlines()

    @property
    def module(self) -> str:
        """The name under which Python imports it."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


class Finding(NamedTuple):
    """One breach of a rule: where it is and how to mend it."""

    line: int
    problem: str


Check = Callable[[Source], Iterator[Finding]]


@cache
def sources(*places: str) -> tuple[Source, ...]:
    """Return the files at these places, which are folders or files from the root, in order."""
    return tuple(
        Source(path.relative_to(REPOSITORY).as_posix(), path.read_text("utf-8"))
        for place in places
        for path in _files(REPOSITORY / place)
    )


def breaches(check: Check, files: Iterable[Source]) -> list[str]:
    """Return what a check finds, as lines a person can click on."""
    return [f"{file.path}:{line}: {problem}" for file in files for line, problem in check(file)]


def line_of(node: ast.AST) -> int:
    """Return the line of a node of any kind; a module and its like stand on the first."""
    return getattr(node, "lineno", 1)


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` of a name or a chain of attributes, and nothing of anything else."""
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(value, attribute):
            before = dotted(value)
            return f"{before}.{attribute}" if before else ""
        case _:
            return ""


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of every import, wherever it stands.

    `from a import b` yields `a.b`, because `b` may be a module.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("*.py"))
