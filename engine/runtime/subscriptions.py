"""The desired state of one connection's subscriptions, and what is known of the actual one (R7).

An acknowledgement proves nothing (Binance confirms names that do not exist), silence alone proves
nothing either (nobody may trade). So three things are watched: that each message is acknowledged,
that each stream of a kind that is never long without news brings its first, and, by the kernel,
that a book does not stand still while its market moves.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from engine.ingest.health import LIMITS
from engine.model.envelope import Event
from engine.model.instrument import InstrumentId
from engine.model.market import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Candle,
    MarkPrice,
    StreamClass,
    Trade,
)
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.venues.base import Control, MarketWire, Stream

ACK_NS: Final = 5 * NS_PER_S
SPACING_NS: Final = 250 * NS_PER_MS
"""Between two messages on a connection: Binance spot closes one that gets more than 5 a second."""
SILENT_NS_MAX: Final = 300 * NS_PER_S

CLASSES: Final[dict[type[object], StreamClass]] = {
    BookDelta: "book",
    BookSnapshot: "book",
    BestQuote: "quote",
    Trade: "trade",
    Candle: "candle",
    MarkPrice: "mark",
}


class _Unheard:
    """A stream that has brought nothing since it was asked for."""

    __slots__ = ("due_ns", "stream", "wait_ns")

    def __init__(self, stream: Stream, wait_ns: int, now_ns: int) -> None:
        self.stream = stream
        self.wait_ns = wait_ns
        self.due_ns = now_ns + wait_ns


class Subscriptions:
    """What one open connection carries; made anew with each connection, so none is asked twice."""

    def __init__(self, wire: MarketWire) -> None:
        self._wire = wire
        self._carried: dict[str, Stream] = {}
        self._outgoing: deque[Control] = deque()
        self._renewed: set[str] = set()
        """Streams that are to be ended and begun again by messages that wait."""
        self._next_send_ns = 0
        self._awaited: dict[str, int] = {}
        """Words of acknowledgement and when they are overdue."""
        self._unheard: dict[tuple[StreamClass, InstrumentId], _Unheard] = {}

    @property
    def carried(self) -> tuple[Stream, ...]:
        """What was asked for and not ended."""
        return tuple(self._carried.values())

    @property
    def is_settled(self) -> bool:
        """Whether all was sent, and acknowledged where the venue does that."""
        return not self._outgoing and not self._awaited

    @property
    def awaits_words(self) -> bool:
        """Whether an acknowledgement is still to come."""
        return bool(self._awaited)

    @property
    def awaits_data(self) -> bool:
        """Whether a stream is still to bring its first news."""
        return bool(self._unheard)

    def want(self, streams: Sequence[Stream], now_ns: int) -> None:
        """Carry these and no others from now on; only the difference is sent."""
        wanted = {stream.name: stream for stream in streams}
        gone = [stream for name, stream in self._carried.items() if name not in wanted]
        new = [stream for name, stream in wanted.items() if name not in self._carried]
        self._carried = wanted
        for stream in gone:
            self._unheard.pop((stream.stream_class, stream.instrument_id), None)
        if gone:
            self._outgoing += self._wire.unsubscribe(gone)
        if new:
            self._outgoing += self._wire.subscribe(new)
            self._expect(new, now_ns)

    def renew(self, instrument_id: InstrumentId) -> None:
        """End and begin again what tells the book of an instrument."""
        self._again(
            [
                stream
                for stream in self._carried.values()
                if stream.instrument_id == instrument_id and stream.stream_class == "book"
            ]
        )

    def take_due(self, now_ns: int) -> str | None:
        """Return the message that is to be sent now."""
        if not self._outgoing or now_ns < self._next_send_ns:
            return None
        control = self._outgoing.popleft()
        if not self._outgoing:
            self._renewed.clear()
        self._next_send_ns = now_ns + SPACING_NS
        for word in control.awaited:
            self._awaited[word] = now_ns + ACK_NS
        return control.text

    def next_due_ns(self) -> int | None:
        """When there is something to send, or something is overdue."""
        dues = [self._next_send_ns] if self._outgoing else []
        dues += self._awaited.values()
        dues += [unheard.due_ns for unheard in self._unheard.values()]
        return min(dues, default=None)

    def acknowledge(self, word: str) -> None:
        """Note that the venue confirmed."""
        self._awaited.pop(word, None)

    def hear(self, events: Sequence[Event]) -> None:
        """Note which streams bring something."""
        for event in events:
            stream_class = CLASSES.get(type(event))
            if stream_class is not None:
                self._unheard.pop((stream_class, event.instrument_id), None)  # type: ignore[arg-type,union-attr]  # all of `CLASSES` have one

    def unconfirmed(self, now_ns: int) -> list[str]:
        """Return the words that did not come in time."""
        return [word for word, due_ns in self._awaited.items() if due_ns <= now_ns]

    def take_silent(self, now_ns: int) -> list[Stream]:
        """Return the streams that should have brought something, and ask for them again.

        Each waits twice as long for the next time.
        """
        late = [one for one in self._unheard.values() if one.due_ns <= now_ns]
        for one in late:
            one.wait_ns = min(2 * one.wait_ns, SILENT_NS_MAX)
            one.due_ns = now_ns + one.wait_ns
        silent = [one.stream for one in late]
        self._again(silent)
        return silent

    def _again(self, streams: Sequence[Stream]) -> None:
        """End and begin subscriptions, unless that waits to be sent already."""
        again = [stream for stream in streams if stream.name not in self._renewed]
        if again:
            self._renewed |= {stream.name for stream in again}
            self._outgoing += self._wire.unsubscribe(again)
            self._outgoing += self._wire.subscribe(again)

    def _expect(self, streams: Sequence[Stream], now_ns: int) -> None:
        for stream in streams:
            first_ns = LIMITS[stream.stream_class].first_ns
            if first_ns is not None:
                key = stream.stream_class, stream.instrument_id
                self._unheard[key] = _Unheard(stream, first_ns, now_ns)
