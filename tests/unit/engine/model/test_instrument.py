"""Names of instruments."""

import pytest

from engine.model.instrument import instrument_id, symbol_of, venue_of
from tests.builders import an_instrument


@pytest.mark.parametrize("symbol", ["BTCUSDT", "kPEPE", "KPEPE", "币安人生USDT", "BTC:PERP"])
def test_venue_and_symbol_come_out_as_they_went_in(symbol: str):
    found = instrument_id("binance_futures", symbol)

    assert (venue_of(found), symbol_of(found)) == ("binance_futures", symbol)


@pytest.mark.parametrize(("venue", "symbol"), [("", "BTCUSDT"), ("binance", "")])
def test_an_id_without_venue_or_symbol_is_a_programmers_error(venue: str, symbol: str):
    with pytest.raises(AssertionError):
        instrument_id(venue, symbol)


@pytest.mark.parametrize(
    ("quote", "is_dollars"),
    [("USD", True), ("USDT", True), ("USDC", True), ("FDUSD", False), ("BTC", False), ("", False)],
)
def test_dollars_are_three_currencies(quote: str, is_dollars: bool):
    assert an_instrument(quote=quote).is_quoted_in_dollars is is_dollars
