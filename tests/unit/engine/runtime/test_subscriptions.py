"""What one connection should carry, what was said for it, and what came."""

from engine.model.instrument import InstrumentId
from engine.model.market import BestQuote, FeedUp, StreamClass
from engine.model.numbers import NS_PER_S
from engine.runtime.subscriptions import SILENT_NS_MAX, Subscriptions
from engine.venues.base import Stream
from tests.fakes.wire import FakeWire

A, B = InstrumentId("A"), InstrumentId("B")


def a_stream(symbol: str = "A", stream_class: StreamClass = "quote") -> Stream:
    return Stream(symbol, stream_class, InstrumentId(symbol))


def subscribed(*symbols: str) -> Subscriptions:
    """Return subscriptions that were all sent and acknowledged at second 0."""
    subscriptions = Subscriptions(FakeWire())
    subscriptions.want([a_stream(symbol) for symbol in symbols], 0)
    said(subscriptions, 0)
    for symbol in symbols:
        subscriptions.acknowledge(f"+{symbol}")
    return subscriptions


def said(subscriptions: Subscriptions, from_s: int) -> list[str]:
    """Return what is said from a second on, however long it takes."""
    texts, now_ns = [], from_s * NS_PER_S
    for _ in range(100):
        text = subscriptions.take_due(now_ns)
        if text is not None:
            texts.append(text)
        now_ns += NS_PER_S // 10
    return texts


def test_everything_wanted_is_asked_for_once():
    subscriptions = Subscriptions(FakeWire())

    subscriptions.want([a_stream("A"), a_stream("B"), a_stream("A")], 0)

    assert said(subscriptions, 0) == ["+A", "+B"]


def test_only_the_difference_is_said():
    subscriptions = subscribed("A", "B")

    subscriptions.want([a_stream("B"), a_stream("C")], 0)

    assert said(subscriptions, 1) == ["-A", "+C"]
    assert [stream.name for stream in subscriptions.carried] == ["B", "C"]


def test_messages_keep_a_distance_that_a_venue_bears():
    subscriptions = Subscriptions(FakeWire())
    subscriptions.want([a_stream("A"), a_stream("B")], 0)

    assert subscriptions.take_due(0) == "+A"
    assert subscriptions.take_due(NS_PER_S // 4 - 1) is None
    assert subscriptions.next_due_ns() == NS_PER_S // 4
    assert subscriptions.take_due(NS_PER_S // 4) == "+B"


def test_what_is_not_acknowledged_in_five_seconds_is_known_by_its_word():
    subscriptions = Subscriptions(FakeWire())
    subscriptions.want([a_stream("A"), a_stream("B")], 0)
    assert not subscriptions.is_settled
    said(subscriptions, 0)
    subscriptions.acknowledge("+A")
    subscriptions.acknowledge("+nobody")

    assert subscriptions.awaits_words
    assert subscriptions.unconfirmed(5 * NS_PER_S) == []
    assert subscriptions.unconfirmed(6 * NS_PER_S) == ["+B"]


def test_all_acknowledged_is_settled():
    assert subscribed("A").is_settled


def test_a_stream_that_is_never_quiet_and_brings_nothing_is_asked_for_again_and_again():
    subscriptions = subscribed("A")

    at_s, asked_s = 0, []
    while at_s < 2_000:
        at_s += 1
        if subscriptions.take_silent(at_s * NS_PER_S):
            asked_s.append(at_s)
    assert asked_s[:4] == [10, 30, 70, 150]
    assert asked_s[-1] - asked_s[-2] == SILENT_NS_MAX // NS_PER_S
    assert said(subscriptions, at_s)[:2] == ["-A", "+A"]


def test_what_brought_something_is_not_silent():
    subscriptions = subscribed("A", "B")

    subscriptions.hear([BestQuote(A, 1, 1, 2, 1, 1), FeedUp("x")])

    assert [stream.name for stream in subscriptions.take_silent(10 * NS_PER_S)] == ["B"]


def test_nobody_waits_for_a_trade():
    subscriptions = Subscriptions(FakeWire())
    subscriptions.want([a_stream("A", "trade"), a_stream("B", "candle")], 0)

    assert not subscriptions.awaits_data
    assert subscriptions.take_silent(10**18) == []


def test_what_is_no_longer_wanted_cannot_be_silent():
    subscriptions = subscribed("A")

    subscriptions.want([], 0)

    assert not subscriptions.awaits_data
    assert said(subscriptions, 1) == ["-A"]


def test_a_book_is_renewed_alone():
    subscriptions = Subscriptions(FakeWire())
    subscriptions.want([a_stream("A", "book"), Stream("Aq", "quote", A), a_stream("B", "book")], 0)
    said(subscriptions, 0)

    subscriptions.renew(A)
    subscriptions.renew(InstrumentId("C"))

    assert said(subscriptions, 20) == ["-A", "+A"]


def test_what_waits_to_be_said_again_is_not_said_twice():
    subscriptions = Subscriptions(FakeWire())
    subscriptions.want([a_stream("A", "book")], 0)
    said(subscriptions, 0)

    subscriptions.renew(A)
    subscriptions.renew(A)
    assert said(subscriptions, 20) == ["-A", "+A"]

    subscriptions.renew(A)
    assert said(subscriptions, 40) == ["-A", "+A"]
