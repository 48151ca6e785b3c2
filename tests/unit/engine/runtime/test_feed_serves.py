"""What the kernel asks of a feed: instruments that come and go, second quotes; and the clock."""

import asyncio
from collections.abc import Callable, Sequence

from engine.model.effects import RenewBook, RequestQuote, Unwatch, Watch
from engine.model.envelope import Event
from engine.model.errors import VenueUnreachable
from engine.model.instrument import InstrumentId
from engine.model.market import BestQuote, ClockMeasured, FeedDown, SubscriptionRefused
from engine.model.numbers import NS_PER_MS
from engine.runtime.transport import HttpAnswer
from engine.runtime.virtual_loop import run
from tests.fakes.feed_host import OK, REST, START_NS, Host, a_venue, lively, obedient
from tests.fakes.transport import FakeTransport
from tests.fakes.wire import FakeWire

A, B = InstrumentId("fake:A"), InstrumentId("fake:B")


class ManySockets(FakeWire):
    """A wire with a connection for each instrument."""

    def choose(self, symbols: Sequence[str]) -> Sequence[Event]:
        """Name the connections after the instruments."""
        events = super().choose(symbols)
        self._socket_names = tuple(f"of{symbol}" for symbol in symbols)
        return events


def after(
    act: Callable[[Host], None],
    *,
    wire: FakeWire | None = None,
    venue: FakeTransport | None = None,
    symbols: Sequence[str] = ("A",),
) -> Host:
    """Let a feed run, ask something of it, and let it run on."""

    async def scenario() -> Host:
        host = Host(venue or a_venue(obedient), wire or FakeWire(has_streams=True))
        await host.feed.start(symbols)
        await asyncio.sleep(5)
        act(host)
        await asyncio.sleep(5)
        await host.feed.close()
        return host

    return run(scenario)


def test_an_instrument_is_added_on_the_open_connection_with_its_history():
    host = after(lambda host: host.feed.serve(Watch("B")))

    assert [link.sent for link in host.transport.links] == [["+A", "+B"]]
    assert "B" in host.ticks()
    assert [url for _, url in host.transport.gets] == [
        "https://venue.test/info",
        "https://venue.test/candles/A",
        "https://venue.test/candles/B",
    ]


def test_an_instrument_that_is_left_brings_nothing_more():
    host = after(lambda host: host.feed.serve(Unwatch(B)), symbols=("A", "B"))

    assert [link.sent for link in host.transport.links] == [["+A", "+B", "-B"]]
    assert host.times(BestQuote)[-1] >= 9
    assert host.ticks().count("A") - host.ticks().count("B") >= 4


def test_an_instrument_can_come_back():
    def act(host: Host) -> None:
        host.feed.serve(Unwatch(B))
        host.feed.serve(Watch("B"))
        host.feed.serve(Watch("B"))

    host = after(act, symbols=("A", "B"))

    assert host.transport.links[0].sent == ["+A", "+B", "-B", "+B"]
    assert host.ticks()[-1] == "B"


def test_what_is_added_and_left_survives_a_loss():
    def act(host: Host) -> None:
        host.feed.serve(Watch("B"))
        host.feed.serve(Unwatch(A))
        asyncio.get_running_loop().call_later(2, host.transport.links[0].drop)

    assert after(act).transport.links[-1].sent == ["+B"]


def test_an_instrument_that_the_venue_does_not_have_is_refused_with_its_sentence():
    host = after(lambda host: host.feed.serve(Watch("Z")))

    assert host.of(SubscriptionRefused, REST) == [
        SubscriptionRefused("Z", "fake lists no instrument 'Z'")
    ]
    assert [link.sent for link in host.transport.links] == [["+A"]]


