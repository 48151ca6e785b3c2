"""Orders of which nobody knows what became of them, and the evidence that settles it (R20 to R28).

An order without an answer is unknown and counts in full. It is asked for until the venue shows it,
or until it is proven that it never came: a plain "there is none" proves little, because the request
may still be on its way and the answer may be from a copy that lags behind (R24).
"""

from typing import Final

from msgspec.structs import replace

from engine.execution.ledger_orders import OrderRecord
from engine.execution.reconcile import (
    OPEN,
    SETTLED_NS,
    adopted,
    is_counted_otherwise,
    is_short_of,
    missing_fills,
    news_of,
)
from engine.kernel import cancels
from engine.kernel.doubts import begin, has_left, newest_ns
from engine.kernel.killing import unverified
from engine.kernel.notices import say
from engine.kernel.order_news import tell
from engine.kernel.recording import record
from engine.kernel.state import KernelState
from engine.kernel.stuck import halt_if_stuck, named, stuck_told
from engine.kernel.venue_clock import ahead_ns
from engine.kernel.venue_side import Doubt, unclear_told
from engine.model import facts as f
from engine.model.account import OrderAnswered, OrderSeen, QueryFailed, TradeRules
from engine.model.effects import Effect, QueryOrder
from engine.model.envelope import Envelope, TimerFired
from engine.model.instrument import venue_of
from engine.model.numbers import NS_PER_S
from engine.model.orders import OrderState

ANSWER_NS: Final = 2 * NS_PER_S
"""An order, a cancel or an amend without an answer for so long is asked for (R20)."""

PACE_NS: Final = (1 * NS_PER_S, 2 * NS_PER_S, 5 * NS_PER_S)
"""Between the first queries of an order; the last one for all that follow."""

LOST_NS: Final = 30 * NS_PER_S
"""A query that nobody has answered for so long is sent again."""

ALARM_NS: Final = 5 * NS_PER_S
"""Unknown for longer, and people hear of it (R26)."""

MARGIN_NS: Final = 1 * NS_PER_S
"""Beyond the life of a request, and between two answers that both say "there is none" (R24)."""

WAITING: Final[tuple[OrderState, ...]] = ("sent", "pending_cancel", "pending_replace")


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Doubt what has no answer, ask for all that is in doubt, and raise the alarm."""
    del event
    desk = state.desk
    if desk.setup.rules is None:
        return
    for order in desk.ledger.working():
        if order.client_order_id not in desk.venue_side.doubts and has_left(state, order):
            _doubt(state, envelope, order, effects)
    for cid, doubt in list(desk.venue_side.doubts.items()):
        known = desk.ledger.orders.get(cid)
        if known is None:  # Forgotten: it had ended long ago.
            del desk.venue_side.doubts[cid]
            continue
        _raise_alarm(state, known, doubt, effects)
        halt_if_stuck(state, known, doubt, effects)
        is_lost = doubt.asked_ns and state.ts_ns - doubt.asked_ns >= LOST_NS
        if is_lost or (not doubt.asked_ns and state.ts_ns >= doubt.next_ns):
            doubt.asked += 1
            doubt.asked_ns = state.ts_ns
            effects.append(QueryOrder(cid))


def on_answered(
    state: KernelState, envelope: Envelope, event: OrderAnswered, effects: list[Effect]
) -> None:
    """Take in what the venue says of one order: its fills in any case, the rest if it is news."""
    desk, cid = state.desk, event.client_order_id
    order, doubt = desk.ledger.orders.get(cid), desk.venue_side.doubts.get(cid)
    if desk.setup.rules is None:
        return
    known_ns = 0 if order is None else newest_ns(state, order)
    fills = missing_fills(desk.ledger, event.fills)
    desk.venue_side.repairs += sum(_is_late(state, event, fill.ts_ns) for fill in fills)
    tell(state, envelope, fills, effects)
    if order is None or doubt is None:
        return
    _pace(state, doubt)
    had_ended, was_unknown = order.is_final, order.state == "unknown"
    verdict = _verdict(state, order, event, doubt, known_ns)
    if verdict is None:
        doubt.unsettled += 1
        desk.venue_side.doubts[cid] = doubt
        return
    changed_ns = 0 if event.order is None else event.order.updated_ns
    is_news = not _was_there(order) or any(not isinstance(one, f.OrderAcked) for one in verdict)
    desk.venue_side.repairs += bool(verdict) and is_news and _is_late(state, event, changed_ns)
    tell(state, envelope, verdict, effects)
    if event.order is not None and event.order.state in OPEN:
        if had_ended:
            _revive(state, order, event.order, effects)
        elif is_counted_otherwise(order, event.order):
            record(state, effects, adopted(event.order, order.intent, state.ts_ns))
    if order.state == "pending_cancel":  # It goes on: the cancel was lost, or is refused.
        cancels.ask(state, cid, effects)
        doubt.unsettled += 1
        desk.venue_side.doubts[cid] = doubt
        return
    _end_doubt(state, cid, was_unknown=was_unknown)


def _end_doubt(state: KernelState, client_order_id: str, *, was_unknown: bool) -> None:
    """Let an order be in doubt no more; after the last one the account is compared again."""
    side = state.desk.venue_side
    side.doubts.pop(client_order_id, None)
    if side.doubts:
        return
    if was_unknown:
        side.ask_now()
    elif side.agreed_ns is None:
        side.ask_by(state.ts_ns)


def on_failed(
    state: KernelState, envelope: Envelope, event: QueryFailed, effects: list[Effect]
) -> None:
    """Ask again later: no answer is no information."""
    del envelope, effects
    doubt = state.desk.venue_side.doubts.get(event.client_order_id)
    if doubt is not None:
        _pace(state, doubt)


def troubles(state: KernelState) -> tuple[str, ...]:
    """Return in words what is not known of the venue's side, or differs; nothing on paper."""
    desk = state.desk
    if desk.setup.rules is None:
        return ()
    unknown = [
        _told(state, order, doubt)
        for cid, doubt in desk.venue_side.doubts.items()
        if (doubt.is_alarmed or doubt.is_stuck)
        and (order := desk.ledger.orders.get(cid)) is not None
    ]
    unclear = map(unclear_told, desk.venue_side.reading.unclear)
    return (*unknown, *unclear, *unverified(state), *desk.venue_side.faults(state.ts_ns))


