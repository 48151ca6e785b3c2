"""What two connections bring of the same streams, handed on once."""

from collections.abc import Sequence
from typing import Final

from engine.model.envelope import Event
from engine.model.instrument import InstrumentId
from engine.model.market import BookDelta, BookSnapshot, Trade
from engine.model.numbers import NS_PER_S

FILTERED_NS: Final = 60 * NS_PER_S
"""How long after the change something may come for the second time."""


class Handover:
    """First notes how far the old connection has come, then lets pass what the new one has beyond.

    Best quotes, candles and mark prices may come twice: each replaces the one before.
    """

    def __init__(self) -> None:
        self._books: dict[InstrumentId, int] = {}
        self._trades: dict[tuple[InstrumentId, str], int] = {}
        self._ends_ns: int | None = None

    def switch(self, now_ns: int) -> None:
        """From now on the new connection is heard."""
        self._ends_ns = now_ns + FILTERED_NS

    def is_over(self, now_ns: int) -> bool:
        """Whether nothing can come twice any more."""
        return self._ends_ns is not None and now_ns >= self._ends_ns

    def take(self, events: Sequence[Event]) -> Sequence[Event]:
        """Return what is to be handed on."""
        if self._ends_ns is not None:
            return [event for event in events if self._is_new(event)]
        for event in events:
            if isinstance(event, BookDelta | BookSnapshot):
                self._books[event.instrument_id] = event.last_seq
            elif isinstance(event, Trade):
                self._trades[event.instrument_id, event.stream] = event.trade_id
        return events

    def _is_new(self, event: Event) -> bool:
        match event:
            case BookSnapshot(instrument_id):
                # The venue begins the book anew on this connection: all that follows joins it.
                self._books.pop(instrument_id, None)
                return True
            case BookDelta(instrument_id):
                seen = self._books.get(instrument_id)
                if seen is not None and event.last_seq <= seen:
                    return False
                self._books.pop(instrument_id, None)
                return True
            case Trade(instrument_id):
                key = instrument_id, event.stream
                seen = self._trades.get(key)
                if seen is not None and event.trade_id <= seen:
                    return False
                self._trades.pop(key, None)
                return True
            case _:
                return True
