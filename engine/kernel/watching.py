"""Instruments that come and go while the engine runs: `sub` and `unsub`."""

from typing import TYPE_CHECKING

from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.model import commands as c
from engine.model.effects import Effect, Unwatch, Watch
from engine.model.envelope import Envelope
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.market import SubscriptionRefused

if TYPE_CHECKING:
    from engine.kernel.plan import Plan


def watch(plan: "Plan", action: c.WatchInstrument) -> None:
    """Plan to subscribe to an instrument; whether the venue has it shows later."""
    if action.symbol in (symbol_of(key) for key in plan.state.instruments):
        plan.refuse(f"{action.symbol} is watched already")
        return
    plan.watches.append(action.symbol)
    plan.sentences.append(f"asks for {action.symbol}")


def unwatch(plan: "Plan", action: c.UnwatchInstrument) -> None:
    """Plan to leave an instrument that nothing needs."""
    key = action.instrument_id
    if plan.market(key) is None:
        return
    name = symbol_of(key)
    if any(plan.ledger.working(key)):
        plan.refuse(f"an order works in {name}: cancel it first")
    if plan.ledger.net_lots(key):
        plan.refuse(f"a position is open in {name}: close it first")
    parents = [one for one in plan.ledger.parents.values() if one.spec.instrument_id == key]
    at_work = [one.parent_id for one in parents if one.state != "ended"]
    if at_work:
        plan.refuse(f"{', '.join(at_work)} works on it: cancel it first")
    runners = [one.owner for one in (*plan.desk.runners.values(), *plan.starts)]
    owners = [owner for owner in runners if owner.endswith(f"@{name}") and owner not in plan.stops]
    if owners:
        plan.refuse(f"{', '.join(owners)} runs on it: stop it first")
    left = [one for one in plan.state.instruments if one not in (key, *plan.unwatches)]
    if not left:
        plan.refuse(f"{name} is the last instrument")
    plan.unwatches.append(key)
    plan.sentences.append(f"leaves {name}")


def carry_out(state: KernelState, plan: "Plan", effects: list[Effect]) -> None:
    """Subscribe, and forget what is left; what still comes of it is counted and dropped."""
    effects += [Watch(symbol) for symbol in plan.watches]
    for key in plan.unwatches:
        _forget(state, key)
        effects.append(Unwatch(key))


def on_refused(
    state: KernelState, envelope: Envelope, event: SubscriptionRefused, effects: list[Effect]
) -> None:
    """The venue does not have what was asked for."""
    del envelope
    say(state, effects, "warning", "hand", f"sub {event.symbol}: {event.reason}")


def _forget(state: KernelState, key: InstrumentId) -> None:
    state.instruments.pop(key, None)
    of_it = [number for number, one in state.signals.items() if one.instrument_id == key]
    for number in of_it:
        del state.signals[number]
    state.signals_version += 1
