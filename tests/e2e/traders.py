"""A trader who speaks the port: gives orders, and remembers all that the engine told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from cockpit.link import SocketPort, join
from engine.execution.ledger import Ledger
from engine.folder import DataFolder
from engine.model.commands import Action, CommandOutcome, OperatorCommand, SubmitOrder
from engine.model.errors import PortClosed
from engine.model.facts import Fact, OrderFilled, OrderIntended, RunBegan
from engine.model.instrument import InstrumentId
from engine.model.orders import Side
from engine.model.view import (
    BookView,
    FillRow,
    LogView,
    OrderRow,
    OrdersView,
    PaneName,
    PositionsView,
    RiskView,
    View,
)
from engine.port import Reply, ViewFrame, Watch
from tests.e2e.engines import WAIT_S

BTC = InstrumentId("simulated:BTC-PERP")
PANES: tuple[PaneName, ...] = ("book", "orders", "positions", "risk", "log", "status")
TOLD_MAX = 100_000

V = TypeVar("V", bound=View)


class Trader:
    """One client of an engine; `receive` runs beside everything else."""

    def __init__(self, port: SocketPort) -> None:
        self.port = port
        self.views: dict[str, View] = {}
        self.accepted: list[CommandOutcome] = []
        """Outcomes of meant commands that the engine said it had accepted, oldest first."""
        self.orders_seen: dict[str, OrderRow] = {}
        """Every order in the newest state that a view showed."""
        self.fills_seen: dict[FillRow, None] = {}
        self.replies: list[Reply] = []
        self.is_lost = False
        self._outcomes: dict[int, asyncio.Future[CommandOutcome]] = {}
        self._number = 0
        self._changed = asyncio.Event()

    async def receive(self) -> None:
        """Take in what the engine says until it is gone."""
        try:
            while True:
                message = await self.port.receive()
                if isinstance(message, ViewFrame):
                    self._look(message.view, message.pane)
                elif isinstance(message, Reply):
                    self._hear(message)
                self._changed.set()
        except PortClosed:
            self.is_lost = True
            self._changed.set()
            for future in self._outcomes.values():
                if not future.done():
                    future.set_exception(PortClosed("the engine is gone"))
                    future.exception()  # Whether anybody still waits is their affair.

    def send(self, *actions: Action, confirm: int = 3, word: str = "", line: str = "") -> int:
        """Send a command without waiting; returns its number."""
        self._number += 1
        self._outcomes[self._number] = asyncio.get_running_loop().create_future()
        command = OperatorCommand(
            self._number,
            "",
            line or "test",
            actions,
            confirm,  # type: ignore[arg-type]  # one of the levels
            word,
        )
        self.port.command(command)
        return self._number

    async def outcome(self, number: int) -> CommandOutcome:
        """Wait for what became of a command."""
        async with asyncio.timeout(WAIT_S):
            return await self._outcomes[number]

    async def do(self, *actions: Action, word: str = "") -> CommandOutcome:
        """Send a command, confirmed, and wait for what became of it."""
        return await self.outcome(self.send(*actions, word=word))

    async def must(self, *actions: Action, word: str = "") -> CommandOutcome:
        """Do it, and have it accepted."""
        outcome = await self.do(*actions, word=word)
        assert outcome.verdict == "accepted", outcome
        return outcome

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until what was seen fulfils something."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"never came: {what}; seen: {self.views.get('log')}") from None

    def view(self, pane: PaneName, kind: type[V]) -> V | None:
        """Return the newest view of a pane."""
        view = self.views.get(pane)
        return view if isinstance(view, kind) else None

    async def book(self) -> BookView:
        """Wait for a book with two sides."""
        await self.until(lambda: self._book() is not None, "a live book")
        book = self._book()
        assert book is not None
        return book

    @property
    def working(self) -> tuple[OrderRow, ...]:
        """Working orders, as shown."""
        orders = self.view("orders", OrdersView)
        return orders.working if orders is not None else ()

    @property
    def ended(self) -> dict[str, OrderRow]:
        """Ended orders by client order id, as shown."""
        orders = self.view("orders", OrdersView)
        return {row.client_order_id: row for row in orders.ended} if orders is not None else {}

    @property
    def positions(self) -> dict[str, str]:
        """Side and size of each position, as shown."""
        view = self.view("positions", PositionsView)
        return {} if view is None else {row.name: f"{row.side} {row.size}" for row in view.rows}

    @property
    def risk(self) -> RiskView | None:
        """The desk's state, as shown."""
        return self.view("risk", RiskView)

    @property
    def log(self) -> str:
        """The log pane."""
        view = self.view("log", LogView)
        return "" if view is None else "\n".join(row.text for row in view.rows)

    def shows(self, client_order_id: str, *states: str) -> bool:
        """Whether an order is shown in one of these states."""
        row = self.orders_seen.get(client_order_id)
        return row is not None and row.state in states

    def is_killed(self) -> bool:
        """Whether the desk is shown as killed, latch and all."""
        return (
            self.risk is not None and self.risk.trading_state == "killed" and self.risk.is_latched
        )

    def _book(self) -> BookView | None:
        book = self.view("book", BookView)
        if book is None or book.state != "live" or not book.bids or not book.asks:
            return None
        return book

    def _look(self, view: View, pane: str) -> None:
        self.views[pane] = view
        if isinstance(view, OrdersView):
            for row in (*view.working, *view.ended):
                self.orders_seen[row.client_order_id] = row
            self.fills_seen.update(dict.fromkeys(view.fills))
            assert len(self.fills_seen) < TOLD_MAX

    def _hear(self, reply: Reply) -> None:
        self.replies.append(reply)
        assert reply.outcome is not None, reply
        if reply.outcome.verdict == "accepted":
            self.accepted.append(reply.outcome)
        future = self._outcomes.get(reply.command_id)
        if future is not None and not future.done():
            future.set_result(reply.outcome)


