"""The private stream: up again after every loss, nothing lost in between without a word (R8)."""

import asyncio

import pytest

from engine.fake.trading.mishaps import RestFaults, TradingFaults
from engine.model import account as a
from engine.model import facts as f
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.runtime.private_stream import NEWS_NS
from engine.runtime.socket_link import HANG_UP_S
from tests.unit.engine.runtime.gateway_desk import SOON_S, Desk, simulated

KEY = "/fapi/v1/listenKey"
HOUR_S = 3_600.0
RETRY_S = 2.0
"""Longer than the first wait after a loss."""
SLOW_S = 0.05
"""Of requests and answers, while the stream tells at once."""


def turns(desk: Desk) -> list[str]:
    """Return what was told of the stream, oldest first."""
    kinds = {a.PrivateUp: "up", a.PrivateDown: "down"}
    return [kinds[type(event)] for event in desk.told if type(event) in kinds]


def reasons(desk: Desk) -> list[str]:
    return [event.reason for event in desk.heard(a.PrivateDown)]


def venue_ms(desk: Desk) -> int:
    return (desk.clock.now_ns() + desk.exchange.skew_ns) // NS_PER_MS


async def is_told_of_fills(desk: Desk, name: str) -> bool:
    """Let others take an order, and say whether the gateway hears of it."""
    await desk.rest_order(name, lots=1, price=100)
    desk.trade(price=99, lots=50)
    await asyncio.sleep(SOON_S)
    return desk.ledger.orders[name].state == "filled"


def test_it_is_up_as_soon_as_it_is_open_and_tells_of_fills() -> None:
    async def scenario(desk: Desk) -> None:
        desk.gateway.take_back(desk.ledger)
        await asyncio.sleep(SOON_S)

        assert turns(desk) == ["up"]
        assert await is_told_of_fills(desk, "a")

    simulated(scenario)


def test_a_loss_is_told_with_the_last_moment_that_can_be_relied_on() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        heard_ns = desk.clock.now_ns() - int(SOON_S * NS_PER_S)
        await asyncio.sleep(100)
        desk.cut_streams()
        await asyncio.sleep(RETRY_S)

        assert turns(desk) == ["down", "up"]
        (down,) = desk.heard(a.PrivateDown)
        assert heard_ns <= down.since_ns <= heard_ns + NS_PER_S // 100
        assert down.reason == "connection lost"
        assert await is_told_of_fills(desk, "b")

    simulated(scenario)


def test_a_stream_that_cannot_be_opened_is_tried_again_with_growing_waits() -> None:
    async def scenario(desk: Desk) -> None:
        desk.network.dead = KEY
        await desk.begin()
        await asyncio.sleep(120)
        tries = len(desk.heard(a.PrivateDown))
        assert 4 <= tries <= 40

        desk.network.dead = ""
        await asyncio.sleep(31)
        assert turns(desk)[-1] == "up"

    simulated(scenario)


def test_the_key_is_kept_alive_every_half_hour() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await asyncio.sleep(5 * HOUR_S)

        assert desk.network.left("PUT", KEY) == 10
        assert turns(desk) == []
        assert await is_told_of_fills(desk, "a")

    simulated(scenario)


def test_a_key_that_the_venue_says_has_ended_is_replaced() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        key = desk.exchange.streams.key
        desk.exchange.streams.expire(venue_ms(desk), is_loud=True)
        desk.network.wake()
        await asyncio.sleep(RETRY_S)

        assert turns(desk) == ["down", "up"]
        assert desk.exchange.streams.key not in {"", key}
        assert await is_told_of_fills(desk, "a")

    simulated(scenario)


def test_a_key_that_has_ended_without_a_word_is_found_by_what_is_not_told() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a", lots=1, price=100)
        desk.exchange.streams.expire(venue_ms(desk), is_loud=False)
        desk.place("b", lots=1, price=95)
        await asyncio.sleep(NEWS_NS / NS_PER_S + RETRY_S)

        assert turns(desk) == ["down", "up"]
        assert reasons(desk) == ["an order changed and it told nothing"]
        assert await is_told_of_fills(desk, "c")

    simulated(scenario)


