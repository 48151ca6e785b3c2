"""Whatever is done to real frames: refused, or events that the kernel can take."""

from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.kernel.kernel import Kernel
from engine.model.envelope import Envelope, Event, RunStarted
from engine.model.errors import VenuePayloadError
from engine.venues.base import MarketWire
from engine.venues.okx.recorded import kind_of
from engine.venues.registry import venue_named
from tests.fakes import okx_wire as okx
from tests.fakes.binance_wire import ENDPOINTS, depth, trade
from tests.fakes.captures import first_frames, kline_data, text
from tests.fakes.damage import digits_changed, integers, spoilt

MADE = [trade(), depth(bids=[["1", "2"]]), text({"stream": "x@kline_1m", "data": kline_data("1m")})]
BOOKS_URL = "https://www.okx.com/api/v5/market/books?instId=ABC-USDT-SWAP&sz=400"
LIST_URL = "https://www.okx.com/api/v5/public/instruments?instType=SWAP"
ASKED = {"asks": okx.rows("101x1"), "bids": okx.rows("99x1"), "ts": "1", "seqId": 10}
MADE_OKX = [
    (okx.whole(10, "99x1 98x2"), ""),
    (okx.books((10, 12), "99x1.5", checksum=5), ""),
    (okx.push("candle1m", okx.candle_row(60_000)), ""),
    (okx.push("funding-rate", {"instId": okx.SWAP, "fundingRate": "0.1", "fundingTime": "9"}), ""),
    (okx.answer(ASKED), BOOKS_URL),
    (okx.answer(okx.linear(), okx.inverse()), LIST_URL),
]
FEW = settings(max_examples=120)


@cache
def real_frames(folder: Path) -> list[tuple[str, bytes, str]]:
    """Return venue, message and, of an answer, its URL: some of each kind of each capture."""
    found = [("binance_futures", message.encode(), "") for message in MADE]
    found += [("okx", message.encode(), url) for message, url in MADE_OKX]
    for name in (
        "binance_futures",
        "binance_futures_btcusdt_20240808",
        "binance_spot_ethusdt_20240808",
        "okx",
    ):
        kinds: dict[str, int] = {}
        for frame in first_frames(folder / "captures" / f"{name}.jsonl.gz", 400):
            _, kind = kind_of(frame.raw) if frame.venue == "okx" else ("", "")
            kind += frame.raw[:40].partition("@")[2][:6] + frame.url[-25:]
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] <= 2 and len(frame.raw) < 20_000 and frame.direction in {"in", ""}:
                url = frame.url if frame.transport == "http" else ""
                found.append((frame.venue, frame.raw.encode(), url))
    return found


def wire_of(venue: str) -> MarketWire:
    make = venue_named(venue).wire
    assert make is not None
    return make(ENDPOINTS)


class Taker:
    """A wire and a kernel behind it."""

    def __init__(self, venue: str) -> None:
        self.wire = wire_of(venue)
        self.kernel = Kernel()
        self._step(RunStarted("fuzz", "1"))

    def take(self, message: str | bytes, url: str) -> bool:
        """Hand over a frame or an answer; return whether it was taken."""
        try:
            events = self._events(message, url)
        except VenuePayloadError:
            return False
        for event in events:
            assert all(-1 <= number < 2**63 for number in integers(event))
            msgspec.msgpack.encode(event)
            self._step(event)
        return True

    def _events(self, message: str | bytes, url: str) -> list[Event]:
        if not url:
            return list(self.wire.receive(message, 0))
        request = self.wire.recorded_request(url)
        return list(self.wire.receive_answer(request, 200, message, 0)) if request else []

    def _step(self, event: Event) -> None:
        self.kernel.step(Envelope(self.kernel.state.seq + 1, 1, "feed:fuzz", event))


@pytest.mark.parametrize("venue", ["binance_futures", "binance", "okx"])
@pytest.mark.parametrize("damage", [spoilt, digits_changed], ids=lambda one: one.__name__)
def test_damaged_frames_are_refused_or_give_events_within_bounds(
    damage, venue: str, shared_dir: Path
):
    frames = [(raw, url) for of, raw, url in real_frames(shared_dir) if of == venue]
    outcomes = set()

    @FEW
    @given(seed=st.integers(0, 2**64))
    def check(seed: int) -> None:
        chance = Random(seed)
        taker = Taker(venue)
        for _ in range(4):
            raw, url = chance.choice(frames)
            if chance.random() < 0.7:
                other, _ = chance.choice(frames)
                raw = damage(raw, other, chance) if damage is spoilt else damage(raw, chance)
            outcomes.add(taker.take(raw, url))
            outcomes.add(taker.take(raw.decode("utf-8", "surrogateescape"), url))
        assert len(taker.kernel.step_digest()) == 64

    check()

    assert outcomes == {True, False}


@settings(max_examples=200)
@given(message=st.one_of(st.text(max_size=200), st.binary(max_size=200)), url=st.text(max_size=60))
@pytest.mark.parametrize("venue", ["binance", "okx"])
def test_noise_is_refused_or_says_nothing(venue: str, message: str | bytes, url: str):
    wire = wire_of(venue)

    with suppress(VenuePayloadError):
        assert list(wire.receive(message, 0)) == []
    with suppress(VenuePayloadError):
        wire.recorded_request(url)


def test_every_real_frame_is_taken(shared_dir: Path):
    takers = {venue: Taker(venue) for venue in ("binance_futures", "binance", "okx")}

    frames = real_frames(shared_dir)[len(MADE) + len(MADE_OKX) :]

    assert len(frames) > 20
    assert all(takers[venue].take(raw, url) for venue, raw, url in frames)
