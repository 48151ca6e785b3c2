"""How a wire decodes: a finer number widens first, a refused frame leaves no trace."""

from collections.abc import Callable, Sequence

import pytest

from engine.model.envelope import Event
from engine.model.errors import VenuePayloadError
from engine.model.market import InstrumentUpdated, ScalesWidened
from engine.model.numbers import UNITS_MAX
from engine.venues.okx.channel import Channel
from engine.venues.okx.instruments import undescribed
from engine.venues.scaling import decoded, events_of, excerpt, require
from tests.builders import a_trade

NEWS = a_trade()


def a_channel() -> Channel:
    return Channel(undescribed("ABC-USDT"))


def reads(channel: Channel, *texts: str) -> Callable[[str | bytes], Sequence[Event]]:
    """Return a decoder that reads sizes and then has one piece of news."""

    def decode(frame: str | bytes) -> Sequence[Event]:
        for text in texts:
            assert channel.sizes[text] is not None
        return (NEWS,)

    return decode


def test_news_of_an_unknown_instrument_comes_after_its_description():
    channel = a_channel()

    first = events_of(channel, reads(channel, "1"), "")
    second = events_of(channel, reads(channel, "1"), "")

    assert list(first) == [channel.describe(), NEWS]
    assert list(second) == [NEWS]


def test_finer_numbers_widen_once_and_before_the_news():
    channel = a_channel()
    described = channel.describe()

    events = events_of(channel, reads(channel, "1.5", "1.25", "1.125"), "")

    assert list(events) == [ScalesWidened(channel.instrument_id, 0, 3), NEWS]
    assert described.qty_decimals == 0
    assert channel.sizes["1.125"] == 1_125


def test_an_unknown_instrument_is_described_as_it_was_before_it_widened():
    channel = a_channel()

    events = events_of(channel, reads(channel, "0.01"), "")

    description = InstrumentUpdated(channel.instrument, 0, 0)
    assert list(events) == [description, ScalesWidened(channel.instrument_id, 0, 2), NEWS]


@pytest.mark.parametrize(
    "texts",
    [("1", "-1"), ("1.5", "-1"), ("1.5", "1.25", "1e5"), (str(UNITS_MAX - 1), "0.5")],
    ids=["plain", "finer", "finer twice", "no room"],
)
def test_a_refused_frame_leaves_scales_and_announcement(texts: tuple[str, ...]):
    channel = a_channel()
    before = channel.marks()

    with pytest.raises(VenuePayloadError):
        events_of(channel, reads(channel, *texts), "")

    assert (channel.marks(), channel.announced) == (before, False)


@pytest.mark.parametrize("body", ["{", "[1]", b"\xff", "[" * 100_000, "\ud800"], ids=ascii)
def test_what_is_no_json_of_its_shape_is_refused_with_its_beginning(body: str | bytes):
    def decode(frame: str | bytes) -> Sequence[Event]:
        return [NEWS for _ in decoded(frame, list[str])]

    with pytest.raises(VenuePayloadError) as refused:
        events_of(a_channel(), decode, body)

    assert refused.value.excerpt == excerpt(body)
    assert len(excerpt(body)) <= 120


def test_what_makes_no_sense_is_refused_by_name():
    require(True, "fine", "")

    with pytest.raises(VenuePayloadError, match="two args"):
        require(False, "two args", "x")
