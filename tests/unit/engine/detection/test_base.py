"""What detectors share: what a unit is worth, and how evidence becomes confidence."""

import pytest

from engine.detection.base import Scales, confidence


def test_a_dollar_is_as_many_units_as_both_scales_make():
    assert Scales(price_decimals=2, qty_decimals=3).units_per_quote == 100_000
    assert Scales(price_decimals=0, qty_decimals=0).units_per_quote == 1


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([(0.0, 1.0)], 0.60),
        ([(1.0, 1.0)], 0.95),
        ([(0.5, 1.0)], 0.775),
        ([(1.0, 3.0), (0.0, 1.0)], 0.60 + 0.35 * 0.75),
        ([(7.0, 1.0), (-2.0, 1.0)], 0.775),
    ],
)
def test_confidence_is_the_weighted_mean_of_clipped_evidence(evidence, expected):
    assert confidence(*evidence) == pytest.approx(expected)
