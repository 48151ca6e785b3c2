"""Whether the cash is the venue's: a difference forbids new risk until it is gone or accepted.

Losses, leverage and sizes are reckoned from it, so with the wrong cash every limit is another one.
A difference is never explained or guessed away (R46): a movement that is listed late ends it, or a
person who takes the venue's word by name (R40).
"""

from decimal import Decimal
from typing import TYPE_CHECKING

from engine.execution.ledger_facts import ACCEPTED
from engine.execution.positions import total
from engine.execution.reconcile import ROUNDING, SETTLED_NS, cost_apart, venue_cash
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.state import KernelState
from engine.kernel.venue_clock import ahead_ns
from engine.kernel.venue_side import DIFFERENCE, ROUNDS_MAX, CashDifference
from engine.model.account import AccountReported
from engine.model.effects import Effect
from engine.model.facts import BalanceDiffered, CashMoved

if TYPE_CHECKING:
    from engine.kernel.plan import Plan


def compare(state: KernelState, event: AccountReported, effects: list[Effect]) -> None:
    """Keep and tell how the cash of a report differs; one that a fill just moved is not judged."""
    ledger, side = state.desk.ledger, state.desk.venue_side
    newest_ns = max(side.filled_ns.values(), default=0)
    ours, theirs = ledger.booked_cash, venue_cash(ledger, event.balances)
    if ours is None or newest_ns >= event.asked_ns - SETTLED_NS:
        return
    if ours == theirs:
        end_if_equal(state, theirs, effects)
        return
    known = side.cash or CashDifference(state.ts_ns)
    is_news = (known.ours, known.theirs) != (ours, theirs)
    known.ours, known.theirs, known.asked_ns = ours, theirs, event.asked_ns
    known.by_entry = cost_apart(ledger, event.positions)
    known.rounds += 1
    side.cash = known
    if is_news:
        record(state, effects, BalanceDiffered(state.ts_ns, ledger.currency, ours, theirs))
        told = f"the cash differs in {known.told(ledger.currency)}"
        say(state, effects, "warning", "reconcile", told)
    _judge(state, known, effects)


def end_if_equal(state: KernelState, theirs: Decimal, effects: list[Effect]) -> None:
    """Forget a difference once our facts make what the venue has shown."""
    side = state.desk.venue_side
    if side.cash is not None and state.desk.ledger.booked_cash == theirs:
        side.cash = None
        state.desk.version += 1
        say(state, effects, "info", "reconcile", "the cash is the venue's again")


def _judge(state: KernelState, known: CashDifference, effects: list[Effect]) -> None:
    """Let a difference forbid new risk: at once where no report has agreed since the stream opened.

    Later a copy of the venue's may lag behind, and is waited for.
    """
    rules, side = state.desk.setup.rules, state.desk.venue_side
    assert rules is not None
    was_fault = bool(known.fault)
    is_old = state.ts_ns - known.since_ns >= rules.replica_lag_ns
    is_standing = was_fault or side.agreed_ns is None or (known.rounds >= ROUNDS_MAX and is_old)
    is_rounding = abs(total((known.theirs, -known.ours, -known.by_entry))) < ROUNDING
    known.fault = ""
    if is_standing and not is_rounding:
        currency = state.desk.ledger.currency
        answer = f"`accept {DIFFERENCE} {currency}` takes the venue's word"
        known.fault = f"the cash is not the venue's ({known.told(currency)}); {answer}"
    if bool(known.fault) != was_fault:
        state.desk.version += 1
    if known.fault and not was_fault:
        say(state, effects, "error", "reconcile", f"no order that adds risk leaves: {known.fault}")


def accept(plan: "Plan") -> None:
    """Plan that the venue's cash counts, whatever moved it; it is neither profit nor loss."""
    ledger, known = plan.ledger, plan.desk.venue_side.cash
    if known is None:
        plan.refuse(f"the cash in {ledger.currency} is the venue's")
        return
    if ledger.booked_cash != known.ours:
        plan.refuse("the cash has moved since the venue told of it: wait for the next report")
        return
    by_entry = known.by_entry if abs(known.by_entry) >= ROUNDING else Decimal(0)
    amount = total((known.theirs, -known.ours, -by_entry))
    if not amount:
        plan.refuse("the difference lies in the entry of open positions: it ends when they close")
        return
    plan.ask(2)
    venue_ns = known.asked_ns + ahead_ns(plan.state)
    at_ns, currency = plan.state.ts_ns, ledger.currency
    plan.sentences.append(f"{amount:+f} {currency} count from now on, as neither profit nor loss")
    plan.sentences.append("what the venue lists later for it counts once more, and differs then")
    fact = CashMoved(at_ns, f"{at_ns}", ACCEPTED, currency, amount, venue_ns)
    plan.facts.append(fact)
    plan.foresee(fact)
