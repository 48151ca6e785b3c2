"""Which order a number of the venue's stands for, without end and within bounds."""

from engine.venues.binance import order_names
from engine.venues.binance.order_names import OrderNames


def test_a_number_belongs_to_a_symbol():
    names = OrderNames()
    names.learn("ABCUSDT", 7, "ck01")

    assert names.find("ABCUSDT", 7) == "ck01"
    assert names.find("XYZUSDT", 7) is None


def test_what_a_conditional_order_became_keeps_its_name_whoever_tells_first():
    names = OrderNames()
    names.learn("ABCUSDT", 8, "x-by-the-venue")
    names.learn_child("ABCUSDT", 8, "ck02")
    names.learn("ABCUSDT", 8, "x-by-the-venue")

    assert names.find("ABCUSDT", 8) == "ck02"
    assert (names.child("ck02"), names.child("ck01")) == (8, None)


def test_a_number_that_stood_for_a_name_gives_way_to_it():
    names = OrderNames()
    names.learn("ABCUSDT", 9, "#9")
    assert names.find("ABCUSDT", 9) == "#9"

    names.learn("ABCUSDT", 9, "web_1")
    names.learn("ABCUSDT", 9, "#9")

    assert names.find("ABCUSDT", 9) == "web_1"


def test_the_oldest_are_forgotten_at_the_bound(monkeypatch):
    monkeypatch.setattr(order_names, "NAMES_MAX", 3)
    names = OrderNames()

    for number in range(1, 6):
        names.learn_child("ABCUSDT", number, f"ck0{number}")

    assert [names.find("ABCUSDT", n) for n in range(1, 6)] == [None, None, "ck03", "ck04", "ck05"]
    assert [names.child(f"ck0{n}") for n in range(1, 6)] == [None, None, 3, 4, 5]
