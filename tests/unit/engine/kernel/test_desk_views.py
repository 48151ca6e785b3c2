"""Pictures of the desk: what is held, what works, what a kill did, which limits are used."""

from decimal import Decimal

import pytest

from engine.kernel.desk_views import orders_view, positions_view, risk_view, short_id
from engine.model import commands as c
from engine.model import facts as f
from engine.model.envelope import StorageDegraded, TimerFired
from engine.model.instrument import InstrumentId
from engine.model.view import RiskView
from tests.builders import (
    BTC,
    ETH,
    Trader,
    a_candle,
    a_fill,
    a_mark,
    a_trade,
    a_trader,
    an_instrument,
    at,
    buy,
)
from tests.unit.engine.kernel.parent_desk import filled, started, twap

GHOST = InstrumentId("test:GHOST")
GRID = "grid@BTCUSDT"


def risk(trader: Trader) -> RiskView:
    return risk_view(trader.state, is_latched=False, is_persisted=False, is_journal_ok=True)


# Positions.


def test_each_owner_has_a_row_and_the_account_its_sums():
    trader = a_trader().holds(5, 990).holds(-2, 1_010, owner=GRID)
    trader.take(a_mark("1000"))

    view = positions_view(trader.state)

    rows = [(row.owner, row.side, row.size, row.entry, row.open_profit) for row in view.rows]
    assert rows == [(GRID, "short", "2", "1010", "20.00"), ("hand", "long", "5", "990", "50.00")]
    assert (view.currency, view.equity, view.day_profit) == ("USD", "100070.00", "70.00")
    assert view.rows[0].mark == "1000"
    leverage = trader.desk.limits.leverage_max
    assert [(row.value, row.margin) for row in view.rows] == [
        ("2000.00", f"{2_020 / leverage:.2f}"),
        ("5000.00", f"{4_950 / leverage:.2f}"),
    ]


def test_on_a_real_account_only_the_venue_knows_the_margin():
    live = a_trader(is_live=True).holds(5, 990)

    assert [row.margin for row in positions_view(live.state).rows] == [None]


def test_realised_profit_and_fees_are_summed():
    trader = a_trader().holds(5, 990)
    fill = a_fill(trader.works("sell", 5, 1_000), 5, 1_000, fee=Decimal("1.5"))

    view = positions_view(trader.take(fill).state)

    assert (view.rows, view.realised, view.fees, view.funding) == ((), "50.00", "-1.50", "0.00")
    assert view.equity == "100048.50"


def test_profit_of_what_is_watched_no_longer_still_counts():
    trader = a_trader().holds(5, 990).holds(-5, 1_000)
    del trader.state.instruments[BTC]

    assert positions_view(trader.state).realised == "50.00"


def test_fees_in_another_currency_are_told_apart():
    trader = a_trader()
    for number, (name, fee) in enumerate([("USDT", "1.5"), ("USDC", "1"), ("BNB", "0.0012")]):
        cid = trader.works("buy", 1)
        fill = a_fill(cid, trade_id=f"t{number}", fee=Decimal(fee), fee_currency=name)
        trader.take(fill)

    view = positions_view(trader.state)

    assert (view.fees, view.other_fees) == ("-2.50", ("-0.0012 BNB",))
    assert view.equity == "99999.00"


def test_what_cannot_be_valued_is_unknown_and_not_zero():
    trader = a_trader().holds(5)
    trader.state.instruments[BTC].instrument = an_instrument(tick_size=None)

    view = positions_view(trader.state)

    assert (view.equity, view.day_profit) == (None, None)
    assert (view.rows[0].mark, view.rows[0].open_profit) == (None, None)


def test_a_day_without_a_first_mark_has_no_profit_yet():
    trader = a_trader()
    trader.state.ts_ns = at(86_400_000)

    assert positions_view(trader.state).day_profit is None


def test_a_position_of_what_is_not_watched_is_shown_once_its_steps_are_known():
    trader = a_trader().holds(3, instrument_id=GHOST)
    assert positions_view(trader.state).rows == ()

    trader.ledger.apply(f.InstrumentKnown(at(0), GHOST, Decimal(1), Decimal(1), "USDT"))

    (row,) = positions_view(trader.state).rows
    assert (row.name, row.size, row.mark) == ("GHOST", "3", None)


