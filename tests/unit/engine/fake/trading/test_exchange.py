"""Who may ask what, how often, and how long a listenKey lives."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.fake.trading.auth import KeyRights
from engine.fake.trading.exchange import ExchangeSettings, VenueRequest
from engine.fake.trading.hands import Hands
from engine.fake.trading.limits import LimitRules
from tests.fakes.venue_client import START_NS, VenueClient, signed

ORDER: dict[str, Any] = {"symbol": "BTCUSDT", "origClientOrderId": "a"}


@pytest.fixture
def client() -> VenueClient:
    return VenueClient()


def code_of(client: VenueClient, request: VenueRequest) -> tuple[int, int]:
    reply = client.exchange.handle(request, client.now_ns)
    return reply.status, json.loads(reply.body)["code"]


def changed(request: VenueRequest, **change: object) -> VenueRequest:
    return msgspec.structs.replace(request, **change)


def test_every_byte_of_a_signed_request_counts(client: VenueClient):
    request = signed("GET", "/fapi/v1/order", ORDER, START_NS)

    assert code_of(client, request) == (400, -2013)
    for query in (
        request.query.replace("BTCUSDT", "ETHUSDT"),
        request.query.replace("symbol=BTCUSDT", "symbol=%42TCUSDT"),
        request.query[:-1] + ("0" if request.query[-1] != "0" else "1"),
        f"{request.query}&limit=5",
    ):
        assert code_of(client, changed(request, query=query))[1] in {-1022, -1102}


def test_the_body_is_signed_with_the_query(client: VenueClient):
    import hashlib
    import hmac

    query, body = f"timestamp={START_NS // 1_000_000}", "symbol=BTCUSDT"
    text = (query + body).encode()
    signature = hmac.new(client.exchange.settings.secret.encode(), text, hashlib.sha256).hexdigest()
    request = signed("DELETE", "/fapi/v1/allOpenOrders", {}, START_NS)
    right = changed(request, query=query, body=f"{body}&signature={signature}".encode())
    wrong = changed(request, query=query, body=f"{body}X&signature={signature}".encode())

    assert client.exchange.handle(right, START_NS).status == 200
    assert code_of(client, wrong) == (400, -1022)


def test_keys_are_checked_before_signatures(client: VenueClient):
    request = signed("GET", "/fapi/v1/order", ORDER, START_NS)

    assert code_of(client, changed(request, headers={})) == (401, -2014)
    assert code_of(client, changed(request, headers={"x-mbx-apikey": "k" * 64})) == (401, -2015)


def test_a_revoked_key_and_one_without_trading_right(client: VenueClient):
    hands = Hands(client.exchange)

    hands.set_rights(KeyRights(may_trade=False, may_withdraw=True))
    assert client.place("a")["code"] == -2015
    rights = client.ask("GET", "/sapi/v1/account/apiRestrictions")
    hands.set_rights(KeyRights(is_revoked=True))

    assert (rights["enableFutures"], rights["enableWithdrawals"]) == (False, True)
    assert client.ask("GET", "/fapi/v3/balance")["code"] == -2015
    assert client.exchange.key_refusals == 2


@pytest.mark.parametrize(
    ("offset_ms", "code"),
    [(0, -2013), (999, -2013), (1_000, -1021), (-5_000, -2013), (-5_001, -1021)],
)
def test_a_request_lives_from_a_second_ahead_to_its_window(
    client: VenueClient, offset_ms: int, code: int
):
    request = signed("GET", "/fapi/v1/order", ORDER, START_NS + offset_ms * 1_000_000)

    assert code_of(client, request) == (400, code)


def test_the_venues_clock_decides_and_not_the_true_one(client: VenueClient):
    client.exchange.skew_ns = 30 * 10**9

    assert client.ask("GET", "/fapi/v1/order", **ORDER)["code"] == -1021
    assert client.ask_openly("GET", "/fapi/v1/time") == {
        "serverTime": START_NS // 1_000_000 + 30_000
    }


def test_windows_above_a_minute_and_double_names_are_refused(client: VenueClient):
    assert client.ask("GET", "/fapi/v1/order", **ORDER, recvWindow=60_001)["code"] == -1130
    request = signed("GET", "/fapi/v1/order", ORDER, START_NS)
    twice = changed(request, query=f"symbol=ETHUSDT&{request.query}")
    assert code_of(client, twice) == (400, -1101)


def test_what_does_not_exist_says_so(client: VenueClient):
    request = signed("GET", "/fapi/v9/nothing", {}, START_NS)

    assert code_of(client, request) == (404, -5000)


def test_what_is_listed_can_be_read_back(client: VenueClient):
    from engine.fake.trading.filters import read_rules

    client.ask_openly("GET", "/fapi/v1/exchangeInfo")

    assert read_rules(client.last.body)["BTCUSDT"].tick == Decimal("0.1")


# Rate limits


def test_weight_is_counted_by_the_clock_minute_and_said(client: VenueClient):
    client.ask("GET", "/fapi/v3/balance")
    client.ask("GET", "/fapi/v1/openOrders")
    used = client.last.headers["x-mbx-used-weight-1m"]
    client.wait(60)
    client.ask("GET", "/fapi/v3/balance")

    assert (used, client.last.headers["x-mbx-used-weight-1m"]) == ("45", "5")


def test_whoever_goes_on_above_the_limit_is_banned_for_longer_each_time():
    client = VenueClient(ExchangeSettings(limits=LimitRules(weight_per_minute=10)))
    client.wait(20)
    seen = []
    for _ in range(25):
        client.ask_openly("GET", "/fapi/v1/time")
        seen.append((client.last.status, client.last.headers.get("retry-after")))
    client.wait(200)
    client.ask_openly("GET", "/fapi/v1/time")
    after = client.last.status
    for _ in range(25):
        client.ask_openly("GET", "/fapi/v1/time")

    assert seen == [(200, None)] * 10 + [(429, "40")] * 10 + [(418, "120")] * 5
    assert after == 200
    assert client.last.headers["retry-after"] == "240"
    assert client.exchange.limits.bans == 2


def test_orders_have_limits_of_their_own():
    client = VenueClient(ExchangeSettings(limits=LimitRules(orders_per_10_s=2)))
    client.place("a", price="99")
    client.place("b", price="99")
    counted = client.last.headers["x-mbx-order-count-10s"]

    refused = client.place("c", price="99")
    status = client.last.status
    client.wait(10)
    later = client.place("d", price="99")

    assert (counted, status, refused["code"]) == ("2", 429, -1015)
    assert later["status"] == "NEW"


# The private stream


def test_a_listen_key_is_the_same_until_it_has_ended(client: VenueClient):
    first = client.listen()
    client.wait(3_000)
    client.ask_openly("PUT", "/fapi/v1/listenKey")
    client.wait(3_000)
    same = client.ask_openly("POST", "/fapi/v1/listenKey")["listenKey"]
    client.ask_openly("DELETE", "/fapi/v1/listenKey")
    kept = client.ask_openly("PUT", "/fapi/v1/listenKey")
    other = client.ask_openly("POST", "/fapi/v1/listenKey")["listenKey"]

    assert same == first
    assert other != first
    assert kept["code"] == -1125


def test_a_listen_key_that_nobody_keeps_ends_with_a_word_and_then_silence(client: VenueClient):
    client.listen()

    client.wait(3_600)
    client.place("a")

    assert client.told() == ["listenKeyExpired"]


def test_two_websockets_of_one_key_hear_the_same(client: VenueClient):
    client.listen()
    client.listen()

    client.place("a", price="99")

    assert client.told() == ["order a NEW NEW"] * 2


def test_a_websocket_ends_after_a_day(client: VenueClient):
    client.listen()
    for _ in range(49):
        client.wait(1_800)
        client.ask_openly("PUT", "/fapi/v1/listenKey")

    assert client.closed == [1001]


# Acts of others


def test_what_the_owner_does_by_hand_is_told_and_booked(client: VenueClient):
    hands = Hands(client.exchange)
    client.listen()

    order = hands.place("BTCUSDT", "BUY", Decimal(2), client.now_ns, Decimal("99.9"))
    hands.trade_with(order, 500, client.now_ns)
    hands.cancel(client.exchange.desk.open_orders()[0], client.now_ns)
    hands.close("BTCUSDT", client.now_ns)
    hands.transfer(Decimal(-100), client.now_ns)

    assert [text for text in client.told() if not text.startswith(("lite", "account ORDER"))] == [
        "order web_1 NEW NEW",
        "order web_1 TRADE PARTIALLY_FILLED",
        "order web_1 CANCELED CANCELED",
        "order web_2 NEW NEW",
        "order web_2 TRADE FILLED",
        "account WITHDRAW",
    ]
    assert client.exchange.account.position("BTCUSDT").qty == 0
    assert hands.close("BTCUSDT", client.now_ns) is None


def test_a_liquidation_is_no_trade(client: VenueClient):
    client.place("a")
    client.listen()

    Hands(client.exchange).liquidate("BTCUSDT", client.now_ns)

    assert client.told()[-1] == "order autoclose-1 CALCULATED FILLED"


def test_what_is_delisted_is_settled_with_all_that_is_left_of_it(client: VenueClient):
    hands = Hands(client.exchange)
    client.place("in")
    client.place("a", price="99")
    client.place_algo("stop", "SELL", "STOP_MARKET", "90")
    hands.set_status("BTCUSDT", "SETTLING")
    client.listen()

    hands.settle("BTCUSDT", client.now_ns)

    assert [text for text in client.told() if not text.startswith(("lite", "account"))] == [
        "order a EXPIRED EXPIRED",
        "algo stop EXPIRED",
        "order settlement_autoclose-1 NEW NEW",
        "order settlement_autoclose-1 CALCULATED FILLED",
    ]
    assert client.place("b")["code"] == -4140
    assert hands.settle("BTCUSDT", client.now_ns) is None


def test_another_leverage_is_told_and_binds_more_or_less(client: VenueClient):
    def available() -> Decimal:
        return Decimal(client.ask("GET", "/fapi/v3/account")["availableBalance"])

    hands = Hands(client.exchange)
    all_of_it = available()
    client.place("a", price="99")
    client.listen()

    assert hands.set_leverage("BTCUSDT", 10, client.now_ns)
    assert available() == all_of_it - Decimal("9.9")
    config = client.frames[-1]
    assert (config["e"], config["ac"]) == ("ACCOUNT_CONFIG_UPDATE", {"s": "BTCUSDT", "l": 10})


def test_a_leverage_that_would_leave_too_little_is_not_taken(client: VenueClient):
    hands = Hands(client.exchange)
    client.place("a", qty="150", price="99")

    assert not hands.set_leverage("BTCUSDT", 1, client.now_ns)
    assert client.exchange.desk.rules["BTCUSDT"].leverage == 20


def test_the_venue_may_cancel_and_change_the_steps(client: VenueClient):
    from tests.fakes.venue_client import BTC, a_market

    hands = Hands(client.exchange)
    client.place("in")
    client.place("a", price="99")
    client.place("b", price="98")
    client.listen()
    hands.cancel_by_venue(client.exchange.desk.open_orders()[0], client.now_ns)
    finer = msgspec.structs.replace(BTC, step=Decimal("0.0001"), qty_min=Decimal("0.0001"))

    hands.change_filters(finer, a_market(client.book, finer), client.now_ns)
    hands.close("BTCUSDT", client.now_ns)

    assert client.told()[:2] == ["order a EXPIRED EXPIRED", "order b CANCELED CANCELED"]
    assert client.exchange.account.position("BTCUSDT").qty == 0


def test_funding_of_nothing_moves_nothing(client: VenueClient):
    assert Hands(client.exchange).fund("BTCUSDT", Decimal("0.01"), client.now_ns) == 0
    assert client.exchange.account.income == []
