"""Plain orders at the fake exchange: what is taken, what becomes of it and what is told."""

from decimal import Decimal

import msgspec
import pytest

from engine.fake.trading.exchange import ExchangeSettings
from engine.fake.trading.hands import Hands
from tests.fakes.venue_client import BTC, VenueClient, a_market


@pytest.fixture
def client() -> VenueClient:
    return VenueClient()


def position(client: VenueClient) -> Decimal:
    return client.exchange.account.position("BTCUSDT").qty


def test_a_market_order_is_told_in_the_order_in_which_it_happens(client: VenueClient):
    client.listen()

    client.place("a")

    assert client.told() == [
        "order a NEW NEW",
        "lite a",
        "account ORDER",
        "order a TRADE FILLED",
    ]
    assert position(client) == 1


def test_an_ack_says_nothing_of_the_fill_and_a_result_all(client: VenueClient):
    acked = client.place("a")
    told = client.place("b", newOrderRespType="RESULT")

    assert (acked["status"], acked["executedQty"]) == ("NEW", "0")
    assert (told["status"], told["executedQty"]) == ("FILLED", "1.000")


def test_a_resting_order_is_filled_by_the_tape_when_its_queue_is_through(client: VenueClient):
    client.place("a", price="100.0")
    client.listen()

    client.exchange.on_trade("BTCUSDT", 1_000, 10_000, client.now_ns)
    before = client.told()
    client.exchange.on_trade("BTCUSDT", 1_000, 400, client.now_ns)
    client.exchange.on_trade("BTCUSDT", 1_000, 600, client.now_ns)

    assert before == []
    assert [text for text in client.told() if text.startswith("order")] == [
        "order a TRADE PARTIALLY_FILLED",
        "order a TRADE FILLED",
    ]
    assert client.exchange.account.trades[-1].is_maker


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"price": "100.05"}, -1111),
        ({"price": "100.1", "qty": "0.0005"}, -1111),
        ({"price": "100.1", "qty": "0"}, -4003),
        ({"price": "0"}, -4013),
        ({"price": "100.1", "qty": "1000001"}, -4005),
        ({"price": "100.1", "qty": "0.010"}, -4164),
        ({"price": "100.1", "timeInForce": "DAY"}, -1115),
        ({"price": "100.1", "reduceOnly": "true"}, -2022),
        ({"price": "100.1", "side": "LONG"}, -1117),
        ({"price": "100.1", "positionSide": "LONG"}, -4061),
        ({"price": "100.1", "symbol": "NOPE"}, -1121),
        ({"price": "1e2"}, -1100),
        ({"price": "100.1", "qty": "3000"}, -2019),
        ({"qty": ""}, -1102),
        ({"type": "STOP_MARKET"}, -4120),
        ({"type": "ICEBERG"}, -1116),
        ({"timeInForce": "GTC"}, -1106),
        ({"price": "100.1", "newClientOrderId": "no blanks"}, -4015),
        ({"price": "100.1", "timeInForce": "GTX"}, -5022),
        ({"price": "100.0", "timeInForce": "FOK"}, -5021),
    ],
)
def test_an_order_that_breaks_a_rule_gets_its_code_and_leaves_no_trace(
    client: VenueClient, more: dict[str, str], code: int
):
    client.listen()

    answer = client.place("a", **more)

    assert (client.last.status, answer["code"]) == (400, code)
    assert client.told() == []
    assert list(client.exchange.desk.all_orders()) == []
    assert client.exchange.placed == {}


def test_a_price_far_from_the_mark_is_refused(client: VenueClient):
    client.exchange.on_mark("BTCUSDT", Decimal(100), client.now_ns)

    assert client.place("a", price="111")["code"] == -4016
    assert client.place("b", side="SELL", price="89")["code"] == -4024


def test_a_client_order_id_is_free_again_once_its_order_has_ended(client: VenueClient):
    client.place("a", price="99.9")
    again = client.place("a", price="99.9")
    client.ask("DELETE", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="a")
    later = client.place("a", price="99.9")

    assert again["code"] == -4116
    assert later["status"] == "NEW"
    assert client.exchange.placed == {"a": 2}


def test_an_ioc_order_takes_what_is_there_and_the_rest_expires(client: VenueClient):
    client.listen()

    client.place("a", qty="11", price="100.1", timeInForce="IOC")

    assert client.told()[-2:] == ["order a TRADE PARTIALLY_FILLED", "order a EXPIRED EXPIRED"]
    assert position(client) == 10


def test_a_venue_may_take_a_post_only_order_and_let_it_expire(client: VenueClient):
    client.exchange.desk.is_post_only_told = True
    client.listen()

    answer = client.place("a", price="100.1", timeInForce="GTX")

    assert answer["status"] == "NEW"
    assert client.told() == ["order a NEW NEW", "order a EXPIRED EXPIRED"]


