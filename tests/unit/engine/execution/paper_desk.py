"""A paper venue with one market, for tests that tell it what happens."""

from decimal import Decimal

from engine.execution.paper import PaperMarket, PaperVenue
from engine.ingest.book import Book
from engine.model.facts import (
    OrderFilled,
    OrderReport,
)
from engine.model.numbers import NS_PER_S
from engine.model.orders import OrderIntent, OrderSpec
from tests.builders import BTC, START_NS, a_book, a_delta


def an_intent(side: str = "buy", lots: int = 5, limit: int | None = 100, **changed) -> OrderIntent:
    """A limit order, a market order without a price."""
    fields: dict = {
        "instrument_id": BTC,
        "side": side,
        "type": "market" if limit is None else "limit",
        "qty_lots": lots,
        "limit_ticks": limit,
    } | changed
    return OrderIntent(OrderSpec(**fields))


class Venue:
    """A paper venue with one market, told what happens and asked what became of it."""

    def __init__(self, bids="99x10", asks="101x10", units=(1, 1), seed=1) -> None:
        self.paper = PaperVenue(seed)
        self.units = units
        self.now_ns = START_NS
        self.seq = 10
        self.told: list[OrderReport] = []
        self.show(bids, asks)

    def show(self, bids: str = "", asks: str = "") -> "Venue":
        """Show another book."""
        tick, lot = self.units
        self.book: Book = a_book(bids, asks, self.seq)
        market = PaperMarket(self.book, tick, lot, Decimal("0.5"), Decimal("0.1"), "USDT")
        self.markets = {BTC: market}
        self.paper.on_book(BTC, self.now_ns, self.markets)
        return self

    def break_book(self) -> "Venue":
        """Lose the book by a gap."""
        self.book.apply(a_delta(self.seq + 9), self.now_ns)
        assert self.book.state != "live"
        return self

    def wait(self, seconds: float = 1) -> list[OrderReport]:
        """Let time pass, and return what was answered."""
        self.now_ns += int(seconds * NS_PER_S)
        answers = list(self.paper.advance(self.now_ns, self.markets))
        self.told += answers
        return answers

    def place(self, cid: str = "a", **order) -> "Venue":
        """Let an order arrive."""
        self.paper.place(cid, an_intent(**order), self.now_ns)
        self.wait()
        return self

    def trade(self, price: int, qty: int = 1) -> "Venue":
        """Print on the tape."""
        self.paper.on_trade(BTC, price, qty, self.now_ns, self.markets)
        self.wait()
        return self

    def fills(self, cid: str = "a") -> list[tuple[int, int, str]]:
        """Price, lots and liquidity of each fill of an order."""
        return [
            (fact.price_ticks, fact.qty_lots, fact.liquidity)
            for fact in self.told
            if isinstance(fact, OrderFilled) and fact.client_order_id == cid
        ]

    def kinds(self) -> list[type]:
        """What was answered, in words."""
        return [type(fact) for fact in self.told]
