"""The tape: the newest trades, and what traded lately on which side."""

import pytest

from engine.ingest.tape import TRADES_MAX, WINDOW_S, Tape
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
    assert tape.volume_lots(at(1_000 * WINDOW_S)) == 4
    assert tape.volume_lots(at(1_000 * WINDOW_S + 1_000)) == 0


def test_the_sums_of_the_last_hour_take_bounded_memory():
    tape = a_tape(*(a_trade(ms=1_000 * second) for second in range(WINDOW_S + 100)))

    _, _, seconds = tape.digest_parts()
    assert len(seconds) == WINDOW_S  # type: ignore[arg-type]  # plain values have no type


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
