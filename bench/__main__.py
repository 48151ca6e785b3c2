"""Runs the named cases, or all, one process each; one JSON line per case and size.

With --peers only the cases that have a peer run, both sides in turn. Exits 1 if any was wrong, 2 if
there is no such case. What the figures mean: docs/performance.md.
"""

import argparse
import subprocess
import sys
from typing import Final

CASES: Final = {
    "p1": "raw frames to a book",
    "p2a": "the same frames through the engine, which only looks",
    "p2": "the same while it trades: strategy, orders, fills, journal",
    "p3": "a burst through a websocket on loopback to a book",
    "p8": "Enter to the order on the wire, journal synced; 8 minutes",
    "p8_live": "the same by the whole program at a venue on loopback; 8 minutes",
    "p9": "kill key to latch, cancels and disk; 6 minutes",
    "p9_live": "the same by the whole program at a venue, and until verified; 15 minutes",
    "p10": "the screen at three sizes",
    "p11": "start, and memory over ten minutes; --seconds N for another time",
    "p11_hour": "memory over an hour of virtual time; half an hour; --seconds N",
    "p13": "frames into a recording and back",
}
WITH_PEER: Final = ("p1", "p2a", "p2", "p3")


def main() -> int:
    """Run the cases; returns the exit code."""
    options = _options()
    unknown = sorted(set(options.cases) - set(CASES))
    if unknown:
        print(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}", file=sys.stderr)
        return 2
    handed = ["--peers"] if options.peers else []
    handed += ["--seconds", str(options.seconds)] if options.seconds else []
    codes = [
        subprocess.run([sys.executable, "-m", f"bench.{case}", *handed], check=False).returncode
        for case in options.cases or (WITH_PEER if options.peers else CASES)
    ]
    return 1 if any(codes) else 0


def _options() -> argparse.Namespace:
    lines = [f"  {case:<9} {about}" for case, about in CASES.items()]
    parser = argparse.ArgumentParser(
        "python -m bench",
        description=__doc__,
        epilog="\n".join(["cases:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="what to run; all, if none")
    parser.add_argument("--peers", action="store_true", help="beside other programs, in turn")
    parser.add_argument("--seconds", type=int, metavar="N", help="how long p11 and p11_hour last")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