@pytest.mark.parametrize(
    ("lots", "changed", "is_protected"),
    [
        (5, {}, True),
        (4, {}, False),
        (5, {"type": "take_profit"}, False),
        (5, {"is_acked": False}, False),
        (5, {"owner": GRID}, False),
        (5, {"is_reduce_only": False}, False),
    ],
)
def test_protected_is_what_the_venue_has_a_stop_for(lots, changed, is_protected):
    trader = a_trader().holds(5)
    trader.stops(lots=lots, **changed)

    (row,) = positions_view(trader.state).rows

    assert row.is_protected is is_protected


@pytest.mark.parametrize(
    ("held", "stopped", "part"),
    [(3, 2, "2/3"), (6, 2, "1/3"), (11, 5, "45%"), (1_000, 1, "1%"), (3, 4, ""), (3, 0, "")],
)
def test_a_stop_for_a_part_is_shown_as_that_part(held: int, stopped: int, part: str):
    trader = a_trader().holds(-held)
    if stopped:
        trader.stops("buy", lots=stopped, trigger=1_050)

    (row,) = positions_view(trader.state).rows

    assert row.stopped_part == part
    assert row.is_protected is (stopped >= held)


# Orders.


def test_working_orders_and_ended_ones_the_newest_first():
    trader = a_trader()
    first, second = trader.works("buy", 3, 990), trader.works("buy", 1, 991)
    third = trader.works(tif="ioc", is_post_only=True, is_reduce_only=True)
    trader.take(a_fill(first, 1, 990))
    for cid in (second, third):
        trader.take(f.OrderCanceled(at(0), cid, "canceled by us"))

    view = orders_view(trader.state)

    (working,) = view.working
    assert (working.short_id, working.state, working.size, working.filled) == (
        "o1",
        "part",
        "3",
        "1",
    )
    assert (working.price, working.trigger, working.flags, working.price_units) == (
        "990",
        "",
        "",
        990,
    )
    assert [row.short_id for row in view.ended] == ["o3", "o2"]
    assert (view.ended[0].flags, view.ended[0].reason) == ("IOC PO RO", "canceled by us")


def test_a_stop_shows_its_trigger():
    trader = a_trader()
    trader.stops(trigger=950)

    (row,) = orders_view(trader.state).working

    assert (row.price, row.trigger, row.price_units) == ("", "950", None)


def test_an_order_that_left_without_the_journal_says_so():
    trader = a_trader().holds(5).take(StorageDegraded("disk full"))
    trader.do(c.ClosePosition(BTC))
    trader.take(f.OrderRejected(at(0), trader.newest.client_order_id, "no"))

    assert orders_view(trader.state).ended[0].reason == "NOT JOURNALLED: no"


def test_an_order_says_how_far_from_the_market_it_is_where_that_is_known():
    trader = a_trader().holds(5)
    trader.works("buy", 1, 990, instrument_id=ETH)
    trader.works("sell", 1, 1_020)
    trader.stops(trigger=950)
    trader.works("sell", 1, None, type="market")
    trader.take(a_mark("1000"))

    rows = orders_view(trader.state).working

    assert [row.distance_bps for row in rows] == [None, 200.0, -500.0, None]


def test_an_order_of_what_is_not_watched_is_shown():
    trader = a_trader()
    trader.works(instrument_id=GHOST)

    (row,) = orders_view(trader.state).working

    assert (row.name, row.price_units) == ("GHOST", None)


def test_fills_are_shown_the_newest_first_and_strangers_not_at_all():
    trader = a_trader()
    cid = trader.works("buy", 3, 990)
    trader.take(a_fill(cid, 1, 990), a_fill(cid, 2, 989, fee=Decimal("0.30")))
    trader.desk.fills.append(a_fill("stranger"))

    rows = orders_view(trader.state).fills

    assert [(row.size, row.price, row.fee) for row in rows] == [
        ("2", "989", "0.30"),
        ("1", "990", "0"),
    ]
    assert (rows[0].short_id, rows[0].owner, rows[0].side) == ("o1", "hand", "buy")


def test_a_fill_without_steps_is_not_shown():
    trader = a_trader()
    trader.take(a_fill(trader.works(instrument_id=ETH)))

    assert orders_view(trader.state).fills == ()


# Parents.


