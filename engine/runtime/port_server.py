"""The engine's side of the port: screens join a private Unix socket and are sent views.

Each screen has its own frame clock. A screen that does not read misses frames, never slows the
engine: while bytes wait for it nothing new is built for it.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from loguru import logger

from engine.kernel.health_views import health_view
from engine.kernel.state import KernelState
from engine.kernel.views import RunFacts, Wish, build, mark_of, status_view
from engine.model.commands import CommandOutcome, OperatorCommand
from engine.model.envelope import Event, ScreenJoined, ScreenLeft
from engine.model.instrument import InstrumentId
from engine.model.numbers import NS_PER_S
from engine.model.view import PaneName
from engine.port import (
    FPS_MAX,
    FRAME_MAX,
    HEARTBEAT_NS,
    SCHEMA,
    SCREENS_MAX,
    Ask,
    ClientMessage,
    Command,
    EngineMessage,
    Goodbye,
    Heartbeat,
    Hello,
    Reply,
    Shutdown,
    ViewFrame,
    Watch,
    Welcome,
    decode_client,
    encode_frame,
)
from engine.runtime.clock import Clock
from engine.runtime.feed_ports import StartTask

WAITING_BYTES_MAX: Final = 64 * 1024
"""Bytes waiting for a screen above which its frames are skipped."""
DEAF_BYTES_MAX: Final = 4 * FRAME_MAX
"""Bytes waiting for a client above which it is hung up on: it asks and never reads."""
HELLO_S: Final = 5
ROWS_MAX: Final = 500
"""Bound of every number of rows that a screen may ask for."""


class Engine(Protocol):
    """What the server needs of its host."""

    @property
    def state(self) -> KernelState:
        """The kernel's state, read only."""

    def facts(self) -> RunFacts:
        """What the shells know."""

    def welcome(self) -> Welcome:
        """The greeting for a new client."""

    def stop(self, reason: str) -> None:
        """Begin an orderly stop."""

    def report(self, source: str, event: Event) -> None:
        """Take in what the kernel must not miss."""

    def command(self, operator: str, command: OperatorCommand) -> bool:
        """Take an operator's line in; False when there is no room."""

    async def settled(self, within_s: float) -> bool:
        """Wait until what the state holds may be shown; False when that takes longer."""


class PortServer:
    """Listens on the socket; owns the clients' tasks through the host."""

    def __init__(self, engine: Engine, clock: Clock, start_task: StartTask) -> None:
        self._engine = engine
        self._clock = clock
        self._start_task = start_task
        self._server: asyncio.Server | None = None
        self._clients: dict[int, _Client] = {}
        self._number = 0
        self._path: Path | None = None

    @property
    def screens(self) -> int:
        """Screens attached."""
        return sum(client.is_screen for client in self._clients.values())

    async def start(self, path: Path) -> None:
        """Listen; a socket that a dead engine left behind is replaced."""
        _remove(path)
        self._server = await asyncio.start_unix_server(self._on_client, path)
        self._path = path

    def reply(self, operator: str, command_id: int, outcome: CommandOutcome) -> None:
        """Tell the client that gave a command what became of it; it may have left."""
        for client in self._clients.values():
            if client.operator == operator:
                accepted = outcome.verdict == "accepted"
                text = "; ".join(outcome.sentences)
                client.send(Reply(command_id, accepted, text, outcome=outcome))

    async def close(self, reason: str) -> None:
        """Say goodbye to every client and stop listening."""
        if self._server is not None:
            self._server.close()
        for client in list(self._clients.values()):
            client.send(Goodbye(reason))
            client.close()
        if self._path is not None:
            _remove(self._path)

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._number += 1
        number = self._number
        client = _Client(self._engine, self._clock, f"operator:{number}", reader, writer)
        self._clients[number] = client
        try:
            if await self._greet(client):
                frames = self._start_task(
                    _contained(client, client.send_frames()), f"screen {number}"
                )
                try:
                    await client.listen()
                finally:
                    frames.cancel()
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            logger.info("client_left {}", number)
        except (msgspec.DecodeError, UnicodeDecodeError):
            client.send(Goodbye("a message could not be read"))
            logger.warning("client_unreadable {}", number)
        except Exception as error:  # noqa: BLE001 - the shell's outer loop
            _hang_up(client, error)
        finally:
            del self._clients[number]
            client.close()
            if client.is_screen:
                self._engine.report(client.operator, ScreenLeft(client.operator))

    async def _greet(self, client: "_Client") -> bool:
        async with asyncio.timeout(HELLO_S):
            hello = await client.receive()
        if not isinstance(hello, Hello):
            client.send(Goodbye("the first message must be Hello"))
            return False
        if hello.schema != SCHEMA:
            client.send(
                Goodbye(f"this engine speaks port version {SCHEMA}, the client {hello.schema}")
            )
            return False
        if hello.client == "screen" and self.screens >= SCREENS_MAX:
            client.send(Goodbye(f"{SCREENS_MAX} screens are attached already"))
            return False
        client.send(self._engine.welcome())
        if hello.client == "screen":
            client.is_screen = True
            joined = ScreenJoined(client.operator, looks_only=hello.looks_only)
            self._engine.report(client.operator, joined)
        return True


