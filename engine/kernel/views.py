"""Pictures of the state for screens: pure functions of state, wishes and time.

A screen is sent a view when its `mark` changed: a cheap value that differs whenever the picture
would, so that nothing is built for a pane on which nothing happened.
"""

from collections.abc import Callable
from itertools import islice
from typing import Final

import msgspec

from engine.kernel.desk_views import orders_view, positions_view, risk_view
from engine.kernel.freshness import book_age_ns, book_freshness, trade_freshness
from engine.kernel.health_views import feed_views, health_view, watch_view
from engine.kernel.state import InstrumentState, KernelState
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.market import Level
from engine.model.numbers import NS_PER_MS, NS_PER_S, unscaled
from engine.model.view import (
    BookView,
    ChartView,
    HeaderView,
    InstrumentRow,
    LogView,
    Mode,
    PaneName,
    RiskView,
    StatusView,
    TapeRow,
    TapeView,
    View,
    WhaleRow,
    WhalesView,
)

STATUS_NS: Final = 500 * NS_PER_MS
"""How often the status row is built although nothing changed."""
RATE_WINDOW_S: Final = 10
SHARE_WINDOW_S: Final = 60
DESK_PANES: Final[frozenset[PaneName]] = frozenset({"positions", "orders", "risk"})
LEVELS_LOOKED_AT_MAX: Final = 5_000
WHALE_ROWS_MAX: Final = 60
LOG_ROWS_MAX: Final = 200


class RunFacts(msgspec.Struct, frozen=True):
    """What the shells know and the kernel does not; for the status row."""

    mode: Mode
    venue: str
    events_per_s: float
    inbox_depth: int
    started_ns: int
    replay_speed: float | None = None
    replay_ended: bool = False
    is_latched: bool = False
    is_latch_persisted: bool = False
    recording: str = ""
    """What is wrong with the recording; nothing while all is well or none is wanted."""
    is_recording: bool = False
    inbox_age_ns: int = 0
    """How long the oldest of the data that waits has waited."""
    feed_stops: int = 0
    """How often feeds stopped reading because too much waited."""


class Wish(msgspec.Struct, frozen=True):
    """What one screen looks at."""

    instrument_id: InstrumentId
    timeframe_s: int
    book_rows: int
    book_group: int
    chart_candles: int
    tape_rows: int
    operator: str = ""


