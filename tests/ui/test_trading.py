"""Positions, orders, risk, and the keys of the ladder."""

import random
import string
from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.model.commands import (
    AmendOrder,
    Arm,
    CancelAll,
    CancelOrders,
    CommandOutcome,
    Disarm,
    SubmitOrder,
)
from tests.fakes.port import START_NS, accept
from tests.ui.scenes import a_position, a_risk, a_stop, an_order, some_orders, some_positions
from tests.ui.stage import M, S, Stage, stage

DISARMED = a_risk(armed_until_ns=None)
PANES = tuple("1234567890")
LETTERS = string.ascii_letters + string.digits + string.punctuation + " "


def line(at: Stage) -> str:
    return at.text().splitlines()[-3]


async def test_positions_by_owner_with_totals():
    async with stage(M) as at:
        await at.feed()

        text = at.pane("positions")
        assert "5 POSITIONS (2)" in text
        assert "BTC-PERP  hand     LONG       0.5     64,010   64,209.8    +99.90 stop" in text
        assert "ETH-PERP  momentum SHORT        4    3,121.2    3,120.4     +3.20 none!" in text
        assert "eq 100,412.55 USD  day +112.40  real +9.30  fees -4.11  fund -0.68" in text


async def test_a_position_with_a_stop_for_a_part_shows_that_part():
    async with stage(M) as at:
        bare = a_position(is_protected=False, stopped_part="2/3")
        await at.feed(positions=some_positions(rows=(bare,)))

        assert "64,209.8    +99.90 2/3!" in at.pane("positions")


async def test_no_position_says_how_to_get_one():
    async with stage(S) as at:
        await at.feed(positions=some_positions(rows=()))

        assert "no positions — b/s on the book or : to type an order" in at.text()


async def test_the_tabs_of_the_orders():
    async with stage(M) as at:
        await at.feed()
        await at.press("6")
        working = at.pane("orders")
        await at.press("o")
        fills = at.pane("orders")
        await at.press("o")

        assert "[open 3] fills 1 ended 1" in working
        assert "o3  BTC- STOP S" in working
        assert "64,209.5 maker" in fills
        assert "rejected" in at.pane("orders")


async def test_an_order_of_unknown_fate_is_loud():
    async with stage(M) as at:
        await at.feed(orders=some_orders(working=(an_order(state="unknown"),)))

        assert "UNKNOWN" in at.pane("orders")


async def test_limits_strategies_and_why_they_wait():
    async with stage(M) as at:
        await at.press("9")
        await at.feed()

        text = at.pane("risk")
        assert "ARMED 12:41" in text
        assert "order notional" in text
        assert "32,105 / 50,000" in text
        assert "off: no reference price" in text
        assert "have 120/200" in text
        assert "candles 120 → signals 3" in text
        assert "last: momentum 0.0003" in text


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, "ARMED 12:41"),
        ({"armed_until_ns": 0}, "ARMED"),
        ({"armed_until_ns": None}, "DISARMED"),
        ({"armed_until_ns": START_NS - 1}, "DISARMED"),
        ({"trading_state": "REDUCE_ONLY"}, "REDUCE"),
        ({"trading_state": "HALTED"}, "HALTED"),
        ({"trading_state": "KILLED"}, "KILLED"),
    ],
)
async def test_the_status_row_says_what_may_be_done(changed: dict, word: str):
    async with stage(S) as at:
        await at.feed(risk=a_risk(**changed))

        assert at.text().startswith(f"[SIM] {word} BTC-PERP")


async def test_a_key_proposes_to_turn_a_position_round():
    async with stage(M) as at:
        await at.feed()
        await at.press("5", "r")

        assert "close BTC-PERP 100% mkt; sell 0.5 BTC-PERP mkt" in line(at)
        assert at.port.meant == []


async def test_a_short_position_is_turned_by_a_buy_and_all_of_its_owners_count():
    short = a_position(side="short", size="2")
    async with stage(M) as at:
        await at.feed(positions=some_positions(rows=(short, a_position(owner="grid"))))
        await at.press("5", "r")

        assert "close BTC-PERP 100% mkt; buy 1.5 BTC-PERP mkt" in line(at)


async def test_positions_that_cancel_out_are_not_turned_and_elsewhere_the_key_does_nothing():
    rows = (a_position(), a_position(owner="grid", side="short"))
    async with stage(M) as at:
        await at.feed(positions=some_positions(rows=rows))
        await at.press("1", "r")
        await at.press("5", "r")

        assert "cancel out" in line(at)
        assert "close" not in line(at)


async def test_own_orders_stand_in_ladder_and_chart():
    async with stage(M) as at:
        await at.feed()

        book = at.pane("book").splitlines()
        assert any("►1" in row and "64208.5" in row for row in book)
        assert any("◄2" in row and "64212.0" in row for row in book)
        assert "◄o1" in at.pane("chart")


