"""The registry of venues: found by name, or the nearest name is told."""

import pytest

from engine.model.errors import ConfigError
from engine.venues.registry import VENUES, venue_named


def test_every_venue_is_found_by_its_own_name() -> None:
    assert [venue_named(name).name for name in VENUES] == list(VENUES)


def test_a_slip_of_the_hand_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean binance_futures"):
        venue_named("binance_future")


def test_a_name_like_no_other_is_answered_with_all_of_them() -> None:
    with pytest.raises(ConfigError, match="simulated, binance_futures, binance"):
        venue_named("nyse")
