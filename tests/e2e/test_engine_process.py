"""The engine as a process: one per folder, private, found again, ended in good order."""

import os
import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from cockpit.launch import running_engine
from engine.folder import DataFolder
from engine.port import Hello, Watch, encode_frame
from storage.files import DiskFiles
from storage.journal import recover
from tests.e2e.engines import (
    WAIT_S,
    cockpit,
    headless,
    listening_tcp_ports,
    seq,
    seq_above,
    wait_for_socket,
)
from tests.e2e.terminal import Terminal


def test_an_engine_tells_its_status_until_it_is_terminated(tmp_path: Path) -> None:
    with headless(tmp_path) as process:
        status = cockpit("status", "--json", data_dir=tmp_path)
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=WAIT_S)

    assert status.code == 0
    assert status.document["running"] is True
    assert status.document["mode"] == "sim"
    assert status.document["pid"] == process.pid
    assert code == 0
    assert not DataFolder(tmp_path).socket.exists()


def test_an_engine_outlives_its_terminal_and_ends_in_good_order(tmp_path: Path) -> None:
    terminal = Terminal("--no-ui", "--data-dir", str(tmp_path))
    try:
        wait_for_socket(tmp_path)
        terminal.close()
        seq_above(tmp_path, seq(tmp_path))
        os.kill(terminal.pid, signal.SIGTERM)
        code = terminal.wait_until_gone()
    finally:
        terminal.end()

    assert code == 0
    assert recover(DiskFiles(), DataFolder(tmp_path).journal, "simulated/paper").is_orderly


def test_without_an_engine_the_status_says_so_and_fails(tmp_path: Path) -> None:
    status = cockpit("status", "--json", data_dir=tmp_path)

    assert status.code == 1
    assert status.document == {"running": False}


def test_the_health_of_a_killed_engine_has_its_own_exit_code(tmp_path: Path) -> None:
    with headless(tmp_path):
        cockpit("kill", data_dir=tmp_path)
        killed = cockpit("status", "--health", "--json", data_dir=tmp_path)
    ended = cockpit("status", "--health", "--json", data_dir=tmp_path)

    assert killed.code == 7
    assert killed.document["problems"][0] == "trading is killed: kill from a shell"
    assert (ended.code, ended.document) == (1, {"running": False})


def test_a_second_engine_on_the_folder_is_refused_and_names_the_first(tmp_path: Path) -> None:
    with headless(tmp_path) as first:
        second = cockpit("--no-ui", data_dir=tmp_path)

        assert second.code == 3
        assert f"pid {first.pid}" in second.err
        assert first.poll() is None


def test_all_that_an_engine_writes_is_for_its_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    with headless(folder):
        modes = {
            path.relative_to(folder): stat.S_IMODE(path.lstat().st_mode)
            for path in [folder, *folder.rglob("*")]
        }
        socket_mode = stat.S_IMODE(DataFolder(folder).socket.stat().st_mode)

    assert all(mode & 0o077 == 0 for mode in modes.values()), modes
    assert socket_mode & 0o077 == 0


def test_an_engine_listens_on_no_tcp_port(tmp_path: Path) -> None:
    with headless(tmp_path) as process:
        assert listening_tcp_ports(process.pid) == []


def test_an_unknown_instrument_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    refused = cockpit("--no-ui", "--instruments", "BTC-PREP", data_dir=tmp_path)

    assert refused.code == 2
    assert "BTC-PERP" in refused.err
    assert len(refused.err.strip().splitlines()[-1]) < 200


def test_an_unknown_venue_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    refused = cockpit("--no-ui", "--venue", "binance_future", data_dir=tmp_path)

    assert refused.code == 2
    assert "binance_futures" in refused.err


def test_a_venue_that_cannot_be_reached_is_tried_again_and_shown_as_down(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    settings = tmp_path / "settings.toml"
    settings.write_text(
        'venue = "binance_futures"\n[endpoints.binance_futures]\n'
        f'rest = "http://127.0.0.1:{port}"\nstream = "ws://127.0.0.1:{port}"\n'
    )

    with headless(tmp_path, "--settings", str(settings)) as process:
        deadline = time.monotonic() + WAIT_S
        feed: dict[str, object] = {}
        while feed.get("state") != "down":
            assert time.monotonic() < deadline, f"never down: {feed}"
            feeds = cockpit("status", "--json", data_dir=tmp_path).document["feeds"]
            feed = feeds[0] if feeds else {}
        assert process.poll() is None

    assert feed["retry_in_ns"] is not None
    assert feed["reason"]


def test_after_a_sigkill_the_next_engine_takes_the_folder(tmp_path: Path) -> None:
    with headless(tmp_path) as process:
        process.kill()
        process.wait(timeout=WAIT_S)
    left_behind = DataFolder(tmp_path).socket
    assert left_behind.exists()
    assert running_engine(DataFolder(tmp_path)) is None

    left_behind.unlink()
    with headless(tmp_path):
        assert getattr(running_engine(DataFolder(tmp_path)), "venue", "") == "simulated"


def test_a_screen_that_reads_nothing_does_not_hold_the_engine_up(tmp_path: Path) -> None:
    with headless(tmp_path):
        deaf = socket.socket(socket.AF_UNIX)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.connect(str(DataFolder(tmp_path).socket))
        deaf.sendall(encode_frame(Hello(1, "screen")))
        deaf.sendall(encode_frame(Watch(("book", "tape", "chart", "status"), fps=20)))
        after = seq_above(tmp_path, seq(tmp_path))
        deaf.close()

        seq_above(tmp_path, after)


@pytest.mark.parametrize(
    "garbage", [b"\x00\x00\x00\x02hi", b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n", b""]
)
def test_garbage_on_the_socket_costs_that_connection_only(tmp_path: Path, garbage: bytes) -> None:
    with headless(tmp_path) as process:
        wait_for_socket(tmp_path)
        with socket.socket(socket.AF_UNIX) as hostile:
            hostile.connect(str(DataFolder(tmp_path).socket))
            hostile.sendall(garbage)
            hostile.shutdown(socket.SHUT_WR)
            while hostile.recv(4_096):
                continue

        assert process.poll() is None
        assert cockpit("status", "--json", data_dir=tmp_path).code == 0


def test_another_version_of_the_port_is_turned_away_with_a_sentence(tmp_path: Path) -> None:
    with headless(tmp_path), socket.socket(socket.AF_UNIX) as old:
        old.connect(str(DataFolder(tmp_path).socket))
        old.sendall(encode_frame(Hello(999, "screen")))
        told = b""
        while part := old.recv(4_096):
            told += part

    assert b"port version" in told
