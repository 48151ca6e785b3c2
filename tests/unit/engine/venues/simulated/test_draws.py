"""Random draws: the right size, never out of bounds."""

from engine.model.chance import Chance
from engine.venues.simulated.draws import normal, size_table


def test_normal_draws_have_mean_0_and_deviation_1() -> None:
    chance = Chance(1)

    draws = [normal(chance) for _ in range(5_000)]

    mean = sum(draws) / len(draws)
    variance = sum(draw * draw for draw in draws) / len(draws)
    assert abs(mean) < 0.05
    assert 0.9 < variance < 1.1
    assert max(map(abs, draws)) < 3.5


def test_sizes_lie_around_the_median_and_none_above_the_largest() -> None:
    sizes = size_table(Chance(2), median=100.0, spread=1.0, largest=900.0)

    assert len(sizes) == 256
    assert 80 < sorted(sizes)[128] < 125
    assert max(sizes) <= 900
