"""Scale: limit orders spread evenly over a range of prices.

They are sent a few at a time, so that a long scale leaves room for other messages. One that ends
early is not sent again.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final

from engine.execution.ledger_parents import ParentRecord
from engine.execution.parents.base import End, Move, Place, Progress, Seen, done
from engine.model.numbers import NS_PER_MS, PriceTicks, QtyLots
from engine.model.parents import Scale

COUNT_MAX: Final = 50
RATIO_MAX: Final = 10

AT_ONCE: Final = 2
PACE_NS: Final = 200 * NS_PER_MS
"""So many orders of one scale leave at a time, and so long after each other."""

DECIMALS_MAX: Final = 4


def step(spec: Scale, seen: Seen) -> Iterator[Move]:
    """Send the orders that are missing; it is over when all have ended."""
    orders, sent = rungs(spec), seen.record.sent
    if sent >= len(orders):
        if not seen.working:
            yield End(done(seen))
    elif seen.now_ns - seen.record.sent_ns >= PACE_NS:
        for price, lots in orders[sent : sent + AT_ONCE]:
            yield Place(lots, price, is_post_only=spec.is_post_only)


def samples(spec: Scale, seen: Seen) -> list[Place]:
    """Return the orders that the gate is most likely to refuse: those at the ends of all kinds."""
    del seen
    orders = rungs(spec)
    by_size = sorted(orders, key=lambda order: order[1])
    found = dict.fromkeys((orders[0], orders[-1], by_size[0], by_size[-1]))
    return [Place(lots, price, is_post_only=spec.is_post_only) for price, lots in found]


def progress(spec: Scale, record: ParentRecord) -> Progress:
    """Return how many orders have left."""
    return Progress(f"{record.sent}/{spec.count} orders")


def rungs(spec: Scale) -> list[tuple[PriceTicks, QtyLots]]:
    """Return price and size of each order, in order; the sizes add up to the whole.

    A price between two ticks is rounded away from the market.
    """
    return list(zip(_prices(spec), _sizes(spec), strict=True))


def _prices(spec: Scale) -> list[PriceTicks]:
    width, last = spec.last_ticks - spec.first_ticks, spec.count - 1
    away = 0 if spec.side == "buy" else last - 1
    return [PriceTicks(spec.first_ticks + (width * at + away) // last) for at in range(spec.count)]


def _sizes(spec: Scale) -> list[QtyLots]:
    weights = [_weight(spec, at) for at in range(spec.count)]
    total = sum(weights)
    lots = [int(spec.qty_lots * weight / total) for weight in weights]
    lots[-1] += spec.qty_lots - sum(lots)
    return [QtyLots(one) for one in lots]


def _weight(spec: Scale, at: int) -> Fraction:
    if spec.shape == "lin":
        return Fraction(at + 1)
    return Fraction(spec.ratio) ** at if spec.shape == "geo" else Fraction(1)


def _is_ratio(ratio: Decimal) -> bool:
    exponent = ratio.as_tuple().exponent
    is_plain = isinstance(exponent, int) and exponent >= -DECIMALS_MAX
    return is_plain and 1 / Fraction(RATIO_MAX) <= Fraction(ratio) <= RATIO_MAX


def problem(spec: Scale) -> str:
    """Return why it cannot be; nothing if it can."""
    if not 2 <= spec.count <= COUNT_MAX:
        return f"a scale has 2 to {COUNT_MAX} orders"
    if not _is_ratio(spec.ratio):
        return f"the ratio of a scale is between 0.1 and {RATIO_MAX}, 4 decimals"
    orders = rungs(spec)
    if len({price for price, _ in orders}) < spec.count:
        return f"{spec.count} orders do not have a tick each between these prices"
    if min(lots for _, lots in orders) < 1:
        return f"{spec.qty_lots} lots are too few for {spec.count} such orders"
    return ""