def mark_of(pane: PaneName, state: KernelState, wish: Wish, now_ns: int) -> object:
    """Return a value that changes whenever the pane's picture would."""
    if pane == "status":
        looks = state.desk.seats.looks(wish.operator)
        return (now_ns // STATUS_NS, state.notices_version, looks)
    if pane == "log":
        return state.notices_version
    if pane in DESK_PANES:
        return (state.desk.version, now_ns // STATUS_NS, state.desk.is_armed(now_ns))
    if pane in ("watch", "health"):
        return (state.desk.version, now_ns // STATUS_NS, state.notices_version)
    market = state.instruments.get(wish.instrument_id)
    if pane == "whales":
        return (state.signals_version, wish.instrument_id, market is not None)
    return None if market is None else _market_mark(pane, state, market, wish, now_ns)


def _market_mark(
    pane: PaneName, state: KernelState, market: InstrumentState, wish: Wish, now_ns: int
) -> object:
    if pane == "book":
        judged = book_freshness(state, market, now_ns)
        return (wish, market.book_version, market.book.state, judged, market.scales)
    judged = trade_freshness(state, market, now_ns)
    common = (wish, market.trade_version, judged, market.scales)
    if pane == "chart":
        return (*common, market.candle_version)
    # Sums over the last seconds change although nothing comes.
    second = now_ns // NS_PER_S
    return (*common, second) if pane == "tape" else (*common, second, market.mark_version)


def build(
    pane: PaneName, state: KernelState, wish: Wish, now_ns: int, facts: RunFacts
) -> View | None:
    """Return the picture of a pane; None while its instrument is not known yet."""
    of_all = _OF_ALL.get(pane)
    if of_all is not None:
        return of_all(state, wish, now_ns, facts)
    market = state.instruments.get(wish.instrument_id)
    if pane == "whales":
        return _whales_view(state, market)
    if market is None:
        return None
    return _BUILDERS[pane](state, market, wish, now_ns)


def _log_view(state: KernelState) -> LogView:
    return LogView(tuple(islice(reversed(state.notices), LOG_ROWS_MAX)))


def _risk_view(state: KernelState, facts: RunFacts) -> RiskView:
    return risk_view(
        state,
        is_latched=facts.is_latched,
        is_persisted=facts.is_latch_persisted,
        is_journal_ok=state.desk.is_journal_ok,
    )


def status_view(state: KernelState, now_ns: int, facts: RunFacts, operator: str = "") -> StatusView:
    """Return the status row as one operator sees it."""
    clock = state.clocks.get(facts.venue)
    return StatusView(
        mode=facts.mode,
        venue=facts.venue,
        feeds=feed_views(state, now_ns, facts.venue),
        instruments=tuple(
            InstrumentRow(key, symbol_of(key), market.last_ticks, market.price_decimals)
            for key, market in state.instruments.items()
        ),
        events_per_s=facts.events_per_s,
        inbox_depth=facts.inbox_depth,
        bad_frames=state.bad_frames,
        gaps=state.gaps,
        trade_gaps=state.trade_gaps,
        trades_repeated=sum(one.flow.repeated for one in state.instruments.values()),
        clock_offset_ns=clock.offset_ns if clock is not None else None,
        seq=state.seq,
        started_ns=facts.started_ns,
        replay_speed=facts.replay_speed,
        replay_ended=facts.replay_ended,
        looks_only=state.desk.seats.looks(operator),
        recording=facts.recording,
        is_recording=facts.is_recording,
    )


def _header_view(
    state: KernelState, market: InstrumentState, wish: Wish, now_ns: int
) -> HeaderView:
    del wish
    mark = market.mark
    return HeaderView(
        instrument_id=market.instrument_id,
        price_decimals=market.price_decimals,
        last_ticks=market.last_ticks,
        last_is_up=market.last_is_up,
        freshness=trade_freshness(state, market, now_ns),
        mark=f"{mark.mark:f}" if mark else None,
        index=f"{mark.index:f}" if mark and mark.index is not None else None,
        funding_rate=f"{mark.funding_rate:f}" if mark and mark.funding_rate is not None else None,
        next_funding_ns=mark.next_funding_ns if mark and mark.next_funding_ns else None,
        volume_1h=unscaled(market.tape.volume_lots(now_ns), market.qty_decimals),
        qty_decimals=market.qty_decimals,
        scales_inferred=market.instrument.tick_size is None,
    )


def _book_view(state: KernelState, market: InstrumentState, wish: Wish, now_ns: int) -> BookView:
    book = market.book
    group = market.tick_ticks * wish.book_group
    bid, ask = book.best_bid, book.best_ask
    return BookView(
        instrument_id=market.instrument_id,
        state=book.state,
        note=book.note,
        state_since_ns=market.book_state_ns,
        freshness=book_freshness(state, market, now_ns),
        age_ns=book_age_ns(state, market, now_ns),
        price_decimals=market.price_decimals,
        qty_decimals=market.qty_decimals,
        tick_ticks=market.tick_ticks,
        group_ticks=group,
        bids=_rows(market, group, wish.book_rows, is_bid=True),
        asks=_rows(market, group, wish.book_rows, is_bid=False),
        best_bid_ticks=bid[0] if bid else None,
        best_ask_ticks=ask[0] if ask else None,
    )


def _rows(market: InstrumentState, group: int, limit: int, *, is_bid: bool) -> tuple[Level, ...]:
    """Sum levels to price rows: bids downwards, asks upwards, never to a better price."""
    rows: dict[int, int] = {}
    farthest: int | None = None
    for price, size in islice(market.book.levels(is_bid=is_bid), LEVELS_LOOKED_AT_MAX):
        row = price - price % group if is_bid else price + -price % group
        if farthest is None:
            farthest = row - limit * group if is_bid else row + limit * group
        if row <= farthest if is_bid else row >= farthest:
            break
        rows[row] = rows.get(row, 0) + size
    return tuple(rows.items())


def _chart_view(state: KernelState, market: InstrumentState, wish: Wish, now_ns: int) -> ChartView:
    series = market.candles.series.get(wish.timeframe_s)
    candles = series.newest(wish.chart_candles) if series is not None else []
    missed = market.candles.missed_since(candles[0][0]) if candles else ()
    return ChartView(
        instrument_id=market.instrument_id,
        timeframe_s=wish.timeframe_s,
        price_decimals=market.price_decimals,
        qty_decimals=market.qty_decimals,
        freshness=trade_freshness(state, market, now_ns),
        age_ns=market.trade_age_ns(now_ns),
        candles=tuple((*row[:5], unscaled(row[5], market.qty_decimals)) for row in candles),
        missed=missed,
    )


def _tape_view(state: KernelState, market: InstrumentState, wish: Wish, now_ns: int) -> TapeView:
    big_units = None
    if market.detectors:
        big_units = market.detectors[0].addition_floor_usd * market.scales.units_per_quote
    return TapeView(
        instrument_id=market.instrument_id,
        price_decimals=market.price_decimals,
        qty_decimals=market.qty_decimals,
        freshness=trade_freshness(state, market, now_ns),
        age_ns=market.trade_age_ns(now_ns),
        rows=tuple(
            TapeRow(
                trade.ts_venue_ns,
                trade.price_ticks,
                trade.qty_lots,
                trade.buyer_is_taker,
                trade.is_market,
                big_units is not None and trade.price_ticks * trade.qty_lots >= big_units,
            )
            for trade in market.tape.newest(wish.tape_rows)
        ),
        total=market.tape.total,
        buy_share_60s=market.tape.buy_share(now_ns, SHARE_WINDOW_S),
        trades_per_s=market.tape.trades_per_s(now_ns, RATE_WINDOW_S),
    )


def _whales_view(state: KernelState, market: InstrumentState | None) -> WhalesView:
    rows = []
    for signal in islice(reversed(state.signals.values()), WHALE_ROWS_MAX):
        decimals = state.instruments[signal.instrument_id].price_decimals
        rows.append(
            WhaleRow(
                signal.signal_id,
                signal.opened_ns,
                signal.instrument_id,
                signal.type,
                signal.side,
                signal.price_low_ticks,
                signal.price_high_ticks,
                decimals,
                signal.notional_usd,
                signal.confidence,
                signal.status,
                signal.end,
            )
        )
    threshold = None
    if market is not None and market.detectors:
        threshold = market.detectors[0].addition_floor_usd
    off_reason = "" if market is None else market.detectors_off
    return WhalesView(tuple(rows), threshold, off_reason)


_OF_ALL: Final[dict[PaneName, Callable[[KernelState, Wish, int, RunFacts], View]]] = {
    "status": lambda state, wish, now_ns, facts: status_view(state, now_ns, facts, wish.operator),
    "log": lambda state, _wish, _now_ns, _facts: _log_view(state),
    "positions": lambda state, _wish, _now_ns, _facts: positions_view(state),
    "orders": lambda state, _wish, _now_ns, _facts: orders_view(state),
    "risk": lambda state, _wish, _now_ns, facts: _risk_view(state, facts),
    "watch": lambda state, _wish, now_ns, _facts: watch_view(state, now_ns),
    "health": lambda state, _wish, now_ns, facts: health_view(state, now_ns, facts),
}
"""Panes that are not about the one instrument that is looked at."""

_Builder = Callable[[KernelState, InstrumentState, Wish, int], View]

_BUILDERS: Final[dict[PaneName, _Builder]] = {
    "header": _header_view,
    "book": _book_view,
    "chart": _chart_view,
    "tape": _tape_view,
}
