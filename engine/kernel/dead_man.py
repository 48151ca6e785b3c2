"""The venue's dead-man timers: it cancels our orders when it hears of us no more (§3.5).

Armed where we have orders, renewed by the kernel's own timer, so that an engine which hangs lets
it run out. A timer that would take protection away is not armed while a position relies on that.
An orderly end disarms it: what stays at the venue then stays on purpose.
"""

from typing import Final

from engine.execution.risk import TradingStateAdvice
from engine.kernel import cancels, ending
from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.kernel.step_down import step_down
from engine.kernel.venue_side import DeadMan
from engine.model.account import DeadManFailed, DeadManSet, TradeRules
from engine.model.effects import Effect, SetDeadMan
from engine.model.envelope import Envelope, TimerFired
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.numbers import NS_PER_S
from engine.model.orders import EXTERNAL

RENEWALS: Final = 4
"""Within one life of the timer."""

LAST_NS: Final = 1 * NS_PER_S
"""Between two attempts to end a timer while the run ends: there is not time for many."""

ALERT_AFTER: Final = 2
CANCEL_AFTER: Final = 3
"""Renewals that failed, one after the other."""


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Arm, renew and end timers, and notice one that ran out."""
    del envelope, event
    rules = state.desk.setup.rules
    if rules is None or not rules.dead_man_ns:
        return
    timers = state.desk.venue_side.dead_men
    wanted = _wanted(state, rules)
    for name, timer in list(timers.items()):
        if timer.due_ns and state.ts_ns >= timer.due_ns:
            del timers[name]
            if timer.is_wanted:
                _on_fired(state, name, effects)
    for name in wanted:
        _renew(state, name, rules, effects)
    for name in to_end(state):
        _end(state, name, rules.dead_man_ns, effects)


def to_end(state: KernelState) -> list[InstrumentId]:
    """Return the instruments whose timers are to end, as nothing of ours is there any more."""
    rules, timers = state.desk.setup.rules, state.desk.venue_side.dead_men
    if rules is None or not timers:
        return []
    wanted = _wanted(state, rules)
    return [name for name in timers if name not in wanted]


def on_set(
    state: KernelState, envelope: Envelope, event: DeadManSet, effects: list[Effect]
) -> None:
    """Note until when the venue waits for us."""
    del envelope
    timer = state.desk.venue_side.dead_men.get(event.instrument_id)
    if timer is None:
        return
    if timer.failures >= ALERT_AFTER:
        text = f"the dead-man timer of {symbol_of(event.instrument_id)} is renewed again"
        say(state, effects, "info", "dead man", text)
    timer.is_waiting, timer.failures, timer.due_ns = False, 0, event.due_ns
    if not event.due_ns and not timer.is_wanted:
        del state.desk.venue_side.dead_men[event.instrument_id]


def on_failed(
    state: KernelState, envelope: Envelope, event: DeadManFailed, effects: list[Effect]
) -> None:
    """Count a timer that was not renewed."""
    del envelope
    timer = state.desk.venue_side.dead_men.get(event.instrument_id)
    if timer is None:
        return
    timer.is_waiting = False
    if timer.is_wanted:
        _count_failure(state, event.instrument_id, event.reason, effects)


def _wanted(state: KernelState, rules: TradeRules) -> dict[InstrumentId, None]:
    """Return the instruments whose orders must not outlive us; external ones are not ours."""
    desk = state.desk
    is_killed = desk.trading_state == "killed"
    is_orderly = desk.is_ending and not is_killed
    orders = ending.leaving(state) if is_orderly else desk.ledger.working()
    names = dict.fromkeys(
        order.spec.instrument_id for order in orders if is_killed or order.intent.owner != EXTERNAL
    )
    if not rules.dead_man_covers_stops:
        return names
    return {
        name: None
        for name in names
        if not any(desk.protects(order) for order in desk.ledger.working(name))
    }


def _life_ns(state: KernelState, name: InstrumentId, rules: TradeRules) -> int:
    """Return the life of a timer: while killed the shortest, where nothing protects (R73).

    Whether a timer spares conditional orders is told by no venue; one that shall run out is not
    set where that would matter.
    """
    desk = state.desk
    is_killed = desk.trading_state == "killed" and rules.dead_man_min_ns > 0
    if is_killed and not any(desk.spares(order) for order in desk.ledger.working(name)):
        return rules.dead_man_min_ns
    return rules.dead_man_ns


def _renew(
    state: KernelState, name: InstrumentId, rules: TradeRules, effects: list[Effect]
) -> None:
    """Ask for the timer to begin anew, a quarter of its life after the last time.

    That of a kill is left to run out: what it cancels is to go.
    """
    timers, life_ns = state.desk.venue_side.dead_men, _life_ns(state, name, rules)
    timer = timers.get(name)
    if timer is None:
        timers[name] = DeadMan(state.ts_ns, life_ns)
        effects.append(SetDeadMan(name, life_ns))
        return
    is_due = state.ts_ns - timer.asked_ns >= life_ns // RENEWALS
    is_same = timer.is_wanted and timer.life_ns == life_ns
    is_set = not timer.is_waiting and 0 < timer.due_ns <= state.ts_ns + life_ns
    runs_out = is_set and life_ns == rules.dead_man_min_ns
    if is_same and (not is_due or runs_out):
        return
    if is_same and timer.is_waiting:
        _count_failure(state, name, "no answer", effects)
    timer.asked_ns, timer.is_waiting, timer.is_wanted = state.ts_ns, True, True
    timer.life_ns = life_ns
    effects.append(SetDeadMan(name, life_ns))


def _end(state: KernelState, name: InstrumentId, life_ns: int, effects: list[Effect]) -> None:
    """Ask for the timer to end, and again until that is confirmed."""
    timer = state.desk.venue_side.dead_men[name]
    pause_ns = LAST_NS if state.desk.is_ending else life_ns // RENEWALS
    if timer.is_wanted or state.ts_ns - timer.asked_ns >= pause_ns:
        timer.asked_ns, timer.is_waiting, timer.is_wanted = state.ts_ns, True, False
        effects.append(SetDeadMan(name, 0))


def _count_failure(
    state: KernelState, name: InstrumentId, reason: str, effects: list[Effect]
) -> None:
    """Raise the alarm, and then do ourselves what the timer can no longer be relied on for."""
    desk = state.desk
    timer = desk.venue_side.dead_men[name]
    timer.failures += 1
    text = f"the dead-man timer of {symbol_of(name)} was not renewed {timer.failures} times"
    if timer.failures == ALERT_AFTER:
        say(state, effects, "error", "dead man", f"{text} ({reason})")
    if timer.failures < CANCEL_AFTER:
        return
    if timer.failures == CANCEL_AFTER:
        say(state, effects, "error", "dead man", f"{text} ({reason}): its orders are cancelled")
    for order in desk.ledger.working(name):  # Also those that came since.
        if order.intent.owner != EXTERNAL and not desk.protects(order):
            cancels.cancel(state, order, effects)


def _on_fired(state: KernelState, name: InstrumentId, effects: list[Effect]) -> None:
    """The venue has cancelled: look at what is left, and add nothing until a person looked."""
    reason = f"the venue's dead-man timer of {symbol_of(name)} ran out: its orders are cancelled"
    step_down(state, effects, [TradingStateAdvice("all", "reduce_only", reason)])
    state.desk.venue_side.ask_by(state.ts_ns)
