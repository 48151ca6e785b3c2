"""Handlers of market data: book, trades, candles, quotes, and the timers that watch them."""

from typing import Final

from engine.ingest.book import Verdict
from engine.ingest.candles import Candles
from engine.ingest.health import LIMITS
from engine.ingest.tape import Tape
from engine.ingest.trade_flow import TradeFlow
from engine.kernel import whales
from engine.kernel.notices import say
from engine.kernel.state import INSTRUMENTS_MAX, InstrumentState, KernelState
from engine.model.effects import Effect, RenewBook, RequestSnapshot, SetTimer
from engine.model.envelope import Envelope, Event, RunStarted, TimerFired
from engine.model.instrument import InstrumentId
from engine.model.market import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Candle,
    FeedDown,
    InstrumentUpdated,
    MarkPrice,
    ScalesWidened,
    Trade,
)
from engine.model.numbers import NS_PER_MS, NS_PER_S

SWEEP_NS: Final = 250 * NS_PER_MS
"""How often crossed books are looked at although nothing comes."""
SNAPSHOT_SPACING_NS: Final = 1 * NS_PER_S
"""Between two requests for one book, and twice as long after each answer that did not help: a
snapshot costs up to a fiftieth of what a venue allows per minute."""
SNAPSHOT_RETRY_NS: Final = 2 * NS_PER_S
SNAPSHOT_WAIT_NS_MAX: Final = 30 * NS_PER_S

SWEEP_TIMER: Final = "sweep"
SNAPSHOT_TIMER: Final = "snapshot "
"""Followed by the instrument's id."""

CONNECTION_LOST: Final = "connection lost"


def on_run_started(
    state: KernelState, envelope: Envelope, event: RunStarted, effects: list[Effect]
) -> None:
    """Start the periodic look at everything that can go wrong without an event."""
    del state, event
    effects.append(SetTimer(SWEEP_TIMER, envelope.ts_ns + SWEEP_NS))


def on_instrument(
    state: KernelState, envelope: Envelope, event: InstrumentUpdated, effects: list[Effect]
) -> None:
    """A venue described an instrument: begin to keep it, or take in what changed."""
    instrument = event.instrument
    market = state.instruments.get(instrument.instrument_id)
    if market is None:
        if len(state.instruments) >= INSTRUMENTS_MAX:
            state.unknown_instrument += 1
            return
        market = InstrumentState(instrument, event.price_decimals, event.qty_decimals)
        market.book_state_ns = envelope.ts_ns
        market.make_detectors(state.signal_ids)
        state.instruments[instrument.instrument_id] = market
        return
    if instrument != market.instrument:
        was, market.instrument = market.instrument, instrument
        market.book_version += 1
        if (was.quote, was.is_inverse) != (instrument.quote, instrument.is_inverse):
            _tell_detectors(state, market, effects)
            market.make_detectors(state.signal_ids)
            state.signals_version += 1
        text = f"{instrument.instrument_id} changed at the venue"
        say(state, effects, "warning", instrument.instrument_id, text)
    _widen(state, market, event.price_decimals, event.qty_decimals)


def on_scales(
    state: KernelState, envelope: Envelope, event: ScalesWidened, effects: list[Effect]
) -> None:
    """The venue sent a finer number than ever before."""
    del envelope, effects
    market = state.instruments.get(event.instrument_id)
    if market is None:
        state.unknown_instrument += 1
        return
    _widen(state, market, event.price_decimals, event.qty_decimals)


def on_delta(
    state: KernelState, envelope: Envelope, event: BookDelta, effects: list[Effect]
) -> None:
    """Apply changes of the book; a gap makes it invalid in this very call."""
    market = state.instruments.get(event.instrument_id)
    if market is None:
        state.unknown_instrument += 1
        return
    market.book_ns = envelope.ts_ns
    market.book_feed = envelope.source
    market.book_venue_ns = event.ts_venue_ns
    market.book_lag_ns = envelope.ts_ns - event.ts_venue_ns
    market.moved_ns = 0
    market.is_mute = False
    market.book_version += 1
    book = market.book
    verdict = book.apply(event, envelope.ts_ns)
    if verdict is Verdict.APPLIED:
        (bid, bid_lots), (ask, ask_lots) = book.best_bid, book.best_ask  # type: ignore[misc]  # a live book has both sides
        if not market.quotes.on_top(event.last_seq, (bid, bid_lots, ask, ask_lots)):
            _on_contradiction(state, market, effects)
        else:
            market.applied_seq = envelope.seq
    elif verdict is Verdict.BUFFERED:
        _ask_snapshot(market, effects, envelope.ts_ns)
    elif verdict is not Verdict.STALE:
        _on_lost(state, market, effects, verdict)


