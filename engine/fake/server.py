"""The fake venue on a port of this machine: a listener, and a task that plays when things are due.

It is reachable from this machine only, whatever the firewall says.
"""

import asyncio
import errno
import math
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, cast

from engine.fake.binance import BinanceVenue
from engine.fake.capture_scan import check_faults, scan_capture
from engine.fake.connection import VenueConnection
from engine.fake.depth_desk import Counters
from engine.fake.faults import NO_FAULTS, Faults, load_faults
from engine.fake.generated import GeneratedMarket
from engine.fake.okx.scan import VENUE as OKX
from engine.fake.okx.scan import scan_okx
from engine.fake.okx.venue import OkxVenue
from engine.fake.rebase import rebased
from engine.fake.text_book import BookPicture
from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.desk import VENUE as BINANCE_FUTURES
from engine.fake.trading.exchange import FakeExchange
from engine.fake.venue import Venue
from engine.model.errors import ConfigError, RecordingError
from engine.model.numbers import NS_PER_S
from storage.recording import CaptureReader

HOST: Final = "127.0.0.1"

LINES_AT_ONCE: Final = 32
"""Lines played before everybody else gets a turn."""

FULL_ABOVE: Final = 256 * 1024
"""Bytes waiting for one client above which a play at speed 0 waits for it."""

CLOSING_S: Final = 5.0
"""How long a client may take to end a connection that the venue closed."""

CONNECTIONS_MAX: Final = 256
"""Open connections; one more is dropped."""

GENERATED_NS: Final = 1_700_000_040 * NS_PER_S
"""When a generated market opens, where no clock says."""


class _Link(asyncio.Protocol):
    """One accepted connection: asyncio's transport on one side, the venue's on the other."""

    def __init__(self, server: "FakeVenue") -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._connection: VenueConnection | None = None
        self.is_full = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self._server.take_in(self):
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=FULL_ABOVE)
        self._connection = VenueConnection(self._server.core, self)

    def data_received(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.receive(data, self._server.now_ns())
            self._server.wake()

    def eof_received(self) -> bool:
        self.data_received(b"")
        # A client that only half-closes may still wait for the answer to its request.
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._connection.lost()
        self._server.let_go(self)

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        self._server.wake()

    # What the connection calls

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def pending(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self.expect_close()

    def expect_close(self) -> None:
        asyncio.get_running_loop().call_later(CLOSING_S, self.abort)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class FakeVenue:
    """A local Binance or OKX that plays one capture.

    Use it as an asynchronous context manager: on entry it listens, on exit everything is closed.

    Args:
        capture: A recording of `binance_futures`, `binance` or `okx`; it decides which venue is
            played. None plays a generated market of `binance_futures`.
        speed: 1 is the recorded pace, 0 as fast as clients read.
        faults: What to do wrong, or a TOML file that says so.
        port: 0 takes a free one.
        seed: Decides which frames a fault with a share takes.
        clock: UTC nanoseconds for the minutes of request weights and for the pace; the event
            loop's own time when absent.
        is_now: Whether it plays as of now by that clock, without waiting for clients: its times
            are today's, and a program that trades there finds the venue's clock right. A capture
            begins with the next minute.

    Raises:
        ConfigError: The capture or the faults cannot be used; on entry, the port cannot.
    """

    def __init__(  # noqa: PLR0913 - one keyword per setting
        self,
        capture: Path | None,
        *,
        speed: float = 1.0,
        faults: Faults | Path | None = None,
        port: int = 0,
        seed: int = 1,
        clock: Callable[[], int] | None = None,
        is_now: bool = False,
    ) -> None:
        if not (math.isfinite(speed) and speed >= 0):
            raise ConfigError(f"speed is 0 or more, not {speed}")
        if is_now and (clock is None or speed != 1):
            raise ConfigError("what is played as of now is played at its own speed")
        known = load_faults(faults) if isinstance(faults, Path) else faults or NO_FAULTS
        if capture is None:
            if speed == 0:
                raise ConfigError("a generated market has no end to run to; give it a speed")
            opens_ns = GENERATED_NS if clock is None else clock()
            self.core: Venue = generated_venue(known, speed, seed, opens_ns)
        else:
            moved_ns = clock() if is_now and clock is not None else None
            self.core = venue_of(capture, known, speed, seed, moved_ns)
        if is_now:
            assert isinstance(self.core, BinanceVenue)
            self.core.start_on_time()
        self.is_now = is_now
        self.port = port
        self._waits_for_readers = speed == 0
        self._clock = clock
        self._links: dict[_Link, None] = {}
        self._wake = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._finished = asyncio.Event()

    async def __aenter__(self) -> "FakeVenue":
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Link(self), HOST, self.port)
        except OSError as error:
            raise ConfigError(_why_not(self.port, error)) from error
        except OverflowError as error:
            raise ConfigError(f"a port lies between 0 and 65535, not {self.port}") from error
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._task = loop.create_task(self._play(), name="fake-venue")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        assert self._task is not None
        self._task.cancel()
        self._server.close()
        for link in list(self._links):
            link.abort()
        while self._links:
            self._wake.clear()
            await self._wake.wait()
        with suppress(asyncio.CancelledError):
            await self._task
        self.core.close()
        await self._server.wait_closed()

    @property
    def venue(self) -> str:
        """Which venue is played: `binance_futures`, `binance` or `okx`."""
        return self.core.venue

    @property
    def rest_url(self) -> str:
        """Base URL of REST, as `Endpoints.rest` wants it."""
        return f"http://{HOST}:{self.port}"

    @property
    def stream_url(self) -> str:
        """Base URL of streams, as `Endpoints.stream` wants it."""
        return f"ws://{HOST}:{self.port}"

    @property
    def counters(self) -> Counters:
        """What happened so far."""
        return self.core.counters

    @property
    def is_finished(self) -> bool:
        """Whether the last line was played."""
        return self.core.is_finished

    @property
    def trading(self) -> FakeExchange | None:
        """The account that can be traded, with its books; None where the venue is only watched."""
        mount = self.core.trading if isinstance(self.core, BinanceVenue) else None
        return None if mount is None else mount.exchange

    def start(self) -> None:
        """Play now, whether or not anybody listens."""
        self.core.start()
        self.wake()

    def book(self, symbol: str) -> BookPicture:
        """Return the true book of a symbol of the capture: every level, in the venue's texts."""
        return self.core.book(symbol)

    async def finished(self) -> None:
        """Wait until the last line was played and, at speed 0, was taken by the clients' sockets.

        An error of the play itself is raised here.
        """
        assert self._task is not None
        waiting = asyncio.ensure_future(self._finished.wait())
        try:
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._task.done():
            self._task.result()

    # What links call

    def now_ns(self) -> int:
        """Return the time by the clock handed in, or by the event loop."""
        if self._clock is not None:
            return self._clock()
        return int(asyncio.get_running_loop().time() * NS_PER_S)

    def wake(self) -> None:
        """Look again at what is due."""
        self._wake.set()

    def take_in(self, link: _Link) -> bool:
        """Count a connection; return whether there is room for it."""
        if len(self._links) >= CONNECTIONS_MAX:
            return False
        self._links[link] = None
        return True

    def let_go(self, link: _Link) -> None:
        """Forget a connection."""
        self._links.pop(link, None)
        self.wake()

    async def _play(self) -> None:
        while True:
            now_ns = self.now_ns()
            self.core.advance(now_ns)
            for _ in range(LINES_AT_ONCE):
                if not (self._has_room() and self.core.play_line(now_ns)):
                    break
            has_room = self._has_room()
            if self.core.is_finished and has_room:
                self._finished.set()
            due_ns = self.core.next_due_ns(can_play=has_room)
            wait_ns = None if due_ns is None else due_ns - self.now_ns()
            if wait_ns is not None and wait_ns <= 0:
                await asyncio.sleep(0)
                continue
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if wait_ns is None else wait_ns / NS_PER_S):
                    await self._wake.wait()

    def _has_room(self) -> bool:
        """Whether every client reads fast enough, where the play waits for them."""
        return not (self._waits_for_readers and any(link.is_full for link in self._links))


