"""exchangeInfo of futures and spot, and names without any description."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.model.errors import VenuePayloadError
from engine.model.instrument import Instrument
from engine.venues.binance.instruments import described, undescribed
from engine.venues.binance.payloads import SymbolInfo
from tests.fakes.binance_wire import symbol_info


def instrument(venue: str = "binance_futures", **more: Any) -> Instrument:
    info = msgspec.convert(symbol_info("ABCUSDT", **more), SymbolInfo)
    return described(venue, info)


def test_futures_say_notional():
    found = instrument()

    assert (found.tick_size, found.lot_size) == (Decimal("0.01"), Decimal("0.001"))
    assert (found.notional_min, found.is_trading) == (Decimal(5), True)
    assert (found.instrument_id, found.base, found.quote) == (
        "binance_futures:ABCUSDT",
        "ABC",
        "USDT",
    )
    assert found.sequence_rule == "previous_id"


@pytest.mark.parametrize("kind", ["NOTIONAL", "MIN_NOTIONAL"])
def test_spot_says_min_notional_in_either_filter(kind: str):
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "stepSize": "0.00010000"},
        {"filterType": kind, "minNotional": "5.00000000", "applyMinToMarket": True},
    ]

    found = instrument("binance", filters=filters)

    assert found.notional_min == 5
    assert (found.tick_size, found.lot_size) == (Decimal("0.01"), Decimal("0.0001"))
    assert found.sequence_rule == "contiguous_ids"


@pytest.mark.parametrize("symbol", ["", "A\n", "X" * 41])
def test_what_has_no_name_is_refused(symbol: str):
    info = msgspec.convert(symbol_info(symbol), SymbolInfo)

    with pytest.raises(VenuePayloadError, match="not a symbol"):
        described("binance_futures", info)


def test_a_step_of_zero_is_none():
    found = instrument(tick="0.00000000", lot="0")

    assert (found.tick_size, found.lot_size) == (None, None)


def test_missing_filters_leave_the_steps_open():
    found = instrument(filters=[{"filterType": "PRICE_FILTER"}, {"filterType": "NOTIONAL"}])

    assert (found.tick_size, found.lot_size, found.notional_min) == (None, None, None)


@pytest.mark.parametrize(
    "status", ["PENDING_TRADING", "SETTLING", "CLOSE", "BREAK", "CANCEL_ONLY", "HALT"]
)
def test_only_trading_is_trading(status: str):
    assert not instrument(status=status).is_trading


@pytest.mark.parametrize("step", ["NaN", "Infinity", "-0.01", "1e-2", "0.01 ", "1e99999999", "x"])
def test_a_step_that_is_none_is_refused(step: str):
    with pytest.raises(VenuePayloadError):
        instrument(tick=step)


def test_a_step_finer_than_any_is_refused():
    with pytest.raises(VenuePayloadError):
        instrument(tick="0.00000000000000001")


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [
        ("BTCUSDT", "BTC", "USDT"),
        ("ETHBTC", "ETH", "BTC"),
        ("BTCFDUSD", "BTC", "FDUSD"),
        ("BTCUSD", "BTC", "USD"),
        ("USDT", "USDT", ""),
        ("BTCUSDT_261225", "BTCUSDT_261225", ""),
        ("币安人生USDT", "币安人生", "USDT"),
    ],
)
def test_a_name_alone_tells_its_quote_where_it_can(symbol: str, base: str, quote: str):
    found = undescribed("binance", symbol)

    assert (found.base, found.quote, found.tick_size) == (base, quote, None)
    assert not found.is_trading
