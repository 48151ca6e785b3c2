"""Random sizes while data flows: nothing breaks and no row is wider or narrower than its pane."""

import random

import pytest

from cockpit.panes.pane import LineWidget
from tests.ui.scenes import a_killed_risk, a_risk
from tests.ui.stage import Stage, stage

RISKS = (a_risk(), a_risk(), a_killed_risk())
KEYS = (*"0123456789zjkxoab", "tab", "plus", "minus", "c", "colon", "escape", "f12", "A")


@pytest.mark.parametrize("seed", range(2))
async def test_any_size_is_drawn_exactly(seed: int):
    chance = random.Random(seed)
    async with stage((80, 24)) as at:
        for _ in range(25):
            width, height = chance.randint(20, 300), chance.randint(5, 100)
            await at.pilot.resize_terminal(width, height)
            await at.pilot.press(chance.choice(KEYS))
            at.market.step()
            await at.feed(risk=chance.choice(RISKS))
            check(at, width, height)
            assert "F12 KILL" in at.text()


def check(at: Stage, width: int, height: int) -> None:
    rows = at.text().splitlines()
    assert len(rows) == height
    assert all(len(row) == width for row in rows)
    for widget in at.trade.query(LineWidget):
        if not widget.display:
            continue
        assert len(widget.rows) == widget.size.height, widget.id
        for y in range(widget.size.height):
            assert widget.render_line(y).cell_length == widget.size.width
            assert len("".join(text for text, _ in widget.rows[y])) == widget.size.width
            assert all(text for text, _ in widget.rows[y]), "an empty segment"
