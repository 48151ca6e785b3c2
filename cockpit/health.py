"""Whether an engine is well: everything that somebody should look at, in words.

One judgement for the health pane and for `cockpit status --health`.
"""

from typing import Final, Literal, NamedTuple

from cockpit.format import age_text, safe
from engine.model.numbers import NS_PER_MS
from engine.model.view import BookHealth, FeedView, HealthView

CLOCK_OFF_NS: Final = 1_000 * NS_PER_MS
"""A clock that is further off: nothing signed adds risk (R15)."""

STOPPED: Final = ("killed", "halted")

Kind = Literal["stopped", "journal", "other"]


class Problem(NamedTuple):
    """One thing that is not well."""

    kind: Kind
    sentence: str


def problems(view: HealthView) -> tuple[Problem, ...]:
    """Return what is not well, the most serious first; nothing while all is."""
    return (
        *_of_trading(view),
        *(Problem("other", safe(alarm)) for alarm in view.alarms),
        *_of_sources(view),
        *_of_machine(view),
    )


def _of_trading(view: HealthView) -> list[Problem]:
    found = []
    state = view.trading_state.lower()
    why = f": {safe(view.trading_reason)}" if view.trading_reason else ""
    if view.is_latched or state in STOPPED:
        word = "killed" if view.is_latched else state
        found.append(Problem("stopped", f"trading is {word}{why}"))
    elif state != "active":
        found.append(Problem("other", f"trading is {safe(state, 16)}{why}"))
    if view.is_latched and not view.is_latch_persisted:
        found.append(Problem("other", "the kill is not on disk: a restart would not know of it"))
    if not view.is_journal_ok:
        found.append(Problem("journal", "the journal cannot be written"))
    return found


def _of_sources(view: HealthView) -> list[Problem]:
    found = []
    if not view.feeds:
        found.append(Problem("other", "no connection was opened yet"))
    found += [Problem("other", _feed_sentence(feed)) for feed in view.feeds if feed.state != "ok"]
    found += [Problem("other", _book_sentence(book)) for book in view.books if not is_current(book)]
    offset_ns = view.clock_offset_ns
    if offset_ns is not None and abs(offset_ns) > CLOCK_OFF_NS:
        told = f"the venue's clock is {offset_ns // NS_PER_MS:+,} ms ahead of ours"
        found.append(Problem("other", told))
    return found


def _of_machine(view: HealthView) -> list[Problem]:
    found = [
        Problem("other", f"{safe(name, 30)} failed too often ({safe(error, 30)}) and stays down")
        for name, error in view.parts_down
    ]
    return [*found, *([Problem("other", safe(view.recording))] if view.recording else [])]


def is_current(book: BookHealth) -> bool:
    """Whether a book is whole and of now."""
    return book.state == "live" and book.freshness == "fresh"


def _feed_sentence(feed: FeedView) -> str:
    age = "" if feed.age_ns is None else f", last heard {age_text(feed.age_ns)} ago"
    reason = f": {safe(feed.reason)}" if feed.reason else ""
    return f"feed {safe(feed.name, 30)} is {feed.state}{reason}{age}"


def _book_sentence(book: BookHealth) -> str:
    name = safe(book.name, 30)
    if book.state != "live":
        return f"the book of {name} is {book.state}"
    age = "" if book.age_ns is None else f", {age_text(book.age_ns)} old"
    return f"the book of {name} is {book.freshness}{age}"
