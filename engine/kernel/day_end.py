"""Handler of the end of a UTC day: what it brought, in one line (R46).

The line is of what is known at that moment. The day to the last digit, with what the venue tells
later, is the statement, which is made of the journal.
"""

from typing import Final

from engine.execution.ledger_account import DAY_NS
from engine.execution.positions import total
from engine.kernel.desk import DaySums
from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.model.effects import Effect
from engine.model.envelope import Envelope, TimerFired
from engine.model.numbers import NS_PER_S
from engine.model.signals import NoticeLevel

UNNOTICED_NS: Final = 60 * NS_PER_S
"""A run that begins so soon after midnight has the whole day, but for words."""


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Say what a day brought as soon as it is over, if it brought anything."""
    del envelope, event
    began = state.desk.day
    if began is not None and began.ts_ns // DAY_NS == state.ts_ns // DAY_NS:
        return
    now = state.desk.day = _sums(state)
    if began is not None:
        _tell(state, began, now, effects)


def _sums(state: KernelState) -> DaySums:
    ledger = state.desk.ledger
    paid = ledger.settled_fees, ledger.settled_funding
    return DaySums(state.ts_ns, ledger.settled_realised, *paid)


def _tell(state: KernelState, began: DaySums, now: DaySums, effects: list[Effect]) -> None:
    desk = state.desk
    realised, fees, funding = (
        total((after, -before)) for before, after in zip(began[1:], now[1:], strict=True)
    )
    cash = desk.venue_side.cash
    note = "" if cash is None else cash.told(desk.ledger.currency)
    if not (realised or fees or funding or note):
        return
    is_whole = began.ts_ns % DAY_NS < UNNOTICED_NS
    span = "the UTC day" if is_whole else "the part of the UTC day in which this engine ran"
    parts = f"realised {realised:+f}, fees {-fees:+f}, funding {-funding:+f} {desk.ledger.currency}"
    differs = f"; the cash differs in {note}" if note else ""
    level: NoticeLevel = "warning" if note else "info"
    say(state, effects, level, "statement", f"{span} is over: {parts}{differs}")
