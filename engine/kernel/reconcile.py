"""When the venue is asked for the whole account, and what its answer changes (R40 to R45).

One path for a start, a crash and a lost stream. What was filled or paid is booked; an order that is
shown otherwise than we know it is asked for singly; a position that stays different halts its
instrument until a person accepts it by name. A report that failed, or that something has overtaken,
is no information.
"""

from typing import Final

from engine.execution import reconcile as verdicts
from engine.execution.risk import TradingStateAdvice
from engine.kernel import cash
from engine.kernel.doubts import begin, has_left, newest_ns
from engine.kernel.notices import say
from engine.kernel.opening import open_account, opening_fault
from engine.kernel.order_news import tell
from engine.kernel.recording import record
from engine.kernel.report_window import report_since_ns
from engine.kernel.state import KernelState
from engine.kernel.step_down import step_down
from engine.kernel.unclear import note_unclear
from engine.kernel.venue_clock import ahead_ns
from engine.kernel.venue_side import (
    DIFFERENCE,
    NOT_OPEN,
    ROUNDS_MAX,
    SPACING_NS,
    UNSURE_NS,
    Margin,
    Mismatch,
    others_told,
)
from engine.model import account as a
from engine.model.effects import Effect, RequestReport
from engine.model.envelope import Envelope, RunStarted, TimerFired
from engine.model.facts import AccountConfirmed
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.numbers import NS_PER_S

EVERY_NS: Final = 30 * NS_PER_S
BUSY_PCT: Final = 50
BUSY_SPACING_NS: Final = 10 * NS_PER_S
"""Where so much of the allowance is used, questions may not use up what answers them."""

LOST_NS: Final = 60 * NS_PER_S
"""A report that nobody has answered for so long is asked for again."""

LATE_NS: Final = 3_600 * NS_PER_S
"""While the cash differs, movements of money are looked for so much further back: a venue may list
one long after the balance has it."""

USED_PCT_ALARM: Final = 80
"""Of a venue's rate limit; people hear of more (R94)."""


# When.


