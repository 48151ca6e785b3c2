"""P3: a burst of diffs of 1.5 kB through a websocket on loopback to a book.

`python -m bench.p3 [--peers]`. Ours is the real feed with the real transport, an inbox and a book
behind it; the peer is cryptofeed with its own connection. Beside them the same feed with the whole
kernel behind it, and our transport alone. Frames per second of CPU time of the client's process;
the venue is another one, and all frames wait in the socket.
"""

from typing import Final

from bench.burst_venue import a_burst_venue
from bench.plain_book import PlainMarket
from bench.side import ours
from bench.stream import Stream, diffs
from bench.turns import beside, take_turns, written

FRAMES: Final = (10_000, 100_000)
LEVELS: Final = 64
"""In 1.5 kB."""


def main() -> None:
    """Run the case at both sizes."""
    whole = diffs(max(FRAMES), LEVELS)
    for count in FRAMES:
        _measure(whole.shortened(count))


def _measure(stream: Stream) -> None:
    plain = PlainMarket(stream.snapshot).run(stream.frames)
    count = len(stream.frames)
    with (
        written(stream) as frames,
        written(stream.shortened(0)) as beginning,
        a_burst_venue(frames) as port,
    ):
        burst = (str(port), str(count), str(plain.last_id), beginning)
        sides = {
            "ours": ours("bench.feed_side", "book", *burst),
            "engine": ours("bench.feed_side", "engine", *burst),
            "socket": ours("bench.feed_side", "socket", *burst),
            **beside("bench.cryptofeed_socket_side", str(port), str(plain.last_id), beginning),
        }
        turns = take_turns(f"p3 {stream.name}", count, sides, plain.outcome())
    more = {
        "engine_frames_per_s": round(turns.rate("engine") or 0),
        "socket_frames_per_s": round(turns.rate("socket") or 0),
        "bytes_per_frame": round(sum(map(len, stream.frames)) / count),
    }
    turns.tell(more=more)


if __name__ == "__main__":
    main()
