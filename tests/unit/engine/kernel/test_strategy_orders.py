"""Orders that no person asks for: the gate, repeated cancels, protection that is too large."""

import msgspec
import pytest

from engine.model import commands as c
from engine.model import facts as f
from engine.model.envelope import RunEnding, StorageDegraded
from engine.model.orders import ApprovedOrder
from engine.strategy.candle import hold
from tests.builders import ETH, a_trade, an_instrument, an_update
from tests.order_facts import a_fill
from tests.unit.engine.kernel.strategy_desk import LEAVE, LONG, SHORT, Desk


def test_a_cancel_without_an_answer_is_asked_for_again():
    desk = Desk()
    runner = desk.ready(LONG)
    stop, target = desk.entered(runner)
    desk.fill(stop)
    key = target.client_order_id
    desk.hear(f.CancelRejected(desk.run.now_ns, key, "unknown order"))

    asked_again = [desk.tick(0.9).cancels for _ in range(6)]

    assert asked_again == [[], [], [key], [], [], [key]]


def test_positions_in_other_instruments_count_at_the_gate():
    """Unless all of them are valued, gross and leverage are not known, and off on paper."""
    desk = Desk()
    runner = desk.ready(LONG)
    desk.take(an_update(an_instrument(ETH)), a_trade(instrument_id=ETH, price=1_000))
    held = {"instrument_id": ETH, "side": "buy", "ts_ns": desk.run.now_ns}
    desk.hear(a_fill("elsewhere", "t1", 395, 1_000, **held))

    desk.close()

    assert (desk.placed, runner.counts["gate"]) == ([], 1)
    assert "gross_value_max" in runner.last_stop or "leverage_max" in runner.last_stop


def test_a_strategy_that_its_breaker_halted_sends_nothing_and_says_why():
    desk = Desk()
    runner = desk.ready(*[LONG] * 6)
    for _ in range(5):
        (order,) = desk.close().placed
        desk.hear(f.OrderRejected(desk.run.now_ns, order.client_order_id, "no margin"))
    assert desk.ledger.states == {f"strategy:{runner.owner}": "halted"}

    desk.close()

    assert (desk.placed, desk.cancels) == ([], [])
    told = "Trading is halted for BTCUSDT by script@BTCUSDT: only orders that reduce leave."
    assert runner.last_stop == told
    assert any(told in text for text in desk.run.said)


# Protection that is too large.


def in_two_parts(desk: Desk) -> list[ApprovedOrder]:
    """Enter with 4 and 6 lots, each protected by itself; return stops and targets in turn."""
    desk.ready(LONG)
    (entry,) = desk.close().placed
    desk.fill(entry, lots=4)
    orders = list(desk.expire(entry).tick().placed)
    orders += desk.fill(entry, lots=6).placed
    assert [order.intent.spec.qty_lots for order in orders] == [4, 4, 6, 6]
    for order in orders:
        desk.accept(order)
    return orders


def test_of_several_stops_only_what_is_too_much_is_cancelled():
    desk = Desk()
    stop, target, *_ = in_two_parts(desk)

    desk.fill(target, price=1_050)

    assert desk.cancels == [stop.client_order_id]


@pytest.mark.parametrize(
    "trouble",
    [
        lambda desk: desk.take(c.OperatorCommand(1, "me", "kill", (c.EngageKill(),))),
        lambda desk: desk.take(StorageDegraded("disk full")),
        lambda desk: desk.take(RunEnding()),
    ],
    ids=["killed", "no journal", "the run ends"],
)
def test_a_stop_that_is_too_large_stays_where_no_other_could_follow(trouble):
    desk = Desk()
    _, target, *_ = in_two_parts(desk)
    assert trouble(desk).cancels == []

    desk.fill(target, price=1_050)

    assert desk.cancels == []
    assert desk.tick(5).cancels == []


def test_a_stop_that_is_too_large_and_that_no_venue_clips_goes_all_the_same():
    desk = Desk()
    one = desk.ready(LONG)
    desk.ready(hold(), SHORT, name="two")
    desk.entered(one)
    (entry,) = desk.close().placed
    stop, target = desk.fill(entry).placed
    desk.accept(stop)
    assert not stop.intent.spec.is_reduce_only  # The net position is zero.
    desk.take(StorageDegraded("disk full"))

    desk.fill(target, lots=4, price=950).tick()

    assert desk.cancels == [stop.client_order_id]


@pytest.mark.parametrize("trouble", [StorageDegraded("disk full"), RunEnding()], ids=repr)
def test_protection_is_not_given_up_for_a_close_that_cannot_be_sent(trouble):
    desk = Desk()
    runner = desk.ready(LONG, LEAVE)
    desk.entered(runner)
    desk.take(trouble)

    desk.close()

    assert (desk.placed, desk.cancels) == ([], [])
    assert runner.last_stop == "no close can be sent; the protection stays"


def test_a_close_that_does_not_fill_leaves_nothing_bare():
    desk = Desk()
    runner = desk.ready(LONG, LEAVE)
    desk.entered(runner)
    (order,) = desk.close().placed

    desk.accept(order)
    desk.expire(order)

    assert (desk.tick().cancels, desk.placed) == ([], [])
    assert [one.state for one in desk.ledger.working()] == ["open", "open"]


def test_protection_that_could_open_a_position_goes_with_the_close():
    desk = Desk()
    runner = desk.ready(LONG, LEAVE)
    stop, _ = desk.entered(runner)
    loose = msgspec.structs.replace(
        stop.intent, spec=msgspec.structs.replace(stop.intent.spec, is_reduce_only=False)
    )
    desk.ledger.apply(f.OrderIntended(desk.run.now_ns, "loose", loose, 1))

    desk.close()

    assert desk.cancels == ["loose"]
