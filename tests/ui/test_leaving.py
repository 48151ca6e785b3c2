"""The quit dialog: what it says, what it proposes, and what comes of each answer."""

import pytest

from cockpit.app import STOP_WAIT_S
from tests.ui.stage import S, stage


@pytest.mark.parametrize(
    ("mode", "result"), [("sim", "stop"), ("replay", "stop"), ("paper", "leave")]
)
async def test_enter_takes_what_the_mode_proposes(mode: str, result: str):
    async with stage(S, mode=mode, venue="binance_futures") as at:
        await at.press("q")
        await at.settle()
        await at.press("enter")
    assert at.app.return_value == result
    assert at.port.shutdowns == (1 if result == "stop" else 0)


async def test_the_dialog_says_what_runs_and_what_goes_on():
    async with stage(S, mode="paper", venue="binance_futures") as at:
        await at.press("q")

        text = " ".join(at.text().split())
        assert "engine process 4242" in text
        assert "connection to binance_futures" in text
        assert "leave the engine running: only this screen closes" in text
        assert "stop everything" in text


async def test_the_other_answer_can_be_chosen():
    async with stage(S) as at:
        await at.press("q")
        await at.settle()
        await at.press("down", "enter")
    assert at.app.return_value == "leave"
    assert at.port.shutdowns == 0


async def test_escape_stays():
    async with stage(S) as at:
        await at.feed()
        await at.press("q", "escape")

        assert "Leave the cockpit" not in at.text()
        assert at.app.is_running
        assert at.port.shutdowns == 0


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_control_keys_ask_too_even_over_another_dialog(key: str):
    async with stage(S) as at:
        await at.press("question_mark", key)
        assert "Leave the cockpit" in at.text()

        await at.press(key)
        await at.press("escape")

        assert "Leave the cockpit" not in at.text()
        assert at.app.is_running


async def test_an_answer_that_comes_too_soon_is_not_taken():
    async with stage(S) as at:
        await at.press("q", "enter")

        assert "Leave the cockpit" in at.text()
        assert at.port.shutdowns == 0


async def test_an_engine_that_does_not_answer_the_stop_is_not_waited_for_forever():
    async with stage(S) as at:
        at.port.answers_shutdown = False
        await at.press("q")
        await at.settle()
        await at.press("enter")
        before = at.app.is_running
        await at.wait(STOP_WAIT_S)
    assert before
    assert at.app.return_value == "stop"


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 60)])
async def test_the_dialog_fits_every_size_with_both_answers(size: tuple[int, int]):
    async with stage(size) as at:
        await at.press("q")

        text = " ".join(at.text().split())
        assert "stop everything" in text
        assert "leave the engine running" in text
        assert at.text().splitlines()[0].startswith((" connecting", "[SIM]"))
        assert "q quit" in at.text().splitlines()[-1]
