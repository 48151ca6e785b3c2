"""What strategies say when they are asked: decisions, conditions, and contained failures."""

from engine.kernel import strategies
from engine.kernel.strategies import Runner
from engine.model import commands as c
from engine.model import facts as f
from engine.strategy.candle import BUY, Condition, Position, enter, hold
from engine.strategy.registry import StrategySpec
from tests.builders import BTC, a_candle
from tests.unit.engine.kernel.strategy_desk import LONG, Desk, Script, ScriptParams


def script(runner: Runner):
    return runner.spec.module


# Conditions.


class Explaining(Script):
    """A scripted strategy that says what it waits for, or fails to."""

    fails = False

    def conditions(self, row, position: Position, params) -> tuple[Condition, ...]:
        """Return one condition of the close and one of the position."""
        del params
        if self.fails:
            raise KeyError("threshold")
        return (
            Condition("close below", row.close, 900.0, row.close < 900.0),
            Condition("side", position.side, 1, position.side == 1),
        )


def explaining(desk: Desk, *answers) -> Runner:
    for _ in range(3 - desk.minute):
        desk.close()
    spec = StrategySpec("script", "script", Explaining(answers), 60, ScriptParams())
    runner = Runner(spec, BTC, 60)
    strategies.start(desk.state, runner)
    return runner


def test_what_a_strategy_waits_for_is_told_after_its_look_back_each_candle_and_each_fill():
    desk = Desk()
    runner = explaining(desk, LONG)

    desk.tick()
    assert runner.conditions == (("close below", "1000", "900", False), ("side", "0", "1", False))
    (order,) = desk.close(1_001).placed
    assert runner.conditions[0] == ("close below", "1001", "900", False)
    desk.fill(order).tick()
    assert runner.conditions[1] == ("side", "1", "1", True)


def test_a_strategy_that_fails_to_say_what_it_waits_for_is_stopped_alone():
    desk = Desk()
    runner = explaining(desk, LONG)
    steady = desk.start(name="steady")
    desk.tick()
    script(runner).fails = True
    (order,) = desk.close().placed
    assert desk.cancels == [order.client_order_id]

    assert list(desk.state.desk.runners) == [steady.owner]
    (stopped,) = [fact for fact in desk.recorded if isinstance(fact, f.StrategyStopped)]
    assert (stopped.owner, stopped.reason) == (runner.owner, "KeyError")
    told = "stopped: KeyError: 'threshold'; its position and protection stay"
    assert told in desk.run.said
    assert desk.fill(order).placed


def test_after_a_gap_there_is_nothing_to_wait_for_but_candles():
    desk = Desk()
    runner = explaining(desk)
    desk.tick()
    desk.minute += 2

    desk.close()

    assert (runner.conditions, runner.host.have) == ((), 1)


def test_a_close_by_hand_changes_what_the_strategy_waits_for():
    desk = Desk()
    runner = explaining(desk, LONG)
    (order,) = desk.close().placed
    desk.fill(order).tick()
    close = c.OperatorCommand(1, "hand", "close", (c.ClosePosition(BTC),), confirm=2)
    (closing,) = desk.take(close, source="operator").placed

    desk.fill(closing).tick()

    assert runner.conditions[1] == ("side", "0", "1", False)


# Failures.


def test_a_strategy_that_fails_is_stopped_alone_and_keeps_its_protection():
    desk = Desk()
    failing = desk.ready(LONG, ZeroDivisionError("division by zero"), LONG)
    steady = desk.ready(hold(), hold(), LONG, name="steady")
    stop, target = desk.entered(failing)
    desk.take(a_candle(minute=4))
    desk.minute = 5

    desk.close()

    assert list(desk.state.desk.runners) == [steady.owner]
    assert [order.intent.owner for order in desk.placed] == [steady.owner]
    assert desk.cancels == []
    notice = next(one for one in desk.state.notices if one.level == "error")
    assert (notice.source, notice.text) == (
        failing.owner,
        "stopped: ZeroDivisionError: division by zero; its position and protection stay",
    )
    desk.fill(stop, price=970)
    assert desk.cancels == [target.client_order_id]


def test_an_unsound_decision_stops_the_strategy():
    desk = Desk()
    desk.ready(enter(BUY, float("nan")))

    desk.close()

    assert desk.state.desk.runners == {}
    assert desk.placed == []
