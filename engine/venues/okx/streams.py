"""OKX's subscriptions: which channels an instrument has, on which connections, in which words."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from engine.model.instrument import InstrumentId, symbol_of
from engine.model.market import StreamClass
from engine.venues.base import Control, SocketPlan, Stream
from engine.venues.okx.payloads import Arg

INSTRUMENTS_PER_SOCKET: Final = {"public": 25, "business": 100}
"""The venue recommends fewer than 30 deep books per connection."""
ARGS_MAX: Final = 200
"""Of one request: a third of the 64 KB that it may have."""

PING: Final = "ping"
"""As text. The venue hangs up where for 30 s nothing was said."""
QUIET_S: Final = 90
"""A book without changes is confirmed about once a minute, and so is a candle."""

Channels = tuple[tuple[str, StreamClass], ...]

BOOKS: Final = "books"
PUBLIC: Final[Channels] = ((BOOKS, "book"), ("trades", "trade"), ("tickers", "quote"))
CONTRACT: Final[Channels] = (("mark-price", "mark"),)
PERPETUAL: Final[Channels] = (("mark-price", "mark"), ("funding-rate", "mark"))
BUSINESS: Final[Channels] = (("candle1m", "candle"), ("trades-all", "trade"))


def plans(base: str, instruments: Sequence[InstrumentId]) -> Iterator[SocketPlan]:
    """Iterate over connections: one kind for books and prices, one for candles and prints."""
    for kind, count in INSTRUMENTS_PER_SOCKET.items():
        for number, at in enumerate(range(0, len(instruments), count), start=1):
            streams = [
                Stream(f"{channel}:{symbol_of(key)}", stream_class, key)
                for key in instruments[at : at + count]
                for channel, stream_class in _channels(kind, symbol_of(key))
            ]
            name = kind if number == 1 else f"{kind}{number}"
            url = f"{base}/ws/v5/{kind}"
            yield SocketPlan(name, url, streams=tuple(streams), ping=PING, quiet_s=QUIET_S)


def controls(op: str, streams: Sequence[Stream]) -> tuple[Control, ...]:
    """Return the messages that subscribe or unsubscribe, and the words that confirm them."""
    parts = (streams[at : at + ARGS_MAX] for at in range(0, len(streams), ARGS_MAX))
    return tuple(
        Control(
            msgspec.json.encode({"op": op, "args": [_arg(one.name) for one in part]}).decode(),
            tuple(f"{op} {one.name}" for one in part),
        )
        for part in parts
    )


def name_of(arg: Arg) -> str:
    """Return the name of the stream that an `arg` stands for."""
    return f"{arg.channel}:{arg.instId}"


def _channels(kind: str, symbol: str) -> Channels:
    if kind == "business":
        return BUSINESS
    if symbol.endswith("-SWAP"):
        return PUBLIC + PERPETUAL
    return PUBLIC + CONTRACT if symbol.count("-") > 1 else PUBLIC


def _arg(name: str) -> Arg:
    channel, _, symbol = name.partition(":")
    return Arg(channel, symbol)
