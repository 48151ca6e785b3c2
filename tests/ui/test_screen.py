"""The main screen: what is visible at which size, and what the keys do."""

import pytest
from msgspec.structs import replace

from cockpit.keymap import KEYS
from cockpit.panes.pane import LineWidget
from engine.port import Welcome
from tests.fakes.port import EPOCH, START_NS
from tests.ui.scenes import BTC, ETH, a_log, a_status, a_whales
from tests.ui.stage import M, S, stage

FRAMED = (
    *("book", "chart", "tape", "whales", "positions"),
    *("orders", "log", "watch", "risk", "health"),
)
MEDIUM = FRAMED[:6]


async def test_the_small_layout_shows_the_book_and_one_more():
    async with stage(S) as at:
        await at.feed()

        text = at.text()
        assert "▸1 BOOK" in text
        assert "2 CHART 1m" in text
        assert "3 TAPE" not in text
        assert text.splitlines()[0].startswith("[SIM] ARMED 12:41 BTC-PERP@simulated │ ● simulated")
        assert "1,204/s │ 14:02:11 UTC" in text
        assert "mark 64,209.8  idx 64,205.1  fund +0.0031% in 41:40" in text
        assert text.splitlines()[-1].startswith(" F12 KILL │ : cmd")
        assert ": to type a command" in text
        assert "BTC-PERP  hand     LONG" in text


async def test_the_medium_layout_shows_every_pane():
    async with stage(M) as at:
        await at.feed()

        text = at.text()
        for title in ("1 BOOK", "2 CHART", "3 TAPE", "4 WHALES", "5 POSITIONS", "6 ORDERS"):
            assert title in text
        assert "WALL" in text
        assert "momentum SHORT" in text
        assert "STOP S" in text


@pytest.mark.parametrize("size", [(60, 16), (79, 23), (120, 24), (90, 50), (200, 60), (300, 100)])
async def test_every_allowed_size_shows_book_status_and_hints(size: tuple[int, int]):
    async with stage(size) as at:
        await at.feed()

        rows = at.text().splitlines()
        assert len(rows) == size[1]
        assert all(len(row) == size[0] for row in rows)
        assert rows[0].startswith("[SIM]")
        assert "UTC" in rows[0]
        assert "q quit" in rows[-1]
        assert "1 BOOK" in at.text()


async def test_a_terminal_made_too_small_says_so_and_recovers():
    async with stage(S) as at:
        await at.feed()

        await at.pilot.resize_terminal(50, 12)
        await at.drawn()
        small = at.text()
        await at.pilot.resize_terminal(*S)
        await at.feed()

        assert "terminal too small: 50x12, needs 60x16" in small
        assert "BOOK" not in small
        assert "1 BOOK" in at.text()


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("3", "3 TAPE"),
        ("4", "4 WHALES"),
        ("6", "6 ORDERS"),
        ("7", "7 LOG"),
        ("8", "8 WATCH"),
        ("0", "0 HEALTH"),
        ("9", "9 RISK"),
        ("2", "2 CHART"),
    ],
)
async def test_a_number_brings_its_pane_to_the_front(key: str, title: str):
    async with stage(S) as at:
        await at.press(key)
        await at.feed()

        assert f"▸{title}" in at.text()
        assert "1 BOOK" in at.text()


async def test_a_pane_that_was_away_does_not_come_back_with_old_numbers():
    async with stage(S) as at:
        await at.press("3")
        await at.feed()
        assert "▼S" in at.pane("tape")

        await at.press("2")
        await at.press("3")

        assert "▼S" not in at.pane("tape")


async def test_tab_goes_round_all_panes():
    async with stage(S) as at:
        seen = []
        for _ in FRAMED:
            await at.press("tab")
            seen.append(at.trade.focused.id)  # type: ignore[union-attr]  # something has it
        await at.press("shift+tab")

        assert seen == [*FRAMED[1:], "book"]
        assert at.trade.focused.id == "health"  # type: ignore[union-attr]  # something has it


