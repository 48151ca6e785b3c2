"""Trading states go down by advice, and never up."""

import pytest

from engine.execution.risk import TradingStateAdvice
from engine.kernel.state import KernelState
from engine.kernel.step_down import lower, step_down
from engine.model.effects import Effect, Notify, Record, SendCancel
from engine.model.facts import TradingStateSet
from tests.builders import BTC, ETH, a_trader

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


@pytest.mark.parametrize("to", ["reduce_only", "halted"])
def test_what_could_add_risk_is_taken_back_and_what_reduces_or_protects_stays(to):
    trader = a_trader().holds(5)
    entry, bracketed = trader.works("buy", 1, 990), trader.works("sell", 9, 1_010)
    unsent = trader.works("buy", 1, 991, is_acked=False)
    exits = trader.works("sell", 1, 1_020, is_reduce_only=True)
    stop = trader.stops(lots=5)
    strange = trader.works("sell", 1, 1_030, is_protective=True)
    effects: list[Effect] = []

    assert step_down(trader.state, effects, [TradingStateAdvice("all", to, "loss")])

    asked = [one.client_order_id for one in effects if isinstance(one, SendCancel)]
    assert asked == [entry, bracketed, unsent]
    assert {trader.ledger.orders[cid].state for cid in (exits, stop, strange)} == {"open"}
    told = [one.notice.text for one in effects if isinstance(one, Notify)]
    assert told[-1] == "3 orders could add risk and are taken back (o2, o3, o4)"


@pytest.mark.parametrize(
    ("scope", "gone"),
    [
        ("all", {"btc", "eth", "grid"}),
        ("venue:test", {"btc", "eth", "grid"}),
        (f"instrument:{BTC}", {"btc", "grid"}),
        ("strategy:grid", {"grid"}),
        ("strategy:other", set()),
    ],
)
def test_only_orders_of_the_scope_are_taken_back(scope: str, gone: set[str]):
    trader = a_trader()
    cids = {
        trader.works("buy"): "btc",
        trader.works("buy", instrument_id=ETH): "eth",
        trader.works("buy", owner="grid"): "grid",
    }
    effects: list[Effect] = []

    step_down(trader.state, effects, [TradingStateAdvice(scope, "reduce_only", "a rule")])

    assert {cids[one.client_order_id] for one in effects if isinstance(one, SendCancel)} == gone


def test_a_kill_of_a_rule_leaves_the_cancels_to_the_kill():
    trader = a_trader()
    trader.works("buy")
    effects: list[Effect] = []

    step_down(trader.state, effects, [TradingStateAdvice(f"instrument:{BTC}", "killed", "loss")])

    assert not [one for one in effects if isinstance(one, SendCancel)]


def test_a_rule_takes_over_a_state_that_an_answer_could_lift_and_only_once():
    trader = a_trader()
    before = TradingStateSet(1, "all", "active", "")
    lower(trader.state, [], TradingStateSet(2, "all", "halted", "a question", before=before))
    weaker = TradingStateAdvice("all", "reduce_only", "a stall")
    rule = TradingStateAdvice("all", "halted", "a part is down")

    assert not step_down(trader.state, [], [weaker])
    assert step_down(trader.state, [], [rule])
    assert not step_down(trader.state, [], [rule])

    fact = trader.ledger.state_facts["all"]
    assert (fact.reason, fact.before) == ("a part is down", None)
