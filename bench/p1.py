"""P1: raw Binance USD-M frames to a book, on one core, against cryptofeed and a plain reference.

`python -m bench.p1 [--peers]`. Frames per second of CPU time; p50 and p99 are CPU time of one
frame, so that they say nothing of the other programs on the machine.
"""

from functools import partial

from bench.plain_book import PlainMarket
from bench.side import cpu_s_of
from bench.turns import streams, turns_over


def main() -> None:
    """Run the case at all sizes."""
    for stream in streams():
        plain = PlainMarket(stream.snapshot)
        reference_s = cpu_s_of(partial(plain.run, stream.frames))
        turns = turns_over("p1", stream, "bench.wire_side", plain.outcome())
        more = {"plain_reference": round(len(stream.frames) / reference_s)}
        turns.tell(frame_p99="p99_ns", more=more)


if __name__ == "__main__":
    main()
