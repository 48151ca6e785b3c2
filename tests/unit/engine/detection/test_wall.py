"""Walls: one large resting order, seen once, followed to its end."""

import pytest

from engine.detection.base import Scales
from engine.detection.wall import (
    COOL_DOWN_NS,
    COOLING_MAX,
    EXECUTED_MAX,
    PROFILE_NS,
    STANDING_MAX,
)
from engine.ingest.book import Book, Verdict
from engine.model.market import Trade
from engine.model.numbers import NS_PER_MS
from engine.model.signals import WhaleSignal
from tests.builders import a_book, a_delta, a_snapshot, a_trade, a_wall_detector, at

CALM_BIDS = "1000x5 999x5 998x5 997x5"
CALM_ASKS = "1001x5 1002x5 1003x5 1004x5"
COOL_MS = COOL_DOWN_NS // NS_PER_MS


class Watch:
    """A wall detector beside a book; with whole numbers 25 lots at 1000 are the threshold."""

    def __init__(self, bids: str = CALM_BIDS, asks: str = CALM_ASKS) -> None:
        self.detector = a_wall_detector()
        self.book = a_book(bids, asks, seq=0)
        self.book.addition_floor = int(self.detector.addition_floor_usd)
        self.seen: list[WhaleSignal] = []

    def delta(self, bids: str = "", asks: str = "", ms: float = 0) -> list[WhaleSignal]:
        """Apply one delta and let the detector look."""
        seq = self.book.last_seq + 1
        assert self.book.apply(a_delta(seq, bids=bids, asks=asks), at(ms)) is Verdict.APPLIED
        found = list(self.detector.on_book(self.book, at(ms)))
        self.seen += found
        return found

    def trade(self, price: int, qty: int, *, sells: bool = True, ms: float = 0) -> None:
        """Let the detector see a print."""
        self.hit(a_trade(price, qty, sells=sells), ms)

    def hit(self, trade: Trade, ms: float = 0) -> None:
        """Let the detector see any trade; it alone is never a wall."""
        assert self.detector.on_trade(trade, self.book, at(ms)) == ()

    @property
    def ends(self) -> list[tuple[int, str, str]]:
        """Signal, status and end of all that was reported."""
        return [(one.signal_id, one.status, one.end) for one in self.seen]


# What is a wall


def test_one_large_order_is_reported_with_its_size_and_place():
    watch = Watch()

    (signal,) = watch.delta(bids="999x55", ms=20)

    assert (signal.type, signal.side, signal.status) == ("wall", "bid", "open")
    assert (signal.price_low_ticks, signal.price_high_ticks) == (999, 999)
    assert signal.notional_usd == 50 * 999
    assert (signal.ts_ns, signal.opened_ns) == (at(20), at(20))
    assert 0.60 < signal.confidence <= 0.95
    assert set(signal.evidence) == {"excess", "share"}


def test_an_order_to_sell_is_a_wall_too():
    (signal,) = Watch().delta(asks="1003x80")

    assert signal.side == "ask"


def test_a_larger_wall_is_more_certain():
    small, large = Watch().delta(bids="990x30"), Watch().delta(bids="990x200")

    assert small[0].confidence < large[0].confidence


def test_one_delta_may_bring_two_walls():
    watch = Watch()

    assert len(watch.delta(bids="998x60", asks="1003x60")) == 2
    assert [signal.signal_id for signal in watch.seen] == [1, 2]


def test_only_what_was_added_counts_not_the_whole_level():
    watch = Watch(bids="1000x5 999x100 998x5 997x5")

    assert watch.delta(bids="999x120") == []


def test_an_order_below_the_threshold_is_no_wall():
    watch = Watch()

    assert watch.delta(bids="999x30") == []
    assert watch.delta(bids="998x31") != []


def test_among_levels_of_its_size_an_order_is_no_wall():
    bids = " ".join(f"{price}x30" for price in range(1000, 990, -1))
    asks = " ".join(f"{price}x30" for price in range(1001, 1011))

    assert Watch(bids, asks).delta(bids="990x100") == []
    assert Watch(bids, asks).delta(bids="990x200") != []


