"""Orders that no person asks for: what the gate is told of them, and cancels that are repeated."""

from engine.model import facts as f
from tests.builders import ETH, a_trade, an_instrument, an_update
from tests.order_facts import a_fill
from tests.unit.engine.kernel.strategy_desk import LONG, Desk


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
