"""A feed in front of a venue that behaves, and of one that does not; all in virtual time."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.chance import Chance
from engine.model.envelope import Event
from engine.model.errors import ConfigError, InvariantBroken, VenueUnreachable
from engine.model.instrument import InstrumentId
from engine.model.market import BestQuote, FeedDown, FeedUp, FrameRefused
from engine.model.numbers import NS_PER_S
from engine.runtime.backoff import Backoff
from engine.runtime.transport import HttpAnswer
from engine.runtime.virtual_loop import run
from tests.fakes.feed_host import (
    OK,
    PUBLIC,
    REST,
    START_NS,
    Host,
    a_venue,
    drops_after,
    lively,
    sends,
    watch,
)
from tests.fakes.transport import FakeLink
from tests.fakes.wire import FakeWire

A = InstrumentId("A")


def test_a_good_venue_is_asked_subscribed_and_heard() -> None:
    host = watch(a_venue(sends("one", "two")), 5)

    assert [url for _, url in host.transport.gets] == [
        "https://venue.test/info",
        "https://venue.test/candles/A",
    ]
    assert host.transport.links[0].sent == ["subscribe A"]
    assert [type(event) for _, source, event in host.got if source == PUBLIC] == [
        FeedUp,
        BestQuote,
        BestQuote,
    ]
    assert host.ticks() == ["one", "two"]


def test_no_socket_opens_before_the_metadata_came() -> None:
    venue = a_venue(lively)
    venue.answers["info"] = [*[VenueUnreachable("venue.test: connection refused")] * 4, OK]

    host = watch(venue, 60)

    down = host.of(FeedDown, REST)
    answered_s = [time for time, url in venue.gets if "info" in url][-1]
    assert [event.attempt for event in down] == [1, 2, 3, 4]
    assert down[0].reason == "venue.test: connection refused"
    assert host.of(FeedUp, REST) == [FeedUp(REST)]
    assert min(venue.connects_s) >= answered_s


def test_an_unreadable_answer_to_the_first_question_is_asked_again() -> None:
    venue = a_venue(lively)
    venue.answers["info"] = [HttpAnswer(451, {}, b"no"), HttpAnswer(503, {}, b"ok"), OK]

    host = watch(venue, 10)

    assert [event.reason for event in host.of(FeedDown, REST)] == [
        "HTTP 451 for instruments",
        "answered 503 to instruments",
    ]


def test_a_question_without_an_answer_is_given_up_and_asked_again() -> None:
    async def scenario() -> tuple[Host, bool]:
        host = Host(a_venue())
        host.transport.hangs = True
        starting = host.start_task(host.feed.start(["A"]), "start")
        await asyncio.sleep(100)
        starting.cancel()
        return host, starting.done()

    host, was_done = run(scenario)

    assert not was_done
    assert {event.reason for event in host.of(FeedDown, REST)} == {"no answer within 35 s"}
    assert [event.attempt for event in host.of(FeedDown, REST)] == [1, 2]


def test_an_unknown_symbol_is_told_before_anything_is_connected() -> None:
    venue = a_venue(lively)

    with pytest.raises(ConfigError, match="lists no instrument 'Z'"):
        watch(venue, 1, symbols=("A", "Z"))

    assert venue.connects_s == []


def test_descriptions_arrive_before_the_first_frame() -> None:
    host = watch(a_venue(lively), 3, symbols=("A", "B"))

    names = [
        (source, event.instrument_id)
        for _, source, event in host.got
        if isinstance(event, BestQuote)
    ]
    assert names[:3] == [(REST, "instruments"), (REST, "A"), (REST, "B")]


def test_a_server_that_accepts_and_never_upgrades_is_left_after_ten_seconds() -> None:
    async def scenario() -> Host:
        host = Host(a_venue())
        await host.feed.start(["A"])
        host.transport.hangs = True
        await asyncio.sleep(600)
        await host.feed.close()
        return host

    host = run(scenario)

    down = host.of(FeedDown)
    assert {event.reason for event in down} == {"not open within 10 s"}
    assert [event.attempt for event in down] == list(range(1, len(down) + 1))
    assert min(b - a for a, b in pairwise(host.transport.connects_s)) > 10
    assert 15 <= len(down) <= 60


@pytest.mark.parametrize("seed", range(5))
def test_a_server_that_drops_every_second_is_tried_at_a_decent_pace(seed: int) -> None:
    host = watch(a_venue(drops_after(1)), 600, seed=seed)

    connects_s, down = host.transport.connects_s, host.of(FeedDown)
    retries_s = [(event.retry_at_ns - START_NS) / NS_PER_S for event in down]
    assert min(b - a for a, b in pairwise(connects_s)) >= 0.5
    assert [event.attempt for event in down] == list(range(1, len(down) + 1))
    assert len(down) in (len(connects_s), len(connects_s) - 1)
    assert connects_s[1:] == pytest.approx(retries_s[: len(connects_s) - 1])
    assert len(connects_s) > 20


def test_a_refused_connection_is_tried_twice_a_second_at_most() -> None:
    venue = a_venue()
    venue.refuse = VenueUnreachable("venue.test: connection refused")

    host = watch(venue, 600)

    connects_s = host.transport.connects_s
    assert min(b - a for a, b in pairwise(connects_s)) >= 0.5
    assert max(b - a for a, b in pairwise(connects_s)) <= 30
    assert host.of(FeedUp) == []


def test_every_loss_tells_why_and_when_it_goes_on() -> None:
    host = watch(a_venue(drops_after(1)), 1.2)

    lost = host.of(FeedDown)[0]
    assert host.times(FeedDown) == [1.0]
    assert lost.reason == "connection lost"
    assert lost.retry_at_ns > START_NS + NS_PER_S


def test_attempts_count_on_until_a_minute_of_good_data() -> None:
    short = watch(a_venue(drops_after(60)), 600).of(FeedDown)
    long = watch(a_venue(drops_after(61)), 600).of(FeedDown)

    assert [event.attempt for event in short] == list(range(1, len(short) + 1))
    assert {event.attempt for event in long} == {1}
    assert len(short) > 4
    assert len(long) > 4


def test_after_a_thousand_reconnects_every_subscription_was_sent_once_each_time() -> None:
    host = watch(a_venue(drops_after(1)), 20_000, seed=3, symbols=("A", "B"))

    links = host.transport.links
    assert len(links) > 1_000
    assert all(link.sent == ["subscribe A", "subscribe B"] for link in links)
    assert all(link.is_closed for link in links)
    assert len(host.of(FeedUp)) == len(links)


def test_sockets_of_one_venue_fail_alone() -> None:
    async def script(link: FakeLink) -> None:
        await (lively if "public" in link.url else drops_after(2))(link)

    host = watch(a_venue(script), 300, FakeWire(("public", "market")))

    assert host.of(FeedDown) == []
    assert len(host.of(BestQuote)) == 300
    assert len(host.of(FeedDown, "feed:fake/market")) > 5


def test_an_error_that_nobody_foresaw_is_a_loss_and_not_the_end() -> None:
    host = watch(a_venue(sends("one", "broken", "two")), 20)

    assert {event.reason for event in host.of(FeedDown)} == {
        "error of the program (KeyError), see the log"
    }
    assert host.ticks()[:2] == ["one", "one"]
    assert "two" not in host.ticks()


def test_a_broken_invariant_is_the_end() -> None:
    class BrokenWire(FakeWire):
        def receive(self, frame: str | bytes, ts_ns: int) -> Sequence[Event]:
            raise InvariantBroken("book above the moon")

    host = watch(a_venue(lively), 5, BrokenWire())

    ended = [task for task in host.tasks if task.get_name() == PUBLIC]
    assert isinstance(ended[0].exception(), InvariantBroken)


def test_reasons_from_outside_are_cleaned() -> None:
    venue = a_venue()
    venue.refuse = VenueUnreachable("closed \x1b]52;c;aGk=\x07 by\nvenue")

    reason = watch(venue, 1).of(FeedDown)[0].reason

    assert reason.isprintable()


@given(st.integers(0, 2**64 - 1))
def test_a_wait_is_never_nothing_and_never_above_its_bound(seed: int) -> None:
    backoff = Backoff(Chance(seed))

    waits_ns = [backoff.next_ns() for _ in range(50)]

    bounds_ns = [min(30 * NS_PER_S, NS_PER_S // 2 * 2**n) for n in range(50)]
    assert all(0 < wait <= bound for wait, bound in zip(waits_ns, bounds_ns, strict=True))
    assert backoff.attempt == 50


def test_waits_use_the_whole_bound() -> None:
    backoff = Backoff(Chance(1))
    for _ in range(10):
        backoff.next_ns()

    waits_ns = [backoff.next_ns() for _ in range(1_000)]

    assert min(waits_ns) < 1 * NS_PER_S
    assert max(waits_ns) > 29 * NS_PER_S


def test_a_reset_begins_at_half_a_second() -> None:
    backoff = Backoff(Chance(1))
    for _ in range(10):
        backoff.next_ns()

    backoff.reset()

    assert backoff.next_ns() <= NS_PER_S // 2
    assert backoff.attempt == 1


def test_a_bad_frame_costs_that_frame() -> None:
    host = watch(a_venue(sends("one", "bad", "two")), 10)

    assert host.ticks() == ["one", "two"]
    assert len(host.of(FrameRefused)) == 1
    assert host.of(FrameRefused)[0].reason.startswith("not a frame")
    assert host.of(FeedDown) == []


def test_five_bad_frames_in_a_minute_are_borne() -> None:
    host = watch(a_venue(sends("one", *["bad"] * 5, "two")), 10)

    assert host.ticks() == ["one", "two"]
    assert host.of(FeedDown) == []


def test_the_sixth_bad_frame_in_a_minute_ends_the_connection() -> None:
    host = watch(a_venue(sends("one", *["bad"] * 6, "two")), 0.1)

    assert host.ticks() == ["one"]
    assert len(host.of(FrameRefused)) == 6
    assert host.of(FeedDown)[0].reason == "6 unreadable frames in a minute"


def test_a_new_connection_begins_without_the_bad_frames_of_the_last() -> None:
    host = watch(a_venue(sends(*["bad"] * 6)), 30, seed=1)

    assert len(host.of(FrameRefused)) == 6 * len(host.of(FeedDown))


def test_bad_frames_far_apart_are_borne() -> None:
    frames = ["bad", "tick"] * 20

    host = watch(a_venue(sends(*frames, every=6)), 239)

    assert len(host.of(FrameRefused)) == 20
    assert host.of(FeedDown) == []


def test_a_silent_connection_is_made_anew() -> None:
    host = watch(a_venue(sends("one")), 30.1)

    assert host.times(FeedDown) == [30.0]
    assert host.of(FeedDown)[0].reason == "no data for 30 s"
    assert host.transport.links[0].is_closed


def test_acknowledgements_and_bad_frames_do_not_hide_silence() -> None:
    frames = ["one", "ack", "ack", "bad", "ack", "ack", "ack", "ack"]

    host = watch(a_venue(sends(*frames, every=5)), 31)

    assert host.of(FeedDown)[0].reason == "no data for 30 s"


def test_a_frame_every_twenty_nine_seconds_is_enough() -> None:
    host = watch(a_venue(sends(*["tick"] * 20, every=29)), 500)

    assert host.of(FeedDown) == []


def test_a_full_inbox_stops_the_reading_and_loses_nothing() -> None:
    async def scenario() -> tuple[Host, int]:
        host = Host(a_venue(sends(*[f"t{number}" for number in range(100)])))
        host.places = 14
        await host.feed.start(["A"])
        await asyncio.sleep(120)
        read_while_full = len(host.wire.frames)
        host.make_room(1_000)
        await asyncio.sleep(1)
        await host.feed.close()
        return host, read_while_full

    host, read_while_full = run(scenario, seed=2)

    assert read_while_full < 14
    assert host.ticks() == [f"t{number}" for number in range(100)]
    assert host.of(FeedDown) == []


@pytest.mark.parametrize("seed", range(10))
def test_what_was_decoded_first_goes_in_first_whoever_sent_it(seed: int) -> None:
    frames = [f"t{number}" for number in range(60)]

    async def scenario() -> Host:
        host = Host(a_venue(sends(*frames, every=0.1)), FakeWire(("public", "market", "third")))
        host.places = 20
        await host.feed.start(["A"])
        for number in range(40):
            await asyncio.sleep(1)
            host.feed.request_snapshot(A)
            host.make_room(number)
        host.make_room(1_000)
        await asyncio.sleep(10)
        await host.feed.close()
        return host

    host = run(scenario, seed)

    ticks = [event for _, _, event in host.got if isinstance(event, BestQuote)]
    assert [tick.update_id for tick in ticks] == list(range(1, len(ticks) + 1))
    assert len(ticks) > 3 * len(frames)


def test_a_full_inbox_is_tried_again_though_nobody_says_that_there_is_room() -> None:
    async def scenario() -> Host:
        host = Host(a_venue(sends("one", "two", "three")))
        host.places = 5
        await host.feed.start(["A"])
        await asyncio.sleep(10)
        host.places = 100
        await asyncio.sleep(2)
        await host.feed.close()
        return host

    host = run(scenario)

    assert host.ticks() == ["one", "two", "three"]
    assert host.refusals >= 10


def test_silence_counts_again_once_there_is_room() -> None:
    async def scenario() -> Host:
        host = Host(a_venue(sends("one", "bad")))
        host.places = 5
        await host.feed.start(["A"])
        await asyncio.sleep(100)
        host.make_room(100)
        await asyncio.sleep(31)
        await host.feed.close()
        return host

    host = run(scenario)

    assert host.of(FeedDown)[0].reason == "no data for 30 s"


@pytest.mark.parametrize("seed", range(5))
def test_nothing_that_hangs_keeps_a_feed_open(seed: int) -> None:
    async def stuck_close(link: FakeLink) -> None:
        link.close = asyncio.Event().wait  # type: ignore[method-assign,assignment]  # a link that hangs
        await lively(link)

    async def scenario() -> tuple[float, Host]:
        host = Host(a_venue(stuck_close), FakeWire(("public", "market", "third")))
        await host.feed.start(["A"])
        await asyncio.sleep(5)
        host.transport.hangs = True
        host.places = 0
        host.transport.links[2].drop()
        host.feed.request_snapshot(A)
        await asyncio.sleep(15)
        before_s = asyncio.get_running_loop().time()
        await host.feed.close()
        return asyncio.get_running_loop().time() - before_s, host

    took_s, host = run(scenario, seed)

    assert took_s <= 3
    assert all(task.done() for task in host.tasks)


def test_a_link_that_cannot_be_closed_does_not_stop_the_next_try() -> None:
    async def script(link: FakeLink) -> None:
        link.close = asyncio.Event().wait  # type: ignore[method-assign,assignment]  # a link that hangs
        link.drop()

    assert len(watch(a_venue(script), 60).transport.links) > 2


def test_a_task_that_refuses_to_end_is_not_waited_for() -> None:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if asyncio.get_running_loop().time() > 30:
                    raise

    async def scenario() -> float:
        host = Host(a_venue(lively))
        await host.feed.start(["A"])
        host.feed._start(stubborn, "stubborn")
        await asyncio.sleep(1)
        before_s = asyncio.get_running_loop().time()
        await host.feed.close()
        took_s = asyncio.get_running_loop().time() - before_s
        await asyncio.sleep(60)
        return took_s

    assert run(scenario) == 3.0


def test_a_closed_feed_starts_nothing() -> None:
    async def scenario() -> Host:
        host = Host(a_venue(lively))
        await host.feed.close()
        await host.feed.start(["A"])
        host.feed.request_snapshot(A)
        await asyncio.sleep(1)
        return host

    host = run(scenario)

    assert host.tasks == []
    assert host.transport.connects_s == []


def test_finished_tasks_are_not_kept() -> None:
    async def scenario() -> int:
        host = Host(a_venue(lively))
        await host.feed.start(["A"])
        for _ in range(100):
            host.feed.request_snapshot(A)
            await asyncio.sleep(1)
        left = len(host.feed._tasks)
        await host.feed.close()
        return left

    assert run(scenario) == 1


def test_the_same_seed_gives_the_same_run() -> None:
    async def script(link: FakeLink) -> None:
        await sends("one", "bad", "two", "broken", every=3)(link)

    def story(seed: int) -> list[tuple[float, str, Event]]:
        return watch(a_venue(script), 600, FakeWire(("public", "market")), seed).got

    assert story(1) == story(1)
    assert story(1) != story(2)
