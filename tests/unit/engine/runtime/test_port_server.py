"""The engine's side of the port: who is answered, who is shown what, and who is hung up on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest

from cockpit.link import SocketPort, join
from engine.kernel.desk import DeskSetup
from engine.kernel.state import KernelState
from engine.kernel.views import RunFacts
from engine.model.commands import Arm, CommandOutcome, OperatorCommand
from engine.model.envelope import Event, ScreenJoined, ScreenLeft
from engine.model.errors import PortClosed
from engine.model.view import LogView
from engine.port import SCHEMA, Goodbye, Hello, Reply, ViewFrame, Watch, Welcome, encode_frame
from engine.runtime.clock import SystemClock
from engine.runtime.port_server import DEAF_BYTES_MAX, PortServer

WAIT_S = 30
OUTCOME = CommandOutcome("accepted", ("done",))


class Engine:
    """What the server needs of a host, in the hands of a test."""

    def __init__(self) -> None:
        self.state = KernelState(DeskSetup())
        self.commands: list[tuple[str, OperatorCommand]] = []
        self.has_room = True
        self.is_settled = asyncio.Event()
        self.is_settled.set()
        self.stops: list[str] = []
        self.reports: list[Event] = []
        self.reported = asyncio.Event()

    def facts(self) -> RunFacts:
        """Say nothing of interest."""
        return RunFacts("sim", "test", 0.0, 0, 0)

    def welcome(self) -> Welcome:
        """Greet."""
        return Welcome(SCHEMA, 1, "run-1", "1", 1, "sim", "test")

    def stop(self, reason: str) -> None:
        """Note that somebody wants an end."""
        self.stops.append(reason)

    def report(self, source: str, event: Event) -> None:
        """Note who came and who went."""
        self.reports.append(event)
        self.reported.set()

    def command(self, operator: str, command: OperatorCommand) -> bool:
        """Take a line, if there is room."""
        self.commands.append((operator, command))
        return self.has_room

    async def settled(self, within_s: float) -> bool:
        """Wait until the test says that the disk has it all."""
        try:
            async with asyncio.timeout(within_s / 100):
                await self.is_settled.wait()
        except TimeoutError:
            return False
        return True


class Served:
    """A server that listens, and its engine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = Engine()
        self.tasks: list[asyncio.Task[None]] = []
        self._ports: list[SocketPort] = []
        self.server = PortServer(self.engine, SystemClock(), self._start)

    def _start(self, work, name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]

    async def join(self) -> SocketPort:
        """Return a new client, closed in the end."""
        return await self.join_as("command")

    async def join_as(
        self, client: Literal["screen", "command"], *, looks_only: bool = False
    ) -> SocketPort:
        """Return a new client of a kind, closed in the end."""
        self._ports.append(await join(self.path, client, looks_only=looks_only))
        return self._ports[-1]

    async def end(self) -> None:
        """Close everything."""
        await self.server.close("test over")
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for port in self._ports:
            await port.close()
            with suppress(OSError):
                await port._writer.wait_closed()

    async def commands(self, count: int) -> list[tuple[str, OperatorCommand]]:
        """Wait for so many lines."""
        async with asyncio.timeout(WAIT_S):
            while len(self.engine.commands) < count:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.001)
        return self.engine.commands


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    served = Served(tmp_path / "engine.sock")
    await served.server.start(served.path)
    yield served
    await served.end()


def line(number: int = 7) -> OperatorCommand:
    return OperatorCommand(number, "whoever", "arm", (Arm(),))


async def next_of(port: SocketPort, kind: type) -> object:
    """Wait for the next message of a kind."""
    async with asyncio.timeout(WAIT_S):
        while not isinstance(message := await port.receive(), kind):
            continue
    return message


async def test_the_client_that_asked_is_answered_and_nobody_else(served: Served) -> None:
    one, two = await served.join(), await served.join()
    one.command(line(7))
    two.command(line(7))
    (first, _), (second, _) = await served.commands(2)
    assert first != second

    served.server.reply(second, 7, OUTCOME)
    served.server.reply(first, 7, CommandOutcome("refused", ("no",)))

    answers = [await next_of(one, Reply), await next_of(two, Reply)]
    by_verdict = {answer.outcome.verdict: answer for answer in answers}  # type: ignore[attr-defined]  # all of them are replies
    assert set(by_verdict) == {"accepted", "refused"}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await next_of(one, Reply)


