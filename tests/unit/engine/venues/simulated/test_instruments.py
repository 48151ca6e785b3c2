"""The table of simulated instruments."""

from decimal import Decimal

import pytest

from engine.model.errors import ConfigError
from engine.venues.simulated.instruments import INSTRUMENTS, find_instruments
from engine.venues.simulated.spec import SPEC


def test_bitcoin_moves_in_steps_of_half_a_dollar() -> None:
    bitcoin = find_instruments(("BTC-PERP",))[0]

    assert bitcoin.instrument_id == "simulated:BTC-PERP"
    assert (bitcoin.price_decimals, bitcoin.tick_units) == (1, 5)
    assert (bitcoin.qty_decimals, bitcoin.lot_units) == (3, 1)
    assert bitcoin.described().tick_size == Decimal("0.5")
    assert bitcoin.described().base == "BTC"
    assert bitcoin.described().is_quoted_in_dollars


def test_there_are_twenty_and_the_first_three_are_watched_by_default() -> None:
    assert len({instrument.symbol for instrument in INSTRUMENTS}) == 20
    assert SPEC.instruments == ("BTC-PERP", "ETH-PERP", "SOL-PERP")
    assert SPEC.wire is None
    assert SPEC.endpoints is None


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda row: row.symbol)
def test_one_percent_of_a_price_is_enough_ticks_for_a_book(instrument) -> None:
    assert instrument.price_ticks // 100 >= 60
    assert instrument.lot_units * Decimal(10) ** -instrument.qty_decimals == instrument.lot


def test_instruments_come_in_the_order_asked_for_and_once() -> None:
    found = find_instruments(("SOL-PERP", "BTC-PERP", "SOL-PERP"))

    assert [instrument.symbol for instrument in found] == ["SOL-PERP", "BTC-PERP"]


def test_a_misspelt_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean BTC-PERP"):
        find_instruments(("BTC-PREP",))


def test_a_name_like_no_other_is_refused_with_the_list() -> None:
    with pytest.raises(ConfigError, match="there are BTC-PERP, ETH-PERP"):
        find_instruments(("@@@",))
