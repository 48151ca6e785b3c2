"""Controls of the order itself: shape, instrument, price, size, and what works beside it.

Each control looks at one review and returns its reason, or None. None of them changes anything,
and none depends on another, so that all of them can speak at once.
"""

from collections.abc import Callable, Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from engine.execution.ledger_orders import OrderRecord
from engine.execution.limits import RiskLimits
from engine.execution.market_reference import MarketReference
from engine.execution.rate_controls import (
    cooldown,
    duplicate,
    long_order_rate,
    message_rate,
    order_rate,
    orders_per_day,
    repeated_entries,
)
from engine.execution.review import Reason, Review, is_fast, plain, reference_ticks, unit_of
from engine.model.instrument import Instrument, symbol_of
from engine.model.market import Freshness
from engine.model.numbers import NS_PER_S, UNITS_MAX, PriceTicks
from engine.model.orders import OrderSpec, Side

Control = Callable[[Review], Reason | None]

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
    elif review.spec.instrument_id in review.moment.instrument_faults:
        problem = review.moment.instrument_faults[review.spec.instrument_id]
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
    """A trigger lies near the reference.

    What the kernel sends to protect a position is excepted: where it belongs was judged when a
    person asked for it, the market has run since, and no stop is worse than a far one.
    """
    trigger, reference = review.spec.trigger_ticks, reference_ticks(review.market)
    if trigger is None or reference is None or reference <= 0 or _renews(review):
        return None
    share = abs(trigger - reference) / reference
    if share <= review.limits.trigger_collar_share:
        return None
    return review.over("trigger_collar_share", share, "away from the market")


def order_value(review: Review) -> Reason | None:
    """An order is worth no more than the limit at the worst price it may get.

    Like other limits of size it does not stop what the kernel sends to protect a position: that is
    worth more than its entry was as soon as the price has moved, and closes no more than is held.
    """
    value = value_of(review)
    if value is None or value <= review.limits.order_value_max or _renews(review):
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
    if most is None or review.spec.qty_lots <= most or _renews(review):
        return None
    return review.over("order_lots_max", review.spec.qty_lots, "lots")


def order_medians(review: Review) -> Reason | None:
    """An order is no giant beside the trades of the day."""
    most, median = review.limits.order_medians_max, review.market.median_trade_lots
    if most is None or median is None or median <= 0:
        return None
    if review.spec.qty_lots <= most * median or _renews(review):
        return None
    return review.over("order_medians_max", Decimal(review.spec.qty_lots) / median, "median trades")


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


def _renews(review: Review) -> bool:
    """Whether the kernel sends it to protect a position, where it was told some time before."""
    intent, ledger = review.intent, review.ledger
    entry = ledger.orders.get(intent.parent)
    is_leg = entry is not None and entry.created_ns < review.moment.now_ns
    is_ours = is_leg or intent.family in ledger.trails or review.is_by_strategy
    return intent.is_protective and review.is_reducing and is_ours


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
