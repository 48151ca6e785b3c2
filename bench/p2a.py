"""P2a: the same frames through the engine: wire, inbox, kernel with the wall rule, views at 10 Hz.

`python -m bench.p2a [--peers]`. The peer's figure is cryptofeed's of P1, which only keeps the book
and counts. p50 and p99 are CPU time of one `Kernel.step` of a diff of about 40 levels.
"""

from collections.abc import Iterator
from typing import Final

from bench.plain_book import PlainMarket
from bench.stream import Stream, synthetic
from bench.turns import middle, streams, turns_over

FORTY: Final = 40
FORTY_FRAMES: Final = 50_000


def main() -> None:
    """Run the case at all sizes."""
    for stream in streams_of_steps():
        expected = PlainMarket(stream.snapshot).run(stream.frames).outcome()
        turns = turns_over("p2a", stream, "bench.kernel_side", expected)
        mine = turns.ours
        more = {
            "frame_p50_us": middle(mine, "frame_p50_ns") / 1_000,
            "frame_p99_us": middle(mine, "frame_p99_ns") / 1_000,
            "steps_of_40": mine[0]["steps"],
            "views": mine[0]["views"],
            "walls": mine[0]["walls"],
        }
        turns.tell(frame_p99="frame_p99_ns", more=more)


def streams_of_steps() -> Iterator[Stream]:
    """Iterate over the streams of P1, and one with many diffs of just 40 levels."""
    yield from streams()
    yield synthetic(FORTY_FRAMES, FORTY)


if __name__ == "__main__":
    main()
