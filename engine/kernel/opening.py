"""How the ledger's account begins: with what the first report shows of money and positions (R34).

What the venue answers comes from copies of which some lag behind: a balance may lack the fee of a
fill that the list of fills has, or have that of one which is not listed yet. So an account in which
something moved just now waits until every copy must have it.
"""

from typing import Final

from engine.execution import reconcile as verdicts
from engine.kernel.notices import say
from engine.kernel.recording import record
from engine.kernel.state import KernelState
from engine.kernel.venue_clock import ahead_ns
from engine.model.account import AccountReported, TradeRules
from engine.model.effects import Effect
from engine.model.instrument import symbol_of
from engine.model.numbers import NS_PER_S

SETTLING_NS_MAX: Final = 300 * NS_PER_S
"""An account that moves all the time begins after so long all the same, and people are told."""


def opening_fault(state: KernelState, event: AccountReported) -> str:
    """Return why the account cannot begin with a report; nothing where it can, or has begun."""
    ledger, rules = state.desk.ledger, state.desk.setup.rules
    if ledger.currency:
        return ""
    unknown = [one for one in event.positions if ledger.steps(one.instrument_id) is None]
    if unknown:
        names = ", ".join(symbol_of(one.instrument_id) for one in unknown)
        return f"a position is held in {names}, of which nothing is known: `sub` it"
    assert rules is not None
    return _too_short(state, event, rules) or _unsettled(state, event, rules)


def open_account(state: KernelState, event: AccountReported, effects: list[Effect]) -> None:
    """Begin the ledger's account with what the venue has."""
    desk, rules = state.desk, state.desk.setup.rules
    assert rules is not None
    for fact in verdicts.opening(desk.ledger, event, desk.setup.currency, state.ts_ns):
        record(state, effects, fact)
    cash = desk.ledger.booked_cash
    held = [f"{symbol_of(key)} {desk.ledger.net_lots(key):+d} lots" for key in desk.ledger.held()]
    text = f"the account begins with {cash:f} {desk.setup.currency}; held: {', '.join(held) or '-'}"
    say(state, effects, "info", "reconcile", text)
    if _left_ns(state, event, rules) > 0:
        text = "it moves all the time: this cash may be off by what was filled and paid just now"
        say(state, effects, "warning", "reconcile", text)


def _too_short(state: KernelState, event: AccountReported, rules: TradeRules) -> str:
    """Return that a report may not tell of all since this run began; nothing where it does.

    Money that came between two clocks would never be counted.
    """
    began_ns = state.desk.venue_side.began_ns + ahead_ns(state)
    if event.since_ns <= began_ns - rules.replica_lag_ns:
        return ""
    return "the account was asked for before the venue's clock was known"


def _unsettled(state: KernelState, event: AccountReported, rules: TradeRules) -> str:
    """Return that money moved just now; nothing where it did not, or does so all the time."""
    reading, left_ns = state.desk.venue_side.reading, _left_ns(state, event, rules)
    reading.settles_ns = reading.settles_ns or state.ts_ns
    if left_ns <= 0 or state.ts_ns - reading.settles_ns >= SETTLING_NS_MAX:
        return ""
    left_s = -(-left_ns // NS_PER_S)
    return f"money moved in the account just now: it begins after {left_s} s without"


def _left_ns(state: KernelState, event: AccountReported, rules: TradeRules) -> int:
    """Return after how long every copy must have what a report shows and the stream has told."""
    newest_ns = max(verdicts.moved_ns(event), state.desk.venue_side.moved_ns) - ahead_ns(state)
    return newest_ns + rules.replica_lag_ns + verdicts.SETTLED_NS - event.asked_ns
