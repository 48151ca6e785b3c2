"""Entry of the engine's own process, started by `cockpit`; people use `cockpit --no-ui`.

One argument: the options as JSON. A second, if given, is the number of a file descriptor on which
one line says `ready`, or why not.
"""

import os
import sys

import msgspec

from engine.bootstrap import EngineOptions, run_engine


def main() -> int:
    """Run the engine; returns the exit code."""
    options = msgspec.json.decode(sys.argv[1], type=EngineOptions)
    if len(sys.argv) < 3:
        return run_engine(options, to_stderr=True)
    ready_fd = int(sys.argv[2])
    told = False

    def tell(text: str) -> None:
        nonlocal told
        if not told:
            told = True
            os.write(ready_fd, text.encode() + b"\n")
            os.close(ready_fd)

    return run_engine(options, to_stderr=False, on_ready=tell)


if __name__ == "__main__":
    sys.exit(main())
