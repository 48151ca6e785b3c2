"""What the commands do that make or change orders: submit, amend, close."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.execution.ledger_orders import OrderRecord
from engine.execution.reconcile import OPEN
from engine.execution.review import ReviewMoment, mark_ticks
from engine.execution.risk import RiskRefused
from engine.execution.rounding import (
    AskedOrder,
    Unroundable,
    limit_ticks_of,
    lots_of,
    rounded,
    trigger_ticks_of,
)
from engine.kernel.brackets import LegType, legs_of
from engine.kernel.closing import slice_lots
from engine.kernel.desk import Closing, moment_of
from engine.kernel.freshness import look_problem
from engine.kernel.owners import filled_whole, taken_from
from engine.kernel.planned_order import describe, level_of, size_text
from engine.kernel.references import reference_now
from engine.kernel.state import InstrumentState, KernelState
from engine.kernel.trails import first_stop, rule_of
from engine.model import commands as c
from engine.model.facts import OrderIntended, ReplaceRequested
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import (
    HAND,
    UNJOURNALLED,
    ApprovedOrder,
    Bracket,
    OrderIntent,
    OrderSpec,
    Side,
)
from engine.model.trails import TrailRule

if TYPE_CHECKING:
    from engine.kernel.plan import Plan


def submit(plan: "Plan", action: c.SubmitOrder) -> None:
    """Plan one order by hand."""
    market = plan.market(action.instrument_id)
    if market is None:
        return
    asked = AskedOrder(
        action.side,
        action.type,
        action.size,
        action.price,
        action.trigger,
        action.tif,
        action.is_post_only,
        action.is_reduce_only,
    )
    spec = rounded(asked, market.instrument)
    if isinstance(spec, Unroundable):
        plan.refuse(spec.sentence)
        return
    bracket = _bracket_of(plan.state, action, spec, market)
    if isinstance(bracket, str):
        plan.refuse(bracket)
        return
    intent = OrderIntent(
        spec, HAND, tag=action.tag, is_protective=action.is_protective, bracket=bracket
    )
    known = len(plan.refusals)
    add_order(plan, market, intent, looked_at=action.book_seq)
    if intent.is_protective and len(plan.refusals) > known:
        plan.refusals += _there_already(plan, spec)


def _there_already(plan: "Plan", spec: OrderSpec) -> list[str]:
    """Say which orders protect a position already, where one more is refused."""
    names = [
        f"o{order.number + 1}"
        for order in plan.ledger.working(spec.instrument_id)
        if order.intent.is_protective
        and (order.spec.type, order.spec.side) == (spec.type, spec.side)
    ]
    return [f"there already: {', '.join(names)}; cancel that first"] if names else []


def add_order(
    plan: "Plan",
    market: InstrumentState,
    intent: OrderIntent,
    *,
    looked_at: int = 0,
    is_flatten: bool = False,
) -> None:
    """Put an order through the gate and into the plan.

    Args:
        plan: Takes it.
        market: Its instrument.
        intent: The order.
        looked_at: Version of the book that a person ordered by; 0 where nobody looked.
        is_flatten: Whether it only flattens, by the narrow gate.
    """
    desk, state = plan.desk, plan.state
    reference = reference_now(state, market, is_reviewed=True)
    review = desk.gate.review_flatten if is_flatten else desk.gate.review
    verdict = review(intent, reference, plan.ledger, desk.limits, moment_of_plan(plan))
    spec = intent.spec
    if isinstance(verdict, RiskRefused):
        plan.refusals += verdict.sentences
        plan.denied.append(verdict)
        plan.orders.append(describe(plan.desk, market, spec))
        return
    reduces = verdict.intent.spec.is_reduce_only
    if not reduces and not desk.is_armed(state.ts_ns):
        plan.refuse("disarmed: arm before an order that adds risk")
    if looked_at and not reduces:
        plan.refuse_for(look_problem(state, market, looked_at, plan.confirm))
    level = level_of(desk, market, spec, state.ts_ns, reduces=reduces)
    plan.ask(level, size_text(market, spec))
    plan.approved.append(verdict)
    if is_flatten:
        plan.flattens.add(verdict)
    key, book_seq = verdict.client_order_id, market.book.last_seq
    plan.foresee(OrderIntended(state.ts_ns, key, verdict.intent, book_seq))
    plan.orders.append(describe(plan.desk, market, verdict.intent.spec))
    if verdict.intent.bracket is not None:
        _foresee_legs(plan, market, verdict)


def _bracket_of(
    state: KernelState, action: c.SubmitOrder, spec: OrderSpec, market: InstrumentState
) -> Bracket | str | None:
    """Return the bracket in ticks, None without one, or why there can be none."""
    if action.stop is None and action.target is None and action.trail is None:
        return None
    if spec.is_reduce_only:
        return "a reducing order opens nothing that a stop or target could protect"
    side: Side = "sell" if spec.side == "buy" else "buy"
    ticks: list[PriceTicks | None] = [None, None]
    kinds: tuple[LegType, ...] = ("stop", "take_profit")
    for at, (kind, price) in enumerate(zip(kinds, (action.stop, action.target), strict=True)):
        if price is not None:
            found = trigger_ticks_of(price, side, kind, market.instrument)
            if isinstance(found, Unroundable):
                return found.sentence
            ticks[at] = found
    trail = _trail_of(state, action.trail, spec, market)
    if isinstance(trail, str):
        return trail
    bracket = Bracket(ticks[0], ticks[1], trail)
    return _bracket_problem(bracket, spec.side, spec.limit_ticks or spec.trigger_ticks) or bracket


def _trail_of(
    state: KernelState, wish: c.TrailWish | None, spec: OrderSpec, market: InstrumentState
) -> TrailRule | str | None:
    """Return how an entry's stop follows the price, None if it does not, or why it cannot."""
    if wish is None:
        return None
    entry = spec.limit_ticks or spec.trigger_ticks or mark_ticks(reference_now(state, market))
    if entry is None:
        return "no price is known that a stop could follow"
    return rule_of(state, market, wish, int(entry))


