"""Parents in a kernel: short ways to start them and to answer for the venue."""

from decimal import Decimal

from engine.execution.ledger_parents import ParentRecord
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import PlaceOrder, SendCancel
from engine.model.orders import Side
from tests.builders import BTC, Trader, a_fill, a_mark, a_snapshot, a_trader

A_SCALE = {"first": 990, "last": 999, "count": 4}


def scale(lots: int = 8, side: Side = "buy", **changed: object) -> c.StartScale:
    fields: dict = A_SCALE | changed
    first, last = (Decimal(fields.pop(name)) for name in ("first", "last"))
    return c.StartScale(BTC, side, Decimal(lots), first, last, **fields)


def twap(lots: int = 10, side: Side = "buy", **changed: object) -> c.StartTwap:
    fields: dict = {"duration_s": 40, "count": 4} | changed
    return c.StartTwap(BTC, side, Decimal(lots), **fields)


def iceberg(lots: int = 10, show: int = 4, side: Side = "buy", **changed: object):
    return c.StartIceberg(BTC, side, Decimal(lots), Decimal(999), Decimal(show), **changed)  # type: ignore[arg-type]  # whatever a test changes


def chase(lots: int = 10, side: Side = "buy", **changed: object) -> c.StartChase:
    fields: dict = {"worst": Decimal(1_005), "duration_s": 60} | changed
    return c.StartChase(BTC, side, Decimal(lots), **fields)


def started(action: c.Action, trader: Trader | None = None, **limits: object) -> Trader:
    """Return a desk on which a parent was confirmed."""
    trader = trader or a_trader(**limits)  # type: ignore[arg-type]  # whatever a test changes
    outcome = trader.do(action)
    assert outcome.verdict == "accepted", outcome.sentences
    return trader


def parent_of(trader: Trader, parent_id: str = "a1") -> ParentRecord:
    return trader.ledger.parents[parent_id]


def sent(trader: Trader) -> list[tuple]:
    """Return lots and limit of the orders of the last call."""
    specs = [effect.approved.intent.spec for effect in trader.asked(PlaceOrder)]
    return [(spec.qty_lots, spec.limit_ticks) for spec in specs]


def canceled(trader: Trader) -> list[str]:
    return [effect.client_order_id for effect in trader.asked(SendCancel)]


def acked(trader: Trader) -> str:
    """Let the venue take the newest order; return its id."""
    key = trader.newest.client_order_id
    trader.take(f.OrderAcked(trader.now_ns, key, f"v-{key}"))
    return key


def filled(trader: Trader, lots: int, price: int = 1_000) -> str:
    """Let the newest order be filled so far; return its id."""
    key = trader.newest.client_order_id
    trader.take(a_fill(key, lots, price))
    return key


def expired(trader: Trader, reason: str = "ioc") -> str:
    key = trader.newest.client_order_id
    trader.take(f.OrderExpired(trader.now_ns, key, reason))
    return key


def passing(trader: Trader, ms: int, bid: int = 1_000) -> list[tuple]:
    """Let time pass with a market that goes on; return what was sent."""
    found: list[tuple] = []
    for _ in range(ms // 250):
        quoted(trader, bid)
        found += sent(trader.wait(250))
    return found


def quoted(trader: Trader, bid: int) -> Trader:
    """Let the book stand here."""
    seq = trader.market.book.last_seq + 1
    book = a_snapshot(f"{bid}x50 {bid - 1}x50", f"{bid + 1}x50 {bid + 2}x50", seq)
    trader.market.book.apply_snapshot(book, trader.now_ns)
    trader.market.book_ns = trader.now_ns
    return trader.take(a_mark(f"{bid}.5"))
