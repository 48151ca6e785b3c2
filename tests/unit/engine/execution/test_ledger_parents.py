"""Parents and trails of the ledger: what can be true of them, and what is counted."""

from decimal import Decimal

import msgspec

from engine.execution.ledger import Ledger
from engine.execution.ledger_parents import ENDED_MAX, RESTARTED, lots_left
from engine.model import facts as f
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.parents import Iceberg
from engine.model.trails import TrailRule
from tests.builders import BTC, ETH, at
from tests.order_facts import a_fill, an_intent, began, known

RULE = TrailRule("ticks", Decimal(40), 40)
SPEC = Iceberg(BTC, "buy", QtyLots(10), PriceTicks(100), QtyLots(4))


def ledger(*facts: f.Fact) -> Ledger:
    made = Ledger()
    for fact in facts:
        made.apply(fact)
    return made


def starts(number: int = 1, ms: int = 0) -> f.ParentStarted:
    return f.ParentStarted(at(ms), f"a{number}", SPEC)


def trail_set(lots: int = 10, trail_id: str = "t1", **changed: object) -> f.TrailSet:
    began = f.TrailSet(at(0), trail_id, BTC, "sell", RULE, PriceTicks(1_000), PriceTicks(960), lots)
    return msgspec.structs.replace(began, **changed)


def moves(stop: int, best: int = 1_050) -> f.TrailMoved:
    return f.TrailMoved(at(1), "t1", PriceTicks(best), PriceTicks(stop))


# Trails.


def test_a_trail_comes_nearer_and_never_goes_back():
    told = ledger(trail_set(), moves(970), moves(965), moves(970), moves(980))

    trail = told.trails["t1"]
    assert (trail.stop_ticks, trail.best_ticks, trail.moves) == (980, 1_050, 2)
    assert told.contradictions == 2


def test_a_trail_of_a_short_position_comes_down():
    buying: dict = {"side": "buy", "stop_ticks": PriceTicks(1_040)}
    told = ledger(trail_set(**buying), moves(1_041), moves(1_030))

    assert told.trails["t1"].stop_ticks == 1_030
    assert told.contradictions == 1


def test_what_cannot_be_said_of_a_trail_is_counted():
    told = ledger(
        trail_set(stop_ticks=PriceTicks(0)),
        moves(970),
        f.TrailEnded(at(0), "t1", "why"),
        trail_set(),
        trail_set(),
        f.TrailEnded(at(0), "t1", "why"),
    )

    assert told.contradictions == 4
    assert told.trails == {}
    assert told.next_trail_id() == "t2"


def test_the_trail_of_an_entry_takes_no_number():
    assert ledger(trail_set(0, "ck1")).next_trail_id() == "t1"


def test_what_its_stop_closes_is_counted():
    told = ledger(
        trail_set(),
        f.OrderIntended(at(0), "a", an_intent("sell", family="t1"), 1),
        a_fill(lots=4),
        a_fill(lots=4),
    )

    assert told.trails["t1"].closed_lots == 4


# Parents.


def test_a_parent_pauses_goes_on_and_ends():
    told = ledger(starts(), f.ParentPaused(at(2_000), "a1", "why"))
    parent = told.parents["a1"]
    assert (parent.state, parent.reason) == ("paused", "why")
    assert parent.ran_ns(at(9_000)) == at(2_000) - at(0)

    told.apply(f.ParentResumed(at(10_000), "a1"))
    assert (parent.state, parent.reason) == ("running", "")
    assert parent.ran_ns(at(11_000)) == at(3_000) - at(0)

    told.apply(f.ParentEnded(at(12_000), "a1", "over"))
    assert (parent.state, parent.reason) == ("ended", "over")
    assert parent.ran_ns(at(99_000)) == at(4_000) - at(0)
    assert told.contradictions == 0


def test_what_cannot_be_said_of_a_parent_is_counted():
    told = ledger(
        starts(2),
        f.ParentPaused(at(0), "a1", "why"),
        f.ParentResumed(at(0), "a1"),
        f.ParentEnded(at(0), "a1", "why"),
        starts(2),
        f.ParentResumed(at(0), "a2"),
        f.ParentPaused(at(0), "a2", "why"),
        f.ParentPaused(at(0), "a2", "why"),
        f.ParentEnded(at(0), "a2", "why"),
        f.ParentEnded(at(0), "a2", "why"),
    )

    assert told.contradictions == 7
    assert told.next_parent_id() == "a3"


