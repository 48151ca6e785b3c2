"""Our side of P13: frames into a recording as while the engine runs, and read back as for a replay.

`python -m bench.recording_side FRAMES`. Decoding is no part of it: the events that the marks tell
of are made before. The disk is real; CPU time of loop and worker together counts, the wait for the
disk does not.
"""

import asyncio
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time_ns
from typing import Final

import msgspec
from loguru import logger

from bench.kernel_side import FEED, FRAMES_PER_TURN
from bench.result import versions_of
from bench.side import Frames, cpu_s_of, read_frames, report, settle
from bench.wire_side import described_wire
from engine.model.envelope import Event
from engine.runtime.clock import SystemClock
from engine.runtime.journal_writer import ThreadWorker
from engine.runtime.recorder import BLOCK_BYTES, WAITING_BYTES_MAX, Recorder
from engine.venues.binance.spec import FUTURES
from storage.files import DiskFiles
from storage.recording_format import (
    BLOCK_LINES,
    SocketFrame,
    encode_block,
    raw_of,
    raw_text,
)
from storage.recording_reader import recorded_files, run_named
from storage.recording_writer import RecordingWriter

RUN: Final = "bench"
BYTES_MAX: Final = 2**40
PATIENCE_S: Final = 0.001

Events = list[Sequence[Event]]
"""What each frame says."""


async def recorded(frames: Frames, events: Events, folder: Path) -> None:
    """Record all frames, and that their events were taken; none may be lost."""
    _, raws, times_ns = frames
    writer = RecordingWriter(DiskFiles(), folder, FUTURES.name, RUN, BYTES_MAX)
    recorder = Recorder(FUTURES.name, RUN, writer, SystemClock(), ThreadWorker("recorder"))
    seq = 0
    for start in range(0, len(raws), FRAMES_PER_TURN):
        turn = slice(start, start + FRAMES_PER_TURN)
        for raw, ts_ns, found in zip(raws[turn], times_ns[turn], events[turn], strict=True):
            recorder.gave(recorder.frame(raw, ts_ns), found)
        for ts_ns, found in zip(times_ns[turn], events[turn], strict=True):
            for event in found:
                seq += 1
                recorder.taken(seq, ts_ns, FEED, event)
        # The disk is slower than a burst without an end.
        await _until_below(WAITING_BYTES_MAX // 2, recorder)
    await _until_below(BLOCK_BYTES, recorder)
    assert await recorder.close(), recorder.problem


async def _until_below(waiting_bytes: int, recorder: Recorder) -> None:
    while recorder.waiting_bytes > waiting_bytes:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(PATIENCE_S)


def encoding_s(frames: Frames) -> float:
    """Return the CPU seconds that encoding and compressing take alone."""
    lines = [
        SocketFrame(number, ts_ns, FUTURES.name, *raw_text(raw))
        for number, (raw, ts_ns) in enumerate(zip(frames[1], frames[2], strict=True), start=1)
    ]
    blocks = [lines[at : at + BLOCK_LINES] for at in range(0, len(lines), BLOCK_LINES)]
    return cpu_s_of(lambda: [encode_block(block) for block in blocks])


def read_back(folder: Path) -> list[SocketFrame]:
    """Return the frames of the recording, which has no flaw."""
    reader = run_named(DiskFiles(), folder)
    found = [line for line in reader if isinstance(line, SocketFrame)]
    assert reader.flaw is None, reader.flaw
    return found


def main() -> None:
    """Measure once and print the line."""
    logger.remove()
    frames = read_frames(sys.argv[1])
    wire = described_wire()
    events: Events = [wire.receive(*one) for one in zip(frames[1], frames[2], strict=True)]
    settle()
    encode_s = encoding_s(frames)
    with TemporaryDirectory() as name:
        folder = Path(name)
        before_ns = process_time_ns()
        asyncio.run(recorded(frames, events, folder))
        cpu_s = (process_time_ns() - before_ns) / 1e9
        size = sum(path.stat().st_size for path in recorded_files(DiskFiles(), folder))
        before_ns = process_time_ns()
        found = read_back(folder)
        read_s = (process_time_ns() - before_ns) / 1e9
    report(
        cpu_s=cpu_s,
        encode_s=encode_s,
        read_s=read_s,
        bytes=size,
        outcome=outcome([raw_of(one.raw, one.encoding) for one in found]),
        versions={"msgspec": msgspec.__version__, **versions_of("zstandard")},
    )


def outcome(raws: Sequence[str | bytes]) -> dict[str, object]:
    """Return count and hash of all frames."""
    told = sha256()
    for raw in raws:
        told.update(raw if isinstance(raw, bytes) else raw.encode())
    return {"frames": len(raws), "bytes": told.hexdigest()}


if __name__ == "__main__":
    main()
