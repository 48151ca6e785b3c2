"""What faults do to each line, whatever venue is played."""

import pytest

from engine.fake.damage import Damage
from engine.fake.faults import Disconnect, Drop, Faults, Stall
from engine.model.chance import Chance


def damage(**faults) -> Damage:
    return Damage(Faults(**faults), Chance(1))


def test_disturbances_come_in_order_of_lines_and_once_each():
    stall, first, second = Stall(7, 1.0), Disconnect(3), Disconnect(7)
    faults = damage(stall_at_line=(stall,), disconnect_at_line=(second, first))

    assert faults.take_disturbance(2) is None
    assert faults.take_disturbance(3) == first
    assert faults.take_disturbance(3) is None
    assert [faults.take_disturbance(7) for _ in range(3)] == [stall, second, None]


def test_a_disturbance_of_a_line_that_never_came_is_let_go():
    faults = damage(disconnect_at_line=(Disconnect(3), Disconnect(9)))

    assert faults.take_disturbance(4) is None
    assert faults.take_disturbance(9) == Disconnect(9)


def test_lines_are_swapped_both_ways_and_sent_again():
    faults = damage(swap_lines=((2, 5),), repeat_lines=(3,))

    assert [faults.in_place_of(line) for line in (2, 5, 3)] == [5, 2, None]
    assert [faults.times(line) for line in (2, 3)] == [1, 2]


@pytest.mark.parametrize(
    ("drop", "is_taken"),
    [
        (Drop(), True),
        (Drop(stream="mine"), True),
        (Drop(stream="other"), False),
        (Drop(symbol="A"), True),
        (Drop(symbol="B"), False),
        (Drop(from_line=6), False),
        (Drop(to_line=4), False),
        (Drop(share=0.0), False),
    ],
)
def test_a_frame_is_taken_where_all_of_a_fault_fits(drop: Drop, is_taken: bool):
    assert damage(drop=(drop,)).takes(5, "A", lambda name: name == "mine") is is_taken


def test_a_share_takes_some():
    faults = damage(drop=(Drop(share=0.5),))

    taken = [faults.takes(line, "A", lambda _: True) for line in range(100)]

    assert 20 < sum(taken) < 80
