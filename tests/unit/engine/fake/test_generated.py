"""A generated market is a capture like any other, in Binance's words."""

import json
from itertools import islice

import pytest

from engine.fake.faults import Disconnect, Faults
from engine.fake.generated import GeneratedMarket
from engine.fake.server import FakeVenue, generated_venue
from engine.model.errors import ConfigError
from tests.unit.engine.fake.captures import MemoryOutlet, StrictBook

START_NS = 1_700_000_040_000_000_000


def test_its_deltas_join_by_the_venues_rules():
    book = StrictBook()
    for frame in islice(GeneratedMarket(1, START_NS).frames(), 3_000):
        tree = json.loads(frame.raw)
        if "symbol=BTCUSDT" in frame.url:
            book.load(tree)
        elif tree.get("stream") == "btcusdt@depth@100ms":
            assert book.take(tree["data"])

    assert book.is_bridged
    assert book.breaches == []


def test_same_seed_and_start_same_market():
    one, other, third = (
        [frame.raw for frame in islice(GeneratedMarket(seed, START_NS).frames(), 200)]
        for seed in (1, 1, 2)
    )

    assert one == other
    assert one != third


def test_every_stream_that_the_engine_reads_is_there():
    kinds = {
        json.loads(frame.raw)["stream"].partition("@")[2]
        for frame in islice(GeneratedMarket(1, START_NS).frames(), 2_000)
        if not frame.url
    }

    expected = {"depth@100ms", "bookTicker", "trade", "aggTrade", "markPrice@1s", "kline_1m"}
    assert kinds == expected


def test_it_can_be_watched_and_traded():
    venue = generated_venue(Faults(), 1.0, 1, START_NS)
    outlet = MemoryOutlet()
    address = venue.stream_address("/public/stream?streams=btcusdt@depth@100ms")
    assert address is not None
    venue.open_stream(address, outlet, 0)
    for now_ns in range(0, 3 * 10**9, 10**7):
        venue.advance(now_ns)
        is_due = True
        while is_due:
            is_due = venue.play_line(now_ns)

    assert venue.trading is not None
    assert venue.trading.exchange.desk.floor.best("binance_futures:BTCUSDT", is_bid=True)  # type: ignore[arg-type]  # a plain name
    assert venue.kline_rows("BTCUSDT", "1m")
    assert venue.counters.frames_sent > 10


def test_faults_that_need_recorded_lines_are_refused():
    with pytest.raises(ConfigError, match="swap or repeat line 5"):
        generated_venue(Faults(repeat_lines=(5,)), 1.0, 1, START_NS)
    generated_venue(Faults(disconnect_at_line=(Disconnect(5),)), 1.0, 1, START_NS)


def test_it_has_no_end_to_run_to():
    with pytest.raises(ConfigError, match="no end"):
        FakeVenue(None, speed=0)
