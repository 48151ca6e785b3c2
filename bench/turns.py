"""The sides of a case, in turn: what the cases over one stream of frames have in common.

The sides take turns so that a busy machine slows all of them alike. Each says what came out, and
where one of them differs from the plain reference the case is wrong.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from bench.result import Result, fail, tell
from bench.side import ours
from bench.stream import Stream, capture, oracle_agrees, synthetic

RUNS: Final = 5
PEER_PYTHON: Final = Path(".venv-peers/bin/python")
SYNTHETIC_FRAMES: Final = 200_000

Commands = Mapping[str, Sequence[str]]
"""Name of a side and how to run it; `ours` is always there, `peer` only where it is asked for."""
Run = dict[str, Any]
"""What a side said of one run."""


class Turns(NamedTuple):
    """What all sides said, run by run."""

    case: str
    frames: int
    runs: dict[str, list[Run]]

    @property
    def ours(self) -> list[Run]:
        """Our runs."""
        return self.runs["ours"]

    @property
    def peer(self) -> list[Run]:
        """The peer's; none where nobody asked for them."""
        return self.runs.get("peer", [])

    def rate(self, side: str) -> float | None:
        """Return a side's frames per second of CPU time; None if it did not run."""
        runs = self.runs.get(side)
        return self.frames / middle(runs, "cpu_s") if runs else None

    def tell(self, steps: str = "", frame_p99: str = "", more: Mapping[str, Any] = {}) -> None:
        """Print the result.

        Args:
            steps: Prefix of our figures that are p50 and p99 of the case.
            frame_p99: Our figure to hold against the peer's p99 of a frame, if there is one.
            more: What only this case has.
        """
        tell(
            Result(
                self.case,
                "frames/s",
                ours=self.rate("ours"),
                peer=self.rate("peer"),
                p50_us=_us(self.ours, f"{steps}p50_ns"),
                p99_us=_us(self.ours, f"{steps}p99_ns"),
                rss_mb=middle(self.ours, "rss_mb"),
                versions={k: text for one in self.runs.values() for k, text in _versions(one[0])},
                more={**more, **self._of_peer(frame_p99)},
            )
        )

    def _of_peer(self, frame_p99: str) -> dict[str, Any]:
        if not self.peer:
            return {}
        figures: dict[str, Any] = {"peer_rss_mb": round(middle(self.peer, "rss_mb"))}
        if "p50_ns" in self.peer[0]:
            figures["peer_p50_us"] = _us(self.peer, "p50_ns")
            figures["peer_p99_us"] = _us(self.peer, "p99_ns")
        if frame_p99:
            ratio = middle(self.ours, frame_p99) / middle(self.peer, "p99_ns")
            figures["ratio_p99"] = round(ratio, 3)
        return figures


def streams() -> list[Stream]:
    """Return the capture and the synthetic stream, each whole and its first tenth."""
    real = capture()
    if not oracle_agrees(real):
        fail("capture", "what its oracle says", "something else")
    made = synthetic(SYNTHETIC_FRAMES)
    return [
        whole.shortened(len(whole.frames) // part) for whole in (real, made) for part in (10, 1)
    ]


def turns_over(name: str, stream: Stream, module: str, expected: Run) -> Turns:
    """Let our side, and cryptofeed's of P1 if it is asked for, take in a whole stream.

    Args:
        name: Of the case.
        stream: The frames.
        module: Our side.
        expected: The plain reference's outcome.
    """
    with written(stream) as path:
        sides = {"ours": ours(module, path), **beside("bench.cryptofeed_side", path)}
        return take_turns(f"{name} {stream.name}", len(stream.frames), sides, expected)


@contextmanager
def written(stream: Stream) -> Iterator[str]:
    """Write a stream to a file for as long as it is needed; returns the path."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "frames"
        stream.write(path)
        yield str(path)


def beside(module: str, *arguments: str) -> Commands:
    """Return the peer's side, which runs in its own environment, if it is asked for."""
    if "--peers" not in sys.argv:
        return {}
    return {"peer": [str(PEER_PYTHON), "-m", module, *arguments]}


def take_turns(name: str, frames: int, sides: Commands, expected: Run) -> Turns:
    """Run all sides one after the other, `RUNS` times, and look at what came out of each.

    Ends the process where an outcome is not the expected one, as far as the side keeps it.
    """
    case = f"{name} {frames} frames"
    runs: dict[str, list[Run]] = {side: [] for side in sides}
    for _ in range(RUNS):
        for side, command in sides.items():
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            one = json.loads(done.stdout.splitlines()[-1])
            if one["outcome"] != {key: expected[key] for key in one["outcome"]}:
                fail(case, expected, {side: one["outcome"]})
            runs[side].append(one)
    return Turns(case, frames, runs)


def middle(runs: Sequence[Run], key: str) -> float:
    """Return the median of one figure over all runs."""
    return float(median(float(one[key]) for one in runs))


def _us(runs: Sequence[Run], key: str) -> float | None:
    """Return the median in microseconds; None where nothing was timed."""
    return middle(runs, key) / 1_000 if runs[0].get(key) else None


def _versions(one: Run) -> list[tuple[str, str]]:
    return list(one["versions"].items())
