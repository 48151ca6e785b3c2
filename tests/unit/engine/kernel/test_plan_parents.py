"""Commands of parents: the whole is judged and confirmed once."""

from decimal import Decimal

import pytest

from engine.kernel.parents import ACTIVE_MAX
from engine.model import commands as c
from engine.model import facts as f
from engine.model.market import FeedDown
from engine.model.parents import Chase, Iceberg, Scale, Twap
from tests.builders import BTC, ETH, FEED, a_trader, at, set_state
from tests.unit.engine.kernel.parent_desk import (
    acked,
    canceled,
    chase,
    filled,
    iceberg,
    parent_of,
    scale,
    started,
    twap,
)


@pytest.mark.parametrize(
    ("action", "spec", "told", "level"),
    [
        (
            scale(is_post_only=True, tag="x"),
            Scale(BTC, "buy", 8, 990, 999, 4, is_post_only=True, tag="x"),  # type: ignore[arg-type]  # plain numbers
            "a1: 4 × BUY 2 LIM post 990…999",
            1,
        ),
        (
            scale(lots=10, shape="lin"),
            Scale(BTC, "buy", 10, 990, 999, 4, "lin"),  # type: ignore[arg-type]  # plain numbers
            "a1: 4 × BUY 1…4 LIM 990…999",
            1,
        ),
        (
            twap(jitter_percent=Decimal(20), limit=Decimal("1003.5")),
            Twap(BTC, "buy", 10, 40 * 10**9, 4, Decimal(20), 1_003),  # type: ignore[arg-type]  # plain numbers
            "a1: 4 × BUY about 2 at the market over 40 s",
            2,
        ),
        (
            iceberg(),
            Iceberg(BTC, "buy", 10, 999, 4),  # type: ignore[arg-type]  # plain numbers
            "a1: BUY 4 at a time @ 999",
            1,
        ),
        (
            chase(),
            Chase(BTC, "buy", 10, 1_005, 60 * 10**9),  # type: ignore[arg-type]  # plain numbers
            "a1: BUY at the best price up to 1005 for 60 s; then the rest is let go",
            1,
        ),
        (
            chase(then="mkt"),
            Chase(BTC, "buy", 10, 1_005, 60 * 10**9, "mkt"),  # type: ignore[arg-type]  # plain numbers
            "a1: BUY at the best price up to 1005 for 60 s; then the rest goes at the market",
            2,
        ),
        (
            scale(side="sell", first=1_002, last=1_005),
            Scale(BTC, "sell", 8, 1_002, 1_005, 4),  # type: ignore[arg-type]  # plain numbers
            "a1: 4 × SELL 2 LIM 1002…1005",
            1,
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_parent_is_told_rounded_and_begun(action, spec, told, level):
    trader = a_trader()
    outcome = trader.ask(action)
    assert outcome.verdict == "accepted"
    assert (outcome.sentences[0], outcome.level) == (told, level)
    assert trader.ledger.parents == {}

    started(action, trader)

    assert parent_of(trader).spec == spec


def test_the_whole_decides_how_it_is_confirmed():
    outcome = a_trader().ask(scale(lots=20))

    assert (outcome.level, outcome.word) == (3, "20")
    assert "notional 19980.00 · margin 4995.00 · after LONG 20" in outcome.sentences


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (scale(first=Decimal("NaN")), "A price of NaN is no number above zero."),
        (scale(lots=0), "A size of 0 is no number above zero."),
        (iceberg(show=0), "A size of 0 is no number above zero."),
        (scale(count=1), "a scale has 2 to 50 orders"),
        (twap(duration_s=0), "a twap lasts a day at most"),
        (scale(lots=60), "position_value_max"),
        (scale(first=300), "its orders: A price of 300 ticks is below the lowest"),
        (scale(lots=4, is_reduce_only=True), "flip"),
    ],
    ids=repr,
)
def test_what_cannot_be_is_refused_as_a_whole(action, told):
    trader = a_trader()

    outcome = trader.do(action)

    assert outcome.verdict == "refused"
    assert any(told in sentence for sentence in outcome.sentences), outcome.sentences
    assert trader.ledger.parents == {}


def test_limits_of_one_order_are_for_each_child():
    trader = a_trader(order_value_max=Decimal(5_000))

    assert trader.do(scale(lots=16)).verdict == "accepted"
    assert "order_value_max" in trader.do(iceberg(lots=16, show=6)).sentences[0]


def test_a_parent_is_not_begun_without_arming_market_or_book():
    told = "disarmed: arm before an order that adds risk"
    assert told in a_trader(is_armed=False).do(scale()).sentences
    unknown = c.StartChase(ETH, "buy", Decimal(1), Decimal(9), 5)
    assert "watched" in a_trader().do(unknown).sentences[0]

    dark = a_trader().take(FeedDown(FEED, "reset", at(5_000), 1))
    told = "the book is not whole and recent; such an order needs its prices"
    assert told in dark.do(scale()).sentences


def test_a_parent_that_reduces_needs_no_arming():
    trader = a_trader(is_armed=False).holds(10)

    assert trader.ask(twap(lots=8, side="sell", is_reduce_only=True)).verdict == "accepted"


def test_a_parent_that_would_not_only_reduce_is_refused():
    trader = a_trader().holds(10).holds(-10, owner="grid@BTCUSDT")

    outcome = trader.do(twap(lots=8, side="sell", is_reduce_only=True))

    assert outcome.sentences == ("it would not only reduce the position",)


def test_who_looked_at_an_old_book_looks_again():
    trader = a_trader()
    trader.wait(4_000)

    outcome = trader.do(scale(book_seq=9))

    assert outcome.verdict == "refused"


def test_two_parents_of_one_line_have_two_names():
    trader = a_trader()

    assert trader.do(scale(), iceberg()).verdict == "accepted"

    assert list(trader.ledger.parents) == ["a1", "a2"]


def test_only_so_many_parents_go_on_at_a_time():
    trader = a_trader()
    for number in range(1, ACTIVE_MAX + 1):
        spec = parent_of(started(scale(), a_trader())).spec
        trader.ledger.apply(f.ParentStarted(trader.now_ns, f"a{number}", spec))

    told = ("20 such orders go on already: cancel one first",)
    assert trader.do(scale()).sentences == told
    trader.ledger.apply(f.ParentEnded(trader.now_ns, "a1", "a test"))
    assert trader.do(scale()).verdict == "accepted"


# What exists already.


def test_nobody_amends_what_a_parent_works_until_it_has_ended():
    trader = started(chase())
    key = acked(trader)
    larger = c.AmendOrder(key, size=Decimal(20))

    told = ("a1 works this order: cancel that one to change it",)
    assert trader.do(larger).sentences == told
    trader.ledger.apply(f.ParentEnded(trader.now_ns, "a1", "a test"))
    assert trader.do(larger).verdict == "accepted"


def paused(action: c.Action):
    trader = started(action)
    trader.ledger.apply(f.ParentPaused(trader.now_ns, "a1", "a test"))
    return trader


def test_a_person_confirms_what_is_left_when_it_goes_on():
    trader = paused(scale(lots=20))
    filled(trader, 5)

    outcome = trader.ask(c.ResumeParent("a1"))

    assert (outcome.level, outcome.word) == (1, "")  # 10 work, 5 are left: below the soft limit.
    assert outcome.sentences[-1] == "a1 goes on: it was paused because a test"
    trader.do(c.ResumeParent("a1"))
    assert parent_of(trader).state == "running"


def test_a_parent_with_nothing_left_to_send_may_go_on():
    trader = paused(iceberg())
    filled(trader, 10)

    assert trader.do(c.ResumeParent("a1")).level == 1
    assert parent_of(trader).state == "ended"


def test_a_paused_parent_needs_arming_and_a_book_to_go_on():
    trader = paused(scale())
    trader.desk.armed_until_ns = None
    told = "disarmed: arm before an order that adds risk"
    assert told in trader.do(c.ResumeParent("a1")).sentences

    trader.take(FeedDown(FEED, "reset", at(5_000), 1))
    told = "the book is not whole and recent; such an order needs its prices"
    assert trader.do(c.ResumeParent("a1")).sentences == (told,)

    del trader.state.instruments[BTC]
    assert "watched" in trader.do(c.ResumeParent("a1")).sentences[0]


def test_where_trading_only_reduces_a_parent_that_adds_risk_does_not_go_on():
    trader = paused(scale())
    set_state(trader, "all", "reduce_only")

    told = ("trading is reduce_only: let it go on first",)
    assert trader.do(c.ResumeParent("a1")).sentences == told


def test_what_is_not_paused_does_not_go_on():
    trader = started(scale())

    told = trader.do(c.ResumeParent("a1")).sentences
    assert told == ("a1 is not paused: it is running",)
    assert trader.do(c.ResumeParent("a9")).sentences == ("a9 is not paused: it is unknown",)


def test_a_cancel_of_a_parent_takes_its_orders_along():
    trader = started(scale())
    first, second = [order.client_order_id for order in trader.ledger.working()]
    trader.take(f.OrderAcked(trader.now_ns, first, "v"))
    trader.do(c.CancelOrders((first,)))

    outcome = trader.do(c.CancelParents(("a1",)))

    assert outcome.sentences == ("ends a1",)
    assert outcome.level == 0
    assert canceled(trader) == [second]
    assert parent_of(trader).reason == "canceled by hand"
    assert trader.do(c.CancelParents(("a1",))).sentences == ("a1 does not run",)


def test_a_cancel_is_said_once_though_two_words_mean_it():
    trader = started(scale())
    keys = tuple(order.client_order_id for order in trader.ledger.working())

    trader.do(c.CancelOrders(keys[:1]), c.CancelParents(("a1",)))
    assert canceled(trader) == list(keys)

    other = started(scale())
    other.do(c.CancelParents(("a1",)), c.CancelAll())
    assert parent_of(other).state == "ended"


@pytest.mark.parametrize(
    ("action", "state"),
    [
        (c.CancelAll(), "ended"),
        (c.CancelAll(BTC), "ended"),
        (c.CancelAll(BTC, "buy"), "ended"),
        (c.CancelAll(BTC, "sell"), "running"),
        (c.CancelAll(ETH), "running"),
    ],
    ids=repr,
)
def test_a_cancel_of_all_ends_the_parents_it_means(action, state):
    trader = started(scale())

    trader.do(action)

    assert parent_of(trader).state == state
