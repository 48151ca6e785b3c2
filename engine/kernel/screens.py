"""Handlers of screens that come and go: who gives the orders, and what holds when nobody does.

A screen that leaves takes its arm state with it. What else happens when the last one is gone is
the run's policy, after a while in which a lost connection comes back (D1). Nothing here ever
kills: a terminal is lost far more often than a market.
"""

from typing import Final

from engine.execution.risk import StepDown, TradingStateAdvice
from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.kernel.step_down import step_down
from engine.model.effects import Effect, SetTimer
from engine.model.envelope import Envelope, RunStarted, ScreenJoined, ScreenLeft, TimerFired
from engine.model.numbers import NS_PER_S

UNATTENDED: Final = "unattended"
"""Key of the timer that ends the wait for a screen."""


def on_run_started(
    state: KernelState, envelope: Envelope, event: RunStarted, effects: list[Effect]
) -> None:
    """Wait for the screen that belongs to the run: the run before may have lost it and crashed."""
    del envelope, event
    setup = state.desk.setup
    if setup.has_screen and setup.on_terminal_loss != "keep":
        _wait(state, effects)


def on_joined(
    state: KernelState, envelope: Envelope, event: ScreenJoined, effects: list[Effect]
) -> None:
    """A screen is there."""
    del envelope, effects
    state.desk.seats.join(event.operator, looks_only=event.looks_only)
    state.desk.version += 1


def on_left(
    state: KernelState, envelope: Envelope, event: ScreenLeft, effects: list[Effect]
) -> None:
    """A screen is gone: disarm if it gave the orders, and wait for one if it was the last."""
    del envelope
    desk = state.desk
    was_attended = desk.seats.is_attended
    if desk.seats.leave(event.operator):
        desk.end_arming()
    desk.version += 1
    if desk.seats.is_attended or not was_attended:
        return
    policy, grace_s = desk.setup.on_terminal_loss, desk.setup.terminal_grace_s
    if policy == "keep":
        say(state, effects, "info", "screens", "the last screen is gone; the engine goes on")
        return
    say(state, effects, "warning", "screens", f"no screen: {policy} in {grace_s} s")
    _wait(state, effects)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Step down if nobody came back."""
    del envelope
    desk = state.desk
    if event.key != UNATTENDED or desk.seats.is_attended:
        return
    told: StepDown = "halted" if desk.setup.on_terminal_loss == "halt" else "reduce_only"
    reason = f"no screen for {desk.setup.terminal_grace_s} s"
    step_down(state, effects, [TradingStateAdvice("all", told, reason)])


def _wait(state: KernelState, effects: list[Effect]) -> None:
    grace_ns = state.desk.setup.terminal_grace_s * NS_PER_S
    effects.append(SetTimer(UNATTENDED, state.ts_ns + grace_ns))
