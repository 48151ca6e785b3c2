"""The port: what a screen may ask of the engine and what it receives.

Frames on the socket are a 4-byte big-endian length and that many bytes of msgpack. The screen
speaks first (`Hello`); the engine answers `Welcome`, then sends views of the panes watched,
a heartbeat each 250 ms and one `Reply` per command. Each side refuses a frame over `FRAME_MAX`.
"""

from typing import Final, Literal, Protocol

import msgspec

from engine.model.commands import CommandOutcome, OperatorCommand
from engine.model.instrument import InstrumentId
from engine.model.view import HealthView, Mode, PaneName, StatusView, View

SCHEMA: Final = 1
FRAME_MAX: Final = 4 * 1024 * 1024
HEARTBEAT_NS: Final = 250_000_000
SILENCE_NS: Final = 1_000_000_000
"""A screen that has heard nothing for so long shows the engine as lost."""
FPS_MAX: Final = 20
SCREENS_MAX: Final = 4


class Hello(msgspec.Struct, frozen=True, tag=True):
    """First message of a client."""

    schema: int
    client: Literal["screen", "command"]
    looks_only: bool = False
    """Of a screen: it leaves the orders to others until it takes them."""


class Watch(msgspec.Struct, frozen=True, tag=True):
    """Which panes to send, of what, how much and how often; replaces the one before.

    An empty `instrument_id` asks for the engine's first instrument.
    """

    panes: tuple[PaneName, ...]
    instrument_id: InstrumentId = InstrumentId("")
    timeframe_s: int = 60
    book_rows: int = 40
    """Price rows per side."""
    book_group: int = 1
    """Row height in steps of the venue's tick."""
    chart_candles: int = 120
    tape_rows: int = 60
    fps: int = 10


class Ask(msgspec.Struct, frozen=True, tag=True):
    """One question, answered by one `Reply` whose `status` and `health` are filled."""

    command_id: int


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    """Stop the engine in good order."""

    command_id: int


class Command(msgspec.Struct, frozen=True, tag=True):
    """An operator's line, dry or meant; answered by one `Reply` with its `outcome`."""

    command: OperatorCommand


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """First message of the engine. `epoch` changes with each engine start."""

    schema: int
    epoch: int
    run_id: str
    version: str
    pid: int
    mode: Mode
    venue: str


class ViewFrame(msgspec.Struct, frozen=True, tag=True):
    """One view, complete as of `seq`; `ts_ns` is the engine's time when it was built."""

    pane: PaneName
    epoch: int
    seq: int
    ts_ns: int
    view: View


class Heartbeat(msgspec.Struct, frozen=True, tag=True):
    """The engine lives."""

    ts_ns: int
    seq: int


class Reply(msgspec.Struct, frozen=True, tag=True):
    """Outcome of a command."""

    command_id: int
    accepted: bool
    text: str
    status: StatusView | None = None
    outcome: CommandOutcome | None = None
    health: HealthView | None = None


class Goodbye(msgspec.Struct, frozen=True, tag=True):
    """The engine ends this connection, and why."""

    reason: str


ClientMessage = Hello | Watch | Ask | Command | Shutdown
EngineMessage = Welcome | ViewFrame | Heartbeat | Reply | Goodbye

_encoder = msgspec.msgpack.Encoder()
_client_decoder = msgspec.msgpack.Decoder(ClientMessage)
_engine_decoder = msgspec.msgpack.Decoder(EngineMessage)


def encode_frame(message: ClientMessage | EngineMessage) -> bytes:
    """Return the message with its length in front."""
    body = _encoder.encode(message)
    assert len(body) <= FRAME_MAX
    return len(body).to_bytes(4, "big") + body


def decode_client(body: bytes) -> ClientMessage:
    """Decode what a screen sent; raises `msgspec.DecodeError` on anything else."""
    message: ClientMessage = _client_decoder.decode(body)
    return message


def decode_engine(body: bytes) -> EngineMessage:
    """Decode what the engine sent; raises `msgspec.DecodeError` on anything else."""
    message: EngineMessage = _engine_decoder.decode(body)
    return message


class CockpitPort(Protocol):
    """The engine as a screen sees it; over a socket, or in the same process in tests."""

    async def receive(self) -> EngineMessage:
        """Wait for the next message; raises `PortClosed` when the engine is gone."""

    def watch(self, watch: Watch) -> None:
        """Ask for other panes, another instrument or another pace; never waits."""

    def command(self, command: OperatorCommand) -> None:
        """Send an operator's line; the `Reply` carries its command id and the outcome."""

    def shutdown(self) -> int:
        """Ask the engine to stop; returns the command's id."""

    async def close(self) -> None:
        """Leave; the engine goes on."""