def on_snapshot(
    state: KernelState, envelope: Envelope, event: BookSnapshot, effects: list[Effect]
) -> None:
    """Take in a whole book and the deltas that waited for it.

    One that comes while the connection of the book is down is let go: nothing would tell what
    changes after it. One by request says nothing of the book's stream: it makes no book younger
    than what came of that.
    """
    market = state.instruments.get(event.instrument_id)
    if market is None:
        state.unknown_instrument += 1
        return
    if event.is_streamed:
        market.book_feed = envelope.source
        market.book_ns = envelope.ts_ns
        market.is_mute = False
    connection = state.connections.get(market.book_feed)
    if connection is not None and not connection.is_up:
        return
    was = market.book.state
    verdict = market.book.apply_snapshot(event, envelope.ts_ns)
    if verdict is Verdict.STALE:
        return
    market.book_version += 1
    market.book_ns = market.book_ns or envelope.ts_ns
    market.book_state_ns = envelope.ts_ns
    market.moved_ns = 0
    market.snapshot_asked = False
    if verdict is not Verdict.APPLIED:
        _on_lost(state, market, effects, verdict)
        return
    market.snapshot_tries = 0
    if was == "invalid":
        say(state, effects, "info", event.instrument_id, "book is whole again")


def on_trade(state: KernelState, envelope: Envelope, event: Trade, effects: list[Effect]) -> None:
    """Put a trade on the tape and into the candles.

    Single prints are better than aggregated ones: where both come, the first single print ends
    the use of the others, and what was built from them goes. One that came before is none; a late
    one goes into its candles with whatever else was lost there.
    """
    del effects
    market = state.instruments.get(event.instrument_id)
    if market is None:
        state.unknown_instrument += 1
        return
    if event.stream != market.trade_stream and not _change_stream(market, event):
        market.trades_other_stream += 1
        return
    novelty = market.flow.judge(event, envelope.source)
    if novelty == "repeated":
        return
    market.traded_seq = envelope.seq
    market.trade_ns = envelope.ts_ns
    market.trade_version += 1
    market.trades += 1
    market.tape.add(event, envelope.ts_ns)
    if not event.is_market:
        market.trades_not_market += 1
        return
    if novelty == "late":
        return
    market.candles.add_trade(event)
    price = event.price_ticks
    if not market.moved_ns and event.ts_venue_ns > market.book_venue_ns > 0:
        _note_trade_outside(market, price, envelope.ts_ns)
    if market.last_ticks is not None and price != market.last_ticks:
        market.last_is_up = price > market.last_ticks
    market.last_ticks = price


def on_quote(
    state: KernelState, envelope: Envelope, event: BestQuote, effects: list[Effect]
) -> None:
    """Compare the venue's best quote with the book of the same update."""
    market = state.instruments.get(event.instrument_id)
    if market is None:
        state.unknown_instrument += 1
        return
    if market.book.state != "live":
        market.quotes.on_quote(event)
        return
    _compare_quote(market, event, envelope.ts_ns)
    if not market.quotes.on_quote(event):
        _on_contradiction(state, market, effects)


def on_candle(state: KernelState, envelope: Envelope, event: Candle, effects: list[Effect]) -> None:
    """Keep a candle of the venue."""
    del envelope, effects
    market = state.instruments.get(event.instrument_id)
    if market is None:
        state.unknown_instrument += 1
        return
    market.candles.add_venue_candle(event)
    market.candle_version += 1


def on_mark_price(
    state: KernelState, envelope: Envelope, event: MarkPrice, effects: list[Effect]
) -> None:
    """Keep mark, index and funding."""
    del effects
    market = state.instruments.get(event.instrument_id)
    if market is None:
        state.unknown_instrument += 1
        return
    market.mark = event
    market.mark_ns = envelope.ts_ns
    market.mark_version += 1


