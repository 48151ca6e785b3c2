"""A terminal of the simplest kind: keeps what was written where, knows no colour."""

import re

SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>78cM]|\].*?(?:\x07|\x1b\\))")
MOVE = re.compile(rb"\x1b\[(\d+);(\d+)H")


class Terminal:
    """Cells of a terminal, fed with the bytes that a program writes."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.cells = [[" "] * width for _ in range(height)]
        self.modes: dict[bytes, bool] = {}
        self._x = self._y = 0
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take in what was written; an unfinished sequence waits for its end."""
        data = self._rest + data
        cut = data.rfind(b"\x1b")
        if cut >= 0 and SEQUENCE.match(data, cut) is None:
            data, self._rest = data[:cut], data[cut:]
        else:
            data, self._rest = self._whole_characters(data)
        at = 0
        for found in SEQUENCE.finditer(data):
            self._put(data[at : found.start()])
            self._obey(found.group())
            at = found.end()
        self._put(data[at:])

    def text(self) -> str:
        """Return what can be read."""
        return "\n".join("".join(row) for row in self.cells)

    def _whole_characters(self, data: bytes) -> tuple[bytes, bytes]:
        for back in range(1, min(4, len(data)) + 1):
            lead = data[-back]
            if lead >= 0xC0:
                needed = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
                return (data, b"") if back >= needed else (data[:-back], data[-back:])
            if lead < 0x80:
                break
        return data, b""

    def _obey(self, sequence: bytes) -> None:
        if found := MOVE.fullmatch(sequence):
            self._y, self._x = int(found[1]) - 1, int(found[2]) - 1
        elif sequence == b"\x1b[H":
            self._x = self._y = 0
        elif sequence.startswith(b"\x1b[?") and sequence[-1:] in (b"h", b"l"):
            self.modes[sequence[3:-1]] = sequence.endswith(b"h")

    def _put(self, data: bytes) -> None:
        for character in data.decode("utf-8"):
            if character == "\n":
                self._x, self._y = 0, self._y + 1
            elif character == "\r":
                self._x = 0
            elif 0 <= self._y < len(self.cells) and self._x < self.width:
                self.cells[self._y][self._x] = character
                self._x += 1
