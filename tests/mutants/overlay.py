"""A pytest plugin that puts a mutant in the place of a module: `MUTANT=path:number`.

The module's file stays as it is; whoever imports it gets the changed program.
"""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

from tests.mutants.changes import changed

ROOT: Final = Path(__file__).parents[2]
VARIABLE: Final = "MUTANT"


class _Mutant(SourceLoader):
    def __init__(self, path: Path, number: int) -> None:
        self._path = path
        self._number = number

    def get_filename(self, fullname: str) -> str:
        """Return where the unchanged program is."""
        return str(self._path)

    def get_data(self, path: str | bytes) -> bytes:
        """Return the unchanged program."""
        return Path(os.fsdecode(path)).read_bytes()

    def get_code(self, fullname: str) -> CodeType:
        """Return the changed one; nothing of it is cached."""
        tree, _ = changed(self._path.read_text("utf-8"), self._number)
        return compile(tree, str(self._path), "exec")


class _Finder(MetaPathFinder):
    def __init__(self, name: str, loader: _Mutant) -> None:
        self._name = name
        self._loader = loader

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the mutant in place of its module."""
        return spec_from_loader(fullname, self._loader) if fullname == self._name else None


def _install(named: str) -> None:
    path, _, number = named.rpartition(":")
    name = path.removesuffix(".py").replace("/", ".")
    assert name not in sys.modules, f"{name} is imported already"
    sys.meta_path.insert(0, _Finder(name, _Mutant(ROOT / path, int(number))))


if VARIABLE in os.environ:
    _install(os.environ[VARIABLE])
