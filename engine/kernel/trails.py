"""Trailing stops: where each belongs now, and the orders at the venue that stand for it.

How far a stop has come is in the ledger, so that a restart goes on from there. No venue moves a
trigger: the stop at the new price is sent first, and the one before goes when the venue has
confirmed it, so that there is never none. Both only reduce.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from msgspec.structs import replace

from engine.execution.ledger_orders import OrderRecord
from engine.execution.ledger_parents import TrailRecord
from engine.execution.positions import is_sane
from engine.execution.review import mark_ticks
from engine.execution.trailing import (
    average_true_range,
    distance_ticks,
    followed,
    stop_behind,
    tighter,
)
from engine.ingest.candles import TIMEFRAMES_S
from engine.kernel import passed
from engine.kernel.alarms import note_stop
from engine.kernel.cancels import cancel
from engine.kernel.recording import record
from engine.kernel.references import reference_now
from engine.kernel.state import InstrumentState, KernelState
from engine.kernel.strategy_orders import may_protect, may_shrink, reviewed, send
from engine.kernel.succession import is_due, moves, shared_out
from engine.model.commands import TrailWish
from engine.model.effects import Effect
from engine.model.envelope import Envelope, TimerFired
from engine.model.facts import OrderFilled, TrailEnded, TrailMoved, TrailSet
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import HAND, Bracket, OrderIntent, OrderSpec, Side
from engine.model.trails import TrailRule

AMOUNT_MAX: Final = 10**12
"""Farther than any price; keeps arithmetic on what somebody says short."""

CANDLES_MAX: Final = 200

PACE_NS: Final = 10 * NS_PER_S
"""Between two moves of a stop at the venue, each of which is two messages (R94)."""

FAR_PART: Final = 4
"""A move worth this part of the distance or more waits for nothing."""


class Generations(NamedTuple):
    """The working stops of one trail: those at the price where they belong, and those before."""

    wanted: OrderIntent
    current: list[OrderRecord]
    late: list[OrderRecord]


def on_fill(
    state: KernelState, envelope: Envelope, event: OrderFilled, effects: list[Effect]
) -> None:
    """Fit the stops to what is held now."""
    del envelope, event
    fit(state, effects)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Let every trail follow the price, and its orders follow the trail."""
    del envelope, event
    trails, refused = state.desk.ledger.trails, state.desk.trails_refused_ns
    for gone in [key for key in refused if key not in trails]:
        del refused[gone]
    for trail in list(trails.values()):
        _follow(state, trail, effects)
    fit(state, effects)


def range_ticks(
    state: KernelState, market: InstrumentState, candles: int, timeframe_s: int
) -> Fraction | None:
    """Return the average true range of closed candles in the venue's ticks; None if unknown."""
    series = market.candles.series[timeframe_s]
    closed_ns = state.ts_ns - timeframe_s * NS_PER_S
    rows = [row for row in series.newest(candles + 2) if row[0] <= closed_ns]
    found = average_true_range([(high, low, close) for _, _, high, low, close, *_ in rows], candles)
    return None if found is None else found / market.tick_ticks


def rule_of(
    state: KernelState, market: InstrumentState, wish: TrailWish, best_ticks: int
) -> TrailRule | str:
    """Return a distance as it was asked for in the venue's steps, or why it cannot be."""
    amount, tick = wish.amount, market.instrument.tick_size
    if tick is None:
        return "The venue has not said in which steps a price may be."
    if not (is_sane(amount) and 0 < amount <= AMOUNT_MAX):
        return f"a stop cannot trail by {amount!s:.40}"
    if not 1 <= wish.candles <= CANDLES_MAX or wish.timeframe_s not in TIMEFRAMES_S:
        return f"a range of {wish.candles} candles of {wish.timeframe_s} s is not kept"
    rule = TrailRule("ticks", amount, 1, wish.candles, wish.timeframe_s)
    found = None
    if wish.kind == "price":
        rule = replace(rule, amount=amount / tick)
    elif wish.kind == "percent":
        rule = replace(rule, kind="percent")
    elif wish.kind == "atr":
        rule = replace(rule, kind="atr")
        found = range_ticks(state, market, wish.candles, wish.timeframe_s)
        if found is None:
            minutes = f"{wish.timeframe_s // 60} min"
            return f"no range is known: it takes {wish.candles + 1} closed candles of {minutes}"
    return replace(rule, start_ticks=distance_ticks(rule, best_ticks, found))


