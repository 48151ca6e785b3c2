"""Handlers of connections: up, down, and that something arrived."""

from engine.ingest.health import Connection
from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.model.effects import Effect
from engine.model.envelope import Envelope, RunStarted
from engine.model.market import FeedDown, FeedUp, FrameRefused, MarketEvent


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
