"""P9: from the kill key to the latch in the engine, to the first cancel on the wire, to the disk.

The real screen in a pseudo-terminal, the real engine of another process, 20 simulated instruments;
the wire is that of `bench.told`. Each round lets three orders rest, presses F12, and sees the
engine latch, every order's cancel leave, and the latch file become durable; then a person releases
and arms again. `ours` is the median to the latch; the reference is one hop between processes,
measured between the rounds. The same kill also goes in by the port, without a screen.
`bench.p9_live` is the same at a venue.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import msgspec

from bench.hand import Hand, Ticket
from bench.p10 import INSTRUMENTS, PAINTED, an_engine
from bench.probe import Probe, Wakes, spread
from bench.result import Result, fail, tell, versions_of
from bench.side import ours, percentile
from bench.terminal import Terminal
from bench.told import Heard, Listener
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

Moments = dict[str, int]
"""By what was waited for: when it came."""


class Parts(NamedTuple):
    """What a round needs.

    `begin` is called before a kill, `wait` with its moment; it says when what followed came.
    """

    case: str
    hand: Hand
    probe: Probe
    wakes: Wakes
    begin: Callable[[], None]
    wait: Callable[[int], Moments]
    account: str = ACCOUNT
    ticket: Ticket = Ticket()
    rounds: int = ROUNDS
    rest_s: float = 0.0
    """After each round besides: a venue counts what it is asked in a minute."""


class Spent(NamedTuple):
    """What followed the kills of one way, and how late the machine woke a process meanwhile."""

    followed_ns: list[Moments]
    wakes_ns: list[int]


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
            with Probe(folder.path) as probe, Wakes() as wakes:
                wait = partial(_followed, case, listener)
                parts = Parts(case, hand, probe, wakes, listener.forget, wait)
                by_key, by_port = both_ways(parts, folder, PAINTED)
            hand.close()
    listener.close()
    told = msgspec.json.decode(engine[1])
    load = {
        "engine_events_per_s": round(told["events_per_s"]),
        "engine_cpu_share": round(told["cpu_share"], 3),
    }
    for way, spent in (("key", by_key), ("port", by_port)):
        tell_way(f"{case}, by {way}", spent, probe, load)


def both_ways(parts: Parts, folder: DataFolder, painted: tuple[bytes, ...]) -> tuple[Spent, Spent]:
    """Kill by the key of a screen, then by the port with the screen beside."""
    terminal = Terminal(ours("cockpit", "attach", str(folder.socket)), 120, 40)
    try:
        if terminal.wait_for(painted, terminal.started_ns, 15) is None:
            fail(parts.case, "a first frame", terminal.tail)
        time.sleep(WARM_UP_S)
        by_key = _rounds(parts, lambda: terminal.press(KILL_KEY))
        by_port = _rounds(parts, lambda: parts.hand.send(EngageKill("bench")))
    finally:
        terminal.close()
    return by_key, by_port


def _rounds(parts: Parts, kill: Callable[[], int]) -> Spent:
    """Kill so many times; `kill` returns the moment before."""
    hand, spent = parts.hand, Spent([], [])
    for number in range(parts.rounds):
        for at in range(RESTING):
            hand.must(parts.ticket.resting((number * RESTING + at) % parts.ticket.prices))
        time.sleep(REST_S)
        parts.probe.sample()
        parts.begin()
        killed_ns = kill()
        moments = parts.wait(killed_ns)
        spent.followed_ns.append({what: ts_ns - killed_ns for what, ts_ns in moments.items()})
        spent.wakes_ns.append(parts.wakes.worst_ns(killed_ns, moments["latched"]))
        time.sleep(HELD_S)
        hand.insist(ReleaseKill("bench"), word=parts.account)
        hand.insist(Arm(), word=parts.account)
        time.sleep(SEEN_S + parts.rest_s)
    return spent


def cancels(case: str, wire: Heard, killed_ns: int) -> Moments:
    """Return when the first cancel of a kill left, and that of the last order."""
    times = waited(case, wire, "cancel", killed_ns, RESTING)
    return {"cancel": times[0], "last cancel": times[-1]}


def waited(case: str, wire: Heard, word: str, killed_ns: int, count: int = 1) -> list[int]:
    """Return the moments of so many lines of a kind."""
    times = wire.times(word, killed_ns, count, WIRE_S)
    found = [ts_ns for ts_ns in times if ts_ns is not None]
    if len(found) < count:
        fail(case, f"{count} times {word}", len(found))
    return found


def _followed(case: str, wire: Heard, killed_ns: int) -> Moments:
    """Return what the engine told."""
    (latched_ns,) = waited(case, wire, "latched", killed_ns)
    gone = cancels(case, wire, killed_ns)
    (kept_ns,) = waited(case, wire, "kept", killed_ns)
    return {"latched": latched_ns, **gone, "kept": kept_ns}


def tell_way(case: str, spent: Spent, probe: Probe, load: dict[str, Any]) -> None:
    """Print the figures of one way."""
    reference_ns = percentile(probe.hops_ns, 0.5)
    latched = [one["latched"] for one in spent.followed_ns]
    slowest = latched.index(max(latched))
    more = {
        f"{what.replace(' ', '_')}_{name}_us": round(percentile(values, share) / 1_000, 1)
        for what in spent.followed_ns[0]
        for values in [[one[what] for one in spent.followed_ns]]
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }
    machine = {"wake_in_worst_us": spent.wakes_ns[slowest] / 1_000}
    machine |= spread("wake", spent.wakes_ns) | probe.figures
    tell(
        Result(
            case,
            "us",
            ours=percentile(latched, 0.5) / 1_000,
            reference=reference_ns / 1_000,
            p50_us=percentile(latched, 0.5) / 1_000,
            p99_us=percentile(latched, 0.99) / 1_000,
            versions=versions_of("textual", "msgspec"),
            more={"rounds": len(latched), **more, **load, **machine},
        )
    )


if __name__ == "__main__":
    main()
