"""Which account a run trades, as the settings say."""

import pytest

from engine.accounts import trade_of
from engine.settings import AccountSettings
from engine.venues.registry import venue_named


@pytest.mark.parametrize("is_seen", [False, True])
def test_a_timer_runs_beside_stops_only_where_a_person_says_that_it_may(is_seen: bool):
    trade = venue_named("binance_futures").trade
    assert trade is not None

    settings = AccountSettings(live=True, key_file=None, timer_spares_stops=is_seen)

    found = trade_of(trade, settings)

    assert found.rules.dead_man_covers_stops is not is_seen
    assert found.rules.cancel_all_covers_stops