def test_in_a_very_deep_book_an_order_is_no_wall():
    crowd = " ".join(f"{price}x5" for price in range(995, 970, -1))
    deep = Watch(bids=f"1000x5 999x9000 {crowd}", asks=CALM_ASKS)

    assert deep.delta(bids="998x90") == []
    assert deep.delta(bids="997x200") != []


def test_far_from_the_market_nothing_is_a_wall():
    watch = Watch()

    assert watch.delta(bids="949x900") == []
    assert watch.delta(asks="1052x900") == []


def test_many_small_additions_to_one_level_are_no_wall():
    watch = Watch()

    for size in range(10, 200, 5):
        watch.delta(bids=f"999x{size}")

    assert watch.seen == []


def test_what_an_ordinary_level_is_is_looked_at_once_a_second():
    watch = Watch()
    watch.delta(bids="999x30", ms=0)
    watch.delta(bids="998x40", ms=1)

    # By now every level is as large as this one; the picture of a second ago said otherwise.
    crowd = " ".join(f"{price}x40" for price in range(1000, 980, -1))
    watch.delta(bids=crowd.replace("x40", "x29"), ms=2)
    still = watch.delta(bids="979x40", ms=2)
    later = watch.delta(bids="978x40", ms=2 + PROFILE_NS / NS_PER_MS)

    assert (len(still), len(later)) == (1, 0)


# While it is being hit


def test_an_order_that_is_hit_while_it_is_placed_is_seen_with_all_its_size():
    watch = Watch()

    watch.trade(1000, 20)
    (signal,) = watch.delta(bids="1000x45")

    # 60 came, 20 went: 45 - 5 + 20.
    assert signal.notional_usd == 45 * 1000


def test_an_order_that_is_hit_while_it_is_placed_reaches_the_threshold_by_what_was_executed():
    watch = Watch()

    watch.trade(1000, 10)
    watch.trade(1000, 8)

    assert len(watch.delta(bids="1000x26")) == 1
    assert watch.delta(bids="998x26") == []


def test_an_order_that_was_eaten_at_once_is_no_resting_order():
    watch = Watch()

    watch.trade(1000, 60)

    assert watch.delta(bids="1000x0") == []


def test_trades_against_the_other_side_at_the_same_price_are_not_counted():
    watch = Watch()

    watch.trade(1000, 40, sells=False)

    assert watch.delta(bids="1000x10") == []


def test_trades_on_both_sides_of_one_price_are_told_apart():
    watch = Watch()
    watch.delta(bids="1000x60")

    watch.trade(1000, 5, sells=False)
    watch.trade(1000, 58)
    watch.delta(bids="1000x2")

    assert watch.ends == [(1, "open", ""), (1, "closed", "filled")]


def test_what_was_executed_counts_once():
    watch = Watch()
    watch.trade(1000, 20)
    watch.delta(bids="1000x20")

    assert watch.delta(bids="1000x30") == []


def test_trades_while_there_is_no_book_are_not_counted():
    watch = Watch()
    watch.book.invalidate("sequence gap")
    watch.trade(1000, 60)

    watch.book.apply_snapshot(a_snapshot(CALM_BIDS, CALM_ASKS, seq=0), at(0))

    assert watch.delta(bids="1000x6") == []


def test_prices_traded_without_a_delta_fill_no_memory():
    watch = Watch()

    for price in range(EXECUTED_MAX + 10):
        watch.trade(price, 1)

    assert len(watch.detector._executed) == EXECUTED_MAX


# How it ends


def test_a_wall_that_traded_away_was_filled():
    watch = Watch()
    watch.delta(bids="999x60")

    for qty in (20, 20, 18):
        watch.trade(999, qty)
        watch.delta(bids=f"999x{watch.book.size_at(999, is_bid=True) - qty}", ms=50)

    assert watch.ends == [(1, "open", ""), (1, "closed", "filled")]
    assert watch.seen[-1].ts_ns == at(50)
    assert watch.seen[-1].opened_ns == at(0)


def test_a_wall_that_went_without_trades_was_pulled():
    watch = Watch()
    watch.delta(asks="1003x60")

    watch.delta(asks="1003x0")

    assert watch.ends == [(1, "open", ""), (1, "closed", "pulled")]


