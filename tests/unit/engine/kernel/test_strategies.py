"""Running strategies: look-back, one answer to each closed candle, and what stops them."""

import pytest

from engine.execution.ledger import Ledger
from engine.kernel import strategies
from engine.kernel.strategies import Runner, position_of, ready_ns
from engine.model import facts as f
from engine.strategy.candle import (
    BUY,
    SELL,
    enter,
    hold,
    quote,
    reverse,
)
from tests.builders import a_candle, at
from tests.unit.engine.kernel.strategy_desk import (
    LEAVE,
    LONG,
    LOTS,
    PRICE,
    SHORT,
    Desk,
    shapes,
)


def script(runner: Runner):
    return runner.spec.module


# Look-back.


def test_the_look_back_comes_from_what_has_closed_already():
    desk = Desk(minute=2)
    desk.take(*(a_candle((100, 110, 90, 100 + minute), minute=minute) for minute in (0, 1)))
    desk.close(1_000)

    runner = desk.start()

    assert (runner.host.have, runner.host.need) == (3, 3)
    assert runner.host.row is not None
    assert tuple(runner.host.row) == pytest.approx((1_000.0, (100 + 101 + 1_000) / 3))
    assert runner.last_stop == "look-back 3/3"


def test_a_short_look_back_says_how_short_it_is():
    desk = Desk()
    runner = desk.start(LONG)
    assert runner.last_stop == "look-back 0/3"

    stops = []
    for _ in range(3):
        desk.close()
        stops.append(runner.last_stop)

    assert stops == ["look-back 1/3", "look-back 2/3", ""]
    assert script(runner).closes == [1_000.0]
    assert runner.counts["candles"] == 3


def test_a_candle_that_is_under_way_waits_for_its_end_and_late_trades():
    desk = Desk()
    runner = desk.ready()
    desk.run.ms = 3 * 60_000 + 59_900
    desk.touch(1_010)

    desk.minute = 4
    desk.tick(1.0)
    assert script(runner).closes == []
    desk.tick(0.25)

    assert script(runner).closes == [1_010.0]


def test_the_first_candle_that_closes_after_the_start_is_decided():
    desk = Desk()
    runner = desk.ready(LONG)

    desk.close(1_001)

    assert script(runner).closes == [1_001.0]
    assert [order.intent.tag.split()[0] for order in desk.placed] == ["enter"]


def test_a_candle_that_closed_before_the_start_is_not_decided():
    desk = Desk()
    for _ in range(3):
        desk.close()
    desk.run.ms = 4 * 60_000 - 100
    desk.touch()
    desk.run.ms = 4 * 60_000 + 500
    desk.touch()
    runner = desk.start(LONG)

    desk.minute = 3
    desk.end_minute()

    assert runner.counts["candles"] == 1
    assert runner.last_stop == "the candle closed before the start"
    assert (script(runner).closes, desk.placed) == ([], [])


def test_each_candle_is_shown_once():
    desk = Desk()
    runner = desk.ready()
    desk.close()

    desk.tick()
    desk.tick()

    assert script(runner).closes == [1_000.0]
    assert runner.last_stop == "no signal"


def test_an_unfinished_candle_of_history_is_finished_by_the_trades_since():
    desk = Desk(minute=3)
    desk.take(*(a_candle((100, 110, 90, 105), minute=minute) for minute in (1, 2)))
    begun = a_candle((700, 1_200, 600, 800), minute=3, is_closed=False, volume_lots=70_000)
    desk.take(begun)
    desk.run.market.candles.series[60].first_trade_ns = at(3 * 60_000 + 30_000)
    runner = desk.start()

    desk.close(1_100)

    row = strategies._completed(
        desk.run.market.candles.series[60], desk.run.market.candles.series[60].newest(1)[0]
    )
    assert row[1:5] == (700, 1_200, 600, 1_100)
    assert row[5:] == (70_002, 5)
    assert script(runner).closes == [1_100.0]