async def test_an_answer_to_a_client_that_left_is_no_error(served: Served) -> None:
    port = await served.join()
    port.command(line())
    ((operator, _),) = await served.commands(1)
    await port.close()

    for _ in range(50):
        served.server.reply(operator, 7, OUTCOME)
        await asyncio.sleep(0.001)

    later = await served.join()
    served.server.reply(operator, 7, OUTCOME)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await next_of(later, Reply)


async def test_a_line_without_room_is_refused_with_a_sentence(served: Served) -> None:
    served.engine.has_room = False
    port = await served.join()

    port.command(line())

    reply = await next_of(port, Reply)
    assert isinstance(reply, Reply)
    assert (reply.command_id, reply.accepted) == (7, False)
    assert "too many commands" in reply.text


async def test_views_wait_until_what_they_show_is_on_the_disk(served: Served) -> None:
    served.engine.is_settled.clear()
    port = await served.join()
    port.watch(Watch(("log",), fps=20))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await next_of(port, ViewFrame)

    served.engine.is_settled.set()

    frame = await next_of(port, ViewFrame)
    assert isinstance(frame, ViewFrame)
    assert isinstance(frame.view, LogView)


@pytest.mark.parametrize("body", [b"\xa3\xff\xfe\xfd", b"\x81\xa4type\xa4None", b"\xc1"])
async def test_what_cannot_be_read_ends_the_connection_with_a_sentence(
    served: Served, body: bytes
) -> None:
    port = await served.join()

    port._writer.write(len(body).to_bytes(4, "big") + body)

    with pytest.raises(PortClosed, match="could not be read"):
        await next_of(port, Goodbye)
    assert served.server.screens == 0


async def test_text_that_is_no_text_ends_the_connection_with_a_sentence(served: Served) -> None:
    port = await served.join()
    frame = encode_frame(Hello(SCHEMA, "screen")).replace(b"screen", b"\xff\xff\xff\xff\xff\xff")

    port._writer.write(frame)

    with pytest.raises(PortClosed, match="could not be read"):
        await next_of(port, Goodbye)


async def test_a_client_that_asks_and_never_reads_is_hung_up_on(served: Served) -> None:
    port = await served.join()
    port.command(line())
    ((operator, _),) = await served.commands(1)
    long = CommandOutcome("accepted", ("x" * 1_000_000,))

    for _ in range(DEAF_BYTES_MAX // 1_000_000 + 20):
        served.server.reply(operator, 7, long)

    with pytest.raises(PortClosed):
        await next_of(port, Goodbye)
    await served.join()


async def test_the_end_says_goodbye(served: Served) -> None:
    port = await served.join()

    await served.server.close("enough")

    with pytest.raises(PortClosed, match="enough"):
        await next_of(port, Goodbye)
    assert not served.path.exists()


async def test_the_kernel_hears_of_screens_that_come_and_go_and_of_no_shell(served: Served) -> None:
    await served.join()
    one = await served.join_as("screen")
    await served.join_as("screen", looks_only=True)

    await one.close()
    async with asyncio.timeout(WAIT_S):
        while len(served.engine.reports) < 3:
            served.engine.reported.clear()
            await served.engine.reported.wait()

    first, second, left = served.engine.reports
    assert isinstance(first, ScreenJoined)
    assert not first.looks_only
    assert isinstance(second, ScreenJoined)
    assert second.looks_only
    assert left == ScreenLeft(first.operator)


async def test_a_picture_that_fails_costs_its_screen_and_not_the_engine(served: Served) -> None:
    screen, other = await served.join_as("screen"), await served.join_as("screen")
    del served.engine.state.desk  # Whatever it is that goes wrong in building a view.

    screen.watch(Watch(panes=("risk",)))
    with pytest.raises(PortClosed, match="error of the program"):
        await next_of(screen, Goodbye)

    other.command(line(8))
    assert len(await served.commands(1)) == 1
    assert all(task.done() is False or task.exception() is None for task in served.tasks)
