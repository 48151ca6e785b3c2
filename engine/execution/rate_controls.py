"""Controls of how often: orders and messages in a while, the same again, the next entry.

Each looks at one review, as those of the order itself do (`order_controls`).
"""

from decimal import Decimal
from typing import Final

from engine.execution.review import Reason, Review
from engine.model.numbers import NS_PER_S
from engine.model.orders import OrderIntent

_TEN_MIN_S: Final = 600
_HOUR_S: Final = 3_600


def order_rate(review: Review) -> Reason | None:
    """Orders within a second."""
    return _rate(review, "orders_per_s_max", 1, 0)


def message_rate(review: Review) -> Reason | None:
    """Orders, cancels and amendments within a second; cancels themselves are never refused.

    Nor do they hold up what reduces: many cancels go out at once just before a way out is needed.
    """
    if review.is_reducing:
        return None
    since_ns = review.moment.now_ns - NS_PER_S + 1
    return _rate(review, "messages_per_s_max", 1, review.ledger.changes_since(since_ns))


def long_order_rate(review: Review) -> Reason | None:
    """Orders within ten minutes."""
    return _rate(review, "orders_per_10min_max", _TEN_MIN_S, 0)


def repeated_entries(review: Review) -> Reason | None:
    """A strategy enters a side so often and no oftener, unless it is one that repeats."""
    most = review.limits.entries_per_h_max
    if most is None or review.is_reducing or not review.is_by_strategy or review.may_repeat:
        return None
    entries = 1 + sum(
        _is_like(intent, review.intent) and not intent.spec.is_reduce_only
        for intent in _recent(review, _HOUR_S)
    )
    return review.over("entries_per_h_max", entries, "entries in 1 h") if entries > most else None


def duplicate(review: Review) -> Reason | None:
    """The same order again within moments is a mistake, unless its strategy repeats.

    A close and the entry that reverses it have the same numbers and are not the same order. Nor is
    protection that the kernel sends: it follows the fills, which may be of one size, and comes
    again where a venue refused it. The children of a parent are alike on purpose, and a person
    confirmed what they come to.
    """
    window_s = review.limits.duplicate_window_s
    intent = review.intent
    is_ours = intent.parent != "" or (intent.is_protective and review.is_by_strategy)
    if (
        (is_ours and review.is_reducing)
        or intent.family != ""
        or review.may_repeat
        or not any(_is_same(sent, review) for sent in _recent(review, window_s))
    ):
        return None
    sentence = f"The same order went out less than {window_s} s ago (duplicate_window_s)."
    return review.reason("duplicate_window_s", 2, 1, sentence, "risk file")


def cooldown(review: Review) -> Reason | None:
    """Between entries in an instrument lies some time."""
    least = review.limits.cooldown_s
    last_ns = review.ledger.last_order_ns(review.spec.instrument_id)
    if least is None or last_ns is None or review.is_reducing:
        return None
    waited_s = Decimal(review.moment.now_ns - last_ns) / NS_PER_S
    return review.over("cooldown_s", waited_s, "s since the last") if waited_s < least else None


def orders_per_day(review: Review) -> Reason | None:
    """An instrument has so many entries a day."""
    most = review.limits.orders_per_day_max
    if most is None or review.is_reducing:
        return None
    count = 1 + review.ledger.orders_today(review.spec.instrument_id, review.moment.now_ns)
    return review.over("orders_per_day_max", count, "orders today") if count > most else None


def _rate(review: Review, code: str, window_s: int, others: int) -> Reason | None:
    """Judge how many leave in a while, with the last of them kept for what closes a position.

    A tenth is for closes alone and another one for protection too: neither a strategy that runs
    wild nor a venue that refuses a stop again and again takes away the way out.
    """
    limit: int = getattr(review.limits, code)
    is_close = review.is_reducing and not review.intent.is_protective
    tenths = 0 if is_close else 1 if review.is_reducing else 2
    kept = tenths * (limit // 10)
    count = 1 + others + len(_recent(review, window_s))
    if count <= limit - kept:
        return None
    if count > limit:
        return review.over(code, count, f"within {window_s} s")
    sentence = f"{count} within {window_s} s is too near the limit of {limit} ({code}): "
    sentence += f"the last {kept} are kept for what closes or protects a position."
    return review.reason(code, count, limit - kept, sentence, "risk file")


def _recent(review: Review, window_s: int) -> list[OrderIntent]:
    """Return the orders approved in so many seconds before now, that moment excluded."""
    since_ns = review.moment.now_ns - window_s * NS_PER_S + 1
    return [fact.intent for fact in review.ledger.recent_intents(since_ns)]


def _is_like(intent: OrderIntent, other: OrderIntent) -> bool:
    """Whether two orders are of the same owner, instrument and side."""
    return (intent.owner, intent.spec.instrument_id, intent.spec.side) == (
        other.owner,
        other.spec.instrument_id,
        other.spec.side,
    )


def _purpose(intent: OrderIntent) -> str:
    """Return what an order is for: the first word of its tag."""
    return intent.tag.partition(" ")[0]


def _is_same(intent: OrderIntent, review: Review) -> bool:
    """Whether an order went out that is this one again; the collar of a market order moves."""
    sent, spec = intent.spec, review.spec
    if not _is_like(intent, review.intent) or _purpose(intent) != _purpose(review.intent):
        return False
    if sent.qty_lots != spec.qty_lots:
        return False
    if review.asked.type == "market":
        return sent.tif == "ioc" and sent.trigger_ticks is None
    return (sent.type, sent.limit_ticks, sent.trigger_ticks) == (
        spec.type,
        spec.limit_ticks,
        spec.trigger_ticks,
    )
