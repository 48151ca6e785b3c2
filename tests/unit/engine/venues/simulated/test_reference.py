"""Mark, index and funding."""

from decimal import Decimal

from engine.model.chance import Chance
from engine.model.numbers import NS_PER_S
from engine.venues.simulated.instruments import INSTRUMENTS
from engine.venues.simulated.reference import ReferencePrices

HOUR_NS = 3_600 * NS_PER_S


def test_the_mark_follows_the_mid_within_seconds() -> None:
    prices = ReferencePrices(Chance(1), INSTRUMENTS[0])

    marks = [prices.mark(640_000.0, 640_500.0, second * NS_PER_S) for second in range(30)]

    assert abs(marks[0].mark - Decimal(64_000)) < 20
    assert abs(marks[-1].mark - Decimal(64_050)) < 5
    assert marks[-1].index is not None
    assert abs(marks[-1].index - Decimal(64_000)) < 5


def test_funding_is_due_at_the_next_full_hour() -> None:
    prices = ReferencePrices(Chance(1), INSTRUMENTS[0])

    assert prices.mark(1.0, 1.0, 5 * HOUR_NS).next_funding_ns == 6 * HOUR_NS
    assert prices.mark(1.0, 1.0, 6 * HOUR_NS - 1).next_funding_ns == 6 * HOUR_NS


def test_funding_has_a_bound_however_large_the_premium() -> None:
    prices = ReferencePrices(Chance(1), INSTRUMENTS[0])

    rates = [prices.mark(640_000.0, 700_000.0, 0).funding_rate for _ in range(500)]

    assert rates[-1] == Decimal("0.0005")
