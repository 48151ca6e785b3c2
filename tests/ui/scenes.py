"""Views as an engine would send them: a seeded market that moves step by step, and odd states."""

import math
import random
from collections.abc import Callable

from msgspec.structs import replace

from cockpit.panes.rows import Row
from engine.model.instrument import InstrumentId
from engine.model.signals import Notice
from engine.model.view import (
    BookHealth,
    BookView,
    ChartView,
    FeedView,
    FillRow,
    HeaderView,
    HealthView,
    InstrumentRow,
    LimitRow,
    LogView,
    OrderRow,
    OrdersView,
    PaneName,
    PositionRow,
    PositionsView,
    RiskView,
    StatusView,
    StrategyRow,
    TapeRow,
    TapeView,
    View,
    WatchRow,
    WatchView,
    WhaleRow,
    WhalesView,
)
from engine.port import Watch
from tests.fakes.port import START_NS

BTC = InstrumentId("simulated:BTC-PERP")
ETH = InstrumentId("simulated:ETH-PERP")
SOL = InstrumentId("simulated:SOL-PERP")
TICK = 5


def row_text(row: Row) -> str:
    """Return what a row says, without its styles."""
    return "".join(text for text, _ in row)


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


def a_feed(**changed: object) -> FeedView:
    """Return a connection that is fine unless told otherwise."""
    return replace(FeedView("simulated", "ok", 12_000_000, None, ""), **changed)


def a_status(**changed: object) -> StatusView:
    """Return the status of a simulated market."""
    status = StatusView(
        mode="sim",
        venue="simulated",
        feeds=(a_feed(),),
        instruments=(
            InstrumentRow(BTC, "BTC-PERP", 642_105, 1),
            InstrumentRow(ETH, "ETH-PERP", 312_040, 2),
            InstrumentRow(SOL, "SOL-PERP", 182_110, 3),
        ),
        events_per_s=1_204.0,
        inbox_depth=0,
        bad_frames=0,
        gaps=0,
        seq=1,
        started_ns=START_NS - 60_000_000_000,
        is_recording=True,
    )
    return replace(status, **changed)


def a_watched(**changed: object) -> WatchRow:
    """Return an instrument with a live book."""
    row = WatchRow(BTC, "BTC-PERP", 1, 642_105, "fresh", 629_000, 5, "live", "fresh", 0, True)
    return replace(row, **changed)


def a_watch(last_ticks: int = 642_105) -> WatchView:
    """Return three instruments: one that is held, one that is slow, one without a book."""
    eth = a_watched(
        instrument_id=ETH,
        name="ETH-PERP",
        price_decimals=2,
        last_ticks=312_040,
        day_ago_ticks=313_000,
        spread_ticks=1,
        freshness="slow",
        age_ns=2_400_000_000,
        is_held=False,
    )
    sol = a_watched(
        instrument_id=SOL,
        name="SOL-PERP",
        price_decimals=3,
        last_ticks=182_110,
        day_ago_ticks=None,
        spread_ticks=None,
        state="waiting",
        freshness="none",
        age_ns=None,
        is_held=False,
    )
    return WatchView((a_watched(last_ticks=last_ticks), eth, sol))


def a_health(**changed: object) -> HealthView:
    """Return an engine that is well, with one screen on it."""
    view = HealthView(
        feeds=(a_feed(reconnects=2, lag_ns=38_000_000),),
        books=(
            BookHealth("BTC-PERP", "live", "fresh", 12_000_000),
            BookHealth("ETH-PERP", "live", "fresh", 40_000_000),
        ),
        clock_offset_ns=8_000_000,
        trading_state="active",
        trading_reason="",
        is_latched=False,
        is_latch_persisted=False,
        is_journal_ok=True,
        is_recording=True,
        recording="",
        inbox_depth=3,
        loop_stalls=1,
        loop_stall_ns=310_000_000,
        loop_stall_at_ns=START_NS - 600_000_000_000,
        screens=("operator:1",),
        holder="operator:1",
        alarms=(),
    )
    return replace(view, **changed)


def a_status_down(**changed: object) -> StatusView:
    """Return the status of a paper account whose venue cannot be reached."""
    feed = a_feed(
        name="binance_futures",
        state="down",
        age_ns=None,
        retry_in_ns=3_000_000_000,
        reason="connection refused",
    )
    return a_status(mode="paper", venue="binance_futures", feeds=(feed,), **changed)


def a_whale(**changed: object) -> WhaleRow:
    """Return a standing wall."""
    whale = WhaleRow(
        signal_id=1,
        ts_ns=START_NS - 190_000_000_000,
        instrument_id=BTC,
        type="wall",
        side="bid",
        price_low_ticks=641_500,
        price_high_ticks=641_500,
        price_decimals=1,
        notional_usd=1_930_000.0,
        confidence=0.84,
        status="open",
        end="",
    )
    return replace(whale, **changed)


