"""Recorded traffic through wire and kernel, as fast as it goes or paced by somebody else.

The times of a replay are those of the recording: before each line every timer that is due by then
fires, so the same files give the same run, event for event.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from engine.kernel.kernel import Kernel
from engine.kernel.timers import Timers
from engine.model.effects import SetTimer
from engine.model.envelope import Envelope, Event, RunStarted
from engine.model.errors import ConfigError, RecordingError, VenuePayloadError
from engine.model.market import FeedUp, FrameRefused
from engine.model.numbers import NS_PER_S
from engine.venues.base import MarketWire, VenueSpec
from engine.venues.registry import VENUES
from storage.recording import CapturedFrame, CaptureReader

RUN_ID: Final = "replay"

HOLE_NS: Final = 60 * NS_PER_S
"""A longer silence is a hole in the recording; timers that repeat do not count it out."""


class Capture:
    """One or more files of one venue, merged by receive time.

    Raises:
        ConfigError: The files are of different venues, or of one that cannot be read.
        RecordingError: A file is missing, empty or not a capture.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.readers = tuple(CaptureReader(path) for path in paths)
        venues = {str(reader.path): _first(reader).venue for reader in self.readers}
        if len(set(venues.values())) > 1:
            told = ", ".join(f"{path} is {venue}" for path, venue in venues.items())
            raise ConfigError(f"one replay takes one venue: {told}")
        name = next(iter(venues.values()))
        spec = VENUES.get(name)
        if spec is None or spec.wire is None:
            raise ConfigError(f"{paths[0]}: recordings of venue {name!r} cannot be read")
        self.spec: VenueSpec = spec

    @property
    def damaged_lines(self) -> int:
        """Lines that are no captured frame."""
        return sum(reader.damaged_lines for reader in self.readers)

    @property
    def is_torn(self) -> bool:
        """Whether a file ended before its end."""
        return any(reader.is_torn for reader in self.readers)

    def frames(self) -> Iterator[CapturedFrame]:
        """Iterate over all frames in the order of (receive time, argument, line).

        Raises:
            ConfigError: A later line is of another venue than the first.
        """
        files = [self._frames_of(reader) for reader in self.readers]
        if len(files) == 1:
            return files[0]
        return heapq.merge(*files, key=lambda frame: frame.ts_ns)

    def wire(self) -> MarketWire:
        """Return a fresh wire of the venue."""
        assert self.spec.wire is not None
        assert self.spec.endpoints is not None
        return self.spec.wire(self.spec.endpoints)

    def _frames_of(self, reader: CaptureReader) -> Iterator[CapturedFrame]:
        venue, combined = self.spec.name, self.spec.combined
        for frame in reader:
            if frame.venue != venue:
                told = f"line {frame.line} is of {frame.venue!r}, those before of {venue}"
                raise ConfigError(f"{reader.path}: {told}; one replay takes one venue")
            if combined is not None and frame.direction == "in":
                raw = combined(frame.raw, frame.url)
                if raw is not frame.raw:
                    yield msgspec.structs.replace(frame, raw=raw)
                    continue
            yield frame


def events_of(wire: MarketWire, frame: CapturedFrame, source: str) -> Sequence[Event]:
    """Return what one recorded frame says; a frame that cannot be read costs that frame."""
    try:
        if frame.transport == "http":
            request = wire.recorded_request(frame.url)
            if request is None:
                return ()
            return wire.receive_answer(request, 200, frame.raw, frame.ts_ns)
        if frame.direction != "in":
            return ()
        return wire.receive(frame.raw, frame.ts_ns)
    except VenuePayloadError as error:
        return (FrameRefused(source, str(error)),)


class Replay:
    """One run over a capture.

    Args:
        wire: Of the capture's venue, fresh.
        source: Name of the feed in envelopes.
        version: Of the program.
        on_event: Called after each step with the event; for those who watch every state.
    """

    def __init__(
        self,
        wire: MarketWire,
        source: str,
        version: str,
        on_event: Callable[[Kernel, Event], None] | None = None,
    ) -> None:
        self.kernel = Kernel()
        self._wire = wire
        self._source = source
        self._version = version
        self._on_event = on_event
        self._timers = Timers()
        self._seq = 0
        self._ts_ns = 0

    def run(self, frames: Iterable[CapturedFrame]) -> None:
        """Take the frames through to the end."""
        for frame in frames:
            self.take(frame)

    def take(self, frame: CapturedFrame) -> None:
        """Fire the timers due before this frame, then handle all that it says."""
        if self._seq == 0:
            self._ts_ns = frame.ts_ns
            self._step("engine", RunStarted(RUN_ID, self._version))
            self._step(self._source, FeedUp(self._source))
        self._fire(frame.ts_ns)
        self._ts_ns = max(self._ts_ns, frame.ts_ns)
        for event in events_of(self._wire, frame, self._source):
            self._step(self._source, event)

    def _fire(self, until_ns: int) -> None:
        """Fire what is due by then; after a hole, late, as on a machine that slept."""
        hole_ns = self._ts_ns + HOLE_NS
        while (due_ns := self._timers.next_ns) is not None and due_ns <= until_ns:
            self._ts_ns = max(self._ts_ns, due_ns if due_ns <= hole_ns else until_ns)
            self._step("timer", self._timers.pop())

    def _step(self, source: str, event: Event) -> None:
        self._seq += 1
        for effect in self.kernel.step(Envelope(self._seq, self._ts_ns, source, event)):
            if type(effect) is SetTimer:
                self._timers.set(effect)
        if self._on_event is not None:
            self._on_event(self.kernel, event)


def _first(reader: CaptureReader) -> CapturedFrame:
    for frame in reader:
        return frame
    raise RecordingError(f"{reader.path}: the capture holds no captured frame")
