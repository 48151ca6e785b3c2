"""The large layout: watch list, health, and what the rows and panes say with more room."""

from msgspec.structs import replace

from engine.model.view import BookHealth, WatchView
from tests.ui.scenes import (
    BTC,
    ETH,
    a_feed,
    a_health,
    a_risk,
    a_status,
    a_watch,
    a_watched,
    an_order,
    some_orders,
)
from tests.ui.stage import L, M, stage

S_NS = 1_000_000_000


async def test_the_large_layout_shows_every_pane_at_once():
    async with stage(L) as at:
        await at.feed()

        titles = ("1 BOOK", "2 CHART", "3 TAPE", "4 WHALES", "5 POSITIONS")
        more = ("6 ORDERS", "7 LOG", "8 WATCH", "9 RISK", "0 HEALTH")
        for title in (*titles, *more):
            assert title in at.text()
        assert {"watch", "health"} <= set(at.watch.panes)


async def test_the_smaller_layouts_ask_for_watch_list_and_health_only_when_looked_at():
    async with stage(M) as at:
        before = at.watch.panes
        await at.press("8")

        assert "watch" not in before
        assert "watch" in at.watch.panes


# Watch list.


async def test_each_instrument_has_last_change_spread_and_state():
    async with stage(L) as at:
        await at.feed(watch=a_watch())

        head, btc, eth, sol = at.pane("watch").splitlines()[1:5]
        assert head.split() == ["│", "SYM", "LAST", "24h", "SPRD", "│"]
        assert btc.split() == ["│", "BTC-PERP", "64,210.5", "+2.1%", "0.5", "●p│"]
        assert eth.split() == ["│", "ETH-PERP", "3,120.40", "-0.3%", "2.4s", "◐", "│"]
        assert sol.split() == ["│", "SOL-PERP", "182.110", "–", "wait", "↻", "│"]


async def test_long_names_are_written_out_and_take_the_room_of_the_spread():
    row = a_watched(name="BTC-USDT-SWAP")
    async with stage(L) as at:
        await at.feed(watch=WatchView((row,)))

        line = at.pane("watch").splitlines()[2]
        assert line.split() == ["│", "BTC-USDT-SWAP", "64,210.5", "+2.1%", "●p", "│"]


async def test_an_instrument_that_never_traded_shows_no_numbers():
    row = a_watched(last_ticks=None, last_freshness="none", freshness="none", age_ns=None)
    async with stage(L) as at:
        await at.feed(watch=WatchView((row,)))

        assert at.pane("watch").splitlines()[2].split()[2:6] == ["–", "–", "–", "–p│"]


async def test_prices_of_a_silent_engine_are_marked_and_grow_old():
    async with stage(L) as at:
        await at.feed(watch=a_watch())
        await at.wait(7.0)

        assert "~64,210.5" in at.pane("watch")
        assert "○p" in at.pane("watch")
        assert "●" not in at.pane("watch")


async def test_enter_looks_at_the_instrument_under_the_cursor():
    async with stage(L) as at:
        await at.feed(watch=a_watch())
        await at.press("8", "j")
        assert "▸ETH-PERP" in at.pane("watch")

        await at.press("enter")

        assert at.watch.instrument_id == ETH


async def test_enter_elsewhere_looks_at_nothing_else():
    async with stage(L) as at:
        await at.feed(watch=a_watch())
        await at.press("1", "enter")

        assert at.watch.instrument_id in ("", BTC)


async def test_an_empty_watch_list_names_the_command_that_fills_it():
    async with stage(L) as at:
        await at.feed(watch=WatchView(()))

        assert "sub SYMBOL" in at.pane("watch")


async def test_the_watch_list_is_sorted_by_a_column_and_turned():
    async with stage(L) as at:
        await at.feed(watch=a_watch())
        await at.press("8")
        seen = []
        for key in ("O", "o", "O", "o", "o", "o", "o"):
            await at.press(key)
            title, _, *rows = at.pane("watch").splitlines()[:5]
            names = "".join(row.strip("│ ▸")[0] for row in rows)
            seen.append((title.partition("sort ")[2].partition(" ")[0], names))

        assert seen == [
            ("list▼", "SEB"),
            ("24h▼", "BES"),
            ("24h▲", "EBS"),
            ("SYM▲", "BES"),
            ("LAST▼", "BES"),
            ("SPRD▼", "BES"),
            ("", "BES"),
        ]


async def test_enter_looks_at_what_the_sorted_list_shows_under_the_cursor():
    async with stage(L) as at:
        await at.feed(watch=a_watch())
        await at.press("8", "O", "j", "j", "k", "enter")

        assert at.watch.instrument_id == ETH


# Health.


async def test_a_part_that_stays_down_is_shown():
    async with stage(L) as at:
        await at.feed(health=a_health(parts_down=(("latch watch", "KeyError"),)))

        assert "0 HEALTH ! 1" in at.pane("health")
        assert "! down     latch watch: KeyError" in at.pane("health")


