"""Seeded chance: the same numbers everywhere, fairly spread."""

import pytest

from engine.model.chance import Chance

DRAWS = 2_000


def test_the_numbers_are_those_of_splitmix64():
    chance = Chance(1_234_567)

    assert [chance.next_u64() for _ in range(3)] == [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
    ]


def test_a_stored_state_goes_on_where_it_was():
    chance = Chance(7)
    chance.next_u64()

    copy = Chance(chance.state)

    assert [copy.next_u64() for _ in range(5)] == [chance.next_u64() for _ in range(5)]


def test_any_integer_is_a_seed():
    assert Chance(-1).next_u64() == Chance(2**64 - 1).next_u64()


def test_a_uniform_number_lies_from_0_to_below_1():
    chance = Chance(1)
    drawn = [chance.uniform() for _ in range(DRAWS)]

    assert all(0.0 <= number < 1.0 for number in drawn)
    assert sum(drawn) / DRAWS == pytest.approx(0.5, abs=0.03)


def test_below_and_between_reach_every_number_and_no_other():
    chance = Chance(2)

    assert {chance.below(3) for _ in range(DRAWS)} == {0, 1, 2}
    assert {chance.between(-1, 1) for _ in range(DRAWS)} == {-1, 0, 1}


def test_below_nothing_there_is_no_number():
    with pytest.raises(AssertionError):
        Chance(1).below(0)


def test_what_happens_in_a_share_of_cases_does():
    chance = Chance(3)

    assert sum(chance.happens(0.2) for _ in range(DRAWS)) / DRAWS == pytest.approx(0.2, abs=0.03)
    assert not any(chance.happens(0.0) for _ in range(DRAWS))
    assert all(chance.happens(1.0) for _ in range(DRAWS))


def test_waits_have_the_mean_that_was_asked_for():
    chance = Chance(4)
    waits = [chance.exponential(50.0) for _ in range(DRAWS)]

    assert min(waits) >= 0.0
    assert sum(waits) / DRAWS == pytest.approx(50.0, rel=0.1)


def test_a_pick_is_one_of_the_items():
    chance = Chance(5)

    assert {chance.pick("abc") for _ in range(DRAWS)} == set("abc")