def test_connections_that_are_needed_no_more_end_and_new_ones_begin():
    def act(host: Host) -> None:
        host.feed.serve(Watch("B"))
        host.feed.serve(Unwatch(A))

    host = after(act, wire=ManySockets(has_streams=True))

    first, second = host.transport.links
    assert (first.url, first.is_closed) == ("wss://venue.test/ofA", True)
    assert (second.url, second.sent) == ("wss://venue.test/ofB", ["+B"])
    (ended,) = host.of(FeedDown, "feed:fake/ofA")
    assert (ended.reason, ended.retry_at_ns) == ("not needed any more", 0)


def test_a_second_quote_is_asked_for_where_the_venue_has_one():
    venue = a_venue(obedient)
    venue.answers["quote"] = [OK]

    def act(host: Host) -> None:
        host.feed.serve(RequestQuote(A))
        host.feed.serve(RequestQuote(B))

    host = after(act, venue=venue, symbols=("A", "B"))

    assert [tick.instrument_id for tick in host.of(BestQuote, REST)][-1] == "quote"
    assert sum("quote" in url for _, url in venue.gets) == 1


def test_a_second_quote_that_fails_costs_nothing():
    host = after(lambda host: host.feed.serve(RequestQuote(A)))

    assert host.of(FeedDown) == []


def test_a_closed_feed_serves_nothing():
    async def scenario() -> Host:
        host = Host(a_venue(lively))
        await host.feed.start(["A"])
        await host.feed.close()
        for request in (Watch("B"), Unwatch(A), RequestQuote(A), RenewBook(A)):
            host.feed.serve(request)
        await asyncio.sleep(5)
        return host

    assert len(run(scenario).transport.links) <= 1


# The clock


class Watchmaker(FakeTransport):
    """A venue whose clock is ahead, and whose answers take these times, one after the other."""

    def __init__(self, ahead_ms: int, took_s: Sequence[float]) -> None:
        super().__init__(lively)
        self.answers = {"info": [OK], "candles": [OK], "depth": [OK]}
        self._ahead_ms = ahead_ms
        self._took_s = list(took_s)
        self.statuses: list[int] = []

    async def get(self, url: str) -> HttpAnswer:
        """Say the time when half of the way is done."""
        if not url.endswith("/time"):
            return await super().get(url)
        loop = asyncio.get_running_loop()
        self.gets.append((loop.time(), url))
        took_s = self._took_s[(len(self.times_s()) - 1) % len(self._took_s)]
        await asyncio.sleep(took_s / 2)
        ms = round(START_NS / NS_PER_MS + loop.time() * 1_000) + self._ahead_ms
        await asyncio.sleep(took_s / 2)
        return HttpAnswer(self.statuses.pop(0) if self.statuses else 200, {}, str(ms).encode())

    def times_s(self) -> list[float]:
        """Return when the time was asked for."""
        return [at for at, url in self.gets if url.endswith("/time")]


def measured(venue: FakeTransport, seconds: float = 59) -> list[ClockMeasured]:
    async def scenario() -> Host:
        wire = FakeWire()
        wire.has_time = True
        host = Host(venue, wire)
        await host.feed.start(["A"])
        await asyncio.sleep(seconds)
        await host.feed.close()
        return host

    return run(scenario).of(ClockMeasured, REST)


def test_the_fastest_of_five_answers_tells_how_far_the_clock_is():
    venue = Watchmaker(400, [0.9, 0.5, 0.02, 0.3, 0.7])

    (found,) = measured(venue)

    assert len(venue.times_s()) == 5
    assert (found.venue, found.round_trip_ns) == ("fake", 20 * NS_PER_MS)
    assert abs(found.offset_ns - 400 * NS_PER_MS) <= 2 * NS_PER_MS


def test_the_clock_is_measured_every_minute():
    assert len(measured(Watchmaker(0, [0.01]), 310)) == 6


def test_a_measurement_that_fails_is_told_nobody_and_tried_again():
    venue = Watchmaker(0, [0.01])
    venue.statuses = [404]

    assert len(measured(venue, 130)) == 2


def test_a_venue_that_does_not_answer_has_no_clock():
    venue = a_venue(lively)
    venue.answers["time"] = [VenueUnreachable("venue.test: connection refused")]

    assert measured(venue, 130) == []