def on_feed_down(
    state: KernelState, envelope: Envelope, event: FeedDown, effects: list[Effect]
) -> None:
    """A book whose connection is gone is no book: what changed meanwhile is unknown."""
    for market in state.instruments.values():
        if market.book_feed == event.feed and market.book.note != CONNECTION_LOST:
            market.book.invalidate(CONNECTION_LOST)
            market.moved_ns = 0
            market.book_state_ns = envelope.ts_ns
            market.book_version += 1
            market.snapshot_asked = False
            _tell_detectors(state, market, effects)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Look at crossed books, and ask again for snapshots that did not come."""
    if event.key == SWEEP_TIMER:
        for market in state.instruments.values():
            if market.book.check_crossed(envelope.ts_ns) is Verdict.BROKEN:
                _on_lost(state, market, effects, Verdict.BROKEN)
            elif market.moved_ns and envelope.ts_ns - market.moved_ns >= LIMITS["book"].stale_ns:
                doubt_stream(state, market, effects, "its stream stands still, its market moves")
        effects.append(SetTimer(SWEEP_TIMER, envelope.ts_ns + SWEEP_NS))
        return
    instrument_id = InstrumentId(event.key.removeprefix(SNAPSHOT_TIMER))
    late = state.instruments.get(instrument_id)
    if late is not None and late.snapshot_asked:
        _request_snapshot(late, effects, envelope.ts_ns)


def is_repeated(state: KernelState, event: Event) -> bool:
    """Whether the event that was handled last is a trade that tells nothing new."""
    if not isinstance(event, Trade):
        return False
    market = state.instruments.get(event.instrument_id)
    return market is not None and market.traded_seq != state.seq


def break_book(
    state: KernelState, market: InstrumentState, effects: list[Effect], reason: str
) -> None:
    """End a book that is wrong although its sequence is right, and fetch a new one."""
    market.quotes.forget_tops()
    market.book.invalidate(reason)
    _on_lost(state, market, effects, Verdict.BROKEN)


def doubt_stream(
    state: KernelState, market: InstrumentState, effects: list[Effect], reason: str
) -> None:
    """End a book whose stream no longer tells what happens, and have it subscribed anew.

    Until that stream is heard, whatever else its connection brings says nothing of the book.
    """
    market.is_mute = True
    break_book(state, market, effects, reason)
    effects.append(RenewBook(market.instrument_id))


def _compare_quote(market: InstrumentState, event: BestQuote, ts_ns: int) -> None:
    """Note since when the venue's best prices are others than the book's."""
    (bid, _), (ask, _) = market.book.best_bid, market.book.best_ask  # type: ignore[misc]  # a live book has both sides
    if bid == event.bid_ticks and ask == event.ask_ticks:
        market.moved_ns = 0
    elif not market.moved_ns:
        market.moved_ns = ts_ns


def _note_trade_outside(market: InstrumentState, price: int, ts_ns: int) -> None:
    """Note a trade beyond the book's best prices that came after the book's last change."""
    bid, ask = market.book.best_bid, market.book.best_ask
    if bid is not None and ask is not None and not bid[0] <= price <= ask[0]:
        market.moved_ns = ts_ns


def _change_stream(market: InstrumentState, event: Trade) -> bool:
    """Decide whether trades of another stream than before count from now on."""
    if market.trade_stream is None:
        market.trade_stream = event.stream
        return True
    if event.stream == "agg_trade":
        return False
    market.trade_stream = event.stream
    is_numbered = market.instrument.has_numbered_trades
    market.flow = TradeFlow(is_numbered=is_numbered)  # Its ids count something else.
    venue_candles = [series.venue for series in market.candles.series.values()]
    market.candles = Candles()
    for series, kept in zip(market.candles.series.values(), venue_candles, strict=True):
        series.venue = kept
    market.tape = Tape()
    market.trades_other_stream += market.trades
    market.trades = 0
    return True


def _widen(
    state: KernelState, market: InstrumentState, price_decimals: int, qty_decimals: int
) -> None:
    if (price_decimals, qty_decimals) != (market.price_decimals, market.qty_decimals):
        before = market.price_decimals
        market.widen(price_decimals, qty_decimals)
        whales.rescale(state, market.instrument_id, 10 ** (price_decimals - before))


def _on_lost(
    state: KernelState, market: InstrumentState, effects: list[Effect], verdict: Verdict
) -> None:
    """The book is no longer whole: say so, forget what hung on it, fetch a new one."""
    market.book_state_ns = state.ts_ns
    market.book_version += 1
    market.moved_ns = 0
    if verdict is Verdict.GAP:
        state.gaps += 1
        market.last_gap = market.book.last_gap
    say(state, effects, "warning", market.instrument_id, f"book: {market.book.note}, resync")
    _tell_detectors(state, market, effects)
    market.snapshot_asked = False
    _ask_snapshot(market, effects, state.ts_ns)


def _on_contradiction(state: KernelState, market: InstrumentState, effects: list[Effect]) -> None:
    market.quotes_unequal += 1
    break_book(state, market, effects, "best quote differs from the book")


def _tell_detectors(state: KernelState, market: InstrumentState, effects: list[Effect]) -> None:
    for detector in market.detectors:
        whales.record(state, detector.on_book_lost(state.ts_ns), effects)


def _ask_snapshot(market: InstrumentState, effects: list[Effect], ts_ns: int) -> None:
    """Ask for a snapshot, by timer if it is too early for another one, unless one is under way."""
    if market.snapshot_asked:
        return
    market.snapshot_asked = True
    due_ns = ts_ns
    if market.snapshot_ns is not None:
        spacing_ns = _doubled(SNAPSHOT_SPACING_NS, max(0, market.snapshot_tries - 1))
        due_ns = market.snapshot_ns + spacing_ns
    if due_ns <= ts_ns:
        _request_snapshot(market, effects, ts_ns)
    else:
        effects.append(SetTimer(SNAPSHOT_TIMER + market.instrument_id, due_ns))


def _request_snapshot(market: InstrumentState, effects: list[Effect], ts_ns: int) -> None:
    """Ask for a snapshot now, and again if no answer comes: after 2 s, then twice as long."""
    wait_ns = _doubled(SNAPSHOT_RETRY_NS, market.snapshot_tries)
    market.snapshot_tries += 1
    market.snapshot_ns = ts_ns
    effects.append(RequestSnapshot(market.instrument_id))
    effects.append(SetTimer(SNAPSHOT_TIMER + market.instrument_id, ts_ns + wait_ns))


def _doubled(wait_ns: int, times: int) -> int:
    return min(wait_ns << min(times, 8), SNAPSHOT_WAIT_NS_MAX)
