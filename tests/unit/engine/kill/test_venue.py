"""The kill at one venue: everything goes, protection stays, and two looks prove it."""

import pytest

from engine.model.numbers import NS_PER_S
from engine.venues.trading import HttpReply
from tests.unit.engine.kill.desk import KillDesk

DOWN = HttpReply(503, {}, b"down")


def test_all_orders_go_in_every_instrument_and_two_looks_verify():
    desk = KillDesk()
    desk.rests("a")
    desk.rests("b", symbol="ETHUSDT")
    desk.client.place_algo("s", "SELL", "STOP_MARKET", "90")

    kill = desk.killed(clears_stops=False)

    assert (kill.is_verified, desk.open_names()) == (True, [])
    assert desk.sent[:2] == ["GET time", "GET openOrders"]
    assert desk.sent[2:4] == ["DELETE allOpenOrders"] * 2
    assert kill.lines() == [
        "binance_futures: cancelled 3, filled during the kill 0, left 0, VERIFIED",
        "  no position is held",
    ]


def test_what_was_signed_before_may_still_come_and_is_waited_for():
    desk = KillDesk()
    desk.after(4, lambda: desk.rests("late"))
    began_ns = desk.clock.now_ns()

    kill = desk.killed()

    assert kill.is_verified
    assert desk.open_names() == []
    assert desk.clock.now_ns() - began_ns >= 6 * NS_PER_S
    assert desk.said == []
    assert "cancelled 1" in kill.lines()[0]


def test_what_protects_a_position_stays_and_all_else_goes():
    desk = KillDesk()
    desk.holds()
    desk.rests("exit", price="99")
    desk.client.place_algo("stop", "SELL", "STOP_MARKET", "90", reduceOnly="true")
    desk.client.place_algo("all", "SELL", "TAKE_PROFIT_MARKET", "120", closePosition="true")
    desk.client.place_algo("entry", "BUY", "STOP_MARKET", "130")
    desk.client.place_algo("open", "SELL", "STOP_MARKET", "91")

    kill = desk.killed()

    assert kill.is_verified
    assert sorted(desk.open_names()) == ["all", "stop"]
    lines = kill.lines()
    assert lines[0].endswith("left 0, VERIFIED")
    assert "  stays, because it protects: BTCUSDT conditional sell stop" in lines
    assert any(line.startswith("  held: BTCUSDT +1") for line in lines)


# To cancel all of a symbol may take conditional orders along: nobody has told.

LOOK = ["GET openAlgoOrders", "GET positionRisk"]


def guarded(*names: str, along: bool = True) -> KillDesk:
    """A position with its stop, and plain orders, at a venue that clears stops too."""
    desk = KillDesk()
    desk.holds()
    desk.exchange.stops_go_along = along
    desk.client.place_algo("stop", "SELL", "STOP_MARKET", "90", reduceOnly="true")
    for name in names:
        desk.rests(name)
    return desk


def test_a_few_orders_go_at_once_by_their_numbers():
    desk = guarded("a", "b")

    assert desk.killed().is_verified

    assert desk.open_names() == ["stop"]
    assert desk.sent[1:6] == ["GET openOrders", *["DELETE order"] * 2, *LOOK]


def test_where_something_protects_many_orders_go_by_their_numbers_and_elsewhere_at_once():
    desk = guarded("a", "b", "c")
    desk.rests("d", symbol="ETHUSDT")
    desk.rests("e", symbol="ETHUSDT")

    assert desk.killed().is_verified

    assert desk.open_names() == ["stop"]
    assert desk.sent[1:4] == ["GET openOrders", *LOOK]
    assert desk.sent[4:8] == ["DELETE allOpenOrders", *["DELETE order"] * 3]


@pytest.mark.parametrize("part", LOOK)
def test_where_nobody_tells_what_protects_they_go_by_their_numbers(part: str):
    desk = guarded("a", "b", "c")
    desk.broken = {part: DOWN}
    desk.after(20, desk.broken.clear)

    assert desk.killed().is_verified

    assert desk.open_names() == ["stop"]
    assert "DELETE allOpenOrders" not in desk.sent


def test_where_protection_goes_too_all_go_at_once():
    desk = guarded("a", "b", "c")

    assert desk.killed(with_stops=True).is_verified

    assert desk.open_names() == []
    assert desk.sent[1:3] == ["GET openOrders", "DELETE allOpenOrders"]


@pytest.mark.parametrize("clears_stops", [False, True])
def test_a_venue_that_leaves_stops_alone_is_killed_as_well(clears_stops: bool):
    desk = guarded("a", "b", "c", along=False)

    assert desk.killed(clears_stops=clears_stops).is_verified

    assert desk.open_names() == ["stop"]


