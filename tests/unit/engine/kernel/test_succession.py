"""Protection changes its size without a moment in which there is none."""

from msgspec.structs import replace

from engine.execution.ledger_orders import OrderRecord
from engine.kernel.succession import LEGS_MAX, Moves, is_due, is_safe_beside, moves, shared_out
from engine.model import facts as f
from engine.model.numbers import NS_PER_S
from tests.builders import a_fill
from tests.unit.engine.kernel.live_desk import LiveDesk, a_live_desk, seen


class Stops:
    """A desk at a venue with stops of one kind."""

    def __init__(self) -> None:
        self.desk: LiveDesk = a_live_desk()

    def stop(
        self,
        lots: int,
        *supersedes: OrderRecord,
        is_shown: bool = True,
        is_reduce_only: bool = True,
        is_answered: bool = True,
    ) -> OrderRecord:
        """Let one work that the venue has shown, unless told otherwise."""
        desk = self.desk
        cid = desk.stops(lots=lots, is_acked=False, is_reduce_only=is_reduce_only)
        order = desk.ledger.orders[cid]
        order.created_ns = order.updated_ns = desk.now_ns
        names = tuple(one.client_order_id for one in supersedes)
        order.intent = replace(order.intent, supersedes=names)
        if is_answered:
            desk.tells(f.OrderSent(desk.now_ns, cid))
            desk.tells(f.OrderAcked(desk.now_ns, cid, f"v-{cid}", is_answer=not is_shown))
        return order

    def shows(self, order: OrderRecord) -> None:
        """Let the stream tell of one."""
        cid = order.client_order_id
        self.desk.tells(f.OrderAcked(self.desk.now_ns, cid, f"v-{cid}"))

    def sticks(self, order: OrderRecord) -> None:
        """Let the venue show one as triggered, for longer than is waited."""
        cid = order.client_order_id
        shown = seen(cid, type="stop", limit_ticks=None, trigger_ticks=950, is_triggered=True)
        self.desk.answers(cid, shown).wait(3_000)

    def moves(self, lots: int, *, may_shrink: bool = True) -> Moves:
        """Ask for so many lots of what works."""
        shares = shared_out(self.desk.ledger.working())
        return moves(self.desk.state, lots, *shares, may_shrink=may_shrink)

    def ends(self, order: OrderRecord, kind: type = f.OrderRejected) -> OrderRecord:
        """Let one end, refused unless told otherwise."""
        self.desk.tells(kind(self.desk.now_ns, order.client_order_id, "refused"))
        return order

    def waits_s(self, orders: list[OrderRecord], *, is_exchange: bool = False) -> float:
        """Return after how long the next one is due, and let that time pass."""
        for quarter in range(400):
            if is_due(self.desk.state, orders, is_exchange=is_exchange):
                return quarter / 4
            self.desk.wait(250)
        raise AssertionError("never")


def names(*orders: OrderRecord) -> tuple[str, ...]:
    return tuple(order.client_order_id for order in orders)


# Sizes.


def test_what_is_bare_is_joined_by_the_rest():
    stops = Stops()
    assert stops.moves(5) == Moves(5)

    stops.stop(2)

    assert stops.moves(5) == Moves(3)
    assert stops.moves(2) == Moves()


def test_a_stop_that_hangs_is_to_go_for_another():
    stops = Stops()
    hung = stops.stop(5)
    stops.sticks(hung)
    assert stops.moves(5) == Moves(5, names(hung))

    other = stops.stop(5, hung)

    assert stops.moves(5) == Moves(gone=(hung,))
    stops.ends(hung, f.OrderCanceled)
    assert stops.moves(5) == Moves()
    assert not other.is_final


def test_a_stop_that_hangs_goes_with_its_position():
    stops = Stops()
    hung = stops.stop(5)
    stops.sticks(hung)

    assert stops.moves(0) == Moves(gone=(hung,))


def test_a_stop_that_hangs_is_left_where_nothing_shall_follow_or_it_could_open_a_position():
    for setup, is_reduce_only in (("nothing", True), ("retry", False)):
        stops = Stops()
        stops.desk.desk.setup = replace(stops.desk.desk.setup, on_unprotected=setup)
        stops.sticks(stops.stop(5, is_reduce_only=is_reduce_only))

        assert stops.moves(5) == Moves()


def test_too_large_a_stop_goes_when_the_right_one_was_shown():
    stops = Stops()
    large = stops.stop(10)
    assert stops.moves(6) == Moves(6, names(large))

    right = stops.stop(6, large, is_shown=False)
    assert stops.moves(6) == Moves()
    stops.shows(right)

    assert stops.moves(6) == Moves(gone=(large,))


def test_one_exchange_ends_before_the_next_begins():
    stops = Stops()
    large = stops.stop(10)
    right = stops.stop(6, large, is_shown=False)

    assert stops.moves(4) == Moves()
    stops.shows(right)
    assert stops.moves(4) == Moves(gone=(large,))
    stops.ends(large, f.OrderCanceled)

    assert stops.moves(4) == Moves(4, names(right))


def test_what_grows_during_an_exchange_is_protected_at_once():
    stops = Stops()
    large = stops.stop(10)
    stops.stop(6, large, is_shown=False)

    assert stops.moves(8) == Moves(2, names(large))