def on_run_started(
    state: KernelState, envelope: Envelope, event: RunStarted, effects: list[Effect]
) -> None:
    """Begin with the account as it is left; the first timer asks the venue."""
    del envelope, event, effects
    side, ledger = state.desk.venue_side, state.desk.ledger
    side.began_ns = state.ts_ns
    side.contradictions = ledger.contradictions


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Ask for the account when it is time, and again when an answer is lost."""
    del envelope, event
    side, rules = state.desk.venue_side, state.desk.setup.rules
    if rules is None:
        return
    for name, one in list(side.mismatches.items()):
        if one.seen.lots == state.desk.ledger.net_lots(name):
            _end_mismatch(state, name, effects)
    if side.cash is not None:
        cash.end_if_equal(state, side.cash.theirs, effects)
    age_ns = state.ts_ns - side.asked_ns
    if side.is_waiting and age_ns >= LOST_NS:
        side.is_waiting = False
        side.report_fault = "no answer"
    spacing_ns = SPACING_NS if side.used_pct < BUSY_PCT else BUSY_SPACING_NS
    if side.is_waiting or state.ts_ns < side.due_ns or age_ns < spacing_ns:
        return
    side.number += 1
    side.asked_ns, side.is_waiting, side.due_ns = state.ts_ns, True, state.ts_ns + EVERY_NS
    since_ns = report_since_ns(state, rules)
    cash_ns = max(0, since_ns - LATE_NS) if side.cash is not None else None
    effects.append(RequestReport(side.number, since_ns, cash_ns))


def on_private_up(
    state: KernelState, envelope: Envelope, event: a.PrivateUp, effects: list[Effect]
) -> None:
    """Ask for what may have been missed; what was asked before proves nothing any more."""
    del envelope
    side = state.desk.venue_side
    side.up_ns, side.down_reason = state.ts_ns, ""
    side.agreed_ns, side.due_ns = None, 0
    side.is_waiting = False
    state.desk.version += 1
    say(state, effects, "info", "reconcile", f"{event.venue}: the private stream is open")


def on_private_down(
    state: KernelState, envelope: Envelope, event: a.PrivateDown, effects: list[Effect]
) -> None:
    """Let nothing that adds risk leave while nobody tells of our own orders.

    People hear of it once; why the tries to open it again fail is shown beside.
    """
    del envelope
    side = state.desk.venue_side
    is_news = side.up_ns is not None or side.down_reason == NOT_OPEN
    side.up_ns, side.down_reason = None, event.reason
    side.agreed_ns = None
    side.is_waiting = False
    side.ask_by(state.ts_ns)
    state.desk.version += 1
    if is_news:
        text = f"{event.venue}: the private stream is down ({event.reason}): no order that adds"
        say(state, effects, "error", "reconcile", f"{text} risk leaves")


def on_report_failed(
    state: KernelState, envelope: Envelope, event: a.ReportFailed, effects: list[Effect]
) -> None:
    """Ask again later: no answer is no information (R41); people hear of what does not pass."""
    del envelope
    side = state.desk.venue_side
    if event.number == side.number and side.is_waiting:
        side.is_waiting = False
        if event.reason == side.report_fault and not side.reading.is_fault_told:
            side.reading.is_fault_told = True
            text = f"the account cannot be read: {event.reason}; it is asked for every 5 s"
            say(state, effects, "error", "reconcile", text)
        side.report_fault = event.reason
        side.due_ns = state.ts_ns + UNSURE_NS


# What.


def on_reported(
    state: KernelState, envelope: Envelope, event: a.AccountReported, effects: list[Effect]
) -> None:
    """Bring the ledger to what the venue proves, doubt what it shows otherwise, compare."""
    desk = state.desk
    side = desk.venue_side
    if desk.setup.rules is None or event.number != side.number or not side.is_waiting:
        return  # Not asked for any more.
    side.is_waiting = side.reading.is_fault_told = False
    prices = {one.instrument_id: one.liquidation_price for one in event.positions}
    side.margin = Margin(verdicts.free_margin_share(event.balances), prices)
    note_unclear(state, event, effects)
    side.report_fault = opening_fault(state, event)
    side.due_ns = state.ts_ns + UNSURE_NS
    if side.report_fault:
        _adopt(state, event, effects)  # A kill must be able to cancel it.
        return
    if not desk.ledger.currency:
        open_account(state, event, effects)
    _book(state, envelope, event, effects)
    _adopt(state, event, effects)
    _forget(state)
    for cid in verdicts.doubtful(desk.ledger, event, _changed_ns(state)):
        begin(state, cid)
    are_equal = _compare(state, event, effects)
    if are_equal and not side.doubts:
        cash.compare(state, event, effects)
        _confirm(state, event, effects)
        side.due_ns = state.ts_ns + EVERY_NS


def on_cash(
    state: KernelState, envelope: Envelope, event: a.CashSeen, effects: list[Effect]
) -> None:
    """Book money that moved by other ways than fills, once."""
    del envelope
    if state.desk.setup.rules is None or not state.desk.ledger.currency:
        return  # The report that opens the account has it in its balances.
    for fact in verdicts.cash_facts(state.desk.ledger, (event,), state.ts_ns):
        record(state, effects, fact)


def on_rate(
    state: KernelState, envelope: Envelope, event: a.RateUsed, effects: list[Effect]
) -> None:
    """Let nothing that adds risk leave while the venue has shut us out (R94)."""
    del envelope
    side = state.desk.venue_side
    was_banned = side.banned_until_ns > 0  # That it is over is told after its end.
    was_pct, side.used_pct = side.used_pct, event.used_pct
    side.banned_until_ns, side.ban_reason = event.banned_until_ns, event.reason
    state.desk.version += 1
    if event.banned_until_ns > state.ts_ns:
        left_s = (event.banned_until_ns - state.ts_ns) // NS_PER_S
        text = f"{event.venue} answers nothing for {left_s} s ({event.reason})"
        say(state, effects, "error", "rate limit", f"{text}: no order that adds risk leaves")
    elif was_banned:
        say(state, effects, "info", "rate limit", f"{event.venue} answers again")
    elif event.used_pct >= USED_PCT_ALARM > was_pct:
        text = f"{event.used_pct} % of what {event.venue} allows is used"
        say(state, effects, "warning", "rate limit", text)


def on_rights(
    state: KernelState, envelope: Envelope, event: a.RightsSeen, effects: list[Effect]
) -> None:
    """Halt a run whose key may do too much or too little (R111); the shell refuses it first."""
    del envelope
    fault = ""
    if event.may_withdraw:
        fault = f"the key for {event.venue} may withdraw: make one that may only trade"
    elif event.may_trade is False:
        fault = f"the key for {event.venue} may not trade: allow it at the venue"
    state.desk.venue_side.rights_fault = fault
    if fault:
        step_down(state, effects, [TradingStateAdvice("all", "halted", fault)])


def on_margin(
    state: KernelState, envelope: Envelope, event: a.MarginChanged, effects: list[Effect]
) -> None:
    """Ask for the account at once: what is free, and how near a liquidation is, is another now."""
    del envelope
    state.desk.venue_side.ask_by(state.ts_ns)
    if event.is_call:
        text = f"MARGIN CALL of {event.venue}: it closes positions unless more backs them"
        say(state, effects, "error", "reconcile", text)


def _book(
    state: KernelState, envelope: Envelope, event: a.AccountReported, effects: list[Effect]
) -> None:
    """Book fills and movements of money that nobody has told of."""
    desk = state.desk
    fills = verdicts.missing_fills(desk.ledger, event.fills)
    told_ns = event.asked_ns + ahead_ns(state) - verdicts.SETTLED_NS
    late = [fill for fill in fills if fill.ts_ns < told_ns]
    desk.venue_side.repairs += len(late)
    if late:
        text = f"{len(late)} fills were not told of and are booked from the venue's history"
        say(state, effects, "warning", "reconcile", text)
    tell(state, envelope, fills, effects)
    for fact in verdicts.cash_facts(desk.ledger, event.cash, state.ts_ns):
        record(state, effects, fact)


def _adopt(state: KernelState, event: a.AccountReported, effects: list[Effect]) -> None:
    """Count orders that were made elsewhere, and say so (R34); another engine's forbid more."""
    side, others = state.desk.venue_side, verdicts.others_engines(state.desk.ledger, event)
    if others and not side.reading.others_orders:
        text = f"another engine trades this account: {others_told(others)}; no order that adds risk"
        say(state, effects, "error", "reconcile", f"{text} leaves")
    side.reading.others_orders = others
    for fact in verdicts.strangers(state.desk.ledger, event, state.ts_ns):
        record(state, effects, fact)
        spec = fact.intent.spec
        text = f"{spec.side} {symbol_of(spec.instrument_id)} was made elsewhere and counts as ours"
        say(state, effects, "warning", "reconcile", f"order {fact.client_order_id}: {text}")


