"""How every wire decodes a frame of one instrument: exactly, or leaving no trace.

A number finer than the instrument's scale widens that first and the frame is decoded again. A
frame that is refused in the end leaves scales and announcement as they were.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from engine.model.envelope import Event
from engine.model.errors import VenuePayloadError
from engine.model.instrument import Instrument, symbol_of
from engine.model.market import InstrumentUpdated, ScalesWidened
from engine.model.numbers import DECIMALS_MAX, FinerText, TextScale, decimals_of

T = TypeVar("T")

EXCERPT_LETTERS: Final = 120
ONE: Final = Decimal(1)

UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding raises: not JSON or of another shape, not UTF-8, nested too deep."""

Marks = tuple[int, int, int, int]
"""Decimals and largest number of prices, then of sizes."""


class Scaled:
    """One instrument on a wire, with the scales of its texts.

    `announced` tells whether the kernel was told of it.
    """

    __slots__ = ("announced", "instrument", "instrument_id", "prices", "sizes", "symbol")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.instrument_id = instrument.instrument_id
        self.symbol = symbol_of(instrument.instrument_id)
        self.prices = TextScale(_decimals(instrument.tick_size))
        self.sizes = sizes_of(instrument)
        self.announced = False

    def describe(self) -> InstrumentUpdated:
        """Return the announcement."""
        self.announced = True
        return InstrumentUpdated(self.instrument, self.prices.decimals, self.sizes.decimals)

    def take(self, instrument: Instrument) -> None:
        """Take in a new description, with scales that are at least as fine as its steps."""
        self.instrument = instrument
        for scale, step in (
            (self.prices, instrument.tick_size),
            (self.sizes, instrument.lot_size),
        ):
            decimals = _decimals(step)
            if decimals > scale.decimals:
                try:
                    scale.widen(decimals)
                except VenuePayloadError:
                    continue  # It does not fit beside a number already seen: stay as coarse.

    def marks(self) -> Marks:
        """Return what a frame can change, to come back to if it is refused."""
        prices, sizes = self.prices, self.sizes
        return prices.decimals, prices.largest, sizes.decimals, sizes.largest

    def reset(self, marks: Marks) -> None:
        """Be as before a frame that turned out to be damaged."""
        if marks != self.marks():
            self.prices.reset(*marks[:2])
            self.sizes.reset(*marks[2:])


def sizes_of(instrument: Instrument) -> TextScale:
    """Return the scale of an instrument's sizes, which the venue may count in contracts."""
    return TextScale(_decimals(instrument.lot_size), instrument.contract_size or ONE)


def _decimals(step: Decimal | None) -> int:
    return min(DECIMALS_MAX, decimals_of(step or ONE))


def events_of(
    channel: Scaled,
    decode: Callable[[str | bytes], Sequence[Event]],
    frame: str | bytes,
) -> Sequence[Event]:
    """Decode a frame, after the announcement of its instrument if that is still to come.

    Raises:
        VenuePayloadError: It cannot be read; nothing of it was taken.
    """
    before = channel.marks()
    try:
        events = decode(frame)
    except FinerText as finer:
        return _widened(channel, decode, frame, finer, before)
    except VenuePayloadError:
        channel.reset(before)
        raise
    except UNREADABLE as error:
        channel.reset(before)
        raise unreadable(error, frame) from error
    return events if channel.announced else [channel.describe(), *events]


def decoded(body: str | bytes, shape: type[T]) -> T:
    """Decode JSON of a shape.

    Raises:
        VenuePayloadError: It is not.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except UNREADABLE as error:
        raise unreadable(error, body) from error


def unreadable(error: Exception, frame: str | bytes) -> VenuePayloadError:
    """Return the refusal of a frame that is no JSON of its shape."""
    return VenuePayloadError(f"unreadable: {error}"[:160], excerpt(frame))


def excerpt(body: str | bytes) -> str:
    """Return the beginning of a frame as text."""
    begin = body[:EXCERPT_LETTERS]
    return begin if isinstance(begin, str) else begin.decode("ascii", "replace")


def require(condition: bool, field: str, text: str) -> None:
    """Refuse a frame whose content makes no sense.

    Raises:
        VenuePayloadError: The condition does not hold.
    """
    if not condition:
        raise VenuePayloadError(field, text)


def _widened(
    channel: Scaled,
    decode: Callable[[str | bytes], Sequence[Event]],
    frame: str | bytes,
    finer: FinerText,
    before: Marks,
) -> Sequence[Event]:
    """Decode again with finer scales.

    The instrument is described with the scales before, so that the widening that follows has
    something to widen.
    """
    described = [] if channel.announced else [channel.describe()]
    try:
        while True:
            finer.scale.widen(finer.decimals)
            try:
                events = decode(frame)
            except FinerText as again:
                finer = again
                continue
            break
    except VenuePayloadError:
        channel.reset(before)
        channel.announced = not described
        raise
    prices, sizes = channel.prices.decimals, channel.sizes.decimals
    return [*described, ScalesWidened(channel.instrument_id, prices, sizes), *events]
