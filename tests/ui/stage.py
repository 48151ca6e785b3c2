"""A stage for tests of the screen: the app on a fake port and a clock that a test moves.

The tests run on the virtual loop (see `conftest.py`): `wait` lets hours pass at once, for the
clock that the app was given and for its timers alike.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from cockpit.app import CockpitApp, ScreenResult
from cockpit.panes.pane import LineWidget
from cockpit.screens.choice import SETTLE_NS
from cockpit.screens.trade import TradeScreen
from engine.model.numbers import NS_PER_S
from engine.model.view import PaneName, View
from engine.port import Watch
from tests.fakes.port import FakePort, a_welcome
from tests.ui.market import Market
from tests.ui.scenes import row_text

S = (80, 24)
M = (120, 40)
L = (200, 60)


class Stage:
    """The running app, and what a test does to it."""

    def __init__(self, **welcome: object) -> None:
        self.now_ns = 1_000_000_000_000
        self.port = FakePort()
        self.market = Market()
        self.signalled: list[int] = []
        self.app = CockpitApp(
            self.port,
            a_welcome(**welcome),
            clock=lambda: self.now_ns,
            interrupt=self.signalled.append,
            first_command_id=1_000,
        )
        self.pilot: Pilot[ScreenResult]

    @property
    def trade(self) -> TradeScreen:
        """The main screen."""
        return self.app._trade

    @property
    def watch(self) -> Watch:
        """What the screen asked for last."""
        return self.port.watches[-1]

    async def feed(self, **changed: View) -> None:
        """Send one view of each pane watched, some of them another one, and draw."""
        views: dict[PaneName, View] = self.market.views(self.watch)
        for pane, view in views.items():
            self.port.feed(pane, changed.get(pane, view), self.market.ts_ns)
        await self.drawn()

    async def drawn(self) -> None:
        """Let the screen take in and draw what it was sent, unless it has ended."""
        await self.pilot.pause()
        if self.trade.is_running:
            self.trade.draw_all()
            await self.pilot.pause()

    async def wait(self, seconds: float) -> None:
        """Let time pass without a word of the engine; timers that fall due fire."""
        self.now_ns += int(seconds * NS_PER_S)
        await asyncio.sleep(seconds)
        await self.drawn()

    async def beat(self, seconds: float) -> None:
        """Let time pass in which the engine lives but sends no view."""
        self.now_ns += int(seconds * NS_PER_S)
        self.port.beat(self.market.ts_ns)
        await self.drawn()

    async def press(self, *keys: str) -> None:
        """Press keys and draw."""
        await self.pilot.press(*keys)
        await self.drawn()

    async def settle(self) -> None:
        """Let so much time pass that a dialog takes an answer."""
        await self.wait(SETTLE_NS / NS_PER_S)

    def text(self) -> str:
        """Return everything on the screen, dialogs included."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in strips)

    def pane(self, name: PaneName) -> str:
        """Return what a pane shows."""
        widget = self.trade.query_one(f"#{name}", LineWidget)
        return "\n".join(row_text(row) for row in widget.rows)

    def pane_or_nothing(self, name: str) -> list[str]:
        """Return the rows of a widget, none while it has no place."""
        widget = self.trade.query_one(f"#{name}", LineWidget)
        return [row_text(row) for row in widget.rows] if widget.display else []


@asynccontextmanager
async def stage(size: tuple[int, int] = S, **welcome: object) -> AsyncIterator[Stage]:
    """Run the app on a fake engine; `welcome` changes its greeting."""
    built = Stage(**welcome)
    async with built.app.run_test(size=size) as pilot:
        built.pilot = pilot
        await pilot.pause()
        yield built
