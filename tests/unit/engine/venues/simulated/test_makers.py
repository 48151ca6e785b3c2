"""Makers keep a realistic book."""

import pytest

from engine.model.chance import Chance
from engine.model.envelope import Event
from engine.venues.simulated.desk import Desk
from engine.venues.simulated.instruments import INSTRUMENTS
from engine.venues.simulated.makers import Makers
from engine.venues.simulated.open_candles import OpenCandles


def a_book(number: int = 0) -> tuple[Desk, Makers, int]:
    """Return a desk with a whole book around the price, which is returned too."""
    instrument = INSTRUMENTS[number]
    sink: list[Event] = []
    desk = Desk(instrument, sink, 1, OpenCandles(instrument.instrument_id))
    makers = Makers(Chance(3), desk, instrument, instrument.price_ticks)
    makers.fill(instrument.price_ticks + 0.5)
    return desk, makers, instrument.price_ticks


@pytest.mark.parametrize("number", range(len(INSTRUMENTS)))
def test_a_side_has_many_levels_within_one_percent_and_grows_away_from_the_touch(number) -> None:
    desk, _, price_ticks = a_book(number)
    price = price_ticks * INSTRUMENTS[number].tick_units

    for levels in desk.matching.depth():
        near = [level for level in levels if abs(level[0] / price - 1) <= 0.01]
        lots = [size for _, size in near]
        third = len(lots) // 3
        assert 45 <= len(near) <= 200
        assert sum(lots[-third:]) > 1.3 * sum(lots[:third])


def test_near_quotes_follow_the_fair_value_without_crossing() -> None:
    desk, makers, ticks = a_book()

    for step in range(1, 40):
        for _ in range(4):
            makers.follow(ticks + 0.5 + 3 * step)

    bid, ask = desk.matching.best_bid, desk.matching.best_ask
    assert bid is not None
    assert ask is not None
    assert bid[0] < ask[0]
    # The asks that were overtaken are for the takers; the bids came along.
    assert bid[0] > (ticks + 5) * 5 or ask[0] < (ticks + 20) * 5


def test_renewing_quotes_keeps_their_number() -> None:
    desk, makers, ticks = a_book()
    before = sum(len(side) for side in desk.matching.depth())

    for _ in range(2_000):
        makers.look_after_one(ticks + 0.5)

    after = sum(len(side) for side in desk.matching.depth())
    assert abs(after - before) < 0.15 * before
