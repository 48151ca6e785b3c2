"""OKX's lists: spot and linear contracts in base amounts, inverse contracts as contracts."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.model.errors import VenuePayloadError
from engine.model.instrument import Instrument
from engine.venues.okx.instruments import described, undescribed
from engine.venues.okx.payloads import InstrumentData
from tests.fakes.okx_wire import inverse, linear, spot


def listed(item: dict[str, Any]) -> Instrument:
    return described(msgspec.convert(item, InstrumentData))


def test_spot_has_the_venues_own_steps():
    found = listed(spot("ABC-USDT"))

    assert (found.base, found.quote) == ("ABC", "USDT")
    assert (found.tick_size, found.lot_size) == (Decimal("0.01"), Decimal("0.001"))
    assert (found.contract_size, found.is_inverse, found.is_trading) == (None, False, True)
    assert (found.instrument_id, found.sequence_rule) == ("okx:ABC-USDT", "linked_ids")


@pytest.mark.parametrize(
    ("value", "times", "lot", "contract", "in_base"),
    [
        ("0.01", "1", "0.1", "0.01", "0.001"),
        ("0.01", "10", "1", "0.1", "0.1"),
        ("10000000", "1", "0.1", "10000000", "1000000"),
        ("0.001", "", "0.01", "0.001", "0.00001"),
    ],
)
def test_a_linear_contract_is_counted_in_base(value, times, lot, contract, in_base):
    found = listed(linear(ctVal=value, ctMult=times, lotSz=lot))

    assert found.contract_size == Decimal(contract)
    assert found.lot_size == Decimal(in_base)
    assert (found.base, found.quote, found.is_trading) == ("ABC", "USDT", True)


def test_a_dated_linear_contract_is_one_like_others():
    found = listed(linear(instId="ABC-USDT-270326", instType="FUTURES"))

    assert (found.contract_size, found.quote) == (Decimal("0.01"), "USDT")


@pytest.mark.parametrize("symbol", ["ABC-USD-SWAP", "ABC-USD-270326"])
def test_an_inverse_contract_stays_contracts_and_is_told_apart(symbol):
    found = listed(inverse(symbol))

    assert (found.is_inverse, found.contract_size, found.lot_size) == (True, None, Decimal(1))
    assert (found.base, found.quote) == ("ABC", "USD")


@pytest.mark.parametrize(
    "damage", [{"ctType": ""}, {"ctVal": ""}, {"ctVal": "0"}, {"lotSz": ""}, {"ctMult": "0"}]
)
def test_a_contract_of_unknown_amount_has_no_lot_and_no_quote(damage):
    found = listed(linear(**damage))

    assert (found.lot_size, found.quote) == (None, "")


@pytest.mark.parametrize("state", ["suspend", "preopen", "test", ""])
def test_only_live_is_trading(state):
    assert not listed(spot(state=state)).is_trading


@pytest.mark.parametrize("field", ["tickSz", "lotSz", "ctVal", "ctMult"])
@pytest.mark.parametrize("text", ["-1", "1e-5", "NaN", "0.0000000000001", "many"])
def test_a_step_that_is_no_plain_number_is_refused(field, text):
    with pytest.raises(VenuePayloadError):
        listed(linear(**{field: text}))


@pytest.mark.parametrize(
    ("symbol", "base", "quote", "is_inverse"),
    [
        ("ABC-USDT", "ABC", "USDT", False),
        ("ABC-USD-SWAP", "ABC", "USD", True),
        ("ABC-USD-270326", "ABC", "USD", True),
        ("ABC-USDT-SWAP", "ABC", "", False),
        ("ABC-USD-270326-22000-C", "ABC", "", False),
        ("ABC", "ABC", "", False),
    ],
)
def test_a_name_alone_tells_no_more_than_it_holds(symbol, base, quote, is_inverse):
    found = undescribed(symbol)

    assert (found.base, found.quote, found.is_inverse) == (base, quote, is_inverse)
    assert (found.tick_size, found.lot_size, found.is_trading) == (None, None, False)