def test_a_gap_begins_the_look_back_anew_and_says_so():
    desk = Desk()
    runner = desk.ready(LONG)
    desk.minute += 2

    desk.close()

    told = "2 candles are missing before this one"
    assert runner.last_stop == f"{told}: look-back 1/3"
    assert f"{told}: the look-back begins anew" in desk.run.said
    desk.close()
    desk.tick()
    assert runner.last_stop == "look-back 2/3"
    desk.close()
    assert script(runner).closes == [1_000.0]
    assert runner.counts["candles"] == 3


def test_a_gap_in_history_leaves_what_came_after_it():
    desk = Desk()
    desk.close()
    desk.minute = 5
    desk.close()
    desk.close()

    runner = desk.start(LONG)

    assert runner.last_stop == "look-back 2/3"
    assert desk.close().placed


def test_after_many_candles_at_once_each_is_looked_at():
    desk = Desk()
    runner = desk.ready()
    desk.take(*(a_candle((100, 110, 90, 100 + i), minute=3 + i) for i in range(3)))
    desk.minute = 5

    desk.end_minute()

    assert script(runner).closes == [100.0, 101.0, 102.0]


# Decisions.


def test_the_answer_is_recorded_before_the_order():
    desk = Desk()
    runner = desk.ready(LONG)

    desk.close()

    signal = f"60:{at(3 * 60_000)}"
    acted, intended = desk.recorded
    assert acted == f.SignalActed(desk.run.now_ns, runner.owner, signal)
    assert isinstance(intended, f.OrderIntended)
    (order,) = desk.placed
    assert (order.intent.owner, order.intent.signal) == ("script@BTCUSDT", signal)
    spec = order.intent.spec
    assert (spec.side, spec.qty_lots, spec.tif, spec.is_reduce_only) == ("buy", LOTS, "ioc", False)


def test_a_short_entry_sells():
    desk = Desk()
    runner = desk.ready(SHORT)

    (order,) = desk.close().placed

    assert order.intent.spec.side == "sell"
    desk.fill(order, price=999)
    assert position_of(desk.state, runner) == (-1, 999.0, 0)


def test_a_quote_is_not_acted_upon():
    desk = Desk()
    runner = desk.ready(quote(999.0, 1_000.0, 0.1))

    desk.close()

    assert (desk.placed, runner.last_stop) == ([], "quotes are not traded")


def test_leaving_closes_and_the_protection_stays_until_that_is_filled():
    desk = Desk()
    runner = desk.ready(LONG, LEAVE)
    protection = desk.entered(runner)

    desk.close()

    kinds = [type(fact).__name__ for fact in desk.recorded]
    assert kinds == ["SignalActed", "OrderIntended"]
    assert desk.cancels == []
    (order,) = desk.placed
    spec = order.intent.spec
    assert (spec.side, spec.qty_lots, spec.is_reduce_only) == ("sell", LOTS, True)
    desk.fill(order)
    assert (desk.lots(runner), desk.placed) == (0, [])
    assert desk.cancels == [order.client_order_id for order in protection]


def test_a_short_is_left_by_buying():
    desk = Desk()
    runner = desk.ready(SHORT, LEAVE)
    desk.entered(runner)

    (order,) = desk.close().placed

    assert (order.intent.spec.side, order.intent.spec.qty_lots) == ("buy", LOTS)


def test_there_may_be_nothing_to_leave():
    desk = Desk()
    runner = desk.ready(LEAVE)

    desk.close()

    assert (desk.placed, runner.last_stop) == ([], "nothing to leave")
    assert runner.counts["signals"] == 1


def test_a_reversal_closes_and_enters_the_other_side():
    desk = Desk()
    runner = desk.ready(LONG, reverse(SELL, 0.055, stop_pct=3.0))
    desk.entered(runner)

    closing, entry = desk.close().placed
    desk.fill(closing, price=999)
    desk.fill(entry, price=999)

    assert desk.lots(runner) == -5
    assert shapes(desk.placed) == [("stop", "buy", 5, 1_028)]


