"""Orders that the engine works through by itself, as the screen shows and cancels them."""

from engine.model.commands import CancelParents
from engine.model.instrument import InstrumentId
from engine.model.view import ParentRow
from tests.fakes.port import START_NS
from tests.ui.scenes import some_orders
from tests.ui.stage import M, stage


def a_parent(**changed: object) -> ParentRow:
    fields: dict = {
        "parent_id": "a1",
        "kind": "twap",
        "instrument_id": InstrumentId("simulated:ETH-PERP"),
        "name": "ETH-PERP",
        "side": "buy",
        "size": "3",
        "filled": "1.14",
        "share": 0.38,
        "average": "3119.8",
        "progress": "12/30 slices",
        "state": "running",
        "reason": "",
        "next_ns": START_NS + 12_000_000_000,
    }
    return ParentRow(**(fields | changed))


async def test_a_parent_shows_how_far_it_has_come():
    async with stage(M) as at:
        await at.feed(orders=some_orders(parents=(a_parent(),)))
        await at.press("6", "z")
        await at.feed(orders=some_orders(parents=(a_parent(),)))

        assert "algos 1" in at.pane("orders")
        row = "a1  twap BUY 3 ETH-PERP 12/30 slices avg 3,119.8 38% ▓▓▓▓░░░░░░"
        assert row in at.pane("orders")


async def test_a_paused_parent_says_why():
    paused = a_parent(state="paused", reason="trading is reduce_only", average="", next_ns=None)
    async with stage(M) as at:
        await at.feed(orders=some_orders(working=(), parents=(paused,)))
        await at.press("6", "z")
        await at.feed(orders=some_orders(working=(), parents=(paused,)))

        assert "PAUSED trading is reduce_only" in at.pane("orders")


async def test_a_parent_under_the_cursor_is_cancelled_whole():
    async with stage(M) as at:
        await at.feed(orders=some_orders(parents=(a_parent(),)))
        await at.press("6", "G", "j", "j", "j", "x")
        await at.feed(orders=some_orders(parents=(a_parent(),)))

        actions = [action for command in at.port.commands for action in command.actions]
        assert CancelParents(("a1",)) in actions
