"""Resize storms: whatever sizes a terminal went through, the picture is that of its last size."""

import random

import pytest

from tests.ui.stage import L, M, S, Stage, stage

TOO_SMALL = (50, 12)
SIZES = (S, M, L, TOO_SMALL, (60, 16), (160, 50), (119, 60), (300, 100))
RESIZES = 50
SEED = 7


async def settled(at: Stage) -> tuple[list[str], str]:
    """Return words and picture once the views of the last size have come."""
    for _ in range(3):
        await at.feed()
    return at.text().splitlines(), at.app.picture()


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(S, id="S", marks=pytest.mark.slow),
        pytest.param(M, id="M", marks=pytest.mark.slow),
        pytest.param(L, id="L", marks=pytest.mark.slow),
        pytest.param(TOO_SMALL, id="too small"),
    ],
)
async def test_after_a_storm_the_screen_is_that_of_a_fresh_start(last: tuple[int, int]):
    chance = random.Random(SEED)
    async with stage(S) as at:
        for _ in range(RESIZES - 2):
            await at.pilot.resize_terminal(*chance.choice(SIZES))
            at.market.step()
            if chance.random() < 0.7:
                await at.feed()
        await at.pilot.resize_terminal(130, 45)
        await at.pilot.resize_terminal(*last)
        stormed, watch, market = await settled(at), at.watch, at.market

    async with stage(last) as at:
        at.market = market
        fresh = await settled(at)

        assert stormed[0] == fresh[0]
        assert stormed[1] == fresh[1]
        assert watch == at.watch


async def test_views_that_were_built_for_the_size_before_do_no_harm():
    async with stage(L) as at:
        views = at.market.views(at.watch)
        await at.pilot.resize_terminal(*S)
        for pane, view in views.items():
            at.port.feed(pane, view, at.market.ts_ns)
        await at.drawn()

        rows = at.text().splitlines()
        assert [len(row) for row in rows] == [S[0]] * S[1]
        assert "1 BOOK" in at.text()


async def test_the_pane_that_has_the_keys_keeps_them_through_a_terminal_too_small():
    async with stage(L) as at:
        await at.press("3")
        await at.pilot.resize_terminal(*TOO_SMALL)
        at_small = at.app.focused
        await at.pilot.resize_terminal(*S)

        assert at_small is None
        assert at.trade.focused is at.trade.query_one("#tape")
        assert at.trade.query_one("#tape").display


async def test_a_command_line_that_has_the_keys_keeps_them_through_a_terminal_too_small():
    async with stage(L) as at:
        await at.press("3", "colon", "b")
        await at.pilot.resize_terminal(*TOO_SMALL)
        await at.pilot.resize_terminal(*S)
        await at.press("u")

        assert at.text().splitlines()[-3][2:].startswith("bu")
