"""Who gives the orders: one screen at most, and nobody by accident."""

from engine.kernel.seats import Seats


def test_the_first_screen_gives_the_orders_and_the_second_looks():
    seats = Seats()

    seats.join("a", looks_only=False)
    seats.join("b", looks_only=False)

    assert (seats.holder, seats.looks("a"), seats.looks("b")) == ("a", False, True)
    assert seats.screens == ("a", "b")


def test_a_screen_that_joined_to_look_gives_no_orders_even_when_alone():
    seats = Seats()

    seats.join("a", looks_only=True)

    assert seats.looks("a")
    assert not seats.holder
    assert not seats.is_attended


def test_a_shell_is_no_screen_and_never_looks_only():
    seats = Seats()

    assert not seats.is_screen("shell")
    assert not seats.looks("shell")


def test_orders_that_nobody_gives_stay_so_until_somebody_takes_them():
    seats = Seats()
    seats.join("a", looks_only=False)
    seats.join("b", looks_only=False)

    assert seats.leave("a")
    assert seats.looks("b")
    assert seats.is_attended

    seats.take("b")
    assert not seats.looks("b")


def test_the_next_screen_gives_the_orders_where_nobody_does():
    seats = Seats()
    seats.join("a", looks_only=False)
    seats.leave("a")

    seats.join("b", looks_only=False)

    assert seats.holder == "b"


def test_a_screen_that_looks_leaves_without_a_trace():
    seats = Seats()
    seats.join("a", looks_only=False)
    before = seats.digest_parts()
    seats.join("b", looks_only=True)

    assert not seats.leave("b")
    assert seats.digest_parts() == before


def test_a_screen_that_took_the_orders_is_missed_when_it_leaves():
    seats = Seats()
    seats.join("a", looks_only=True)
    seats.take("a")

    assert seats.is_attended
    assert seats.leave("a")
    assert not seats.is_attended


def test_everything_that_is_kept_is_in_the_digest():
    seats = Seats()
    seen = [seats.digest_parts()]
    for change in (
        lambda: seats.join("a", looks_only=True),
        lambda: seats.take("a"),
        lambda: seats.join("b", looks_only=False),
        lambda: seats.leave("a"),
    ):
        change()
        seen.append(seats.digest_parts())

    assert len({repr(parts) for parts in seen}) == len(seen)
