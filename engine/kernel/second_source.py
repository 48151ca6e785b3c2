"""A second source checks the book while there is something to lose (R5).

A stream that stands still although it is connected and in sequence is only noticed from outside.
"""

from typing import Final

from engine.execution.order_controls import collar_share
from engine.kernel import market as markets
from engine.kernel.references import reference_of
from engine.kernel.state import InstrumentState, KernelState
from engine.model.effects import Effect, RequestQuote, SetTimer
from engine.model.envelope import Envelope, RunStarted, TimerFired
from engine.model.instrument import InstrumentId
from engine.model.market import SecondQuote
from engine.model.numbers import NS_PER_S

CHECK_NS: Final = 30 * NS_PER_S
BAD_MAX: Final = 2
"""Bad checks, one after the other, that make a book invalid."""
CHECK_TIMER: Final = "second source"


def on_run_started(
    state: KernelState, envelope: Envelope, event: RunStarted, effects: list[Effect]
) -> None:
    """Begin to check."""
    del state, event
    effects.append(SetTimer(CHECK_TIMER, envelope.ts_ns + CHECK_NS))


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Ask for best bid and ask of every instrument with an order or a position."""
    if event.key != CHECK_TIMER:
        return
    for key, market in state.instruments.items():
        if market.book.state == "live" and is_exposed(state, key):
            effects.append(RequestQuote(key))
        else:
            market.second_bad = 0
    effects.append(SetTimer(CHECK_TIMER, envelope.ts_ns + CHECK_NS))


def on_quote(
    state: KernelState, envelope: Envelope, event: SecondQuote, effects: list[Effect]
) -> None:
    """Compare with the book; the second difference in a row ends it."""
    del envelope
    market = state.instruments.get(event.instrument_id)
    if market is None or market.book.state != "live":
        return
    if not _differs(state, market, event):
        market.second_bad = 0
        return
    market.second_bad += 1
    if market.second_bad >= BAD_MAX:
        market.second_bad = 0
        markets.doubt_stream(state, market, effects, "a second source shows another price")


def is_exposed(state: KernelState, instrument_id: InstrumentId) -> bool:
    """Whether an order works or a position is open."""
    ledger = state.desk.ledger
    return bool(ledger.net_lots(instrument_id)) or any(ledger.working(instrument_id))


def _differs(state: KernelState, market: InstrumentState, event: SecondQuote) -> bool:
    (bid, _), (ask, _) = market.book.best_bid, market.book.best_ask  # type: ignore[misc]  # a live book has both sides
    share = collar_share(reference_of(market, "fresh"), state.desk.limits_now)
    pairs = ((bid, event.bid_ticks), (ask, event.ask_ticks))
    return any(abs(ours - theirs) > share * theirs for ours, theirs in pairs)