def test_what_may_not_be_closed_keeps_its_protection_and_is_not_reversed():
    desk = Desk()
    runner = desk.ready(LONG, LEAVE, reverse(SELL, 0.05))
    desk.entered(runner)
    kill = f.TradingStateSet(desk.run.now_ns, "instrument:test:BTCUSDT", "killed", "test")
    desk.ledger.apply(kill)

    for _ in range(2):
        desk.close()

        assert (desk.cancels, desk.placed) == ([], [])
        assert runner.last_stop.startswith("Trading is killed for BTCUSDT")
    assert len(desk.ledger.working()) == 2


def test_a_reverse_of_equal_lots_passes_the_gate():
    desk = Desk()
    runner = desk.ready(LONG, reverse(SELL, 0.105, stop_pct=3.0))
    desk.entered(runner)

    left, entry = desk.close().placed

    assert shapes([left, entry]) == [("limit", "sell", LOTS, None)] * 2
    desk.fill(left)
    desk.fill(entry)
    assert desk.lots(runner) == -LOTS


def test_candles_are_counted_from_the_one_of_the_entry():
    """As the reference backtest counts: 0 at the close of the candle in which it was filled."""
    desk = Desk()
    runner = desk.ready(LONG)
    desk.entered(runner)

    for _ in range(3):
        desk.close()

    assert [position.candles for position in script(runner).positions] == [0, 0, 1, 2]
    assert script(runner).positions[-1] == (1, 1_000.0, 2)


def test_the_funnel_counts_answers_and_not_their_protection():
    desk = Desk()
    runner = desk.ready(hold(), LONG, LEAVE)
    desk.close()
    (order,) = desk.close().placed
    desk.fill(order, lots=4)
    desk.fill(order, lots=6)
    (closing,) = desk.close().placed
    desk.fill(closing)

    assert runner.counts == {"candles": 3, "signals": 2, "gate": 2, "sent": 2, "filled": 2}


def test_without_a_price_nothing_is_entered():
    desk = Desk()
    runner = desk.ready(LONG)
    desk.run.market.last_ticks = None
    desk.take(a_candle(minute=3))

    desk.end_minute()

    assert (desk.placed, runner.last_stop) == ([], "equity or price is unknown")


def test_less_than_a_lot_is_no_entry():
    desk = Desk()
    runner = desk.ready(enter(BUY, 0.005))

    desk.close()

    assert desk.placed == []
    assert runner.last_stop == "A size of 0.500 is below the smallest step of 1."
    assert runner.counts["gate"] == 0


def test_a_refused_entry_shows_why():
    desk = Desk()
    runner = desk.ready(enter(BUY, 0.6))

    desk.close()

    why = "62,940 USDT is above the limit of 35,000 (order_value_max)."
    assert (desk.placed, runner.last_stop) == ([], why)
    (notice,) = [one for one in desk.state.notices if one.source == runner.owner]
    assert notice.level == "warning"
    assert notice.text.startswith(f"enter refused: {why}")
    denied = [fact for fact in desk.recorded if isinstance(fact, f.OrderDenied)]
    assert [fact.reasons[0] for fact in denied] == [why]
    assert runner.counts == {"candles": 1, "signals": 1, "gate": 1, "sent": 0, "filled": 0}


