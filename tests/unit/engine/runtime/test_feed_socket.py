"""A connection with subscriptions, in front of venues that bend the rules; in virtual time."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from engine.model.effects import RenewBook
from engine.model.errors import VenueUnreachable
from engine.model.instrument import InstrumentId
from engine.model.market import BestQuote, BookDelta, FeedDown, FeedUp, StreamSilent, Trade
from engine.model.numbers import NS_PER_S
from engine.runtime.feed_socket import LIFE_JITTER_NS, LIFE_NS
from engine.runtime.virtual_loop import run
from engine.venues.base import SocketPlan
from tests.fakes.feed_host import PUBLIC, Host, a_venue, lively, obedient, sends, watch
from tests.fakes.transport import FakeLink, FakeTransport, Script
from tests.fakes.wire import FakeWire

A = InstrumentId("A")
DAY_S = 86_400
STEP_S = 25


def streaming(script: Script, seconds: float, symbols: tuple[str, ...] = ("A", "B")) -> Host:
    return watch(a_venue(script), seconds, FakeWire(has_streams=True), symbols=symbols)


def acknowledges_but(silent: str) -> Script:
    """A venue that acknowledges all and sends nothing of one."""

    async def script(link: FakeLink) -> None:
        heard = 0
        while True:
            for text in link.sent[heard:]:
                heard += 1
                link.deliver(text)
            for name in {text[1:] for text in link.sent} - {silent}:
                link.deliver(name)
            await asyncio.sleep(0.5)

    return script


async def acknowledges_and_stays_silent(link: FakeLink) -> None:
    heard = 0
    while True:
        for text in link.sent[heard:]:
            heard += 1
            link.deliver(text)
        await asyncio.sleep(0.1)


async def says_nothing_of_b(link: FakeLink) -> None:
    """A venue that never acknowledges B, though it sends data of A."""
    link.deliver("+A")
    await lively(link)


# Acknowledged, or not


def test_every_subscription_is_said_once_and_acknowledged():
    host = streaming(obedient, 600)

    assert [link.sent for link in host.transport.links] == [["+A", "+B"]]
    assert host.of(FeedDown) == []


def test_what_is_not_acknowledged_in_time_is_connected_anew():
    host = streaming(says_nothing_of_b, 60)

    lost = host.of(FeedDown)
    assert {one.reason for one in lost} == {"+B not acknowledged within 5 s"}
    assert host.times(FeedDown)[0] == pytest.approx(5.25)
    assert all(link.sent == ["+A", "+B"] for link in host.transport.links[:-1])


def test_after_a_thousand_reconnects_what_is_carried_is_what_is_wanted():
    async def drops(link: FakeLink) -> None:
        asyncio.get_running_loop().call_later(3, link.drop)
        await obedient(link)

    host = streaming(drops, 20_000)

    links = host.transport.links
    assert len(links) > 1_000
    assert all(link.sent == ["+A", "+B"] for link in links[:-1])


# Acknowledged, and silent


def test_a_stream_that_is_acknowledged_and_silent_is_told_and_asked_for_again():
    host = streaming(acknowledges_but("B"), 40)

    assert host.of(StreamSilent) == [StreamSilent(PUBLIC, "B")] * 2
    assert host.times(StreamSilent) == pytest.approx([10.0, 30.0])
    assert host.transport.links[0].sent == ["+A", "+B", "-B", "+B", "-B", "+B"]
    assert host.of(FeedDown) == []


def test_a_server_that_acknowledges_and_stays_silent_is_left():
    host = streaming(acknowledges_and_stays_silent, 600)

    assert {one.reason for one in host.of(FeedDown)} == {"no data for 30 s"}
    assert min(b - a for a, b in pairwise(host.transport.connects_s)) > 30


def test_a_book_that_the_kernel_doubts_is_subscribed_anew():
    async def scenario() -> Host:
        host = Host(a_venue(obedient), FakeWire(has_streams=True, stream_class="book"))
        host.feed.serve(RenewBook(A))
        await host.feed.start(["A", "B"])
        await asyncio.sleep(5)
        host.feed.serve(RenewBook(A))
        await asyncio.sleep(2)
        await host.feed.close()
        return host

    assert run(scenario).transport.links[0].sent == ["+A", "+B", "-A", "+A"]


def test_where_the_venue_wants_to_hear_text_it_is_told_that_we_live():
    class Pinged(FakeWire):
        def sockets(self) -> tuple[SocketPlan, ...]:
            return (SocketPlan("public", "wss://venue.test/public", ping="ping", quiet_s=90),)

    async def quiet(link: FakeLink) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if loop.time() % 80 < 1:
                link.deliver("tick")
            for _ in link.sent[link.heard :]:
                link.heard += 1
                link.deliver("ack")
            await asyncio.sleep(1)

    host = watch(a_venue(quiet), 205, Pinged())

    assert host.transport.links[0].sent == ["ping"] * 10
    assert host.of(FeedDown) == []


def test_where_not_even_pings_are_answered_the_connection_is_left():
    class Pinged(FakeWire):
        def sockets(self) -> tuple[SocketPlan, ...]:
            return (SocketPlan("public", "wss://venue.test/public", ping="ping", quiet_s=90),)

    host = watch(a_venue(sends("tick")), 45, Pinged())

    (lost,) = host.of(FeedDown)
    assert lost.reason == "no answer to a ping for 30 s"
    assert host.transport.links[0].sent == ["ping"]


def test_a_whole_book_that_comes_with_its_stream_is_had_by_subscribing_anew():
    async def scenario() -> Host:
        host = Host(a_venue(obedient), FakeWire(has_streams=True, stream_class="book"))
        host.wire.streams_books_of.add(A)
        await host.feed.start(["A", "B"])
        await asyncio.sleep(5)
        host.feed.request_snapshot(A)
        await asyncio.sleep(2)
        await host.feed.close()
        return host

    transport = run(scenario).transport

    assert transport.links[0].sent == ["+A", "+B", "-A", "+A"]
    assert not [url for _, url in transport.gets if "depth" in url]


def test_a_connection_that_takes_no_message_is_left():
    async def clogged(link: FakeLink) -> None:
        link.send = lambda _: asyncio.Event().wait()  # type: ignore[method-assign,assignment,return-value]  # a link that hangs
        await lively(link)

    (lost, *_) = streaming(clogged, 15).of(FeedDown)

    assert lost.reason == "nothing could be sent for 10 s"


# Another connection beside it


async def numbered(link: FakeLink) -> None:
    """A venue that numbers trades and changes of a book by the time, the same for everybody."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0.5)
    for text in link.sent:
        link.deliver(text)
    while True:
        number = int(loop.time()) // STEP_S + 1
        await asyncio.sleep(number * STEP_S - loop.time() + 0.001)
        for frame in ("A", f"A {number}", f"A book {number}"):
            link.deliver(frame)


