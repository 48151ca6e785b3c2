"""A gate with a real ledger and one market, for tests that ask for orders and look at answers."""

from decimal import Decimal

import msgspec

from engine.execution.ledger import Ledger
from engine.execution.limits import RiskLimits, paper_limits
from engine.execution.market_reference import MarketReference
from engine.execution.review import ReviewMoment
from engine.execution.risk import RiskGate, RiskRefused
from engine.model.facts import (
    AccountOpened,
    Fact,
    InstrumentKnown,
    OrderFilled,
    OrderIntended,
    OrderUnknown,
    RunBegan,
    TradingStateSet,
)
from engine.model.instrument import InstrumentId
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import HAND, ApprovedOrder, OrderIntent, OrderSpec
from tests.builders import BTC, ETH, START_NS, an_instrument

LOOSE = msgspec.structs.replace(
    paper_limits(Decimal(10**9)),
    duplicate_window_s=0,
    orders_per_s_max=10**6,
    messages_per_s_max=10**6,
    orders_per_10min_max=10**6,
)
"""Limits that no small order meets."""


def a_market(instrument_id: InstrumentId = BTC, **changed: object) -> MarketReference:
    """Return a market with a live book around 1,000; one lot at one tick is one dollar."""
    fields: dict = {
        "instrument": an_instrument(instrument_id, is_trading=True, base="XYZ"),
        "book_state": "live",
        "freshness": "fresh",
        "book_seq": 7,
        "bid_ticks": PriceTicks(999),
        "ask_ticks": PriceTicks(1_001),
        "mark_ticks": PriceTicks(1_000),
        "median_trade_lots": QtyLots(5),
        "move_60s": Decimal("0.001"),
    } | changed
    return MarketReference(**fields)


def an_intent(side: str = "buy", lots: int = 1, price: int | None = 1_000, **changed: object):
    """Return a limit order by hand, a market order without a price."""
    names = OrderIntent.__struct_fields__[1:]
    around: dict = {name: changed.pop(name) for name in names if name in changed}
    fields: dict = {
        "instrument_id": BTC,
        "side": side,
        "type": "market" if price is None else "limit",
        "qty_lots": lots,
        "limit_ticks": price,
    } | changed
    return OrderIntent(OrderSpec(**fields), **around)


class Desk:
    """Asks the gate, and tells the ledger of what was approved."""

    def __init__(self, equity: int = 10**9, **limits: object) -> None:
        self.gate = RiskGate()
        self.ledger = Ledger()
        self.limits: RiskLimits = msgspec.structs.replace(LOOSE, **limits)
        self.market = a_market()
        self.now_ns = START_NS
        self.is_live = False
        self.more: dict = {}
        """Other fields of the moment."""
        self.tell(RunBegan(START_NS, "run-1", "0.1", 1))
        for instrument_id in (BTC, ETH):
            self.tell(InstrumentKnown(START_NS, instrument_id, Decimal(1), Decimal(1), "USDT"))
        self.tell(AccountOpened(START_NS, "USD", Decimal(equity)))

    @property
    def moment(self) -> ReviewMoment:
        """Now."""
        return ReviewMoment(
            self.now_ns, self.is_live, **{"markets": {BTC: self.market}} | self.more
        )

    def tell(self, *facts: Fact) -> "Desk":
        """Let the ledger take in facts."""
        for fact in facts:
            self.ledger.apply(fact)
        return self

    def with_market(self, **changed: object) -> "Desk":
        """Change what is known of the market."""
        self.market = msgspec.structs.replace(self.market, **changed)
        return self

    def with_state(self, state: str, scope: str = "all") -> "Desk":
        """Set a trading state."""
        return self.tell(TradingStateSet(self.now_ns, scope, state, "a test"))  # type: ignore[arg-type]  # one of the states

    def wait(self, seconds: float) -> "Desk":
        """Let time pass."""
        self.now_ns += int(seconds * NS_PER_S)
        return self

    def review(self, intent: OrderIntent) -> ApprovedOrder | RiskRefused:
        """Ask, and change nothing."""
        market = self.market
        if intent.spec.instrument_id != BTC:
            market = a_market(intent.spec.instrument_id)
        return self.gate.review(intent, market, self.ledger, self.limits, self.moment)

    def send(self, side: str = "buy", lots: int = 1, price: int | None = 1_000, **changed: object):
        """Ask; an approved order is intended, as the kernel does it in the same step."""
        return self.submit(an_intent(side, lots, price, **changed))

    def submit(self, intent: OrderIntent) -> ApprovedOrder | RiskRefused:
        """Ask; an approved order is intended."""
        answer = self.review(intent)
        if isinstance(answer, ApprovedOrder):
            self.tell(OrderIntended(self.now_ns, answer.client_order_id, answer.intent, 7))
        return answer

    def hold(self, lots: int, price: int = 1_000, owner: str = HAND) -> "Desk":
        """Give an owner a position, past the gate."""
        side = "buy" if lots > 0 else "sell"
        cid = self.ledger.next_client_order_id()
        intent = an_intent(side, abs(lots), price, owner=owner)
        early = self.now_ns - 7_200 * NS_PER_S
        self.tell(OrderIntended(early, cid, intent, 7))
        return self.fill(cid, abs(lots), price)

    def work(self, side: str, lots: int, price: int = 1_000, **changed: object) -> str:
        """Let an order work, past the gate and long ago; return its id."""
        cid = self.ledger.next_client_order_id()
        early = self.now_ns - 7_200 * NS_PER_S
        self.tell(OrderIntended(early, cid, an_intent(side, lots, price, **changed), 7))
        return cid

    def fill(self, cid: str, lots: int, price: int = 1_000) -> "Desk":
        """Fill part of an order."""
        trade = f"{cid}/{self.ledger.orders[cid].filled_lots}"
        return self.tell(
            OrderFilled(
                self.now_ns,
                cid,
                trade,
                PriceTicks(price),
                QtyLots(lots),
                "taker",
                Decimal(0),
                "USD",
            )
        )

    def lose(self, cid: str) -> "Desk":
        """Let an order's fate become unknown now."""
        return self.tell(OrderUnknown(self.now_ns, cid, "no answer"))


def codes(answer: ApprovedOrder | RiskRefused) -> list[str]:
    """Return the codes of what speaks against an order; empty when approved."""
    return [] if isinstance(answer, ApprovedOrder) else [reason.code for reason in answer.reasons]


def approved(answer: ApprovedOrder | RiskRefused) -> OrderSpec:
    """Return what was approved."""
    assert isinstance(answer, ApprovedOrder), answer
    return answer.intent.spec


def refused(answer: ApprovedOrder | RiskRefused) -> RiskRefused:
    """Return the refusal."""
    assert isinstance(answer, RiskRefused)
    return answer
