"""Every venue there is: one line each."""

from difflib import get_close_matches
from typing import Final

from engine.model.errors import ConfigError
from engine.venues.base import VenueSpec
from engine.venues.binance.spec import FUTURES, SPOT
from engine.venues.okx.spec import SPEC as OKX
from engine.venues.simulated.spec import SPEC as SIMULATED

VENUES: Final[dict[str, VenueSpec]] = {spec.name: spec for spec in (SIMULATED, FUTURES, SPOT, OKX)}


def venue_named(name: str) -> VenueSpec:
    """Return a venue's spec.

    Raises:
        ConfigError: There is no such venue; the nearest name is in the message.
    """
    spec = VENUES.get(name)
    if spec is None:
        near = get_close_matches(name, VENUES, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ConfigError(f"there is no venue {name!r}{hint} ({', '.join(VENUES)})")
    return spec
