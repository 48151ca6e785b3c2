"""P9: from the kill key to the latch in the engine, to the first cancel on the wire, to the disk.

The real screen in a pseudo-terminal, the real engine of another process, 20 simulated instruments;
the wire is that of `bench.told`. Each round lets three orders rest, presses F12, and sees the
engine latch, every order's cancel leave, and the latch file become durable; then a person releases
and arms again. `ours` is the median to the latch; the reference is one hop between processes,
measured between the rounds. The same kill also goes in by the port, without a screen.
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from bench.hand import Hand, resting
from bench.p10 import INSTRUMENTS, PAINTED, an_engine
from bench.probe import Probe
from bench.result import Result, fail, tell, versions_of
from bench.side import ours, percentile
from bench.terminal import Terminal
from bench.told import Listener
from engine.folder import DataFolder
from engine.model.commands import Arm, EngageKill, ReleaseKill

EVENTS_PER_S: Final = (2_000, 20_000)
ROUNDS: Final = 50
RESTING: Final = 3
ACCOUNT: Final = "paper"
WARM_UP_S: Final = 8
REST_S: Final = 0.3
"""For orders to be acknowledged."""
SEEN_S: Final = 1.0
"""For the release to be on the disk and on the screen: where it shows a killed desk, the key asks
about flattening instead."""
HELD_S: Final = 0.5
"""A kill key sooner after the one before counts as the same press."""
WIRE_S: Final = 5
KILL_KEY: Final = b"\x1b[24~"
PRICE: Final = 58_000

Spent = dict[str, list[int]]
"""By what was waited for."""
MARKS: Final = {"latched": 1, "cancel": RESTING, "kept": 1}


def main() -> None:
    """Run the case at both loads."""
    for events_per_s in EVENTS_PER_S:
        _measure(events_per_s)


def _measure(events_per_s: int) -> None:
    case = f"p9 {events_per_s} events/s"
    listener = Listener()
    with TemporaryDirectory() as name:
        folder = DataFolder(Path(name))
        with an_engine(folder.path, events_per_s, INSTRUMENTS, listener.port) as engine:
            hand = Hand(folder.socket)
            terminal = Terminal(ours("cockpit", "attach", str(folder.socket)), 120, 40)
            try:
                if terminal.wait_for(PAINTED, terminal.started_ns, 15) is None:
                    fail(case, "a first frame", terminal.tail)
                time.sleep(WARM_UP_S)
                with Probe(folder.path) as probe:
                    parts = (hand, listener, probe)
                    by_key = _rounds(case, parts, lambda: terminal.press(KILL_KEY))
                    by_port = _rounds(case, parts, lambda: hand.send(EngageKill("bench")))
            finally:
                terminal.close()
            hand.close()
    listener.close()
    told = msgspec.json.decode(engine[1])
    load = {
        "engine_events_per_s": round(told["events_per_s"]),
        "engine_cpu_share": round(told["cpu_share"], 3),
        **probe.figures,
    }
    for way, spent in (("key", by_key), ("port", by_port)):
        _tell(f"{case}, by {way}", spent, probe, load)


def _rounds(case: str, parts: tuple[Hand, Listener, Probe], kill: Callable[[], int]) -> Spent:
    """Kill so many times; `kill` returns the moment before."""
    hand, listener, probe = parts
    spent: Spent = {"latched": [], "cancel": [], "last cancel": [], "kept": []}
    for number in range(ROUNDS):
        for at in range(RESTING):
            hand.must(resting(f"{PRICE - number * RESTING - at}.0"))
        time.sleep(REST_S)
        probe.sample()
        listener.forget()
        killed_ns = kill()
        for word, count in MARKS.items():
            times = listener.times(word, killed_ns, count, WIRE_S)
            found = [ts_ns - killed_ns for ts_ns in times if ts_ns is not None]
            if len(found) < count:
                fail(case, f"{count} times {word} in round {number}", len(found))
            spent[word].append(found[0])
            if word == "cancel":
                spent["last cancel"].append(found[-1])
        time.sleep(HELD_S)
        hand.must(ReleaseKill("bench"), word=ACCOUNT)
        hand.must(Arm())
        time.sleep(SEEN_S)
    return spent


def _tell(case: str, spent: Spent, probe: Probe, load: dict[str, Any]) -> None:
    reference_ns = percentile(probe.hops_ns, 0.5)
    latched = spent["latched"]
    more = {
        f"{word.replace(' ', '_')}_{name}_us": round(percentile(values, share) / 1_000, 1)
        for word, values in spent.items()
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }
    tell(
        Result(
            case,
            "us",
            ours=percentile(latched, 0.5) / 1_000,
            reference=reference_ns / 1_000,
            p50_us=percentile(latched, 0.5) / 1_000,
            p99_us=percentile(latched, 0.99) / 1_000,
            versions=versions_of("textual", "msgspec"),
            more={"rounds": len(latched), **more, **load},
        )
    )


if __name__ == "__main__":
    main()
