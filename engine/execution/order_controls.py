"""Controls of the order itself: shape, instrument, price, size, rate, and what works beside it.

Each control looks at one review and returns its reason, or None. None of them changes anything,
and none depends on another, so that all of them can speak at once.
"""

from collections.abc import Callable, Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from engine.execution.ledger_orders import OrderRecord
from engine.execution.limits import RiskLimits
from engine.execution.market_reference import MarketReference
from engine.execution.review import Reason, Review, is_fast, plain, reference_ticks, unit_of
from engine.model.instrument import Instrument, symbol_of
from engine.model.market import Freshness
from engine.model.numbers import NS_PER_S, UNITS_MAX, PriceTicks
from engine.model.orders import OrderIntent, OrderSpec, Side

Control = Callable[[Review], Reason | None]

_TEN_MIN_S: Final = 600
_HOUR_S: Final = 3_600
_DAY_MIN: Final = 1_440
_MIN_NS: Final = 60 * NS_PER_S
_MISSING: Final[tuple[Freshness, ...]] = ("stale", "none")


def shape(review: Review) -> Reason | None:
    """Numbers are there, positive and bounded, and agree with the order's type."""
    spec = review.spec
    if not 0 < spec.qty_lots < UNITS_MAX:
        sentence = f"{spec.qty_lots} lots cannot be ordered: a size is at least one lot."
        return review.reason("size", spec.qty_lots, 1, sentence, "venue")
    for ticks in (spec.limit_ticks, spec.trigger_ticks):
        if ticks is not None and not 0 < ticks < UNITS_MAX:
            sentence = f"A price of {ticks} ticks cannot be ordered: it is at least one tick."
            return review.reason("price", ticks, 1, sentence, "venue")
    problem = _shape_problem(review.asked)
    return review.reason("order_type", spec.qty_lots, 0, problem, "venue") if problem else None


def instrument(review: Review) -> Reason | None:
    """The venue trades it, in steps that it has named, and it can be reckoned in dollars."""
    found = review.market.instrument
    if found.is_inverse:
        problem = f"{review.name} is an inverse contract; those are shown but not traded."
    elif unit_of(review.market) is None:
        problem = f"The venue has not said in which steps {review.name} is traded."
    elif changed := _changed_steps(review):
        problem = changed
    elif not found.is_trading:
        problem = f"The venue does not trade {review.name} now."
    elif not found.is_quoted_in_dollars and not review.is_reducing:
        problem = (
            f"{review.name} is quoted in {found.quote or 'nothing known'}; limits are dollars."
        )
    else:
        return None
    return review.reason("instrument", review.spec.qty_lots, 0, problem, "venue")


def _changed_steps(review: Review) -> str:
    """Return what changed if the ledger counts the instrument in other steps than the venue."""
    found, known = review.market.instrument, review.ledger.steps(review.spec.instrument_id)
    if known is None or (known.tick_size, known.lot_size) == (found.tick_size, found.lot_size):
        return ""
    return (
        f"The steps of {review.name} changed from {known.tick_size} and {known.lot_size} to"
        f" {found.tick_size} and {found.lot_size}; what is held and works in the old ones must"
        " be settled first."
    )


def permission(review: Review) -> Reason | None:
    """The instrument is on the list of those allowed and on none of those denied."""
    limits, found = review.limits, review.market.instrument
    if review.is_reducing:
        return None
    if limits.denied is not None and _is_listed(found, limits.denied):
        return review.reason(
            "denied", review.spec.qty_lots, 0, f"{review.name} is on the list denied.", "risk file"
        )
    if limits.allowed is not None and not _is_listed(found, limits.allowed):
        sentence = f"{review.name} is not on the list allowed."
        return review.reason("allowed", review.spec.qty_lots, 0, sentence, "risk file")
    return None


def trading_hours(review: Review) -> Reason | None:
    """New risk is taken within the hours of the risk file; from after to passes midnight."""
    begin, end = review.limits.trading_from_minute_utc, review.limits.trading_to_minute_utc
    minute = review.moment.now_ns // _MIN_NS % _DAY_MIN
    is_open = begin <= minute < end if begin <= end else not end <= minute < begin
    if is_open or review.is_reducing:
        return None
    sentence = f"Minute {minute} of the UTC day is outside trading hours, {begin} to {end}."
    return review.reason("trading_from_minute_utc", minute, begin, sentence, "risk file")


