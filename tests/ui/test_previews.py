"""What one row of the command line cannot hold: previews, reasons, and words that are asked for."""

import pytest

from engine.model.commands import Arm, CommandOutcome, ConfirmLevel, OperatorCommand, PlannedOrder
from tests.fakes.port import accept
from tests.ui.scenes import BTC, a_risk, a_status, a_stop, an_order, some_orders
from tests.ui.stage import M, S, Stage, stage
from tests.ui.test_commands import below, row, typed

DISARMED = a_risk(armed_until_ns=None)
LONG_REASON = (
    "1,394.052 USD is above the limit of 1,000 (position_value_max).",
    "What fast_move_share is judged by is not known; nothing passes without it.",
)


def an_outcome(count: int, level: ConfirmLevel = 1) -> CommandOutcome:
    """Return what an engine says of so many orders."""
    orders = [
        PlannedOrder(
            BTC, "buy", "limit", f"0.00{n}", "64209.5", "", "post", "127.23", "63.62", f"1.{n}"
        )
        for n in range(1, count + 1)
    ]
    return CommandOutcome("accepted", ("its own sentence",), level, "", tuple(orders))


def rows_above(at: Stage) -> list[str]:
    return [text.strip() for text in at.pane_or_nothing("detail")]


async def test_a_preview_that_one_row_cannot_hold_stands_in_rows_of_its_own():
    async with stage(S) as at:
        await at.feed()
        at.port.judge = lambda command: an_outcome(1)
        await typed(at, "buy 0.5 @ bid")

        told = " ".join(rows_above(at))
        assert "BUY 0.001 BTC-PERP @ 64,209.5 post" in told
        assert "notional 127.23 · margin 63.62 after LONG 1.1" in told
        assert "its own sentence · C1" in told
        assert "buy 0.5 @ bid" in row(at)
        assert "KILL" in at.text().splitlines()[-1]


@pytest.mark.parametrize("size", [S, M, (60, 16)])
async def test_each_order_of_a_chain_has_rows_of_its_own(size: tuple[int, int]):
    async with stage(size) as at:
        await at.feed()
        at.port.judge = lambda command: an_outcome(2)
        await typed(at, "buy 0.5 @ bid; buy 0.5 @ bid")

        rows = rows_above(at)
        assert [text[:2] for text in rows if text[1:2] == ")"] == ["1)", "2)"]
        assert rows[-1].endswith("C1 ⏎")


async def test_what_even_those_rows_cannot_hold_is_counted():
    async with stage(S) as at:
        await at.feed()
        at.port.judge = lambda command: an_outcome(9)
        await typed(at, "buy 0.5 @ bid")

        rows = rows_above(at)
        assert rows[-1].startswith("… and ")
        assert rows[-1].endswith("lines more: a larger terminal shows them")
        assert "C1" in row(at)


async def test_the_rows_stay_while_the_text_stands_and_go_with_it():
    async with stage(S) as at:
        await at.feed()
        at.port.judge = lambda command: an_outcome(2)
        await typed(at, "buy 0.5 @ bid")
        full = len(rows_above(at))
        await at.press("x")
        typing = len(rows_above(at))
        await at.press("ctrl+u")

        assert full == typing == 4
        assert rows_above(at) == []


async def test_a_confirmation_shows_the_order_and_the_rest_above():
    async with stage(S) as at:
        await at.feed()
        at.port.judge = lambda command: an_outcome(1, 2)
        await typed(at, "buy 0.5 @ bid")
        await at.press("enter")

        assert "ENTER AGAIN (3s, esc: back): BUY 0.001" in row(at)
        assert "after LONG 1.1" in " ".join(rows_above(at))


async def test_reasons_that_one_row_cannot_hold_are_all_there():
    async with stage(S) as at:
        await at.feed()
        at.port.judge = lambda command: CommandOutcome("refused", LONG_REASON)
        await typed(at, "buy 0.5 @ bid")

        told = " ".join(rows_above(at))
        assert all(sentence in told for sentence in LONG_REASON)
        assert below(at).strip() == "^"


