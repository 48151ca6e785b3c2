"""Pictures of how the engine and its sources are doing: feeds, watched instruments, health."""

from typing import TYPE_CHECKING, Final

from engine.ingest.health import freshness
from engine.kernel.alarms import alarms
from engine.kernel.evidence import troubles
from engine.kernel.freshness import book_age_ns, book_freshness, trade_freshness
from engine.kernel.state import InstrumentState, KernelState
from engine.model.instrument import symbol_of
from engine.model.numbers import NS_PER_S
from engine.model.view import (
    BookHealth,
    FeedState,
    FeedView,
    HealthView,
    WatchRow,
    WatchView,
)

if TYPE_CHECKING:
    from engine.kernel.views import RunFacts

DAY_NS: Final = 86_400 * NS_PER_S
DAY_AGO_TIMEFRAMES_S: Final = (60, 900, 3_600)
"""Where the price of a day ago is looked for, the most exact first."""


def feed_views(state: KernelState, now_ns: int, venue: str) -> tuple[FeedView, ...]:
    """Return all connections by name."""
    return tuple(_feed_view(state, name, now_ns, venue) for name in sorted(state.connections))


def _feed_view(state: KernelState, name: str, now_ns: int, venue: str) -> FeedView:
    connection = state.connections[name]
    retry_in_ns = None
    if not connection.is_up and connection.retry_at_ns:
        retry_in_ns = max(0, connection.retry_at_ns - now_ns)
    return FeedView(
        name=name.removeprefix("feed:"),
        state=_feed_state(state, name, now_ns),
        age_ns=connection.age_ns(now_ns),
        retry_in_ns=retry_in_ns,
        reason=connection.reason,
        reconnects=max(0, connection.ups - 1),
        lag_ns=_lag_ns(state, name, venue),
    )


def _feed_state(state: KernelState, name: str, now_ns: int) -> FeedState:
    connection = state.connections[name]
    if not connection.is_up:
        return "down"
    age_ns = connection.age_ns(now_ns)
    if age_ns is None:
        age_ns = now_ns - connection.since_ns
        return "connecting" if freshness("book", age_ns) != "stale" else "stale"
    judged = freshness("book", age_ns)
    if judged == "stale" or judged == "slow":
        return judged
    for market in state.instruments.values():
        if market.book_feed == name and market.book.state != "live":
            return "resync"
    return "ok"


def _lag_ns(state: KernelState, name: str, venue: str) -> int | None:
    """Return how late the newest changes of the feed's books were, by our clock, at the worst."""
    clock = state.clocks.get(venue)
    if clock is None:
        return None
    lags = [
        market.book_lag_ns + clock.offset_ns
        for market in state.instruments.values()
        if market.book_feed == name and market.book_venue_ns
    ]
    return max(lags, default=None)


def watch_view(state: KernelState, now_ns: int) -> WatchView:
    """Return all watched instruments."""
    return WatchView(tuple(_watch_row(state, one, now_ns) for one in state.instruments.values()))


def _watch_row(state: KernelState, market: InstrumentState, now_ns: int) -> WatchRow:
    bid, ask = market.book.best_bid, market.book.best_ask
    return WatchRow(
        instrument_id=market.instrument_id,
        name=symbol_of(market.instrument_id),
        price_decimals=market.price_decimals,
        last_ticks=market.last_ticks,
        last_freshness=trade_freshness(state, market, now_ns),
        day_ago_ticks=_day_ago_ticks(market, now_ns),
        spread_ticks=ask[0] - bid[0] if bid is not None and ask is not None else None,
        state=market.book.state,
        freshness=book_freshness(state, market, now_ns),
        age_ns=book_age_ns(state, market, now_ns),
        is_held=bool(state.desk.ledger.net_lots(market.instrument_id)),
    )


def _day_ago_ticks(market: InstrumentState, now_ns: int) -> int | None:
    """Return the price with which the candle of a day ago began."""
    for timeframe_s in DAY_AGO_TIMEFRAMES_S:
        candle = market.candles.series[timeframe_s].at(now_ns - DAY_NS)
        if candle is not None:
            return candle[1]
    return None


def health_view(state: KernelState, now_ns: int, facts: "RunFacts") -> HealthView:
    """Return whether the engine is well."""
    desk = state.desk
    clock = state.clocks.get(facts.venue)
    fact = desk.ledger.state_facts.get("all")
    return HealthView(
        feeds=feed_views(state, now_ns, facts.venue),
        books=tuple(
            BookHealth(
                symbol_of(market.instrument_id),
                market.book.state,
                book_freshness(state, market, now_ns),
                book_age_ns(state, market, now_ns),
            )
            for market in state.instruments.values()
        ),
        clock_offset_ns=clock.offset_ns if clock is not None else None,
        trading_state=desk.trading_state,
        trading_reason=fact.reason if fact is not None and desk.trading_state != "active" else "",
        is_latched=facts.is_latched,
        is_latch_persisted=facts.is_latch_persisted,
        is_journal_ok=desk.is_journal_ok,
        is_recording=facts.is_recording,
        recording=facts.recording,
        inbox_depth=facts.inbox_depth,
        inbox_age_ns=facts.inbox_age_ns,
        feed_stops=facts.feed_stops,
        loop_stalls=state.loop_stalls,
        loop_stall_ns=state.loop_stall_ns,
        loop_stall_at_ns=state.loop_stall_at_ns,
        screens=desk.seats.screens,
        holder=desk.seats.holder,
        alarms=(*alarms(state), *troubles(state)),
        repairs=desk.venue_side.repairs,
        contradictions=desk.ledger.contradictions,
        part_failures=state.part_failures,
        parts_down=tuple(state.parts_down.items()),
    )