async def serve_capture(venue: FakeVenue, say: Callable[[str], None]) -> None:
    """Run a fake venue until it is cancelled, and say where it is and when it has ended."""
    async with venue:
        when = "plays as of now" if venue.is_now else "plays when a client subscribes to a book"
        say(f"{venue.venue} at {venue.rest_url} and {venue.stream_url}; {when}")
        if venue.venue == BINANCE_FUTURES:
            say(f"takes orders with key {TEST_KEY} and secret {TEST_SECRET}")
        await venue.finished()
        counters = venue.counters
        say(
            f"the capture has ended after {counters.lines_played} lines; "
            f"{counters.frames_sent} messages sent, {counters.frames_dropped} dropped; "
            "connections stay open"
        )
        await asyncio.Event().wait()


async def serve_until_ended(venue: FakeVenue) -> None:
    """Run a fake venue until SIGTERM or ctrl+c, and tell standard output about it."""
    serving = asyncio.ensure_future(serve_capture(venue, _say))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


def generated_venue(faults: Faults, speed: float, seed: int, opens_ns: int) -> BinanceVenue:
    """Return a venue of Binance's futures whose market is made as it is played."""
    market = GeneratedMarket(seed, opens_ns)
    scan = market.scan()
    check_faults(faults, scan.lines, scan.frames)
    venue = BinanceVenue(scan, faults, speed, seed, market.frames())
    for raw in market.past():
        venue.learn_past(raw)
    return venue


def venue_of(
    capture: Path, faults: Faults, speed: float, seed: int, opens_ns: int | None = None
) -> Venue:
    """Return the venue that a capture is of, without a port; moved to a time where one is given."""
    try:
        first = next(iter(CaptureReader(capture)))
    except RecordingError as error:
        raise ConfigError(str(error)) from error
    if first.venue != BINANCE_FUTURES and faults.trading != NO_FAULTS.trading:
        raise ConfigError(f"faults of trading need a capture of {BINANCE_FUTURES}")
    if first.venue == OKX:
        if opens_ns is not None:
            raise ConfigError("okx keeps its recorded time: it is only watched")
        return OkxVenue(scan_okx(capture, faults), faults, speed, seed)
    scan = scan_capture(capture, faults)
    if opens_ns is None:
        return BinanceVenue(scan, faults, speed, seed)
    moved, frames = rebased(scan, opens_ns)
    return BinanceVenue(moved, faults, speed, seed, frames)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _why_not(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use; choose another with --port, or 0 for a free one"
    if error.errno == errno.EACCES:
        return f"port {port} is reserved; choose one above 1023"
    return f"port {port} cannot be used: {error.strerror}"
