"""A seeded market that moves step by step, and the views of it that a screen asks for."""

import math
import random
from collections.abc import Callable

from engine.model.view import (
    BookView,
    ChartView,
    HeaderView,
    PaneName,
    TapeRow,
    TapeView,
    View,
)
from engine.port import Watch
from tests.fakes.port import START_NS
from tests.ui.scenes import (
    BTC,
    a_health,
    a_log,
    a_risk,
    a_status,
    a_watch,
    a_whales,
    some_orders,
    some_positions,
)

TICK = 5


class Market:
    """A made-up market: call `step` once per frame, then ask for views."""

    def __init__(self, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        self.mid = 642_100
        self.ts_ns = START_NS
        self.total = 0
        self.is_up = True
        self.sizes: dict[int, int] = {}
        self.prints: list[TapeRow] = []
        self.closes = [
            642_100 + int(900 * math.sin(i / 14) + 400 * math.sin(i / 5)) for i in range(400)
        ]
        self.closes[-1] = self.mid
        for _ in range(80):
            self.trade()

    def step(self, trades: int = 3) -> None:
        """Move on by a tenth of a second."""
        self.ts_ns += 100_000_000
        move = self.chance.choice((-1, 0, 0, 0, 1)) * TICK
        self.mid += move
        if move:
            self.is_up = move > 0
        for _ in range(12):
            level = self.mid // TICK * TICK + self.chance.randint(-30, 30) * TICK
            self.sizes[level] = int(self.chance.expovariate(1 / 2_500)) + 1
        for _ in range(trades):
            self.trade()
        self.closes[-1] = self.mid

    def trade(self) -> None:
        """Print one trade."""
        is_buy = self.chance.random() < 0.54
        qty = int(self.chance.expovariate(1 / 700)) + 1
        price = self.mid // TICK * TICK + (TICK if is_buy else 0)
        self.total += 1
        self.prints.insert(0, TapeRow(self.ts_ns, price, qty, is_buy, True, qty > 2_200))
        del self.prints[300:]

    def lots(self, price: int) -> int:
        """Return the size at a price, made on first sight."""
        if price not in self.sizes:
            self.sizes[price] = int(self.chance.expovariate(1 / 2_500)) + 1
        return self.sizes[price]

    def book(self, watch: Watch) -> BookView:
        """Return the ladder's view."""
        best = self.mid // TICK * TICK
        group = watch.book_group * TICK
        bids: dict[int, int] = {}
        asks: dict[int, int] = {}
        for i in range(watch.book_rows * watch.book_group):
            bid, ask = best - i * TICK, best + (i + 1) * TICK
            bids[bid // group * group] = bids.get(bid // group * group, 0) + self.lots(bid)
            asks[-(-ask // group) * group] = asks.get(-(-ask // group) * group, 0) + self.lots(ask)
        return BookView(
            instrument_id=watch.instrument_id or BTC,
            state="live",
            note="",
            state_since_ns=START_NS,
            freshness="fresh",
            age_ns=12_000_000,
            price_decimals=1,
            qty_decimals=3,
            tick_ticks=TICK,
            group_ticks=group,
            bids=tuple(bids.items()),
            asks=tuple(asks.items()),
            best_bid_ticks=best,
            best_ask_ticks=best + TICK,
        )

    def chart(self, watch: Watch) -> ChartView:
        """Return candles from the made-up closes."""
        step_ns = watch.timeframe_s * 1_000_000_000
        newest = self.ts_ns // step_ns * step_ns
        shown = self.closes[-watch.chart_candles :]
        candles = []
        for i, close in enumerate(shown):
            before = shown[i - 1] if i else close
            wick = 20 + (i * 37) % 110
            low, high = min(before, close) - wick, max(before, close) + (i * 53) % 90
            open_ns = newest - (len(shown) - 1 - i) * step_ns
            candles.append((open_ns, before, high, low, close, 900 + (i * 7_919) % 9_000))
        return ChartView(
            watch.instrument_id or BTC, watch.timeframe_s, 1, 3, "fresh", 0, tuple(candles)
        )

    def tape(self, watch: Watch) -> TapeView:
        """Return the newest prints."""
        return TapeView(
            watch.instrument_id or BTC,
            1,
            3,
            "fresh",
            50_000_000,
            tuple(self.prints[: watch.tape_rows]),
            self.total,
            0.54,
            31.4,
        )

    def header(self, watch: Watch) -> HeaderView:
        """Return the line of prices."""
        return HeaderView(
            instrument_id=watch.instrument_id or BTC,
            price_decimals=1,
            last_ticks=self.prints[0].price_ticks,
            last_is_up=self.is_up,
            freshness="fresh",
            mark="64209.8",
            index="64205.1",
            funding_rate="0.000031",
            next_funding_ns=START_NS + 2_500_000_000_000,
            volume_1h=1_204.551,
            qty_decimals=3,
            scales_inferred=False,
        )

    def views(self, watch: Watch) -> dict[PaneName, View]:
        """Return all views that a watch asks for."""
        makers: dict[PaneName, Callable[[Watch], View]] = {
            "header": self.header,
            "book": self.book,
            "chart": self.chart,
            "tape": self.tape,
            "status": lambda _: a_status(),
            "whales": lambda _: a_whales(self.ts_ns),
            "log": lambda _: a_log(),
            "positions": lambda _: some_positions(),
            "orders": lambda _: some_orders(),
            "risk": lambda _: a_risk(),
            "watch": lambda _: a_watch(self.prints[0].price_ticks),
            "health": lambda _: a_health(),
        }
        return {pane: makers[pane](watch) for pane in watch.panes}
