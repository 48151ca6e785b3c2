"""The command line on the screen: preview, caret, confirmation levels, history, completion."""

import pytest
from textual import events

from engine.model.commands import CommandOutcome, SubmitOrder
from tests.ui.scenes import an_order, some_orders
from tests.ui.stage import M, S, Stage, stage

BUY = "buy 0.5 @ bid post"
CLOSE = "sell 25% mkt reduce"
HUGE = "buy 200 @ bid"


async def typed(at: Stage, line: str) -> None:
    """Type a line and wait for its preview."""
    if at.trade.focused is None or at.trade.focused.id != "command":
        await at.press("colon")
    keys = {" ": "space", "@": "at", ";": "semicolon", "$": "dollar_sign", "%": "percent_sign"}
    await at.press(*(keys.get(letter, letter) for letter in line))
    at.now_ns += 200_000_000
    await at.drawn()
    await at.drawn()


def row(at: Stage) -> str:
    return at.text().splitlines()[-3]


def below(at: Stage) -> str:
    return at.text().splitlines()[-2]


@pytest.mark.parametrize("size", [S, M, (60, 16), (200, 60), (40, 8)])
async def test_the_line_is_there_at_every_size(size: tuple[int, int]):
    async with stage(size) as at:
        await at.feed()
        await at.press("colon", *"disarm")

        assert "disarm" in at.text()
        await at.press("enter")
        assert at.port.meant[-1].line == "disarm"


async def test_the_preview_says_order_money_position_and_level():
    async with stage(M) as at:
        await at.feed()
        await typed(at, CLOSE)

        assert "C2 ⏎⏎" in row(at)
        assert "SELL 0.125 BTC-PERP MKT RO" in below(at)
        assert "notional 32,105 · margin 6,421 · after LONG 0.375" in below(at)
        assert at.port.meant == []


async def test_at_most_ten_previews_a_second_and_only_of_the_newest_text():
    async with stage(S) as at:
        await at.feed()
        await at.press("colon", *"cancel", "space", *"all")
        await at.press("space", *"stops")
        early = [command.line for command in at.port.commands]
        at.now_ns += 100_000_000
        await at.drawn()

        assert early == ["cancel all"]
        assert [command.line for command in at.port.commands] == ["cancel all", "cancel all stops"]


async def test_an_order_of_level_one_takes_one_enter():
    async with stage(S) as at:
        await at.feed()
        await typed(at, BUY)
        await at.press("enter")
        await at.feed(
            orders=some_orders(
                working=(an_order(client_order_id=at_id(at), short_id="o9", state="sent"),)
            )
        )

        sent = at.port.meant[-1]
        assert sent.line == BUY
        assert sent.confirm == 1
        assert isinstance(sent.actions[0], SubmitOrder)
        assert sent.actions[0].book_seq > 0
        assert "o9 sending" in row(at)


def at_id(at: Stage) -> str:
    return f"n{at.port.meant[-1].command_id}"


async def test_what_became_of_an_order_is_told_by_the_views():
    async with stage(S) as at:
        await at.feed()
        await typed(at, BUY)
        await at.press("enter")
        unseen = row(at)
        for state, words in (("open", "o9 open"), ("unknown", "o9 UNKNOWN")):
            order = an_order(client_order_id=at_id(at), short_id="o9", state=state)
            await at.feed(orders=some_orders(working=(order,)))
            assert words in row(at)

        assert "not in the orders yet" in unseen


async def test_enter_before_the_preview_sends_nothing():
    async with stage(S) as at:
        await at.feed()
        at.port.judge = lambda command: None
        await at.press("colon", *"buy", "space", "1", "space", *"bid", "enter")

        assert at.port.meant == []
        assert "not previewed yet" in row(at)


async def test_level_two_takes_two_enters_apart_but_within_three_seconds():
    async with stage(S) as at:
        await at.feed()
        await typed(at, CLOSE)
        await at.press("enter", "enter", "enter")
        held = list(at.port.meant)
        asked = row(at)
        at.now_ns += 400_000_000
        await at.press("enter")

        assert held == []
        assert "ENTER AGAIN" in asked
        assert [command.confirm for command in at.port.meant] == [2]


async def test_the_second_enter_may_come_too_late():
    async with stage(S) as at:
        await at.feed()
        await typed(at, CLOSE)
        await at.press("enter")
        at.now_ns += 3_100_000_000
        await at.drawn()

        assert "ENTER AGAIN" not in row(at)
        await at.press("enter")
        assert at.port.meant == []
        assert "ENTER AGAIN" in row(at)


async def test_level_three_takes_the_word():
    async with stage(S) as at:
        await at.feed()
        await typed(at, HUGE)
        await at.press("enter")
        asked = row(at)
        at.now_ns += 400_000_000
        await at.press(*"20", "enter")
        wrong = row(at)
        at.now_ns += 400_000_000
        await at.press(*"0.000", "enter")

        assert "type 200.000 and Enter" in asked
        assert "that is not 200.000" in wrong
        assert at.port.meant[-1].word == "200.000"
        assert at.port.meant[-1].confirm == 3


