"""Conditional orders: waiting, triggered, finished, refused."""

import pytest

from tests.fakes.venue_client import VenueClient


@pytest.fixture
def client() -> VenueClient:
    """Return somebody with a long position of one coin, who has seen a trade at 100."""
    client = VenueClient()
    client.place("in")
    client.exchange.on_trade("BTCUSDT", 1_000, 1, client.now_ns)
    client.listen()
    return client


def prints(client: VenueClient, ticks: int) -> None:
    client.exchange.on_trade("BTCUSDT", ticks, 1, client.now_ns)


def test_a_stop_becomes_a_plain_order_with_its_name_and_finishes(client: VenueClient):
    client.place_algo("s", "SELL", "STOP_MARKET", "99", reduceOnly="true")
    prints(client, 991)
    before = client.told()

    prints(client, 990)

    assert before == ["algo s NEW"]
    assert client.told() == [
        "algo s TRIGGERING",
        "order s NEW NEW",
        "lite s",
        "account ORDER",
        "order s TRADE FILLED",
        "algo s TRIGGERED",
        "algo s FINISHED",
    ]
    row = client.ask("GET", "/fapi/v1/algoOrder", clientAlgoId="s")
    order = client.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="s")
    assert row["actualOrderId"] == str(order["orderId"])
    assert (row["algoStatus"], row["actualQty"]) == ("FINISHED", "1.000")
    assert (order["type"], order["origType"]) == ("MARKET", "STOP_MARKET")


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "print_ticks"),
    [
        ("SELL", "TAKE_PROFIT_MARKET", "101", 1_010),
        ("BUY", "STOP_MARKET", "101", 1_010),
        ("BUY", "TAKE_PROFIT_MARKET", "99", 990),
    ],
)
def test_each_kind_waits_on_its_own_side(
    client: VenueClient, side: str, kind: str, trigger: str, print_ticks: int
):
    client.place_algo("s", side, kind, trigger)
    prints(client, 1_000)
    assert client.told() == ["algo s NEW"]

    prints(client, print_ticks)

    assert client.told()[-1] == "algo s FINISHED"


def test_a_stop_that_would_trigger_at_once_is_refused(client: VenueClient):
    assert client.place_algo("s", "SELL", "STOP_MARKET", "100")["code"] == -2021


def test_a_stop_limit_rests_and_finishes_with_its_order(client: VenueClient):
    client.place_algo("s", "SELL", "STOP", "99", price="100.5", timeInForce="GTC")
    prints(client, 990)
    resting = client.told()[-1]

    client.ask("DELETE", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="s")

    assert resting == "algo s TRIGGERED"
    assert client.told() == ["order s CANCELED CANCELED", "algo s FINISHED"]


def test_a_reduce_only_stop_without_a_position_is_rejected_when_it_triggers(client: VenueClient):
    client.place_algo("s", "SELL", "STOP_MARKET", "99", reduceOnly="true")
    client.place("out", side="SELL")
    client.told()

    prints(client, 990)

    assert client.told() == ["algo s TRIGGERING", "algo s REJECTED"]


def test_a_close_all_stop_takes_the_whole_position(client: VenueClient):
    client.place("more", qty="2")
    client.place_algo("s", "SELL", "STOP_MARKET", "99", closePosition="true")

    prints(client, 990)

    assert client.exchange.account.position("BTCUSDT").qty == 0


def test_a_trailing_stop_follows_and_never_loosens(client: VenueClient):
    client.place_algo(
        "t", "SELL", "TRAILING_STOP_MARKET", "", callbackRate="1", activatePrice="101"
    )
    for ticks in (1_000, 1_010, 1_030, 1_025):
        prints(client, ticks)
    before = client.told()

    prints(client, 1_019)

    assert before == ["algo t NEW", "algo t NEW"]
    assert client.told()[0] == "algo t TRIGGERING"


def test_the_mark_price_triggers_what_waits_for_it(client: VenueClient):
    client.place_algo("s", "SELL", "STOP_MARKET", "99", workingType="MARK_PRICE")
    client.exchange.on_mark("BTCUSDT", client.exchange.desk.price_of("BTCUSDT", 995), client.now_ns)
    prints(client, 980)
    before = client.told()

    client.exchange.on_mark("BTCUSDT", client.exchange.desk.price_of("BTCUSDT", 990), client.now_ns)

    assert before == ["algo s NEW"]
    assert client.told()[-1] == "algo s FINISHED"


def test_a_canceled_stop_never_acts(client: VenueClient):
    client.place_algo("s", "SELL", "STOP_MARKET", "99")
    done = client.ask("DELETE", "/fapi/v1/algoOrder", clientAlgoId="s")
    again = client.ask("DELETE", "/fapi/v1/algoOrder", clientAlgoId="s")

    prints(client, 900)

    assert (done["code"], again["code"]) == ("200", -2011)
    assert client.told() == ["algo s NEW", "algo s CANCELED"]


def test_all_of_a_symbol_are_canceled_at_once(client: VenueClient):
    client.place_algo("s", "SELL", "STOP_MARKET", "99")
    client.place_algo("t", "SELL", "STOP_MARKET", "98")

    client.ask("DELETE", "/fapi/v1/algoOpenOrders", symbol="BTCUSDT")

    assert client.ask("GET", "/fapi/v1/openAlgoOrders") == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"kind": "LIMIT"}, -1116),
        ({"algoType": "VP"}, -1130),
        ({"trigger": "99.05"}, -1111),
        ({"trigger": "0"}, -4013),
        ({"kind": "STOP", "price": "0", "timeInForce": "GTC"}, -4013),
        ({"quantity": "0"}, -4003),
        ({"price": "99"}, -1106),
        ({"clientAlgoId": "no blanks"}, -4015),
        ({"kind": "TRAILING_STOP_MARKET", "callbackRate": "21"}, -1130),
        ({"closePosition": "true", "reduceOnly": "true"}, -1106),
    ],
)
def test_what_breaks_a_rule_gets_its_code(client: VenueClient, more: dict[str, str], code: int):
    said = dict(more)
    kind, trigger = said.pop("kind", "STOP_MARKET"), said.pop("trigger", "99")

    assert client.place_algo("s", "SELL", kind, trigger, **said)["code"] == code


def test_two_open_ones_cannot_have_one_name(client: VenueClient):
    client.place_algo("s", "SELL", "STOP_MARKET", "99")

    assert client.place_algo("s", "SELL", "STOP_MARKET", "98")["code"] == -4116
