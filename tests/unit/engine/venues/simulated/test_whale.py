"""The whale's wall: it comes, it holds the price, and it goes in one of two ways."""

from engine.execution.matching import BUY, SELL
from engine.model.chance import Chance
from engine.model.envelope import Event
from engine.model.market import Trade
from engine.model.numbers import NS_PER_S
from engine.venues.simulated.desk import Desk
from engine.venues.simulated.fair_value import FairValue
from engine.venues.simulated.instruments import INSTRUMENTS
from engine.venues.simulated.open_candles import OpenCandles
from engine.venues.simulated.whale import Whale

BITCOIN = INSTRUMENTS[0]
TICKS = BITCOIN.price_ticks
USD_PER_UNIT = 0.1 * 0.001


class Pond:
    """A whale with a thin book around it."""

    def __init__(self, seed: int) -> None:
        self.sink: list[Event] = []
        self.desk = Desk(BITCOIN, self.sink, 1, OpenCandles(BITCOIN.instrument_id))
        self.fair_value = FairValue(Chance(1), TICKS, 0.45)
        self.whale = Whale(Chance(seed), self.desk, self.fair_value, BITCOIN)
        self.desk.post(BUY, 10, TICKS * 5)
        self.desk.post(SELL, 10, (TICKS + 1) * 5)

    def walls(self) -> list[tuple[int, int]]:
        """Return levels of at least 200,000 dollars: ticks from the touch, and dollars."""
        bids, asks = self.desk.matching.depth()
        return [
            (abs(price - side[0][0]) // 5, int(price * lots * USD_PER_UNIT))
            for side in (bids, asks)
            for price, lots in side
            if price * lots * USD_PER_UNIT >= 200_000
        ]

    def live(self, seconds: int, start_ns: int = 0) -> str:
        """Let the whale act until its wall is gone; return how it went."""
        due_ns = self.whale.act(start_ns)
        end_ns = start_ns + seconds * NS_PER_S
        while due_ns < end_ns and self.walls():
            self.whale.sway()
            due_ns = self.whale.act(due_ns)
        if self.walls():
            return "still there"
        return "filled" if any(type(event) is Trade for event in self.sink) else "pulled"


def test_the_first_whale_comes_early_and_others_later() -> None:
    whales = [Pond(seed).whale for seed in range(50)]

    firsts = [whale.first_ns(0, is_early=True) // NS_PER_S for whale in whales]
    others = [whale.first_ns(0, is_early=False) // NS_PER_S for whale in whales]

    assert min(firsts) >= 10
    assert max(firsts) < 45
    assert max(others) > 100


def test_a_wall_is_one_order_near_the_touch_and_worth_a_lot() -> None:
    for seed in range(30):
        pond = Pond(seed)
        pond.whale.act(0)

        (distance, usd), *others = pond.walls()

        assert others == []
        assert 5 <= distance <= 20
        assert usd >= 8 * 25_000


def test_without_a_touch_the_whale_waits() -> None:
    pond = Pond(1)
    pond.desk.clear()

    assert pond.whale.act(5) == 5 + NS_PER_S
    assert pond.walls() == []


def test_some_walls_are_filled_and_some_are_pulled() -> None:
    ends = [Pond(seed).live(seconds=120) for seed in range(30)]

    assert ends.count("filled") >= 8
    assert ends.count("pulled") >= 8
    assert ends.count("still there") == 0


def test_the_price_does_not_go_through_a_standing_wall() -> None:
    for seed in range(20):
        pond = Pond(seed)
        pond.whale.act(0)
        is_bid = len(pond.desk.matching.depth()[0]) == 2

        pond.fair_value.hold(*((0, TICKS - 90.0) if is_bid else (TICKS + 90.0, 2.0 * TICKS)))
        pond.whale.sway()

        assert abs(pond.fair_value.ticks - TICKS) < 25


def test_a_wall_eaten_by_others_ends_the_attack_before_it_began() -> None:
    pond = Pond(1)
    due_ns = pond.whale.act(0)
    pond.desk.take(SELL, 10**9, 1, ts_ns=1)
    pond.desk.take(BUY, 10**9, 10 * TICKS, ts_ns=1)
    before = pond.fair_value.ticks

    pond.whale.sway()

    assert pond.fair_value.ticks == before
    assert pond.whale.act(due_ns) > due_ns + 60 * NS_PER_S


def test_a_wall_that_cannot_be_broken_is_taken_back_in_the_end() -> None:
    seed = next(seed for seed in range(30) if Pond(seed).live(seconds=120) == "filled")
    pond = Pond(seed)
    due_ns = pond.whale.act(0)

    while pond.walls() and due_ns < 300 * NS_PER_S:
        pond.fair_value.hold(3.0 * TICKS, 3.0 * TICKS)  # Nobody ever gets near.
        due_ns = pond.whale.act(due_ns)

    assert pond.walls() == []
    assert pond.sink == []


def test_after_the_book_was_cleared_the_whale_comes_anew() -> None:
    pond = Pond(1)
    pond.whale.act(0)

    pond.whale.forget()
    pond.whale.sway()
    pond.desk.clear()
    pond.desk.post(BUY, 10, TICKS * 5)
    pond.desk.post(SELL, 10, (TICKS + 1) * 5)
    pond.whale.act(NS_PER_S)

    assert len(pond.walls()) == 1
