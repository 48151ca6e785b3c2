"""Trades that a lost connection would have brought: fetched, or kept as a gap that is shown (R9).

While a hole is open, what the candles of its span hold may be too little. It closes with an answer
that reaches from the last trade before the loss to the first one after; any other answer, and a
second loss before it came, leaves a gap.
"""

from typing import Final

from engine.ingest.trade_hole import TradeHole
from engine.kernel.notices import say
from engine.kernel.state import InstrumentState, KernelState
from engine.model.effects import Effect, RequestTrades, SetTimer
from engine.model.envelope import Envelope, TimerFired
from engine.model.instrument import InstrumentId
from engine.model.market import FeedDown, FeedUp, TradesFetched, TradesMissed
from engine.model.numbers import NS_PER_S

SETTLE_NS: Final = 2 * NS_PER_S
"""After a connection is back: most instruments have traded again, which bounds the request, and
what the venue answers is no older than what its stream began with."""

TRADES_TIMER: Final = "trades "
"""Followed by the instrument's id."""


def on_down(state: KernelState, envelope: Envelope, event: FeedDown, effects: list[Effect]) -> None:
    """From now on trades of this connection may be missed."""
    del envelope
    for market in state.instruments.values():
        if market.flow.feed != event.feed:
            continue
        hole = market.flow.hole
        if hole is not None and hole.is_asked:
            _keep_gap(state, market, effects, "the connection was lost again")
        if market.flow.hole is None:
            state.holes += 1
            market.flow.hole = TradeHole(state.holes, market.flow.last_id, market.flow.last_ns)


def on_up(state: KernelState, envelope: Envelope, event: FeedUp, effects: list[Effect]) -> None:
    """Ask for what was missed, in a moment."""
    for key, market in state.instruments.items():
        if market.flow.feed == event.feed and market.flow.hole is not None:
            effects.append(SetTimer(TRADES_TIMER + key, envelope.ts_ns + SETTLE_NS))


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Ask for the trades between the last one before and the first one after the loss."""
    del envelope
    if not event.key.startswith(TRADES_TIMER):
        return
    market = state.instruments.get(InstrumentId(event.key.removeprefix(TRADES_TIMER)))
    if market is None or market.flow.hole is None or market.trade_stream is None:
        return
    connection = state.connections.get(market.flow.feed)
    if connection is None or not connection.is_up:
        return
    hole = market.flow.hole
    hole.is_asked = True
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
    if market is None or hole is None or event.number != hole.number:
        return
    hole.add(event.trades)
    if not event.is_whole:
        return
    if hole.is_full:
        _keep_gap(state, market, effects, "too many to be kept")
        return
    count = _fill(market, hole)
    if not hole.before_id:
        market.flow.fetched_id = market.flow.last_id = hole.last_id
    if count:
        say(state, effects, "info", event.instrument_id, f"{count} missed trades fetched")


def on_missed(
    state: KernelState, envelope: Envelope, event: TradesMissed, effects: list[Effect]
) -> None:
    """Keep the gap."""
    del envelope
    market = state.instruments.get(event.instrument_id)
    hole = market.flow.hole if market is not None else None
    if market is not None and hole is not None and event.number == hole.number:
        _keep_gap(state, market, effects, event.reason)


def _keep_gap(
    state: KernelState, market: InstrumentState, effects: list[Effect], reason: str
) -> None:
    hole = market.flow.hole
    assert hole is not None
    _fill(market, hole)
    span = hole.after_ns, hole.before_ns or state.ts_ns
    market.candles.mark_missed(span)
    state.trade_gaps += 1
    seconds = (span[1] - span[0]) / NS_PER_S
    text = f"trades of {seconds:.1f} s are missing: {reason}"
    say(state, effects, "warning", market.instrument_id, text)


def _fill(market: InstrumentState, hole: TradeHole) -> int:
    """Close the hole with what was fetched; return how many trades that were."""
    prints = hole.prints()
    market.candles.add_missed(prints, hole.after_ns, hole.before_ns)
    market.flow.fetched += len(prints)
    market.trade_version += 1
    market.flow.hole = None
    return len(prints)
