"""The kill keys: everywhere, at once, and never twice by a key held down."""

import pytest

from cockpit.screens.kill import ANSWER_S
from engine.model.commands import ClosePosition, CommandOutcome, EngageKill
from tests.ui.scenes import a_killed_risk, some_positions
from tests.ui.stage import M, S, Stage, stage

KEYS = ("f12", "ctrl+backslash")
PLACES = {
    "book": (),
    "chart": ("2",),
    "tape": ("3",),
    "whales": ("4",),
    "positions": ("5",),
    "orders": ("6",),
    "log": ("7",),
    "risk": ("9",),
    "zoomed": ("2", "z"),
    "command line": ("colon", *"buy"),
    "help": ("question_mark",),
    "palette": ("ctrl+p", *"arm"),
    "quit dialog": ("q",),
    "symbols": ("full_stop",),
    "quit over help": ("question_mark", "ctrl+q"),
}


def kills(at: Stage) -> int:
    return sum(isinstance(c.actions[0], EngageKill) for c in at.port.meant)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", [S, pytest.param(M, marks=pytest.mark.slow)])
async def test_kill_works_everywhere(place: str, key: str, size: tuple[int, int]):
    async with stage(size) as at:
        await at.feed()
        await at.press(*PLACES[place])

        await at.press(key)
        await at.drawn()

        assert kills(at) == 1
        assert "KILL SENT" in at.text()
        await at.feed(risk=a_killed_risk())
        text = at.text()
        assert "KILLED · no new order leaves" in text
        assert "cancelled 2/2, kept 1 stop, VERIFIED" in text
        assert text.splitlines()[0].startswith("[SIM] KILLED")
        assert "on disk" in text


async def test_kill_works_on_a_terminal_that_is_too_small():
    async with stage((40, 6)) as at:
        await at.feed()
        await at.press("f12")
        await at.feed(risk=a_killed_risk())

        assert kills(at) == 1
        assert "KILLED" in at.text()
        assert "F12 KILL" in at.text()


async def test_no_keymap_takes_the_kill_key_away():
    async with stage(S) as at:
        await at.feed()
        at.app.set_keymap({"app.quit_anywhere": "f12", "help.show": "f12", "safety.kill": "f5"})

        await at.press("f12")

        assert kills(at) == 1
        assert "Leave the cockpit" not in at.text()


async def test_a_latch_that_is_not_on_disk_is_said():
    async with stage(S) as at:
        await at.feed(risk=a_killed_risk(is_persisted=False, kill_report=()))

        assert "NOT PERSISTED" in at.text()
        assert "NOT VERIFIED" in at.text()


@pytest.mark.parametrize("answers", [True, False])
async def test_an_engine_that_does_not_answer_is_sent_a_signal(answers: bool):
    async with stage(S) as at:
        await at.feed()
        if not answers:
            at.port.judge = lambda command: None
        await at.press("f12")
        early = list(at.signalled)
        await at.wait(ANSWER_S)

        assert not early
        assert at.signalled == ([] if answers else [4_242])
        assert ("SIGUSR1" in at.text()) is not answers


async def pressed_twice(at: Stage) -> None:
    await at.press("f12")
    await at.feed(risk=a_killed_risk())
    at.now_ns += 500_000_000
    await at.press("f12")
    at.now_ns += 700_000_000
    await at.drawn()


async def test_a_second_press_asks_and_enter_flattens():
    async with stage(S) as at:
        await at.feed()
        await pressed_twice(at)
        asked = at.text()

        await at.press("enter")

        assert "flatten 2 positions?" in asked
        sent = at.port.meant[-1]
        assert sent.actions == (ClosePosition(),)
        assert sent.confirm == 2
        assert kills(at) == 2
        assert "flatten accepted" in at.text()


async def test_kill_flatten_kills_and_then_closes_every_position():
    async with stage(S) as at:
        await at.feed()
        await at.press("colon", *"kill", "space", *"flatten")
        at.now_ns += 200_000_000
        await at.drawn()

        await at.press("enter", "enter")
        await at.drawn()

        killed, flat = at.port.meant
        assert isinstance(killed.actions[0], EngageKill)
        assert (flat.actions, flat.confirm) == ((ClosePosition(),), 2)


async def test_esc_closes_the_question_and_the_kill_stays():
    async with stage(S) as at:
        await at.feed()
        await pressed_twice(at)
        await at.press("escape", "enter")

        assert "flatten 2 positions?" not in at.text()
        assert "KILLED" in at.text()
        assert [type(c.actions[0]) for c in at.port.meant] == [EngageKill] * 2


@pytest.mark.parametrize("delay_ms", [200, 399, 450, 500, 700])
async def test_holding_the_key_never_asks(delay_ms: int):
    async with stage(S) as at:
        await at.feed()
        await at.press("f12")
        await at.feed(risk=a_killed_risk())
        at.now_ns += delay_ms * 1_000_000
        for _ in range(60):
            await at.pilot.press("f12")
            at.now_ns += 33_000_000
        at.now_ns += 350_000_000
        await at.drawn()

        assert "flatten 2 positions?" not in at.text()
        assert kills(at) == (1 if delay_ms < 400 else 2)


async def test_nothing_is_flattened_by_an_enter_that_was_under_way():
    async with stage(S) as at:
        await at.feed()
        await at.press("f12")
        await at.feed(risk=a_killed_risk())
        at.now_ns += 500_000_000
        await at.press("f12")
        at.now_ns += 410_000_000
        await at.press("enter")

        assert [type(c.actions[0]) for c in at.port.meant] == [EngageKill] * 2


async def test_with_nothing_open_there_is_nothing_to_flatten():
    async with stage(S) as at:
        await at.feed(positions=some_positions(rows=()))
        await at.press("f12")
        await at.feed(risk=a_killed_risk(), positions=some_positions(rows=()))
        at.now_ns += 500_000_000
        await at.press("f12")
        at.now_ns += 500_000_000
        await at.drawn()

        assert "nothing to flatten" in at.text()


async def test_a_flatten_that_asks_for_more_comes_to_the_command_line():
    async with stage(S) as at:
        await at.feed()
        await pressed_twice(at)
        at.port.judge = lambda command: CommandOutcome("needs_confirmation", (), 3, "flat")
        await at.press("enter")
        at.now_ns += 200_000_000
        await at.drawn()

        assert "flatten all" in at.text().splitlines()[-3]


async def test_unkill_asks_for_its_word():
    async with stage(S) as at:
        await at.feed(risk=a_killed_risk())
        at.port.judge = lambda command: CommandOutcome(
            "accepted" if command.word == "unkill" else "needs_confirmation", (), 3, "unkill"
        )
        await at.press("colon", *"unkill", "space", *"mended")
        at.now_ns += 200_000_000
        await at.drawn()
        await at.drawn()
        await at.press("enter")
        at.now_ns += 400_000_000
        await at.press(*"unkill", "enter")

        assert at.port.meant[-1].word == "unkill"
        assert at.port.meant[-1].line == "unkill mended"
