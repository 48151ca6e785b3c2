"""What two connections bring of the same streams, handed on once."""

from engine.model.market import BookDelta, BookSnapshot, FeedUp
from engine.model.numbers import NS_PER_S
from engine.runtime.handover import Handover
from tests.builders import BTC, ETH, a_delta, a_quote, a_snapshot, a_trade


def switched(*old: object) -> Handover:
    """Return a handover after the old connection brought these."""
    handover = Handover()
    assert handover.take(old) == old  # type: ignore[arg-type]  # any events will do
    handover.switch(0)
    return handover


def numbers(events: object) -> list[int]:
    return [event.last_seq for event in events if isinstance(event, BookDelta | BookSnapshot)]  # type: ignore[attr-defined]  # both have one


def test_changes_that_both_bring_pass_once_and_none_is_lost():
    handover = switched(a_delta(11), a_delta(12))

    assert numbers(handover.take([a_delta(11), a_delta(12), a_delta(13), a_delta(14)])) == [13, 14]


def test_trades_pass_once_by_id_and_stream():
    handover = switched(a_trade(trade_id=7), a_trade(trade_id=3, stream="agg_trade"))
    both = [a_trade(trade_id=n) for n in (6, 7, 8, 9)]
    aggregated = [a_trade(trade_id=n, stream="agg_trade") for n in (3, 4)]

    assert handover.take([*both, *aggregated]) == [*both[2:], aggregated[1]]


def test_an_instrument_that_the_old_one_was_silent_about_passes_whole():
    handover = switched(a_delta(11), a_snapshot(seq=20, instrument_id=BTC))

    assert numbers(handover.take([a_delta(5, instrument_id=ETH)])) == [5]
    assert numbers(handover.take([a_delta(15), a_delta(21)])) == [21]


def test_a_snapshot_of_the_new_one_begins_anew():
    handover = switched(a_delta(11), a_delta(20))

    events = handover.take([a_snapshot(seq=15), a_delta(16), a_delta(20), a_delta(21)])

    assert numbers(events) == [15, 16, 20, 21]


def test_what_replaces_itself_passes():
    handover = switched(a_quote())

    assert handover.take([a_quote(), FeedUp("x")]) == [a_quote(), FeedUp("x")]


def test_it_is_over_a_minute_after_the_change():
    assert not Handover().is_over(10**18)
    assert not switched().is_over(59 * NS_PER_S)
    assert switched().is_over(60 * NS_PER_S)
