"""The fills of an account, page by page, each with the client order id that the venue leaves out.

A row of fills names its order by number only. Numbers that are not known are asked for one by one,
then the page is asked for again. What was learned stays known when a report fails: the next one has
less to ask for.
"""

from typing import Final, NamedTuple

import msgspec

from engine.model.account import BY_VENUE_ID
from engine.model.facts import OrderFilled
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.venues.binance.account_rows import child_of, fill
from engine.venues.binance.order_names import CONDITIONAL, OrderNames
from engine.venues.binance.order_requests import ALGO_ORDER, ORDER
from engine.venues.binance.private_json import strictly
from engine.venues.binance.steps import Listing, Steps
from engine.venues.binance.trade_answers import NOT_FOUND, Ruling
from engine.venues.binance.trade_payloads import AlgoAnswer, OrderAnswer, TradeRow
from engine.venues.scaling import require
from engine.venues.trading import Purpose, TradeAnswer, TradeRequest

TRADES: Final = "/fapi/v1/userTrades"
TRADES_WEIGHT: Final = 5
PAGE: Final = 1_000
WINDOW_MS: Final = 7 * 86_400_000
"""A query by time spans seven days at most."""

SHOWN_NS: Final = 60 * NS_PER_S
"""So long after its fill every copy of the venue shows an order; one may lag 40 s (R24)."""


class Unnamed(NamedTuple):
    """An order to be asked for, and when it was filled last."""

    number: int
    filled_ms: int


class FillsPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which page of whose fills; it travels with its request.

    Pages go by time windows, and by trade id within a window that holds more than one page. With
    an order's `number` there are no windows. `unnamed` are orders to be asked for first.
    """

    purpose: Purpose
    symbol: str
    number: str = ""
    start_ms: int = 0
    until_ms: int = 0
    from_id: int = 0
    unnamed: tuple[Unnamed, ...] = ()

    def request(self, steps: Steps) -> TradeRequest:
        """Return what is asked next."""
        path, weight = TRADES, TRADES_WEIGHT
        params = [("symbol", self.symbol)]
        if self.unnamed:
            path, weight = ORDER, 1
            params.append(("orderId", str(self.unnamed[0].number)))
        elif self.number.startswith(CONDITIONAL):
            path, weight = ALGO_ORDER, 1
            params = [("algoId", self.number.removeprefix(CONDITIONAL))]
        else:
            params += self._span()
        return TradeRequest(
            self.purpose,
            "GET",
            path,
            tuple(params),
            weight=weight,
            is_read=True,
            instrument_id=steps.instrument_id,
            context=msgspec.json.encode(self).decode(),
        )

    def after(self, rows: list[TradeRow]) -> "FillsPage | None":
        """Return the page after one with these rows; None where that was the last."""
        if len(rows) >= PAGE:
            last = max(row.id for row in rows)
            require(last >= self.from_id, "a page of fills that does not go on", str(last))
            return msgspec.structs.replace(self, from_id=last + 1)
        next_ms = self.start_ms + WINDOW_MS
        if self.number or self.from_id or next_ms > self.until_ms:
            return None
        return msgspec.structs.replace(self, start_ms=next_ms)

    def _span(self) -> list[tuple[str, str]]:
        params = []
        if self.number:
            params.append(("orderId", self.number))
        if self.from_id:
            params.append(("fromId", str(self.from_id)))
        elif not self.number:
            params += time_span(self.start_ms, self.until_ms)
        return [*params, ("limit", str(PAGE))]


class FillPages:
    """Reads pages of fills."""

    def __init__(self, listing: Listing, names: OrderNames) -> None:
        self._listing = listing
        self._names = names

    def read(self, request: TradeRequest, body: bytes) -> TradeAnswer:
        """Return the fills of a page, or what must be asked before.

        Raises:
            VenuePayloadError: It is not what the venue documents.
        """
        page = msgspec.json.decode(request.context, type=FillsPage)
        steps = self._listing.read(page.symbol)
        if request.path == ORDER:
            return self._named(page, body)
        if request.path == ALGO_ORDER:
            return self._child(page, steps, body)
        rows = strictly(body, list[TradeRow])
        for row in rows:
            require(row.symbol == page.symbol, "a fill of another instrument", row.symbol)
            require(page.number in {"", str(row.orderId)}, "a fill of another order", str(row.id))
        unnamed = self._unnamed(rows)
        if unnamed:
            return _on(msgspec.structs.replace(page, unnamed=unnamed), steps)
        fills = tuple(self._fill(row, steps) for row in rows)
        return _on(page.after(rows), steps, fills)

    def past_absent(
        self, request: TradeRequest, found: Ruling, venue_ns: int
    ) -> TradeAnswer | None:
        """Return what is asked next where the venue does not show an order of which it has fills.

        It is called by its number, as one made elsewhere. None where that is not sure: after a
        recent fill a copy of the venue's may not have the order yet, and it may be ours.
        """
        is_name_asked = request.path == ORDER and request.purpose in {"fills", "order_fills"}
        if not is_name_asked or (found.code, found.verdict) != (NOT_FOUND, "refused"):
            return None
        page = msgspec.json.decode(request.context, type=FillsPage)
        asked = page.unnamed[0]
        if venue_ns < asked.filled_ms * NS_PER_MS + SHOWN_NS:
            return None
        return self._learned(page, f"{BY_VENUE_ID}{asked.number}")

    def _unnamed(self, rows: list[TradeRow]) -> tuple[Unnamed, ...]:
        """Return the orders whose names must be asked for, in the order of their fills."""
        newest: dict[int, int] = {}
        for row in rows:
            if self._names.find(row.symbol, row.orderId) is None:
                newest[row.orderId] = max(newest.get(row.orderId, 0), row.time)
        return tuple(Unnamed(*one) for one in newest.items())

    def _fill(self, row: TradeRow, steps: Steps) -> OrderFilled:
        name = self._names.find(row.symbol, row.orderId)
        assert name is not None, "those without a name were asked for"
        return fill(row, name, steps)

    def _named(self, page: FillsPage, body: bytes) -> TradeAnswer:
        order = strictly(body, OrderAnswer)
        require(
            (order.symbol, order.orderId) == (page.symbol, page.unnamed[0].number),
            "the answer is of another order",
            order.clientOrderId,
        )
        return self._learned(page, order.clientOrderId)

    def _learned(self, page: FillsPage, client_order_id: str) -> TradeAnswer:
        """Remember the name of the order that was asked for, and go on."""
        asked, *rest = page.unnamed
        self._names.learn(page.symbol, asked.number, client_order_id)
        steps = self._listing.read(page.symbol)
        return _on(msgspec.structs.replace(page, unnamed=tuple(rest)), steps)

    def _child(self, page: FillsPage, steps: Steps, body: bytes) -> TradeAnswer:
        order = strictly(body, AlgoAnswer)
        require(
            page.number == f"{CONDITIONAL}{order.algoId}",
            "the answer is of another order",
            order.clientAlgoId,
        )
        child = child_of(order.actualOrderId)
        if child is None:
            return TradeAnswer("confirmed")  # Nothing was triggered, so nothing was filled.
        self._names.learn_child(order.symbol, child, order.clientAlgoId)
        return _on(msgspec.structs.replace(page, number=str(child)), steps)


def time_span(start_ms: int, until_ms: int) -> list[tuple[str, str]]:
    """Return the parameters of a time window.

    The last one has no end: our clock is not the venue's, and nothing newer should be missed.
    """
    span = [("startTime", str(start_ms))]
    if start_ms + WINDOW_MS <= until_ms:
        span.append(("endTime", str(start_ms + WINDOW_MS - 1)))
    return span


def window(symbol: str, since_ns: int, now_ns: int) -> FillsPage:
    """Return the first page of a symbol's fills in a time."""
    return FillsPage("fills", symbol, start_ms=since_ns // NS_PER_MS, until_ms=now_ns // NS_PER_MS)


def _on(page: FillsPage | None, steps: Steps, fills: tuple[OrderFilled, ...] = ()) -> TradeAnswer:
    return TradeAnswer(
        "confirmed", rows=fills, next_page=None if page is None else page.request(steps)
    )
