"""Trading states go down by advice, and never up."""

import pytest

from engine.execution.risk import TradingStateAdvice
from engine.kernel.state import KernelState
from engine.kernel.step_down import step_down
from engine.model.effects import Effect, Notify, Record
from engine.model.facts import TradingStateSet

SCOPE = "strategy:grid"


def test_an_advice_becomes_a_fact_and_is_told():
    state = KernelState()
    effects: list[Effect] = []

    step_down(state, effects, [TradingStateAdvice(SCOPE, "halted", "60 entries in 1 h.")])

    fact = TradingStateSet(state.ts_ns, SCOPE, "halted", "60 entries in 1 h.")
    assert [one.fact for one in effects if isinstance(one, Record)] == [fact]
    assert state.desk.ledger.states == {SCOPE: "halted"}
    told = [one.notice for one in effects if isinstance(one, Notify)]
    assert [(one.level, one.text) for one in told] == [
        ("error", "strategy:grid is halted: 60 entries in 1 h.")
    ]


@pytest.mark.parametrize("advised", ["reduce_only", "halted"])
def test_what_is_as_strict_already_is_left_alone(advised: str):
    state = KernelState()
    step_down(state, [], [TradingStateAdvice(SCOPE, "halted", "five failures")])
    effects: list[Effect] = []

    step_down(state, effects, [TradingStateAdvice(SCOPE, advised, "moved within 60 s")])  # type: ignore[arg-type]  # one of the states

    assert effects == []
    assert state.desk.ledger.states == {SCOPE: "halted"}


def test_scopes_step_down_by_themselves_and_each_once():
    state = KernelState()
    effects: list[Effect] = []
    advices = [
        TradingStateAdvice("all", "reduce_only", "loss"),
        TradingStateAdvice("all", "killed", "more loss"),
        TradingStateAdvice("all", "killed", "drawdown"),
        TradingStateAdvice(SCOPE, "halted", "failures"),
    ]

    step_down(state, effects, advices)

    assert reasons_of(effects) == [
        "loss",
        "more loss",
        "failures",
    ]
    assert state.desk.ledger.states == {"all": "killed", SCOPE: "halted"}


def reasons_of(effects: list[Effect]) -> list[str]:
    facts = [one.fact for one in effects if isinstance(one, Record)]
    return [fact.reason for fact in facts if isinstance(fact, TradingStateSet)]