def data_gate(review: Review) -> Reason | None:
    """New risk needs a whole and recent book, and nothing else that the kernel knows to be off."""
    if review.is_reducing:
        return None
    market = review.market
    if market.book_state != "live":
        problem = f"The book of {review.name} is {market.book_state}; only reducing is possible."
    elif market.freshness in _MISSING:
        problem = f"The book of {review.name} is too old; only reducing is possible."
    elif review.moment.faults:
        problem = " ".join(review.moment.faults)
    else:
        return None
    return review.reason("data_gate", review.spec.qty_lots, 0, problem, "market data")


def price_collar(review: Review) -> Reason | None:
    """A limit price lies near the reference: nearer through the market than behind it."""
    spec, reference = review.spec, reference_ticks(review.market)
    if spec.limit_ticks is None or reference is None or review.asked.type == "market":
        return None
    if spec.trigger_ticks is not None:
        reference = Decimal(spec.trigger_ticks)
    through = collar_share(review.market, review.limits)
    above, below = (
        (through, review.limits.resting_collar_share)
        if spec.side == "buy"
        else (review.limits.resting_collar_share, through)
    )
    highest, lowest = reference * (1 + above), reference * (1 - below)
    if lowest <= spec.limit_ticks <= highest:
        return None
    bound = highest if spec.limit_ticks > highest else lowest
    is_through = (spec.side == "buy") == (spec.limit_ticks > highest)
    code = collar_code(review.market, review.limits) if is_through else "resting_collar_share"
    relation = "above the highest" if spec.limit_ticks > highest else "below the lowest"
    sentence = f"A price of {spec.limit_ticks} ticks is {relation} of {plain(bound)} ({code})."
    return review.reason(code, spec.limit_ticks, bound, sentence, "risk file")


def trigger_collar(review: Review) -> Reason | None:
    """A trigger lies near the reference."""
    trigger, reference = review.spec.trigger_ticks, reference_ticks(review.market)
    if trigger is None or reference is None or reference <= 0:
        return None
    share = abs(trigger - reference) / reference
    if share <= review.limits.trigger_collar_share:
        return None
    return review.over("trigger_collar_share", share, "away from the market")


def order_value(review: Review) -> Reason | None:
    """An order is worth no more than the limit at the worst price it may get."""
    value = value_of(review)
    if value is None or value <= review.limits.order_value_max:
        return None
    return review.over("order_value_max", value, _quote(review))


def order_value_floor(review: Review) -> Reason | None:
    """An entry is worth the trouble."""
    value, least = value_of(review), review.limits.order_value_min
    if value is None or least is None or value >= least or review.is_reducing:
        return None
    return review.over("order_value_min", value, _quote(review))


def notional_min(review: Review) -> Reason | None:
    """The venue takes no smaller order, unless it reduces."""
    least, unit = review.market.instrument.notional_min, unit_of(review.market)
    price = review.spec.limit_ticks or review.spec.trigger_ticks or reference_ticks(review.market)
    if least is None or unit is None or price is None or review.spec.is_reduce_only:
        return None
    value = review.spec.qty_lots * price * unit
    if value >= least:
        return None
    sentence = f"{plain(value)} {_quote(review)} is below the venue's least of {plain(least)}."
    return review.reason("notional_min", value, least, sentence, "venue")


def order_lots(review: Review) -> Reason | None:
    """An order has no more lots than the limit."""
    most = review.limits.order_lots_max
    if most is None or review.spec.qty_lots <= most:
        return None
    return review.over("order_lots_max", review.spec.qty_lots, "lots")


def order_medians(review: Review) -> Reason | None:
    """An order is no giant beside the trades of the day."""
    most, median = review.limits.order_medians_max, review.market.median_trade_lots
    if most is None or median is None or median <= 0 or review.spec.qty_lots <= most * median:
        return None
    return review.over("order_medians_max", Decimal(review.spec.qty_lots) / median, "median trades")


def order_rate(review: Review) -> Reason | None:
    """Orders within a second."""
    return _rate(review, "orders_per_s_max", 1, 0)


def message_rate(review: Review) -> Reason | None:
    """Orders, cancels and amendments within a second; cancels themselves are never refused."""
    return _rate(review, "messages_per_s_max", 1, review.moment.other_messages)


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


def losing_exits(review: Review) -> Reason | None:
    """A strategy that keeps losing waits for a person."""
    most = review.limits.losing_exits_per_day_max
    if most is None or review.is_reducing or not review.is_by_strategy:
        return None
    owner, now_ns = review.intent.owner, review.moment.now_ns
    lost = review.ledger.losing_exits(owner, review.spec.instrument_id, now_ns)
    if lost < most:
        return None
    sentence = f"{lost} losing exits reach the limit of {most} (losing_exits_per_day_max)."
    return review.reason("losing_exits_per_day_max", lost, most, sentence, "risk file")


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


