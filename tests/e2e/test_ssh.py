"""Through a real sshd on this machine: the connection is cut while an order is on its way."""

import asyncio
import getpass
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cockpit.launch import running_engine
from engine.folder import DataFolder
from engine.model.commands import AmendOrder
from engine.model.facts import OrderIntended
from tests.e2e.engines import WAIT_S, cockpit, seq, seq_above
from tests.e2e.terminal import Terminal, stop_engine
from tests.e2e.test_crash import facts_of, ids_of
from tests.e2e.traders import far, trader
from tests.ui.emulator import Terminal as Emulator

pytestmark = pytest.mark.slow

COLUMNS, ROWS = 120, 40
PLACES = (os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin")


class Sshd(NamedTuple):
    """A server, and how its one user comes in."""

    pid: int
    login: tuple[str, ...]


class Screen(Terminal):
    """`cockpit` on the far side of an ssh connection."""

    def __init__(self, sshd: Sshd, folder: Path) -> None:
        # A login begins with nothing of ours; the tests' own homes have to be named.
        homes = [f"{key}={os.environ[key]}" for key in os.environ if key[:4] in {"HOME", "XDG_"}]
        program = [sys.executable, "-m", "cockpit", "--data-dir", str(folder)]
        command = shlex.join(["exec", "env", "-C", str(folder), *homes, *program])
        super().__init__(command, program=sshd.login, columns=COLUMNS, rows=ROWS)
        self._cells = Emulator(COLUMNS, ROWS)
        self._drawn = 0

    def shows(self, pattern: str) -> None:
        """Read until this is on the screen, not only was."""
        deadline = time.monotonic() + WAIT_S
        while re.search(pattern, self._cells.text()) is None:
            self.read(0.05)
            self._cells.feed(self.seen[self._drawn :])
            self._drawn = len(self.seen)
            assert time.monotonic() < deadline, f"never {pattern!r} in:\n{self._cells.text()}"


# The server.


def needed(name: str) -> str:
    """Return the path of a program of OpenSSH; whoever lacks it may skip, CI may not."""
    path = shutil.which(name, path=os.pathsep.join(PLACES))
    if path is not None:
        return path
    missing = f"needs {name}: apt install openssh-server openssh-client"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def a_key(path: Path) -> str:
    """Make a pair of throw-away keys; returns the public one."""
    make = [needed("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(make, check=True)
    return path.with_suffix(".pub").read_text()


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """Run an sshd of its own for whoever runs the tests: own port, own keys, this machine only."""
    program, ssh = needed("sshd"), needed("ssh")
    host_key, user_key, port = tmp_path / "host", tmp_path / "user", a_free_port()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {a_key(host_key)}")
    keys = tmp_path / "authorized_keys"
    keys.write_text(a_key(user_key))
    rules = tmp_path / "sshd_config"
    rules.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {host_key}\nAuthorizedKeysFile {keys}\n"
        "UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nStrictModes no\nPidFile none\nPrintMotd no\n"
        "PrintLastLog no\n"
    )
    options = ["BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes"]
    options += [f"UserKnownHostsFile={known}", "LogLevel=ERROR"]
    named = [word for option in options for word in ("-o", option)]
    where = ["-F", "/dev/null", "-i", str(user_key), "-p", str(port)]
    login = (ssh, "-tt", *where, *named, f"{getpass.getuser()}@127.0.0.1")
    with listening([program, "-D", "-e", "-f", str(rules)], tmp_path / "sshd.log") as pid:
        yield Sshd(pid, login)


@contextmanager
def listening(command: list[str], log: Path) -> Iterator[int]:
    """Run a server until the block is left; returns its process once it listens."""
    if os.geteuid() == 0:  # Its service makes this folder, which no restart of a machine keeps.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=said)
    try:
        deadline = time.monotonic() + WAIT_S
        while "Server listening" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        yield process.pid
    finally:
        process.terminate()
        process.wait(WAIT_S)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder with a short path; whatever engine is left on it is ended."""
    with tempfile.TemporaryDirectory(prefix="cockpit-") as name:
        yield Path(name)
        stop_engine(Path(name))


# Its processes.


def below(pid: int) -> set[int]:
    """Return the processes that a process has started, and those that they have."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return set()
    own = {int(child) for child in children}
    return own.union(*(below(child) for child in own))


def runs(pid: int) -> bool:
    """Whether a process still does anything."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until_ended(processes: set[int]) -> None:
    deadline = time.monotonic() + WAIT_S
    while any(runs(pid) for pid in processes):
        assert time.monotonic() < deadline, "the screen outlives its connection"
        time.sleep(0.02)


# Two ways to lose a connection.


def the_client_dies(screen: Screen, sshd: Sshd) -> None:
    """Lose the near side, as with a laptop that runs out of power."""
    del sshd
    os.kill(screen.pid, signal.SIGKILL)


def the_server_side_dies(screen: Screen, sshd: Sshd) -> None:
    """Lose the process of sshd that holds the connection and the terminal."""
    del screen
    children = Path(f"/proc/{sshd.pid}/task/{sshd.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)


async def cut_mid_order(screen: Screen, sshd: Sshd, folder: Path, cut: Callable[..., None]) -> str:
    """Type an order, and cut as soon as the engine has it; meanwhile another hand amends it."""
    async with trader(folder, fps=60) as client:  # The venue takes 5 ms and more to answer.
        price = far(await client.book(), "buy") // 100 * 100
        screen.press(f":buy 0.02 btc @ {price} post")
        screen.shows(rf"BUY 0\.02 BTC-PERP @ {price:,} post .* C1 ⏎")
        processes = below(sshd.pid) - {engine_of(folder)["pid"]}
        screen.press("\r")
        await client.until(lambda: client.orders_seen != {}, "the order has come")
        cut(screen, sshd)
        (order_id,) = client.orders_seen

        wait_until_ended(processes)
        await client.until(lambda: client.shows(order_id, "open"), "the order rests")
        await client.must(AmendOrder(order_id, price - 100, Decimal("0.05")))
        await client.until(lambda: client.orders_seen[order_id].size == "0.050", "amended")
        await client.until(lambda: client.shows(order_id, "open"), "it rests again")
        return f"{price - 100:,}"


def engine_of(folder: Path) -> dict[str, Any]:
    status = cockpit("status", "--json", data_dir=folder).document
    return {key: status[key] for key in ("pid", "run_id", "started_ns")}


@pytest.mark.parametrize("cut", [the_client_dies, the_server_side_dies])
def test_a_connection_cut_mid_order_comes_back_to_the_order_as_it_truly_is(
    sshd: Sshd, folder: Path, cut: Callable[..., None]
) -> None:
    screen = Screen(sshd, folder)
    try:
        screen.shows(r"\[SIM\] ARMED BTC-PERP")
        before, events = engine_of(folder), seq(folder)
        price = asyncio.run(cut_mid_order(screen, sshd, folder, cut))
        assert screen.wait_for_exit() != 0
    finally:
        screen.end()
    seq_above(folder, events)

    again = Screen(sshd, folder)
    try:
        again.shows(rf"o1\s+BTC- BUY\s+0\.05\s+{re.escape(price)}\s+open")
        assert engine_of(folder) == before
        assert len(ids_of(facts_of(folder), OrderIntended)) == 1

        again.press("q")
        again.shows("stop everything")
        assert again.press_until_exit("\r") == 0
    finally:
        again.end()
    assert running_engine(DataFolder(folder)) is None
