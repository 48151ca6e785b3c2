"""The simulated venue's line of the registry."""

from typing import Final

from engine.venues.base import VenueSpec
from engine.venues.simulated.instruments import INSTRUMENTS, VENUE

DEFAULTS_MAX: Final = 3
"""Instruments watched when the user names none: as many as fit beside a book and a chart."""

SPEC: Final = VenueSpec(
    name=VENUE,
    title="Simulated market",
    instruments=tuple(row.symbol for row in INSTRUMENTS[:DEFAULTS_MAX]),
    endpoints=None,
    wire=None,
)
