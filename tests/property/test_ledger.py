"""The ledger under any facts, against a reference in fractions, and folded in two parts."""

from decimal import Decimal
from fractions import Fraction
from typing import get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.execution.ledger import Ledger
from engine.execution.positions import Position, is_sane, proportion
from engine.model import facts as f
from engine.model.orders import FINAL_STATES, Bracket, OrderIntent, OrderSpec
from engine.model.parents import Iceberg
from engine.model.trails import TrailRule
from tests.builders import BTC, ETH, at
from tests.order_facts import Told, a_fill

ORDERS = st.sampled_from(["a", "b", "c", "d"])
OWNERS = st.sampled_from(["hand", "trend", "grid"])
INSTRUMENTS = st.sampled_from([BTC, ETH])
SIDES = st.sampled_from(["buy", "sell"])
LOTS = st.integers(1, 12)
PRICES = st.integers(1, 50)
AMOUNTS = st.sampled_from([Decimal(text) for text in ("1", "-0.30", "0.1", "NaN", "sNaN", "1e90")])
STEPS = st.sampled_from([Decimal(text) for text in ("1", "0.5", "0.2", "2", "0", "NaN")])
TIMES = st.integers(0, 5).map(at)

INTENTS = st.builds(
    OrderIntent,
    spec=st.builds(
        OrderSpec,
        instrument_id=INSTRUMENTS,
        side=SIDES,
        type=st.just("limit"),
        qty_lots=LOTS,
        limit_ticks=PRICES,
        is_reduce_only=st.booleans(),
    ),
    owner=OWNERS,
    signal=st.sampled_from(["", "s"]),
    bracket=st.none() | st.builds(Bracket, stop_ticks=PRICES),
    parent=st.just("") | ORDERS,
    family=st.sampled_from(["", "a1", "a2", "t1"]),
)
RULES = st.builds(
    TrailRule,
    kind=st.sampled_from(["ticks", "percent"]),
    amount=st.just(Decimal(4)),
    start_ticks=LOTS,
)
PARENTS = st.builds(
    Iceberg,
    instrument_id=INSTRUMENTS,
    side=SIDES,
    qty_lots=LOTS,
    limit_ticks=PRICES,
    show_lots=LOTS,
)

WORDS = {
    "ts_ns": TIMES,
    "client_order_id": ORDERS,
    "instrument_id": INSTRUMENTS,
    "intent": INTENTS,
    "price_ticks": PRICES,
    "limit_ticks": PRICES,
    "qty_lots": st.integers(-1, 12),
    "trade_id": st.integers(1, 30).map(str),
    "liquidity": st.just("maker"),
    "fee": AMOUNTS,
    "amount": AMOUNTS,
    "equity": AMOUNTS,
    "price": AMOUNTS,
    "venue_ns": st.just(0) | TIMES,
    "ours": AMOUNTS,
    "venues": AMOUNTS,
    "filled_lots": st.integers(-1, 12),
    "asked_ns": TIMES,
    "value": st.none() | AMOUNTS,
    "tick_size": STEPS,
    "lot_size": STEPS,
    "state": st.sampled_from(get_args(f.TradingState)),
    "boot": st.integers(0, 5),
    "count": st.integers(0, 5),
    "book_seq": st.just(7),
    "timeframe_s": st.just(60),
    "is_by_venue": st.booleans(),
    "is_waiver": st.booleans(),
    "lots": st.integers(-1, 12),
    "reasons": st.just(("collar",)),
    "side": st.none() | SIDES,
    "before": st.none(),
    "parent_id": st.sampled_from(["a1", "a2", "a3"]),
    "spec": PARENTS,
    "trail_id": st.sampled_from(["t1", "t2"]),
    "rule": RULES,
    "best_ticks": st.integers(-1, 50),
    "stop_ticks": st.integers(-1, 50),
    "replaces": st.just(()),
    "until_ns": st.just(0) | TIMES,
    "since_ns": st.just(0) | TIMES,
    "off_tick_price": st.none() | AMOUNTS,
}
"""What each field of a fact may hold; any other is a short text."""


def facts_of(kind: type) -> st.SearchStrategy:
    fields = {
        field.name: WORDS.get(field.name, st.just("x")) for field in msgspec.structs.fields(kind)
    }
    if kind is f.TrailSet:
        fields["side"] = SIDES  # Of a fill alone it may be missing.
    return st.builds(kind, **fields)


ANY_FACT = st.one_of([facts_of(kind) for kind in get_args(f.Fact)])
MONEY_FACT = st.one_of(facts_of(f.OrderIntended), facts_of(f.OrderFilled), facts_of(f.OrderFilled))
FACTS = st.lists(ANY_FACT | MONEY_FACT, max_size=60)


def fold(facts: list, ledger: Ledger | None = None) -> Ledger:
    return Told(ledger).say(*facts).ledger


