"""One instrument on OKX's wire: its scales, and what a new description may change."""

import msgspec
import pytest

from engine.model.market import InstrumentUpdated
from engine.venues.okx.channel import Channel
from engine.venues.okx.instruments import described
from engine.venues.okx.payloads import BookLevel, InstrumentData
from tests.fakes.okx_wire import inverse, linear, spot


def a_channel(item: dict[str, str]) -> Channel:
    return Channel(described(msgspec.convert(item, InstrumentData)))


def test_contracts_become_base_exactly():
    channel = a_channel(linear())  # 0.01 a contract, in lots of 0.1 contracts

    assert channel.sizes.decimals == 3
    assert channel.levels([BookLevel("100.5", "3"), BookLevel("99", "0.1")]) == [
        (1_005, 30),
        (990, 1),
    ]


def test_inverse_contracts_and_spot_stay_what_they_are():
    assert a_channel(inverse()).levels([BookLevel("1", "7")]) == [(10, 7)]
    assert a_channel(spot()).levels([BookLevel("1", "7")]) == [(100, 7_000)]


def test_a_description_has_scales_as_fine_as_its_steps():
    channel = a_channel(spot())

    channel.take(described(msgspec.convert(spot(tickSz="0.00001", lotSz="1"), InstrumentData)))

    assert channel.describe() == InstrumentUpdated(channel.instrument, 5, 3)


def test_a_scale_that_no_longer_fits_stays_as_coarse():
    channel = a_channel(spot(tickSz="1"))
    channel.levels([BookLevel("4" + "0" * 18, "1")])

    channel.take(described(msgspec.convert(spot(tickSz="0.1"), InstrumentData)))

    assert channel.prices.decimals == 0


def test_before_anything_was_told_the_contract_may_be_another():
    channel = a_channel(linear())

    channel.take(described(msgspec.convert(linear(ctVal="5"), InstrumentData)))

    assert channel.levels([BookLevel("1", "2")]) == [(10, 100)]
    assert channel.instrument.is_trading


@pytest.mark.parametrize("other", [linear(ctVal="1"), linear(ctVal="")])
def test_afterwards_the_unit_stays_and_nothing_is_traded(other):
    channel = a_channel(linear())
    before = channel.describe().instrument

    channel.take(described(msgspec.convert(other, InstrumentData)))

    assert channel.levels([BookLevel("1", "2")]) == [(10, 20)]
    assert channel.instrument == msgspec.structs.replace(before, is_trading=False)


def test_a_damaged_frame_leaves_the_scales():
    channel = a_channel(spot())
    marks = channel.marks()
    channel.prices.widen(6)
    assert channel.levels([BookLevel("1.234567", "1")])

    channel.reset(marks)

    assert channel.marks() == marks
