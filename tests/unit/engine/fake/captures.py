"""Small captures written by hand, and a strict reader of books that judges what was played."""

import json
from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from engine.fake.binance import BinanceVenue
from engine.fake.capture_scan import scan_capture
from engine.fake.connection import VenueConnection
from engine.fake.faults import NO_FAULTS, Faults
from engine.fake.rest import HttpAnswer, HttpCall
from engine.fake.streams import StreamSession, stream_address
from engine.model.numbers import NS_PER_S

T0_NS = 1_700_000_000 * NS_PER_S
STEP_NS = NS_PER_S // 10
BASES = {"binance_futures": "https://fapi.binance.com/fapi/v1", "binance": "https://api/api/v3"}


class Recording:
    """Collects lines, a tenth of a second apart; `write` makes a file of them."""

    def __init__(self, venue: str = "binance_futures") -> None:
        self.venue = venue
        self.lines: list[dict[str, Any]] = []
        self.raws: list[str] = []

    def add(self, **line: Any) -> int:
        """Add any line; returns its number."""
        self.lines.append(
            {"recv_ns": T0_NS + len(self.lines) * STEP_NS, "venue": self.venue} | line
        )
        self.raws.append(line["raw"])
        return len(self.lines)

    def stream(self, name: str, data: dict[str, Any]) -> int:
        """Add a message of a combined stream."""
        raw = json.dumps({"stream": name, "data": data}, separators=(",", ":"))
        return self.add(transport="ws", dir="in", raw=raw)

    def bare(self, data: dict[str, Any]) -> int:
        """Add a message without the stream's name around it."""
        return self.add(transport="ws", dir="in", raw=json.dumps(data))

    def http(self, path: str, answer: Any) -> int:
        """Add an answer of REST."""
        return self.add(transport="http", url=f"{BASES[self.venue]}/{path}", raw=json.dumps(answer))

    def snapshot(self, last_id: int, bids: str, asks: str, symbol: str = "ABCUSDT") -> int:
        """Add a whole book."""
        answer = {"lastUpdateId": last_id, "bids": levels(bids), "asks": levels(asks)}
        if self.venue == "binance_futures":
            answer |= {"E": 7, "T": 6}
        return self.http(f"depth?symbol={symbol}&limit=1000", answer)

    def depth(self, ids: tuple[int, int, int], bids: str = "", asks: str = "") -> int:
        """Add a change of ABCUSDT's book; `ids` are U, u and pu."""
        first, last, previous = ids
        data = {"e": "depthUpdate", "E": last, "s": "ABCUSDT", "U": first, "u": last}
        if self.venue == "binance_futures":
            data |= {"T": last - 1, "pu": previous}
        return self.stream("abcusdt@depth@100ms", data | {"b": levels(bids), "a": levels(asks)})

    def trade(self, price: str, size: str, at_ms: int, **more: Any) -> int:
        """Add a trade of ABCUSDT, a taker's purchase."""
        data = {"e": "trade", "E": at_ms, "T": at_ms, "s": "ABCUSDT", "t": len(self.lines)}
        return self.stream("abcusdt@trade", data | {"p": price, "q": size, "m": False} | more)

    def write(self, folder: Path) -> Path:
        """Write the file and return its path."""
        path = folder / "capture.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in self.lines))
        return path


def levels(text: str) -> list[list[str]]:
    """Return `"100x5 99x3"` as price and size texts."""
    return [item.split("x") for item in text.split()]