def assert_sound(ledger: Ledger) -> None:
    """Check what holds of every ledger, whatever it was told."""
    for instrument_id in (BTC, ETH):
        owners = ledger.owners(instrument_id)
        held = sum(ledger.position(owner, instrument_id).lots for owner in owners)
        assert held == ledger.net_lots(instrument_id)
    working = [order.client_order_id for order in ledger.working()]
    assert working == [key for key, order in ledger.orders.items() if not order.is_final]
    for order in ledger.orders.values():
        assert (order.state == "filled") <= (order.filled_lots >= order.spec.qty_lots)
        assert (order.remaining_lots == 0) == (order.state in FINAL_STATES)
    marks = {BTC: Decimal(3), ETH: Decimal(7)}
    assert (ledger.equity(marks) is None) <= (ledger.cash("x") is None or not ledger.currency)
    assert ledger.contradictions >= len(ledger.contradiction_notes)


@settings(max_examples=300)
@given(FACTS)
def test_nothing_that_is_said_breaks_it(facts: list):
    assert_sound(fold(facts))


@settings(max_examples=150)
@given(FACTS, st.integers(0, 60))
def test_a_checkpoint_and_the_rest_are_the_whole(facts: list, cut: int):
    half = Ledger.from_bytes(fold(facts[:cut]).to_bytes())

    assert fold(facts[cut:], half).digest() == fold(facts).digest()


@given(st.lists(facts_of(f.OrderFilled), max_size=40), st.lists(INTENTS, min_size=4, max_size=4))
def test_positions_are_the_sum_of_the_fills(fills: list[f.OrderFilled], intents: list[OrderIntent]):
    told, expected, seen = Told(), {BTC: 0, ETH: 0}, set()
    specs = {order: intent.spec for order, intent in zip("abcd", intents, strict=True)}
    for order, intent in zip("abcd", intents, strict=True):
        told.say(f.OrderIntended(at(0), order, intent, 7))

    told.say(*fills)

    for fill in fills:
        side = fill.side or specs[fill.client_order_id].side
        key = (fill.instrument_id or BTC, side, fill.trade_id)
        is_price = fill.off_tick_price is None or is_sane(fill.off_tick_price)
        if fill.qty_lots > 0 and is_price and key not in seen:
            seen.add(key)
            expected[key[0]] += fill.qty_lots if side == "buy" else -fill.qty_lots
    assert {name: told.ledger.net_lots(name) for name in expected} == expected


class ExactPosition:
    """The reference: average cost in fractions, fill by fill, one lot at a time."""

    def __init__(self) -> None:
        self.lots = 0
        self.cost = Fraction(0)
        self.realised = Fraction(0)
        self.cash = 0
        self.closes = 0

    def fill(self, lots: int, price: int) -> None:
        """Take in a fill."""
        self.cash -= lots * price
        self.closes += self.lots * lots < 0
        step = 1 if lots > 0 else -1
        for _ in range(abs(lots)):
            if self.lots * step < 0:
                average = self.cost / self.lots
                self.realised -= step * (price - average)
                self.cost += step * average
            else:
                self.cost += step * price
            self.lots += step


@given(st.lists(st.tuples(st.integers(-9, 9).filter(bool), PRICES), max_size=40))
def test_profit_and_cost_are_those_of_fractions_and_nothing_is_lost(fills: list):
    position, exact = Position(), ExactPosition()
    for lots, price in fills:
        position.fill(lots, price)
        exact.fill(lots, price)

    assert position.lots == exact.lots
    assert position.realised - position.cost == exact.realised - exact.cost == exact.cash
    assert abs(position.cost - exact.cost) <= exact.closes
    assert position.lots or not position.cost


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 20)),
    st.integers(0, 150),
)
def test_shares_are_whole_fair_and_never_more_than_is_held(holdings: dict[str, int], lots: int):
    parts = proportion(lots, holdings)

    total = sum(holdings.values())
    assert sum(parts.values()) == min(lots, total)
    for name, held in holdings.items():
        assert 0 <= parts[name] <= held
        assert abs(parts[name] - Fraction(min(lots, total) * held, total or 1)) < 1


@given(st.lists(LOTS, min_size=1, max_size=4), st.integers(0, 5), st.randoms(use_true_random=False))
def test_news_of_an_order_ends_the_same_in_any_order(sizes: list[int], rest: int, random):
    news: list = [f.OrderAcked(at(1), "a", "v"), f.OrderCanceled(at(2), "a", "asked")]
    news += [a_fill("a", str(number), lots, 100 + number) for number, lots in enumerate(sizes)]
    news += random.sample(news[2:], random.randint(0, len(sizes)))
    random.shuffle(news)

    told = Told().open().intend(lots=sum(sizes) + rest).send().say(*news)

    order, position = told.order(), told.ledger.position("hand", BTC)
    assert order.state == ("canceled" if rest else "filled")
    assert order.filled_lots == position.lots == sum(sizes)
    assert order.filled_value == position.cost
    assert told.ledger.duplicate_fills == len(news) - 2 - len(sizes)
    assert told.ledger.working_lots(BTC, "buy") == 0
