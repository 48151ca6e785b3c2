"""Questions to the fake exchange: pages, windows, and the replica that lags."""

from decimal import Decimal

import pytest

from engine.fake.trading.hands import Hands
from tests.fakes.venue_client import VenueClient


@pytest.fixture
def client() -> VenueClient:
    return VenueClient()


def test_a_replica_that_lags_does_not_know_a_young_order(client: VenueClient):
    client.wait(100)
    client.place("a", price="99")
    client.wait(10)
    named = {"symbol": "BTCUSDT", "origClientOrderId": "a"}

    lagging = client.ask_lagging(20, "GET", "/fapi/v1/order", **named)
    fresh = client.ask_lagging(5, "GET", "/fapi/v1/order", **named)

    assert lagging["code"] == -2013
    assert fresh["status"] == "NEW"
    assert client.ask_lagging(20, "GET", "/fapi/v1/openOrders") == []


def test_a_replica_that_lags_still_shows_what_is_over(client: VenueClient):
    client.place("a", price="99.9")
    client.wait(50)
    client.exchange.on_trade("BTCUSDT", 990, 100_000, client.now_ns)
    client.wait(10)

    [still] = client.ask_lagging(30, "GET", "/fapi/v1/openOrders")
    positions = client.ask_lagging(30, "GET", "/fapi/v3/positionRisk")
    [balance] = client.ask_lagging(30, "GET", "/fapi/v3/balance")

    assert (still["clientOrderId"], still["status"]) == ("a", "NEW")
    assert positions[0]["positionAmt"] == "0"
    assert balance["balance"] == "10000.00000000"
    assert client.ask_lagging(30, "GET", "/fapi/v1/userTrades", symbol="BTCUSDT") == []
    assert client.ask("GET", "/fapi/v1/openOrders") == []


def test_fills_are_paged_by_number_without_holes(client: VenueClient):
    for number in range(7):
        client.place(f"o{number}", qty="0.1")
    found: list[int] = []
    from_id = 0

    while rows := client.ask(
        "GET", "/fapi/v1/userTrades", symbol="BTCUSDT", fromId=from_id, limit=3
    ):
        found += [row["id"] for row in rows]
        from_id = found[-1] + 1

    assert found == [trade.trade_id for trade in client.exchange.account.trades]


def test_fills_since_a_moment_begin_with_the_oldest(client: VenueClient):
    for number in range(4):
        client.place(f"o{number}", qty="0.1")
        client.wait(10)
    since_ms = client.now_ns // 1_000_000 - 25_000

    rows = client.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", startTime=since_ms, limit=1)

    assert rows[0]["id"] == client.exchange.account.trades[2].trade_id


def test_a_window_of_more_than_seven_days_is_refused(client: VenueClient):
    week_ms = 7 * 24 * 3_600_000
    wide = client.ask(
        "GET", "/fapi/v1/userTrades", symbol="BTCUSDT", startTime=0, endTime=week_ms + 1
    )
    mixed = client.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", fromId=1, startTime=1)

    assert (wide["code"], mixed["code"]) == (-4165, -1128)


def test_the_fills_of_one_order_are_found_by_its_number(client: VenueClient):
    client.place("a", qty="0.1")
    order = client.place("b", qty="12")

    rows = client.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", orderId=order["orderId"])

    assert [(row["price"], row["qty"]) for row in rows] == [("100.1", "10.000"), ("100.2", "2.000")]


def test_income_is_paged_and_filtered(client: VenueClient):
    client.place("a")
    Hands(client.exchange).fund("BTCUSDT", Decimal("0.0001"), client.now_ns)
    Hands(client.exchange).transfer(Decimal(50), client.now_ns)

    rows = client.ask("GET", "/fapi/v1/income")
    second = client.ask("GET", "/fapi/v1/income", limit=1, page=2)
    [funding] = client.ask("GET", "/fapi/v1/income", incomeType="FUNDING_FEE")

    kinds = [row["incomeType"] for row in rows]
    assert kinds == ["COMMISSION", "FUNDING_FEE", "TRANSFER"]
    assert second == [rows[1]]
    assert funding["income"] == "-0.01000000"


def test_an_order_that_ended_unfilled_is_forgotten_after_three_days(client: VenueClient):
    client.place("a", price="99")
    named = {"symbol": "BTCUSDT", "origClientOrderId": "a"}
    client.ask("DELETE", "/fapi/v1/order", **named)
    client.wait(2 * 24 * 3_600)
    still = client.ask("GET", "/fapi/v1/order", **named)

    client.wait(2 * 24 * 3_600)

    assert still["status"] == "CANCELED"
    assert client.ask("GET", "/fapi/v1/order", **named)["code"] == -2013


def test_all_orders_lists_the_ended_ones_too(client: VenueClient):
    client.place("a", price="99")
    client.place("b")

    rows = client.ask("GET", "/fapi/v1/allOrders", symbol="BTCUSDT")

    assert [(row["clientOrderId"], row["status"]) for row in rows] == [
        ("a", "NEW"),
        ("b", "FILLED"),
    ]


def test_the_account_in_one_answer(client: VenueClient):
    client.place("a")

    account = client.ask("GET", "/fapi/v3/account")

    assert account["positions"][0]["positionAmt"] == "1.000"
    assert account["totalWalletBalance"] == "9999.94995000"
    one = client.ask("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", origClientOrderId="a")
    assert one["code"] == -2013


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/fapi/v1/order", {"symbol": "BTCUSDT"}),
        ("/fapi/v1/algoOrder", {}),
        ("/fapi/v1/order", {"origClientOrderId": "a"}),
    ],
)
def test_a_question_must_say_what_it_asks_for(
    client: VenueClient, path: str, params: dict[str, str]
):
    assert client.ask("GET", path, **params)["code"] == -1102


def test_limits_of_pages_are_checked(client: VenueClient):
    answer = client.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", limit=1_001)

    assert answer["code"] == -1130


def test_margin_is_what_positions_and_orders_leave_of_the_money(client: VenueClient):
    [before] = client.ask("GET", "/fapi/v3/balance")
    client.place("in", price="100.1", qty="1")
    client.place("rests", price="90", qty="2")
    [after] = client.ask("GET", "/fapi/v3/balance")
    account = client.exchange.account
    [position] = client.ask("GET", "/fapi/v3/positionRisk")
    mark = Decimal(position["markPrice"])

    assert before["availableBalance"] == before["balance"] == "10000.00000000"
    assert Decimal(after["crossUnPnl"]) == mark - Decimal("100.1")
    margin = account.cash + mark - Decimal("100.1")
    assert Decimal(after["availableBalance"]) == margin - (mark + 180) / 20


def test_a_position_is_liquidated_where_the_money_ends(client: VenueClient):
    Hands(client.exchange).transfer(Decimal(-9_900), client.now_ns)
    client.place("in", price="100.1", qty="8")
    [position] = client.ask("GET", "/fapi/v3/positionRisk")
    mark, end = Decimal(position["markPrice"]), Decimal(position["liquidationPrice"])
    money = client.exchange.account.cash + 8 * (end - Decimal("100.1"))

    assert 0 < end < mark
    assert abs(money - Decimal("0.004") * 8 * mark) < Decimal("0.001")
