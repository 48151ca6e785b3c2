"""A whole engine against the fake venues in virtual time: what would take minutes to wait for."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from engine.fake.faults import NO_FAULTS, DayCut, Drop, Faults
from engine.fake.server import venue_of
from engine.kernel.freshness import book_freshness
from engine.model.instrument import InstrumentId, instrument_id
from engine.runtime.host import EngineHost
from engine.runtime.virtual_loop import run
from tests.e2e.moving_market import a_moving_market, expose
from tests.e2e.resync import ETH, LOST, engine_in_memory, resyncs, share_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("venue", ["binance", "binance_futures"])
def test_a_stream_that_is_frozen_though_it_looks_alive_is_found_by_the_second_source(
    tmp_path: Path, venue: str
):
    capture = a_moving_market(tmp_path, venue, moves_at=100)
    key = instrument_id(venue, "ABCUSDT")

    async def scenario() -> None:
        core = venue_of(capture, NO_FAULTS, speed=1, seed=1)
        async with engine_in_memory(core, ("ABCUSDT",)) as (host, network):
            await asyncio.sleep(5)
            market = host.state.instruments[key]
            assert market.book.state == "live"
            expose(host, key)
            network.passes = lambda message: "@depth" not in message
            frozen_ns = host.state.ts_ns

            while market.book.note != "a second source shows another price":
                assert host.state.ts_ns - frozen_ns < 65_000_000_000
                await asyncio.sleep(0.1)

            await asyncio.sleep(1)
            assert market.book.best_bid == (110, 5)
            assert book_freshness(host.state, market, host.state.ts_ns) == "stale"
            network.passes = lambda message: "@bookTicker" not in message
            await asyncio.sleep(1)
            assert market.book.best_bid == (110, 5)
            assert book_freshness(host.state, market, host.state.ts_ns) == "fresh"

    run(scenario)


def test_lost_changes_cost_a_book_less_than_two_seconds(shared_dir: Path):
    spans_s = resyncs(shared_dir / "captures" / ETH, LOST, ("ETHUSDT",), seed=1)

    assert len(spans_s) >= 100
    assert share_of(spans_s, 0.99) <= 2


def test_trades_that_a_stream_loses_are_all_fetched(shared_dir: Path):
    capture = shared_dir / "captures" / ETH
    faults = Faults(drop=(Drop(stream="ethusdt@trade", share=0.1, to_line=10_000),))

    async def scenario(faults: Faults) -> tuple[EngineHost, int]:
        core = venue_of(capture, faults, speed=1, seed=1)
        async with engine_in_memory(core, ("ETHUSDT",)) as (host, _):
            while core.counters.lines_played < 12_000:  # noqa: ASYNC110 - time is virtual
                await asyncio.sleep(1)
            return host, core.counters.frames_dropped

    def candles(host: EngineHost) -> list[tuple[int, ...]]:
        market = host.state.instruments[InstrumentId("binance:ETHUSDT")]
        return list(market.candles.series[60].own_rows())

    (whole, _), (holed, dropped) = (run(partial(scenario, one)) for one in (NO_FAULTS, faults))

    assert dropped > 100
    assert holed.state.trade_gaps == 0
    assert holed.state.instruments[InstrumentId("binance:ETHUSDT")].flow.fetched == dropped
    assert candles(holed) == candles(whole)


@pytest.mark.parametrize("venue", ["binance", "binance_futures"])
def test_a_planned_end_costs_a_moment_and_nothing_where_the_venue_says_so_before(
    tmp_path: Path, venue: str
):
    capture = a_moving_market(tmp_path, venue)
    faults = Faults(day_cut_at_line=(DayCut(400),))

    async def scenario() -> tuple[list[float], list[str], int]:
        core = venue_of(capture, faults, speed=1, seed=1)
        async with engine_in_memory(core, ("ABCUSDT",)) as (host, network):
            await asyncio.sleep(50)
            said = [notice.text for notice in host.state.notices]
            return host.spans_s, said, network.connects

    spans_s, said, connects = run(scenario)

    if venue == "binance":
        assert (spans_s, connects) == ([], 2)
        assert "connection lost" not in said
    else:
        assert len(spans_s) == 1
        assert spans_s[0] <= 2
        assert connects == 4