def test_children_are_counted_and_so_is_what_they_fill():
    told = ledger(
        starts(),
        f.OrderIntended(at(5), "a", an_intent(family="a1"), 1),
        f.OrderIntended(at(6), "b", an_intent(family="a9"), 1),
        f.OrderIntended(at(7), "c", an_intent(), 1),
        f.OrderAcked(at(8), "a", "v"),
        f.ReplaceRequested(at(9), "a", PriceTicks(101), QtyLots(10)),
        a_fill(lots=4, price=100),
        a_fill(lots=4, price=100),
        a_fill(trade="t2", lots=2, price=103),
        a_fill("b", "t3"),
    )

    parent = told.parents["a1"]
    assert (parent.sent, parent.sent_ns, parent.newest) == (1, at(5), "a")
    assert (parent.amends, parent.amended_ns) == (1, at(9))
    assert (parent.filled_lots, parent.filled_value) == (6, 606)
    assert lots_left(parent, 3) == 1
    assert lots_left(parent, 30) == 0


def test_what_had_ended_when_somebody_resumed_is_answered():
    told = ledger(
        starts(),
        f.OrderIntended(at(0), "a", an_intent(family="a1"), 1),
        f.ParentPaused(at(0), "a1", "why"),
        f.ParentResumed(at(0), "a1"),
    )
    assert told.parents["a1"].answered == ""

    told.apply(f.OrderRejected(at(0), "a", "no"))
    told.apply(f.ParentPaused(at(0), "a1", "why"))
    told.apply(f.ParentResumed(at(0), "a1"))
    assert told.parents["a1"].answered == "a"


def test_another_run_goes_on_with_nothing_by_itself():
    told = ledger(starts(), starts(2), f.ParentEnded(at(0), "a2", "over"), began())

    assert [(one.state, one.reason) for one in told.parents.values()] == [
        ("paused", RESTARTED),
        ("ended", "over"),
    ]


def test_a_clock_that_was_ahead_before_keeps_no_parent_waiting():
    child = f.OrderIntended(at(9_000), "a", an_intent(family="a1"), 1)
    told = ledger(starts(), child, began())

    assert told.parents["a1"].sent_ns == began().ts_ns


def test_the_oldest_ended_parents_are_forgotten():
    told = ledger(starts())
    for number in range(2, ENDED_MAX + 3):
        told.apply(starts(number))
        told.apply(f.ParentEnded(at(0), f"a{number}", "over"))

    assert len(told.parents) == ENDED_MAX + 1
    assert "a1" in told.parents
    assert "a2" not in told.parents


def test_a_checkpoint_keeps_their_order():
    told = ledger(*(starts(number) for number in range(1, 12)), trail_set())

    again = Ledger.from_bytes(told.to_bytes())

    assert list(again.parents) == list(told.parents)
    assert again.trails == told.trails


# Steps.


def test_new_steps_count_trails_anew_and_end_parents():
    percent = TrailRule("percent", Decimal(1), 40)
    told = ledger(
        known(tick="1", lot="1"),
        trail_set(),
        trail_set(5, "t2", rule=percent),
        trail_set(5, "t3", instrument_id=ETH),
        starts(),
        f.ParentStarted(at(0), "a2", msgspec.structs.replace(SPEC, instrument_id=ETH)),
        known(tick="0.5", lot="0.5"),
    )

    first, second, other = told.trails.values()
    assert (first.best_ticks, first.stop_ticks, first.lots) == (2_000, 1_920, 20)
    assert first.rule == TrailRule("ticks", Decimal(80), 80)
    assert second.rule == TrailRule("percent", Decimal(1), 80)
    assert other.stop_ticks == 960
    assert told.parents["a1"].reason == "the venue changed the steps of this instrument"
    assert told.parents["a2"].state == "running"


def test_steps_that_split_what_a_trail_protects_are_refused():
    told = ledger(known(lot="1"), trail_set(5), known(lot="2"))

    assert told.contradictions == 1
