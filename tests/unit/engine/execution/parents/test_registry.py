"""Every kind of parent has its rule, its word and its progress."""

from typing import get_args

import pytest

from engine.execution.parents.base import Progress
from engine.execution.parents.registry import KINDS, kind_of
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.parents import Chase, Iceberg, Parent, Scale, Twap
from tests.builders import BTC, at
from tests.unit.engine.execution.parents.rule_desk import seen

LOTS, PRICE = QtyLots(10), PriceTicks(999)


def test_no_kind_is_missing():
    assert list(KINDS) == list(get_args(Parent))


@pytest.mark.parametrize(
    ("spec", "done", "word", "progress"),
    [
        (Scale(BTC, "buy", LOTS, PRICE, PRICE, 4), {}, "scale", Progress("2/4 orders")),
        (Iceberg(BTC, "buy", LOTS, PRICE, LOTS), {}, "ice", Progress("2 slices")),
        (
            Twap(BTC, "buy", LOTS, 40 * NS_PER_S, 4),
            {},
            "twap",
            Progress("2/4 slices", at(15_000)),
        ),
        (
            Twap(BTC, "buy", LOTS, 40 * NS_PER_S, 4),
            {"filled_lots": 10},
            "twap",
            Progress("2/4 slices"),
        ),
        (
            Chase(BTC, "buy", LOTS, PRICE, 60 * NS_PER_S),
            {"amends": 3},
            "chase",
            Progress("3 moves", at(60_000)),
        ),
        (
            Chase(BTC, "buy", LOTS, PRICE, 60 * NS_PER_S),
            {"active_for_ns": 90 * NS_PER_S},
            "chase",
            Progress("0 moves", at(0)),
        ),
    ],
    ids=repr,
)
def test_every_kind_says_how_far_it_has_come(spec, done, word, progress):
    kind = kind_of(spec)
    record = seen(spec, sent=2, sent_ns=at(5_000), **done).record

    assert kind.word == word
    assert kind.progress(spec, record) == progress
