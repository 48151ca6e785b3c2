"""Feeds in words and shapes: how a connection to a venue is doing."""

from typing import Final

from cockpit.format import age_text, safe
from cockpit.panes.palette import Palette
from cockpit.panes.rows import Segment
from engine.model.view import FeedView, StatusView

SHAPES: Final = {
    "ok": "●",
    "slow": "◐",
    "stale": "○",
    "resync": "↻",
    "connecting": "↻",
    "down": "✕",
}
NAME_WIDTH: Final = 16


def feed_segments(feed: FeedView, waited_ns: int, ink: Palette) -> list[Segment]:
    """Return shape, name and, unless all is well, the word and the age or the wait."""
    style = {"ok": ink.ok, "down": ink.error}.get(feed.state, ink.warn)
    name = safe(feed.name, NAME_WIDTH)
    return [
        (SHAPES.get(feed.state, "?") + " ", style),
        (name + _tail(feed, waited_ns), ink.fg if feed.state == "ok" else style),
    ]


def _tail(feed: FeedView, waited_ns: int) -> str:
    if feed.state == "ok":
        return ""
    if feed.state == "down":
        return " down" + retry_text(feed, waited_ns, " ")
    age = "" if feed.age_ns is None else " " + age_text(feed.age_ns + waited_ns)
    return f" {feed.state}{age}"


def retry_text(feed: FeedView, waited_ns: int, before: str) -> str:
    """Return the countdown to the next try, if one is due."""
    if feed.retry_in_ns is None:
        return ""
    left_s = max(0, feed.retry_in_ns - waited_ns + 999_999_999) // 1_000_000_000
    return f"{before}{left_s}s"


def feed_down(status: StatusView | None) -> FeedView | None:
    """Return the first connection that is down."""
    if status is None:
        return None
    return next((feed for feed in status.feeds if feed.state == "down"), None)


def may_simulate(status: StatusView | None) -> bool:
    """Whether to offer the simulated market: a real venue cannot be reached."""
    return status is not None and status.mode == "paper" and feed_down(status) is not None