def test_one_that_is_refused_leaves_those_before_in_their_place():
    stops = Stops()
    large = stops.stop(10)
    stops.ends(stops.stop(6, large, is_answered=False))

    assert stops.moves(6) == Moves(6, names(large))
    assert stops.moves(10) == Moves()


def test_nobody_knows_of_the_new_one_and_those_before_stay():
    stops = Stops()
    large = stops.stop(10)
    lost = stops.stop(6, large, is_answered=False)
    stops.desk.tells(f.OrderUnknown(stops.desk.now_ns, lost.client_order_id, "HTTP 503"))

    assert stops.moves(6) == Moves()


def test_what_is_too_much_goes_when_the_rest_was_shown():
    stops = Stops()
    five = stops.stop(5, is_shown=False)
    two = stops.stop(2)

    assert stops.moves(5) == Moves()
    stops.shows(five)

    assert stops.moves(5) == Moves(gone=(two,))


def test_where_nothing_could_follow_all_stays():
    stops = Stops()
    stops.stop(10)

    assert stops.moves(6, may_shrink=False) == Moves()


def test_what_could_open_a_position_goes_first():
    stops = Stops()
    loose = stops.stop(10, is_reduce_only=False)

    assert stops.moves(6, may_shrink=False) == Moves(gone=(loose,))


def test_where_nothing_is_held_all_of_it_goes():
    stops = Stops()
    large = stops.stop(10)
    right = stops.stop(6, large, is_shown=False)

    assert stops.moves(0) == Moves(gone=(large, right))


def test_many_small_ones_become_one():
    stops = Stops()
    small = [stops.stop(1) for _ in range(LEGS_MAX)]
    assert stops.moves(4) == Moves()
    small.append(stops.stop(1, is_shown=False))
    assert stops.moves(5) == Moves()

    stops.shows(small[-1])

    assert stops.moves(5) == Moves(5, names(*small))


def test_only_what_reduces_works_beside_what_it_replaces():
    stops = Stops()
    large = stops.stop(10)

    assert is_safe_beside(stops.stop(6, large).intent)
    assert is_safe_beside(stops.stop(6, is_reduce_only=False).intent)
    assert not is_safe_beside(stops.stop(6, large, is_reduce_only=False).intent)


# Attempts.


def test_the_time_between_attempts_that_fail_doubles_up_to_a_minute():
    stops = Stops()
    tried: list[OrderRecord] = []

    waits = []
    for _ in range(10):
        waits.append(stops.waits_s(tried))
        tried.append(stops.ends(stops.stop(5, is_answered=False)))

    assert waits == [0, 3, 6, 12, 24, 48, 60, 60, 60, 60]


def test_one_that_rested_begins_anew():
    stops = Stops()
    first = stops.ends(stops.stop(5, is_answered=False))
    rested = stops.stop(5)
    stops.desk.wait(5_000)
    stops.ends(rested, f.OrderCanceled)

    assert stops.waits_s([first, rested]) == 0
    again = stops.ends(stops.stop(5, is_answered=False))
    assert stops.waits_s([first, rested, again]) == 3


def test_one_that_was_filled_in_part_has_not_failed():
    stops = Stops()
    lapsed = stops.stop(5)
    stops.desk.take(a_fill(lapsed.client_order_id, 2))
    stops.ends(lapsed, f.OrderExpired)

    assert stops.waits_s([lapsed]) == 0


def test_one_that_is_taken_away_at_once_comes_again_and_then_more_slowly():
    stops = Stops()
    taken = [stops.ends(stops.stop(5), f.OrderCanceled)]
    assert stops.waits_s(taken) == 0

    taken.append(stops.ends(stops.stop(5), f.OrderCanceled))

    assert stops.waits_s(taken) == 3


def test_one_that_was_replaced_has_not_failed():
    stops = Stops()
    old = stops.stop(5)
    new = stops.stop(4, old)
    stops.ends(old, f.OrderCanceled)
    newest = stops.stop(3, new)
    stops.ends(new, f.OrderCanceled)

    assert stops.waits_s([old]) == 0
    assert stops.waits_s([old, new, newest]) == 0
    stops.ends(newest, f.OrderExpired)
    assert stops.waits_s([old, new, newest], is_exchange=True) == 3


def test_an_exchange_that_fails_puts_off_no_protection_of_what_is_bare():
    stops = Stops()
    old = stops.stop(5)
    failed = stops.ends(stops.stop(4, old, is_answered=False))

    assert stops.waits_s([old, failed]) == 0
    assert stops.waits_s([old, failed], is_exchange=True) == 3


def test_what_an_earlier_run_failed_at_is_tried_at_once():
    stops = Stops()
    failed = stops.ends(stops.stop(5, is_answered=False))
    failed.created_ns -= 7_200 * NS_PER_S

    assert stops.waits_s([failed]) == 0


def test_a_refusal_of_the_gate_waits_three_seconds():
    desk = a_live_desk()

    assert not is_due(desk.state, [], desk.now_ns, is_exchange=False)
    assert is_due(desk.wait(3_000).state, [], desk.now_ns - 3 * NS_PER_S, is_exchange=False)


def test_by_the_settings_a_refused_stop_is_left_to_people():
    stops = Stops()
    desk = stops.desk
    desk.desk.setup = replace(desk.desk.setup, on_unprotected="nothing")
    assert stops.waits_s([]) == 0

    failed = stops.ends(stops.stop(5, is_answered=False))

    assert not is_due(desk.wait(600_000).state, [failed], is_exchange=False)