def _first_stop(entry: OrderIntent, price: PriceTicks) -> PriceTicks | None:
    """Return where the stop of a bracket is at first, if the entry fills at this price."""
    bracket = entry.bracket or Bracket()
    if bracket.trail is None:
        return bracket.stop_ticks
    side: Side = "sell" if entry.spec.side == "buy" else "buy"
    return first_stop(side, bracket.stop_ticks, price, bracket.trail.start_ticks)


def _bracket_problem(bracket: Bracket | None, side: Side, entry_ticks: PriceTicks | None) -> str:
    """Return why a bracket would close what an entry opens at once; nothing if it would not."""
    if bracket is None or entry_ticks is None:
        return ""
    sign = 1 if side == "buy" else -1
    for word, ticks, beyond in (
        ("stop", bracket.stop_ticks, -sign),
        ("target", bracket.target_ticks, sign),
    ):
        if ticks is not None and (ticks - entry_ticks) * beyond <= 0:
            return f"a {word} at {ticks} ticks would close a {side} at {entry_ticks} ticks at once"
    return ""


def _foresee_legs(plan: "Plan", market: InstrumentState, entry: ApprovedOrder) -> None:
    """Judge and show the legs of a bracket as if all of its entry had been filled."""
    desk, spec = plan.desk, entry.intent.spec
    reference = reference_now(plan.state, market, is_reviewed=True)
    fill = filled_whole(entry, plan.state.ts_ns)
    after = plan.ledger.copied()
    after.apply(fill)
    stop_ticks = _first_stop(entry.intent, fill.price_ticks)
    for leg in legs_of(entry.intent, entry.client_order_id, fill.qty_lots, stop_ticks):
        verdict = desk.gate.review(leg, reference, after, desk.limits, moment_of_plan(plan))
        if isinstance(verdict, RiskRefused):
            plan.refusals += [f"its {leg.tag}: {told}" for told in verdict.sentences]
            plan.denied.append(verdict)
        plan.orders.append(describe(desk, market, leg.spec, after.net_lots(spec.instrument_id)))


def amend(plan: "Plan", action: c.AmendOrder) -> None:
    """Plan another price or size of a working limit order."""
    order = plan.ledger.orders.get(action.client_order_id)
    if order is None or order.is_final:
        state = "unknown" if order is None else order.state
        plan.refuse(f"order {action.client_order_id} cannot be amended: it is {state}")
        return
    parent = plan.ledger.parents.get(order.intent.family)
    if parent is not None and parent.state != "ended":
        plan.refuse(f"{parent.parent_id} works this order: cancel that one to change it")
        return
    market = plan.market(order.spec.instrument_id)
    limit = order.spec.limit_ticks
    if market is None or limit is None:
        plan.refuse("only limit orders can be amended")
        return
    qty = order.spec.qty_lots
    if action.price is not None:
        found = limit_ticks_of(action.price, order.spec.side, market.instrument)
        if isinstance(found, Unroundable):
            plan.refuse(found.sentence)
            return
        limit = found
    if action.size is not None:
        size = lots_of(action.size, market.instrument)
        if isinstance(size, Unroundable):
            plan.refuse(size.sentence)
            return
        qty = size
    if (limit, qty) == (order.spec.limit_ticks, order.spec.qty_lots) and order.state in OPEN:
        plan.refuse("that is its price and size already")
        return
    _amend_to(plan, market, order, limit, qty)


def close(plan: "Plan", action: c.ClosePosition) -> None:
    """Plan the closing of a share of one net position, or of all.

    A position that cannot be closed does not keep the others from it.
    """
    plan.ask(2)
    if not action.share.is_finite() or not 0 < action.share <= 1:
        plan.refuse(f"a share of {action.share!s:.40} cannot be closed: above 0, 1 at most")
        return
    wanted = [action.instrument_id] if action.instrument_id else plan.desk.ledger.held()
    before, orders = len(plan.refusals), len(plan.approved)
    left = []
    for instrument_id in wanted:
        known = len(plan.refusals)
        _close_one(plan, action, instrument_id)
        left += [f"{symbol_of(instrument_id)} stays: {told}" for told in plan.refusals[known:]]
    if not plan.desk.is_journal_ok and len(plan.approved) > orders:
        plan.unjournalled.update(plan.approved[orders:])
        plan.sentences.append(f"{UNJOURNALLED}: a crash now would forget this close")
    if len(plan.approved) > orders:
        plan.sentences += left
        del plan.refusals[before:]
    elif not left:
        plan.refuse("no position to close")