def handed_over(transport: FakeTransport, seconds: float = DAY_S) -> Host:
    return watch(transport, seconds, a_trade_wire())


def a_trade_wire() -> FakeWire:
    return FakeWire(has_streams=True, stream_class="trade")


def is_gapless(found: list[int]) -> bool:
    return found == list(range(found[0], found[0] + len(found)))


def test_before_a_day_is_over_another_connection_takes_over_and_nothing_is_lost_or_twice():
    host = handed_over(a_venue(numbered))

    old, new = host.transport.links
    at_s = host.transport.connects_s[1]
    assert LIFE_NS - LIFE_JITTER_NS <= at_s * 1e9 <= LIFE_NS
    assert (old.is_closed, old.sent, new.sent) == (True, ["+A"], ["+A"])
    assert host.of(FeedDown) == []
    assert len(host.of(FeedUp)) == 1
    assert is_gapless([one.trade_id for one in host.of(Trade)])
    assert is_gapless([one.last_seq for one in host.of(BookDelta)])


def test_a_connection_that_the_venue_is_about_to_end_is_followed_at_once():
    async def script(link: FakeLink) -> None:
        if link is venue.links[0]:
            asyncio.get_running_loop().call_later(60, link.deliver, "leaving")
        await numbered(link)

    venue = a_venue(script)
    host = handed_over(venue, 200)

    assert host.transport.connects_s == pytest.approx([0, 60])
    assert (venue.links[0].is_closed, host.of(FeedDown)) == (True, [])
    assert is_gapless([one.trade_id for one in host.of(Trade)])
    assert is_gapless([one.last_seq for one in host.of(BookDelta)])


def test_the_old_one_is_heard_until_the_new_one_delivers():
    async def script(link: FakeLink) -> None:
        is_first = link is host_links[0]
        await (numbered if is_first else acknowledges_and_stays_silent)(link)

    venue = a_venue(script)
    host_links = venue.links
    host = handed_over(venue)

    assert len(venue.links) > 2
    assert not any(link.is_closed for link in venue.links[:1]) or host.of(FeedDown) == []
    assert is_gapless([one.trade_id for one in host.of(Trade)])
    assert host.of(FeedDown) == []


