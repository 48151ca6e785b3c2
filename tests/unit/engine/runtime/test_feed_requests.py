"""What a feed asks by HTTP: books, history, and nothing while the venue wants to be left alone."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from engine.model.envelope import Event
from engine.model.errors import VenueUnreachable
from engine.model.instrument import InstrumentId
from engine.model.market import BestQuote, FeedDown, FeedUp
from engine.model.numbers import NS_PER_S
from engine.runtime.rate_budget import MarketTurns, RateBudget
from engine.runtime.transport import HttpAnswer
from engine.runtime.virtual_loop import run
from engine.venues.trading import RateLimit
from tests.fakes.feed_host import OK, REST, START_NS, Host, a_venue, lively, watch
from tests.fakes.wire import FakeWire

A = InstrumentId("A")


def test_a_book_is_fetched_and_handed_over() -> None:
    async def scenario() -> Host:
        host = Host(a_venue(lively))
        await host.feed.start(["A"])
        host.feed.request_snapshot(A)
        await asyncio.sleep(1)
        await host.feed.close()
        return host

    host = run(scenario)

    assert "snapshot" in [tick.instrument_id for tick in host.of(BestQuote, REST)]


def test_an_instrument_is_never_asked_twice_at_once() -> None:
    async def scenario() -> list[str]:
        host = Host(a_venue(lively))
        await host.feed.start(["A"])
        await asyncio.sleep(1)
        host.transport.hangs = True
        for _ in range(10):
            host.feed.request_snapshot(A)
            await asyncio.sleep(0.2)
        await host.feed.close()
        return [url for _, url in host.transport.gets if "depth" in url]

    assert run(scenario) == ["https://venue.test/depth/A"]


def test_requests_start_a_tenth_of_a_second_apart() -> None:
    async def scenario() -> list[float]:
        host = Host(a_venue(lively))
        await host.feed.start(["A"])
        for number in range(50):
            host.feed.request_snapshot(InstrumentId(f"I{number}"))
        await asyncio.sleep(60)
        await host.feed.close()
        return [time for time, _ in host.transport.gets]

    times = run(scenario, seed=1)

    assert len(times) == 52
    assert min(b - a for a, b in pairwise(times)) == pytest.approx(0.1)
    assert times[-1] == pytest.approx(5.1)


def test_a_failure_is_forgotten_so_that_it_can_be_asked_again() -> None:
    async def scenario() -> Host:
        host = Host(a_venue(lively))
        host.transport.answers["depth"] = [
            VenueUnreachable("lost"),
            HttpAnswer(400, {}, b""),
            OK,
        ]
        await host.feed.start(["A"])
        for _ in range(3):
            host.feed.request_snapshot(A)
            await asyncio.sleep(1)
        await host.feed.close()
        return host

    host = run(scenario)

    assert len([url for _, url in host.transport.gets if "depth" in url]) == 3
    assert [tick.instrument_id for tick in host.of(BestQuote, REST)].count("snapshot") == 1
    assert host.of(FeedDown) == host.of(FeedDown, REST) == []


def test_a_book_that_came_may_be_asked_for_again_by_whoever_receives_it() -> None:
    class NeverContent(Host):
        def put(self, source: str, events: Sequence[Event]) -> bool:
            for event in events:
                if isinstance(event, BestQuote) and event.instrument_id == "snapshot":
                    self.feed.request_snapshot(A)
            return super().put(source, events)

    async def scenario() -> int:
        host = NeverContent(a_venue(lively))
        await host.feed.start(["A"])
        host.feed.request_snapshot(A)
        await asyncio.sleep(1.05)
        await host.feed.close()
        return len([url for _, url in host.transport.gets if "depth" in url])

    assert run(scenario) == 9


@pytest.mark.parametrize(
    ("answer", "pause_s"),
    [
        (HttpAnswer(429, {"retry-after": "7"}, b""), 7),
        (HttpAnswer(429, {}, b""), 60),
        (HttpAnswer(418, {"retry-after": "soon"}, b""), 120),
        (HttpAnswer(418, {"retry-after": "0"}, b""), 120),
        (HttpAnswer(429, {"retry-after": "9999999999"}, b""), 60),
    ],
)
def test_a_venue_that_says_too_many_is_left_alone(answer: HttpAnswer, pause_s: int) -> None:
    async def scenario() -> tuple[Host, float]:
        host = Host(a_venue(lively))
        await host.feed.start(["A"])
        await asyncio.sleep(5)
        host.transport.answers["depth"] = [answer, OK]
        asked_s = asyncio.get_running_loop().time()
        for number in range(5):
            host.feed.request_snapshot(InstrumentId(f"I{number}"))
            await asyncio.sleep(0.2)
        await asyncio.sleep(pause_s + 5)
        await host.feed.close()
        return host, asked_s

    host, asked_s = run(scenario)

    times = [time - asked_s for time, url in host.transport.gets if "depth" in url]
    assert times == pytest.approx([0, *(pause_s + 0.1 * n for n in range(4))])
    assert [event.reason for event in host.of(FeedDown, REST)] == [
        f"answered {answer.status}: no requests for {pause_s} s"
    ]
    assert host.of(FeedUp, REST) == [FeedUp(REST)]


def test_requests_that_were_on_their_way_do_not_tell_the_pause_again() -> None:
    async def scenario() -> Host:
        host = Host(a_venue(lively))
        await host.feed.start(["A"])
        await asyncio.sleep(5)
        host.transport.latency_s = 1.0
        host.transport.answers["depth"] = [HttpAnswer(429, {"retry-after": "30"}, b"")]
        for number in range(5):
            host.feed.request_snapshot(InstrumentId(f"I{number}"))
        await asyncio.sleep(20)
        host.feed.request_snapshot(A)
        await asyncio.sleep(5)
        await host.feed.close()
        return host

    host = run(scenario)

    assert len([url for _, url in host.transport.gets if "depth" in url]) == 5
    assert len(host.of(FeedDown, REST)) == 1


def test_no_pause_is_longer_than_the_longest_ban() -> None:
    venue = a_venue()
    venue.answers["info"] = [HttpAnswer(418, {"retry-after": "99999999"}, b"")]

    async def scenario() -> Host:
        host = Host(venue)
        starting = host.start_task(host.feed.start(["A"]), "start")
        await asyncio.sleep(1)
        starting.cancel()
        return host

    down = run(scenario).of(FeedDown, REST)[0]

    assert down.retry_at_ns == START_NS + 3 * 86_400 * NS_PER_S


def test_a_pause_at_the_start_is_told_once_and_respected() -> None:
    venue = a_venue(lively)
    venue.answers["info"] = [HttpAnswer(429, {"retry-after": "20"}, b""), OK]

    host = watch(venue, 30)

    info_s = [time for time, url in venue.gets if "info" in url]
    down = host.of(FeedDown, REST)
    assert info_s == [0.0, 20.0]
    assert [(event.retry_at_ns - START_NS, event.attempt) for event in down] == [(20 * NS_PER_S, 1)]


def test_history_is_asked_for_when_the_sockets_are_up() -> None:
    async def scenario() -> Host:
        host = Host(a_venue(lively), FakeWire(("public", "market")))
        host.transport.refuse = VenueUnreachable("connection refused")
        await host.feed.start(["A", "B"])
        await asyncio.sleep(3)
        host.transport.refuse = None
        await asyncio.sleep(20)
        await host.feed.close()
        return host

    host = run(scenario)

    up_s = [time for time, _, event in host.got if isinstance(event, FeedUp)]
    asked_s = [time for time, url in host.transport.gets if "candles" in url]
    assert len(asked_s) == 2
    assert asked_s[0] >= max(up_s)


def test_history_comes_too_when_no_socket_opens() -> None:
    venue = a_venue()
    venue.refuse = VenueUnreachable("connection refused")

    host = watch(venue, 40)

    assert [time for time, url in host.transport.gets if "candles" in url] == [30.0]


def test_a_failed_request_costs_itself_only() -> None:
    venue = a_venue(lively)
    venue.answers["candles/A"] = [HttpAnswer(400, {}, b"no")]
    venue.answers["candles/B"] = [venue.answers.pop("candles")[0]]

    host = watch(venue, 10, symbols=("A", "B"))

    assert [tick.instrument_id for tick in host.of(BestQuote, REST)].count("candles") == 1


def test_what_an_account_has_used_of_the_address_is_not_there_for_books() -> None:
    budget = RateBudget((RateLimit("weight_1m", "weight", 60 * NS_PER_S, 200),))

    async def scenario() -> list[float]:
        host = Host(a_venue(lively), turns=MarketTurns(budget))
        for number in range(20):
            host.feed.request_snapshot(InstrumentId(f"I{number}"))
        await asyncio.sleep(100)
        await host.feed.close()
        return [time for time, _ in host.transport.gets]

    times = run(scenario)

    assert len(times) == 16
    first = START_NS // NS_PER_S % 60
    assert [time < 60 - first for time in times] == [True] * 8 + [False] * 8


def test_an_account_is_told_when_market_data_is_to_leave_the_venue_alone() -> None:
    budget = RateBudget(())

    async def scenario() -> None:
        venue = a_venue(lively)
        venue.answers["depth"] = [HttpAnswer(429, {"retry-after": "30"}, b"")]
        host = Host(venue, turns=MarketTurns(budget))
        host.feed.request_snapshot(A)
        await asyncio.sleep(1)
        await host.feed.close()

    run(scenario)

    assert budget.is_paused(START_NS + 29 * NS_PER_S)
    assert "429" in budget.pause_reason