async def test_zoom_fills_the_body_and_goes_back():
    async with stage(M) as at:
        await at.press("2", "z")
        await at.feed()
        zoomed = at.text()
        await at.press("escape")
        await at.feed()

        assert "2 CHART" in zoomed
        assert "1 BOOK" not in zoomed
        assert zoomed.splitlines()[0].startswith("[SIM]")
        assert "q quit" in zoomed.splitlines()[-1]
        assert "1 BOOK" in at.text()


async def test_the_timeframe_keys_ask_for_other_candles():
    async with stage(S) as at:
        await at.feed()

        await at.press("right_square_bracket")
        waiting = at.pane("chart")
        await at.feed()

        assert at.watch.timeframe_s == 300
        assert "waiting" in waiting
        assert "2 CHART 5m" in at.text()
        await at.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        assert at.watch.timeframe_s == 1
        await at.press("left_square_bracket")
        assert at.watch.timeframe_s == 1


async def test_the_grouping_keys_go_through_the_steps():
    async with stage(S) as at:
        await at.feed()

        steps = []
        for _ in range(7):
            await at.press("plus")
            steps.append(at.watch.book_group)
        await at.press("minus")
        await at.feed()

        assert steps == [2, 5, 10, 25, 50, 100, 100]
        assert at.watch.book_group == 50
        assert "grp 25 x50" in at.text()


async def test_a_sparse_book_gets_taller_rows_once():
    async with stage(S) as at:
        book = at.market.book(at.watch)
        sparse = replace(
            book,
            bids=tuple((642_100 - 100 * i, 500) for i in range(30)),
            asks=tuple((642_200 + 100 * i, 500) for i in range(30)),
            best_bid_ticks=642_100,
            best_ask_ticks=642_200,
        )

        await at.feed(book=sparse)
        assert at.watch.book_group == 10

        await at.press("minus")
        await at.feed(book=sparse)
        assert at.watch.book_group == 5


async def test_recentring_brings_the_market_to_the_middle():
    async with stage(S) as at:
        await at.feed()
        for _ in range(3):
            at.market.mid += 5
        await at.feed()
        before = spread_row(at.pane("book"))

        await at.press("c")

        assert before == 4
        assert spread_row(at.pane("book")) == 7


async def test_the_ladder_follows_a_market_that_runs_away():
    async with stage(S) as at:
        await at.feed()
        at.market.mid += 500
        await at.feed()

        assert spread_row(at.pane("book")) == 7
        assert "64260.5" in at.pane("book")


def spread_row(book: str) -> int:
    rows = book.splitlines()
    return next(y for y, row in enumerate(rows) if "bp ·" in row) - 1


async def test_a_symbol_is_picked_from_the_engines_list():
    async with stage(S) as at:
        await at.feed()

        await at.press("full_stop")
        offered = at.text()
        await at.settle()
        await at.press("down", "enter")

        assert "ETH-PERP" in offered
        assert "3,120.40" in offered
        assert at.watch.instrument_id == ETH
        assert "642" not in at.pane("book")
        assert "waiting" in at.pane("book")
        await at.feed()
        assert at.text().startswith("[SIM] ARMED 12:41 ETH-PERP@simulated")


async def test_a_late_view_of_the_old_symbol_is_not_shown():
    async with stage(S) as at:
        await at.feed()
        old = at.market.book(at.watch)
        at.trade._pick(ETH)

        await at.feed(book=replace(old, instrument_id=BTC))

        assert "waiting" in at.pane("book")


async def test_escape_leaves_the_symbol_as_it_was():
    async with stage(S) as at:
        await at.feed()
        watches = len(at.port.watches)

        await at.press("full_stop", "escape")

        assert len(at.port.watches) == watches


async def test_space_freezes_the_tape_while_trades_go_on():
    async with stage(M) as at:
        await at.feed()
        await at.press("3", "space")
        frozen = at.pane("tape").splitlines()[1:]

        for _ in range(11):
            at.market.step(trades=12)
        await at.feed()
        held = at.pane("tape").splitlines()
        await at.press("space")

        assert "frozen +132" in held[0]
        assert held[1:] == frozen
        assert at.pane("tape").splitlines()[1:] != frozen
        assert "frozen" not in at.pane("tape")


