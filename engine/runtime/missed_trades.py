"""Fetches the trades that a lost connection would have brought, or says that some stay missing."""

from collections.abc import Sequence
from typing import Final

import msgspec
from loguru import logger

from engine.model.effects import RequestTrades
from engine.model.envelope import Event
from engine.model.errors import VenuePayloadError, VenueUnreachable
from engine.model.market import TradesFetched, TradesMissed
from engine.runtime.feed_ports import reason_of
from engine.runtime.feed_rest import FeedRest
from engine.venues.base import MarketWire, TradeSpan

PAGES_MAX: Final = 20
TRIES: Final = 3
"""Of one page; a venue that does not answer so often makes a gap."""


class MissedTrades:
    """Asks for spans of trades; pages may come from the old end or from the new one."""

    def __init__(self, wire: MarketWire, rest: FeedRest) -> None:
        self._wire = wire
        self._rest = rest

    async def fetch(self, request: RequestTrades) -> bool:
        """Hand over what can be had of a span, page by page; return whether that is all of it."""
        missing: TradeSpan | None = TradeSpan(request.after_id, request.before_id)
        reason = f"they are more than {PAGES_MAX} pages"
        for _ in range(PAGES_MAX):
            assert missing is not None
            try:
                page = await self._page(request, missing)
            except (VenueUnreachable, VenuePayloadError) as error:
                reason = reason_of(error)
                break
            was, missing = missing, left_after(missing, page)
            if missing is None:
                whole = TradesFetched(request.instrument_id, (), request.number, is_whole=True)
                await self._rest.deliver((whole,))
                return True
            if missing == was:
                reason = "the venue does not give them"
                break
        logger.warning("trades_missed {} {}", request.instrument_id, reason)
        missed = TradesMissed(request.instrument_id, request.number, reason)
        await self._rest.deliver((missed,))
        return False

    async def _page(self, request: RequestTrades, missing: TradeSpan) -> Sequence[int]:
        asked = self._wire.trades_request(request.instrument_id, request.stream, missing)
        if asked is None:
            raise VenueUnreachable("the venue has no request for them")
        tries = TRIES
        while True:
            tries -= 1
            try:
                events = await self._rest.ask(asked)
            except (VenueUnreachable, VenuePayloadError):
                if tries:
                    continue
                raise
            # At once: the scales of what was decoded may change with the next frame.
            await self._rest.deliver([_numbered(event, request.number) for event in events])
            return [
                trade.trade_id
                for event in events
                if isinstance(event, TradesFetched)
                for trade in event.trades
            ]


def left_after(missing: TradeSpan, page: Sequence[int]) -> TradeSpan | None:
    """Return what is missing after a page of ids; None for nothing, the same for no progress.

    A page begins with the first trade of the span, or it ends with the last one.
    """
    after_id, before_id = missing.after_id, missing.before_id
    if not page:
        return missing if before_id else None
    first_id, last_id = page[0], page[-1]
    if first_id > after_id + 1:
        is_in = not before_id or first_id < before_id
        return TradeSpan(after_id, first_id) if is_in else missing
    is_over = last_id >= before_id - 1 if before_id else last_id <= after_id
    return None if is_over else TradeSpan(max(after_id, last_id), before_id)


def _numbered(event: Event, number: int) -> Event:
    is_page = isinstance(event, TradesFetched)
    return msgspec.structs.replace(event, number=number) if is_page else event
