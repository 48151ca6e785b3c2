"""How often orders may leave: in a while, the same again, the next entry."""

import pytest

from engine.model import facts as f
from engine.model.numbers import PriceTicks, QtyLots
from tests.unit.engine.execution.gate_desk import (
    Desk,
    codes,
    refused,
)


@pytest.mark.parametrize(
    ("name", "window_s"), [("orders_per_s_max", 1), ("orders_per_10min_max", 600)]
)
def test_orders_have_a_rate(name: str, window_s: int):
    desk = Desk(**{name: 3})

    assert [codes(desk.send()) for _ in range(4)] == [[], [], [], [name]]
    assert codes(desk.wait(window_s - 0.001).send()) == [name]
    assert codes(desk.wait(0.001).send()) == []


def test_a_close_has_the_same_rate():
    desk = Desk(orders_per_s_max=1).hold(5)
    desk.send()

    assert codes(desk.send("sell", 5, 1_010, is_reduce_only=True)) == ["orders_per_s_max"]


ENTRY: dict = {}


STOP: dict = {
    "side": "sell",
    "price": None,
    "type": "stop",
    "trigger_ticks": 900,
    "is_reduce_only": True,
    "is_protective": True,
}


@pytest.mark.parametrize(("asked", "most"), [(ENTRY, 16), (STOP, 18)])
def test_the_last_of_a_rate_are_kept_for_closes(asked: dict, most: int):
    desk = Desk(orders_per_10min_max=20).hold(100)

    answers = [desk.send(**asked) for _ in range(20)]

    assert list(map(codes, answers)) == [[]] * most + [["orders_per_10min_max"]] * (20 - most)
    assert refused(answers[-1]).sentences == (
        f"{most + 1} within 600 s is too near the limit of 20 (orders_per_10min_max): "
        f"the last {20 - most} are kept for what closes or protects a position.",
    )
    for _ in range(20 - most):
        assert codes(desk.send("sell", 1, 1_010, is_reduce_only=True)) == []
    assert codes(desk.send("sell", 1, 1_010, is_reduce_only=True)) == ["orders_per_10min_max"]


def test_cancels_and_amendments_count_as_messages_for_a_second():
    desk = Desk(messages_per_s_max=4).hold(5)
    cid = desk.work("buy", 1, 990)
    desk.wait(60)
    desk.tell(f.CancelRequested(desk.now_ns, cid))
    desk.tell(f.ReplaceRequested(desk.now_ns, cid, PriceTicks(991), QtyLots(1)))

    assert codes(desk.send()) == []
    assert codes(desk.send(price=999)) == []
    assert codes(desk.send(price=998)) == ["messages_per_s_max"]
    assert codes(desk.send("sell", 1, 1_010, is_reduce_only=True)) == []
    assert codes(desk.wait(1).send(price=998)) == []


def test_a_strategy_enters_so_often_in_an_hour():
    desk = Desk(entries_per_h_max=2)

    def enter(**changed) -> list[str]:
        return codes(desk.wait(60).send(**{"owner": "rsi"} | changed))

    assert [enter(), enter(), enter()] == [[], [], ["entries_per_h_max"]]
    assert enter(side="sell", price=1_010) == []
    assert enter(owner="macd") == []
    assert enter(owner="hand") == []
    assert codes(desk.wait(3_600).send(owner="rsi")) == []


def test_a_strategy_that_repeats_by_nature_may():
    desk = Desk(entries_per_h_max=1, duplicate_window_s=2, allow_repeat=("grid",))

    for owner in ("grid", "grid@BTC", "grid@BTC"):
        assert codes(desk.send(owner=owner)) == []
    for owner, wanted in (("grid_2", []), ("grids", []), ("grids", ["duplicate_window_s"])):
        assert set(wanted) <= set(codes(desk.send(owner=owner)))


def test_a_refused_strategy_is_to_be_halted():
    desk = Desk(entries_per_h_max=1)
    desk.send(owner="rsi")

    (advice,) = refused(desk.send(owner="rsi")).advice

    assert (advice.scope, advice.state) == ("strategy:rsi", "halted")


def test_the_same_order_twice_within_moments_is_a_mistake():
    desk = Desk(duplicate_window_s=2)
    desk.send()

    assert codes(desk.send()) == ["duplicate_window_s"]
    assert codes(desk.send(price=999)) == []
    assert codes(desk.send(lots=2)) == []
    assert codes(desk.send(owner="rsi")) == []
    assert codes(desk.send(side="sell", price=1_010)) == []
    assert codes(desk.wait(2).send()) == []


def test_a_market_order_is_the_same_though_its_collar_moved():
    desk = Desk(duplicate_window_s=2)
    desk.send(price=None)
    desk.with_market(ask_ticks=1_011)

    assert codes(desk.send(price=None)) == ["duplicate_window_s"]
    assert codes(desk.wait(2).send(price=None)) == []


def test_a_reverse_of_equal_lots_is_no_order_twice():
    desk = Desk(duplicate_window_s=2).hold(5, owner="rsi")

    leave = desk.send("sell", 5, None, owner="rsi", tag="leave", is_reduce_only=True)
    entry = desk.send("sell", 5, None, owner="rsi", tag="enter 3.0 5.0")

    assert [codes(leave), codes(entry)] == [[], []]
    assert codes(desk.send("sell", 5, None, owner="rsi", tag="enter 2.9 5.0")) == [
        "duplicate_window_s"
    ]


def test_children_of_a_parent_may_be_alike():
    desk = Desk(duplicate_window_s=2)

    assert [codes(desk.send(family="a1")) for _ in range(2)] == [[], []]


def test_an_order_given_twice_does_not_pass_as_one_that_reduces():
    desk = Desk(duplicate_window_s=2).hold(10)
    desk.send("sell", 5, None)

    assert codes(desk.send("sell", 5, None)) == ["duplicate_window_s"]


def test_a_waiting_stop_is_not_the_same_as_a_market_order():
    desk = Desk(duplicate_window_s=2)
    desk.send(type="stop", price=None, trigger_ticks=1_010)

    assert codes(desk.send(price=None)) == []


def test_entries_in_an_instrument_have_a_cooldown():
    desk = Desk(cooldown_s=300)

    assert codes(desk.send()) == []
    assert codes(desk.wait(299.999).send()) == ["cooldown_s"]
    assert codes(desk.wait(0.001).send()) == []
    assert codes(desk.hold(5).send("sell", 5, 1_010, is_reduce_only=True)) == []


def test_an_instrument_has_so_many_orders_a_day():
    desk = Desk(orders_per_day_max=2)

    assert [codes(desk.send()) for _ in range(3)] == [[], [], ["orders_per_day_max"]]
    assert codes(desk.wait(86_400).send()) == []