def test_a_parent_shows_how_far_it_has_come_and_when_it_goes_on():
    trader = started(twap())
    filled(trader, 1, 1_001)
    filled(trader, 1, 1_002)

    (row,) = orders_view(trader.state).parents

    assert (row.parent_id, row.kind, row.side, row.name) == ("a1", "twap", "buy", "BTCUSDT")
    assert (row.size, row.filled, row.share, row.average) == ("10", "2", 0.2, "1002")
    assert (row.progress, row.state, row.reason) == ("1/4 slices", "running", "")
    assert row.next_ns == at(10_000)


def test_a_paused_parent_says_why_and_an_ended_one_nothing():
    trader = started(twap())
    trader.ledger.apply(f.ParentPaused(trader.now_ns, "a1", "a test"))

    (row,) = orders_view(trader.state).parents
    assert (row.state, row.reason, row.next_ns, row.average) == ("paused", "a test", None, "")

    trader.ledger.apply(f.ParentEnded(trader.now_ns, "a1", "a test"))
    assert orders_view(trader.state).parents == ()


def test_a_parent_without_steps_has_no_sizes():
    trader = started(twap())
    del trader.ledger.all_steps[BTC]

    (row,) = orders_view(trader.state).parents

    assert (row.size, row.filled) == ("0", "0")


def test_an_entry_that_trails_and_its_stop_say_so():
    trader = a_trader()
    trader.do(buy(10, 1_000, trail=c.TrailWish("ticks", Decimal(40))))
    trader.holds(5).do(c.SetTrail(BTC, c.TrailWish("ticks", Decimal(40))))

    assert [row.flags for row in orders_view(trader.state).working] == ["TR", "RO t1"]


# Risk.


def test_limits_show_their_use():
    view = risk(a_trader().holds(5).take(a_mark("1000")))

    used = next(row for row in view.limits if row.name == "position_value_max")
    assert (used.use, used.limit) == ("5000", "50000")
    assert used.share == pytest.approx(0.1)
    assert view.trading_state == "active"
    assert (view.trading_reason, view.kill_report) == ("", ())


def test_a_limit_whose_use_is_unknown_is_off():
    view = risk(a_trader().holds(3, instrument_id=GHOST))

    gross = next(row for row in view.limits if row.name == "gross_value_max")
    assert (gross.use, gross.share, gross.off_reason) == ("", None, "off")


def test_fees_that_no_loss_counts_are_listed_as_off():
    trader = a_trader()
    cid = trader.works("buy", 2)
    for number, (name, fee) in enumerate([("USDC", "1"), ("BNB", "0.0012")]):
        trader.take(a_fill(cid, trade_id=f"t{number}", fee=Decimal(fee), fee_currency=name))
    cid = trader.works("buy", 1)
    trader.take(a_fill(cid, trade_id="t9", fee=Decimal(0), fee_currency="FDUSD"))

    rows = [row for row in risk(trader).limits if row.name.endswith(" fees")]

    assert [(row.name, row.share) for row in rows] == [("BNB fees", None)]
    assert rows[0].off_reason == "0.0012 BNB count in no loss: no rate of it"


def test_a_control_without_its_reference_is_off_and_says_where():
    """D15: on paper it is off where people see it; live nothing is off, what is unknown denies."""
    trader = a_trader().take(a_trade(1_000))
    told = {row.name: row for row in risk(trader).limits}["fast_move_share"]
    assert (told.share, told.off_reason) == (None, "nothing to judge by yet for BTCUSDT")

    trader.wait(60_000).take(a_trade(1_000, ms=60_000))

    names = [row.name for row in risk(trader).limits]
    assert "fast_move_share" not in names
    assert len(names) == len(set(names))
    live = {row.name for row in risk(a_trader(is_live=True)).limits}
    assert "fast_move_share" not in live


def test_armed_shows_until_when_and_disarmed_nothing():
    assert risk(a_trader(is_armed=False)).armed_until_ns is None
    trader = a_trader()
    assert risk(trader).armed_until_ns == 0

    trader.do(c.Arm(60))

    assert risk(trader).armed_until_ns == at(60_000)


def test_a_lowered_state_says_why_and_a_raised_one_does_not():
    trader = a_trader()
    trader.do(c.SetReduceOnly())
    assert risk(trader).trading_reason == "by hand"

    trader.do(c.Resume())

    assert risk(trader).trading_reason == ""


