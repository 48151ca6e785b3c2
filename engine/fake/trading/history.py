"""Values as they are and as they lately were: what a lagging replica answers from."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

from engine.model.numbers import NS_PER_S

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED_NS: Final = 120 * NS_PER_S
"""Replicas lag by less; what was before is let go."""


class History(Generic[K, V]):
    """Values by key, each with the moments at which it changed.

    Args:
        is_over: Whether a value will never change again.
    """

    def __init__(self, is_over: Callable[[V], bool]) -> None:
        self._is_over = is_over
        self._versions: dict[K, list[tuple[int, V]]] = {}
        self._recent: dict[K, None] = {}

    def put(self, key: K, value: V, now_ns: int) -> None:
        """Note a value from now on."""
        versions = self._versions.setdefault(key, [])
        while len(versions) > 1 and versions[1][0] < now_ns - REMEMBERED_NS:
            del versions[0]
        # The venue's clock may step back; the order of events does not.
        versions.append((max(now_ns, versions[-1][0] if versions else now_ns), value))
        self._recent[key] = None

    def get(self, key: K) -> V | None:
        """Return the newest value."""
        versions = self._versions.get(key)
        return versions[-1][1] if versions else None

    def at(self, key: K, as_of_ns: int) -> V | None:
        """Return the value as it was at a moment; None where there was none."""
        return _version(self._versions.get(key, []), as_of_ns)

    def changed_ns(self, key: K, as_of_ns: int) -> int:
        """Return when a value had changed last, at a moment; 0 for what was never put."""
        versions = self._versions.get(key, [])
        index = bisect_right(versions, as_of_ns, key=lambda version: version[0])
        return versions[index - 1][0] if index else 0

    def recent(self, as_of_ns: int) -> Iterator[V]:
        """Iterate over what may not have been over at a moment, oldest key first."""
        for key in list(self._recent):
            versions = self._versions[key]
            changed_ns, newest = versions[-1]
            if self._is_over(newest) and changed_ns < as_of_ns - REMEMBERED_NS:
                del self._recent[key]
            value = _version(versions, as_of_ns)
            if value is not None:
                yield value

    def all_at(self, as_of_ns: int) -> Iterator[V]:
        """Iterate over everything that there was at a moment, oldest key first."""
        for versions in self._versions.values():
            value = _version(versions, as_of_ns)
            if value is not None:
                yield value

    def newest(self) -> Iterator[V]:
        """Iterate over the newest value of every key, oldest key first."""
        for versions in self._versions.values():
            yield versions[-1][1]


def _version(versions: list[tuple[int, V]], as_of_ns: int) -> V | None:
    index = bisect_right(versions, as_of_ns, key=lambda version: version[0])
    return versions[index - 1][1] if index else None
