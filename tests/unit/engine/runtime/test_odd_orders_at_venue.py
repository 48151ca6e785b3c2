"""Orders at the venue that no engine made, or that stand as nobody has described."""

from decimal import Decimal

from msgspec.structs import replace

from engine.kernel.alarms import HANGS, alarms, stopped_lots
from engine.kernel.evidence import troubles
from engine.kernel.killing import is_verified, problem
from engine.model import commands as c
from engine.model.orders import HAND
from tests.builders import buy
from tests.fakes.venue_client import signed
from tests.unit.engine.runtime.gateway_desk import BTC, SYMBOL
from tests.unit.engine.runtime.protected_desk import Protected, at_the_venue

ALGO = "/fapi/v1/algoOrder"


def closes_all(desk: Protected) -> None:
    """Let a stop rest that closes whatever is held, made on the venue's page."""
    wanted = {"algoType": "CONDITIONAL", "symbol": SYMBOL, "side": "SELL", "type": "STOP_MARKET"}
    wanted |= {"triggerPrice": "90", "closePosition": "true", "clientAlgoId": "web_1"}
    request = signed("POST", ALGO, wanted, desk.clock.now_ns())
    assert desk.exchange.handle(request, desk.clock.now_ns()).status == 200


def test_a_stop_of_the_page_that_protects_nothing_goes_and_the_kill_is_verified():
    async def scenario(desk: Protected) -> None:
        closes_all(desk)
        desk.do(c.EngageKill())
        await desk.lives(5)

        assert desk.exchange.algos.open_algos() == []
        assert is_verified(desk.state)

    at_the_venue(scenario)


def test_it_stays_while_it_protects_and_the_kill_is_verified_too():
    async def scenario(desk: Protected) -> None:
        await desk.holds_protected()
        closes_all(desk)
        desk.do(c.EngageKill())
        await desk.lives(10)

        assert {one.client_algo_id for one in desk.exchange.algos.open_algos()} >= {"web_1"}
        assert is_verified(desk.state)

    at_the_venue(scenario)


def test_a_status_that_nobody_has_described_blocks_its_instrument_and_the_rest_is_used():
    async def scenario(desk: Protected) -> None:
        desk.hands.place(SYMBOL, "BUY", Decimal(2), desk.clock.now_ns(), Decimal(90))
        desk.network.reworded = b'"status":"NEW"', b'"status":"FROZEN"'
        await desk.lives(35)

        (told,) = troubles(desk.state)
        assert "with status FROZEN, which is not known here" in told
        assert desk.desk.venue_side.faults(desk.clock.now_ns()) == ()
        assert desk.say(buy(1, 99, instrument_id=BTC)).sentences == (told,)

        desk.do(c.EngageKill())
        desk.network.reworded = b"", b""
        await desk.lives(5)
        assert is_verified(desk.state)

    at_the_venue(scenario)


def test_a_kill_is_not_verified_while_one_stands_as_nobody_has_described():
    async def scenario(desk: Protected) -> None:
        await desk.holds_protected()
        desk.network.reworded = b'"algoStatus":"NEW"', b'"algoStatus":"FROZEN"'
        desk.do(c.EngageKill())
        await desk.lives(10)

        assert not is_verified(desk.state)
        assert "status FROZEN" in problem(desk.state)
        assert desk.stops_there() == [6], "what protects stays all the same"

    at_the_venue(scenario)


def test_a_stop_that_hangs_while_it_triggers_is_followed_by_another():
    async def scenario(desk: Protected) -> None:
        await desk.holds_protected()
        (hung,) = [one for one in desk.exchange.algos.open_algos() if one.type == "STOP_MARKET"]
        desk.exchange.algos.hangs = True
        desk.trades(95)
        await desk.lives(2)
        assert stopped_lots(desk.state, (HAND, BTC)) == 0

        desk.exchange.algos.hangs = False
        desk.trades(100)  # The price comes back; what hangs does not.
        await desk.lives(6)

        assert alarms(desk.state) == ()
        assert desk.stops_there() == [6]
        assert desk.algo().client_algo_id != hung.client_algo_id
        assert stopped_lots(desk.state, (HAND, BTC)) == 6
        desk.trades(95)
        await desk.lives(2)
        assert desk.position() == desk.ledger.net_lots(BTC) == 0

    at_the_venue(scenario)


def test_where_none_can_rest_any_more_the_position_is_closed_as_the_stop_would_have():
    async def scenario(desk: Protected) -> None:
        await desk.holds_protected()
        desk.exchange.algos.hangs = True
        desk.trades(95)
        await desk.lives(2)
        assert desk.position() == 6
        await desk.lives(8)

        assert desk.position() == desk.ledger.net_lots(BTC) == 0
        assert desk.exchange.algos.open_algos() == []

    at_the_venue(scenario)


def test_where_nothing_shall_follow_it_is_an_alarm_and_what_hangs_stays():
    async def scenario(desk: Protected) -> None:
        desk.desk.setup = replace(desk.desk.setup, on_unprotected="nothing")
        await desk.holds_protected()
        desk.exchange.algos.hangs = True
        desk.trades(95)
        before = desk.sent
        await desk.lives(30)

        assert alarms(desk.state) == (f"UNPROTECTED BTCUSDT: no stop for 6 of +6 of hand: {HANGS}",)
        assert desk.stops_there() == [6]
        assert desk.sent == before

    at_the_venue(scenario)


def test_where_the_settings_say_so_the_position_is_closed():
    async def scenario(desk: Protected) -> None:
        desk.desk.setup = replace(desk.desk.setup, on_unprotected="flatten")
        await desk.holds_protected()
        desk.exchange.algos.hangs = True
        desk.trades(95)
        await desk.lives(8)

        assert desk.position() == desk.ledger.net_lots(BTC) == 0
        assert desk.exchange.algos.open_algos() == []

    at_the_venue(scenario)


def test_what_hangs_and_cannot_be_canceled_is_asked_for_at_a_pace():
    async def scenario(desk: Protected) -> None:
        await desk.holds_protected()
        desk.exchange.algos.hangs = True
        desk.trades(95)
        await desk.lives(2)
        desk.exchange.algos.hangs = False
        desk.trades(100)
        desk.network.refused = "DELETE", ALGO
        before = desk.network.left("DELETE", ALGO)
        await desk.lives(20)

        assert sorted(desk.stops_there()) == [6, 6]
        assert 3 <= desk.network.left("DELETE", ALGO) - before <= 20, "at most one a second"

    at_the_venue(scenario)
