"""How old what is known of a market is, judged with its connection in mind.

An order by hand is bound to the book that the person looked at (R36): a look is timed by the
sweeps, to a quarter of a second.
"""

from bisect import bisect_left
from typing import Final

from engine.ingest.health import LIMITS, freshness
from engine.kernel.state import InstrumentState, KernelState
from engine.model.commands import ConfirmLevel
from engine.model.effects import Effect
from engine.model.envelope import Envelope, TimerFired
from engine.model.instrument import symbol_of
from engine.model.market import Freshness
from engine.model.numbers import NS_PER_S

_SOFT_NS: Final = LIMITS["book"].slow_ns

LOOK_NS: Final[dict[ConfirmLevel, int]] = {
    0: _SOFT_NS,
    1: _SOFT_NS,
    2: _SOFT_NS + 3 * NS_PER_S,
    3: 30 * NS_PER_S,
}
"""How long ago a person may have looked: the book's soft limit, and the time to confirm. What the
order does is judged by the book of now in any case."""


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Note which event was the newest at this time."""
    del event, effects
    state.sweeps.append((envelope.seq, envelope.ts_ns))


def look_problem(
    state: KernelState, market: InstrumentState, book_seq: int, confirm: ConfirmLevel
) -> str:
    """Return why nothing may be ordered by the book that a person looked at; nothing if it may."""
    name = symbol_of(market.instrument_id)
    if book_seq > state.seq:
        return f"the book of {name} that you looked at is of another run; look again"
    if book_freshness(state, market, state.ts_ns) != "fresh":
        age_ns = book_age_ns(state, market, state.ts_ns) or 0
        least = f"an order by hand needs one of less than {_s(_SOFT_NS)} s"
        return f"the book of {name} is {_s(age_ns)} s old; {least}"
    looked_ns = _time_of(state, book_seq)
    if looked_ns < market.book_state_ns:
        return f"the book of {name} was lost since you looked; look again"
    age_ns = state.ts_ns - looked_ns
    if age_ns <= LOOK_NS[confirm] or market.applied_seq <= book_seq:
        return ""  # Recent, or the newest still.
    return f"you looked at the book of {name} {_s(age_ns)} s ago; look again"


def _time_of(state: KernelState, seq: int) -> int:
    """Return the time of the first sweep at or after an event; now where none came since."""
    at = bisect_left(state.sweeps, (seq, 0))
    return state.sweeps[at][1] if at < len(state.sweeps) else state.ts_ns


def _s(ns: int) -> str:
    return f"{ns / NS_PER_S:.1f}"


def book_freshness(state: KernelState, market: InstrumentState, now_ns: int) -> Freshness:
    """Judge the book's age, a quiet book by the connection that would tell of a change."""
    return freshness("book", book_age_ns(state, market, now_ns))


def book_age_ns(state: KernelState, market: InstrumentState, now_ns: int) -> int | None:
    """Return the age by which the book is judged; None before its first message."""
    age_ns = market.book_age_ns(now_ns)
    if market.is_mute:
        return age_ns
    if age_ns is not None and market.moved_ns:
        return now_ns - market.moved_ns  # Others told of a change, and the book's stream did not.
    connection = state.connections.get(market.book_feed)
    if age_ns is None or connection is None or not connection.is_up:
        return age_ns
    alive_ns = connection.age_ns(now_ns)
    return age_ns if alive_ns is None else min(age_ns, alive_ns)


def trade_freshness(state: KernelState, market: InstrumentState, now_ns: int) -> Freshness:
    """Judge the tape's age; while the book lives, no trade means that nobody traded."""
    own = freshness("trade", market.trade_age_ns(now_ns))
    if own in {"slow", "stale"} and book_freshness(state, market, now_ns) == "fresh":
        return "fresh"
    return own
