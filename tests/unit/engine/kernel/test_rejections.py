"""A burst of rejections is told once, when it begins."""

from engine.model import facts as f
from tests.builders import Trader, a_trader


def rejected(trader: Trader, times: int = 1, *, is_by_venue: bool = True) -> Trader:
    """Let so many orders be rejected."""
    for _ in range(times):
        cid = trader.works(is_acked=False)
        told = f.OrderRejected(trader.now_ns, cid, "no margin", is_by_venue=is_by_venue)
        trader.take(told, told)
    return trader


def told(trader: Trader) -> list[str]:
    return [one.text for one in trader.state.notices if "were rejected" in one.text]


def test_three_within_a_minute_are_a_burst():
    trader = rejected(a_trader(), 2)
    assert told(trader) == []

    rejected(trader.wait(59_000))

    assert told(trader) == ["3 orders were rejected within 60 s, the newest in BTCUSDT: no margin"]


def test_three_in_more_than_a_minute_are_none():
    trader = rejected(a_trader(), 2)

    rejected(trader.wait(60_000))

    assert told(trader) == []


def test_a_burst_that_goes_on_is_told_once_and_the_next_one_again():
    trader = rejected(a_trader(), 9)
    rejected(trader.wait(30_000), 3)
    assert len(told(trader)) == 1

    rejected(trader.wait(60_000), 3)

    assert sum(one.count for one in trader.state.notices if "were rejected" in one.text) == 2


def test_what_never_came_to_the_venue_or_is_not_known_is_no_rejection_of_its():
    trader = rejected(a_trader(), 4, is_by_venue=False)
    for number in range(4):
        trader.take(f.OrderRejected(trader.now_ns, f"stranger {number}", "no margin"))

    assert told(trader) == []
