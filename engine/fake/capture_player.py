"""When each line of a capture is due; it sends nothing and reads no clock."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from storage.recording import CapturedFrame, CaptureReader


class Playable(Protocol):
    """What must be known of a capture to play it."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def first_ns(self) -> int:
        """Receive time of the first line."""


class CapturePlayer:
    """Walks through a capture at a chosen speed.

    Args:
        scan: The capture.
        speed: 1 is the recorded pace, 2 twice as fast; 0 means that every line is due at once.
        frames: Its lines, where they are not in a file.
    """

    def __init__(
        self, scan: Playable, speed: float, frames: Iterator[CapturedFrame] | None = None
    ) -> None:
        assert speed >= 0
        self.speed = speed
        self.has_begun = False
        self.next_frame: CapturedFrame | None = None
        """The line that comes next; None after the last."""
        self._scan = scan
        self._began_ns = 0
        self._shift_ns = 0
        self._step_ns = 0
        self._played_ns = scan.first_ns
        self._frames = iter(CaptureReader(scan.path)) if frames is None else frames
        self._step()

    def begin(self, now_ns: int) -> None:
        """Let the first line be due now."""
        assert not self.has_begun
        self.has_begun = True
        self._began_ns = now_ns

    def due_ns(self) -> int:
        """Return when the next line is due."""
        assert self.next_frame is not None
        if self.speed == 0:
            return self._began_ns + self._shift_ns
        since_first_ns = self.next_frame.ts_ns - self._scan.first_ns
        return self._began_ns + self._shift_ns + int(since_first_ns / self.speed)

    def take(self) -> CapturedFrame:
        """Return the next line and go on to the one after it."""
        frame = self.next_frame
        assert frame is not None
        self._played_ns = max(self._played_ns, frame.ts_ns)
        self._step()
        return frame

    def delay_until(self, until_ns: int) -> None:
        """Make the next line due no earlier, and every later one later by as much."""
        self._shift_ns += max(0, until_ns - self.due_ns())

    def clock_ns(self, now_ns: int) -> int:
        """Return the time that the recorded venue's clock shows."""
        if self.speed == 0 or not self.has_begun:
            return self._played_ns + self._step_ns
        passed_ns = int((now_ns - self._began_ns) * self.speed)
        return self._scan.first_ns + passed_ns + self._step_ns

    def step_clock(self, by_ns: int) -> None:
        """Let the venue's clock jump."""
        self._step_ns += by_ns

    def close(self) -> None:
        """Leave the file."""
        self._frames = iter(())

    def _step(self) -> None:
        self.next_frame = next(self._frames, None)
