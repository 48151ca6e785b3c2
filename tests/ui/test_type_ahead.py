"""Keys that come faster than the screen: what is typed behind `:` is text, never an order."""

import pytest
from textual import events

from tests.ui.stage import S, Stage, stage

LADDER = "b"


def typed_at_once(at: Stage, text: str) -> None:
    """Put the keys of one read of the terminal into the queue, with nothing done in between."""
    for letter in text:
        name = {":": "colon", " ": "space", "@": "at"}.get(letter, letter)
        at.app.post_message(events.Key(name, letter))


async def test_the_ladders_key_is_an_order_on_its_own():
    async with stage(S) as at:
        await at.feed()
        await at.press(LADDER)

        assert at.port.commands


@pytest.mark.parametrize("focus", ["1", "4"])
async def test_letters_behind_the_colon_reach_the_line_and_no_pane(focus: str):
    async with stage(S) as at:
        await at.feed()
        await at.press(focus)

        typed_at_once(at, ":bbss 1")
        await at.drawn()

        assert "bbss 1" in at.text()
        assert not [command for command in at.port.commands if not command.is_dry]


async def test_a_colon_inside_the_line_is_text():
    async with stage(S) as at:
        await at.feed()

        typed_at_once(at, ":a:b")
        await at.drawn()

        assert "a:b" in at.text()