async def test_health_names_each_feed_and_part_of_the_engine():
    async with stage(L) as at:
        await at.feed()

        rows = [line.strip("│ ") for line in at.pane("health").splitlines()[1:-1]]
        assert rows[:2] == [
            "FEED               AGE  RE    LAG",
            "● simulated         12ms  2×   38ms",
        ]
        assert rows[2:10] == [
            "● books    2 of 2 live",
            "● inbox    3 waiting",
            "● loop     310ms 10m00s ago (1×)",
            "● journal  ok",
            "● recorder ok",
            "● trading  active",
            "● screens  1, orders: operator:1",
            "● clock    venue +8 ms",
        ]
        assert "0 HEALTH all well" in at.pane("health")


async def test_what_is_not_well_is_counted_and_marked():
    down = a_feed(state="down", age_ns=None, retry_in_ns=3 * S_NS, reason="refused")
    view = a_health(
        feeds=(down,),
        books=(BookHealth("BTC-PERP", "invalid", "fresh", 0),),
        is_journal_ok=False,
        is_latched=True,
        recording="no room",
        screens=(),
        holder="",
        loop_stalls=0,
        clock_offset_ns=None,
        alarms=("BTC-PERP: no stop",),
    )
    async with stage(L) as at:
        await at.feed(health=view)

        text = at.pane("health")
        assert "0 HEALTH ! 7" in text
        for words in (
            "✕ simulated",
            "in 3s",
            "! books    0 of 1 live",
            "! journal  NOT WRITTEN",
            "! recorder no room",
            "! trading  KILLED, not on disk",
            "● screens  0, orders: nobody",
            "● loop     never stood still",
            "BTC-PERP: no stop",
        ):
            assert words in text


async def test_health_of_a_silent_engine_is_not_current():
    async with stage(L) as at:
        await at.feed()
        before = at.trade.query_one("#health").rows  # type: ignore[attr-defined]  # it is a pane
        await at.wait(7.0)

        assert at.trade.query_one("#health").rows != before  # type: ignore[attr-defined]  # it is a pane


# Rows and panes with more room.


async def test_the_status_row_tells_of_inbox_journal_and_recorder():
    async with stage(L) as at:
        await at.feed()
        well = at.text().splitlines()[0]
        await at.feed(
            status=replace(a_status(), recording="no room", inbox_depth=4_000),
            risk=a_risk(is_journal_ok=False),
        )
        bad = at.text().splitlines()[0]
        await at.feed(status=a_status(is_recording=False))
        off = at.text().splitlines()[0]

        assert "q 0 │ journal ● rec ● │" in well
        assert "recording broken" in bad
        assert "q 4,000 │ journal ✕ rec ✕ │" in bad
        assert "rec – │" in off


async def test_a_clock_that_is_off_is_shown_from_a_tenth_of_a_second_on():
    async with stage(M) as at:
        shown = []
        for ms in (99, 100, -250, 1_000):
            await at.feed(status=a_status(clock_offset_ns=ms * 1_000_000))
            shown.append(at.text().splitlines()[0])

        assert "skew" not in shown[0].lower()
        assert "skew +100ms" in shown[1]
        assert "SKEW -250ms" in shown[2]
        assert "SKEW +1,000ms" in shown[3]


async def test_strategies_stand_beside_the_limits():
    async with stage(L) as at:
        await at.feed()

        line = at.pane("risk").splitlines()[2]
        assert "order notional" in line
        assert "◆ momentum" in line


async def test_orders_have_their_names_in_full():
    async with stage(L) as at:
        await at.feed()

        assert "o1  BTC-PERP  simul BUY" in at.pane("orders")


async def test_orders_have_a_column_for_everything_and_the_state_of_what_does_not_rest():
    gone = an_order(short_id="o4", state="cancelling", tag="mine")
    odd = an_order(short_id="o5", state="unknown", owner="grid", distance_bps=None)
    far = an_order(short_id="o6", state="open", distance_bps=None)
    working = (*some_orders().working, gone, odd, far)
    async with stage(L) as at:
        await at.feed(orders=some_orders(working=working))

        head, *rows = [line.strip("│").split() for line in at.pane("orders").splitlines()[1:8]]
        assert head == (
            "# SYM VENUE SIDE SIZE FILL PRICE TRIG DIST FLG TAG AGE".split()  # noqa: SIM905 - a row
        )
        assert rows[0][:4] == ["o1", "BTC-PERP", "simul", "BUY"]
        assert rows[0][4:] == ["0.5", "0", "64,208.5", "–", "-0.2bp", "PO", "hand", "41s"]
        assert rows[2][3:] == "STOP S 0.5 0 mkt 63,000 -1.9% RO sl 41s".split()  # noqa: SIM905 - a row
        assert rows[3][8:11] == ["cancelling", "PO", "mine"]
        assert rows[4][8:11] == ["UNKNOWN", "PO", "grid"]
        assert rows[5][8] == "–"


async def test_why_an_order_ended_is_told_where_there_is_room():
    async with stage(L) as at:
        await at.feed()
        await at.press("6", "o", "o", "z")
        await at.feed()

        assert "WHY" in at.pane("orders")
        assert some_orders().ended[0].reason in at.pane("orders")


async def test_return_on_margin_is_shown_where_the_margin_is_known():
    async with stage(L) as at:
        await at.feed()

        rows = [row.strip("│").split() for row in at.pane("positions").splitlines()[1:4]]
        assert [row[-3:] for row in rows] == [
            ["ROE%", "REAL", "VALUE"],
            ["+1.6%", "+9.30", "32,105"],
            ["–", "+0.00", "12,482"],
        ]
