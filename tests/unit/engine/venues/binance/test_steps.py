"""Whole steps and the venue's texts: exact both ways, and nothing hostile gets in."""

from decimal import Decimal

import pytest

from engine.model.errors import UnsupportedByVenue, VenuePayloadError
from engine.model.instrument import InstrumentId
from engine.venues.binance.steps import Listing, Steps, amount
from tests.fakes.binance_trading import ABC, instrument

STEPS = Steps(ABC, "ABCUSDT", Decimal("0.05"), Decimal("0.001"))

HOSTILE = (
    *("", " 1", "1 ", "1\n", "+1", "1e5", "1E5", "1e600000", "nan", "NaN", "inf", "-inf", "0x10"),
    *(
        "1_000",
        "1,000",
        ".5",
        "5.",
        "1.",
        "--1",
        "٣",
        "\uff11",
        "1" * 21,
        "0." + "1" * 31,
        "1" * 10**6,
    ),
)


@pytest.mark.parametrize(("text", "ticks"), [("0", 0), ("10", 200), ("10.05", 201), ("0.0500", 1)])
def test_a_price_is_a_whole_number_of_ticks(text: str, ticks: int):
    assert STEPS.ticks(text) == ticks


@pytest.mark.parametrize("text", ["0.01", "10.04", "0.0500000001", "9223372036854775807", *HOSTILE])
def test_what_lies_between_two_steps_or_is_no_number_is_refused(text: str):
    with pytest.raises(VenuePayloadError):
        STEPS.ticks(text)


@pytest.mark.parametrize(("text", "ticks"), [("", None), ("0", None), ("0.00", None), ("0.1", 2)])
def test_a_price_may_be_left_out(text: str, ticks: int | None):
    assert STEPS.ticks_or_none(text) == ticks


@pytest.mark.parametrize(("text", "lots"), [("0", 0), ("-0", 0), ("1.5", 1_500), ("-0.001", -1)])
def test_a_position_has_a_sign(text: str, lots: int):
    assert STEPS.signed_lots(text) == lots


@pytest.mark.parametrize("text", ["-", "--1", "-0.0001", "-1e5", "- 1"])
def test_a_position_that_is_no_number_is_refused(text: str):
    with pytest.raises(VenuePayloadError):
        STEPS.signed_lots(text)


@pytest.mark.parametrize(
    ("tick", "ticks", "text"),
    [
        ("0.05", 1, "0.05"),
        ("0.05", 20, "1"),
        ("0.05", 10**15 + 1, "50000000000000.05"),
        ("1E-8", 1, "0.00000001"),
        ("1E-8", 10**8, "1"),
        ("1E+2", 3, "300"),
        ("0.10", 7, "0.7"),
        ("2.5", 3, "7.5"),
    ],
)
def test_a_price_is_written_plainly(tick: str, ticks: int, text: str):
    steps = Steps(ABC, "ABCUSDT", Decimal(tick), Decimal(1))

    assert (steps.price_text(ticks), steps.ticks(text)) == (text, ticks)


@pytest.mark.parametrize("text", ["0", "-0.5", "1" * 20 + "." + "1" * 20])
def test_an_amount_is_what_it_says(text: str):
    assert amount(text) == Decimal(text)


@pytest.mark.parametrize("text", [*HOSTILE, "-", "1" * 21, "1." + "1" * 21])
def test_an_amount_that_is_no_plain_number_is_refused(text: str):
    with pytest.raises(VenuePayloadError):
        amount(text)


def test_a_listing_knows_what_has_steps():
    listing = Listing("binance_futures")
    listing.learn(instrument())
    listing.learn(instrument("NOTICK", tick=None))
    listing.learn(instrument("NOLOT", lot=None))

    assert [one.symbol for one in listing.watched()] == ["ABCUSDT"]
    assert listing.write(ABC) == listing.read("ABCUSDT") == listing.named("ABCUSDT")
    assert listing.named("NOTICK") is None


def test_new_steps_replace_old_ones():
    listing = Listing("binance_futures")
    listing.learn(instrument())
    listing.learn(instrument(tick="0.5"))

    assert listing.read("ABCUSDT").tick == Decimal("0.5")
    assert len(listing.watched()) == 1


@pytest.mark.parametrize("key", ["binance_futures:XYZUSDT", "binance:ABCUSDT"])
def test_of_an_unknown_instrument_nothing_is_written_or_read(key: str):
    listing = Listing("binance_futures")
    listing.learn(instrument())

    with pytest.raises(UnsupportedByVenue, match="has not said its steps"):
        listing.write(InstrumentId(key))
    with pytest.raises(VenuePayloadError, match="clear it at the venue"):
        listing.read("XYZUSDT")


@pytest.mark.parametrize(
    ("text", "ticks"), [("10.0249", 200), ("10.025", 201), ("10.05", 201), ("0.01", 0)]
)
def test_a_price_between_two_ticks_has_a_nearest(text: str, ticks: int):
    assert STEPS.nearest_ticks(text) == ticks


@pytest.mark.parametrize("text", ["9223372036854775807", *HOSTILE])
def test_what_is_no_number_has_no_nearest_tick(text: str):
    with pytest.raises(VenuePayloadError):
        STEPS.nearest_ticks(text)
