"""The way to the fake exchange in virtual time: every loss happens, and the exchange knows it."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest

from engine.fake.trading.memory import MemoryTransport
from engine.fake.trading.mishaps import Mishaps, RestFaults, StreamFaults, TradingFaults
from engine.fake.trading.way import Way
from engine.model.chance import Chance
from engine.model.errors import VenueUnreachable
from engine.runtime.clock import LoopClock
from engine.runtime.virtual_loop import VirtualLoop
from engine.venues.trading import HttpCall, HttpReply
from tests.fakes.venue_client import START_NS, VenueClient, signed

HOST = "https://fapi.binance.com"
STREAM = "wss://fstream.binance.com/private/ws?listenKey="


class Trader:
    """A client on a virtual loop."""

    def __init__(self, faults: TradingFaults, seed: int = 1) -> None:
        self.client = VenueClient()
        self.clock = LoopClock(START_NS)
        self.way = Way(self.client.exchange, Mishaps(faults, Chance(seed)), self.clock.now_ns)
        self.transport = MemoryTransport(self.way, self.clock.now_ns)
        self.left = 0

    async def ask(self, method: str, path: str, **params: str) -> HttpReply:
        """Ask something, signed."""
        request = signed(method, path, params, self.clock.now_ns())
        url = f"{HOST}{path}?{request.query}"
        return await self.transport.request(HttpCall(method, url, request.headers), self._leaves)

    async def place(self, client_order_id: str) -> HttpReply:
        """Place an order that rests."""
        return await self.ask(
            "POST",
            "/fapi/v1/order",
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity="1",
            price="99",
            newClientOrderId=client_order_id,
        )

    async def listen(self) -> Any:
        """Open a private websocket."""
        return await self.transport.connect(STREAM + self.client.exchange.streams.create(START_NS))

    def _leaves(self) -> None:
        self.left += 1


def run(story: Coroutine[Any, Any, None]) -> None:
    loop = VirtualLoop(seed=1)
    try:
        loop.run_until_complete(story)
    finally:
        loop.close()


def placed(trader: Trader) -> int:
    return sum(trader.client.exchange.placed.values())


def test_without_faults_an_answer_comes_at_once():
    async def story() -> None:
        trader = Trader(TradingFaults())

        reply = await trader.place("a")

        assert json.loads(reply.body)["status"] == "NEW"
        assert (trader.left, trader.way.sent, placed(trader)) == (1, 1, 1)

    run(story())


def test_what_is_not_sent_is_known_not_to_be():
    async def story() -> None:
        trader = Trader(TradingFaults(rest=RestFaults(unsent_share=1)))

        with pytest.raises(VenueUnreachable) as caught:
            await trader.place("a")

        assert not caught.value.was_sent
        assert (trader.left, trader.way.sent, placed(trader)) == (0, 0, 0)

    run(story())


@pytest.mark.parametrize(("case", "count"), [("lost_share", 0), ("unanswered_share", 20)])
def test_no_answer_says_nothing_of_what_was_done(case: str, count: int):
    async def story() -> None:
        trader = Trader(TradingFaults(rest=RestFaults(**{case: 1.0})))
        broken = 0
        for number in range(20):
            try:
                async with asyncio.timeout(60):
                    await trader.place(f"a{number}")
            except VenueUnreachable as error:
                broken += error.was_sent
            except TimeoutError:
                continue

        assert 0 < broken < 20
        assert (trader.left, placed(trader)) == (20, count)

    run(story())


def test_a_late_request_arrives_although_nobody_waits_any_more():
    async def story() -> None:
        trader = Trader(TradingFaults(rest=RestFaults(late_share=1, late_s_max=4)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await trader.place("a")
        before = placed(trader)

        await asyncio.sleep(4)

        assert (before, placed(trader)) == (0, 1)

    run(story())


def test_a_request_later_than_its_window_is_not_done():
    async def story() -> None:
        trader = Trader(TradingFaults(rest=RestFaults(late_share=1)), seed=2)
        replies = [json.loads((await trader.place(f"a{n}")).body) for n in range(8)]

        late = sum(reply.get("code") == -1021 for reply in replies)
        assert late > 2
        assert placed(trader) == 8 - late

    run(story())


def test_spoiled_answers_come_of_all_kinds_and_half_of_them_were_done():
    async def story() -> None:
        trader = Trader(TradingFaults(rest=RestFaults(spoiled_share=1)))
        statuses = [(await trader.place(f"a{number}")).status for number in range(60)]

        assert {200, 302, 500, 502, 503, 504} <= set(statuses)
        assert 15 < placed(trader) < 45

    run(story())


def test_refusals_before_the_venue_do_nothing():
    async def story() -> None:
        trader = Trader(TradingFaults(rest=RestFaults(refused_share=1)))
        statuses = {(await trader.place(f"a{number}")).status for number in range(20)}

        assert statuses == {403, 418, 429}
        assert placed(trader) == 0

    run(story())


def test_queries_may_be_answered_by_a_replica_that_lags():
    async def story() -> None:
        trader = Trader(TradingFaults(rest=RestFaults(lagging_share=1)))
        await trader.place("a")

        replies = [
            json.loads(
                (
                    await trader.ask(
                        "GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="a"
                    )
                ).body
            )
            for _ in range(3)
        ]

        assert [reply.get("code") for reply in replies] == [-2013] * 3

    run(story())


def test_frames_are_told_and_a_slow_answer_does_not_hold_them_up():
    async def story() -> None:
        trader = Trader(TradingFaults(rest=RestFaults(slow_share=1)))
        link = await trader.listen()

        async with asyncio.TaskGroup() as group:
            placing = group.create_task(trader.place("a"))
            frame = json.loads(await link.receive())
            was_answered = placing.done()

        assert frame["o"]["c"] == "a"
        assert not was_answered

    run(story())


def test_delayed_and_repeated_frames_keep_their_order():
    async def story() -> None:
        faults = TradingFaults(stream=StreamFaults(repeat_share=0.5, delay_mean_s=3))
        trader = Trader(faults)
        link = await trader.listen()
        for number in range(10):
            await trader.place(f"a{number}")

        await asyncio.sleep(100)
        seen = []
        while True:
            try:
                async with asyncio.timeout(0):
                    seen.append(json.loads(await link.receive())["o"]["c"])
            except TimeoutError:
                break

        assert list(dict.fromkeys(seen)) == [f"a{number}" for number in range(10)]
        assert len(seen) > 10

    run(story())


def test_single_frames_are_lost_and_those_around_them_come():
    async def story() -> None:
        trader = Trader(TradingFaults(stream=StreamFaults(drop_share=0.5)))
        link = await trader.listen()
        for number in range(40):
            await trader.place(f"one-{number}")

        told = trader.client.exchange.streams.frames_told
        assert 0 < link._messages.qsize() < told

    run(story())


def test_a_hostile_answer_repeats_the_request_with_its_key():
    mishaps = Mishaps(TradingFaults(), Chance(1))

    reply = mishaps.spoiled(HttpReply(200, {}, b"{}"), "hostile", "X-MBX-APIKEY: key")

    said = json.loads(reply.body)["msg"]
    assert reply.status in {400, 503}
    assert said.startswith("\x1b]52;")
    assert said.endswith("X-MBX-APIKEY: key")


def test_a_closed_stream_ends_with_a_reason():
    async def story() -> None:
        trader = Trader(TradingFaults(stream=StreamFaults(close_share=1)))
        link = await trader.listen()
        await trader.place("a")

        with pytest.raises(VenueUnreachable):
            await link.receive()

    run(story())


def test_a_stalled_stream_looks_well_and_says_nothing_for_a_while():
    async def story() -> None:
        faults = TradingFaults(stream=StreamFaults(stall_share=1, stall_s_max=900))
        trader = Trader(faults)
        link = await trader.listen()
        await trader.place("a")
        await link.receive()
        await trader.place("b")
        began_ns = trader.clock.now_ns()

        await link.receive()

        assert trader.clock.now_ns() > began_ns

    run(story())


def test_a_listen_key_may_end_loudly_or_not():
    async def story() -> None:
        ends = []
        for seed in range(12):
            trader = Trader(TradingFaults(stream=StreamFaults(expire_share=1)), seed)
            link = await trader.listen()
            await trader.place("a")
            try:
                async with asyncio.timeout(10):
                    ends.append(json.loads(await link.receive())["e"])
            except TimeoutError:
                ends.append("silence")
            assert trader.client.exchange.streams.key == ""

        assert set(ends) == {"listenKeyExpired", "silence"}

    run(story())


def test_not_every_stream_opens_and_others_do_not_exist():
    async def story() -> None:
        trader = Trader(TradingFaults(stream=StreamFaults(unopened_share=1)))

        with pytest.raises(VenueUnreachable):
            await trader.listen()
        with pytest.raises(VenueUnreachable):
            await trader.transport.connect("wss://fstream.binance.com/market/ws/x")

    run(story())


def test_a_link_that_we_close_hears_nothing_more():
    async def story() -> None:
        trader = Trader(TradingFaults())
        link = await trader.listen()
        await link.send("nothing")
        await link.close()

        with pytest.raises(VenueUnreachable):
            await link.receive()
        with pytest.raises(VenueUnreachable):
            await link.send("nothing")
        assert trader.client.exchange.streams.streams == []

    run(story())


def test_what_left_before_the_engine_died_arrives_at_the_next_ones_time():
    async def story() -> None:
        trader = Trader(TradingFaults(rest=RestFaults(travel_mean_s=1)))
        await trader.listen()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.0001):
                await trader.place("a")
        await trader.transport.close()
        with pytest.raises(VenueUnreachable) as caught:
            await trader.place("b")
        exchange = trader.client.exchange

        exchange.advance(START_NS + 4 * 10**9)

        assert not caught.value.was_sent
        assert exchange.placed == {"a": 1}
        assert exchange.streams.streams == []

    run(story())


def test_a_price_of_the_market_reaches_those_who_listen():
    async def story() -> None:
        trader = Trader(TradingFaults())
        await trader.place("a")
        link = await trader.listen()

        trader.client.exchange.on_trade("BTCUSDT", 980, 10**6, trader.clock.now_ns())

        assert json.loads(await link.receive())["e"] == "TRADE_LITE"
        answer = await trader.transport.get(f"{HOST}/fapi/v1/time")
        assert answer.status == 200

    run(story())
