"""How old what is known of a market is, judged with its connection in mind."""

from engine.ingest.health import freshness
from engine.kernel.state import InstrumentState, KernelState
from engine.model.market import Freshness


def book_freshness(state: KernelState, market: InstrumentState, now_ns: int) -> Freshness:
    """Judge the book's age, a quiet book by the connection that would tell of a change."""
    return freshness("book", book_age_ns(state, market, now_ns))


def book_age_ns(state: KernelState, market: InstrumentState, now_ns: int) -> int | None:
    """Return the age by which the book is judged; None before its first message."""
    age_ns = market.book_age_ns(now_ns)
    connection = state.connections.get(market.book_feed)
    if age_ns is None or connection is None or not connection.is_up:
        return age_ns
    alive_ns = connection.age_ns(now_ns)
    return age_ns if alive_ns is None else min(age_ns, alive_ns)


def trade_freshness(state: KernelState, market: InstrumentState, now_ns: int) -> Freshness:
    """Judge the tape's age; while the book lives, no trade means that nobody traded."""
    own = freshness("trade", market.trade_age_ns(now_ns))
    if own in {"slow", "stale"} and book_freshness(state, market, now_ns) == "fresh":
        return "fresh"
    return own
