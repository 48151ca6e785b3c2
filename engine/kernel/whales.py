"""Handlers of detection: what the detectors of an instrument notice becomes state and signal."""

from collections.abc import Iterable

from engine.kernel.state import SIGNALS_MAX, KernelState
from engine.model.effects import Effect, Publish
from engine.model.envelope import Envelope
from engine.model.market import BookDelta, Trade
from engine.model.signals import WhaleSignal


def on_trade(state: KernelState, envelope: Envelope, event: Trade, effects: list[Effect]) -> None:
    """Show a trade of the book to the detectors."""
    market = state.instruments.get(event.instrument_id)
    if market is None or not event.is_market or event.stream != market.trade_stream:
        return
    for detector in market.detectors:
        record(state, detector.on_trade(event, market.book, envelope.ts_ns), effects)


def on_book(
    state: KernelState, envelope: Envelope, event: BookDelta, effects: list[Effect]
) -> None:
    """Show an applied delta to the detectors."""
    market = state.instruments.get(event.instrument_id)
    if market is None or market.book.state != "live":
        return
    for detector in market.detectors:
        record(state, detector.on_book(market.book, envelope.ts_ns), effects)


def record(state: KernelState, signals: Iterable[WhaleSignal], effects: list[Effect]) -> None:
    """Keep the newest state of each signal and publish it."""
    for signal in signals:
        state.signals[signal.signal_id] = signal
        if len(state.signals) > SIGNALS_MAX:
            del state.signals[next(iter(state.signals))]
        state.signals_version += 1
        effects.append(Publish(signal))