def a_recording(venue: str = "binance_futures") -> Recording:
    """Return a short recording: a change too old, a book, three changes, a trade."""
    recording = Recording(venue)
    recording.depth((8, 10, 7), bids="99.0x9.00")
    recording.snapshot(12, bids="100.0x5.00 99.5x3.25", asks="100.5x4.00 101.0x1.00")
    recording.depth((11, 13, 10), bids="100.0x6.00")
    recording.depth((15, 16, 13) if venue == "binance_futures" else (14, 16, 0), asks="100.5x0.00")
    recording.trade("101.0", "0.50", T0_NS // 1_000_000)
    recording.depth((17, 18, 16), bids="98.0x1.00")
    return recording


def only_answer(answers: list[HttpAnswer]) -> Any:
    """Return the content of the one answer."""
    assert len(answers) == 1
    return json.loads(answers[0].body)


class MemoryOutlet:
    """A websocket's far end that keeps what it gets."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.pings: list[bytes] = []
        self.closed: int | None = None

    def send_text(self, text: bytes) -> None:
        """Keep a message."""
        self.texts.append(text)

    def send_ping(self, payload: bytes) -> None:
        """Keep a ping."""
        self.pings.append(payload)

    def close(self, code: int, reason: str = "") -> None:
        """Note the code."""
        self.closed = code


class MemoryTransport:
    """Carries bytes nowhere."""

    def __init__(self) -> None:
        self.sent = b""
        self.unread = 0
        self.ended = ""

    def write(self, data: bytes) -> None:
        """Keep bytes."""
        assert not self.ended, "nothing is written to an ended connection"
        self.sent += data

    def pending(self) -> int:
        """Say what the test wants said."""
        return self.unread

    def close(self) -> None:
        """Note it."""
        self.ended = self.ended or "close"

    def expect_close(self) -> None:
        """Note it."""
        self.ended = self.ended or "expected"

    def abort(self) -> None:
        """Note it."""
        self.ended = self.ended or "abort"


class Rehearsal:
    """A venue in virtual time: the clock moves only when the test says so."""

    def __init__(
        self, capture: Path, *, speed: float = 1, faults: Faults = NO_FAULTS, seed: int = 1
    ) -> None:
        self.now_ns = 1_000 * NS_PER_S
        self.venue = BinanceVenue(scan_capture(capture, faults), faults, speed, seed)

    def open(self, target: str) -> tuple[StreamSession, MemoryOutlet]:
        """Open a websocket."""
        address = stream_address(self.venue.venue, target)
        assert address is not None
        outlet = MemoryOutlet()
        return self.venue.open_stream(address, outlet, self.now_ns), outlet

    def say(self, session: StreamSession, **message: Any) -> None:
        """Send a message of a client."""
        self.venue.on_text(session, json.dumps(message).encode(), self.now_ns)

    def get(self, path: str, method: str = "GET", **query: Any) -> list[HttpAnswer]:
        """Make a request; the answer is in the list once it was given."""
        answers: list[HttpAnswer] = []
        call = HttpCall(method, path, {key: str(value) for key, value in query.items()})
        self.venue.request(call, answers.append, self.now_ns)
        return answers

    def depth(self, limit: int = 1_000) -> list[HttpAnswer]:
        """Ask for ABCUSDT's book."""
        prefix = "/fapi/v1" if self.venue.venue == "binance_futures" else "/api/v3"
        return self.get(f"{prefix}/depth", symbol="ABCUSDT", limit=limit)

    def run(self, seconds: float) -> None:
        """Let time pass; everything happens exactly when it is due."""
        end_ns = self.now_ns + int(seconds * NS_PER_S)
        while True:
            due_ns = self.venue.next_due_ns(can_play=True)
            if due_ns is None or due_ns > end_ns:
                break
            self.now_ns = max(self.now_ns, due_ns)
            self.venue.advance(self.now_ns)
            self.venue.play_line(self.now_ns)
        self.now_ns = end_ns

    def connection(self) -> tuple[VenueConnection, MemoryTransport]:
        """Open a connection of bytes."""
        transport = MemoryTransport()
        return VenueConnection(self.venue, transport), transport


class StrictBook:
    """Follows one futures symbol by the venue's rules; the first breach makes it wait."""

    def __init__(self) -> None:
        self.is_live = False
        self.is_bridged = False
        self.breaches: list[dict[str, Any]] = []
        self.last_id = 0
        self.waiting: list[dict[str, Any]] = []
        self.sides: dict[str, dict[Decimal, Decimal]] = {"b": {}, "a": {}}

    def load(self, snapshot: dict[str, Any]) -> bool:
        """Start from a whole book; False when it is older than everything known."""
        last_id = snapshot["lastUpdateId"]
        waiting = [event for event in self.waiting if event["u"] >= last_id]
        if waiting and waiting[0]["U"] > last_id:
            return False
        self.last_id, self.waiting = last_id, []
        self.sides = {"b": {}, "a": {}}
        self._change({"b": snapshot["bids"], "a": snapshot["asks"]})
        self.is_live, self.is_bridged = True, False
        return all(self.take(event) for event in waiting)

    def take(self, event: dict[str, Any]) -> bool:
        """Take in a change; False when a new whole book is needed."""
        if not self.is_live:
            self.waiting.append(event)
            return True
        if not self.is_bridged and event["u"] < self.last_id:
            return True
        follows = event["pu"] == self.last_id
        bridges = not self.is_bridged and event["U"] <= self.last_id <= event["u"]
        if not (follows or bridges):
            self.breaches.append(event)
            self.is_live, self.waiting = False, [event]
            return False
        self._change(event)
        self.last_id, self.is_bridged = event["u"], True
        return True

    def sha256_top(self, count: int | None) -> str:
        """Return the hash that the expected results use."""
        bids = sorted(self.sides["b"].items(), reverse=True)[:count]
        return book_hash(bids, sorted(self.sides["a"].items())[:count])

    def _change(self, event: dict[str, Any]) -> None:
        for name, side in self.sides.items():
            for price, size in event[name]:
                side[Decimal(price)] = Decimal(size)
                if not Decimal(size):
                    del side[Decimal(price)]


def book_hash(
    bids: Iterable[tuple[Decimal, Decimal]], asks: Iterable[tuple[Decimal, Decimal]]
) -> str:
    """Return SHA-256 of the levels in the form of the expected results."""

    def text(side: Iterable[tuple[Decimal, Decimal]]) -> str:
        return ",".join(f"{price.normalize():f}:{size.normalize():f}" for price, size in side)

    return sha256(f"bids={text(bids)};asks={text(asks)}".encode()).hexdigest()
