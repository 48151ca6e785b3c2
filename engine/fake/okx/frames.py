"""OKX's messages as a capture holds them, read just far enough to play them again.

Written apart from the wire of `engine.venues`, so that the two can be judged by each other.
"""

from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

Row = list[str]
"""Price, size, an obsolete zero and the number of orders, in the venue's own texts."""


class Arg(msgspec.Struct, frozen=True, gc=False):
    """What a message or a subscription is about."""

    channel: str = ""
    instId: str = ""  # noqa: N815 - the venue's name

    @property
    def name(self) -> str:
        """Channel and instrument in one word, as faults name it."""
        return f"{self.channel}:{self.instId}"


class Push(msgspec.Struct, frozen=True, gc=False):
    """A message that was pushed."""

    arg: Arg
    data: msgspec.Raw
    action: str = ""


class Book(msgspec.Struct, gc=False):
    """Data of `books`; old recordings have no ids, new ones a checksum of 0."""

    asks: list[Row]
    bids: list[Row]
    ts: str
    checksum: int | None = None
    prevSeqId: int | None = None  # noqa: N815 - the venue's name
    seqId: int | None = None  # noqa: N815


class Print(msgspec.Struct, gc=False):
    """Data of `trades`."""

    instId: str  # noqa: N815 - the venue's name
    tradeId: str  # noqa: N815
    px: str
    sz: str
    side: str
    ts: str


class Ticker(msgspec.Struct, gc=False):
    """Data of `tickers`."""

    instId: str  # noqa: N815 - the venue's name
    askPx: str  # noqa: N815
    askSz: str  # noqa: N815
    bidPx: str  # noqa: N815
    bidSz: str  # noqa: N815


books_decoder: Final = msgspec.json.Decoder(list[Book])
prints_decoder: Final = msgspec.json.Decoder(list[Print])
tickers_decoder: Final = msgspec.json.Decoder(list[Ticker])
candles_decoder: Final = msgspec.json.Decoder(list[list[str]])

_push: Final = msgspec.json.Decoder(Push)


def push_of(raw: str) -> Push | None:
    """Return a message of a channel, or None for anything else, such as an acknowledgement."""
    try:
        push = _push.decode(raw)
    except msgspec.DecodeError:
        return None
    return push if push.arg.channel else None


def read(decoder: msgspec.json.Decoder[list[T]], push: Push) -> list[T]:
    """Return the data of a message; nothing of a damaged one: it is played, but teaches nothing."""
    try:
        return decoder.decode(push.data)
    except msgspec.DecodeError:
        return []
