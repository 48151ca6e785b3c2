"""Streams that go bad on real sockets: silent although acknowledged, half open, cut."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.fake.faults import Drop, Faults
from engine.fake.server import FakeVenue
from engine.kernel.freshness import book_freshness
from engine.kernel.second_source import CHECK_TIMER
from engine.kernel.state import InstrumentState
from engine.model import commands as c
from engine.model.envelope import TimerFired
from engine.model.instrument import InstrumentId
from engine.runtime.host import EngineHost
from engine.venues.base import Endpoints
from tests.e2e.engines import engine_on, until
from tests.e2e.moving_market import a_moving_market, expose
from tests.e2e.relay import Relay, relay_to

pytestmark = pytest.mark.slow

BTC = InstrumentId("binance_futures:BTCUSDT")
CAPTURE = "captures/binance_futures_btcusdt_20240808.jsonl.gz"


@asynccontextmanager
async def behind_a_relay(
    shared_dir: Path, muted: str = ""
) -> AsyncIterator[tuple[EngineHost, Relay]]:
    """Run an engine on a capture at its own pace, through a relay."""
    async with (
        FakeVenue(shared_dir / CAPTURE, speed=1.0) as venue,
        relay_to(venue.stream_url) as relay,
    ):
        relay.muted = muted
        endpoints = Endpoints(rest=venue.rest_url, stream=relay.url)
        async with engine_on("binance_futures", endpoints, ("BTCUSDT",)) as host:
            await until(lambda: BTC in host.state.instruments, "the instrument")
            yield host, relay


def market(host: EngineHost) -> InstrumentState:
    return host.state.instruments[BTC]


def is_live(host: EngineHost) -> bool:
    return market(host).book.state == "live"


def notes(host: EngineHost) -> str:
    return "\n".join(notice.text for notice in host.state.notices)


async def test_a_book_that_is_acknowledged_and_silent_is_asked_for_until_it_comes(shared_dir: Path):
    async with behind_a_relay(shared_dir, muted="depth") as (host, relay):
        await until(lambda: host.state.silent_streams > 0, "the silence is noticed")
        assert market(host).book.state == "waiting"
        assert "btcusdt@depth@100ms is silent, subscribed again" in notes(host)

        relay.muted = ""

        await until(lambda: is_live(host), "the book is live")
        asked = [text for text in relay.said if "depth" in text]
        assert ["UNSUB" in text for text in asked][:3] == [False, True, False]


async def test_a_book_that_stands_still_while_its_market_moves_is_never_shown_as_good(
    shared_dir: Path,
):
    async with behind_a_relay(shared_dir) as (host, relay):
        await until(lambda: is_live(host), "the book is live")
        relay.muted = "depth"

        await until(lambda: not is_live(host), "the book is ended")
        assert market(host).book.note == "its stream stands still, its market moves"
        assert relay.connects == 2
        relay.muted = ""

        await until(lambda: is_live(host), "the book is live again")
        await until(lambda: "UNSUBSCRIBE" in "".join(relay.said), "it was subscribed anew")


async def test_a_half_open_connection_whose_pings_are_answered_lets_no_risk_through(
    shared_dir: Path,
):
    async with behind_a_relay(shared_dir) as (host, relay):
        await until(lambda: is_live(host), "the book is live")
        relay.is_frozen = True

        def freshness() -> str:
            now_ns = host.state.ts_ns
            return book_freshness(host.state, market(host), now_ns)

        await until(lambda: freshness() == "stale", "the book is stale")
        assert all(connection.is_up for connection in host.state.connections.values())

        relay.is_frozen = False
        relay.cut()
        await until(lambda: is_live(host) and freshness() == "fresh", "the book is good again")


async def test_an_instrument_is_left_and_taken_up_again_on_the_open_connections(shared_dir: Path):
    capture = shared_dir / "captures/binance_futures.jsonl.gz"
    async with FakeVenue(capture, speed=1.0) as venue, relay_to(venue.stream_url) as relay:
        one, two = "CTKUSDT", "KEEPUSDT"
        key = InstrumentId(f"binance_futures:{two}")
        endpoints = Endpoints(rest=venue.rest_url, stream=relay.url)
        async with engine_on("binance_futures", endpoints, (one, two)) as host:
            await until(lambda: relay.connects == 2 and len(relay.said) == 2, "subscribed")

            host.command("me", a_line(c.UnwatchInstrument(key)))
            await until(lambda: len(relay.said) == 4, "both connections were told")
            assert key not in host.state.instruments

            host.command("me", a_line(c.WatchInstrument(two)))
            await until(lambda: len(relay.said) == 6, "both connections were told again")
            assert key in host.state.instruments
            assert relay.connects == 2


async def test_trades_missed_by_a_cut_are_fetched_and_the_candles_are_whole(shared_dir: Path):
    async with behind_a_relay(shared_dir) as (host, relay):
        await until(lambda: market(host).tape.total > 20, "trades")
        before = market(host).flow.last_id
        relay.cut()

        await until(lambda: market(host).flow.hole is not None, "the loss is noticed")
        await until(lambda: market(host).flow.hole is None, "the hole is closed")

        assert "missed trades fetched" in notes(host)
        assert host.state.trade_gaps == 0
        assert market(host).flow.last_id > before


async def test_a_stream_that_is_frozen_though_it_looks_alive_is_found_by_two_checks(tmp_path: Path):
    capture = a_moving_market(tmp_path, "binance_futures", moves_at=20)
    key = InstrumentId("binance_futures:ABCUSDT")
    async with FakeVenue(capture, speed=1.0) as venue, relay_to(venue.stream_url) as relay:
        endpoints = Endpoints(rest=venue.rest_url, stream=relay.url)
        async with engine_on("binance_futures", endpoints, ("ABCUSDT",)) as host:
            await until(lambda: key in host.state.instruments, "the instrument")
            stock = host.state.instruments[key]
            await until(lambda: stock.book.state == "live", "the book is live")
            expose(host, key)
            relay.muted = "depth"
            await until(lambda: "110.0" in venue.book("ABCUSDT").bids, "the market has moved")
            assert book_freshness(host.state, stock, host.state.ts_ns) == "fresh"

            host.report("timer", TimerFired(CHECK_TIMER, host.state.ts_ns))
            await until(lambda: stock.second_bad == 1, "the first check")
            assert stock.book.state == "live"

            host.report("timer", TimerFired(CHECK_TIMER, host.state.ts_ns))
            await until(lambda: "second source" in notes(host), "the second check")
            await until(lambda: stock.book.state == "live", "a whole book by request")
            assert stock.is_mute


async def test_trades_that_a_stream_loses_and_repeats_are_there_once(shared_dir: Path):
    faults = Faults(
        drop=(Drop(stream="btcusdt@trade", share=0.3),), repeat_lines=tuple(range(500, 2_000))
    )
    async with FakeVenue(shared_dir / CAPTURE, speed=1.0, faults=faults) as venue:
        endpoints = Endpoints(rest=venue.rest_url, stream=venue.stream_url)
        async with engine_on("binance_futures", endpoints, ("BTCUSDT",)) as host:
            await until(lambda: BTC in host.state.instruments, "the instrument")
            flow = market(host).flow
            await until(lambda: flow.fetched > 50 and flow.repeated > 50, "lost and repeated")
            assert host.state.trade_gaps == 0


def a_line(action: c.Action) -> c.OperatorCommand:
    return c.OperatorCommand(1, "me", "a line", (action,), 3)
