"""How far trades have come, and which of them come for the second time."""

from engine.ingest.trade_flow import TradeFlow
from engine.ingest.trade_hole import TradeHole
from tests.builders import FEED, a_trade, at


def a_flow(last: int = 3) -> TradeFlow:
    flow = TradeFlow()
    flow.note(a_trade(ms=last, trade_id=last), FEED)
    return flow


def test_without_a_loss_nothing_is_a_repetition():
    assert not a_flow().is_repeated(a_trade(trade_id=3))


def test_the_first_trade_after_a_loss_ends_the_hole():
    flow = a_flow()
    flow.hole = TradeHole(1, flow.last_id, flow.last_ns)

    assert flow.is_repeated(a_trade(trade_id=3))
    assert not flow.is_repeated(a_trade(ms=9, trade_id=9))
    assert not flow.is_repeated(a_trade(ms=10, trade_id=10))

    assert (flow.hole.before_id, flow.hole.before_ns) == (9, at(9))
    assert flow.repeated == 1


def test_what_was_fetched_is_a_repetition_until_something_newer_comes():
    flow = a_flow()
    flow.fetched_id = 5

    assert [flow.is_repeated(a_trade(trade_id=n)) for n in (4, 5, 6)] == [True, True, False]
    assert flow.fetched_id == 0
