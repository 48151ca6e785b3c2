"""Views as an engine would send them, in good and odd states."""

from msgspec.structs import replace

from cockpit.panes.rows import Row
from engine.model.instrument import InstrumentId
from engine.model.signals import Notice
from engine.model.view import (
    BookHealth,
    FeedView,
    FillRow,
    HealthView,
    InstrumentRow,
    LimitRow,
    LogView,
    OrderRow,
    OrdersView,
    PositionRow,
    PositionsView,
    RiskView,
    StatusView,
    StrategyRow,
    WatchRow,
    WatchView,
    WhaleRow,
    WhalesView,
)
from tests.fakes.port import START_NS

BTC = InstrumentId("simulated:BTC-PERP")
ETH = InstrumentId("simulated:ETH-PERP")
SOL = InstrumentId("simulated:SOL-PERP")


def row_text(row: Row) -> str:
    """Return what a row says, without its styles."""
    return "".join(text for text, _ in row)


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
        BTC,
        "BTC-PERP",
        "hand",
        "long",
        "0.5",
        "64010",
        "64209.8",
        "99.9",
        "9.3",
        is_protected=True,
        value="32104.90",
        margin="6401.00",
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
        value="12481.60",
        margin=None,
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
        distance_bps=-0.2,
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
            tag="sl",
            distance_bps=-188.4,
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
        distance_bps=0.3,
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
            LimitRow("order_notional_max", "32105.00", "50000", 0.64, ""),
            LimitRow("daily_loss_max", "1200", "1500.0", 0.8, ""),
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
