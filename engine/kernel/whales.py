"""Handlers of detection: what the detectors of an instrument notice becomes state and signal."""

from collections.abc import Iterable

import msgspec

from engine.kernel.state import SIGNALS_MAX, KernelState
from engine.model.effects import Effect, Publish
from engine.model.envelope import Envelope
from engine.model.instrument import InstrumentId
from engine.model.market import BookDelta, Trade
from engine.model.signals import WhaleSignal


def on_trade(state: KernelState, envelope: Envelope, event: Trade, effects: list[Effect]) -> None:
    """Show a trade of the book to the detectors, once."""
    market = state.instruments.get(event.instrument_id)
    if market is None or not event.is_market or market.traded_seq != envelope.seq:
        return
    for detector in market.detectors:
        record(state, detector.on_trade(event, market.book, envelope.ts_ns), effects)


def on_book(
    state: KernelState, envelope: Envelope, event: BookDelta, effects: list[Effect]
) -> None:
    """Show an applied delta to the detectors."""
    market = state.instruments.get(event.instrument_id)
    if market is None or market.applied_seq != envelope.seq:
        return
    for detector in market.detectors:
        record(state, detector.on_book(market.book, envelope.ts_ns), effects)


def rescale(state: KernelState, instrument_id: InstrumentId, price_factor: int) -> None:
    """Count finer ticks in the signals of an instrument from now on."""
    for signal_id, signal in state.signals.items():
        if signal.instrument_id == instrument_id:
            state.signals[signal_id] = msgspec.structs.replace(
                signal,
                price_low_ticks=signal.price_low_ticks * price_factor,
                price_high_ticks=signal.price_high_ticks * price_factor,
            )
    state.signals_version += 1


def record(state: KernelState, signals: Iterable[WhaleSignal], effects: list[Effect]) -> None:
    """Keep the newest state of each signal and publish it."""
    for signal in signals:
        state.signals[signal.signal_id] = signal
        if len(state.signals) > SIGNALS_MAX:
            del state.signals[next(iter(state.signals))]
        state.signals_version += 1
        effects.append(Publish(signal))