def test_a_wall_that_lost_less_than_half_still_stands():
    watch = Watch()
    watch.delta(bids="999x60")

    watch.delta(bids="999x31")
    assert watch.ends == [(1, "open", "")]

    watch.delta(bids="999x30")
    assert watch.ends[-1] == (1, "closed", "pulled")


def test_a_wall_is_reported_once_however_it_changes():
    watch = Watch()
    watch.delta(bids="999x60")

    watch.delta(bids="999x100")
    watch.delta(bids="999x160")

    assert watch.ends == [(1, "open", "")]


def test_of_a_lost_book_nobody_knows_how_its_walls_ended():
    watch = Watch()
    watch.delta(bids="999x60")

    (signal,) = watch.detector.on_book_lost(at(70))

    assert (signal.signal_id, signal.status, signal.end) == (1, "closed", "")
    assert signal.ts_ns == at(70)
    assert watch.detector.on_book_lost(at(80)) == []


# Flicker


def test_flicker_is_one_wall():
    watch = Watch()

    for ms in range(0, 5_000, 100):
        watch.delta(bids="999x60", ms=ms)
        watch.delta(bids="999x0", ms=ms + 50)

    assert watch.ends == [(1, "open", ""), (1, "closed", "pulled")]


@pytest.mark.parametrize(("ms", "is_seen"), [(COOL_MS - 1, False), (COOL_MS, True)])
def test_after_the_cool_down_a_price_may_have_another_wall(ms, is_seen):
    watch = Watch()
    watch.delta(bids="999x60")
    watch.delta(bids="999x5", ms=0)

    assert bool(watch.delta(bids="999x65", ms=ms)) is is_seen


def test_another_price_or_side_does_not_cool_down():
    watch = Watch()
    watch.delta(bids="999x60")
    watch.delta(bids="999x5")

    assert len(watch.delta(bids="998x65", asks="1002x65")) == 2


# Bounds


def test_of_too_many_walls_the_oldest_is_let_go():
    crowd = (range(5_000, 4_800, -1), range(5_001, 5_201))
    watch = Watch(*(" ".join(f"{price}x1" for price in side) for side in crowd))
    for number in range(STANDING_MAX + 1):
        assert watch.delta(bids=f"{4_990 - number}x{10 + number}")

    watch.delta(bids="4990x0")
    watch.delta(bids="4989x0")

    assert watch.ends[STANDING_MAX + 1 :] == [(2, "closed", "pulled")]


def test_prices_that_cool_down_are_bounded():
    watch = Watch(bids="5000x1", asks="5001x1")

    for number in range(COOLING_MAX + 5):
        watch.delta(bids=f"{4990 - number % 200}x{60 + number}", asks=f"{5100 + number}x1")
        watch.delta(bids=f"{4990 - number % 200}x0")
        watch.delta(asks=f"{5100 + number}x60")
        watch.delta(asks=f"{5100 + number}x0")

    assert len(watch.detector._cooling) == COOLING_MAX


# Finer numbers, digests


def test_finer_numbers_change_nothing_about_a_wall():
    watch = Watch()
    watch.delta(bids="999x60")
    watch.trade(999, 58)

    watch.detector.rescale(Scales(1, 1), 10, 10)
    watch.book.widen(10, 10)
    watch.book.addition_floor *= 100
    watch.delta(bids="9990x20", ms=10)
    watch.delta(bids="9990x620", ms=20)
    (other,) = watch.delta(bids="9980x620", ms=30)

    opened, closed, _ = watch.seen
    assert (opened.price_low_ticks, closed.price_low_ticks) == (999, 9990)
    assert (closed.end, closed.notional_usd) == ("filled", opened.notional_usd)
    assert other.notional_usd == pytest.approx(57 * 998)


def test_the_digest_parts_tell_detectors_apart():
    one, other = Watch(), Watch()
    assert one.detector.digest_parts() == other.detector.digest_parts()

    one.delta(bids="999x60")

    assert one.detector.digest_parts() != other.detector.digest_parts()


def test_a_quiet_book_costs_nothing():
    watch = Watch()

    assert watch.detector.on_book(watch.book, at(0)) == ()


def test_a_book_without_levels_has_no_ordinary_level():
    watch = Watch()
    watch.book = Book("contiguous_ids")

    assert watch.detector.on_book(watch.book, at(0)) == ()