def _forget(state: KernelState) -> None:
    """Let go of what was heard of orders that are forgotten."""
    side, orders = state.desk.venue_side, state.desk.ledger.orders
    side.heard_ns = {cid: ts_ns for cid, ts_ns in side.heard_ns.items() if cid in orders}


def _changed_ns(state: KernelState) -> dict[str, int]:
    """Return when each order that may be at the venue changed last."""
    orders = state.desk.ledger.orders.values()
    return {one.client_order_id: newest_ns(state, one) for one in orders if has_left(state, one)}


def _compare(state: KernelState, event: a.AccountReported, effects: list[Effect]) -> bool:
    """Compare positions and return whether all are the venue's.

    One just filled is not judged, nor one of which an order is in doubt.
    """
    side, orders = state.desk.venue_side, state.desk.ledger.orders
    unsure = {orders[cid].spec.instrument_id for cid in side.doubts if cid in orders}
    found = verdicts.differences(state.desk.ledger, event.positions)
    for name in [name for name in side.mismatches if name not in found and name not in unsure]:
        _end_mismatch(state, name, effects)
    for name, seen in found.items():
        if name in unsure:
            continue
        if side.filled_ns.get(name, 0) >= event.asked_ns - verdicts.SETTLED_NS:
            continue
        known = side.mismatches.setdefault(name, Mismatch(state.ts_ns, seen))
        known.rounds, known.seen, known.asked_ns = known.rounds + 1, seen, event.asked_ns
        _judge(state, name, known, effects)
    return not found


def _end_mismatch(state: KernelState, name: InstrumentId, effects: list[Effect]) -> None:
    del state.desk.venue_side.mismatches[name]
    state.desk.version += 1
    text = f"the position of {symbol_of(name)} is the venue's again"
    say(state, effects, "info", "reconcile", text)


def _judge(
    state: KernelState, name: InstrumentId, mismatch: Mismatch, effects: list[Effect]
) -> None:
    """Say that a position differs, and halt its instrument where it stays so (R45).

    A copy of the venue's may lag behind, and is waited for.
    """
    rules = state.desk.setup.rules
    assert rules is not None
    reason = mismatch_told(state, name)
    if mismatch.rounds == 1:
        state.desk.version += 1
        say(state, effects, "warning", "reconcile", reason)
    if mismatch.rounds < ROUNDS_MAX or state.ts_ns - mismatch.since_ns < rules.replica_lag_ns:
        return
    step_down(state, effects, [TradingStateAdvice(f"instrument:{name}", "halted", reason)])


def mismatch_told(state: KernelState, name: InstrumentId) -> str:
    """Return a difference in words and numbers, and what answers it."""
    ours, theirs = (
        state.desk.ledger.net_lots(name),
        state.desk.venue_side.mismatches[name].seen.lots,
    )
    symbol = symbol_of(name)
    told = f"our fills make {ours:+d} lots of {symbol}, the venue has {theirs:+d}"
    return f"{told}; `accept {DIFFERENCE} {symbol}` takes the venue's word"


def _confirm(state: KernelState, event: a.AccountReported, effects: list[Effect]) -> None:
    side = state.desk.venue_side
    if side.agreed_ns is None:
        if side.cash is None:
            say(state, effects, "info", "reconcile", "the account agrees with the venue's")
        state.desk.version += 1
    side.agreed_ns = state.ts_ns
    record(state, effects, AccountConfirmed(state.ts_ns, event.asked_ns + ahead_ns(state)))
