"""P8: from Enter on the command line to the order on a loopback socket, its facts synced before.

The real screen in a pseudo-terminal, the real engine of another process with its journal on the
disk, 20 simulated instruments; the wire is that of `bench.told`. `ours` is the median; the
reference is a synced append and one hop between processes, measured between the rounds, so
`ratio_limit` says how many times that it takes. The same orders also go in by the port without a
screen: what the screen adds is the difference. Each order is cancelled again; at the end the
journal must hold every order that was on the wire. `bench.p8_live` is the same at a venue.
"""

import random
import time
from collections.abc import Callable
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
from engine.model.commands import CancelOrders
from engine.model.facts import Fact, OrderIntended
from storage.files import DiskFiles
from storage.journal import read_all
from storage.journal_format import Kind

EVENTS_PER_S: Final = (500, 5_000)
ROUNDS: Final = 100
PORT_ROUNDS: Final = 200
WARM_UP_S: Final = 8
FOCUS_S: Final = 0.1
"""Between the key that leads to the command line and the line."""
SETTLE_S: Final = 0.6
"""Between typing and Enter: the preview must have come."""
WIRE_S: Final = 5
CLEAR: Final = b"\x15"
ENTER: Final = b"\r"


class Parts(NamedTuple):
    """What a round needs."""

    case: str
    hand: Hand
    wire: Heard
    probe: Probe
    wakes: Wakes
    ticket: Ticket = Ticket()


class Spent(NamedTuple):
    """What the rounds of one way took, and how late the machine woke a process meanwhile."""

    orders_ns: list[int]
    wakes_ns: list[int]


def main() -> None:
    """Run the case at both loads."""
    for events_per_s in EVENTS_PER_S:
        _measure(events_per_s)


def _measure(events_per_s: int) -> None:
    case = f"p8 {events_per_s} events/s"
    listener = Listener()
    with TemporaryDirectory() as name:
        folder = DataFolder(Path(name))
        with an_engine(folder.path, events_per_s, INSTRUMENTS, listener.port) as engine:
            hand = Hand(folder.socket)
            time.sleep(WARM_UP_S)
            with Probe(folder.path) as probe, Wakes() as wakes:
                parts = Parts(case, hand, listener, probe, wakes)
                port = by_port(parts, PORT_ROUNDS)
                screen = by_screen(parts, folder, ROUNDS, PAINTED)
            hand.close()
        check_journal(case, folder, listener, ROUNDS + PORT_ROUNDS)
    listener.close()
    told = msgspec.json.decode(engine[1])
    load = {
        "engine_events_per_s": round(told["events_per_s"]),
        "engine_cpu_share": round(told["cpu_share"], 3),
    }
    for way, spent in (("screen", screen), ("port", port)):
        tell_way(f"{case}, by {way}", spent, probe, load)


def tell_way(case: str, spent: Spent, probe: Probe, load: dict[str, Any]) -> None:
    """Print the figures of one way."""
    orders_ns = spent.orders_ns
    slowest = orders_ns.index(max(orders_ns))
    more = {
        "rounds": len(orders_ns),
        "worst_us": orders_ns[slowest] / 1_000,
        "wake_in_worst_us": spent.wakes_ns[slowest] / 1_000,
        **spread("wake", spent.wakes_ns),
        **load,
        **probe.figures,
    }
    tell(
        Result(
            case,
            "us",
            ours=percentile(orders_ns, 0.5) / 1_000,
            reference=probe.limit_ns / 1_000,
            p50_us=percentile(orders_ns, 0.5) / 1_000,
            p99_us=percentile(orders_ns, 0.99) / 1_000,
            versions=versions_of("textual", "msgspec"),
            more=more,
        )
    )


def by_port(parts: Parts, rounds: int) -> Spent:
    """Give orders without a screen."""
    spent = Spent([], [])
    for number in range(rounds):
        parts.probe.sample()
        sent_ns = parts.hand.send(parts.ticket.resting(number))
        _take(spent, parts, sent_ns, lambda: "by the port")
        _take_back(parts.hand, parts.hand.outcome().client_order_ids)
    return spent


def by_screen(parts: Parts, folder: DataFolder, rounds: int, painted: tuple[bytes, ...]) -> Spent:
    """Join with a screen, then each time type a line, let its preview come, and press Enter."""
    terminal = Terminal(ours("cockpit", "attach", str(folder.socket)), 120, 40)
    chance = random.Random(8)
    spent = Spent([], [])
    try:
        if terminal.wait_for(painted, terminal.started_ns, 15) is None:
            fail(parts.case, "a first frame", terminal.tail)
        time.sleep(WARM_UP_S)
        for number in range(rounds):
            parts.probe.sample()
            terminal.press(b":")
            time.sleep(FOCUS_S)
            terminal.press(CLEAR + parts.ticket.line(number).encode())
            time.sleep(SETTLE_S + 0.2 * chance.random())
            pressed_ns = terminal.press(ENTER)
            _take(spent, parts, pressed_ns, lambda: terminal.tail)
            (order,) = parts.wire.names("place", pressed_ns)
            _take_back(parts.hand, (order,))
    finally:
        terminal.close()
    return spent


def _take(spent: Spent, parts: Parts, since_ns: int, tail: Callable[[], str]) -> None:
    """Wait for the order of a round on the wire."""
    told_ns = parts.wire.first("place", since_ns, WIRE_S)
    if told_ns is None:
        fail(parts.case, "an order on the wire", tail())
    spent.orders_ns.append(told_ns - since_ns)
    spent.wakes_ns.append(parts.wakes.worst_ns(since_ns, told_ns))


def _take_back(hand: Hand, client_order_ids: tuple[str, ...]) -> None:
    hand.must(CancelOrders(client_order_ids))


def check_journal(case: str, folder: DataFolder, wire: Heard, count: int) -> None:
    """See that what was on the wire, so many orders, is what the journal holds."""
    decoder = msgspec.msgpack.Decoder(list[Fact])
    kept = {
        fact.client_order_id
        for _, record in read_all(DiskFiles(), folder.journal)
        if record.kind is Kind.FACTS
        for fact in decoder.decode(record.payload)
        if isinstance(fact, OrderIntended)
    }
    left = set(wire.names("place", 0))
    if left != kept or len(left) != count:
        fail(case, sorted(left), sorted(kept))


if __name__ == "__main__":
    main()