async def test_enter_held_down_is_one_order():
    async with stage(S) as at:
        await at.feed()
        await typed(at, BUY)
        await at.press(*["enter"] * 5)

        assert len(at.port.meant) == 1


async def test_esc_leaves_the_line_and_keeps_the_text():
    async with stage(S) as at:
        await at.feed()
        await typed(at, CLOSE)
        await at.press("enter", "escape")
        stepped_back = row(at)
        await at.press("escape")

        assert CLOSE in stepped_back
        assert CLOSE in row(at)
        assert at.trade.focused is not None
        assert at.trade.focused.id != "command"
        assert at.port.meant == []


async def test_a_refusal_stays_with_its_reason_under_the_word():
    async with stage(M) as at:
        await at.feed()
        at.port.judge = lambda command: CommandOutcome(
            "refused", ("price 1 is beyond the band of 5 %",)
        )
        await typed(at, "buy 0.5 @ 1")
        await at.press("enter")

        assert "buy 0.5 @ 1" in row(at)
        assert "refused" in row(at)
        assert below(at).index("^") == len("  buy 0.5 @ ")
        assert "beyond the band" in below(at)
        assert at.port.meant == []


async def test_an_error_has_its_caret_under_the_place():
    async with stage(M) as at:
        await at.feed()
        await typed(at, "buy 0,5 @ bid")

        assert below(at)[: below(at).index("^") + 1] == " " * 7 + "^"
        assert "the decimal mark is a point" in below(at)
        assert at.port.commands == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("buy 0.12345 @ 64000", "0.12345 is no whole number of lots: 0.123 is sent"),
        ("buy 0.5 @ 64000.3", "64000.3 is between two ticks: 64000 is sent"),
    ],
)
async def test_what_does_not_fit_the_steps_is_said_before_it_is_sent(line: str, words: str):
    async with stage(M) as at:
        await at.feed()
        await typed(at, line)

        assert f"^ {words}" in below(at)


async def test_a_paste_carries_nothing_out_and_is_confirmed_twice():
    async with stage(S) as at:
        await at.feed()
        at.app.post_message(events.Paste("cancel all\nbuy 0.5 @ bid\n"))
        await at.drawn()
        at.now_ns += 200_000_000
        await at.drawn()
        await at.drawn()
        before = list(at.port.meant)
        await at.press("enter")
        asked = row(at)
        at.now_ns += 400_000_000
        await at.press("enter")

        assert before == []
        assert "ENTER AGAIN" in asked
        assert at.port.meant[-1].line == "cancel all; buy 0.5 @ bid"
        assert len(at.port.meant) == 1


async def test_a_paste_of_ten_thousand_characters_is_refused_in_a_sentence():
    async with stage(S) as at:
        await at.feed()
        await at.press("colon")
        at.app.post_message(events.Paste("buy 1 " * 1_700))
        await at.drawn()
        await at.press("enter")

        assert "10,199 characters; a line has at most 1,000" in below(at)
        assert at.port.commands == []


async def test_history_and_completion():
    async with stage(S) as at:
        await at.feed()
        await typed(at, "disarm")
        await at.press("enter")
        await at.press("up")
        recalled = row(at)
        await at.press("ctrl+u", *"canc", "tab", "o", "tab")

        assert "disarm" in recalled
        assert "cancel o" in row(at)
        assert "o1  o2  o3" in below(at)


async def test_the_word_before_the_cursor_is_completed_and_the_rest_stays():
    async with stage(S) as at:
        await at.feed()
        await typed(at, "canc o1")
        await at.press("home", *["right"] * 4, "tab")

        assert "cancel o1" in row(at)


async def test_ctrl_r_finds_an_older_line_and_enter_is_still_asked_for():
    async with stage(S) as at:
        await at.feed()
        await typed(at, "disarm")
        await at.press("enter")
        at.now_ns += 1_000_000_000
        sent = len(at.port.meant)
        await at.press(*"dis", "ctrl+r")

        assert "disarm" in row(at)
        assert len(at.port.meant) == sent
        assert at.app.carried_out == ["disarm"]


async def test_an_engine_that_does_not_answer_is_not_taken_for_done():
    async with stage(S) as at:
        await at.feed()
        await typed(at, BUY)
        at.port.judge = lambda command: None
        await at.press("enter")
        at.port.beat(at.market.ts_ns)
        await at.wait(2.1)

        assert "no answer: it may have been taken" in row(at)
        assert BUY in row(at)


async def test_keys_in_the_line_are_text_and_nothing_else():
    async with stage(S) as at:
        await at.feed()
        await at.press("colon", *"qxXabyzf19", "full_stop", "question_mark")

        assert "qxXabyzf19.?" in row(at)
        assert at.port.commands == []
        assert at.app.is_running
