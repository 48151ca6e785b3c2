"""Every venue's frames through a recorded wire: a second wire, fed from the recording, agrees."""

import asyncio
from itertools import islice
from pathlib import Path

import pytest

from engine.kernel.kernel import Kernel
from engine.model.envelope import Envelope, Event, RunStarted
from engine.model.market import FeedUp
from engine.research.replay import Capture, events_of
from engine.research.replay_run import RunReplay
from engine.runtime.clock import LoopClock
from engine.runtime.journal_writer import LoopWorker
from engine.runtime.recorded_wire import RecordedWire
from engine.runtime.recorder import Recorder
from engine.runtime.virtual_loop import run
from storage.files import DiskFiles
from storage.recording import CapturedFrame
from storage.recording_reader import run_named
from storage.recording_writer import RecordingWriter

VERSION = "test"
FRAMES_MAX = 4_000
PUT_EVERY = 7
"""Frames that wait in the inbox together: what is taken lags behind what was received."""


class Recorded:
    """A kernel behind a recorded wire."""

    def __init__(self, capture: Capture, folder: Path, start_ns: int) -> None:
        clock = LoopClock(start_ns)
        venue = capture.spec.name
        writer = RecordingWriter(DiskFiles(), folder, venue, "run-1", 2**30)
        self.recorder = Recorder(venue, "run-1", writer, clock, LoopWorker(lambda: 0.001))
        self.wire = RecordedWire(capture.wire(), self.recorder, clock)
        self.kernel = Kernel()
        self.seq = 0
        self.recorder.begin(self.kernel.state, VERSION, "paper", "")

    def step(self, source: str, event: Event, ts_ns: int) -> None:
        """Handle an event, recorded."""
        self.seq += 1
        at_ns = max(ts_ns, self.kernel.state.ts_ns)
        self.recorder.taken(self.seq, at_ns, source, event)
        self.kernel.step(Envelope(self.seq, at_ns, source, event))


async def record(capture: Capture, folder: Path) -> str:
    """Record the beginning of a capture and return the digest it led to."""
    frames = list(islice(capture.frames(), FRAMES_MAX))
    feed = f"feed:{capture.spec.name}"
    recorded = Recorded(capture, folder, frames[0].ts_ns)
    recorded.step("engine", RunStarted("run-1", VERSION), frames[0].ts_ns)
    recorded.step(feed, FeedUp(feed), frames[0].ts_ns)
    inbox: list[Event] = []
    for number, frame in enumerate(frames, start=1):
        inbox += events_of(recorded.wire, frame, feed)
        if number % PUT_EVERY == 0 or number == len(frames):
            for event in inbox:
                recorded.step(feed, event, frame.ts_ns)
            inbox.clear()
            await asyncio.sleep(0.001)
    digest = recorded.kernel.step_digest()
    recorded.recorder.digest(recorded.seq, lambda: digest, is_end=True)
    assert await recorded.recorder.close()
    return digest


@pytest.mark.parametrize("name", ["binance_futures", "binance_spot_ethusdt_20240808", "okx"])
def test_a_fresh_wire_decodes_the_recording_to_the_same_state(
    shared_dir: Path, tmp_path: Path, name: str
) -> None:
    capture = Capture([shared_dir / f"captures/{name}.jsonl.gz"])
    folder = tmp_path / "recordings"

    digest = run(lambda: record(capture, folder))
    reader = run_named(DiskFiles(), folder)
    verdict = RunReplay(reader, DiskFiles(), tmp_path / "journal", VERSION).run()

    assert (verdict.state, verdict.sentence) == ("equal", "")
    assert verdict.digest == digest
    assert verdict.seq > 1_000 or name == "okx"


def test_a_recording_is_a_capture(shared_dir: Path, tmp_path: Path) -> None:
    capture = Capture([shared_dir / "captures/binance_futures.jsonl.gz"])
    run(lambda: record(capture, tmp_path))

    (file,) = tmp_path.glob("*/*/*.zst")
    again = Capture([file])
    frames = [(one.ts_ns, one.transport, one.raw) for one in capture.frames() if _is_read(one)]
    kept = [(one.ts_ns, one.transport, one.raw) for one in again.frames()]

    assert [one for one in kept if one[1] in {"ws", "http"}] == frames
    assert (again.damaged_lines, again.is_torn) == (0, False)


def _is_read(frame: CapturedFrame) -> bool:
    return frame.transport == "http" or frame.direction == "in"
