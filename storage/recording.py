"""Reading of capture files: one raw frame of a venue per line, JSON Lines, gzip, zstd or plain.

A torn tail (the writer died) ends the reading at the last whole line; a damaged line costs that
line. Both are counted, so that the reader's user can say so. The writer of recordings is not here.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec
import zstandard

from engine.model.errors import RecordingError
from engine.model.numbers import NS_PER_S

LINE_MAX: Final = 32 * 1024 * 1024
"""Bytes of one line; exchange-wide metadata is the longest, at a few megabytes."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"


class _Line(msgspec.Struct, gc=False):
    venue: str
    transport: str
    raw: str
    recv_ts: Decimal | None = None
    recv_ns: int | None = None
    dir: str = ""
    url: str = ""


class CapturedFrame(msgspec.Struct, frozen=True, gc=False):
    """One line of a capture: what was received, when, and where from."""

    line: int
    """Number of the line in the file, from 1."""
    ts_ns: int
    venue: str
    transport: str
    """`ws` or `http`."""
    direction: str
    """Of websocket lines: `in`, `out` or `open`."""
    url: str
    raw: str
    recv_ts: Decimal | None = None
    """Receive time in seconds as the recorder wrote it."""


class CaptureReader:
    """Iterates over one capture file and counts what it could not read.

    Args:
        path: The file; its compression is told by its first bytes.

    Raises:
        RecordingError: There is no such file, or it is empty, or no line of it is a captured
            frame.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged_lines = 0
        self.is_torn = False
        self._decoder = msgspec.json.Decoder(_Line)

    def __iter__(self) -> Iterator[CapturedFrame]:
        good = 0
        number = 0
        with _open(self.path) as stream:
            for number, text in enumerate(self._lines(stream), start=1):
                frame = self._frame(number, text)
                if frame is None:
                    self.damaged_lines += 1
                    continue
                good += 1
                yield frame
        if good == 0:
            problem = "is empty" if number == 0 else "holds no captured frame"
            raise RecordingError(f"{self.path}: the capture {problem}")

    def _lines(self, stream: io.BufferedIOBase) -> Iterator[bytes]:
        while True:
            try:
                text = stream.readline(LINE_MAX)
            except (EOFError, OSError, zlib.error, zstandard.ZstdError):
                self.is_torn = True
                return
            if not text:
                return
            yield text

    def _frame(self, number: int, text: bytes) -> CapturedFrame | None:
        try:
            line = self._decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        ts_ns = line.recv_ns
        if ts_ns is None:
            if line.recv_ts is None:
                return None
            ts_ns = int(line.recv_ts * NS_PER_S)
        return CapturedFrame(
            number,
            ts_ns,
            line.venue,
            line.transport,
            line.dir,
            line.url,
            line.raw,
            line.recv_ts,
        )


def _open(path: Path) -> io.BufferedIOBase:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        if magic[:2] == _GZIP_MAGIC:
            return gzip.open(path, "rb")
        if magic == _ZSTD_MAGIC:
            raw = zstandard.ZstdDecompressor().stream_reader(
                path.open("rb"), read_across_frames=True, closefd=True
            )
            return io.BufferedReader(raw)
        return path.open("rb")
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error
