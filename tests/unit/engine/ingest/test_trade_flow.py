"""How far trades have come: which are new, which come late, and which for the second time."""

import pytest

from engine.ingest.trade_flow import SEEN_MAX, SKIPS_MAX, TradeFlow
from engine.model.market import Trade
from tests.builders import FEED, a_trade, at


def a_print(number: int, ms: float | None = None, *, is_market: bool = True) -> Trade:
    return a_trade(ms=number if ms is None else ms, trade_id=number, is_market=is_market)


def a_flow(*numbers: int, is_numbered: bool = False) -> TradeFlow:
    flow = TradeFlow(is_numbered=is_numbered)
    judged(flow, *numbers or (1, 2, 3))
    return flow


def judged(flow: TradeFlow, *numbers: int) -> str:
    """Return the first letters of what is thought of each."""
    return "".join(flow.judge(a_print(number), FEED)[0] for number in numbers)


@pytest.mark.parametrize("is_numbered", [False, True])
def test_a_trade_that_comes_again_is_a_repetition(is_numbered: bool):
    flow = a_flow(is_numbered=is_numbered)

    assert judged(flow, 3, 1, 4, 2, 4, 5) == "rrnrrn"
    assert flow.repeated == 4
    assert flow.hole is None


def test_where_ids_are_left_out_a_jump_is_no_loss_and_a_lower_one_is_news():
    flow = a_flow(1, 5)

    assert judged(flow, 9, 7, 7, 11) == "nnrn"
    assert flow.hole is None
    assert (flow.last_id, flow.last_ns) == (11, at(11))


def test_what_is_older_than_all_that_is_remembered_is_a_repetition():
    flow = a_flow(*range(1_000, 1_000 + 2 * SEEN_MAX, 2))

    assert judged(flow, 998, 1_001) == "rn"


def test_where_no_id_is_left_out_a_jump_is_a_loss():
    flow = a_flow(is_numbered=True)

    assert judged(flow, 6, 7, 9) == "nnn"

    assert flow.hole is not None
    assert [span.digest_parts() for span in flow.hole.spans] == [
        (3, at(3), 6, at(6)),
        (7, at(7), 9, at(9)),
    ]


def test_the_first_trade_of_all_is_no_jump():
    assert a_flow(900, is_numbered=True).hole is None


def test_trades_of_a_loss_that_come_late_are_kept_for_their_candles():
    flow = a_flow(is_numbered=True)

    assert judged(flow, 6, 5, 5, 4, 7) == "nlrln"

    assert flow.hole is not None
    assert flow.hole.is_filled
    assert flow.hole.late == 2


def test_the_first_trade_after_a_lost_connection_ends_the_hole():
    flow = a_flow()
    flow.lose()
    flow.lose()

    assert judged(flow, 3, 9, 10) == "rnn"

    assert flow.hole is not None
    assert [span.digest_parts() for span in flow.hole.spans] == [(3, at(3), 9, at(9))]


def test_a_loss_after_the_first_trade_that_came_again_is_another_span():
    flow = a_flow()
    for number in (9, 15):
        flow.lose()
        judged(flow, number)

    assert flow.hole is not None
    assert [(span.after_id, span.before_id) for span in flow.hole.spans] == [(3, 9), (9, 15)]


def test_what_is_lost_while_an_answer_is_under_way_waits_for_the_next_question():
    flow = a_flow(3, is_numbered=True)
    judged(flow, 6)
    assert flow.hole is not None
    flow.hole.number = 1

    assert judged(flow, 9, 8, 12) == "nln"
    assert flow.hole.before_id == 6
    flow.close_hole()

    assert [(span.after_id, span.before_id) for span in flow.hole.spans] == [(6, 9), (9, 12)]
    assert flow.next_hole is None
    assert judged(flow, 5) == "r"


def test_a_connection_lost_before_a_trade_came_makes_an_answer_useless():
    flow = a_flow()
    flow.lose()
    assert flow.hole is not None
    flow.hole.number = 1

    flow.lose()

    assert flow.hole.number == 0
    assert flow.next_hole is None


def test_what_was_fetched_of_an_open_hole_is_a_repetition():
    flow = a_flow()
    flow.lose()
    assert flow.hole is not None
    flow.hole.add([a_print(4), a_print(5), a_print(6, is_market=False)])

    flow.close_hole()

    assert judged(flow, 4, 5, 6, 7) == "rrrn"
    assert flow.hole is None


def test_what_was_fetched_tells_how_far_trades_have_come():
    flow = a_flow(is_numbered=True)
    flow.lose()
    assert flow.hole is not None
    flow.hole.add([a_print(4), a_print(5)])
    flow.close_hole()

    judged(flow, 8)

    assert flow.hole is not None
    assert [span.digest_parts() for span in flow.hole.spans] == [(5, at(5), 8, at(8))]


def test_a_lower_id_at_a_later_time_begins_the_ids_anew():
    flow = a_flow(100, 101, is_numbered=True)
    judged(flow, 105)
    assert flow.hole is not None

    assert flow.judge(a_print(1, ms=1_106), FEED) == "new"

    assert flow.hole.fault == "the venue counts its trades anew"
    flow.close_hole()
    assert flow.judge(a_print(2, ms=1_107), FEED) == "new"
    assert flow.judge(a_print(2, ms=1_107), FEED) == "repeated"
    assert flow.hole is None


def test_ids_begin_anew_without_a_hole_too():
    flow = a_flow(100)

    assert flow.judge(a_print(1, ms=1_101), FEED) == "new"
    assert flow.last_id == 1


def test_a_venue_that_knows_no_trades_of_its_jumps_does_leave_ids_out():
    flow = a_flow(1, is_numbered=True)
    for number in range(10, 10 * SKIPS_MAX + 1, 10):
        assert flow.is_numbered
        judged(flow, number)
        assert flow.hole is not None
        flow.note_answer(flow.hole)
        flow.close_hole()

    judged(flow, 900)

    assert not flow.is_numbered
    assert flow.hole is None


def test_one_trade_of_a_jump_shows_that_ids_are_not_left_out():
    flow = a_flow(1, is_numbered=True)
    for number in range(10, 10 * 2 * SKIPS_MAX + 1, 10):
        judged(flow, number)
        assert flow.hole is not None
        if number % 20:
            flow.hole.add([a_print(number - 1)])
        flow.note_answer(flow.hole)
        flow.close_hole()

    assert flow.is_numbered


def test_both_holes_follow_finer_scales_and_are_part_of_the_digest():
    flow, other = a_flow(3, is_numbered=True), a_flow(3, is_numbered=True)
    for one in (flow, other):
        judged(one, 6)
        assert one.hole is not None
        one.hole.number = 1
        judged(one, 9, 5, 8)
    assert flow.digest_parts() == other.digest_parts()

    flow.widen(10, 1)

    assert flow.digest_parts() != other.digest_parts()
    for hole in (flow.hole, flow.next_hole):
        assert hole is not None
        assert [price for _, prints in hole.prints() for price, _, _ in prints] == [1_000]