def _follow(state: KernelState, trail: TrailRecord, effects: list[Effect]) -> None:
    """Bring a stop nearer if the price allows it; one that cannot be relied on moves nothing."""
    market = state.instruments.get(trail.instrument_id)
    if market is None or not _counts_alike(state, market):
        return
    mark = mark_ticks(reference_now(state, market))
    if mark is None:
        return
    rule = trail.rule
    is_ranged = rule.kind == "atr"
    found = range_ticks(state, market, rule.candles, rule.timeframe_s) if is_ranged else None
    moved = followed(trail, mark, found)
    if moved is not None:
        record(state, effects, TrailMoved(state.ts_ns, trail.trail_id, *moved))


def _counts_alike(state: KernelState, market: InstrumentState) -> bool:
    """Whether the ledger counts an instrument in the venue's steps; not while they change."""
    steps = state.desk.ledger.steps(market.instrument_id)
    return steps is not None and steps.tick_size == market.instrument.tick_size


def generations(
    state: KernelState,
    wanted: OrderIntent,
    working: Sequence[OrderRecord],
    trail: TrailRecord | None = None,
) -> Generations:
    """Share stops out by their price.

    A move that is under way is ended before the next begins: there are never more than two prices.
    Nor does a small one begin soon after another, if the stop trails.
    """
    staying, leaving = shared_out(working)
    known = [ticks for order in staying if (ticks := order.spec.trigger_ticks) is not None]
    prices = tuple(dict.fromkeys(known))
    is_held = len(prices) > 1 or bool(leaving) or _is_soon(state, wanted, staying, trail)
    if prices and is_held and wanted.spec.trigger_ticks not in prices:
        spec = replace(wanted.spec, trigger_ticks=tighter(wanted.spec.side, *prices))
        wanted = replace(wanted, spec=spec)
    current = [one for one in staying if one.spec.trigger_ticks == wanted.spec.trigger_ticks]
    return Generations(wanted, current, [one for one in working if one not in current])


def _is_soon(
    state: KernelState,
    wanted: OrderIntent,
    staying: Sequence[OrderRecord],
    trail: TrailRecord | None,
) -> bool:
    """Whether a small move would follow another too soon; the trail itself has it already."""
    moved_ns = [one.created_ns for one in staying if one.intent.supersedes]
    if trail is None or not moved_ns or state.ts_ns - max(moved_ns) >= PACE_NS:
        return False
    distance, ticks = abs(trail.best_ticks - trail.stop_ticks), wanted.spec.trigger_ticks or 0
    gained = [abs(ticks - (one.spec.trigger_ticks or 0)) for one in staying]
    return max(gained) * FAR_PART < distance


def end(state: KernelState, trail_id: str, reason: str, effects: list[Effect]) -> None:
    """Let a trail end."""
    record(state, effects, TrailEnded(state.ts_ns, trail_id, reason))


# The stop of a bracket; its legs are sent by `brackets`.


