"""A few pictures; the words on them are asserted elsewhere."""

import pytest

from tests.ui.scenes import a_killed_risk
from tests.ui.stage import M, S, Stage


@pytest.mark.parametrize("size", [S, M], ids=["small", "medium"])
def test_the_screen_looks_as_it_did(snap_compare, size: tuple[int, int]):
    at = Stage()

    async def show(pilot) -> None:
        at.pilot = pilot
        await pilot.pause()
        await at.feed()
        await at.feed()

    assert snap_compare(at.app, terminal_size=size, run_before=show)


def test_a_lost_engine_looks_as_it_did(snap_compare):
    at = Stage()

    async def show(pilot) -> None:
        at.pilot = pilot
        await pilot.pause()
        await at.feed()
        await at.wait(7.0)

    assert snap_compare(at.app, terminal_size=S, run_before=show)


def test_a_kill_looks_as_it_did(snap_compare):
    at = Stage()

    async def show(pilot) -> None:
        at.pilot = pilot
        await pilot.pause()
        await at.feed()
        await at.feed(risk=a_killed_risk())
        await at.drawn()

    assert snap_compare(at.app, terminal_size=M, run_before=show)
