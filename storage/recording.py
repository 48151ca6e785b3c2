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
from typing import BinaryIO, Final

import msgspec
import zstandard

from engine.model.errors import RecordingError
from engine.model.numbers import NS_PER_S

LINE_MAX: Final = 32 * 1024 * 1024
"""Bytes of one line; exchange-wide metadata is the longest, at a few megabytes."""

_TS_NS_MAX: Final = 2**63
_TS_S_MAX: Final = Decimal(_TS_NS_MAX // NS_PER_S)

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

    The counts are those of the newest iteration.

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
        self.damaged_lines = 0
        self.is_torn = False
        good = 0
        number = 0
        with _open(self.path) as stream:
            for number, text in enumerate(self._lines(stream), start=1):
                frame = self._frame(number, text)
                if frame is None:
                    self._count_unreadable(text)
                    continue
                good += 1
                yield frame
        if good == 0:
            is_empty = number == 0 and not self.is_torn
            problem = "is empty" if is_empty else "holds no captured frame"
            raise RecordingError(f"{self.path}: the capture {problem}")

    def _lines(self, stream: io.BufferedIOBase) -> Iterator[bytes]:
        """Iterate over the lines; of one that is too long, only the beginning."""
        while True:
            try:
                text = piece = stream.readline(LINE_MAX)
                while len(piece) == LINE_MAX and not piece.endswith(b"\n"):
                    piece = stream.readline(LINE_MAX)
            except (EOFError, OSError, zlib.error, zstandard.ZstdError):
                self.is_torn = True
                return
            if not text:
                return
            yield text

    def _count_unreadable(self, text: bytes) -> None:
        """Only the last line can lack its end; unreadable as well, it is where the writer died."""
        if text.endswith(b"\n") or len(text) == LINE_MAX:
            self.damaged_lines += 1
        else:
            self.is_torn = True

    def _frame(self, number: int, text: bytes) -> CapturedFrame | None:
        try:
            line = self._decoder.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        ts_ns = _ts_ns(line)
        if ts_ns is None:
            return None
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


def _ts_ns(line: _Line) -> int | None:
    """Return the receive time, or None if there is none that a clock could have shown."""
    if line.recv_ns is not None:
        return line.recv_ns if 0 <= line.recv_ns < _TS_NS_MAX else None
    seconds = line.recv_ts
    if seconds is None or not seconds.is_finite() or not 0 <= seconds < _TS_S_MAX:
        return None
    return int(seconds * NS_PER_S)


class _ZstdFrames(io.RawIOBase):
    """What zstd frames hold, one after the other; an end within a frame is an `EOFError`."""

    CHUNK: Final = 1_024
    """Compressed bytes taken at once. Four may stand for 128 KiB, so that few are prudent."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._compressed = b""
        self._plain = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what BufferedReader hands over
        while not self._plain:
            if not self._advance():
                return 0
        count = min(len(buffer), len(self._plain))
        buffer[:count] = self._plain[:count]
        self._plain = self._plain[count:]
        return count

    def close(self) -> None:
        self._file.close()
        super().close()

    def _advance(self) -> bool:
        """Decompress a little more; False at the end of the file."""
        compressed = self._compressed or self._file.read(self.CHUNK)
        if not compressed:
            if self._frame is not None:
                raise EOFError("the file ends within a zstd frame")
            return False
        frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
        self._plain = memoryview(frame.decompress(compressed))
        self._frame, self._compressed = (None, frame.unused_data) if frame.eof else (frame, b"")
        return True


def _open(path: Path) -> io.BufferedIOBase:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        if magic[:2] == _GZIP_MAGIC:
            return gzip.open(path, "rb")
        if magic == _ZSTD_MAGIC:
            return io.BufferedReader(_ZstdFrames(path.open("rb")))
        return path.open("rb")
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error
