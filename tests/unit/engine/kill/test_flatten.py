"""Flattening from outside: slices that only reduce, until nothing is held or nothing moves."""

from decimal import Decimal

import pytest

from engine.fake.trading.way import venue_request
from engine.kill.flatten import TRIES, Flatten, SliceLimits
from engine.venues.trading import HttpReply
from tests.unit.engine.kill.desk import KillDesk


def flattened(desk: KillDesk, value: str = "10000") -> Flatten:
    kill = desk.killed()
    flatten = Flatten(kill, desk.clock, SliceLimits(Decimal(value), Decimal("0.01")))
    desk.said += flatten.run()
    return flatten


def slices(desk: KillDesk) -> int:
    return desk.sent.count("POST order")


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_position_goes_in_slices_and_nothing_is_turned(side: str):
    desk = KillDesk()
    desk.holds(side)

    flatten = flattened(desk, value="40")

    assert flatten.is_flat
    assert slices(desk) == 3, "0.4 coins at most at a hundred"
    assert desk.said[-1] == "binance_futures: 3 slices sent, left: nothing"
    assert desk.exchange.account.position("BTCUSDT").qty == 0


def test_what_finds_no_market_within_the_collar_is_left_and_said():
    desk = KillDesk()
    desk.holds()
    desk.exchange.on_mark("BTCUSDT", Decimal(100), desk.clock.now_ns())
    desk.client.book.bids = {900: 10_000}

    flatten = flattened(desk)

    assert not flatten.is_flat
    assert slices(desk) == TRIES
    assert "left: BTCUSDT +1" in desk.said[-1]


def test_a_slice_that_is_refused_or_lost_is_said():
    desk = KillDesk()
    desk.holds()
    desk.broken = {"POST order": None}
    assert not flattened(desk).is_flat
    assert "connection refused" in desk.said[-1]

    body = b'{"code":-2019,"msg":"Margin is insufficient."}'
    desk.broken = {"POST order": HttpReply(400, {"content-type": "application/json"}, body)}
    assert not flattened(desk).is_flat
    assert "-2019" in desk.said[-1]


def test_without_steps_nothing_can_be_written():
    desk = KillDesk()
    desk.holds()
    desk.broken = {"exchangeInfo": HttpReply(200, {}, b'{"symbols":[]}')}

    assert not flattened(desk).is_flat
    assert "BTCUSDT: its steps or its price are not known" in desk.said[-1]
    assert slices(desk) == 0


def test_a_venue_that_does_not_answer_is_said():
    desk = KillDesk()
    desk.holds()
    desk.broken = {"exchangeInfo": None}

    assert not flattened(desk).is_flat
    assert "connection refused" in desk.said[-1]


def test_what_is_smaller_than_a_step_is_left_and_said():
    desk = KillDesk()
    desk.holds()
    call = desk.wire.sign(desk.wire.listing(), desk.clock.now_ns())
    told = venue_request(call.method, call.url, call.headers, call.body)
    body = desk.exchange.handle(told, desk.clock.now_ns()).body
    coarse = body.replace(b'"stepSize":"0.001"', b'"stepSize":"2"')
    desk.broken = {"exchangeInfo": HttpReply(200, {}, coarse)}

    assert not flattened(desk).is_flat
    assert "BTCUSDT: its steps or its price are not known" in desk.said[-1]
    assert slices(desk) == 0
