"""Binance's subscriptions: the streams of an instrument, their connections, and the words."""

from collections.abc import Sequence
from typing import Final

import msgspec

from engine.model.instrument import InstrumentId, symbol_of
from engine.model.market import StreamClass
from engine.venues.base import Control, SocketPlan, Stream

STREAMS_PER_SOCKET: Final = 200

_Kinds = dict[str, StreamClass]

_SPOT: Final[_Kinds] = {
    "trade": "trade",
    "depth@100ms": "book",
    "bookTicker": "quote",
    "kline_1m": "candle",
}
_PUBLIC: Final[_Kinds] = {"depth@100ms": "book", "bookTicker": "quote", "trade": "trade"}
_MARKET: Final[_Kinds] = {"aggTrade": "trade", "kline_1m": "candle", "markPrice@1s": "mark"}


class _Answer(msgspec.Struct):
    """Answer to SUBSCRIBE or UNSUBSCRIBE; a frame of a stream has no id."""

    id: int = 0


class Conversation:
    """Numbers what is asked for on all connections, so that each answer is told from the others."""

    def __init__(self) -> None:
        self._last_id = 0

    def control(self, method: str, streams: Sequence[Stream]) -> Control:
        """Return one message about these streams."""
        self._last_id += 1
        names = [stream.name for stream in streams]
        message = {"method": method, "params": names, "id": self._last_id}
        return Control(msgspec.json.encode(message).decode(), (str(self._last_id),))


def plans(venue: str, base: str, instruments: Sequence[InstrumentId]) -> tuple[SocketPlan, ...]:
    """Return connections of at most 200 streams: futures keep books apart from the rest."""
    if venue == "binance":
        return _spread("stream", f"{base}/stream", instruments, _SPOT)
    return (
        *_spread("public", f"{base}/public/stream", instruments, _PUBLIC),
        *_spread("market", f"{base}/market/stream", instruments, _MARKET),
    )


def acknowledged(frame: str | bytes) -> str:
    """Return the number of the message that a frame answers; nothing where it answers none."""
    begins = frame[:10] if isinstance(frame, str) else frame[:10].decode("ascii", "replace")
    if begins.startswith('{"stream"'):
        return ""
    try:
        answer = msgspec.json.decode(frame, type=_Answer)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    return str(answer.id) if answer.id else ""


def _spread(
    name: str, url: str, instruments: Sequence[InstrumentId], kinds: _Kinds
) -> tuple[SocketPlan, ...]:
    """Spread streams over connections: a refused one takes all of its connection along."""
    streams = [
        Stream(f"{symbol_of(instrument_id).lower()}@{kind}", stream_class, instrument_id)
        for instrument_id in instruments
        for kind, stream_class in kinds.items()
    ]
    return tuple(
        SocketPlan(
            name if at == 0 else f"{name}{at // STREAMS_PER_SOCKET + 1}",
            url,
            streams=tuple(streams[at : at + STREAMS_PER_SOCKET]),
        )
        for at in range(0, len(streams), STREAMS_PER_SOCKET)
    )
