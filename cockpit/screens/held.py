"""The key that opened the command line: as long as it is held down, its repeats are no text."""

from cockpit.panes.ticket import REPEAT_NS


class HeldKey:
    """Tells repeats of one press from letters that are meant."""

    def __init__(self) -> None:
        self._last = ""
        self._key = ""
        self._ns = -REPEAT_NS

    def open(self, now_ns: int) -> None:
        """The line was opened by the key that was pressed last."""
        self._key, self._ns = self._last, now_ns

    def is_repeat(self, key: str, now_ns: int) -> bool:
        """Whether a key is still the press that opened the line; any other, or a pause, ends it."""
        if key == self._key and now_ns - self._ns < REPEAT_NS:
            self._ns = now_ns
            return True
        self._key, self._last = "", key
        return False