async def test_a_long_answer_is_shown_whole_until_the_next_letter():
    async with stage(S) as at:
        await at.feed()
        at.port.judge = lambda command: CommandOutcome("accepted", LONG_REASON, 0)
        await typed(at, "cancel all")
        await at.press("enter")
        told = " ".join(rows_above(at))
        await at.press("a")

        assert all(sentence in told for sentence in LONG_REASON)
        assert not any(sentence in at.text() for sentence in LONG_REASON)


async def test_the_caret_stands_under_its_place_also_where_the_text_is_too_long():
    async with stage(S) as at:
        await at.feed()
        await typed(at, "buy 0.5 btc @ bid-10t post tag probe tp 65000 sl 63000 nonsense")

        assert below(at).rindex("^") == row(at).index("nonsense")


async def test_a_market_that_moves_on_makes_no_price_fall_between_two_ticks():
    async with stage(S) as at:
        await at.feed()
        await typed(at, "buy 0.5 @ bid")
        at.market.mid += 10
        await at.feed()

        assert "between two ticks" not in at.text()


# Arming live.


def live(command: OperatorCommand) -> CommandOutcome:
    """Ask for the account before arming, as an engine does that trades real money."""
    if isinstance(command.actions[0], Arm) and command.word != "acct":
        return CommandOutcome("needs_confirmation", (), 3, "acct")
    return accept(command)


async def test_live_the_arming_key_asks_for_the_account_at_once():
    async with stage(S, mode="live") as at:
        at.port.judge = live
        await at.feed(risk=DISARMED, status=a_status(mode="live"))
        await at.press("a")
        asked = row(at)
        await at.press(*"acct", "enter")

        assert "type acct and Enter" in asked
        assert [(one.line, one.confirm, one.word) for one in at.port.meant] == [
            ("arm", 1, ""),
            ("arm", 3, "acct"),
        ]
        assert "accepted" in row(at)


async def test_live_another_word_arms_nothing_and_esc_leaves():
    async with stage(S, mode="live") as at:
        at.port.judge = live
        await at.feed(risk=DISARMED, status=a_status(mode="live"))
        await at.press("a", *"yes", "enter")
        wrong = row(at)
        await at.press("escape")

        assert "that is not acct" in wrong
        assert "that is not acct" not in row(at)
        assert len(at.port.meant) == 1


# The way back from the line, and keys that are held down.


@pytest.mark.parametrize(("key", "pane"), [("1", "book"), ("6", "orders"), ("5", "positions")])
async def test_esc_goes_back_to_the_pane_that_had_the_keys(key: str, pane: str):
    async with stage(S) as at:
        await at.feed()
        await at.press(key, "colon", *"buy", "escape")

        assert at.trade.focused is not None
        assert at.trade.focused.id == pane


@pytest.mark.parametrize(("pane", "key"), [("1", "b"), ("5", "f"), ("6", "X")])
async def test_a_key_that_opened_the_line_writes_nothing_while_it_is_held(pane: str, key: str):
    async with stage(S) as at:
        await at.feed(risk=DISARMED)
        await at.press(pane, "j", key)
        opened = at.app._desk.ticket.text
        for _ in range(100):
            at.now_ns += 33_000_000
            await at.press(key)
        held = at.app._desk.ticket.text
        at.now_ns += 400_000_000
        await at.press(key)

        assert opened
        assert held == opened
        assert at.app._desk.ticket.text == opened + key
        assert at.port.meant == []


# Orders that somebody made elsewhere.


async def test_a_stop_whose_trigger_nobody_tells_is_no_mark_and_no_error():
    async with stage(M) as at:
        trailing = a_stop(trigger="", owner="external")
        await at.feed(orders=some_orders(working=(trailing,)))

        assert "could not be drawn" not in at.text()
        assert "–" in at.pane("orders").splitlines()[2]


async def test_the_cancel_key_of_the_ladder_leaves_orders_made_elsewhere():
    async with stage(S) as at:
        await at.feed(orders=some_orders(working=(an_order(owner="external"),)))
        await at.press("1", *["j"] * 4, "x")

        assert "no own order there" in row(at)
        assert at.port.meant == []