def test_while_the_market_runs_a_strategy_enters_nothing_until_a_person_resumes_it():
    desk = Desk()
    runner = desk.ready(LONG)
    desk.run.ms = desk.minute * 60_000 + 30_000
    desk.touch(PRICE * 9 // 10)

    desk.close()

    assert desk.placed == []
    assert "fast_move_share" in runner.last_stop
    assert desk.ledger.states == {f"strategy:{runner.owner}": "reduce_only"}


def test_an_order_that_ends_without_its_fill_says_why():
    desk = Desk()
    runner = desk.ready(LONG, LONG, LONG)

    (order,) = desk.close().placed
    desk.hear(f.OrderRejected(desk.run.now_ns, order.client_order_id, "no margin"))
    assert runner.last_stop == "enter rejected: no margin"
    (order,) = desk.close().placed
    desk.accept(order).expire(order)
    assert runner.last_stop == "enter expired: no more"
    (order,) = desk.close().placed
    desk.hear(f.OrderUnknown(desk.run.now_ns, order.client_order_id, "no answer"))
    assert runner.last_stop == "enter unknown: no answer"


def test_the_end_of_protection_and_of_what_is_not_ours_stops_no_signal():
    desk = Desk()
    runner = desk.ready(LONG)
    stop, _ = desk.entered(runner)

    desk.hear(f.OrderRejected(desk.run.now_ns, "stranger", "no"))
    desk.cancelled(stop.client_order_id)

    assert runner.last_stop == ""


def test_how_long_the_look_back_takes_is_foreseen():
    desk = Desk()
    runner = desk.start()
    assert ready_ns(desk.state, runner) == at(3 * 60_000 + 1_000)

    desk.close()
    assert (runner.host.have, ready_ns(desk.state, runner)) == (1, at(3 * 60_000 + 1_000))
    desk.close()
    desk.close()

    assert ready_ns(desk.state, runner) == 0


# Restarts.


def a_desk_again(desk: Desk, minute: int) -> Desk:
    """Return a desk whose ledger knows what the first one recorded, with the same candles."""
    ledger = Ledger()
    for fact in desk.facts:
        ledger.apply(fact)
    again = Desk(ledger, minute)
    again.take(*(a_candle((PRICE,) * 4, minute=one) for one in range(minute)))
    return again


def test_a_candle_is_answered_once_across_restarts():
    desk = Desk()
    desk.ready(LONG)
    (order,) = desk.close().placed
    desk.hear(f.OrderRejected(desk.run.now_ns, order.client_order_id, "no margin"))
    again = a_desk_again(desk, minute=3)
    runner = again.start(LONG, LONG)

    again.close()

    assert (again.placed, runner.last_stop) == ([], "the candle was answered in an earlier run")
    assert script(runner).closes == []
    assert again.close().placed
    assert runner.counts["signals"] == 1


def test_a_position_of_an_earlier_run_is_protected_as_it_was_meant():
    desk = Desk()
    desk.ready(enter(BUY, 0.105, stop=40.0, target_pct=5.0))
    (order,) = desk.close().placed
    desk.fill(order)
    unsent = [one.client_order_id for one in desk.placed]
    again = a_desk_again(desk, minute=5)
    again.hear(*(f.OrderRejected(again.run.now_ns, key, "never sent") for key in unsent))
    runner = again.start()

    again.tick()

    assert shapes(again.placed) == [
        ("stop", "sell", LOTS, 960),
        ("take_profit", "sell", LOTS, 1_050),
    ]
    assert position_of(again.state, runner) == (1, 1_000.0, 0)
    again.close()
    again.close()
    assert [position.candles for position in script(runner).positions] == [1, 2]


def test_a_start_looks_past_orders_of_others_and_orders_that_were_not_filled():
    desk = Desk()
    first = desk.ready(LONG, hold(), LONG)
    other = desk.ready(hold(), LONG, name="other")
    desk.entered(first)
    (order,) = desk.close().placed
    desk.fill(order)
    desk.close()
    again = a_desk_again(desk, minute=6)

    found = [again.start(name=name) for name in ("script", "other", "third")]

    assert [one.owner for one in found[:2]] == [first.owner, other.owner]
    assert [one.entered_open_ns for one in found] == [at(3 * 60_000), at(4 * 60_000), 0]


def test_two_runs_of_the_same_events_have_one_digest():
    digests = set()
    for _ in range(2):
        desk = Desk()
        desk.entered(desk.ready(LONG))
        digests.add(desk.run.kernel.step_digest())
    plain = Desk()
    plain.ready()
    digests.add(plain.run.kernel.step_digest())

    assert len(digests) == 2
