"""A kernel with scripted strategies: minutes close, and a venue answers as the test says."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, NamedTuple

from engine.execution.ledger import Ledger
from engine.kernel import strategies
from engine.kernel.strategies import Runner
from engine.model import facts as f
from engine.model.effects import CommandResult, PlaceOrder, Record, SendCancel
from engine.model.envelope import Event, RunStarted, TimerFired
from engine.model.instrument import InstrumentId
from engine.model.market import FeedUp
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder, OrderSpec
from engine.strategy.candle import BUY, SELL, Decision, Position, enter, hold, leave
from engine.strategy.columns import CLOSE, Sma
from engine.strategy.registry import StrategySpec
from tests.builders import (
    BTC,
    FEED,
    REST,
    Run,
    a_delta,
    a_snapshot,
    a_trade,
    an_instrument,
    an_update,
)

PRICE = 1_000
LOTS = 10
"""What a little more than a tenth of 100,000 buys at that price, in lots of one."""
GATEWAY = "gateway:test"

LONG = enter(BUY, 0.105, stop_pct=3.0, target_pct=5.0)
SHORT = enter(SELL, 0.105, stop_pct=3.0, target_pct=5.0)
LEAVE = leave()


class ScriptParams(NamedTuple):
    """Three candles are needed."""

    n: Annotated[int, "candles"] = 3


class ScriptRow(NamedTuple):
    """The close, and enough of a look-back to wait for."""

    close: Annotated[float, CLOSE]
    mean: Annotated[float, Sma("n")]


class Script:
    """A strategy that answers what the test wrote down, and holds after that."""

    ID = "script"
    VERSION = 1
    Params = ScriptParams
    Row = ScriptRow

    def __init__(self, answers: Sequence[Decision | Exception]) -> None:
        self.answers = list(answers)
        self.closes: list[float] = []
        self.positions: list[Position] = []

    def decide(self, row: ScriptRow, position: Position, params: ScriptParams) -> Decision:
        """Give the next answer."""
        del params
        self.closes.append(row.close)
        self.positions.append(position)
        answer = self.answers.pop(0) if self.answers else hold()
        if isinstance(answer, Exception):
            raise answer
        return answer


class Desk:
    """One kernel that trades; `now` holds what the last call placed, cancelled and recorded."""

    def __init__(self, ledger: Ledger | None = None, minute: int = 0) -> None:
        self.run = Run()
        if ledger is not None:
            self.run.state.desk.ledger = ledger
        self.minute = minute
        self.seq = 10
        self.trades = 0
        self.facts: list[f.Fact] = []
        self.heard: set[str] = set()
        self.placed: list[ApprovedOrder] = []
        self.cancels: list[str] = []
        self.results: list[CommandResult] = []
        self.recorded: list[f.Fact] = []
        self.run.ms = minute * 60_000
        self.take(RunStarted("run", "0.1"), source="engine")
        self.take(FeedUp(FEED), an_update(an_instrument(is_trading=True)))
        self.take(a_delta(10, bids="1x1", prev=9))
        self.take(a_snapshot(f"{PRICE - 1}x90000 1x1", f"{PRICE}x90000", seq=10), source=REST)
        self.touch()

    @property
    def state(self):
        """What the kernel keeps."""
        return self.run.state

    @property
    def ledger(self) -> Ledger:
        """What was applied."""
        return self.state.desk.ledger

    def take(self, *events: Event, source: str = FEED) -> "Desk":
        """Hand over events that arrive now."""
        self.run.take(*events, source=source)
        effects = self.run.effects
        self.placed = [one.approved for one in effects if isinstance(one, PlaceOrder)]
        self.cancels = [one.client_order_id for one in effects if isinstance(one, SendCancel)]
        self.results = [one for one in effects if isinstance(one, CommandResult)]
        self.recorded = [one.fact for one in effects if isinstance(one, Record)]
        self.facts += self.recorded
        return self

    def touch(self, price: int = PRICE) -> "Desk":
        """Let something happen to book and tape, so that neither is old."""
        self.seq += 1
        return self.take(a_delta(self.seq, bids="2x1"), a_trade(price, ms=self.run.ms))

    def tick(self, seconds: float = 0.25) -> "Desk":
        """Let time pass and the sweep timer fire."""
        self.run.ms += seconds * 1_000
        self.touch()
        return self.take(TimerFired("sweep", self.run.now_ns), source="timer")

    def close(self, price: int = PRICE) -> "Desk":
        """Trade at a price at the end of the minute, and look a second after it."""
        self.run.ms = self.minute * 60_000 + 59_900
        self.touch(price)
        return self.end_minute()

    def end_minute(self) -> "Desk":
        """Look a second after the end of the minute."""
        self.minute += 1
        self.run.ms = self.minute * 60_000 + 1_000
        return self.take(TimerFired("sweep", self.run.now_ns), source="timer")

    def start(
        self, *answers: Decision | Exception, name: str = "script", key: InstrumentId = BTC
    ) -> Runner:
        """Start a scripted strategy on minutes."""
        spec = StrategySpec(name, name, Script(answers), 60, ScriptParams())
        runner = Runner(spec, key, 60)
        strategies.start(self.state, runner)
        return runner

    def ready(self, *answers: Decision | Exception, name: str = "script") -> Runner:
        """Start one that has its look-back; the next candle is the first it decides on."""
        for _ in range(3 - self.minute):
            self.close()
        runner = self.start(*answers, name=name)
        assert runner.host.have == runner.host.need == 3
        return runner

    def hear(self, *events: Event) -> "Desk":
        """Take in what a venue says."""
        return self.take(*events, source=GATEWAY)

    def accept(self, order: ApprovedOrder) -> "Desk":
        """The venue has an order; said once."""
        key = order.client_order_id
        if key not in self.heard:
            self.heard.add(key)
            now = self.run.now_ns
            self.hear(f.OrderSent(now, key), f.OrderAcked(now, key, f"v-{key}"))
        return self

    def fill(self, order: ApprovedOrder, lots: int = 0, price: int = PRICE) -> "Desk":
        """Fill an order, all of it unless told."""
        self.accept(order)
        self.trades += 1
        size = lots or order.intent.spec.qty_lots
        return self.hear(a_fill(self.run.now_ns, order, self.trades, size, price))

    def expire(self, order: ApprovedOrder) -> "Desk":
        """Let the rest of an order lapse."""
        return self.hear(f.OrderExpired(self.run.now_ns, order.client_order_id, "no more"))

    def cancelled(self, *keys: str) -> "Desk":
        """Take orders off the book."""
        return self.hear(*(f.OrderCanceled(self.run.now_ns, key, "asked") for key in keys))

    def entered(self, runner: Runner, lots: int = 0, price: int = PRICE) -> list[ApprovedOrder]:
        """Let the next candle enter and fill at once; return the protection."""
        (order,) = self.close().placed
        assert order.intent.owner == runner.owner
        self.fill(order, lots, price)
        return [self.accepted(one) for one in self.placed]

    def accepted(self, order: ApprovedOrder) -> ApprovedOrder:
        """Accept an order and return it."""
        self.accept(order)
        return order

    def lots(self, runner: Runner) -> int:
        """Return what a strategy holds."""
        return self.ledger.position(runner.owner, runner.instrument_id).lots


def a_fill(ts_ns: int, order: ApprovedOrder, number: int, lots: int, price: int) -> f.OrderFilled:
    return f.OrderFilled(
        ts_ns,
        order.client_order_id,
        f"t{number}",
        PriceTicks(price),
        QtyLots(lots),
        "taker",
        Decimal(0),
        "USDT",
    )


def shapes(orders: Sequence[ApprovedOrder]) -> list[tuple]:
    """Return type, side, size and trigger of orders."""
    return [shape(order.intent.spec) for order in orders]


def shape(spec: OrderSpec) -> tuple:
    return spec.type, spec.side, spec.qty_lots, spec.trigger_ticks
