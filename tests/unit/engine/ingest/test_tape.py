"""The tape: the newest trades, and what traded lately on which side."""

from decimal import Decimal
from typing import Any

import pytest

from engine.ingest.tape import SIDES_S, TRADES_MAX, VOLUME_S, Tape
from tests.builders import a_trade, at


def a_tape(*trades) -> Tape:
    """A tape of trades, each received at the venue's time."""
    tape = Tape()
    for trade in trades:
        tape.add(trade, trade.ts_venue_ns)
    return tape


def test_the_newest_trade_comes_first():
    tape = a_tape(a_trade(100), a_trade(101), a_trade(102))

    assert [trade.price_ticks for trade in tape.newest(2)] == [102, 101]
    assert [trade.price_ticks for trade in tape.newest(10)] == [102, 101, 100]
    assert list(tape.newest(0)) == []


def test_only_so_many_trades_are_kept_but_all_are_counted():
    tape = a_tape(*(a_trade(100 + number) for number in range(TRADES_MAX + 1)))

    assert tape.total == TRADES_MAX + 1
    assert [trade.price_ticks for trade in tape.newest(TRADES_MAX + 1)][-1] == 101


def test_the_buy_share_is_that_of_the_takers_notional():
    tape = a_tape(a_trade(100, 3), a_trade(300, 1, sells=True, ms=10))

    assert tape.buy_share(at(20), window_s=60) == 0.5


def test_where_nothing_traded_there_is_no_share():
    tape = a_tape(a_trade(100))

    assert Tape().buy_share(at(0), window_s=60) is None
    assert tape.buy_share(at(59_999), window_s=60) == 1.0
    assert tape.buy_share(at(60_000), window_s=60) is None


def test_the_rate_is_the_mean_over_the_window():
    tape = a_tape(a_trade(ms=0), a_trade(ms=500), a_trade(ms=9_000))

    assert tape.trades_per_s(at(9_500), window_s=10) == pytest.approx(0.3)
    assert tape.trades_per_s(at(10_000), window_s=10) == pytest.approx(0.1)


def test_volume_is_that_of_the_last_hour():
    tape = a_tape(a_trade(qty=3, ms=0), a_trade(qty=4, sells=True, ms=1_000))

    assert tape.volume_lots(at(2_000)) == 7
    assert tape.volume_lots(at(1_000 * VOLUME_S)) == 4
    assert tape.volume_lots(at(1_000 * VOLUME_S + 1_000)) == 0


def test_volume_of_seconds_without_trades_goes_too():
    tape = a_tape(a_trade(qty=3, ms=0), a_trade(qty=4, ms=5_000), a_trade(qty=8, ms=3_602_000))

    assert tape.volume_lots(at(3_602_000)) == 12
    assert tape.volume_lots(at(3_605_000)) == 8
    assert tape.volume_lots(at(100_000_000)) == 0


def test_after_a_long_silence_only_the_new_counts():
    tape = a_tape(*(a_trade(qty=2, ms=1_000 * second) for second in range(100)))

    tape.add(a_trade(qty=5, ms=900_000_000), at(900_000_000))

    assert tape.volume_lots(at(900_000_000)) == 5


def test_sums_take_no_more_memory_as_time_goes_by():
    tape = a_tape(*(a_trade(qty=1, ms=1_000 * second) for second in range(VOLUME_S + 100)))

    parts: Any = tape.digest_parts()
    _, _, sides, (_, volumes), *_ = parts
    assert len(sides) == SIDES_S
    assert len(volumes) == tape.volume_lots(at(1_000 * (VOLUME_S + 99))) == VOLUME_S


def test_sums_of_the_largest_numbers_stay_exact():
    huge = 2**61
    tape = a_tape(a_trade(huge, huge), a_trade(huge, huge, ms=1), a_trade(huge, huge, ms=2))

    assert tape.volume_lots(at(10)) == 3 * huge
    assert str(3 * huge * huge) in str(tape.digest_parts())


def test_finer_numbers_keep_trades_and_sums():
    tape = a_tape(a_trade(100, 3, is_market=False), a_trade(100, 1, sells=True))

    tape.widen(10, 100)
    tape.add(a_trade(1_000, 200), at(0))

    newest = [(trade.price_ticks, trade.qty_lots) for trade in tape.newest(10)]
    assert newest == [(1_000, 200), (1_000, 100), (1_000, 300)]
    assert [trade.is_market for trade in tape.newest(10)] == [True, True, False]
    assert tape.buy_share(at(0), 60) == pytest.approx(5 / 6)
    assert tape.volume_lots(at(0)) == 600


# How far the price has moved.


def moved(*prices: tuple[int, int], now_s: int = 60, qty: int = 1) -> Decimal | None:
    """Return the move after trades at (second, price)."""
    return a_tape(*(a_trade(price, qty, ms=1_000 * second) for second, price in prices)).move_60s(
        at(1_000 * now_s)
    )


def test_the_move_is_that_of_the_newest_price_from_the_farthest_of_the_minute():
    assert moved((0, 100), (30, 90), (59, 99)) == Decimal("0.1")
    assert moved((0, 100), (30, 125), (59, 100)) == Decimal("0.2")
    assert moved((0, 100), (59, 106)) == Decimal("0.06")
    assert moved((0, 100), (59, 94)) == Decimal("0.06")


def test_it_is_unknown_until_a_minute_was_listened_to():
    assert Tape().move_60s(at(0)) is None
    assert moved((0, 100), (59, 106), now_s=59) is None
    assert moved((0, 100), (59, 106), now_s=60) == Decimal("0.06")


def test_what_held_when_the_minute_began_counts_and_nothing_before():
    assert moved((0, 50), (10, 100), (61, 110), now_s=70) == Decimal("0.1")
    assert moved((0, 50), (10, 100), (200, 110), now_s=200) == Decimal("0.1")


def test_where_nothing_trades_nothing_moves():
    assert moved((0, 100), (30, 120), now_s=200) == 0
    assert moved((0, 100), (30, 120), (200, 120), now_s=200) == 0


def test_a_single_odd_print_is_no_move_and_neither_is_one_from_beside_the_market():
    usual = [a_trade(100, 1_000, ms=second * 1_000) for second in range(60)]
    odd = a_trade(50, 1, ms=59_500)

    assert a_tape(*usual, odd).move_60s(at(60_000)) < Decimal("0.001")  # type: ignore[operator]  # it is known
    beside = a_trade(50, 10**6, ms=59_500, is_market=False)
    assert a_tape(*usual, beside).move_60s(at(60_000)) == 0
    only = a_tape(a_trade(50, is_market=False), a_trade(50, is_market=False, ms=61_000))
    assert only.move_60s(at(61_000)) is None


def test_finer_steps_change_no_move():
    tape = a_tape(a_trade(100), a_trade(100, ms=30_000), a_trade(106, ms=62_000))
    tape.widen(10, 100)
    tape.add(a_trade(1_070, 100, ms=63_000), at(63_000))

    assert tape.move_60s(at(63_000)) == Decimal("0.07")
    tape.widen(10, 1)
    assert tape.move_60s(at(63_000)) == Decimal("0.07")