@asynccontextmanager
async def trader(
    folder: Path, *, fps: int = 20, instrument_id: InstrumentId = BTC
) -> AsyncIterator[Trader]:
    """Join the engine of a folder and watch its desk."""
    port = await _joined(DataFolder(folder).socket)
    client = Trader(port)
    receiving = asyncio.ensure_future(client.receive())
    port.watch(Watch(PANES, instrument_id, book_rows=5, fps=fps))
    try:
        yield client
    finally:
        receiving.cancel()
        await asyncio.wait([receiving])
        await port.close()


async def _joined(path: Path) -> SocketPort:
    """Join an engine that is about to listen: the name of a socket is there a moment before."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                return await join(path, "command")
            except PortClosed:
                await asyncio.sleep(0.01)


def price_of(book: BookView, ticks: int) -> Decimal:
    """Return a price of the book as people write it."""
    return Decimal(ticks) / Decimal(10) ** book.price_decimals


def an_order(
    side: Side, size: str, price: Decimal | None = None, *, is_post_only: bool = False
) -> SubmitOrder:
    """Return an order in BTC; without a price at market."""
    kind = "market" if price is None else "limit"
    return SubmitOrder(
        BTC,
        side,
        kind,  # type: ignore[arg-type]  # one of the types
        Decimal(size),
        price,
        is_post_only=is_post_only,
    )


def far(book: BookView, side: Side, share: str = "0.05") -> Decimal:
    """Return a price far behind the market, where an order rests."""
    factor = 1 - Decimal(share) if side == "buy" else 1 + Decimal(share)
    best = book.best_bid_ticks if side == "buy" else book.best_ask_ticks
    assert best is not None
    ticks = int(best * factor) // book.tick_ticks * book.tick_ticks
    return price_of(book, ticks)


# What a journal says, told by a reader of its own.


def net_by_fills(facts: Iterable[Fact]) -> dict[str, int]:
    """Return signed lots by instrument, from intents and fills alone."""
    sides: dict[str, tuple[str, int]] = {}
    nets: dict[str, int] = {}
    for fact in facts:
        if isinstance(fact, OrderIntended):
            spec = fact.intent.spec
            sides[fact.client_order_id] = spec.instrument_id, 1 if spec.side == "buy" else -1
        elif isinstance(fact, OrderFilled):
            instrument_id, sign = sides[fact.client_order_id]
            nets[instrument_id] = nets.get(instrument_id, 0) + sign * fact.qty_lots
    return {name: lots for name, lots in nets.items() if lots}


def ledger_nets(ledger: Ledger) -> dict[str, int]:
    """Return signed lots by instrument, as a ledger has them."""
    return {name: ledger.net_lots(name) for name in ledger.held()}


def runs_in(facts: Iterable[Fact]) -> list[str]:
    """Return the runs that a journal tells of."""
    return [fact.run_id for fact in facts if isinstance(fact, RunBegan)]