@pytest.mark.parametrize(
    "refusal", [VenueUnreachable("venue.test: connection refused"), KeyError("nobody foresaw")]
)
def test_a_successor_that_cannot_be_opened_is_tried_again_and_costs_nothing(refusal: Exception):
    async def scenario() -> Host:
        host = Host(a_venue(numbered), a_trade_wire())
        await host.feed.start(["A"])
        await asyncio.sleep(DAY_S - 1_300)
        host.transport.refuse = refusal
        await asyncio.sleep(1_000)
        host.transport.refuse = None
        await asyncio.sleep(300)
        await host.feed.close()
        return host

    host = run(scenario)

    assert len(host.transport.connects_s) > 4
    assert len(host.transport.links) == 2
    assert host.of(FeedDown) == []
    assert is_gapless([one.trade_id for one in host.of(Trade)])


def test_a_loss_during_the_overlap_is_a_loss_and_leaves_no_connection_open():
    async def script(link: FakeLink) -> None:
        if len(venue.links) == 2:
            asyncio.get_running_loop().call_later(1, venue.links[0].drop)
        await numbered(link)

    venue = a_venue(script)
    host = handed_over(venue)

    assert len(host.of(FeedDown)) == 1
    assert [link.is_closed for link in venue.links[:2]] == [True, True]


def test_closing_during_the_overlap_closes_both():
    async def scenario() -> Host:
        host = Host(a_venue(numbered), a_trade_wire())
        await host.feed.start(["A"])
        await asyncio.sleep((LIFE_NS - LIFE_JITTER_NS) / NS_PER_S)
        for _ in range(LIFE_JITTER_NS // NS_PER_S):
            if len(host.transport.links) < 2:
                await asyncio.sleep(1)
        await host.feed.close()
        return host

    assert [link.is_closed for link in run(scenario).transport.links] == [True, True]


def test_more_than_can_wait_gives_the_successor_up_and_not_the_data():
    async def script(link: FakeLink) -> None:
        if link is not venue.links[0]:
            for _ in range(20_001):
                link.deliver("A 1")
        await numbered(link)

    venue = a_venue(script)
    host = handed_over(venue, DAY_S - 500)

    assert host.of(FeedDown) == []
    assert len(venue.links) > 1
    assert not venue.links[0].is_closed or len(venue.links) > 2


# Another plan


def changed(script: Script, act: Callable[[Host], None], *, has_streams: bool = True) -> Host:
    """Let a feed run, do something to it, and let it run on."""

    async def scenario() -> Host:
        host = Host(a_venue(script), FakeWire(has_streams=has_streams))
        await host.feed.start(["A"])
        await asyncio.sleep(5)
        act(host)
        await asyncio.sleep(40)
        await host.feed.close()
        return host

    return run(scenario)


def test_a_plan_that_is_all_on_open_is_changed_by_another_connection():
    def act(host: Host) -> None:
        host.wire.choose(["A", "B"])
        host.feed._follow_plans()

    host = changed(lively, act, has_streams=False)

    assert [link.sent for link in host.transport.links] == [
        ["subscribe A"],
        ["subscribe A", "subscribe B"],
    ]
    assert host.transport.links[0].is_closed
    assert host.of(FeedDown) == []
    assert len(host.of(BestQuote)) > 40


def test_two_changes_in_a_row_end_with_the_last():
    def act(host: Host) -> None:
        for symbols in (["A", "B"], ["B"]):
            host.wire.choose(symbols)
            host.feed._follow_plans()

    host = changed(lively, act, has_streams=False)

    assert host.transport.links[-1].sent == ["subscribe B"]
    assert [link.is_closed for link in host.transport.links[:-1]] == [True] * (
        len(host.transport.links) - 1
    )


def test_a_change_while_a_successor_opens_counts():
    async def scenario() -> Host:
        host = Host(a_venue(lively), FakeWire())
        await host.feed.start(["A"])
        await asyncio.sleep(5)
        for symbols in (["A", "B"], ["B"]):
            host.wire.choose(symbols)
            host.feed._follow_plans()
            await asyncio.sleep(1)
        await asyncio.sleep(40)
        await host.feed.close()
        return host

    assert run(scenario).transport.links[-1].sent == ["subscribe B"]
