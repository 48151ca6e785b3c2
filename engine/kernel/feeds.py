"""Handlers of connections: up, down, and that something arrived."""

from typing import Final

from engine.ingest.health import Connection
from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.model.effects import Effect
from engine.model.envelope import Envelope, RunStarted
from engine.model.market import (
    ClockMeasured,
    FeedDown,
    FeedUp,
    FrameRefused,
    MarketEvent,
    StreamSilent,
)
from engine.model.numbers import NS_PER_MS
from engine.model.signals import NoticeLevel

CLOCK_WARN_NS: Final = 250 * NS_PER_MS
CLOCK_REFUSE_NS: Final = 1_000 * NS_PER_MS


def note_data(
    state: KernelState, envelope: Envelope, event: MarketEvent, effects: list[Effect]
) -> None:
    """Remember that a connection delivered."""
    del event, effects
    connection = state.connections.get(envelope.source)
    if connection is not None:
        connection.last_ns = envelope.ts_ns


def on_up(state: KernelState, envelope: Envelope, event: FeedUp, effects: list[Effect]) -> None:
    """A connection opened."""
    connection = _connection(state, event.feed, envelope.ts_ns)
    connection.go_up(envelope.ts_ns)
    say(state, effects, "info", event.feed, "connected")


def on_down(state: KernelState, envelope: Envelope, event: FeedDown, effects: list[Effect]) -> None:
    """A connection closed, or could not be made."""
    connection = _connection(state, event.feed, envelope.ts_ns)
    connection.go_down(envelope.ts_ns, event.reason, event.retry_at_ns, event.attempt)
    say(state, effects, "warning", event.feed, event.reason)


def on_silent(
    state: KernelState, envelope: Envelope, event: StreamSilent, effects: list[Effect]
) -> None:
    """A subscription was acknowledged and brings nothing."""
    del envelope
    state.silent_streams += 1
    say(state, effects, "warning", event.feed, f"{event.stream} is silent, subscribed again")


def on_clock(
    state: KernelState, envelope: Envelope, event: ClockMeasured, effects: list[Effect]
) -> None:
    """Note how far a venue's clock is away; beyond a second nothing signed adds risk (R15)."""
    del envelope
    before = state.clocks.get(event.venue)
    state.clocks[event.venue] = event
    was, level = _clock_level(before) if before is not None else "info", _clock_level(event)
    text = f"the venue's clock is {event.offset_ns // NS_PER_MS} ms ahead of ours"
    desk = state.desk
    if event.venue == desk.setup.venue:
        desk.clock_fault = text if level == "error" else ""
    if level != was:
        say(state, effects, level, f"feed:{event.venue}", text)


def _clock_level(event: ClockMeasured) -> NoticeLevel:
    away_ns = abs(event.offset_ns)
    if away_ns > CLOCK_REFUSE_NS:
        return "error"
    return "warning" if away_ns > CLOCK_WARN_NS else "info"


def on_refused(
    state: KernelState, envelope: Envelope, event: FrameRefused, effects: list[Effect]
) -> None:
    """A frame could not be read: it costs itself and this counter."""
    del envelope
    state.bad_frames += 1
    say(state, effects, "warning", event.feed, f"frame refused: {event.reason}")


def on_run_started(
    state: KernelState, envelope: Envelope, event: RunStarted, effects: list[Effect]
) -> None:
    """The run has a name."""
    del envelope
    state.run_id = event.run_id
    state.version = event.version
    say(state, effects, "info", "engine", f"cockpit {event.version} started")


def _connection(state: KernelState, feed: str, ts_ns: int) -> Connection:
    connection = state.connections.get(feed)
    if connection is None:
        connection = state.connections[feed] = Connection(ts_ns)
    return connection