def test_protection_goes_too_where_that_is_asked_for():
    desk = KillDesk()
    desk.holds()
    desk.client.place_algo("stop", "SELL", "STOP_MARKET", "90", reduceOnly="true")

    assert desk.killed(with_stops=True).is_verified

    assert desk.open_names() == []


def test_only_one_instrument_may_be_meant():
    desk = KillDesk()
    desk.rests("a")
    desk.rests("b", symbol="ETHUSDT")

    assert desk.killed(symbol="ETHUSDT").is_verified

    assert desk.open_names() == ["a"]


def test_a_venue_that_is_down_is_asked_for_ever_and_people_hear_of_it():
    desk = KillDesk()
    desk.rests("a")
    desk.broken = {"openOrders": DOWN}
    desk.after(70, desk.broken.clear)

    kill = desk.killed()

    assert kill.is_verified
    assert desk.open_names() == []
    assert desk.clock.slept[:6] == [1, 2, 3, 4, 5, 5]
    assert [line.partition(" (")[0] for line in desk.said] == [
        "binance_futures: NOT VERIFIED for 0 s",
        "binance_futures: NOT VERIFIED for 30 s",
        "binance_futures: NOT VERIFIED for 60 s",
    ]
    assert "503" in desk.said[0]


def test_who_gives_up_says_what_is_not_known():
    desk = KillDesk()
    desk.broken = {"": None}

    kill = desk.killed(until_s=10)

    assert not kill.is_verified
    assert "NOT VERIFIED (connection refused)" in kill.lines()[0]


def test_an_order_that_does_not_go_is_named_and_asked_again_by_its_number():
    desk = KillDesk()
    desk.rests("a")
    desk.broken = {"DELETE allOpenOrders": DOWN, "DELETE order": None}

    kill = desk.killed(until_s=3)

    assert not kill.is_verified
    assert "DELETE order" in desk.sent
    assert "  still open: BTCUSDT buy a" in kill.lines()
    desk.broken = {"DELETE allOpenOrders": DOWN}
    assert desk.killed().is_verified


def test_orders_that_stay_are_told_of_after_a_while():
    desk = KillDesk()
    desk.rests("a")
    desk.broken = {"DELETE": DOWN}

    desk.killed(until_s=10)

    assert desk.said[0].startswith("binance_futures: NOT VERIFIED for 6 s (")


def test_a_venue_that_asks_for_a_pause_gets_it():
    desk = KillDesk()
    desk.broken = {"openOrders": HttpReply(429, {"retry-after": "20"}, b"{}")}
    desk.after(15, desk.broken.clear)

    assert desk.killed().is_verified
    assert desk.clock.slept[0] == 20


def test_a_clock_that_is_wrong_is_measured_and_one_that_nobody_tells_is_taken_for_right():
    desk = KillDesk()
    desk.exchange.skew_ns = 3_600 * NS_PER_S
    assert desk.killed().is_verified

    other = KillDesk()
    other.broken = {"GET time": DOWN}
    assert other.killed().is_verified

    skewed = KillDesk()
    skewed.exchange.skew_ns = 3_600 * NS_PER_S
    skewed.broken = {"GET time": HttpReply(200, {}, b"[]")}
    skewed.after(3, skewed.broken.clear)
    assert skewed.killed().is_verified


def test_a_key_that_is_refused_is_noted():
    desk = KillDesk()
    answer = b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}'
    desk.broken = {"openOrders": HttpReply(401, {"content-type": "application/json"}, answer)}

    kill = desk.killed(until_s=3)

    assert kill.rest.is_key_bad
    assert "-2015" in kill.lines()[0]


def test_fills_during_the_kill_are_told_with_the_position_that_they_make():
    desk = KillDesk()
    desk.rests("a")
    desk.broken = {"DELETE": DOWN}

    def fill() -> None:
        desk.exchange.on_trade("BTCUSDT", 980, 90_000, desk.clock.now_ns())
        desk.broken.clear()

    desk.after(2, fill)

    lines = desk.killed().lines()

    assert lines[0].startswith("binance_futures: cancelled 0, filled during the kill 1, left 0")
    assert "  BTCUSDT was +0 when the kill began, is +1" in lines


@pytest.mark.parametrize("reply", [DOWN, None])
def test_how_orders_ended_may_stay_unknown(reply: HttpReply | None):
    desk = KillDesk()
    desk.rests("a")
    desk.broken = {"GET order": reply}

    assert "cancelled 1, filled during the kill 0" in desk.killed().lines()[0]


def test_a_position_is_told_with_how_far_its_liquidation_is():
    desk = KillDesk()
    desk.holds("SELL")

    (line,) = [line for line in desk.killed().lines() if "held" in line]

    assert line.startswith("  held: BTCUSDT -1, liquidation at ")
    assert line.endswith("% away")
