"""The rate budget: by the venue's windows and counts, with a part kept back."""

import pytest

from engine.model.numbers import NS_PER_S
from engine.runtime.rate_budget import MarketTurns, RateBudget
from engine.venues.trading import RateLimit, TradeAnswer, TradeRequest

MINUTE_NS = 60 * NS_PER_S
LIMITS = (
    RateLimit("weight_1m", "weight", MINUTE_NS, 100),
    RateLimit("orders_10s", "orders", 10 * NS_PER_S, 10),
)
START_NS = 1_000 * MINUTE_NS


def asks(weight: int = 1, orders: int = 0) -> TradeRequest:
    return TradeRequest("order", "GET", "/order", weight=weight, order_count=orders)


def told(weight: int | None = None, orders: int | None = None, **changed) -> TradeAnswer:
    used_orders = () if orders is None else (("orders_10s", orders),)
    return TradeAnswer("confirmed", used_weight=weight, used_orders=used_orders, **changed)


def take(budget: RateBudget, request: TradeRequest, s: float = 0, *, is_reserved: bool = False):
    return budget.take(request, START_NS + int(s * NS_PER_S), is_reserved=is_reserved) / NS_PER_S


def test_ordinary_requests_may_use_four_fifths_and_reserved_ones_nearly_all() -> None:
    budget = RateBudget(LIMITS)

    assert [take(budget, asks(40)) for _ in range(3)] == [0, 0, 60]
    assert take(budget, asks(15), is_reserved=True) == 0
    assert take(budget, asks(1), 20, is_reserved=True) == 40


def test_questions_leave_room_for_a_cancel() -> None:
    budget = RateBudget(LIMITS)
    question = TradeRequest("open_orders", "GET", "/open", weight=40, is_read=True)

    waits = [take(budget, question, is_reserved=True) for _ in range(3)]

    assert waits == [0, 0, 60]
    small = TradeRequest("order", "GET", "/order", is_read=True)
    assert [take(budget, small, is_reserved=True) for _ in range(11)] == [0] * 10 + [60]
    assert take(budget, asks(5), is_reserved=True) == 0


def test_a_window_begins_at_multiples_of_its_length() -> None:
    budget = RateBudget(LIMITS)
    take(budget, asks(80), 59)

    assert take(budget, asks(80), 59.5) == 0.5
    assert take(budget, asks(80), 60) == 0


@pytest.mark.parametrize("ahead_s", [61, 119, 3_600])
def test_a_clock_that_was_ahead_blocks_nothing_once_it_is_right(ahead_s: int) -> None:
    budget = RateBudget(LIMITS)
    take(budget, asks(80), ahead_s)

    assert [take(budget, asks(40), s) for s in range(0, 300, 60)] == [0] * 5


def test_a_step_back_into_the_window_before_begins_no_new_one() -> None:
    budget = RateBudget(LIMITS)
    take(budget, asks(80), 60)

    assert take(budget, asks(80), 59.9) > 0


def test_orders_and_weight_are_counted_apart_and_the_longer_wait_holds() -> None:
    budget = RateBudget(LIMITS)
    for _ in range(8):
        assert take(budget, asks(0, orders=1)) == 0

    assert take(budget, asks(0, orders=1), 4) == 6
    assert take(budget, asks(80), 4) == 0
    assert take(budget, asks(1, orders=1), 4) == 56


def test_what_costs_nothing_never_waits() -> None:
    budget = RateBudget(LIMITS)
    take(budget, asks(80))

    assert take(budget, asks(0)) == 0


def test_a_request_that_must_wait_is_not_counted() -> None:
    budget = RateBudget(LIMITS)
    take(budget, asks(70))
    for _ in range(10):
        take(budget, asks(20))

    assert take(budget, asks(10)) == 0


def test_the_count_of_the_venue_holds_where_it_is_higher() -> None:
    budget = RateBudget(LIMITS)
    take(budget, asks(10))
    budget.hear(told(weight=79, orders=8), START_NS, START_NS)

    assert take(budget, asks(1)) == 0
    assert take(budget, asks(1)) == 60
    assert take(budget, asks(0, orders=1)) == 10


def test_the_count_of_the_venue_never_takes_back_what_is_on_its_way() -> None:
    budget = RateBudget(LIMITS)
    take(budget, asks(80))
    budget.hear(told(weight=10), START_NS, START_NS)

    assert take(budget, asks(1)) == 60


def test_a_count_of_the_window_before_says_nothing_about_this_one() -> None:
    budget = RateBudget(LIMITS)
    budget.hear(told(weight=100), START_NS + 59 * NS_PER_S, START_NS + 61 * NS_PER_S)

    assert take(budget, asks(80), 61) == 0


def test_a_pause_holds_for_everything_and_the_longest_counts() -> None:
    budget = RateBudget(LIMITS)
    budget.hear(told(pause_ns=30 * NS_PER_S, reason="banned"), START_NS, START_NS)
    budget.hear(told(pause_ns=5 * NS_PER_S), START_NS, START_NS)

    assert take(budget, asks(), 10, is_reserved=True) == 20
    assert budget.is_paused(START_NS + 29 * NS_PER_S)
    assert budget.pause_reason == "banned"
    assert take(budget, asks(), 30) == 0
    assert not budget.is_paused(START_NS + 30 * NS_PER_S)


def test_the_use_is_that_of_the_fullest_limit() -> None:
    budget = RateBudget(LIMITS)
    take(budget, asks(20, orders=7))

    assert budget.used_pct(START_NS) == 70
    assert budget.used_pct(START_NS + 10 * NS_PER_S) == 20
    assert RateBudget(()).used_pct(START_NS) == 0


def test_market_data_has_its_turns_in_the_same_budget() -> None:
    budget = RateBudget(LIMITS)
    budget.ahead_ns = 10 * NS_PER_S
    turns = MarketTurns(budget)

    assert take(budget, asks(50), 10) == 0
    assert turns.take(30, START_NS) == 0
    assert turns.take(1, START_NS) == 50 * NS_PER_S
    assert take(budget, asks(15), 11, is_reserved=True) == 0


def test_a_pause_that_market_data_is_asked_for_is_everybodys() -> None:
    budget = RateBudget(LIMITS)
    turns = MarketTurns(budget)

    turns.pause(7 * NS_PER_S, "answered 429", START_NS)

    assert take(budget, asks(), is_reserved=True) == 7
    assert turns.take(1, START_NS + NS_PER_S) == 6 * NS_PER_S
    assert budget.pause_reason == "answered 429"
