"""Trades that did not come: fetched, or kept as a gap that is shown (R9).

They are lost with a connection, or, where a venue leaves no id out, within a stream that jumps.
While a hole is open, what the candles of its spans hold may be too little. It closes when late
trades fill it, or with an answer that reaches from its first trade to its last; any other answer
leaves a gap.
"""

from typing import Final

from engine.kernel.notices import say
from engine.kernel.state import InstrumentState, KernelState
from engine.model.effects import Effect, RequestTrades, SetTimer
from engine.model.envelope import Envelope, TimerFired
from engine.model.instrument import InstrumentId
from engine.model.market import FeedDown, FeedUp, Trade, TradesFetched, TradesMissed
from engine.model.numbers import NS_PER_S

SETTLE_NS: Final = 2 * NS_PER_S
"""After a connection is back: most instruments have traded again, which bounds the request, and
what the venue answers is no older than what its stream began with. After a jump: what was only
overtaken has come."""
JUMPS_NS: Final = 10 * NS_PER_S
"""Between two requests for what a stream jumped over; what it loses meanwhile waits together."""

TRADES_TIMER: Final = "trades "
"""Followed by the instrument's id."""


def on_trade(state: KernelState, envelope: Envelope, event: Trade, effects: list[Effect]) -> None:
    """Close a hole that late trades have filled, and one that cannot be; ask for what else is."""
    market = state.instruments.get(event.instrument_id)
    if market is None or market.flow.hole is None:
        return
    hole = market.flow.hole
    if hole.fault:
        _keep_gap(state, market, effects, hole.fault)
    elif hole.is_filled:
        _fill(state, market, effects)
    elif not hole.is_due:
        _ask_soon(state, market, effects)


def on_down(state: KernelState, envelope: Envelope, event: FeedDown, effects: list[Effect]) -> None:
    """From now on trades of this connection may be missed."""
    del envelope, effects
    for market in state.instruments.values():
        if market.flow.feed == event.feed:
            market.flow.lose()


def on_up(state: KernelState, envelope: Envelope, event: FeedUp, effects: list[Effect]) -> None:
    """Ask for what was missed, in a moment."""
    for key, market in state.instruments.items():
        hole = market.flow.hole
        if market.flow.feed == event.feed and hole is not None:
            hole.is_due = True
            effects.append(SetTimer(TRADES_TIMER + key, envelope.ts_ns + SETTLE_NS))


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Ask for the trades between the last one before and the first one after the losses."""
    if not event.key.startswith(TRADES_TIMER):
        return
    market = state.instruments.get(InstrumentId(event.key.removeprefix(TRADES_TIMER)))
    if market is None or market.flow.hole is None or market.trade_stream is None:
        return
    flow, hole = market.flow, market.flow.hole
    connection = state.connections.get(flow.feed)
    if hole.number or connection is None or not connection.is_up:
        return
    state.holes += 1
    hole.number = state.holes
    flow.asked_ns = envelope.ts_ns
    effects.append(
        RequestTrades(
            market.instrument_id, market.trade_stream, hole.after_id, hole.before_id, hole.number
        )
    )


def on_fetched(
    state: KernelState, envelope: Envelope, event: TradesFetched, effects: list[Effect]
) -> None:
    """Keep missed trades; when all are there, they go into the candles.

    The tape goes on showing what came, as it came.
    """
    del envelope
    market = state.instruments.get(event.instrument_id)
    hole = market.flow.hole if market is not None else None
    if market is None or hole is None or not hole.number or event.number != hole.number:
        return
    hole.add(event.trades)
    if not event.is_whole:
        return
    if hole.fault:
        _keep_gap(state, market, effects, hole.fault)
        return
    market.flow.note_answer(hole)
    count = _fill(state, market, effects)
    if count:
        say(state, effects, "info", event.instrument_id, f"{count} missed trades fetched")


def on_missed(
    state: KernelState, envelope: Envelope, event: TradesMissed, effects: list[Effect]
) -> None:
    """Keep the gap."""
    del envelope
    market = state.instruments.get(event.instrument_id)
    hole = market.flow.hole if market is not None else None
    if market is None or hole is None or not hole.number or event.number != hole.number:
        return
    _keep_gap(state, market, effects, event.reason)


def _ask_soon(state: KernelState, market: InstrumentState, effects: list[Effect]) -> None:
    """Ask for what a stream jumped over when late trades had their time, and not too often."""
    flow, hole = market.flow, market.flow.hole
    assert hole is not None
    hole.is_due = True
    earliest_ns = flow.asked_ns + JUMPS_NS if flow.asked_ns else 0
    due_ns = max(state.ts_ns + SETTLE_NS, earliest_ns)
    effects.append(SetTimer(TRADES_TIMER + market.instrument_id, due_ns))


def _keep_gap(
    state: KernelState, market: InstrumentState, effects: list[Effect], reason: str
) -> None:
    hole = market.flow.hole
    assert hole is not None
    missed = [(span.after_ns, span.before_ns or state.ts_ns) for span in hole.spans]
    _fill(state, market, effects)
    for span in missed:
        market.candles.mark_missed(span)
    state.trade_gaps += 1
    seconds = sum(until_ns - from_ns for from_ns, until_ns in missed) / NS_PER_S
    text = f"trades of {seconds:.1f} s are missing: {reason}"
    say(state, effects, "warning", market.instrument_id, text)


def _fill(state: KernelState, market: InstrumentState, effects: list[Effect]) -> int:
    """Close the hole with what was found; return how many trades were fetched."""
    flow, hole = market.flow, market.flow.hole
    assert hole is not None
    count = -hole.late
    for span, prints in hole.prints():
        market.candles.add_missed(prints, span.after_ns, span.before_ns)
        count += len(prints)
    flow.fetched += count
    market.trade_version += 1
    flow.close_hole()
    if flow.hole is not None:
        _ask_soon(state, market, effects)
    return count
