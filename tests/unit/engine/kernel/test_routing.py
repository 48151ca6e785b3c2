"""Which handlers an event passes."""

from typing import get_args

from engine.kernel import (
    account,
    feeds,
    market,
    operator,
    orders,
    protection,
    restart,
    strategies,
    whales,
)
from engine.kernel.routing import ROUTES
from engine.model.commands import OperatorCommand
from engine.model.envelope import Event, RunStarted, TimerFired
from engine.model.facts import OrderFilled, OrderReport
from engine.model.market import BookDelta, InstrumentUpdated, MarketEvent, Trade


def test_every_event_has_its_handlers_and_nothing_else_has():
    assert set(ROUTES) == set(get_args(Event))
    assert all(ROUTES.values())


def test_everything_from_the_market_shows_that_its_connection_lives():
    assert all(ROUTES[event][0] is feeds.note_data for event in get_args(MarketEvent))


def test_detection_sees_the_book_after_the_market_has_taken_the_event_in():
    assert ROUTES[BookDelta] == (feeds.note_data, market.on_delta, whales.on_book)
    assert ROUTES[Trade][:2] == (feeds.note_data, market.on_trade)
    assert ROUTES[Trade][-1] is whales.on_trade


def test_every_report_on_an_order_is_booked_before_anything_else():
    assert all(ROUTES[report][0] is orders.on_report for report in get_args(OrderReport))
    assert ROUTES[OrderFilled][:3] == (orders.on_report, strategies.on_fill, protection.on_fill)


def test_a_command_is_judged_in_one_place():
    assert ROUTES[OperatorCommand] == (operator.on_command,)


def test_the_market_is_brought_up_to_date_before_the_account_and_that_before_strategies():
    assert ROUTES[InstrumentUpdated][:2] == (market.on_instrument, account.on_instrument)
    assert ROUTES[InstrumentUpdated][-1] is restart.on_instrument
    timers = ROUTES[TimerFired]
    assert timers[0] is market.on_timer
    assert timers.index(account.on_timer) < timers.index(strategies.on_timer)


def test_a_start_is_judged_by_the_run_before_it_and_not_by_itself():
    assert ROUTES[RunStarted][-2:] == (restart.on_run_started, account.on_run_started)