def _doubt(
    state: KernelState, envelope: Envelope, order: OrderRecord, effects: list[Effect]
) -> None:
    cid = order.client_order_id
    if order.state == "unknown":
        begin(state, cid)
    elif order.state in WAITING and state.ts_ns - order.state_since_ns >= ANSWER_NS:
        if order.state == "sent":
            lost = f.OrderUnknown(state.ts_ns, cid, "no answer within 2 s")
            tell(state, envelope, [lost], effects)
        begin(state, cid)


def _is_late(state: KernelState, event: OrderAnswered, changed_ns: int) -> bool:
    """Whether somebody should have told of a change before it was asked for."""
    return changed_ns - ahead_ns(state) < event.asked_ns - SETTLED_NS


def _pace(state: KernelState, doubt: Doubt) -> None:
    """Note that a query was answered, and when the next one may leave."""
    doubt.asked_ns = 0
    doubt.next_ns = state.ts_ns + PACE_NS[min(max(doubt.asked, 1), len(PACE_NS)) - 1]


def _verdict(
    state: KernelState, order: OrderRecord, event: OrderAnswered, doubt: Doubt, known_ns: int
) -> tuple[f.OrderReport, ...] | None:
    """Return what follows for an order from what the venue says; None where it settles nothing."""
    rules, seen = state.desk.setup.rules, event.order
    assert rules is not None
    if seen is None:
        if order.is_final:
            return ()
        # What has confirmed it may be newer than the copy that lacks it.
        is_news = not _was_there(order) or event.asked_ns > known_ns + rules.replica_lag_ns
        is_proven = is_news and _is_absent(state, order, doubt, event.asked_ns, rules)
        return _never(state, order) if is_proven else None
    if is_short_of(order, seen) or _is_unclear(order, seen):
        return None  # A fill is missing, and none is ever made up (R27).
    if seen.state not in OPEN:
        return news_of(order, seen, state.ts_ns)  # An end is one, however old the answer.
    if order.is_final:  # A copy that lags behind still shows what has ended.
        return () if event.asked_ns > known_ns + rules.replica_lag_ns else None
    news, sure_ns = news_of(order, seen, state.ts_ns), known_ns
    if any(isinstance(one, f.ReplaceRejected) for one in news):  # It may still be on its way.
        sure_ns = max(known_ns, _lapsed_ns(state, order, doubt, rules) + rules.replica_lag_ns)
    elif any(isinstance(one, f.OrderReplaced) for one in news) and _may_be_old(order, seen):
        is_newer = seen.updated_ns - ahead_ns(state) > known_ns + MARGIN_NS
        sure_ns = known_ns if is_newer else known_ns + rules.replica_lag_ns
    return news if event.asked_ns > sure_ns else None


