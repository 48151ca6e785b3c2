"""How far a run goes on with what the run before left: the policy for a start that nobody watches.

After a crash, or with another program or other limits, trading only reduces until a person accepts
it (D19, R132); what protects positions stays either way. Strategies that ran come back as soon as
their instrument is known.
"""

from typing import Final

from engine.execution.risk import StepDown
from engine.kernel import strategies
from engine.kernel.desk import OnRestart
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.state import KernelState
from engine.kernel.step_down import lower
from engine.model.effects import Effect
from engine.model.envelope import Envelope, RunStarted
from engine.model.facts import StrategyStarted, StrategyStopped, TradingStateSet
from engine.model.market import InstrumentUpdated
from engine.strategy.registry import STRATEGIES

QUESTION: Final = "restart"
"""What `accept` answers."""


def on_run_started(
    state: KernelState, envelope: Envelope, event: RunStarted, effects: list[Effect]
) -> None:
    """Step down if the start gives reason to; must come before the ledger hears of the run."""
    del envelope
    desk = state.desk
    if desk.ledger.newest_run is None:
        return
    doubt = _doubt(state, event)
    policy: OnRestart = desk.setup.on_restart or ("reduce_only" if doubt else "resume")
    if policy != "resume":
        _ask(state, policy, f"{QUESTION} {doubt}".strip(), effects)
    if policy == "halted" or desk.trading_state == "killed":
        for owner in list(desk.ledger.strategies):
            record(state, effects, StrategyStopped(state.ts_ns, owner, f"not after a {QUESTION}"))
            say(state, effects, "warning", owner, "not started again")


def on_instrument(
    state: KernelState, envelope: Envelope, event: InstrumentUpdated, effects: list[Effect]
) -> None:
    """Start the strategies again that ran on an instrument."""
    del envelope
    desk = state.desk
    for fact in list(desk.ledger.strategies.values()):
        if fact.instrument_id == event.instrument.instrument_id and fact.owner not in desk.runners:
            _start_again(state, fact, effects)


def _ask(state: KernelState, policy: StepDown, reason: str, effects: list[Effect]) -> None:
    """Step down until a person accepts; what held before any restart asked comes back then.

    What could add risk is taken back with the first timer: the venue's side is not there yet.
    """
    now = state.desk.ledger.state_facts.get("all")
    before = now or TradingStateSet(state.ts_ns, "all", "active", "")
    asked = TradingStateSet(state.ts_ns, "all", policy, reason, before=before.before or before)
    lower(state, effects, asked)
    if state.desk.ledger.state_facts["all"].before is not None:
        say(state, effects, "warning", "engine", f"`accept {QUESTION}` undoes this")


def _start_again(state: KernelState, fact: StrategyStarted, effects: list[Effect]) -> None:
    spec = next((one for one in STRATEGIES if one.name == fact.name), None)
    if spec is None:
        record(state, effects, StrategyStopped(state.ts_ns, fact.owner, "no longer known"))
        say(state, effects, "error", fact.owner, f"there is no strategy {fact.name!r} any more")
        return
    strategies.start(state, strategies.Runner(spec, fact.instrument_id, fact.timeframe_s))
    say(state, effects, "info", fact.owner, "runs again")


def _doubt(state: KernelState, event: RunStarted) -> str:
    """Return why a person should look first; nothing where nothing is at stake."""
    ledger = state.desk.ledger
    before = ledger.newest_run
    assert before is not None
    if not (ledger.held() or ledger.working() or ledger.strategies):
        return ""
    if event.is_after_crash:
        return "after a crash"
    if before.version != event.version:
        return f"with version {event.version} after {before.version}"
    if before.limits_hash != state.desk.limits.file_hash:
        return "with other limits"
    return ""
