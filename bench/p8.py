"""P8: from Enter on the command line to the order on a loopback socket, its facts synced before.

The real screen in a pseudo-terminal, the real engine of another process with its journal on the
disk, 20 simulated instruments; the wire is that of `bench.told`. `ours` is the median; the
reference is a synced append and one hop between processes, measured between the rounds, so
`ratio_limit` says how many times that it takes. The same orders also go in by the port without a
screen: what the screen adds is the difference. Each order is cancelled again; at the end the
journal must hold every order that was on the wire.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from bench.hand import SIZE, Hand, resting
from bench.p10 import INSTRUMENTS, PAINTED, an_engine
from bench.probe import Probe
from bench.result import Result, fail, tell, versions_of
from bench.side import ours, percentile
from bench.terminal import Terminal
from bench.told import Listener
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
PRICE: Final = 58_000
"""Far behind the market, and another one each round: the gate refuses the same order again."""


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
            with Probe(folder.path) as probe:
                by_port = _by_port(case, hand, listener, probe)
                terminal = Terminal(ours("cockpit", "attach", str(folder.socket)), 120, 40)
                try:
                    by_screen = _by_screen(case, terminal, (hand, listener, probe))
                finally:
                    terminal.close()
            hand.close()
        _check_journal(case, folder, listener)
    listener.close()
    told = msgspec.json.decode(engine[1])
    load = {
        "engine_events_per_s": round(told["events_per_s"]),
        "engine_cpu_share": round(told["cpu_share"], 3),
        **probe.figures,
    }
    for way, spent in (("screen", by_screen), ("port", by_port)):
        _tell(f"{case}, by {way}", spent, probe, load)


def _tell(case: str, spent_ns: list[int], probe: Probe, load: dict[str, Any]) -> None:
    tell(
        Result(
            case,
            "us",
            ours=percentile(spent_ns, 0.5) / 1_000,
            reference=probe.limit_ns / 1_000,
            p50_us=percentile(spent_ns, 0.5) / 1_000,
            p99_us=percentile(spent_ns, 0.99) / 1_000,
            versions=versions_of("textual", "msgspec"),
            more={"rounds": len(spent_ns), "worst_us": max(spent_ns) / 1_000, **load},
        )
    )


def _by_port(case: str, hand: Hand, listener: Listener, probe: Probe) -> list[int]:
    spent = []
    for number in range(PORT_ROUNDS):
        probe.sample()
        sent_ns = hand.send(resting(f"{PRICE - number}.0"))
        spent.append(_until(listener, sent_ns, case, lambda: "by the port") - sent_ns)
        _take_back(hand, hand.outcome().client_order_ids)
    return spent


def _by_screen(case: str, terminal: Terminal, parts: tuple[Hand, Listener, Probe]) -> list[int]:
    """Type a line, let its preview come, press Enter, and see the order leave."""
    hand, listener, probe = parts
    chance = random.Random(8)
    if terminal.wait_for(PAINTED, terminal.started_ns, 15) is None:
        fail(case, "a first frame", terminal.tail)
    time.sleep(WARM_UP_S)
    spent = []
    for number in range(ROUNDS):
        probe.sample()
        line = f"buy {SIZE} btc @ {PRICE + 1 + number} post"
        terminal.press(b":")
        time.sleep(FOCUS_S)
        terminal.press(CLEAR + line.encode())
        time.sleep(SETTLE_S + 0.2 * chance.random())
        pressed_ns = terminal.press(ENTER)
        spent.append(_until(listener, pressed_ns, case, lambda: terminal.tail) - pressed_ns)
        (order,) = listener.names("place", pressed_ns)
        _take_back(hand, (order,))
    return spent


def _until(listener: Listener, since_ns: int, case: str, tail: Callable[[], str]) -> int:
    told_ns = listener.first("place", since_ns, WIRE_S)
    if told_ns is None:
        fail(case, "an order on the wire", tail())
    return told_ns


def _take_back(hand: Hand, client_order_ids: tuple[str, ...]) -> None:
    hand.must(CancelOrders(client_order_ids))


def _check_journal(case: str, folder: DataFolder, listener: Listener) -> None:
    decoder = msgspec.msgpack.Decoder(list[Fact])
    kept = {
        fact.client_order_id
        for _, record in read_all(DiskFiles(), folder.journal)
        if record.kind is Kind.FACTS
        for fact in decoder.decode(record.payload)
        if isinstance(fact, OrderIntended)
    }
    left = set(listener.names("place", 0))
    if left != kept or len(left) != ROUNDS + PORT_ROUNDS:
        fail(case, sorted(left), sorted(kept))


if __name__ == "__main__":
    main()