def _is_unclear(order: OrderRecord, seen: OrderSeen) -> bool:
    """Whether nobody can say more than that an order is there, which was not known of it."""
    return seen.state == "unclear" and order.state not in (*OPEN, "pending_cancel")


def _may_be_old(order: OrderRecord, seen: OrderSeen) -> bool:
    """Whether a copy that lags behind may show a price and size that were before ours."""
    is_asked = (seen.limit_ticks, seen.qty_lots) == (order.asked_limit_ticks, order.asked_qty_lots)
    return bool(order.venue_order_id) and not is_asked


def _is_absent(
    state: KernelState, order: OrderRecord, doubt: Doubt, asked_ns: int, rules: TradeRules
) -> bool:
    """Whether it is proven that the venue has no such order: it has said so twice (R24).

    Each time when the request had lapsed and every copy had caught up with that. A stream that
    told nothing meanwhile proves nothing: it may be deaf, or later than any copy.
    """
    proof_ns = _lapsed_ns(state, order, doubt, rules)
    proof_ns += (not _was_there(order)) * rules.replica_lag_ns
    if asked_ns < proof_ns:
        doubt.next_ns = min(doubt.next_ns, max(proof_ns, state.ts_ns))
        return False
    if doubt.absent_ns < proof_ns:  # None yet, or one that no longer counts.
        doubt.absent_ns = asked_ns
        doubt.next_ns = min(doubt.next_ns, state.ts_ns + MARGIN_NS)
        return False
    return asked_ns - doubt.absent_ns >= MARGIN_NS


def _was_there(order: OrderRecord) -> bool:
    """Whether the venue has ever confirmed an order."""
    return bool(order.venue_order_id or order.filled_lots)


def _lapsed_ns(state: KernelState, order: OrderRecord, doubt: Doubt, rules: TradeRules) -> int:
    """Return from when on no request for an order can come to the venue any more (R24)."""
    clock = state.clocks.get(venue_of(order.spec.instrument_id))
    error_ns = 0 if clock is None else abs(clock.offset_ns)
    return doubt.since_ns + rules.validity_ns + error_ns + MARGIN_NS


def _never(state: KernelState, order: OrderRecord) -> tuple[f.OrderReport, ...]:
    """Return the verdict on an order that the venue does not have; no failure of the venue's."""
    cid = order.client_order_id
    if _was_there(order):
        return (f.OrderCanceled(state.ts_ns, cid, "the venue has it no more"),)
    never = "the venue never accepted it"
    return (f.OrderRejected(state.ts_ns, cid, never, is_by_venue=False),)


def _revive(state: KernelState, order: OrderRecord, seen: OrderSeen, effects: list[Effect]) -> None:
    """Let an order work again that we took for ended: it may fill, so it counts."""
    intent = replace(order.intent, spec=replace(order.spec, **_terms(seen)))
    record(state, effects, adopted(seen, intent, state.ts_ns))
    state.desk.venue_side.repairs += 1
    text = f"{named(order)} works at the venue although it had ended ({order.reason})"
    say(state, effects, "error", "reconcile", text)


def _terms(seen: OrderSeen) -> dict[str, object]:
    """Return price and size as the venue shows them; the rest is as it was approved."""
    terms: dict[str, object] = {"qty_lots": seen.qty_lots}
    return terms if seen.limit_ticks is None else terms | {"limit_ticks": seen.limit_ticks}


def _raise_alarm(
    state: KernelState, order: OrderRecord, doubt: Doubt, effects: list[Effect]
) -> None:
    is_late = order.state == "unknown" and state.ts_ns - doubt.since_ns > ALARM_NS
    if is_late and not doubt.is_alarmed:
        doubt.is_alarmed = True
        state.desk.version += 1
        say(state, effects, "error", "reconcile", _told(state, order, doubt))


def _told(state: KernelState, order: OrderRecord, doubt: Doubt) -> str:
    age_s = (state.ts_ns - doubt.since_ns) // NS_PER_S
    if doubt.is_stuck:
        return stuck_told(state, order, doubt)
    return f"UNKNOWN {named(order)} for {age_s} s: it counts in full until the venue shows it"
