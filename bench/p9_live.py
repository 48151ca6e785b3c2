"""P9 at a venue: from the kill key to the latch, to the first cancel's bytes, to the proof.

`cockpit --live` trades at the fake venue over loopback (`bench.live_desk`), with its journal and
recording on the disk. Rounds and reference are those of `bench.p9`; the latch and the sentence that
the kill is verified have their moments from the engine's log, cancels theirs from where their first
byte arrives.
"""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.live_desk import ACCOUNT, PAINTED, TICKET, LiveDesk, a_live_desk
from bench.p9 import Moments, Parts, both_ways, cancels, tell_way
from bench.probe import Probe, Wakes
from bench.result import fail

EVENTS_PER_S: Final = (5_000, 20_000)
ROUNDS: Final = 8
REST_S: Final = 16.0
"""A kill asks for the whole account twice, with 20 instruments a tenth of a minute's limit each
time: four kills a minute would use it up, and the rest of that minute be without an answer."""
LATCHED_S: Final = 5
VERIFIED_S: Final = 30


def main() -> None:
    """Run the case at both loads."""
    for events_per_s in EVENTS_PER_S:
        _measure(events_per_s)


def _measure(events_per_s: int) -> None:
    case = f"p9_live {events_per_s} events/s"
    with TemporaryDirectory() as name:
        place = Path(name)
        with a_live_desk(place, events_per_s) as desk, Probe(place) as probe, Wakes() as wakes:
            parts = Parts(
                *(case, desk.hand, probe, wakes),
                begin=partial(_begin, desk),
                wait=partial(_followed, case, desk),
                account=ACCOUNT,
                ticket=TICKET,
                rounds=ROUNDS,
                rest_s=REST_S,
            )
            before = desk.counts()
            by_key, by_port = both_ways(parts, desk.folder, PAINTED)
            load = desk.figures(before)
    for way, spent in (("key", by_key), ("port", by_port)):
        tell_way(f"{case}, by {way}", spent, probe, load)


def _begin(desk: LiveDesk) -> None:
    desk.tap.forget()
    desk.log.forget()


def _followed(case: str, desk: LiveDesk, killed_ns: int) -> Moments:
    """Return what log and wire say."""
    told = {
        "latched": desk.log.time_of("latch_set", LATCHED_S),
        **cancels(case, desk.tap, killed_ns),
        "verified": desk.log.time_of("the kill is VERIFIED", VERIFIED_S),
    }
    missing = [what for what, ts_ns in told.items() if ts_ns is None]
    if missing:
        fail(case, missing, told)
    return {what: ts_ns for what, ts_ns in told.items() if ts_ns is not None}


if __name__ == "__main__":
    main()
