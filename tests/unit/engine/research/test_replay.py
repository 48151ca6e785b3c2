"""The merge of files and the time of a replay."""

from pathlib import Path

import pytest

from engine.kernel.kernel import Kernel
from engine.model.envelope import Event, RunStarted, TimerFired
from engine.model.errors import ConfigError, RecordingError
from engine.model.market import FeedUp, Trade
from engine.model.numbers import NS_PER_S
from engine.research.replay import HOLE_NS, Capture, Replay
from tests.fakes.captures import T0_NS, Recording, write_bytes


class Run:
    """Notes each event with the kernel's time."""

    def __init__(self, capture: Capture) -> None:
        self.events: list[tuple[int, Event]] = []
        Replay(capture.wire(), "feed:test", "1", self._note).run(capture.frames())

    def times(self, kind: type) -> list[int]:
        """Return when events of a kind were handled."""
        return [ts_ns for ts_ns, event in self.events if type(event) is kind]

    def _note(self, kernel: Kernel, event: Event) -> None:
        self.events.append((kernel.state.ts_ns, event))


def trades_at(folder: Path, *times_ns: int, venue: str = "binance_futures") -> Path:
    recording = Recording(venue)
    for ts_ns in times_ns:
        recording.trade("1", "1")
        recording.lines[-1]["recv_ns"] = ts_ns
    return recording.write(folder, f"{times_ns[0]}.jsonl")


def test_timers_due_before_a_line_fire_before_it(tmp_path: Path):
    path = trades_at(tmp_path, T0_NS, T0_NS + NS_PER_S)

    run = Run(Capture([path]))

    kinds = [type(event) for _, event in run.events if type(event) in {Trade, TimerFired}]
    assert kinds == [Trade, TimerFired, TimerFired, TimerFired, TimerFired, Trade]
    quarter = NS_PER_S // 4
    assert run.times(TimerFired) == [T0_NS + quarter * count for count in (1, 2, 3, 4)]
    assert [type(event) for _, event in run.events[:2]] == [RunStarted, FeedUp]


def test_time_stands_still_where_the_recorded_clock_ran_backwards(tmp_path: Path):
    path = trades_at(tmp_path, T0_NS + 9, T0_NS, T0_NS + 10)

    run = Run(Capture([path]))

    assert run.times(Trade) == [T0_NS + 9, T0_NS + 9, T0_NS + 10]


def test_years_between_two_files_take_no_time(tmp_path: Path):
    years_ns = 3 * 365 * 86_400 * NS_PER_S
    early, late = (
        trades_at(tmp_path, at_ns, at_ns + NS_PER_S) for at_ns in (T0_NS, T0_NS + years_ns)
    )

    run = Run(Capture([late, early]))

    trades = [T0_NS, T0_NS + NS_PER_S, T0_NS + years_ns, T0_NS + years_ns + NS_PER_S]
    assert run.times(Trade) == trades
    assert len(run.times(TimerFired)) <= 4 * (HOLE_NS // NS_PER_S + 3)


def test_files_of_two_venues_are_refused_and_both_named(tmp_path: Path):
    futures = trades_at(tmp_path, T0_NS)
    spot = trades_at(tmp_path, T0_NS + 1, venue="binance")

    with pytest.raises(ConfigError, match=f"{futures} is binance_futures, {spot} is binance"):
        Capture([futures, spot])


def test_a_file_of_two_venues_is_refused_with_its_line(tmp_path: Path):
    recording = Recording()
    recording.trade("1", "1")
    recording.add(venue="okx", transport="ws", dir="in", raw="{}")
    capture = Capture([recording.write(tmp_path)])

    with pytest.raises(ConfigError, match="line 2 is of 'okx', those before of binance_futures"):
        list(capture.frames())


@pytest.mark.parametrize("venue", ["kraken", "simulated", "", "binance_coin"])
def test_a_venue_that_cannot_be_read_is_refused(venue: str, tmp_path: Path):
    path = trades_at(tmp_path, T0_NS, venue=venue)

    with pytest.raises(ConfigError, match=f"venue '{venue}' cannot be read"):
        Capture([path])


def test_damage_is_counted_once(tmp_path: Path):
    good = trades_at(tmp_path, T0_NS).read_bytes()
    path = write_bytes(tmp_path / "damaged.jsonl", b"damage\n" + good + b"more\n" + good)
    capture = Capture([path])

    lines = [frame.line for frame in capture.frames()]

    assert (lines, capture.damaged_lines, capture.is_torn) == ([2, 4], 2, False)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(RecordingError, match=r"nowhere\.jsonl: No such file"):
        Capture([tmp_path / "nowhere.jsonl"])
