"""Captures moved to another time: every time moves by the same whole minutes, nothing else does."""

import json
from pathlib import Path

import pytest

from engine.fake.capture_scan import scan_capture
from engine.fake.faults import NO_FAULTS
from engine.fake.rebase import MINUTE_NS, rebased, shifted
from engine.fake.server import FakeVenue
from engine.model.errors import ConfigError
from engine.model.numbers import NS_PER_MS, NS_PER_S
from storage.recording import CaptureReader
from tests.fakes.captures import T0_NS, Recording

NOW_NS = 1_900_000_017 * NS_PER_S
HOUR_MS = 3_600_000


def moved(message: object) -> object:
    """Return a message an hour later."""
    return json.loads(shifted(json.dumps(message), HOUR_MS))


def test_times_of_messages_move_and_numbers_do_not() -> None:
    trade = {"e": "trade", "E": 10, "T": 9, "t": 8, "p": "1.50"}

    assert moved(trade) == {"e": "trade", "E": 10 + HOUR_MS, "T": 9 + HOUR_MS, "t": 8, "p": "1.50"}
    assert moved({"stream": "s", "data": {"E": 1}}) == {"stream": "s", "data": {"E": 1 + HOUR_MS}}


def test_times_of_klines_and_liquidations_move() -> None:
    kline = {"e": "kline", "k": {"t": 1, "T": 2, "i": "1m", "n": 3}}
    assert moved(kline)["k"] == {"t": 1 + HOUR_MS, "T": 2 + HOUR_MS, "i": "1m", "n": 3}  # type: ignore[index]  # read from JSON
    assert moved({"o": {"T": 5, "q": "1"}}) == {"o": {"T": 5 + HOUR_MS, "q": "1"}}


@pytest.mark.parametrize("raw", ["{", "[1]", "3", '{"data":[1]}', '{"k":1}'])
def test_what_has_no_times_stays_as_it_is(raw: str) -> None:
    assert shifted(raw, HOUR_MS) == raw


@pytest.mark.parametrize("late_ns", [0, MINUTE_NS - 1])
def test_a_capture_that_has_just_begun_goes_on(tmp_path: Path, late_ns: int) -> None:
    recording = Recording()
    recording.snapshot(1, bids="100x1", asks="101x1")
    scan = scan_capture(recording.write(tmp_path), NO_FAULTS)

    assert rebased(scan, scan.first_ns + late_ns)[0] == scan


def test_a_capture_begins_within_the_minute_after(tmp_path: Path) -> None:
    recording = Recording()
    recording.snapshot(1, bids="100x1", asks="101x1")
    recording.trade("100", "1", T=T0_NS // NS_PER_MS)
    scan = scan_capture(recording.write(tmp_path), NO_FAULTS)

    later, lines = rebased(scan, NOW_NS)
    by_ns = later.first_ns - scan.first_ns

    assert NOW_NS <= later.first_ns < NOW_NS + MINUTE_NS
    assert by_ns % MINUTE_NS == 0
    frames = list(lines)
    before = list(CaptureReader(scan.path))
    assert [frame.ts_ns - by_ns for frame in frames] == [frame.ts_ns for frame in before]
    assert f'"T":{(T0_NS + by_ns) // NS_PER_MS}' in frames[-1].raw


def test_the_clock_of_what_plays_as_of_now_is_right(tmp_path: Path) -> None:
    recording = Recording()
    recording.snapshot(1, bids="100x1", asks="101x1")
    capture = recording.write(tmp_path)

    for named in (capture, None):
        venue = FakeVenue(named, clock=lambda: NOW_NS, is_now=True)
        assert venue.core.clock_ms(NOW_NS + NS_PER_S) == (NOW_NS + NS_PER_S) // NS_PER_MS  # type: ignore[attr-defined]  # one of Binance
        venue.core.close()


def test_now_has_one_speed_and_no_okx(tmp_path: Path) -> None:
    recording = Recording("okx")
    recording.add(transport="ws", dir="in", raw="{}")

    with pytest.raises(ConfigError, match="its own speed"):
        FakeVenue(None, clock=lambda: NOW_NS, speed=2, is_now=True)
    with pytest.raises(ConfigError, match="recorded time"):
        FakeVenue(recording.write(tmp_path), clock=lambda: NOW_NS, is_now=True)