def self_cross(review: Review) -> Reason | None:
    """An order does not trade with one of our own."""
    spec = review.spec
    nearest = own_ticks(review.working(), spec.side)
    if spec.limit_ticks is None or spec.trigger_ticks is not None or nearest is None:
        return None
    if spec.limit_ticks < nearest if spec.side == "buy" else spec.limit_ticks > nearest:
        return None
    sentence = f"A price of {spec.limit_ticks} ticks would meet an own order at {nearest}."
    return review.reason("self_cross", spec.limit_ticks, nearest, sentence, "ledger")


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


def collar_code(market: MarketReference, limits: RiskLimits) -> str:
    """Return the name of the collar that an instrument has."""
    is_major = market.instrument.base in limits.majors
    return "price_collar_major_share" if is_major else "price_collar_share"


def collar_share(market: MarketReference, limits: RiskLimits) -> Decimal:
    """Return how far through the market an order may go; half as far while the market runs."""
    share: Decimal = getattr(limits, collar_code(market, limits))
    return share / 2 if is_fast(market, limits) else share


def collar_ticks(market: MarketReference, side: Side, limits: RiskLimits) -> PriceTicks | None:
    """Return the limit price of a market order: the collar, rounded towards the market."""
    reference = reference_ticks(market)
    if reference is None or reference <= 0:
        return None
    share = collar_share(market, limits)
    if side == "buy":
        ticks = (reference * (1 + share)).to_integral_value(ROUND_FLOOR)
    else:
        ticks = (reference * (1 - share)).to_integral_value(ROUND_CEILING)
    return PriceTicks(max(1, int(ticks)))


def own_ticks(working: Iterable[OrderRecord], side: Side) -> PriceTicks | None:
    """Return the nearest price at which an order of this side would meet one of our own."""
    resting = [
        order.spec.limit_ticks
        for order in working
        if order.spec.side != side
        and order.spec.limit_ticks is not None
        and order.spec.trigger_ticks is None
        and order.spec.tif == "gtc"
    ]
    if not resting:
        return None
    return min(resting) if side == "buy" else max(resting)


def clear_of_own(
    ticks: PriceTicks, market: MarketReference, side: Side, working: Iterable[OrderRecord]
) -> PriceTicks:
    """Return a market order's price one tick short of our own orders, if it still can trade."""
    nearest = own_ticks(working, side)
    if nearest is None:
        return ticks
    if side == "buy":
        short = PriceTicks(min(ticks, nearest - 1))
        return short if market.ask_ticks is not None and short >= market.ask_ticks else ticks
    short = PriceTicks(max(ticks, nearest + 1))
    return short if market.bid_ticks is not None and short <= market.bid_ticks else ticks


def value_of(review: Review) -> Decimal | None:
    """Return what the order is worth at the worst of its prices and the reference."""
    unit, reference = unit_of(review.market), reference_ticks(review.market)
    spec = review.spec
    prices = [
        Decimal(ticks)
        for ticks in (spec.limit_ticks, spec.trigger_ticks, reference)
        if ticks is not None
    ]
    return None if unit is None or not prices else spec.qty_lots * max(prices) * unit


def _shape_problem(spec: OrderSpec) -> str:
    if spec.type == "limit" and spec.limit_ticks is None:
        return "A limit order needs a price."
    if spec.type == "market" and (spec.limit_ticks is not None or spec.is_post_only):
        return "A market order has no price and cannot be post-only."
    if (spec.type in ("stop", "take_profit")) != (spec.trigger_ticks is not None):
        return "A stop or take-profit needs a trigger, and no other order has one."
    if spec.is_post_only and (spec.tif != "gtc" or spec.limit_ticks is None):
        return "A post-only order has a price and stays until it is canceled."
    return ""


def _is_listed(instrument: Instrument, names: tuple[str, ...]) -> bool:
    found = instrument.instrument_id
    return any(name in names for name in (found, symbol_of(found), instrument.base) if name)


def _quote(review: Review) -> str:
    return review.market.instrument.quote


def _rate(review: Review, code: str, window_s: int, others: int) -> Reason | None:
    count = 1 + others + len(_recent(review, window_s))
    if count <= getattr(review.limits, code):
        return None
    return review.over(code, count, f"within {window_s} s")


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


ORDER_CONTROLS: Final[tuple[Control, ...]] = (
    shape,
    instrument,
    permission,
    trading_hours,
    data_gate,
    price_collar,
    trigger_collar,
    order_value,
    order_value_floor,
    notional_min,
    order_lots,
    order_medians,
    order_rate,
    message_rate,
    long_order_rate,
    repeated_entries,
    losing_exits,
    duplicate,
    self_cross,
    cooldown,
    orders_per_day,
)
