"""Small captures of OKX written by hand, and the venue that plays them in virtual time."""

import json
from pathlib import Path
from typing import Any

from engine.fake.faults import NO_FAULTS, Faults
from engine.fake.okx.scan import scan_okx
from engine.fake.okx.venue import OkxVenue
from engine.fake.rest import HttpAnswer, HttpCall
from engine.fake.streams import StreamSession
from engine.model.numbers import NS_PER_S
from tests.fakes.captures import T0_NS, Recording
from tests.fakes.okx_wire import books, candle_row, push, trade_row, whole
from tests.unit.engine.fake.captures import MemoryOutlet

SPOT = "ABC-USDT"
PUBLIC, BUSINESS = "/ws/v5/public", "/ws/v5/business"
BOOK_LINE = 1


def a_recording(*, has_ids: bool = True) -> Recording:
    """Return a short recording: a book, three changes, a trade, a candle."""
    recording = Recording("okx")
    ids = [(10, 15), (15, 15), (15, 18)] if has_ids else [None] * 3
    recording.raw(whole(10 if has_ids else None, "100x5 99.5x3.25", "100.5x4", symbol=SPOT))
    recording.raw(books(ids[0], bids="100x6", symbol=SPOT))
    recording.raw(push("trades", trade_row(SPOT, ts=str(T0_NS // 10**6)), symbol=SPOT))
    recording.raw(books(ids[1], symbol=SPOT))
    recording.raw(push("candle1m", candle_row(T0_NS // 10**6 // 60_000 * 60_000), symbol=SPOT))
    recording.raw(books(ids[2], bids="99.5x0 98x1", symbol=SPOT))
    return recording


class Rehearsal:
    """A venue in virtual time: the clock moves only when the test says so."""

    def __init__(
        self, capture: Path, *, speed: float = 1, faults: Faults = NO_FAULTS, seed: int = 1
    ) -> None:
        self.now_ns = 1_000 * NS_PER_S
        self.venue = OkxVenue(scan_okx(capture, faults), faults, speed, seed)

    def open(self, target: str = PUBLIC, *channels: str) -> tuple[StreamSession, MemoryOutlet]:
        """Open a websocket and subscribe to channels of the one instrument."""
        address = self.venue.stream_address(target)
        assert address is not None
        outlet = MemoryOutlet()
        session = self.venue.open_stream(address, outlet, self.now_ns)
        if channels:
            self.ask(session, "subscribe", *channels)
        return session, outlet

    def ask(
        self, session: StreamSession, op: str, *channels: str, symbol: str | None = SPOT
    ) -> None:
        """Send a request of a client."""
        args = [{"channel": one} | ({"instId": symbol} if symbol else {}) for one in channels]
        self.say(session, json.dumps({"op": op, "args": args}))

    def say(self, session: StreamSession, text: str) -> None:
        """Send any words of a client."""
        self.venue.on_text(session, text.encode(), self.now_ns)

    def get(self, path: str, method: str = "GET", **query: Any) -> list[HttpAnswer]:
        """Make a request; the answer is in the list once it was given."""
        answers: list[HttpAnswer] = []
        asked = {key: str(value) for key, value in query.items()}
        call = HttpCall(method, f"/api/v5/{path}", asked)
        self.venue.request(call, answers.append, self.now_ns)
        return answers

    def data(self, path: str, **query: Any) -> Any:
        """Make a request of success and return its data."""
        (answer,) = self.get(path, **query)
        told = json.loads(answer.body)
        assert (answer.status, told["code"]) == (200, "0")
        return told["data"]

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


def heard(outlet: MemoryOutlet) -> list[Any]:
    """Return what came: ids of books, first books marked, channels and events of all else."""
    return [_word(text) for text in outlet.texts]


def _word(text: bytes) -> Any:
    if text == b"pong":
        return "pong"
    message = json.loads(text)
    if "event" in message:
        return message["event"] if message["event"] != "error" else message["code"]
    if message["arg"]["channel"] != "books":
        return message["arg"]["channel"]
    seq = message["data"][0].get("seqId")
    return ("whole", seq) if message["action"] == "snapshot" else seq
