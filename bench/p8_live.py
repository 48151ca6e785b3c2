"""P8 at a venue: from Enter to the first byte of a signed order, by the program as it is.

`cockpit --live` trades at the fake venue over loopback (`bench.live_desk`); the moment is that in
which the request's first byte arrives where its address leads. Rounds, reference and check of the
journal are those of `bench.p8`; the market is heard by websocket and recorded to the disk.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.live_desk import PAINTED, TICKET, a_live_desk
from bench.p8 import WARM_UP_S, Parts, by_port, by_screen, check_journal, tell_way
from bench.probe import Probe, Wakes

EVENTS_PER_S: Final = (5_000, 20_000)
ROUNDS: Final = 40
PORT_ROUNDS: Final = 45
"""There are not many more prices (`TICKET`)."""


def main() -> None:
    """Run the case at both loads."""
    for events_per_s in EVENTS_PER_S:
        _measure(events_per_s)


def _measure(events_per_s: int) -> None:
    case = f"p8_live {events_per_s} events/s"
    with TemporaryDirectory() as name:
        place = Path(name)
        with a_live_desk(place, events_per_s) as desk:
            time.sleep(WARM_UP_S)
            before = desk.counts()
            with Probe(place) as probe, Wakes() as wakes:
                parts = Parts(case, desk.hand, desk.tap, probe, wakes, TICKET)
                port = by_port(parts, PORT_ROUNDS)
                again = parts._replace(ticket=TICKET._replace(size="2"))
                screen = by_screen(again, desk.folder, ROUNDS, PAINTED)
            load = desk.figures(before)
        check_journal(case, desk.folder, desk.tap, ROUNDS + PORT_ROUNDS + 1)
    for way, spent in (("screen", screen), ("port", port)):
        tell_way(f"{case}, by {way}", spent, probe, load)


if __name__ == "__main__":
    main()
