"""P13: raw frames into a recording, with the marks that say what was taken, and back.

`python -m bench.p13`. `ours` is what a running engine pays for its recording, loop and worker
together, in frames per second of CPU time; beside it encoding and compressing of whole blocks
alone, and reading back. The first of these two and the reading have figures to reach in lines per
second. Every frame must come back as it was. The store of trades and candles is not part of it yet.
"""

from bench.recording_side import outcome
from bench.side import ours
from bench.turns import middle, streams, take_turns, written


def main() -> None:
    """Run the case at all sizes."""
    for stream in streams():
        count = len(stream.frames)
        with written(stream) as path:
            sides = {"ours": ours("bench.recording_side", path)}
            turns = take_turns(f"p13 {stream.name}", count, sides, outcome(stream.frames))
        more = {
            "encoded_lines_per_s": round(count / middle(turns.ours, "encode_s")),
            "read_lines_per_s": round(count / middle(turns.ours, "read_s")),
            "bytes_per_frame": round(middle(turns.ours, "bytes") / count, 1),
            "raw_bytes_per_frame": round(sum(map(len, stream.frames)) / count, 1),
        }
        turns.tell(more=more)


if __name__ == "__main__":
    main()
