"""The rate budget: by the venue's windows and counts, with a part kept back."""

from engine.model.numbers import NS_PER_S
from engine.runtime.rate_budget import RateBudget
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


def test_a_window_begins_at_multiples_of_its_length() -> None:
    budget = RateBudget(LIMITS)
    take(budget, asks(80), 59)

    assert take(budget, asks(80), 59.5) == 0.5
    assert take(budget, asks(80), 60) == 0


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
