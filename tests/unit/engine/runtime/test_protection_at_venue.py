"""What is held at the venue is protected there, whatever happens to it (R33, I7)."""

from decimal import Decimal

from msgspec.structs import replace

from engine.fake.trading.mishaps import RestFaults, StreamFaults, TradingFaults
from engine.kernel import killing
from engine.kernel.alarms import alarms, stopped_lots
from engine.model import commands as c
from engine.model.numbers import NS_PER_S
from engine.model.orders import HAND
from tests.builders import buy
from tests.unit.engine.kernel.live_desk import RULES
from tests.unit.engine.runtime.gateway_desk import BTC, SYMBOL
from tests.unit.engine.runtime.protected_desk import STOP, Protected, at_the_venue


def stopped(desk: Protected) -> int:
    return stopped_lots(desk.state, (HAND, BTC))


def test_an_entry_in_three_parts_is_protected_part_by_part():
    async def scenario(desk: Protected) -> None:
        await desk.enters(6)
        for held, part in ((1, 1), (3, 2), (6, 3)):
            desk.sells_to_us(part)
            await desk.lives(1)
            assert (desk.position(), sum(desk.stops_there()), sum(desk.targets_there())) == (
                held,
                held,
                held,
            )
            assert stopped(desk) == held

        assert alarms(desk.state) == ()

    at_the_venue(scenario)


def test_a_close_by_hand_at_the_venue_takes_its_protection_with_it():
    async def scenario(desk: Protected) -> None:
        await desk.holds_protected()

        desk.hands.close(SYMBOL, desk.clock.now_ns())
        desk.network.wake()
        await desk.lives(2)

        assert desk.position() == desk.ledger.net_lots(BTC) == 0
        assert desk.stops_there() == desk.targets_there() == []
        assert desk.ledger.working() == []

    at_the_venue(scenario)


def test_a_liquidation_does_the_same():
    async def scenario(desk: Protected) -> None:
        await desk.holds_protected()

        desk.hands.liquidate(SYMBOL, desk.clock.now_ns())
        desk.network.wake()
        await desk.lives(2)

        assert desk.position() == desk.ledger.net_lots(BTC) == 0
        assert desk.stops_there() == desk.targets_there() == []

    at_the_venue(scenario)


def test_a_part_that_is_closed_elsewhere_shrinks_it_and_nothing_is_bare_meanwhile():
    async def scenario(desk: Protected) -> None:
        await desk.holds_protected()
        desk.looks.clear()

        desk.hands.place(SYMBOL, "SELL", Decimal(2), desk.clock.now_ns())
        desk.network.wake()
        await desk.lives(3)

        assert (desk.position(), desk.stops_there(), desk.targets_there()) == (4, [4], [4])
        assert all(max(stops) >= held for held, stops in desk.looks)
        assert max(len(stops) for _, stops in desk.looks) == 2

    at_the_venue(scenario)


def test_many_small_stops_become_one_and_nothing_is_bare_meanwhile():
    async def scenario(desk: Protected) -> None:
        await desk.enters(6)
        for _ in range(6):
            desk.sells_to_us(1)
            await desk.lives(0.25)
        await desk.lives(1)
        desk.looks.clear()
        await desk.lives(3)

        assert desk.stops_there() == desk.targets_there() == [5, 1]
        assert all(sum(stops) >= held for held, stops in desk.looks)

    at_the_venue(scenario)


def test_a_stop_that_the_venue_refuses_is_an_alarm_and_tried_ever_more_slowly():
    async def scenario(desk: Protected) -> None:
        rules = desk.exchange.desk.rules
        await desk.enters()
        rules[SYMBOL] = replace(rules[SYMBOL], price_min=Decimal(STOP + 1))
        desk.sells_to_us(6)
        await desk.lives(5)

        assert desk.stops_there() == []
        (alarm,) = alarms(desk.state)
        assert alarm.startswith("UNPROTECTED BTCUSDT: no stop for 6 of +6 of hand: HTTP 400, -4013")
        before = desk.sent
        await desk.lives(600)
        assert 9 <= desk.sent - before <= 14
        rules[SYMBOL] = replace(rules[SYMBOL], price_min=Decimal(0))
        await desk.lives(62)

        assert desk.stops_there() == [6]
        assert alarms(desk.state) == ()

    at_the_venue(scenario)