async def test_a_buy_key_sends_a_post_only_order_at_the_cursor():
    async with stage(S) as at:
        await at.feed()
        await at.press("j", "j", "j", "b")

        (sent,) = at.port.meant
        order = sent.actions[0]
        assert isinstance(order, SubmitOrder)
        assert (order.side, str(order.price), order.is_post_only) == ("buy", "64209.0", True)
        assert order.type == "limit"
        assert str(order.size) == "0.007"
        assert "held" in at.pane("book")


async def test_a_key_held_down_sends_one_order():
    async with stage(S) as at:
        await at.feed()
        await at.press("j", *["b"] * 8)

        assert len(at.port.meant) == 1
        assert "repeats of a key dropped" in line(at)


async def test_a_key_joins_the_best_bid_wherever_the_cursor_is():
    async with stage(S) as at:
        await at.feed()
        await at.press("B")

        (sent,) = at.port.meant
        order = sent.actions[0]
        assert isinstance(order, SubmitOrder)
        assert (order.side, str(order.price), order.is_post_only) == ("buy", "64210.0", True)


@pytest.mark.parametrize(
    ("key", "price"), [("less_than_sign", "64208"), ("greater_than_sign", "64209")]
)
async def test_the_own_order_at_the_cursor_is_moved_by_one_tick(key: str, price: str):
    async with stage(S) as at:
        await at.feed()
        await at.press(*["j"] * 4, key)

        (sent,) = at.port.meant
        assert sent.actions == (AmendOrder("c1", Decimal(price)),)


async def test_an_order_that_would_cross_is_not_moved_but_proposed():
    async with stage(S) as at:
        near = an_order(price="64210", price_units=642_100)
        await at.feed(orders=some_orders(working=(near,)))
        await at.press("j", "greater_than_sign")

        assert at.port.meant == []
        assert "amend o1 @ 64210.5" in line(at)


async def test_disarmed_no_order_is_moved_or_joined_but_proposed():
    async with stage(S) as at:
        await at.feed(risk=DISARMED)
        await at.press(*["j"] * 4, "less_than_sign")
        moved = line(at)
        at.now_ns += 1_000_000_000
        await at.press("escape", "1", "B")

        assert at.port.meant == []
        assert "amend o1 @ 64208" in moved
        assert "buy 0.007 BTC-PERP @ 64210" in line(at)


async def test_where_two_own_orders_stand_none_is_moved():
    async with stage(S) as at:
        both = (an_order(), an_order(client_order_id="c9", short_id="o9"))
        await at.feed(orders=some_orders(working=both))
        await at.press(*["j"] * 4, "less_than_sign")

        assert at.port.meant == []
        assert "2 own orders there" in line(at)


async def test_entry_take_profit_and_stop_are_marked_in_the_ladder():
    async with stage(M) as at:
        profit = a_stop(client_order_id="c4", short_id="o4", type="take_profit", trigger="64213")
        stop = a_stop(trigger="64207")
        position = a_position(entry="64208.7")
        await at.feed(
            orders=some_orders(working=(profit, stop)),
            positions=some_positions(rows=(position,)),
        )

        book = at.pane("book")
        assert "64213.0T" in book
        assert "64208.5E" in book
        assert "64207.0S" in book


@pytest.mark.parametrize(("risk", "moves", "key"), [(DISARMED, 1, "b"), (None, 1, "s")])
async def test_disarmed_or_crossing_opens_the_line_instead(risk, moves: int, key: str):
    async with stage(S) as at:
        await at.feed(**({} if risk is None else {"risk": risk}))
        await at.press(*["j"] * moves, key)

        assert at.port.meant == []
        assert "BTC-PERP @ 64210 post" in line(at)
        assert at.trade.focused is not None
        assert at.trade.focused.id == "command"


async def test_an_order_key_without_a_cursor_opens_the_line():
    async with stage(S) as at:
        await at.feed()
        await at.press("s")

        assert at.port.meant == []
        assert "sell q ask post" in line(at)


async def test_an_order_key_whose_level_is_higher_opens_the_line():
    async with stage(S) as at:
        await at.feed()
        at.port.judge = lambda command: CommandOutcome("needs_confirmation", (), 2)
        await at.press("j", "b")

        assert "buy 0.007 BTC-PERP @ 64210 post" in line(at)
        assert at.trade.focused is not None
        assert at.trade.focused.id == "command"


async def test_the_quick_size_has_presets():
    async with stage(S) as at:
        await at.feed()
        await at.press("right_curly_bracket")
        larger = at.pane("book")
        await at.press("left_curly_bracket", "left_curly_bracket")

        assert "q $1.00k" in larger
        assert "q $250" in at.pane("book")


