"""Parents and trails under any market: never more than the whole, never looser, never a burst."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.execution.ledger_parents import TrailRecord
from engine.execution.parents.scale import problem, rungs
from engine.execution.trailing import followed
from engine.model import commands as c
from engine.model import facts as f
from engine.model.effects import PlaceOrder
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.parents import Scale
from engine.model.trails import TrailRule
from tests.builders import BTC, Trader, a_fill
from tests.unit.engine.kernel.parent_desk import chase, iceberg, quoted, scale, started, twap

SIDES = st.sampled_from(["buy", "sell"])


@given(
    st.builds(
        Scale,
        instrument_id=st.just(BTC),
        side=SIDES,
        qty_lots=st.integers(1, 10**9).map(QtyLots),
        first_ticks=st.integers(1, 10**6).map(PriceTicks),
        last_ticks=st.integers(1, 10**6).map(PriceTicks),
        count=st.integers(-1, 60),
        shape=st.sampled_from(["flat", "lin", "geo"]),
        ratio=st.decimals(Decimal("0.01"), Decimal(20), places=4),
    )
)
def test_the_orders_of_a_scale_add_up_and_stay_in_their_range(spec: Scale):
    if problem(spec):
        return
    orders = rungs(spec)

    assert sum(lots for _, lots in orders) == spec.qty_lots
    assert min(lots for _, lots in orders) >= 1
    prices = [price for price, _ in orders]
    assert (prices[0], prices[-1]) == (spec.first_ticks, spec.last_ticks)
    assert len(set(prices)) == spec.count
    assert prices == sorted(prices, reverse=spec.first_ticks > spec.last_ticks)


@given(
    SIDES,
    st.sampled_from(["ticks", "percent", "atr"]),
    st.integers(1, 200),
    st.lists(st.tuples(st.integers(2, 4_000), st.none() | st.fractions(0, 300)), max_size=40),
)
def test_a_trail_never_loosens_and_never_stands_at_the_price(side, kind, amount, walk):
    start = 1 if side == "sell" else 10_000
    rule = TrailRule(kind, Decimal(amount), amount)
    trail = TrailRecord("t1", BTC, side, rule, PriceTicks(start), PriceTicks(start))
    sign = 1 if side == "sell" else -1

    for half_ticks, range_ticks in walk:
        mark = Decimal(half_ticks) / 2
        moved = followed(trail, mark, range_ticks)
        if moved is None:
            continue
        best, stop = moved
        assert (stop - trail.stop_ticks) * sign > 0
        assert (best - trail.best_ticks) * sign >= 0
        assert (mark - stop) * sign > 0 or stop == 1
        trail.best_ticks, trail.stop_ticks = best, stop


STARTS = {
    "scale": scale(),
    "twap": twap(),
    "twap limited": twap(limit=Decimal(1_003)),
    "iceberg": iceberg(),
    "chase": chase(),
    "chase to the market": chase(then="mkt"),
}

ACTS = st.lists(
    st.tuples(
        st.sampled_from(["wait", "fill", "cancel", "expire", "reject", "lose", "ack", "resume"]),
        st.integers(0, 9),
        st.integers(995, 1_006),
    ),
    max_size=40,
)


@pytest.mark.parametrize("kind", STARTS)
@settings(max_examples=40)
@given(acts=ACTS)
def test_whatever_a_venue_says_children_never_exceed_their_parent(kind: str, acts: list):
    trader = started(STARTS[kind])
    parent = trader.ledger.parents["a1"]
    for act, which, bid in acts:
        placed = _happens(trader, act, which, bid)
        assert len(placed) <= 2

        working = [one for one in trader.ledger.working() if one.intent.family == "a1"]
        assert parent.filled_lots + sum(one.remaining_lots for one in working) <= 10


def _happens(trader: Trader, act: str, which: int, bid: int) -> list:
    """Let time pass, or the venue say something of one order that it may say."""
    working = trader.ledger.working()
    if act == "wait" or not working:
        quoted(trader, bid).wait(250 * (1 + which))
    elif act == "resume":
        quoted(trader, bid).do(c.ResumeParent("a1"))
    else:
        order = working[which % len(working)]
        key, now_ns = order.client_order_id, trader.now_ns
        report: dict = {
            "fill": lambda: a_fill(
                key, min(which + 1, order.remaining_lots), trade_id=f"{key}-{now_ns}-{which}-{bid}"
            ),
            "cancel": lambda: f.OrderCanceled(now_ns, key, "a test"),
            "expire": lambda: f.OrderExpired(now_ns, key, "a test"),
            "reject": lambda: f.OrderRejected(now_ns, key, "a test"),
            "lose": lambda: f.OrderUnknown(now_ns, key, "a test"),
            "ack": lambda: f.OrderAcked(now_ns, key, "v"),
        }
        trader.take(report[act]())
    return trader.asked(PlaceOrder)
