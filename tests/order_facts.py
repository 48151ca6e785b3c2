"""A ledger told in short words: each method is one fact, one millisecond after the one before."""

from decimal import Decimal

from engine.execution.ledger import Ledger
from engine.execution.ledger_orders import OrderRecord
from engine.model import facts as f
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import OrderIntent, OrderSpec, Side
from tests.builders import BTC, at

ONE = Decimal(1)


def an_intent(
    side: Side = "buy", lots: int = 10, price: int | None = 100, **changed
) -> OrderIntent:
    """Return a limit order of BTC by hand; unknown words belong to its specification."""
    outer = ("owner", "signal", "tag", "is_protective", "bracket", "parent", "family", "supersedes")
    intent = {name: changed.pop(name) for name in outer if name in changed}
    spec = {"instrument_id": BTC, "type": "limit", "limit_ticks": price} | changed
    return OrderIntent(OrderSpec(side=side, qty_lots=QtyLots(lots), **spec), **intent)


def a_fill(order: str = "a", trade: str = "t1", lots: int = 4, price: int = 100, **changed):
    """Return a fill without a fee."""
    fields: dict = {"ts_ns": at(0), "liquidity": "maker", "fee": Decimal(0), "fee_currency": "USDT"}
    return f.OrderFilled(
        client_order_id=order,
        trade_id=trade,
        price_ticks=PriceTicks(price),
        qty_lots=QtyLots(lots),
        **(fields | changed),
    )


def known(instrument_id=BTC, tick: str = "1", lot: str = "1", quote: str = "USDT"):
    return f.InstrumentKnown(at(0), instrument_id, Decimal(tick), Decimal(lot), quote)


def began(boot: int = 1, ts_ns: int = at(0)) -> f.RunBegan:
    return f.RunBegan(ts_ns, f"run-{boot}", "0.1", boot)


class Told:
    """A ledger and the time."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger()
        self.ms = 0
        self.trades = 0

    @property
    def ts_ns(self) -> int:
        """The time of the next fact."""
        self.ms += 1
        return at(self.ms)

    def say(self, *facts: f.Fact) -> "Told":
        """Tell facts as they stand."""
        for fact in facts:
            self.ledger.apply(fact)
        return self

    def open(self, equity: str = "100000") -> "Told":
        """Open an account in USDT and make BTC known, in steps of one."""
        return self.say(f.AccountOpened(self.ts_ns, "USDT", Decimal(equity)), known())

    def intend(self, order: str = "a", side: Side = "buy", lots: int = 10, **changed) -> "Told":
        """Approve an order."""
        return self.say(f.OrderIntended(self.ts_ns, order, an_intent(side, lots, **changed), 7))

    def send(self, order: str = "a") -> "Told":
        """Send it."""
        return self.say(f.OrderSent(self.ts_ns, order))

    def ack(self, order: str = "a") -> "Told":
        """The venue has it."""
        return self.say(f.OrderAcked(self.ts_ns, order, f"v-{order}"))

    def work(self, order: str = "a", side: Side = "buy", lots: int = 10, **changed) -> "Told":
        """Approve an order that the venue then has."""
        return self.intend(order, side, lots, **changed).send(order).ack(order)

    def fill(self, order: str = "a", lots: int = 4, price: int = 100, **changed) -> "Told":
        """Fill part of an order in a trade of its own."""
        self.trades += 1
        trade = changed.pop("trade", f"t{self.trades}")
        return self.say(a_fill(order, trade, lots, price, ts_ns=self.ts_ns, **changed))

    def trade(self, owner: str, lots: int, price: int = 100, **changed) -> "Told":
        """Fill an order of an owner at once; a sale if the lots are negative."""
        order = f"o{self.trades}"
        self.work(order, "buy" if lots > 0 else "sell", abs(lots), owner=owner, **changed)
        return self.fill(order, abs(lots), price)

    def reject(self, order: str = "a") -> "Told":
        """The venue never accepted it."""
        return self.say(f.OrderRejected(self.ts_ns, order, "refused"))

    def lose(self, order: str = "a") -> "Told":
        """Nobody knows whether the venue has it."""
        return self.say(f.OrderUnknown(self.ts_ns, order, "no answer"))

    def ask_cancel(self, order: str = "a") -> "Told":
        """Ask to cancel it."""
        return self.say(f.CancelRequested(self.ts_ns, order))

    def reject_cancel(self, order: str = "a") -> "Told":
        """The venue did not cancel it."""
        return self.say(f.CancelRejected(self.ts_ns, order, "unknown order"))

    def cancel(self, order: str = "a") -> "Told":
        """The venue took it off the book."""
        return self.say(f.OrderCanceled(self.ts_ns, order, "asked"))

    def expire(self, order: str = "a") -> "Told":
        """The rest of it lapsed."""
        return self.say(f.OrderExpired(self.ts_ns, order, "ioc"))

    def ask_replace(self, lots: int, price: int = 101, order: str = "a") -> "Told":
        """Ask for another size and price."""
        return self.say(f.ReplaceRequested(self.ts_ns, order, PriceTicks(price), QtyLots(lots)))

    def replace(self, lots: int, price: int = 101, order: str = "a") -> "Told":
        """The venue gave it another size and price."""
        return self.say(f.OrderReplaced(self.ts_ns, order, PriceTicks(price), QtyLots(lots)))

    def reject_replace(self, order: str = "a") -> "Told":
        """The venue left it as it was."""
        return self.say(f.ReplaceRejected(self.ts_ns, order, "too late"))

    def order(self, order: str = "a") -> OrderRecord:
        """Return the record of an order."""
        return self.ledger.orders[order]

    def state(self, order: str = "a") -> str:
        """Return where an order stands."""
        return self.order(order).state

    @property
    def held(self) -> dict[str, int]:
        """Signed lots of BTC by owner."""
        return {name: self.ledger.position(name, BTC).lots for name in self.ledger.owners(BTC)}