def test_a_kill_tells_what_was_filled_in_part():
    trader = a_trader()
    part, none = trader.works("buy", 5, 990), trader.works("buy", 5, 991)
    trader.say(c.EngageKill())
    trader.take(a_fill(part, 2, 990))
    trader.take(*(f.OrderCanceled(at(0), cid, "") for cid in (part, none)))

    assert "filled in part: o1 2 of 5 BTCUSDT" in risk(trader).kill_report


def test_a_kill_tells_of_a_part_of_what_is_counted_in_no_known_steps():
    trader = a_trader()
    cid = trader.works("buy", 5, 990, instrument_id=GHOST)
    trader.say(c.EngageKill())
    trader.take(a_fill(cid, 2, 990))

    assert "filled in part: o1 2 of 5 GHOST" in risk(trader).kill_report


def test_a_kill_reports_until_everything_is_gone():
    trader = a_trader().holds(5)
    first, second, third = (trader.works("buy", 1, price) for price in (990, 991, 992))
    stop = trader.stops(lots=5)
    trader.say(c.EngageKill())

    assert risk(trader).kill_report == (
        "test: cancelled 0/3, NOT VERIFIED",
        "still working: o2, o3, o4",
        "1 protective orders stay",
        "positions: BTCUSDT +5",
    )

    trader.take(f.OrderCanceled(at(0), first, ""), a_fill(second, 1, 991))
    trader.take(f.OrderCanceled(at(0), third, ""), a_fill(stop, 5, 950))
    trader.take(a_fill(trader.works(), 1, 1_010))

    assert risk(trader).kill_report == (
        "test: cancelled 2/3, VERIFIED",
        "1 filled before the cancel came",
        "positions: none",
    )


def test_an_order_that_was_being_cancelled_before_the_kill_is_counted_too():
    trader = a_trader()
    cid = trader.works()
    trader.do(c.CancelAll())
    trader.say(c.EngageKill())
    trader.say(c.EngageKill())
    assert risk(trader).kill_report[0] == "test: cancelled 0/1, NOT VERIFIED"

    trader.take(f.OrderCanceled(at(0), cid, ""))

    assert risk(trader).kill_report[0] == "test: cancelled 1/1, VERIFIED"


def test_killed_without_a_report_says_what_is_left():
    trader = a_trader()
    trader.ledger.apply(f.TradingStateSet(at(0), "all", "killed", "a test"))

    assert risk(trader).kill_report == ("test: cancelled 0/0, VERIFIED", "positions: none")


def test_a_position_without_its_stop_is_an_alarm_in_the_risk_view_and_in_the_kill_report():
    trader = a_trader().holds(5, owner=GRID)
    trader.take(TimerFired("sweep", trader.now_ns)).wait(4_000)
    trader.take(TimerFired("sweep", trader.now_ns)).say(c.EngageKill())

    view = risk(trader)

    assert view.alarms == ("UNPROTECTED BTCUSDT: no stop for 5 of +5 of grid@BTCUSDT",)
    assert view.kill_report[-1] == view.alarms[0]


def test_a_running_strategy_has_a_row():
    trader = a_trader()
    trader.do(c.StartStrategy("mean_reversion", BTC, 60))

    (row,) = risk(trader).strategies

    assert (row.name, row.state, row.have, row.conditions) == (
        "mean_reversion@BTCUSDT",
        "active",
        0,
        (),
    )
    assert row.need > 0
    assert row.ready_ns == at(row.need * 60_000 + 1_000)


def test_a_strategy_that_has_looked_back_shows_its_conditions():
    trader = a_trader()
    start = c.StartStrategy("mean_reversion", BTC, 60)
    for minute in range(-400, 0):
        trader.take(a_candle((1_000, 1_010, 990, 1_000 + minute % 7), minute=minute))
    trader.wait(2_000).do(start)
    trader.take(TimerFired("sweep", trader.now_ns))

    (row,) = risk(trader).strategies

    assert row.have >= row.need
    assert row.ready_ns == 0
    assert row.conditions
    assert all(isinstance(value, str) for _, value, _, _ in row.conditions)


def test_short_ids_count_the_orders_of_the_ledger():
    trader = a_trader()
    trader.works()

    assert short_id(trader.ledger.orders[trader.works()]) == "o2"