def stop_of(
    state: KernelState, entry: OrderRecord, effects: list[Effect], *, is_waived: bool
) -> PriceTicks | None:
    """Return where the stop of an entry's bracket belongs; a trail begins with its first fill."""
    bracket = entry.intent.bracket or Bracket()
    key, trails = entry.client_order_id, state.desk.ledger.trails
    if key not in trails:
        if bracket.trail is None or is_waived:
            return bracket.stop_ticks
        side: Side = "sell" if entry.spec.side == "buy" else "buy"
        best = PriceTicks(max(1, entry.filled_value // entry.filled_lots))
        stop = first_stop(side, bracket.stop_ticks, best, bracket.trail.start_ticks)
        instrument_id = entry.spec.instrument_id
        began = TrailSet(state.ts_ns, key, instrument_id, side, bracket.trail, best, stop)
        record(state, effects, began)
    return trails[key].stop_ticks


def first_stop(side: Side, stop: PriceTicks | None, best_ticks: int, distance: int) -> PriceTicks:
    """Return where a trail begins: behind the entry, or at its own stop if that is nearer."""
    behind = stop_behind(side, best_ticks, distance)
    return behind if stop is None else tighter(side, stop, behind)


def end_idle(state: KernelState, open_ids: Iterable[str], effects: list[Effect]) -> None:
    """End the trails of entries whose fills are closed."""
    known = set(open_ids)
    trails = state.desk.ledger.trails.values()
    idle = [one.trail_id for one in trails if not one.lots and one.trail_id not in known]
    for trail_id in idle:
        end(state, trail_id, "what it protected is closed", effects)


# Trails that were asked for by themselves.


def fit(state: KernelState, effects: list[Effect]) -> None:
    """Bring the stops of these trails to where they belong and to the size of what is held."""
    for trail in list(state.desk.ledger.trails.values()):
        if trail.lots:
            _fit_one(state, trail, effects)


def intent_of(
    trail: TrailRecord | TrailSet, lots: int, supersedes: tuple[str, ...] = ()
) -> OrderIntent:
    """Return the stop that stands for a trail."""
    spec = OrderSpec(
        trail.instrument_id,
        trail.side,
        "stop",
        QtyLots(lots),
        trigger_ticks=trail.stop_ticks,
        is_reduce_only=True,
    )
    return OrderIntent(
        spec,
        HAND,
        tag="trail",
        is_protective=True,
        family=trail.trail_id,
        supersedes=supersedes,
    )


def protected_lots(state: KernelState, trail: TrailRecord) -> int:
    """Return how much of the net position a trail still protects."""
    net = state.desk.ledger.net_lots(trail.instrument_id)
    held = net if trail.side == "sell" else -net
    return max(0, min(trail.lots - trail.closed_lots, held))


def _fit_one(state: KernelState, trail: TrailRecord, effects: list[Effect]) -> None:
    working = [
        order
        for order in state.desk.ledger.working(trail.instrument_id)
        if (order.intent.family == trail.trail_id or order.client_order_id in trail.replaces)
        and not passed.is_close(order)
    ]
    lots = protected_lots(state, trail)
    if not lots:
        end(state, trail.trail_id, "its position is closed", effects)
        _cancel(state, working, effects)
        return
    wanted, *shares = generations(state, intent_of(trail, lots), working, trail)
    may = may_shrink(state, HAND, trail.instrument_id)
    todo = moves(state, lots, *shares, may_shrink=may)
    _cancel(state, todo.gone, effects)
    if todo.lots:
        spec = replace(wanted.spec, qty_lots=QtyLots(todo.lots))
        _place(state, trail, replace(wanted, spec=spec, supersedes=todo.supersedes), effects)


def _place(
    state: KernelState, trail: TrailRecord, stop: OrderIntent, effects: list[Effect]
) -> None:
    note_stop(state, stop)
    tries = [
        order
        for order in state.desk.ledger.orders.values()
        if order.intent.family == trail.trail_id
    ]
    intent = passed.instead(state, stop, tries)
    may = may_protect(state, HAND, trail.instrument_id) and not passed.is_closing(tries)
    if not (may and _is_due(state, trail, intent, tries)):
        return
    market = state.instruments[trail.instrument_id]
    verdict = reviewed(state, market, intent, effects)
    if isinstance(verdict, str) or not verdict.intent.spec.is_reduce_only:
        state.desk.trails_refused_ns[trail.trail_id] = state.ts_ns
    else:
        send(state, market, verdict, effects)
        passed.tell(state, verdict.intent, effects)


def _is_due(
    state: KernelState, trail: TrailRecord, intent: OrderIntent, tries: list[OrderRecord]
) -> bool:
    """Whether the attempt before, if it failed, is long enough ago."""
    refused_ns = state.desk.trails_refused_ns.get(trail.trail_id, 0)
    return is_due(state, tries, refused_ns, is_exchange=bool(intent.supersedes))


def _cancel(state: KernelState, orders: Iterable[OrderRecord], effects: list[Effect]) -> None:
    for order in orders:
        cancel(state, order, effects)