async def test_x_on_the_book_cancels_at_the_cursor_but_no_stop():
    async with stage(S) as at:
        orders = some_orders(
            working=(an_order(), a_stop(price="64208.5", price_units=642_085, short_id="o4"))
        )
        await at.feed(orders=orders)
        await at.press("j", "j", "j", "j", "x")

        assert [command.actions for command in at.port.meant] == [(CancelOrders(("c1",)),)]


async def test_x_where_no_order_stands_sends_nothing():
    async with stage(S) as at:
        await at.feed()
        await at.press("j", "x")

        assert at.port.meant == []
        assert "no own order there" in line(at)


async def test_capital_x_proposes_to_cancel_all_of_the_symbol_and_spares_stops():
    async with stage(S) as at:
        await at.feed()
        await at.press("X")
        proposed = line(at)
        await at.press("enter")

        assert "cancel BTC-PERP" in proposed
        (sent,) = at.port.meant
        assert isinstance(sent.actions[0], CancelAll)
        assert not sent.actions[0].with_stops


async def test_cancelling_a_stop_is_confirmed_with_what_it_leaves_open():
    async with stage(M) as at:
        at.port.judge = lambda command: CommandOutcome(
            "accepted" if command.confirm >= 2 else "needs_confirmation",
            ("leaves LONG 0.5 BTC-PERP without a stop",),
            2,
        )
        await at.feed()
        await at.press("6", "j", "j", "x")
        at.now_ns += 200_000_000
        await at.drawn()
        await at.drawn()
        said = at.text().splitlines()[-2]
        await at.press("enter")
        at.now_ns += 400_000_000
        await at.press("enter")

        assert "leaves LONG 0.5 BTC-PERP without a stop" in said
        assert at.port.meant[-1].actions == (CancelOrders(("c3",)),)
        assert at.port.meant[-1].confirm == 2


async def test_the_keys_of_positions_and_orders_propose_lines():
    async with stage(M) as at:
        await at.feed()
        await at.press("5", "j", "f")
        flatten = line(at)
        await at.press("escape", "5", "k", "t")
        protect = line(at)
        await at.press("escape", "6", "e")

        assert "close ETH-PERP 100% mkt" in flatten
        assert "tp BTC-PERP entry+1%; sl BTC-PERP entry-1%" in protect
        assert "amend o1 @ 64208.5 size 0.5" in line(at)
        assert at.port.meant == []


async def test_a_then_y_arms_and_any_other_key_does_not():
    async with stage(S) as at:
        await at.feed(risk=DISARMED)
        await at.press("a")
        asked = line(at)
        await at.press("z", "y")
        nothing = list(at.port.meant)
        await at.press("a", "y")

        assert "arm for 15 minutes?" in asked
        assert nothing == []
        assert [command.actions for command in at.port.meant] == [(Arm(900),)]


async def test_a_extends_and_capital_a_disarms_at_once():
    async with stage(S) as at:
        await at.feed()
        await at.press("a", "A")

        assert [command.actions for command in at.port.meant] == [(Arm(900),), (Disarm(),)]


async def test_a_question_to_arm_is_not_open_for_ever():
    async with stage(S) as at:
        await at.feed(risk=DISARMED)
        await at.press("a")
        await at.beat(3.5)
        await at.press("y")

        assert at.port.meant == []


async def test_the_quit_dialog_says_what_is_at_stake():
    async with stage(M) as at:
        await at.feed()
        await at.press("q")

        text = " ".join(at.text().split())
        assert "Working orders: 3, open positions: 2." in text
        assert "Protective" in text


async def fuzz(at: Stage, pane: str, presses: int, seed: int) -> None:
    chance = random.Random(seed)
    at.port.judge = lambda command: replace(accept(command), verdict="accepted")
    await at.feed(risk=DISARMED)
    await at.press(pane)
    for number in range(0, presses, 25):
        at.now_ns += 400_000_000
        await at.pilot.press(*(chance.choice(LETTERS) for _ in range(25)))
        if number % 100 == 0:
            await at.feed(risk=DISARMED)
            await at.press("escape", "escape", "escape", pane)
    harmless = (CancelOrders, CancelAll, Arm, Disarm)
    for command in at.port.meant:
        assert all(isinstance(action, harmless) for action in command.actions), command


@pytest.mark.slow
@pytest.mark.parametrize("pane", PANES)
async def test_no_printable_key_orders_anything_while_disarmed(pane: str):
    async with stage(S) as at:
        await fuzz(at, pane, 3_000 // len(PANES), seed=int(pane))


@pytest.mark.nightly
@pytest.mark.parametrize("pane", PANES)
async def test_no_printable_key_ever_orders_anything_while_disarmed(pane: str):
    async with stage(S) as at:
        await fuzz(at, pane, 100_000, seed=int(pane) + 100)
