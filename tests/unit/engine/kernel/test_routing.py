"""Which handlers an event passes."""

from typing import get_args

from engine.kernel import feeds, market, whales
from engine.kernel.routing import ROUTES
from engine.model.envelope import Event
from engine.model.market import BookDelta, MarketEvent, Trade


def test_every_event_has_its_handlers_and_nothing_else_has():
    assert set(ROUTES) == set(get_args(Event))
    assert all(ROUTES.values())


def test_everything_from_the_market_shows_that_its_connection_lives():
    assert all(ROUTES[event][0] is feeds.note_data for event in get_args(MarketEvent))


def test_detection_sees_the_book_after_the_market_has_taken_the_event_in():
    assert ROUTES[BookDelta] == (feeds.note_data, market.on_delta, whales.on_book)
    assert ROUTES[Trade] == (feeds.note_data, market.on_trade, whales.on_trade)