async def test_space_on_the_log_freezes_the_log():
    async with stage(M) as at:
        await at.feed()
        await at.press("7", "space")
        log = a_log()
        newer = replace(log.rows[0], ts_ns=START_NS + 5, text="one more thing")

        await at.feed(log=replace(log, rows=(newer, *log.rows)))
        held = at.pane("log")
        await at.press("space")

        assert "frozen +1" in held
        assert "one more thing" not in held
        assert "one more thing" in at.pane("log")


async def test_help_lists_every_key_of_the_keymap():
    async with stage((120, 110)) as at:
        await at.press("question_mark")

        text = at.text()
        for key in KEYS:
            assert f"{key.shown}  {key.tooltip}" in text, key.id
        await at.press("escape")
        assert "1 BOOK" in at.text()


async def test_the_palette_runs_an_action_by_name():
    async with stage(M) as at:
        await at.feed()
        await at.press("ctrl+p")
        await at.press(*"longer")
        await at.wait(1.0)  # Until the palette has looked for it.
        await at.press("enter")

        assert at.watch.timeframe_s == 300


def test_every_action_has_an_id_words_and_a_tooltip_and_no_key_is_bound_twice():
    ids = [key.id for key in KEYS]
    keys = [name for key in KEYS for name in key.keys.split(",")]

    assert len(set(ids)) == len(ids)
    assert len(set(keys)) == len(keys)
    assert all(key.words and key.tooltip and key.shown for key in KEYS)


async def test_the_screen_asks_for_as_much_as_it_shows():
    async with stage(M) as at:
        watch = at.watch

        assert watch.book_rows == at.trade._plan.boxes["book"].height
        assert watch.chart_candles == at.trade._plan.boxes["chart"].width
        assert set(watch.panes) == {"status", "header", "log", "risk", *MEDIUM}
        assert watch.fps == 10


async def test_views_of_another_engine_run_replace_everything():
    async with stage(S) as at:
        await at.feed()

        welcome = Welcome(1, EPOCH + 1, "run-2", "0.1.0", 1, "sim", "simulated")
        at.port.say(welcome)
        await at.drawn()
        await at.feed()

        assert "waiting" in at.pane("book")


async def test_whales_say_why_their_detectors_are_off():
    async with stage(M) as at:
        off = replace(a_whales(), rows=(), threshold_usd=None, off_reason="quote is EUR")
        await at.feed(whales=off)

        assert "off: quote is EUR" in at.pane("whales")


async def test_replay_shows_its_speed_and_time():
    async with stage(S, mode="replay") as at:
        await at.feed(status=a_status(mode="replay", replay_speed=4.0))
        running = at.text().splitlines()[0]
        await at.feed(status=a_status(mode="replay", replay_ended=True))

        assert running.startswith("[REPLAY x4 10-03 14:02]")
        assert at.text().startswith("[REPLAY ended]")


async def test_a_picture_of_the_screen_is_an_svg():
    async with stage(S) as at:
        await at.feed()

        picture = at.app.picture()

        assert picture.lstrip().startswith("<svg")
        assert "BOOK" in picture


async def test_data_flows_on_behind_a_dialog():
    async with stage(S) as at:
        await at.feed()
        await at.press("q")

        await at.feed(status=a_status(events_per_s=77.0))

        assert "Leave the cockpit" in at.text()
        assert "77.0/s" in at.text()


async def test_without_colour_everything_is_said_by_shape(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage(M) as at:
        await at.feed()

        styles = {
            style
            for widget in at.trade.query(LineWidget)
            for row in widget.rows
            for _, style in row
        }
        assert all(style.color is None and style.bgcolor is None for style in styles)
        assert "▲B" in at.text()


async def test_a_click_focuses_a_pane_at_once():
    async with stage(M) as at:
        await at.feed()
        await at.pilot.click("#tape")
        await at.drawn()

        assert "▸3 TAPE" in at.text()
