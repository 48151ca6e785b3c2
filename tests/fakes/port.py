"""The engine as a screen sees it, in the same process: a queue that a test fills."""

import asyncio
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal

from engine.model.commands import (
    Action,
    Arm,
    CancelAll,
    ClosePosition,
    CommandOutcome,
    ConfirmLevel,
    EngageKill,
    OperatorCommand,
    PlannedOrder,
    ReleaseKill,
    SubmitOrder,
)
from engine.model.errors import PortClosed
from engine.model.view import PaneName, View
from engine.port import EngineMessage, Heartbeat, Reply, ViewFrame, Watch, Welcome

EPOCH = 7
START_NS = 1_791_036_131_000_000_000
"""3 October 2026, 14:02:11 UTC."""


def a_welcome(**changed: object) -> Welcome:
    """Return an engine's greeting, simulated unless told otherwise."""
    fields: dict = {
        "schema": 1,
        "epoch": EPOCH,
        "run_id": "run-1",
        "version": "0.1.0",
        "pid": 4_242,
        "mode": "sim",
        "venue": "simulated",
    }
    return Welcome(**(fields | changed))


def accept(command: OperatorCommand) -> CommandOutcome:
    """Accept everything at the level of its most serious action, as a lenient engine would.

    A line with a kill is that kill.
    """
    kills = [action for action in command.actions if isinstance(action, EngageKill)]
    level: ConfirmLevel = max(map(level_of, kills or command.actions), default=0)
    orders = tuple(planned(action) for action in command.actions if isinstance(action, SubmitOrder))
    if command.confirm < level:
        word = orders[0].size if level == 3 else ""
        return CommandOutcome("needs_confirmation", (), level, word, orders)
    ids = () if command.is_dry else tuple(f"n{command.command_id}" for _ in orders)
    return CommandOutcome("accepted", (), level, "", orders, ids)


def level_of(action: Action) -> ConfirmLevel:
    """Return the level that the fake asks for."""
    if isinstance(action, SubmitOrder):
        return 2 if action.type == "market" else 3 if action.size >= 100 else 1
    if isinstance(action, ClosePosition):
        return 2
    if isinstance(action, ReleaseKill):
        return 3
    return 1 if isinstance(action, CancelAll | Arm) else 0


def planned(action: SubmitOrder) -> PlannedOrder:
    """Return the order as it would be sent: sizes cut to thousandths, prices to halves."""
    size = action.size.quantize(Decimal("0.001"), ROUND_DOWN)
    price = action.price
    if price is not None:
        price = (price * 2).to_integral_value(ROUND_DOWN) / 2
    return PlannedOrder(
        action.instrument_id,
        action.side,
        action.type,
        f"{size:f}",
        "" if price is None else f"{price:f}",
        "" if action.trigger is None else f"{action.trigger:f}",
        "PO" if action.is_post_only else "RO" if action.is_reduce_only else "",
        "32105",
        "6421",
        "0.375" if action.is_reduce_only else "1",
    )


class FakePort:
    """A CockpitPort whose messages come from the test and whose commands are kept."""

    def __init__(self) -> None:
        self.watches: list[Watch] = []
        self.commands: list[OperatorCommand] = []
        self.judge: Callable[[OperatorCommand], CommandOutcome | None] = accept
        """Gives the outcome of a command, dry or meant; None says nothing."""
        self.shutdowns = 0
        self.answers_shutdown = True
        self.is_closed = False
        self.seq = 0
        self._messages: asyncio.Queue[EngineMessage | None] = asyncio.Queue()

    async def receive(self) -> EngineMessage:
        """Wait for what the test feeds."""
        message = await self._messages.get()
        if message is None:
            raise PortClosed("the engine closed the connection")
        return message

    def watch(self, watch: Watch) -> None:
        """Keep what was asked for."""
        self.watches.append(watch)

    def command(self, command: OperatorCommand) -> None:
        """Keep what an operator asked for, and answer as the test judges."""
        self.commands.append(command)
        outcome = self.judge(command)
        if outcome is not None:
            accepted = outcome.verdict == "accepted"
            self.say(Reply(command.command_id, accepted, "", None, outcome))

    @property
    def meant(self) -> list[OperatorCommand]:
        """The commands that were not dry."""
        return [command for command in self.commands if not command.is_dry]

    def shutdown(self) -> int:
        """Count, and accept unless told to say nothing."""
        self.shutdowns += 1
        if self.answers_shutdown:
            self.say(Reply(self.shutdowns, True, "stopping"))
        return self.shutdowns

    async def close(self) -> None:
        """Note that the screen has left."""
        self.is_closed = True

    def say(self, message: EngineMessage) -> None:
        """Send any message to the screen."""
        self._messages.put_nowait(message)

    def feed(self, pane: PaneName, view: View, ts_ns: int = START_NS) -> None:
        """Send one view."""
        self.seq += 1
        self.say(ViewFrame(pane, EPOCH, self.seq, ts_ns, view))

    def beat(self, ts_ns: int = START_NS) -> None:
        """Send a heartbeat."""
        self.say(Heartbeat(ts_ns, self.seq))

    def hang_up(self) -> None:
        """End the connection."""
        self._messages.put_nowait(None)