def a_whales(ts_ns: int = START_NS) -> WhalesView:
    """Return whales of several kinds."""
    return WhalesView(
        (
            a_whale(ts_ns=ts_ns - 4_000_000_000),
            a_whale(
                type="ladder",
                side="ask",
                price_low_ticks=643_000,
                price_high_ticks=643_400,
                notional_usd=640_000.0,
                confidence=0.71,
                ts_ns=ts_ns - 27_000_000_000,
            ),
            a_whale(
                type="spoof",
                price_low_ticks=641_800,
                price_high_ticks=641_800,
                notional_usd=410_200.0,
                confidence=0.66,
                status="closed",
                end="pulled",
            ),
            a_whale(
                instrument_id=ETH,
                type="sweep",
                side="sell",
                price_low_ticks=312_040,
                price_high_ticks=312_040,
                price_decimals=2,
                notional_usd=220_000.0,
                confidence=0.93,
                status="closed",
                end="filled",
            ),
        ),
        25_000.0,
        "",
    )


def a_notice(**changed: object) -> Notice:
    """Return one line of the log."""
    return replace(
        Notice(START_NS, "info", "engine", "paper account of 100,000 is open"), **changed
    )


def a_log() -> LogView:
    """Return a few lines, newest first."""
    return LogView(
        (
            a_notice(text="WALL bid 64,150.0 $1.93M confidence .84", source="whales"),
            a_notice(
                ts_ns=START_NS - 13_000_000_000,
                level="warning",
                source="simulated",
                text="BTC-PERP: book gap, expected 88,121, got 88,125; new snapshot after 1.4 s",
            ),
            a_notice(ts_ns=START_NS - 20_000_000_000, count=3, text="ping answered late"),
            a_notice(
                ts_ns=START_NS - 40_000_000_000,
                level="error",
                source="store",
                text="recording: disk is 98 % full",
            ),
            a_notice(ts_ns=START_NS - 60_000_000_000),
        )
    )


def a_position(**changed: object) -> PositionRow:
    """Return a long position by hand."""
    row = PositionRow(
        BTC, "BTC-PERP", "hand", "long", "0.5", "64010", "64209.8", "99.9", "9.3", is_protected=True
    )
    return replace(row, **changed)


def some_positions(**changed: object) -> PositionsView:
    """Return two positions and an account."""
    short = a_position(
        instrument_id=ETH,
        name="ETH-PERP",
        owner="momentum",
        side="short",
        size="4",
        entry="3121.2",
        mark="3120.4",
        open_profit="3.2",
        realised="0",
        is_protected=False,
    )
    view = PositionsView(
        (a_position(), short), "USD", "100412.55", "112.4", "9.3", "-4.11", "-0.68"
    )
    return replace(view, **changed)


def an_order(**changed: object) -> OrderRow:
    """Return a working bid by hand."""
    row = OrderRow(
        client_order_id="c1",
        short_id="o1",
        instrument_id=BTC,
        name="BTC-PERP",
        owner="hand",
        side="buy",
        type="limit",
        size="0.5",
        filled="0",
        price="64208.5",
        trigger="",
        price_units=642_085,
        flags="PO",
        state="open",
        reason="",
        created_ns=START_NS - 41_000_000_000,
    )
    return replace(row, **changed)


def a_stop(**changed: object) -> OrderRow:
    """Return the protective stop of the position."""
    return replace(
        an_order(
            client_order_id="c3",
            short_id="o3",
            side="sell",
            type="stop",
            price="",
            trigger="63000",
            price_units=None,
            flags="RO",
        ),
        **changed,
    )


def some_orders(**changed: object) -> OrdersView:
    """Return three working orders, one that ended and a fill."""
    ask = an_order(
        client_order_id="c2",
        short_id="o2",
        side="sell",
        price="64212",
        price_units=642_120,
        flags="RO",
    )
    ended = an_order(client_order_id="c0", short_id="o0", state="rejected", reason="would cross")
    fill = FillRow(
        START_NS - 2_000_000_000,
        "o7",
        "BTC-PERP",
        "hand",
        "buy",
        "0.25",
        "64209.5",
        "maker",
        "2.41",
    )
    return replace(OrdersView((an_order(), ask, a_stop()), (ended,), (fill,)), **changed)


def a_strategy(**changed: object) -> StrategyRow:
    """Return a strategy that waits for history."""
    row = StrategyRow(
        "momentum",
        BTC,
        300,
        "active",
        120,
        200,
        (("momentum", "0.0003", "0.0005", False), ("volume", "1.8", "1.5", True)),
        (("candles", 120), ("signals", 3), ("gate", 2), ("sent", 2), ("filled", 1)),
        "momentum 0.0003 is below 0.0005",
    )
    return replace(row, **changed)


def a_risk(**changed: object) -> RiskView:
    """Return an armed desk with limits in use and one strategy."""
    view = RiskView(
        trading_state="ACTIVE",
        trading_reason="",
        armed_until_ns=START_NS + 761_000_000_000,
        is_latched=False,
        kill_report=(),
        is_persisted=False,
        is_journal_ok=True,
        limits=(
            LimitRow("order notional", "32,105", "50,000", 0.64, ""),
            LimitRow("daily loss", "1,200", "1,500", 0.8, ""),
            LimitRow("price band", "", "", None, "no reference price"),
        ),
        strategies=(a_strategy(),),
    )
    return replace(view, **changed)


def a_killed_risk(**changed: object) -> RiskView:
    """Return a desk after a kill."""
    killed = a_risk(
        trading_state="KILLED",
        trading_reason="by hand",
        armed_until_ns=None,
        is_latched=True,
        kill_report=("simulated: cancelled 2/2, kept 1 stop, VERIFIED",),
        is_persisted=True,
    )
    return replace(killed, **changed)
