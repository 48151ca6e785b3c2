"""Engines for tests: one in this process, or the real program in a process of its own."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from engine.folder import DataFolder
from engine.model.chance import Chance
from engine.runtime.clock import SystemClock
from engine.runtime.feed import Feed
from engine.runtime.feed_ports import FeedPorts
from engine.runtime.host import EngineHost, RunPlan
from engine.runtime.transport import NetworkTransport
from engine.venues.base import Endpoints
from engine.venues.registry import venue_named

WAIT_S = 60


@asynccontextmanager
async def engine_on(
    venue: str, endpoints: Endpoints, symbols: tuple[str, ...]
) -> AsyncIterator[EngineHost]:
    """Run an engine of this process against endpoints on this machine."""
    spec = venue_named(venue)
    assert spec.wire is not None
    clock = SystemClock()
    host = EngineHost(RunPlan(mode="paper", venue=venue, run_id="test", version="test"), clock)
    transport = NetworkTransport()
    ports = FeedPorts(clock, transport, Chance(1), host.put, host.room, host.start_task, host.keep)
    feed = Feed(venue, spec.wire(endpoints), ports)
    running = asyncio.ensure_future(host.run(feed, symbols))
    try:
        yield host
    finally:
        host.stop("test over")
        async with asyncio.timeout(WAIT_S):
            await running
        await transport.close()


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so, at most `WAIT_S`."""
    try:
        async with asyncio.timeout(WAIT_S):
            while not condition():  # noqa: ASYNC110 - what is watched has no event to wait for
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"never came: {what}") from None


def cockpit(*arguments: str, data_dir: Path, timeout: float = WAIT_S) -> "Finished":
    """Run a command of the program to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "cockpit", *arguments, "--data-dir", str(data_dir)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


class Finished:
    """A command that has ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def document(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@contextmanager
def headless(data_dir: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `cockpit --no-ui` in a process of its own until the block is left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cockpit", "--no-ui", "--data-dir", str(data_dir), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for_socket(data_dir, process)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WAIT_S)


def wait_for_socket(data_dir: Path, process: "subprocess.Popen[Any] | None" = None) -> None:
    """Wait until an engine listens on a folder."""
    path = DataFolder(data_dir).socket
    deadline = time.monotonic() + WAIT_S
    while not _listens(path):
        assert process is None or process.poll() is None, "the engine ended"
        assert time.monotonic() < deadline, "the engine never listened"
        time.sleep(0.02)


def seq(data_dir: Path) -> int:
    """Return how far the engine of a folder has come."""
    return int(cockpit("status", "--json", data_dir=data_dir).document["seq"])


def seq_above(data_dir: Path, before: int) -> int:
    """Wait until the engine of a folder has come further, and return how far."""
    deadline = time.monotonic() + WAIT_S
    while (now := seq(data_dir)) <= before:
        assert time.monotonic() < deadline, f"the engine stands still at {now}"
    return now


def _listens(path: Path) -> bool:
    """Whether somebody answers; a name alone may be a moment older than its listener."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def listening_tcp_ports(pid: int) -> list[str]:
    """Return the TCP sockets on which a process listens, from /proc."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(entry)
        if target.startswith("socket:["):
            inodes.add(target.removeprefix("socket:[").removesuffix("]"))
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and columns[9] in inodes:
                listening.append(columns[1])
    return listening