def test_news_that_came_before_the_answer_are_not_waited_for_again() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.place("a", lots=1, price=95)
        await asyncio.sleep(SLOW_S * 30 + NEWS_NS / NS_PER_S)

        assert desk.ledger.orders["a"].state == "open"
        assert turns(desk) == []

    simulated(scenario, TradingFaults(rest=RestFaults(travel_mean_s=SLOW_S)))


def test_a_key_that_has_ended_without_a_word_is_found_when_it_is_to_be_kept() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.exchange.streams.expire(venue_ms(desk), is_loud=False)
        await asyncio.sleep(HOUR_S / 2 + RETRY_S)

        assert turns(desk) == ["down", "up"]
        assert "its key is gone" in reasons(desk)[0]

    simulated(scenario)


def test_a_key_that_could_not_be_kept_is_asked_for_anew_while_the_old_stream_goes_on() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.network.lost = KEY
        await asyncio.sleep(HOUR_S / 2)
        desk.network.lost = ""
        await asyncio.sleep(100)

        assert "down" not in turns(desk)
        assert turns(desk)[-1] == "up"
        assert await is_told_of_fills(desk, "a")

    simulated(scenario)


def test_a_stream_whose_key_may_not_be_kept_just_now_goes_on() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.network.limited = KEY
        await asyncio.sleep(HOUR_S / 2 + RETRY_S)
        assert turns(desk) == []
        desk.network.limited = ""
        await asyncio.sleep(180)

        assert "down" not in turns(desk)
        assert await is_told_of_fills(desk, "a")

    simulated(scenario)


def test_before_a_day_is_over_another_stream_takes_over_and_no_fill_is_lost() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        most = 0
        for number in range(24 * 3):  # An order every twenty minutes, for a day.
            name = f"a{number}"
            desk.place(name, lots=1, price=100)
            await asyncio.sleep(0.5)
            desk.trade(price=99, lots=50)
            await asyncio.sleep(1_199.5)
            most = max(most, len(desk.network.links))
            assert desk.ledger.orders[name].state == "filled"

        assert turns(desk) == ["up"]
        assert most == 2
        assert len(desk.exchange.streams.streams) == 1

    simulated(scenario)


def test_two_streams_are_open_while_one_takes_over() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        for _ in range(100_000):
            if len(desk.network.links) > 1:
                break
            await asyncio.sleep(1.0)
        assert len(desk.exchange.streams.streams) == 2
        assert turns(desk) == []
        assert await is_told_of_fills(desk, "a")
        await asyncio.sleep(5)

        assert turns(desk) == ["up"]
        assert len(desk.exchange.streams.streams) == 1
        assert len(desk.ledger.orders["a"].fee) == 1
        assert desk.ledger.orders["a"].filled_lots == 1

    simulated(scenario)


@pytest.mark.parametrize("frame", [b"{", b"\xff", b'{"e":"ORDER_TRADE_UPDATE"}', b"[]"])
def test_a_frame_that_cannot_be_read_ends_the_connection(frame: bytes) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.network.links[-1].arrived(frame)
        await asyncio.sleep(RETRY_S)

        assert turns(desk) == ["down", "up"]
        assert len(desk.network.links) == 2
        assert desk.heard(f.OrderFilled) == []

    simulated(scenario)


def test_a_stream_that_drops_at_once_is_not_opened_without_end() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        for _ in range(600):
            desk.cut_streams()
            await asyncio.sleep(1.0)

        assert len(desk.network.links) < 120

    simulated(scenario)


def test_at_a_clean_end_the_venue_forgets_the_key() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.end()

        assert desk.network.left("DELETE", KEY) == 1

    simulated(scenario)


@pytest.mark.parametrize("is_open", [True, False])
def test_an_end_waits_for_no_venue_that_is_gone(is_open: bool) -> None:
    async def scenario(desk: Desk) -> None:
        if not is_open:
            desk.network.dead = KEY
        await desk.begin()
        desk.network.dead = KEY
        began_ns = desk.clock.now_ns()
        await desk.end()

        assert desk.clock.now_ns() - began_ns <= HANG_UP_S * NS_PER_S

    simulated(scenario)