def _close_one(plan: "Plan", action: c.ClosePosition, instrument_id: InstrumentId) -> None:
    market = plan.market(instrument_id)
    net = plan.desk.ledger.net_lots(instrument_id)
    if market is None or net == 0:
        return
    lots = int(abs(net) * action.share)
    if lots == 0:
        plan.refuse(f"{action.share!s:.40} of {abs(net)} lots is no size to close")
        return
    side: Side = "sell" if net > 0 else "buy"
    limit = None
    if action.price is not None:
        found = limit_ticks_of(action.price, side, market.instrument)
        if isinstance(found, Unroundable):
            plan.refuse(found.sentence)
            return
        limit = found
    is_flatten = _is_killed(plan, instrument_id)
    rests = limit is not None and not is_flatten
    first = lots if rests else _first_slice(plan, market, lots, side)
    spec = OrderSpec(
        instrument_id,
        side,
        "market" if limit is None else "limit",
        QtyLots(first),
        limit,
        tif="ioc" if is_flatten and limit is not None else "gtc",
        is_reduce_only=True,
    )
    tag = "close" if plan.desk.is_journal_ok else f"close {UNJOURNALLED}"
    known = len(plan.approved)
    intent = OrderIntent(spec, HAND, tag=tag)
    add_order(plan, market, intent, is_flatten=is_flatten)
    for approved in plan.approved[known:] if first < lots else ():
        plan.closings[HAND, instrument_id] = Closing(
            approved.client_order_id,
            intent,
            abs(net) - lots,
            is_long=net > 0,
            is_flatten=is_flatten,
            is_unjournalled=not plan.desk.is_journal_ok,
        )
        plan.sentences.append(f"{symbol_of(instrument_id)}: {lots} lots in slices of {first}")
    if plan.ledger.owners(instrument_id) != [HAND]:
        for approved in plan.approved[known:]:
            shares = plan.ledger.shares(filled_whole(approved, plan.state.ts_ns))
            taken = taken_from(plan.ledger, instrument_id, shares)
            plan.sentences += [f"{symbol_of(instrument_id)}: takes {taken}"] if taken else []


def _first_slice(plan: "Plan", market: InstrumentState, lots: int, side: Side) -> int:
    """Return how much of a close one order may have; the rest follows when it has ended."""
    reference = reference_now(plan.state, market, is_reviewed=True)
    return slice_lots(plan.desk, reference, side, lots)


def _is_killed(plan: "Plan", instrument_id: InstrumentId) -> bool:
    """Whether only the narrow gate is open; a position that was killed for its loss can go too."""
    return plan.desk.ledger.trading_state(instrument_id, HAND) == "killed"


def moment_of_plan(plan: "Plan", replaces: str = "") -> ReviewMoment:
    """Return the moment of a review as if all that is planned were done."""
    state = plan.state
    references = {
        key: reference_now(state, market)
        for key, market in state.instruments.items()
        if plan.ledger.net_lots(key) or plan.ledger.working(key)
    }
    return moment_of(plan.desk, references, state.ts_ns, replaces=replaces)


def _amend_to(
    plan: "Plan", market: InstrumentState, order: OrderRecord, limit: PriceTicks, qty: QtyLots
) -> None:
    if order.state not in ("open", "partial"):
        plan.refuse(f"the order is {order.state}; only an open one can be amended")
        return
    if qty <= order.filled_lots:
        plan.refuse(f"{order.filled_lots} of {order.spec.qty_lots} lots are filled; ask for more")
        return
    plan.refuse_for(_bracket_problem(order.intent.bracket, order.spec.side, limit))
    spec = replace(order.spec, limit_ticks=limit, qty_lots=qty)
    intent = replace(order.intent, spec=spec, tag="amend")
    reference = reference_now(plan.state, market, is_reviewed=True)
    moment = moment_of_plan(plan, order.client_order_id)
    desk = plan.desk
    verdict = desk.gate.review(intent, reference, plan.ledger, desk.limits, moment)
    plan.orders.append(describe(plan.desk, market, spec))
    if isinstance(verdict, RiskRefused):
        plan.refusals += verdict.sentences
        plan.denied.append(verdict)
        return
    reduces = spec.is_reduce_only
    if verdict.intent.spec.is_reduce_only and not reduces:
        plan.refuse("it could only leave as reduce-only, which no amend can make it: cancel it")
    if not reduces and not desk.is_armed(plan.state.ts_ns):
        plan.refuse("disarmed: arm before an order that adds risk")
    level = level_of(desk, market, spec, plan.state.ts_ns, reduces=reduces)
    plan.ask(level, size_text(market, spec))
    plan.replaces.append((order.client_order_id, limit, qty))
    plan.foresee(ReplaceRequested(plan.state.ts_ns, order.client_order_id, limit, qty))
