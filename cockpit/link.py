"""The engine over its private socket: the screen's side of the port."""

import asyncio
import itertools
from pathlib import Path
from typing import Literal

import msgspec

from engine.model.commands import OperatorCommand
from engine.model.errors import PortClosed, SchemaMismatch
from engine.port import (
    FRAME_MAX,
    SCHEMA,
    Ask,
    ClientMessage,
    Command,
    EngineMessage,
    Goodbye,
    Hello,
    Reply,
    Shutdown,
    Watch,
    Welcome,
    decode_engine,
    encode_frame,
)

CONNECT_S = 5


class SocketPort:
    """A `CockpitPort` over a Unix socket; made by `join`."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, welcome: Welcome
    ) -> None:
        self.welcome = welcome
        self._reader = reader
        self._writer = writer
        self._commands = itertools.count(1)

    async def receive(self) -> EngineMessage:
        """Wait for the next message; raises `PortClosed` when the engine is gone."""
        message = await _read(self._reader)
        if isinstance(message, Goodbye):
            raise PortClosed(message.reason)
        return message

    def watch(self, watch: Watch) -> None:
        """Ask for other panes, another instrument or another pace."""
        self._send(watch)

    def command(self, command: OperatorCommand) -> None:
        """Send an operator's line; the `Reply` carries its command id and the outcome."""
        self._send(Command(command))

    def shutdown(self) -> int:
        """Ask the engine to stop; returns the command's id."""
        command_id = next(self._commands)
        self._send(Shutdown(command_id))
        return command_id

    async def status(self) -> Reply:
        """Ask for the status and wait for the answer."""
        command_id = next(self._commands)
        self._send(Ask(command_id))
        while True:
            message = await self.receive()
            if isinstance(message, Reply) and message.command_id == command_id:
                return message

    async def close(self) -> None:
        """Leave; the engine goes on."""
        self._writer.close()

    def _send(self, message: ClientMessage) -> None:
        if not self._writer.is_closing():
            self._writer.write(encode_frame(message))


async def join(
    path: Path, client: Literal["screen", "command"] = "screen", *, looks_only: bool = False
) -> SocketPort:
    """Join the engine that listens on a socket.

    Raises:
        PortClosed: Nobody listens there, or the engine refuses another client.
        SchemaMismatch: Screen and engine are of different versions.
    """
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(encode_frame(Hello(SCHEMA, client, looks_only)))
            message = await _read(reader)
    except (OSError, TimeoutError) as error:
        raise PortClosed(f"no engine answers at {path}") from error
    if isinstance(message, Goodbye):
        raise PortClosed(message.reason)
    if not isinstance(message, Welcome) or message.schema != SCHEMA:
        raise SchemaMismatch("the engine is of another version; stop it and start it again")
    return SocketPort(reader, writer, message)


async def _read(reader: asyncio.StreamReader) -> EngineMessage:
    try:
        length = int.from_bytes(await reader.readexactly(4), "big")
        if length > FRAME_MAX:
            raise PortClosed("the engine sent a frame beyond the limit")
        return decode_engine(await reader.readexactly(length))
    except (OSError, asyncio.IncompleteReadError) as error:
        raise PortClosed("the engine is gone") from error
    except msgspec.DecodeError as error:
        raise PortClosed("the engine sent something unreadable") from error
