"""The trades so far, as the REST endpoints give them."""

from engine.fake.binance_frames import Print
from engine.fake.trade_rows import TradeRows


def a_print(number: int, kind: str = "MARKET") -> Print:
    return Print("1.5", "2", 1_000, True, kind, single_id=number, aggregated_id=number)


def rows(*kinds: str) -> TradeRows:
    """Return trades of these kinds, numbered from 1."""
    seen = TradeRows()
    for number, kind in enumerate(kinds, start=1):
        seen.see(kind, a_print(number))
    return seen


def test_single_and_aggregated_trades_are_kept_apart():
    seen = rows("trade", "aggTrade")

    assert [row["id"] for row in seen.newest(10)] == [1]
    assert [row["a"] for row in seen.aggregated(None, 10)] == [2]


def test_aggregated_trades_are_given_from_an_id_on():
    seen = rows(*["aggTrade"] * 5)

    assert [row["a"] for row in seen.aggregated(3, 2)] == [3, 4]
    assert [row["a"] for row in seen.aggregated(None, 2)] == [4, 5]


def test_a_print_that_was_no_trade_of_the_market_is_none():
    seen = TradeRows()

    seen.see("trade", a_print(1, "NA"))

    assert seen.newest(10) == []
