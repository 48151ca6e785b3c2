"""Handlers of an engine that is not well: its loop stood still, a part failed, a disk fills up.

A machine that slept is among them. What was known before is as old as the sleep was long, and looks
new: engine time stood still as well.
"""

from typing import Final

from engine.execution.risk import TradingStateAdvice
from engine.kernel.market import doubt_stream
from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.kernel.step_down import step_down
from engine.model.effects import Effect
from engine.model.envelope import DiskSeen, Envelope, LoopLagged, PartFailed, WallClockMoved
from engine.model.numbers import NS_PER_MS, NS_PER_S

REDUCE_NS: Final = 2 * NS_PER_S
"""From here on a person must look before anything adds risk again (R92)."""

ASLEEP_NS: Final = 2 * NS_PER_S
"""A wall clock that went ahead by more may have done so while the machine slept."""

DISK_BYTES_MIN: Final = 1024**3
DISK_PARTS: Final = 20
"""A disk has room while at least one of so many parts of it is free (R83)."""


def on_lag(
    state: KernelState, envelope: Envelope, event: LoopLagged, effects: list[Effect]
) -> None:
    """Say so, and step down if it was long."""
    state.loop_stalls += 1
    state.loop_stall_ns = event.late_ns
    state.loop_stall_at_ns = envelope.ts_ns
    where = f" in {event.where}" if event.where else ""
    told = f"stood still for {event.late_ns // NS_PER_MS:,} ms{where}"
    say(state, effects, "warning", "engine", told)
    if event.late_ns > REDUCE_NS:
        step_down(state, effects, [TradingStateAdvice("all", "reduce_only", f"the engine {told}")])


def on_part_failed(
    state: KernelState, envelope: Envelope, event: PartFailed, effects: list[Effect]
) -> None:
    """Say so, and halt when the part is not started again: what it did, nobody does now (R97)."""
    del envelope
    state.part_failures += 1
    told = f"{event.name} failed by an error of the program ({event.error}), see its log"
    if not event.is_given_up:
        say(state, effects, "warning", "engine", f"{told}; it is started again")
        return
    state.parts_down[event.name] = event.error
    told = f"{told}; after {event.restarts} restarts within a minute it stays down"
    say(state, effects, "error", "engine", f"{told}. Stop the engine and start it anew")
    step_down(state, effects, [TradingStateAdvice("all", "halted", told)])


def on_disk(state: KernelState, envelope: Envelope, event: DiskSeen, effects: list[Effect]) -> None:
    """Tell of a disk that fills up, once, long before the journal cannot be written (R83)."""
    del envelope
    was_low, free = state.is_disk_low, event.free_bytes
    state.is_disk_low = free < DISK_BYTES_MIN or free * DISK_PARTS < event.total_bytes
    told = f"{free / 1024**3:.1f} GiB are free on the disk of the data folder"
    if state.is_disk_low and not was_low:
        say(state, effects, "warning", "disk", f"only {told}: make room, the journal needs it")
    elif was_low and not state.is_disk_low:
        say(state, effects, "info", "disk", f"{told} again")


def on_wall_clock(
    state: KernelState, envelope: Envelope, event: WallClockMoved, effects: list[Effect]
) -> None:
    """Tell people; after a sleep fetch every book and the account anew, and have clocks measured.

    Until then nothing leaves that adds risk: what is known is of before.
    """
    del envelope
    way = "ahead" if event.step_ns > 0 else "back"
    told = f"the machine's clock went {abs(event.step_ns) / NS_PER_S:,.1f} s {way}"
    if event.step_ns < ASLEEP_NS:
        say(
            state, effects, "error", "engine", f"{told}: it was set; the engine's time did not move"
        )
        return
    desk = state.desk
    told = f"{told}: it was set, or the machine slept"
    say(state, effects, "error", "engine", f"{told}; books and account are fetched anew")
    for market in state.instruments.values():
        if market.book.state == "live":
            doubt_stream(state, market, effects, "the machine slept")
    if desk.setup.rules is not None:
        desk.clock_fault = f"{told}, and the venue's was not measured since"
        desk.venue_side.agreed_ns = None
        desk.venue_side.is_waiting = False  # What it waits for tells of before.
        desk.venue_side.ask_now()
    desk.version += 1
