"""The inbox: control first, bounded, and a feed that is told to wait loses nothing."""

import asyncio

from engine.model.envelope import TimerFired
from engine.model.facts import OrderSent
from engine.model.market import FeedUp
from engine.runtime.inbox import CONTROL_MAX, DATA_MAX, Inbox

EVENT = FeedUp("feed:x")
TIMER = TimerFired("sweep", 1)
PRIVATE = OrderSent(1, "a")


async def test_control_is_taken_before_data_that_came_earlier() -> None:
    inbox = Inbox()

    inbox.put_data("feed:x", [EVENT, EVENT], 1)
    inbox.put_control("timer", TIMER, 2)

    assert [event for _, _, event in inbox.take(2)] == [TIMER, EVENT]
    assert inbox.depth == 1


async def test_a_full_data_lane_takes_all_of_a_frame_or_nothing() -> None:
    inbox = Inbox()
    inbox.put_data("feed:x", [EVENT] * DATA_MAX, 1)

    assert not inbox.put_data("feed:x", [EVENT], 2)
    assert inbox.depth == DATA_MAX


async def test_it_tells_how_often_feeds_had_to_stop_and_how_late_their_data_is() -> None:
    inbox = Inbox()
    assert inbox.age_ns(5) == 0
    inbox.put_data("feed:x", [EVENT] * DATA_MAX, 7)
    for _ in range(3):
        inbox.put_data("feed:x", [EVENT], 8)
    assert (inbox.stops, inbox.age_ns(9)) == (1, 2)

    inbox.take(DATA_MAX)
    for _ in range(2):
        inbox.put_data("feed:x", [EVENT] * DATA_MAX, 9)

    assert inbox.stops == 2


async def test_a_feed_waits_until_half_of_the_lane_is_free() -> None:
    inbox = Inbox()
    inbox.put_data("feed:x", [EVENT] * DATA_MAX, 1)
    inbox.put_data("feed:x", [EVENT], 2)
    waiting = asyncio.ensure_future(inbox.room())

    inbox.take(DATA_MAX // 2 - 1)
    await asyncio.sleep(0)
    assert not waiting.done()

    inbox.take(1)
    await waiting
    assert inbox.put_data("feed:x", [EVENT], 3)


async def test_a_full_control_lane_refuses() -> None:
    inbox = Inbox()
    for _ in range(CONTROL_MAX):
        assert inbox.put_control("operator:1", TIMER, 1)

    assert not inbox.put_control("operator:1", TIMER, 1)


async def test_a_private_event_is_taken_however_many_wait() -> None:
    inbox = Inbox()
    inbox.put_data("feed:x", [EVENT] * DATA_MAX, 1)
    for _ in range(CONTROL_MAX):
        inbox.put_control("operator:1", TIMER, 1)

    for _ in range(10):
        inbox.put_private("gateway:paper", PRIVATE, 2)

    taken = [event for _, _, event in inbox.take(CONTROL_MAX + 10)]
    assert taken == [TIMER] * CONTROL_MAX + [PRIVATE] * 10


async def test_waiting_ends_with_the_first_event_and_begins_again_when_empty() -> None:
    inbox = Inbox()
    waiting = asyncio.ensure_future(inbox.wait())
    await asyncio.sleep(0)
    assert not waiting.done()

    inbox.put_control("timer", TIMER, 1)
    await waiting
    inbox.take(10)

    again = asyncio.ensure_future(inbox.wait())
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()
