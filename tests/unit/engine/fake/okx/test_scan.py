"""The look through a capture of OKX: what is recorded, and what has to be made."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.fake.faults import NO_FAULTS, Disconnect, Faults
from engine.fake.okx.scan import OkxScan, scan_okx
from engine.model.errors import ConfigError
from tests.fakes.captures import Recording
from tests.fakes.okx_wire import answer, books, linear, push, ticker_row, trade_row
from tests.unit.engine.fake.okx.rehearsal import SPOT, a_recording


def made(scan: OkxScan, kind: str) -> dict[str, Any]:
    """Return the one instrument of a list."""
    (item,) = json.loads(scan.instruments[kind])["data"]
    found: dict[str, Any] = item
    return found


def test_instruments_are_made_of_what_was_seen(tmp_path: Path):
    recording = a_recording()
    recording.raw(push("tickers", ticker_row("A-USDT-SWAP", bidSz="0.25"), symbol="A-USDT-SWAP"))
    recording.raw(push("trades", trade_row("A-USD-270326"), symbol="A-USD-270326"))

    scan = scan_okx(recording.write(tmp_path), NO_FAULTS)

    assert scan.symbols == (SPOT, "A-USDT-SWAP", "A-USD-270326")
    spot, swap, future = (made(scan, kind) for kind in ("SPOT", "SWAP", "FUTURES"))
    assert (spot["tickSz"], spot["lotSz"], spot["baseCcy"]) == ("0.1", "0.01", "ABC")
    assert (swap["ctType"], swap["ctVal"], swap["lotSz"]) == ("linear", "1", "0.01")
    assert (future["ctType"], future["settleCcy"]) == ("inverse", "A")


def test_recorded_lists_come_first(tmp_path: Path):
    recording = Recording("okx")
    url = "https://www.okx.com/api/v5/public/instruments?instType=SWAP"
    for contract in ("0.01", "0.02"):
        raw = answer(linear(ctVal=contract))
        recording.add(transport="http", url=url, raw=raw)
    recording.raw(books((1, 2)))

    scan = scan_okx(recording.write(tmp_path), NO_FAULTS)

    assert made(scan, "SWAP")["ctVal"] == "0.01"
    assert json.loads(scan.instruments["SPOT"])["data"] == []


def test_messages_that_faults_move_are_kept(tmp_path: Path):
    recording = a_recording()

    scan = scan_okx(recording.write(tmp_path), Faults(swap_lines=((2, 4),)))

    assert scan.frames == {line: recording.lines[line - 1]["raw"] for line in (2, 4)}


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        (Faults(disconnect_at_line=(Disconnect(line=99),)), "names? line 99"),
        (Faults(repeat_lines=(7,)), "line 7, which is no message"),
    ],
)
def test_faults_of_lines_that_are_not_there_are_refused(tmp_path: Path, faults, told: str):
    recording = a_recording()
    recording.raw("pong")

    with pytest.raises(ConfigError, match=told):
        scan_okx(recording.write(tmp_path), faults)


def test_a_capture_of_two_venues_is_refused(tmp_path: Path):
    recording = a_recording()
    recording.add(transport="ws", dir="in", raw="{}", venue="binance")

    with pytest.raises(ConfigError, match="line 7 is of binance"):
        scan_okx(recording.write(tmp_path), NO_FAULTS)


def test_a_file_that_is_no_capture_is_refused_by_name(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("Dear diary\n")

    with pytest.raises(ConfigError, match=r"notes\.txt"):
        scan_okx(tmp_path / "notes.txt", NO_FAULTS)
