"""Stale data looks stale; a silent or vanished engine is loud."""

from msgspec.structs import replace

from cockpit.panes.palette import DARK
from cockpit.panes.pane import LineWidget
from tests.fakes.port import START_NS
from tests.ui.scenes import a_feed, a_status, a_status_down
from tests.ui.stage import M, S, stage

GOOD_PRICE = "64210.0"


async def test_a_stale_book_says_its_age_and_marks_its_prices():
    async with stage(S) as at:
        book = at.market.book(at.watch)
        await at.feed(book=replace(book, freshness="stale", age_ns=6_200_000_000))

        rows = at.pane("book").splitlines()
        assert "stale 6.2s" in rows[0]
        assert "~64210.0" in at.pane("book")
        assert DARK.bid not in styles_of(at, "book")


async def test_a_slow_book_is_marked_but_keeps_its_numbers():
    async with stage(S) as at:
        book = at.market.book(at.watch)
        await at.feed(book=replace(book, freshness="slow", age_ns=2_400_000_000))

        assert "slow 2.4s" in at.pane("book")
        assert "~" not in at.pane("book")


async def test_an_age_grows_between_views():
    async with stage(S) as at:
        book = at.market.book(at.watch)
        await at.feed(book=replace(book, freshness="stale", age_ns=6_200_000_000))

        await at.beat(0.8)
        await at.beat(0.9)

        assert "stale 7.9s" in at.pane("book")


async def test_an_invalid_book_shows_its_note_instead_of_numbers():
    async with stage(S) as at:
        await at.feed()
        book = at.market.book(at.watch)
        invalid = replace(
            book,
            state="invalid",
            note="sequence gap, snapshot under way",
            state_since_ns=START_NS - 1_400_000_000,
        )
        await at.feed(book=invalid)

        shown = " ".join(at.pane("book").replace("│", " ").split())
        assert "sequence gap, snapshot under way" in shown
        assert "invalid 1.4s" in shown
        assert "642" not in shown


async def test_a_waiting_book_says_what_it_waits_for():
    async with stage(S) as at:
        book = at.market.book(at.watch)
        waiting = replace(book, state="waiting", note="", bids=(), asks=())
        await at.feed(book=waiting)

        assert "book: waiting for a snapshot" in at.pane("book")


async def test_a_recording_that_stopped_is_said_for_as_long_as_it_lasts():
    async with stage(S) as at:
        await at.feed(status=a_status(recording="recording stopped: the disk is full"))
        assert "recording broken" in at.text().splitlines()[0]

        await at.feed()

        assert "recording broken" not in at.text()


async def test_a_silent_engine_turns_the_status_row_red_and_every_pane_stale():
    async with stage(M) as at:
        await at.feed()
        assert "ENGINE LOST" not in at.text()

        await at.wait(1.2)

        assert "ENGINE LOST 1.2s" in at.text().splitlines()[0]
        assert styles_of(at, "status") == {DARK.alarm}
        assert "~64210.0" in at.pane("book")
        for pane in ("book", "chart", "tape", "whales", "positions", "orders"):
            assert "stale 1.2s" in at.pane(pane).splitlines()[0], pane
        assert "stale" in at.pane("header")
        assert "~64,2" in at.pane("header")


async def test_an_engine_that_speaks_again_is_no_longer_lost():
    async with stage(S) as at:
        await at.feed()
        await at.wait(2.0)
        await at.feed()

        assert "ENGINE LOST" not in at.text()
        assert "stale" not in at.pane("book")


async def test_heartbeats_alone_keep_the_engine_present():
    async with stage(S) as at:
        await at.feed()
        for _ in range(5):
            await at.beat(0.9)

        assert "ENGINE LOST" not in at.text()


async def test_an_engine_that_is_gone_says_what_to_do_and_q_leaves():
    async with stage(S) as at:
        await at.feed()
        at.port.hang_up()
        await at.drawn()

        text = at.text()
        assert "ENGINE GONE" in text.splitlines()[0]
        assert "press q" in text
        assert "stale" in at.pane("book")

        await at.press("q")
    assert at.app.return_value == "lost"


async def test_a_feed_that_is_down_offers_the_simulated_market_but_never_takes_it():
    async with stage(S, mode="paper", venue="binance_futures") as at:
        await at.feed(status=a_status_down())
        text = at.text()
        await at.press("S")
        asked = at.text()
        await at.press("escape")

        assert "✕ binance_futures is down: connection re" in text
        assert "· next try in 3s" in text
        assert "S simulated market" in text
        assert "✕ binance_futures down 3s" in text.splitlines()[0]
        assert "Simulated market?" in asked
        assert at.app.is_running


async def test_the_countdown_to_the_next_try_goes_on_between_views():
    async with stage(S, mode="paper") as at:
        await at.feed(status=a_status_down())
        await at.beat(0.9)
        await at.beat(0.9)

        assert "next try in 2s" in at.text()


async def test_the_offer_is_taken_with_enter():
    async with stage(S, mode="paper", venue="binance_futures") as at:
        await at.feed(status=a_status_down())
        await at.press("S")
        await at.settle()
        await at.press("enter")
    assert at.app.return_value == "simulated"


async def test_nothing_is_offered_while_all_is_well_or_simulated():
    async with stage(S) as at:
        await at.feed()
        await at.press("S")
        assert "Simulated market?" not in at.text()

        down = a_feed(state="down", reason="closed")
        await at.feed(status=a_status(feeds=(down,)))
        await at.press("S")
        assert "Simulated market?" not in at.text()
        assert "S simulated market" not in at.text()


async def test_each_feed_state_has_its_shape_and_word():
    async with stage((160, 40)) as at:
        feeds = tuple(
            a_feed(name=f"f{i}", state=state, age_ns=1_400_000_000)
            for i, state in enumerate(("ok", "slow", "stale", "resync", "connecting", "down"))
        )
        await at.feed(status=a_status(feeds=feeds))

        row = at.text().splitlines()[0]
        for words in ("● f0", "◐ f1 slow 1.4s", "○ f2 stale 1.4s", "↻ f3 resync", "✕ f5 down"):
            assert words in row


async def test_a_pane_that_cannot_be_drawn_does_not_take_the_others_down():
    async with stage(M) as at:
        await at.feed()
        broken = replace(at.market.book(at.watch), group_ticks=0)

        await at.feed(book=broken)

        assert "this pane could not be drawn" in at.pane("book")
        assert "2 CHART 1m" in at.text()
        await at.feed()
        assert "64210.0" in at.pane("book")


def styles_of(at, pane: str) -> set:
    """Return the styles that a pane uses."""
    widget = at.trade.query_one(f"#{pane}", LineWidget)
    return {style for row in widget.rows for _, style in row}