def test_an_amended_order_changes_and_is_told(client: VenueClient):
    client.place("a", price="99.9")
    client.listen()
    named = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "a"}

    same = client.ask("PUT", "/fapi/v1/order", **named, price="99.9", quantity="1")
    changed = client.ask("PUT", "/fapi/v1/order", **named, price="99.8", quantity="2")

    assert same["code"] == -5027
    assert (changed["price"], changed["origQty"], changed["status"]) == ("99.8", "2", "NEW")
    assert client.told() == ["order a AMENDMENT NEW"]


def test_an_amend_below_what_is_filled_or_across_the_book_cancels(client: VenueClient):
    hands = Hands(client.exchange)
    client.place("a", price="99.9")
    client.place("b", price="99.9", timeInForce="GTX")
    hands.trade_with(client.exchange.desk.open_orders()[0], 500, client.now_ns)

    for name, price, qty in (("a", "99.8", "0.5"), ("b", "100.1", "1")):
        named = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": name}
        answer = client.ask("PUT", "/fapi/v1/order", **named, price=price, quantity=qty)
        assert answer["status"] == "CANCELED"


def test_only_limit_orders_that_are_open_can_be_amended(client: VenueClient):
    client.place("a")
    named = {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "a"}

    answer = client.ask("PUT", "/fapi/v1/order", **named, price="99.8", quantity="2")

    assert answer["code"] == -2013


def test_canceling_what_is_gone_says_unknown_order(client: VenueClient):
    client.place("a")

    for name in ("a", "never"):
        named = {"symbol": "BTCUSDT", "origClientOrderId": name}
        assert client.ask("DELETE", "/fapi/v1/order", **named)["code"] == -2011


def test_reduce_only_orders_are_cut_to_the_position_and_go_with_it(client: VenueClient):
    client.place("in")
    client.place("out", side="SELL", qty="5", price="101", reduceOnly="true")
    client.listen()

    client.exchange.on_trade("BTCUSDT", 1_020, 9_000, client.now_ns)

    assert position(client) == 0
    assert client.told()[-2:] == ["order out TRADE PARTIALLY_FILLED", "order out EXPIRED EXPIRED"]


def test_a_good_till_date_order_expires_by_itself(client: VenueClient):
    till_ms = client.now_ns // 1_000_000 + 700_000
    soon = client.place("x", price="99", timeInForce="GTD", goodTillDate=str(till_ms - 200_000))
    client.place("a", price="99", timeInForce="GTD", goodTillDate=str(till_ms))
    client.wait(600)
    before = len(client.exchange.desk.open_orders())

    client.wait(101)

    assert soon["code"] == -1130
    assert (before, len(client.exchange.desk.open_orders())) == (1, 0)


@pytest.mark.parametrize("stops_go_along", [False, True])
def test_the_dead_man_timer_cancels_orders_unless_it_is_set_anew(
    client: VenueClient, stops_go_along: bool
):
    client.exchange.stops_go_along = stops_go_along
    client.place("a", price="99")
    client.place_algo("s", "SELL", "STOP_MARKET", "90")
    for _ in range(3):
        client.ask("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=5_000)
        client.wait(4)
    still = len(client.exchange.desk.open_orders())

    client.wait(1.5)

    assert (still, len(client.exchange.desk.open_orders())) == (1, 0)
    assert len(client.exchange.algos.open_algos()) == (not stops_go_along)


def test_the_dead_man_timer_can_be_ended(client: VenueClient):
    client.place("a", price="99")
    for after_ms in (5_000, 0):
        client.ask("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=after_ms)

    client.wait(60)

    assert len(client.exchange.desk.open_orders()) == 1


@pytest.mark.parametrize("stops_go_along", [False, True])
def test_canceling_all_means_plain_orders_and_conditional_ones_where_that_is_so(
    client: VenueClient, stops_go_along: bool
):
    client.exchange.stops_go_along = stops_go_along
    client.place("a", price="99")
    client.place("b", price="98")
    client.place_algo("s", "SELL", "STOP_MARKET", "90")

    client.ask("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")

    assert client.ask("GET", "/fapi/v1/openOrders", symbol="BTCUSDT") == []
    algos = client.ask("GET", "/fapi/v1/openAlgoOrders", symbol="BTCUSDT")
    assert len(algos) == (not stops_go_along)


def test_a_symbol_has_room_for_so_many_orders():
    client = VenueClient(ExchangeSettings(cash=Decimal(10**6)))
    rules = msgspec.structs.replace(BTC, orders_max=2)
    client.exchange.list_symbol(rules, a_market(client.book))

    answers = [client.place(name, price="99") for name in "abc"]

    assert [answer.get("code") for answer in answers] == [None, None, -2025]


def test_a_halted_symbol_takes_nothing(client: VenueClient):
    Hands(client.exchange).set_status("BTCUSDT", "SETTLING")

    assert client.place("a")["code"] == -4140
    assert client.place_algo("s", "SELL", "STOP_MARKET", "90")["code"] == -4140


def test_without_a_book_nothing_can_be_ordered(client: VenueClient):
    client.book.state = "invalid"

    assert client.place("a")["code"] == -2010
