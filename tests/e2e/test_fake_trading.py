"""Orders at the fake venue over real sockets: real transport and wire, a played market."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from engine.fake.faults import Faults, load_faults
from engine.fake.server import FakeVenue
from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.exchange import FakeExchange
from engine.fake.trading.hands import Hands
from engine.model.account import OrderAnswered, OrderSeen
from engine.model.errors import VenueUnreachable
from engine.model.instrument import Instrument, InstrumentId
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import OrderIntent, OrderSpec, OrderType, Side
from engine.runtime.transport import NetworkLimits, NetworkTransport, SocketLink
from engine.venues.base import Endpoints
from engine.venues.binance.trade_wire import BinanceTradeWire
from engine.venues.trading import Credentials, TradeAnswer, TradeRequest
from tests.e2e.engines import WAIT_S, engine_on, until

pytestmark = pytest.mark.slow  # Each opens a capture of its own.

SYMBOL = "SUSHIUSDT"
SUSHI = InstrumentId(f"binance_futures:{SYMBOL}")
LOTS = QtyLots(3)
MINUTE_NS = 60 * NS_PER_S
SHORT_S = 5.0
"""Patience of somebody whose answers are lost on purpose."""


class Trader:
    """Somebody who trades over sockets."""

    def __init__(self, venue: FakeVenue, patience_s: float) -> None:
        assert venue.trading is not None
        self.exchange: FakeExchange = venue.trading
        self.network = NetworkTransport(NetworkLimits(quiet_s=patience_s, request_s=patience_s))
        endpoints = Endpoints(rest=venue.rest_url, stream=venue.stream_url)
        self.wire = BinanceTradeWire(endpoints, Credentials(TEST_KEY, TEST_SECRET))
        rules = self.exchange.desk.rules[SYMBOL]
        self.wire.learn(
            Instrument(
                SUSHI, "previous_id", rules.base, "USDT", rules.tick, rules.step, is_trading=True
            )
        )

    async def ask(self, request: TradeRequest) -> tuple[TradeAnswer, bytes]:
        """Ask the venue, in its own time."""
        now_ns = await self.venue_ns() if request.is_signed else 0
        reply = await self.network.request(self.wire.sign(request, now_ns), lambda: None)
        answer = self.wire.decode(request, reply.status, reply.headers, reply.body, now_ns)
        return answer, reply.body

    async def venue_ns(self) -> int:
        """Return the time that the venue tells."""
        reply = await self.network.request(self.wire.sign(self.wire.time(), 0), lambda: None)
        return self.wire.venue_time_ns(reply.body)

    async def place(self, name: str, side: Side = "buy", ticks: int | None = None) -> TradeAnswer:
        """Place an order for three lots."""
        kind: OrderType = "market" if ticks is None else "limit"
        limit = None if ticks is None else PriceTicks(ticks)
        spec = OrderSpec(SUSHI, side, kind, LOTS, limit)
        return (await self.ask(self.wire.place(name, OrderIntent(spec))))[0]

    async def listen(self) -> SocketLink:
        """Open the private stream."""
        opening = self.wire.open_stream()
        assert opening is not None
        plan = self.wire.stream_plan((await self.ask(opening))[1])
        return await self.network.connect(plan.url)

    async def heard(self, link: SocketLink, count: int) -> list[OrderAnswered]:
        """Wait for so many things said of orders."""
        told: list[OrderAnswered] = []
        while len(told) < count:
            events = self.wire.receive(await link.receive(), 0)
            told += [event for event in events if isinstance(event, OrderAnswered)]
        return told


@asynccontextmanager
async def trading(shared_dir: Path, faults: Faults | Path | None = None) -> AsyncIterator[Trader]:
    """Play a market until it has a book, and let somebody trade in it."""
    capture = shared_dir / "captures/binance_futures.jsonl.gz"
    async with FakeVenue(capture, faults=faults, clock=time.time_ns) as venue:
        trader = Trader(venue, WAIT_S if faults is None else SHORT_S)
        venue.start()
        floor = trader.exchange.desk.floor
        await until(lambda: floor.best(SUSHI, is_bid=True) is not None, "a book")
        try:
            yield trader
        finally:
            await trader.network.close()


async def test_an_order_is_filled_by_the_played_book_and_told(shared_dir: Path):
    async with trading(shared_dir) as trader:
        link = await trader.listen()

        answer = await trader.place("a")
        told = await trader.heard(link, 2)
        seen, _ = await trader.ask(trader.wire.query("a", SUSHI, "market"))

        assert answer.verdict == "confirmed"
        [fill] = told[-1].fills
        [trade] = trader.exchange.account.trades
        assert (fill.trade_id, fill.fee) == (str(trade.trade_id), trade.fee)
        [order] = seen.rows
        assert isinstance(order, OrderSeen)
        assert (order.state, order.filled_lots) == ("filled", LOTS)


async def test_a_resting_order_is_amended_canceled_and_gone(shared_dir: Path):
    async with trading(shared_dir) as trader:
        link = await trader.listen()
        best = trader.exchange.desk.floor.best(SUSHI, is_bid=True)
        assert best is not None
        await trader.place("a", ticks=best[0] - 500)
        spec = OrderSpec(SUSHI, "buy", "limit", LOTS, PriceTicks(best[0] - 500))
        amend = trader.wire.amend("a", OrderIntent(spec), PriceTicks(best[0] - 600), LOTS)

        changed, _ = await trader.ask(amend)
        canceled, _ = await trader.ask(trader.wire.cancel("a", SUSHI, "limit"))
        told = await trader.heard(link, 3)

        assert (changed.verdict, canceled.verdict) == ("confirmed", "confirmed")
        assert [one.order.state for one in told if one.order] == ["open", "open", "canceled"]
        assert trader.exchange.desk.open_orders() == []


async def test_the_market_and_the_account_share_one_count_of_weight(shared_dir: Path):
    async with trading(shared_dir) as trader:
        while True:
            minute = time.time_ns() // MINUTE_NS
            before, _ = await trader.ask(trader.wire.time())
            asked = await trader.network.get(
                f"{_origin(trader)}/fapi/v1/depth?symbol={SYMBOL}&limit=1000"
            )
            after, _ = await trader.ask(trader.wire.time())
            if time.time_ns() // MINUTE_NS == minute:  # Else the count has begun anew meanwhile.
                break

        assert before.used_weight is not None
        assert asked.status == 200
        assert after.used_weight == before.used_weight + 21


async def test_what_happens_by_hand_is_told_over_the_socket(shared_dir: Path):
    async with trading(shared_dir) as trader:
        link = await trader.listen()
        now_ns = time.time_ns()

        Hands(trader.exchange).place(SYMBOL, "BUY", Decimal(5), now_ns)
        told = await trader.heard(link, 1)

        assert told[0].client_order_id.startswith("web_")


async def test_a_fault_file_loses_answers_and_the_exchange_knows(shared_dir: Path, tmp_path: Path):
    path = tmp_path / "faults.toml"
    path.write_text("[trading.rest]\nunanswered_share = 1.0\n")
    async with trading(shared_dir, path) as trader:
        with pytest.raises(VenueUnreachable) as caught:
            await trader.place("a")

        assert caught.value.was_sent
        assert trader.exchange.placed == {"a": 1}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[trading.rest]\nlost_shares = 1", "trading.rest.lost_shares"),
        ("[trading.stream]\ndelay_mean = 1", "trading.stream.delay_mean"),
        ("[trading]\nskew = 1", "trading.skew"),
        ("[trading.rest]\nlost_share = 0.6\nslow_share = 0.6", "between 0 and 1"),
        ("[trading.rest]\nlag_s_max = -1", "between 0 and 86400"),
    ],
)
def test_a_fault_that_makes_no_sense_is_named(tmp_path: Path, text: str, problem: str):
    path = tmp_path / "faults.toml"
    path.write_text(text)

    with pytest.raises(Exception, match=problem):
        load_faults(path)


async def test_an_engine_follows_a_generated_market():
    async with FakeVenue(None, clock=time.time_ns) as venue:
        endpoints = Endpoints(rest=venue.rest_url, stream=venue.stream_url)
        async with engine_on("binance_futures", endpoints, ("BTCUSDT",)) as host:
            instrument = InstrumentId("binance_futures:BTCUSDT")
            markets = host.state.instruments
            await until(lambda: instrument in markets, "the instrument")
            market = markets[instrument]
            await until(lambda: market.book.state == "live", "a book")
            await until(lambda: market.book.applied > 5, "changes of the book")

        assert (market.book.gaps, market.book.crossed) == (0, 0)


def test_the_command_says_with_which_key_it_can_be_traded(shared_dir: Path):
    capture = shared_dir / "captures/binance_futures.jsonl.gz"
    command = [sys.executable, "-m", "cockpit", "fake-venue", "binance", "--capture", str(capture)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        process.terminate()

    assert "http://127.0.0.1:" in lines[0]
    assert TEST_KEY in lines[1]
    assert TEST_SECRET in lines[1]


def _origin(trader: Trader) -> str:
    return trader.wire.sign(trader.wire.time(), 0).url.removesuffix("/fapi/v1/time")
