"""Missed trades are asked for page by page, from either end; what is not had is told."""

import pytest

from engine.model.effects import RequestTrades
from engine.model.errors import VenueUnreachable
from engine.model.instrument import InstrumentId
from engine.model.market import TradesFetched, TradesMissed
from engine.runtime.missed_trades import PAGES_MAX, TRIES, left_after
from engine.runtime.transport import HttpAnswer
from engine.runtime.virtual_loop import run
from engine.venues.base import TradeSpan
from tests.fakes.feed_host import OK, REST, Host, a_venue, lively
from tests.fakes.transport import FakeTransport

Pages = dict[str, tuple[int, ...]]


def asked_for(
    pages: Pages, symbol: str = "A", before: int = 9, venue: FakeTransport | None = None
) -> Host:
    """Let a feed fetch the trades after 3; return its host."""

    async def scenario() -> Host:
        host = Host(venue or a_venue(lively))
        host.transport.answers.setdefault("trades", [OK])
        host.wire.pages = pages
        await host.feed.start(["A", "B"])
        request = RequestTrades(InstrumentId(f"fake:{symbol}"), "trade", 3, before, 7)
        host.feed.serve(request)
        await host.ports.clock.sleep(60)
        await host.feed.close()
        return host

    return run(scenario)


def ids(host: Host) -> list[list[int]]:
    """Return the ids of each page."""
    return [[trade.trade_id for trade in one.trades] for one in host.of(TradesFetched, REST)]


def is_whole(host: Host) -> bool:
    return any(one.is_whole for one in host.of(TradesFetched, REST))


@pytest.mark.parametrize(
    ("span", "page", "left"),
    [
        ((3, 9), [4, 5], (5, 9)),
        ((3, 9), [4, 8], None),
        ((3, 9), [2, 20], None),
        ((3, 9), [7, 8], (3, 7)),
        ((3, 9), [2, 3], (3, 9)),
        ((3, 9), [], (3, 9)),
        ((3, 9), [12, 13], (3, 9)),
        ((3, 0), [], None),
        ((3, 0), [4, 8], (8, 0)),
        ((3, 0), [2, 3], None),
        ((3, 0), [7, 8], (3, 7)),
    ],
)
def test_what_a_page_leaves(span, page, left):
    assert left_after(TradeSpan(*span), page) == (left and TradeSpan(*left))


def test_pages_from_the_old_end_are_followed_to_the_new_one():
    host = asked_for({"3-9": (4, 5), "5-9": (6, 7), "7-9": (8, 9)})

    assert ids(host) == [[4, 5], [6, 7], [8, 9], []]
    assert is_whole(host)
    assert {one.number for one in host.of(TradesFetched, REST)} == {7}
    assert host.of(TradesMissed, REST) == []


def test_pages_from_the_new_end_are_followed_to_the_old_one():
    host = asked_for({"3-9": (7, 8), "3-7": (2, 3, 6)})

    assert ids(host) == [[7, 8], [2, 3, 6], []]
    assert is_whole(host)


def test_what_the_venue_does_not_give_stays_missing_and_its_candles_are_asked_for():
    host = asked_for({"3-9": (7, 8), "3-7": ()})

    assert host.of(TradesMissed, REST) == [
        TradesMissed(InstrumentId("fake:A"), 7, "the venue does not give them")
    ]
    assert not is_whole(host)
    assert [url for _, url in host.transport.gets].count("https://venue.test/candles/A") == 2


def test_a_venue_without_such_a_request_makes_a_gap():
    (missed,) = asked_for({}, symbol="B").of(TradesMissed, REST)

    assert missed.reason == "the venue has no request for them"


def test_a_page_is_asked_for_again_before_it_is_given_up():
    venue = a_venue(lively)
    lost = VenueUnreachable("venue.test: connection refused")
    venue.answers["trades"] = [lost, HttpAnswer(503, {}, b""), OK]
    assert is_whole(asked_for({"3-9": (4, 8)}, venue=venue))

    venue = a_venue(lively)
    venue.answers["trades"] = [lost]
    host = asked_for({}, venue=venue)
    assert host.of(TradesMissed, REST)[0].reason == "venue.test: connection refused"
    assert sum("trades" in url for _, url in venue.gets) == TRIES


def test_a_span_without_end_is_bounded():
    pages: Pages = {f"{n}-0": (n + 1,) for n in range(3, 100)}

    host = asked_for(pages, before=0)

    assert len(ids(host)) == PAGES_MAX
    assert len(host.of(TradesMissed, REST)) == 1