class _Client:
    """One connection."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        operator: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.is_screen = False
        self.operator = operator
        self._engine = engine
        self._clock = clock
        self._reader = reader
        self._writer = writer
        self._watch: Watch | None = None
        self._marks: dict[PaneName, object] = {}
        self._epoch = engine.welcome().epoch
        self._beat_ns = 0

    async def receive(self) -> ClientMessage:
        """Wait for the next message."""
        length = int.from_bytes(await self._reader.readexactly(4), "big")
        if length > FRAME_MAX:
            raise msgspec.DecodeError("frame too long")
        return decode_client(await self._reader.readexactly(length))

    async def listen(self) -> None:
        """Do what the client asks until it leaves."""
        while True:
            message = await self.receive()
            match message:
                case Watch():
                    self._watch = message
                    self._marks.clear()
                case Ask(command_id):
                    self.send(self._answer(command_id))
                case Command(command):
                    if not self._engine.command(self.operator, command):
                        full = "too many commands wait; try again"
                        self.send(Reply(command.command_id, accepted=False, text=full))
                case Shutdown(command_id):
                    self.send(Reply(command_id, accepted=True, text="stopping"))
                    self._engine.stop("asked for by a screen")
                case Hello():
                    raise msgspec.DecodeError("a second Hello")

    async def send_frames(self) -> None:
        """Send what changed, at the pace that the screen asked for."""
        while not self._writer.is_closing():
            fps = self._watch.fps if self._watch is not None else FPS_MAX
            await self._clock.sleep(1 / min(max(fps, 1), FPS_MAX))
            if self._writer.transport.get_write_buffer_size() > WAITING_BYTES_MAX:
                continue
            views = [] if self._watch is None else self._views(self._watch, self._clock.now_ns())
            while views and not await self._engine.settled(HEARTBEAT_NS / NS_PER_S):
                self._beat()
            for view in views:
                self.send(view)
            self._beat()

    def send(self, message: EngineMessage) -> None:
        """Write a message; the socket's buffer takes it, up to a limit."""
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > DEAF_BYTES_MAX:
            self._writer.transport.abort()
            return
        self._writer.write(encode_frame(message))

    def close(self) -> None:
        """Close once everything written is sent."""
        self._writer.close()

    def _answer(self, command_id: int) -> Reply:
        """Say what the engine does and how it is."""
        state, now_ns, facts = self._engine.state, self._clock.now_ns(), self._engine.facts()
        status = status_view(state, now_ns, facts, self.operator)
        health = health_view(state, now_ns, facts)
        return Reply(command_id, accepted=True, text="", status=status, health=health)

    def _views(self, watch: Watch, now_ns: int) -> list[ViewFrame]:
        """Build what changed."""
        frames = []
        state = self._engine.state
        wish = _wish(watch, state, self.operator)
        for pane in watch.panes:
            mark = mark_of(pane, state, wish, now_ns)
            if pane in self._marks and mark == self._marks[pane]:
                continue
            view = build(pane, state, wish, now_ns, self._engine.facts())
            if view is not None:
                self._marks[pane] = mark
                frames.append(ViewFrame(pane, self._epoch, state.seq, now_ns, view))
        return frames

    def _beat(self) -> None:
        real_ns = int(asyncio.get_running_loop().time() * 1_000_000_000)
        if real_ns - self._beat_ns >= HEARTBEAT_NS:
            self._beat_ns = real_ns
            self.send(Heartbeat(self._clock.now_ns(), self._engine.state.seq))


async def _contained(client: "_Client", work: Coroutine[Any, Any, None]) -> None:
    """Let what fails cost this client its connection, and nobody anything else."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - the shell's outer loop
        _hang_up(client, error)


def _hang_up(client: "_Client", error: Exception) -> None:
    logger.opt(exception=error).error("client_failed {}", client.operator)
    client.send(Goodbye(f"error of the program ({type(error).__name__}), see its log"))
    client.close()


def _wish(watch: Watch, state: KernelState, operator: str) -> Wish:
    first = next(iter(state.instruments), InstrumentId(""))
    return Wish(
        instrument_id=watch.instrument_id or first,
        timeframe_s=watch.timeframe_s,
        book_rows=_bounded(watch.book_rows),
        book_group=max(1, min(watch.book_group, 1_000_000)),
        chart_candles=_bounded(watch.chart_candles),
        tape_rows=_bounded(watch.tape_rows),
        operator=operator,
    )


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def _bounded(rows: int) -> int:
    return max(0, min(rows, ROWS_MAX))
