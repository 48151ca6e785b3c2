"""Every preset passes the gate at its own size, whatever the instrument is."""

from decimal import Decimal

import pytest

from engine.kernel import strategies
from engine.kernel.strategies import Runner
from engine.model.effects import PlaceOrder
from engine.model.envelope import RunStarted, TimerFired
from engine.model.instrument import Instrument, InstrumentId
from engine.model.market import BookDelta, BookSnapshot, Candle, FeedUp, InstrumentUpdated
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.model.orders import ApprovedOrder
from engine.strategy.registry import STRATEGIES, StrategySpec
from engine.venues.simulated.instruments import INSTRUMENTS
from tests.builders import FEED, REST, START_NS, Run, a_trade, an_update
from tests.unit.engine.kernel.strategy_desk import (
    a_fill,
    shapes,
)

HOUR_NS = 3_600 * NS_PER_S
FIRST_NS = START_NS // HOUR_NS * HOUR_NS


def a_major(base: str, tick: str, price_decimals: int, price: int) -> tuple[InstrumentUpdated, int]:
    instrument = Instrument(
        InstrumentId(f"binance_futures:{base}USDT"),
        "previous_id",
        base,
        "USDT",
        Decimal(tick),
        Decimal("0.001"),
        notional_min=Decimal(100),
        is_trading=True,
    )
    return an_update(instrument, price_decimals, 3), price


EVERYWHERE = [
    *(
        (
            an_update(one.described(), one.price_decimals, one.qty_decimals),
            one.price_ticks * one.tick_units,
        )
        for one in INSTRUMENTS
    ),
    a_major("BTC", "0.1", 1, 640_000),
    a_major("ETH", "0.01", 2, 310_000),
]
"""Instruments, and where their prices are in units."""


class Shock:
    """A market that hardly moved while a preset looked back, and then jumps by a tenth."""

    def __init__(self, preset: StrategySpec, update: InstrumentUpdated, price: int) -> None:
        self.run = Run().take(RunStarted("run", "0.1"), source="engine")
        self.run.take(FeedUp(FEED), update)
        self.key = update.instrument.instrument_id
        self.runner = Runner(preset, self.key, preset.timeframe_s)
        self.step = self.run.state.instruments[self.key].tick_ticks
        self.price = price
        need = self.runner.host.need
        for i in range(need):
            self.candle(i, price + self.step * (i % 5 - 2))
        self.at(need)
        self.run.take(TimerFired("sweep", self.run.now_ns), source="timer")
        strategies.start(self.run.state, self.runner)
        assert self.runner.host.have == need

    def at(self, candle: int, before_ns: int = -10 * NS_PER_S) -> None:
        """Go to the end of the candle before this one."""
        ns = FIRST_NS + candle * self.runner.length_ns - before_ns
        self.run.ms = (ns - START_NS) / NS_PER_MS

    def candle(self, i: int, close: int) -> None:
        """Let a candle close."""
        self.run.take(
            Candle(
                self.key,
                self.runner.timeframe_s,
                FIRST_NS + i * self.runner.length_ns,
                *(self.price, max(close, self.price), min(close, self.price), close),
                volume_lots=10**9,
                trade_count=9,
                is_closed=True,
            )
        )

    def jump(self, percent: int) -> list[ApprovedOrder]:
        """Return what the next candle makes the preset send, protection included."""
        need = self.runner.host.need
        close = self.price * percent // 100 // self.step * self.step
        self.candle(need, close)
        self.at(need + 1, before_ns=NS_PER_S)
        book = BookSnapshot(self.key, [(close - self.step, 10**12)], [(close, 10**12)], 1)
        trade = a_trade(close, ms=self.run.ms, instrument_id=self.key)
        self.run.take(BookDelta(self.key, [], [], 1, 1, 0), trade).take(book, source=REST)
        self.run.ms += 2_000
        self.run.take(TimerFired("sweep", self.run.now_ns), source="timer")
        entries = [one.approved for one in self.run.asked(PlaceOrder)]
        for entry in entries:
            lots = entry.intent.spec.qty_lots
            self.run.take(a_fill(self.run.now_ns, entry, 1, lots, close // self.step))
        return [*entries, *(one.approved for one in self.run.asked(PlaceOrder) if entries)]


@pytest.mark.parametrize("preset", STRATEGIES, ids=lambda spec: spec.name)
@pytest.mark.parametrize(
    ("update", "price"), EVERYWHERE, ids=[one.instrument.instrument_id for one, _ in EVERYWHERE]
)
def test_every_preset_passes_the_gate_at_its_own_size(preset, update, price):
    shocks = [Shock(preset, update, price) for _ in range(2)]

    sent = [shapes(shock.jump(by)) for shock, by in zip(shocks, (90, 110), strict=True)]

    assert not [text for shock in shocks for text in shock.run.said if "refused" in text]
    share = Decimal(str(preset.params.size_pct)) / 100
    entry, stop, target = next(filter(None, sent))
    assert (entry[0], stop[0], target[0]) == ("limit", "stop", "take_profit")
    tick, lot = update.instrument.tick_size, update.instrument.lot_size
    worth = entry[2] * lot * tick * (price * 90 // 100 // shocks[0].step)
    assert share * 100_000 - worth < 2 * lot * tick * price / shocks[0].step
