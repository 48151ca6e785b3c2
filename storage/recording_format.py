"""The lines of a recording and the blocks that hold them; pure, no file is touched here.

A file is a row of zstd frames, each with its content checksum and each a block of whole lines, so
that `zstdcat` reads it. A line is JSON in the form of captures, `transport` says which kind:

    ws    one message of a socket, as it came
    http  one answer to a request, with the request
    call  what else was asked of the decoder: which instruments, or how far the simulated market
    mark  which events were taken from the inbox, digests, holes, the beginning of run and file

Frames, calls and marks of a run are numbered from 1 by `line`, so that whatever is missing shows.
The decoder of a venue is a pure machine, and the first three kinds are all of its inputs in their
order; a mark names an event as the n-th of what one of those lines gave, or carries it whole where
a shell made it.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import msgspec
import zstandard

from engine.model.envelope import Event

SCHEMA: Final = 1

REACH_LINES: Final = 50_000
"""A mark names no event of a line further back; what waited longer it carries whole."""

BLOCK_LINES: Final = 1_000
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
ZSTD_LEVEL: Final = 3

Encoding = Literal["text", "bytes", "base64"]
"""Of `raw`: a text as it came, bytes that are UTF-8, or other bytes."""


class SocketFrame(msgspec.Struct, frozen=True, gc=False, tag="ws", tag_field="transport"):
    """A message of a socket."""

    line: int
    recv_ns: int
    venue: str
    raw: str
    encoding: Encoding
    dir: Literal["in"] = "in"


class Answer(msgspec.Struct, frozen=True, tag="http", tag_field="transport"):
    """An answer to a request; `request` is what was asked, in the words of the venue's wire."""

    line: int
    recv_ns: int
    venue: str
    url: str
    status: int
    request: msgspec.Raw
    raw: str
    encoding: Encoding


class Call(msgspec.Struct, frozen=True, gc=False, tag="call", tag_field="transport"):
    """A call of the decoder that no frame stands for."""

    line: int
    recv_ns: int
    venue: str
    call: Literal["choose", "open", "advance", "snapshot"]
    arguments: tuple[int | float | str | tuple[str, ...], ...]
    raw: str = ""


class Made(msgspec.Struct, frozen=True, gc=False):
    """An event that no line gave: of a timer, an operator, a gateway, a shell."""

    passed_ns: int
    """Engine time since the event before it in the mark, or since the mark's own time."""
    event: Event


Place = tuple[int, int, int, int]
"""Events of one line: how many lines before the mark it is, the first event, how many of them, and
the engine time passed as in `Made`."""

TakenItem = str | Place | Made
"""A text is the source of the events behind it."""


class Taken(msgspec.Struct, frozen=True, tag="taken"):
    """Events that the kernel handled, in order; the first had number `seq`."""

    seq: int
    items: list[TakenItem]


class Digest(msgspec.Struct, frozen=True, tag="digest"):
    """Hash of the kernel's whole state after event `seq`."""

    seq: int
    digest: str
    is_end: bool = False
    """Whether the run ended here in good order."""


class Hole(msgspec.Struct, frozen=True, tag="hole"):
    """So many lines before this one were lost, and why."""

    lost: int
    reason: str


class FileBegan(msgspec.Struct, frozen=True, tag="file"):
    """First line of every file; the line's number is that of the next one."""

    schema: int
    part: int
    """Of the run, from 0."""


class RunBegan(msgspec.Struct, frozen=True, tag="run"):
    """What a run began with; first numbered line of it."""

    version: str
    mode: str
    journal: str
    """Name of the run's journal, whose first checkpoint is the ledger; empty if it has none."""
    ledger_digest: str
    setup: msgspec.Raw
    """What the kernel was set up with, in its own words."""
    notices: msgspec.Raw


class Mark(msgspec.Struct, frozen=True, tag="mark", tag_field="transport"):
    """A line that nobody sent us; of the run that wrote it and of no other."""

    line: int
    recv_ns: int
    venue: str
    run: str
    mark: Taken | Digest | Hole | FileBegan | RunBegan
    raw: str = ""


Frame = SocketFrame | Answer | Call
Line = Frame | Mark

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Line)


class Block(NamedTuple):
    """One block as it lies in its file."""

    begin: int
    end: int
    """Offset of the first byte behind it."""
    text: bytes


def encode_block(lines: Sequence[Line]) -> bytes:
    """Return the bytes of a block."""
    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
    return compressor.compress(_encoder.encode_lines(lines))


def decode_lines(text: bytes) -> Iterator[Line]:
    """Iterate over the lines of a block.

    Raises:
        msgspec.DecodeError: A line is none that this version knows.
    """
    for line in text.split(b"\n"):
        if line:
            yield _decoder.decode(line)


def events_in(taken: Taken) -> int:
    """Return how many events a mark names."""
    return sum(
        item[2] if isinstance(item, tuple) else 1
        for item in taken.items
        if not isinstance(item, str)
    )


def raw_text(raw: str | bytes) -> tuple[str, Encoding]:
    """Return a message as a text that JSON can hold, and how to get it back."""
    if isinstance(raw, str):
        return raw, "text"
    try:
        return raw.decode(), "bytes"
    except UnicodeDecodeError:
        return b64encode(raw).decode(), "base64"


def raw_of(text: str, encoding: Encoding) -> str | bytes:
    """Return the message that `raw_text` was given."""
    if encoding == "text":
        return text
    return text.encode() if encoding == "bytes" else b64decode(text)