def test_a_stop_whose_price_is_passed_before_it_comes_closes_at_once():
    async def scenario(desk: Protected) -> None:
        await desk.enters()
        desk.sells_to_us(6)
        desk.trades(94)  # Below the stop before that has come: it would trigger at once.
        await desk.lives(2)

        assert desk.position() == desk.ledger.net_lots(BTC) == 0
        assert desk.sent == 4  # The entry, its stop and target, and one close.
        assert "BTCUSDT: closed, as the price of its stop is passed" in desk.said
        assert desk.stops_there() == desk.targets_there() == []
        await desk.lives(300)
        assert desk.sent == 4
        assert desk.ledger.working() == []

    at_the_venue(scenario)


def test_a_stop_that_triggers_while_the_target_fills_turns_nothing():
    async def scenario(desk: Protected) -> None:
        await desk.holds_protected()

        desk.exchange.on_trade(SYMBOL, 110, 1, desk.clock.now_ns())
        desk.trades(95)
        await desk.lives(4)

        assert desk.position() == desk.ledger.net_lots(BTC) == 0
        assert desk.stops_there() == desk.targets_there() == []
        assert desk.ledger.working() == []
        assert min(held for held, _ in desk.looks) == 0

    at_the_venue(scenario)


def test_a_stop_counts_when_the_venue_shows_it_though_its_stream_says_nothing():
    async def scenario(desk: Protected) -> None:
        await desk.enters()
        desk.mishaps.faults = TradingFaults(stream=StreamFaults(stall_share=1.0))
        desk.sells_to_us(6)
        while not desk.stops_there():
            await desk.lives(0.25)
        assert stopped(desk) == 0

        await desk.lives(2)

        assert desk.network.left("GET", "/fapi/v1/algoOrder") == 2
        assert stopped(desk) == 6

    at_the_venue(scenario)


def test_answers_that_are_lost_leave_no_more_than_one_stop_too_many():
    async def scenario(desk: Protected) -> None:
        await desk.holds_protected()
        desk.looks.clear()
        desk.mishaps.faults = TradingFaults(rest=RestFaults(unanswered_share=0.5))

        desk.hands.place(SYMBOL, "SELL", Decimal(2), desk.clock.now_ns())
        desk.network.wake()
        await desk.lives(60)

        assert desk.stops_there() == [4]
        assert all(max(stops) >= held for held, stops in desk.looks)
        assert max(len(stops) for _, stops in desk.looks) == 2

    at_the_venue(scenario)


# A venue that takes stops along where all of a symbol is canceled: nobody has told.

CLEARS_STOPS = TradingFaults(stops_go_along=True)


def worse(desk: Protected) -> None:
    """Assume the worse of the venue, as where nobody has confirmed anything."""
    rules = replace(
        RULES, cancel_all_covers_stops=True, dead_man_covers_stops=True, dead_man_ns=60 * NS_PER_S
    )
    desk.desk.setup = replace(desk.desk.setup, rules=rules)


def test_a_kill_takes_all_other_orders_and_no_stop_along():
    async def scenario(desk: Protected) -> None:
        worse(desk)
        await desk.holds_protected()
        for price in (90, 91, 92):
            assert desk.do(buy(1, price, instrument_id=BTC)).verdict == "accepted"
        await desk.lives(1)

        desk.do(c.EngageKill("a test"))
        await desk.lives(10)

        assert desk.exchange.desk.open_orders(SYMBOL) == []
        assert (desk.stops_there(), desk.targets_there()) == ([6], [6])
        assert killing.is_verified(desk.state)

    at_the_venue(scenario, CLEARS_STOPS)


def test_no_timer_runs_beside_a_stop():
    async def scenario(desk: Protected) -> None:
        worse(desk)
        await desk.enters()
        assert list(desk.exchange.countdowns) == [SYMBOL]

        desk.sells_to_us(6)
        await desk.lives(2)
        desk.do(buy(1, 90, instrument_id=BTC))
        await desk.lives(2)
        assert desk.exchange.countdowns == {}
        desk.exchange.advance(desk.clock.now_ns() + 300 * NS_PER_S)

        assert (desk.stops_there(), desk.targets_there()) == ([6], [6])

    at_the_venue(scenario, CLEARS_STOPS)
