"""The paper venue's matching without its delays: what an act leads to is known at once."""

from engine.execution.paper import Markets, PaperVenue
from engine.model.facts import OrderReport
from engine.model.instrument import InstrumentId
from engine.model.market import Level
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import OrderIntent


class Floor(PaperVenue):
    """Matches orders under names that the caller gives and never uses twice.

    Every act returns the reports that follow from it, in order.
    """

    def __init__(self) -> None:
        super().__init__(0)
        self.markets: Markets = {}
        self._reports: list[OrderReport] = []

    def enter(self, name: str, intent: OrderIntent, now_ns: int) -> list[OrderReport]:
        """Take an order in."""
        self._placing[name] = intent
        self._enter(name, now_ns, self.markets)
        return self.take_reports()

    def drop(self, name: str, now_ns: int) -> list[OrderReport]:
        """Take an order out."""
        self._drop(name, now_ns, self.markets)
        return self.take_reports()

    def change(self, name: str, limit: PriceTicks, qty: QtyLots, now_ns: int) -> list[OrderReport]:
        """Give an order another price and size."""
        self._replacing[name] = (limit, qty)
        self._change(name, now_ns, self.markets)
        return self.take_reports()

    def trade(
        self, instrument_id: InstrumentId, price_units: int, qty_units: int, now_ns: int
    ) -> list[OrderReport]:
        """Let a print of the tape fill what stood in its way."""
        self.on_trade(instrument_id, price_units, qty_units, now_ns, self.markets)
        return self.take_reports()

    def book(self, instrument_id: InstrumentId, now_ns: int) -> list[OrderReport]:
        """Let a change of the book shorten queues, and fill what it went through."""
        self.on_book(instrument_id, now_ns, self.markets)
        return self.take_reports()

    def fill(self, name: str, lots: int, now_ns: int) -> list[OrderReport]:
        """Let somebody trade with a resting order, at its price."""
        order = self._orders[name]
        spec = order.intent.spec
        assert spec.limit_ticks is not None, "only orders with a price rest"
        market = self.markets[spec.instrument_id]
        lots = min(lots, order.left_lots)
        self._fill(order, spec.limit_ticks, lots, "maker", now_ns, market)
        return self.take_reports()

    def best(self, instrument_id: InstrumentId, *, is_bid: bool) -> Level | None:
        """Return the best level of a side of the book, in units."""
        market = self.markets.get(instrument_id)
        if market is None or market.book.state != "live":
            return None
        return next(iter(market.book.levels(is_bid=is_bid)), None)

    def _answer(self, fact: OrderReport, now_ns: int) -> None:
        del now_ns
        self._reports.append(fact)

    def take_reports(self) -> list[OrderReport]:
        """Return what was reported since it was last asked."""
        reports, self._reports = self._reports, []
        return reports
