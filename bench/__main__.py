"""`python -m bench [case ...] [--peers]`: runs the named cases, or all, one process each.

With `--peers` only the cases that have a peer run, both sides in turn. Exits 1 if any was wrong.
"""

import subprocess
import sys
from typing import Final

CASES: Final = ("p1", "p2a", "p10", "p11")
WITH_PEER: Final = ("p1", "p2a")


def main() -> int:
    """Run the cases; returns the exit code."""
    options = [argument for argument in sys.argv[1:] if argument.startswith("-")]
    named = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    unknown = sorted(set(named) - set(CASES))
    if unknown:
        print(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}", file=sys.stderr)
        return 2
    cases = named or (WITH_PEER if "--peers" in options else CASES)
    codes = [
        subprocess.run([sys.executable, "-m", f"bench.{case}", *options], check=False).returncode
        for case in cases
    ]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
