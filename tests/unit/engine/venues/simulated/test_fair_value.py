"""The walk of the fair value."""

from math import sqrt

from engine.model.chance import Chance
from engine.venues.simulated.fair_value import YEAR_S, FairValue


def a_walk(seed: int = 1, volatility: float = 0.45) -> FairValue:
    return FairValue(Chance(seed), 128_000, volatility)


def test_a_minute_moves_as_much_as_the_volatility_says() -> None:
    moves = []
    for seed in range(40):
        walk = a_walk(seed)
        for _ in range(10):
            before = walk.ticks
            for _ in range(60):
                walk.step(1.0)
            moves.append(walk.ticks / before - 1)

    deviation = sqrt(sum(move * move for move in moves) / len(moves))

    assert 0.35 < deviation * sqrt(YEAR_S / 60) < 0.60


def test_there_are_trends_up_trends_down_and_times_without() -> None:
    walk = a_walk()
    trends = set()

    for _ in range(3_000):
        walk.step(1.0)
        trends.add((walk.trend > 0) - (walk.trend < 0))

    assert trends == {-1, 0, 1}


def test_a_wall_holds_the_price() -> None:
    walk = a_walk()

    walk.hold(0, 127_990.5)
    assert walk.ticks == 127_990.5
    walk.hold(127_995.5, float("inf"))
    assert walk.ticks == 127_995.5


def test_an_attack_leads_the_price_there() -> None:
    walk = a_walk()

    for _ in range(30):
        walk.approach(127_900.5)

    assert abs(walk.ticks - 127_900.5) < 0.1


def test_a_jump_of_years_ends_at_a_sensible_price() -> None:
    for seed in range(20):
        walk = a_walk(seed, volatility=1.0)
        for _ in range(20):
            walk.jump(10.0 * YEAR_S)
        assert 128_000 / 20 <= walk.ticks <= 128_000 * 20
