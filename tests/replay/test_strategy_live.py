"""The whole kernel with the paper venue decides as the reference backtest does on the same candles.

Each candle is told by four trades, and the book follows them. What is decided at a close is filled
at the next open, as the reference has it.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from math import ceil, floor
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.execution.paper import Markets, PaperMarket, PaperVenue
from engine.kernel import strategies
from engine.kernel.kernel import Kernel
from engine.kernel.strategies import Runner
from engine.model.effects import PlaceOrder, SendCancel
from engine.model.envelope import Envelope, Event, RunStarted, TimerFired
from engine.model.instrument import Instrument, InstrumentId
from engine.model.market import (
    BookDelta,
    BookSnapshot,
    FeedUp,
    InstrumentUpdated,
    Level,
    Trade,
)
from engine.model.numbers import NS_PER_S
from engine.strategy import mean_reversion
from engine.strategy.candle import HOLD, CandleHost, Decision, Position
from engine.strategy.columns import FloatCandle
from engine.strategy.params import read_params
from engine.strategy.registry import StrategySpec
from tests.fakes.candle_run import CandleRun, Rules, read_candles

KEY = InstrumentId("test:BTCUSDT")
FEED = "feed:test/public"
DEEP = 10**9
"""Lots at each level: more than any order takes."""

CASES = (
    "btc-a-mean_reversion-60m-0",
    "btc-a-mean_reversion-15m-1",
    "syn-ou-mean_reversion",
    "syn-trend-mean_reversion",
)
"""Long only, both sides, and made up ones; not those whose jumps and losses the limits answer."""


class Acted(NamedTuple):
    """A decision that was not to hold."""

    open_ns: int
    kind: int
    side: int


class Observed:
    """Mean reversion, and what it decided at which candle."""

    ID = mean_reversion.ID
    VERSION = mean_reversion.VERSION
    Params = mean_reversion.Params
    Row = mean_reversion.Row

    def __init__(self) -> None:
        self.acted: list[Acted] = []
        self.host: Callable[[], CandleHost] | None = None

    def decide(
        self,
        row: mean_reversion.Row,
        position: Position,
        params: mean_reversion.Params,
    ) -> Decision:
        """Decide, and note it."""
        decision = mean_reversion.decide(row, position, params)
        assert self.host is not None
        host = self.host()
        if decision.kind != HOLD and host.next_open_ns is not None:
            open_ns = host.next_open_ns - host.timeframe_s * NS_PER_S
            self.acted.append(Acted(open_ns, decision.kind, decision.side))
        return decision


class Street:
    """A kernel, a paper venue, and a market that goes where it is told."""

    def __init__(self, rules: Rules, start_ns: int) -> None:
        tick, lot = Decimal(str(rules.tick)), Decimal(str(rules.lot))
        self.kernel = Kernel()
        self.venue = PaperVenue(seed=1)
        self.rules = rules
        self.decimals = 2
        self.now_ns = start_ns
        self.last_seq = 1
        self.best: tuple[int, int] | None = None
        qty_decimals = -int(lot.normalize().as_tuple().exponent)
        instrument = Instrument(KEY, "contiguous_ids", "BTC", "USDT", tick, lot, is_trading=True)
        self.tell(RunStarted("run", "0.1"))
        self.tell(FeedUp(FEED))
        self.tell(InstrumentUpdated(instrument, self.decimals, qty_decimals))
        self.market = self.kernel.state.instruments[KEY]
        paper = PaperMarket(self.market.book, self.market.tick_ticks, 1, tick, lot, "USDT")
        self.markets: Markets = {KEY: paper}

    def tell(self, event: Event) -> None:
        """Let the kernel take an event in, and the venue what comes of it."""
        envelope = Envelope(self.kernel.state.seq + 1, self.now_ns, FEED, event)
        for effect in self.kernel.step(envelope):
            if isinstance(effect, PlaceOrder):
                approved = effect.approved
                self.venue.place(approved.client_order_id, approved.intent, self.now_ns)
            elif isinstance(effect, SendCancel):
                self.venue.cancel(effect.client_order_id, self.now_ns)

    def settle(self) -> None:
        """Let everything arrive that is under way."""
        while (due_ns := self.venue.next_due_ns) is not None:
            self.now_ns = max(self.now_ns, due_ns)
            for report in self.venue.advance(self.now_ns, self.markets):
                self.tell(report)

    def timer(self) -> None:
        """Let the sweep timer fire."""
        self.tell(TimerFired("sweep", self.now_ns))

    def quote(self, price: float) -> None:
        """Move the book around a price, as far as the slippage of the rules."""
        step = self.market.tick_ticks
        units = price * 10**self.decimals
        share = self.rules.slippage_bps / 10_000
        bid = floor(units * (1 - share) / step + 1e-6) * step
        ask = max(ceil(units * (1 + share) / step - 1e-6) * step, bid + step)
        bids, asks = ((self._level(i, new), (new, DEEP)) for i, new in ((0, bid), (1, ask)))
        if self.best is None:
            self.tell(BookDelta(KEY, [], [], 1, 1, 0))
            self.tell(BookSnapshot(KEY, [(bid, DEEP)], [(ask, DEEP)], 1))
        else:
            self.last_seq += 1
            seq = self.last_seq
            self.tell(BookDelta(KEY, list(bids), list(asks), seq, seq, seq - 1))
        self.best = (bid, ask)

    def print(self, price: float) -> None:
        """Trade at a price."""
        self.quote(price)
        units = round(price * 10**self.decimals)
        self.tell(Trade(KEY, units, 1, True, 1, ts_venue_ns=self.now_ns))
        self.venue.on_trade(KEY, units, 1, self.now_ns, self.markets)
        self.settle()
        self.now_ns += 1 * NS_PER_S
        self.timer()
        self.settle()

    def candle(self, candle: FloatCandle, length_ns: int) -> None:
        """Show a candle; what was decided at the close before is filled at its open."""
        self.now_ns = max(self.now_ns, candle.open_ns + NS_PER_S)
        self.timer()
        self.quote(candle.open)
        self.settle()
        self.now_ns = max(self.now_ns, candle.open_ns + 2 * NS_PER_S)
        is_short = self.kernel.state.desk.ledger.net_lots(KEY) < 0
        worst, best = (candle.high, candle.low) if is_short else (candle.low, candle.high)
        for minute, price in enumerate((candle.open, worst, best)):
            self.now_ns = max(self.now_ns, candle.open_ns + minute * length_ns // 4)
            self.print(price)
        self.now_ns = candle.open_ns + length_ns - 2 * NS_PER_S
        self.print(candle.close)

    def _level(self, side: int, new: int) -> Level:
        old = new if self.best is None else self.best[side]
        return old, DEEP if old == new else 0


@pytest.fixture(scope="module")
def vectors(shared_dir: Path) -> Path:
    return shared_dir / "vectors"


@pytest.mark.parametrize("name", CASES)
def test_the_live_kernel_decides_as_the_reference_does(name: str, vectors: Path):
    cases = json.loads((vectors / "backtest_dev.json").read_text())["cases"]
    case = next(one for one in cases if one["id"] == name)
    candles = read_candles(vectors / case["bars"], case["resample"])
    params = read_params(mean_reversion, case["params"])

    expected = reference(candles, params, Rules(**case["config"]))
    found, street = live(candles, params, Rules(**case["config"]))

    assert len(expected) > len(case["trades"])
    assert found == expected
    assert not [one.text for one in street.kernel.state.notices if one.level != "info"]
    assert street.kernel.state.desk.ledger.contradictions == 0


def reference(candles: list[FloatCandle], params: tuple[float, ...], rules: Rules) -> list[Acted]:
    module = Observed()
    host = CandleHost(module, params, length_s(candles))
    module.host = lambda: host
    CandleRun(host, candles, rules)
    return module.acted


def live(
    candles: list[FloatCandle], params: tuple[float, ...], rules: Rules
) -> tuple[list[Acted], Street]:
    module = Observed()
    spec = StrategySpec(module.ID, "observed", module, length_s(candles), params)
    street = Street(rules, candles[0].open_ns - 10 * NS_PER_S)
    runner = Runner(spec, KEY, spec.timeframe_s)
    module.host = lambda: runner.host
    strategies.start(street.kernel.state, runner)
    for candle in candles:
        street.candle(candle, runner.length_ns)
    return module.acted, street


def length_s(candles: list[FloatCandle]) -> int:
    return (candles[1].open_ns - candles[0].open_ns) // NS_PER_S
