"""What each fact does to the ledger.

Nothing raises: a fact that contradicts is counted, and as much of it as can be true is taken in.
A fill is booked whatever else was said of its order, once.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from engine.execution.holdings import holding_of, is_of
from engine.execution.ledger_controls import Exits, joined
from engine.execution.ledger_orders import OrderFact
from engine.execution.ledger_parents import Parents
from engine.execution.ledger_state import LedgerState
from engine.execution.order_state import OrderEvent
from engine.execution.positions import (
    EXACT,
    VALUE_MAX,
    Position,
    Steps,
    closing_lots,
    is_countable,
    is_sane,
    plain,
    signed_lots,
    total,
)
from engine.model import facts as f
from engine.model.instrument import InstrumentId
from engine.model.orders import EXTERNAL, HAND, Side

ACCEPTED: Final = "accepted"
"""Kind of a movement that makes the cash the venue's, because a person takes its word (R40)."""


class _Placed(msgspec.Struct, frozen=True):
    """Where a fill belongs."""

    instrument_id: InstrumentId
    side: Side
    owner: str
    is_reduce_only: bool


class _Ending(NamedTuple):
    """A strategy's position before a fill that closes some or all of it."""

    position: Position
    realised: int
    is_whole: bool


_EVENTS: Final[dict[type[object], OrderEvent]] = {
    f.OrderSent: "send",
    f.OrderUnknown: "lose",
    f.OrderAcked: "ack",
    f.OrderRejected: "reject",
    f.CancelRequested: "request_cancel",
    f.CancelRejected: "reject_cancel",
    f.OrderCanceled: "cancel",
    f.OrderExpired: "expire",
    f.ReplaceRequested: "request_replace",
    f.OrderReplaced: "replace",
    f.ReplaceRejected: "reject_replace",
}


def take(state: LedgerState, fact: f.Fact) -> None:
    """Let one fact change the ledger."""
    HANDLERS[type(fact)](state, fact)


def shares_of(state: LedgerState, fact: f.OrderFilled) -> dict[str, int]:
    """Return whose positions a fill would change, in signed lots; empty if it is known already."""
    placed = _place(state, fact)
    if placed is None or _trade_key(placed, fact) in state.trades:
        return {}
    return {} if is_in_position(state, fact) else _shares(state, fact, placed)


def _on_run_began(state: LedgerState, fact: f.RunBegan) -> None:
    if fact.boot <= state.boot:
        state.contradict(f"Run {fact.run_id} has boot {fact.boot}, after boot {state.boot}")
    state.boot = max(state.boot, fact.boot)
    state.newest_run = fact
    state.parents.begin_run(fact.ts_ns)
    state.account.begin_run(fact.ts_ns)
    state.controls.begin_run(fact.ts_ns)
    for order in state.orders.records.values():
        order.begin_run(fact.ts_ns)
        if order.intent.signal:  # A crash may have come before the note that it was answered.
            state.controls.signals.is_new(joined(order.intent.owner, order.intent.signal))
    for order in state.orders.list_working(None):
        state.orders.move(order, "lose", fact.ts_ns)


def is_booked(state: LedgerState, fact: f.OrderFilled) -> bool:
    """Whether a fill has changed a position already."""
    placed = _place(state, fact)
    return placed is not None and _trade_key(placed, fact) in state.trades


def movement_key(kind: str, movement_id: str) -> str:
    """Return what money that moved is remembered by, beside the trades."""
    return joined("cash", kind, movement_id)


def _on_instrument_known(state: LedgerState, fact: f.InstrumentKnown) -> None:
    name = fact.instrument_id
    problem = steps_problem(state, fact)
    if problem:
        state.contradict(problem)
        return
    new = Steps(plain(fact.tick_size), plain(fact.lot_size), fact.quote)
    old = state.account.steps.get(name)
    if old is not None and old != new:
        state.positions.restep(name, old, new)
        state.orders.restep(name, old, new)
        state.parents.restep(name, old, new, fact.ts_ns)
        state.controls.restep(name, old, new)
    state.account.steps[name] = new


def steps_problem(state: LedgerState, fact: f.InstrumentKnown) -> str:
    """Return why an instrument cannot be counted in these steps; nothing if it can."""
    name = fact.instrument_id
    new = Steps(plain(fact.tick_size), plain(fact.lot_size), fact.quote)
    old = state.account.steps.get(name)
    if not (_is_step(new.tick_size) and _is_step(new.lot_size)):
        return f"{name} cannot have steps {new.tick_size} and {new.lot_size}"
    if old is None or old == new:
        return ""
    if old.quote != new.quote and name in state.positions.nets:
        return f"Profit of {name} is in {old.quote} and cannot become {new.quote}"
    if not _can_restep(state, name, old, new):
        return f"Orders or positions of {name} do not fit lots of {new.lot_size}"
    return ""


def _can_restep(state: LedgerState, name: InstrumentId, old: Steps, new: Steps) -> bool:
    sizes = state.positions.sizes(name) + state.orders.sizes(name) + state.parents.sizes(name)
    values = [abs(old.value_in(new, value)) for value in state.positions.values(name)]
    lots = [old.lots_in(new, size) for size in sizes]
    is_whole = all(one.denominator == 1 for one in lots)
    return is_whole and all(one < VALUE_MAX for one in (*values, *lots))


def _on_account_opened(state: LedgerState, fact: f.AccountOpened) -> None:
    account = state.account
    said = (fact.currency, plain(fact.equity))
    if not is_sane(fact.equity):
        state.contradict(f"An account cannot begin with {fact.equity}")
    elif account.opening is None:
        account.currency, account.opening = said
        account.since_ns = fact.since_ns
        account.mark(fact.ts_ns, fact.equity)
    elif (account.currency, account.opening) != said:
        state.contradict(f"The account was opened already, with {account.opening}")


def _on_equity_marked(state: LedgerState, fact: f.EquityMarked) -> None:
    if is_sane(fact.equity):
        state.account.mark(fact.ts_ns, fact.equity)
    else:
        state.contradict(f"The account cannot be worth {fact.equity}")


def _on_intended(state: LedgerState, fact: f.OrderIntended) -> None:
    state.controls.count_order(fact)
    if not state.orders.add(fact):
        state.contradict(f"Order id {fact.client_order_id} was intended twice")
    elif fact.intent.family:
        state.parents.note_child(fact)


def _on_order_event(state: LedgerState, fact: OrderFact) -> None:
    order = state.orders.records.get(fact.client_order_id)
    if order is None:
        state.contradict(f"{type(fact).__name__} of {fact.client_order_id}, which is not ours")
        return
    before = order.state
    if not state.orders.take(order, fact, _EVENTS[type(fact)]):
        state.contradict(f"{type(fact).__name__} of {order.client_order_id}, which is {before}")
    if isinstance(fact, f.CancelRequested | f.ReplaceRequested):
        state.controls.count_change(fact.ts_ns)
    if isinstance(fact, f.ReplaceRequested):
        state.parents.note_amend(order.intent.family, fact.ts_ns)


def _on_filled(state: LedgerState, fact: f.OrderFilled) -> None:
    placed = _place(state, fact)
    off_tick = fact.off_tick_price
    is_sound = fact.qty_lots > 0 and is_countable(fact.price_ticks, fact.qty_lots)
    if placed is None or not is_sound or not (off_tick is None or is_sane(off_tick)):
        state.contradict(f"Fill {fact.trade_id} of {fact.client_order_id} cannot be booked")
        return
    if not state.trades.is_new(_trade_key(placed, fact)):
        state.duplicate_fills += 1
        return
    is_counted = is_in_position(state, fact)
    shares = {} if is_counted else _shares(state, fact, placed)
    endings = {owner: _ending(state, owner, placed, lots) for owner, lots in shares.items()}
    steps = state.account.steps.get(placed.instrument_id)
    if steps is not None:
        price = steps.fill_price(fact)
        _hold(state, placed.instrument_id, steps, sum(shares.values()), price)
    name, ticks = placed.instrument_id, fact.price_ticks
    state.positions.book(name, shares, ticks)
    if steps is not None and off_tick is not None:
        state.positions.settle_rest(name, shares, ticks, off_tick, steps)
    for owner, ending in endings.items():
        _note_exit(state, fact, joined(owner, placed.instrument_id), ending)
    if not (is_counted and fact.ts_ns <= state.paid_ns):
        _pay_fee(state, fact)
    order = state.orders.records.get(fact.client_order_id)
    if order is None and is_counted:
        return  # Whoever made it: the position has it.
    if order is None:
        state.contradict(f"Fill {fact.trade_id} is of {fact.client_order_id}, which is not ours")
        return
    before = order.state
    state.parents.note_fill(order.intent.family, fact)
    if not state.orders.fill(order, fact):
        state.contradict(
            f"Fill {fact.trade_id} of {order.client_order_id}, which is {before}:"
            f" {order.filled_lots} of {order.size_lots} lots"
        )


def is_in_position(state: LedgerState, fact: f.OrderFilled) -> bool:
    """Whether a fill that is told only now is part of a position that was adopted."""
    placed = _place(state, fact)
    return placed is not None and fact.ts_ns <= state.adopted_ns.get(placed.instrument_id, 0)


def _hold(state: LedgerState, name: InstrumentId, steps: Steps, lots: int, price: Decimal) -> None:
    """Take signed lots into what is held in money, before the positions have them."""
    net, held = state.positions.net(name), state.holdings.get(name)
    if held is None or not is_of(held, net, steps):
        held = state.holdings[name] = holding_of(net, steps)
    qty = EXACT.multiply(Decimal(lots), steps.lot_size)
    held.take(qty, EXACT.multiply(qty, price))


def _ending(state: LedgerState, owner: str, placed: _Placed, lots: int) -> _Ending | None:
    position = state.positions.of(owner, placed.instrument_id)
    closed = closing_lots(position.lots, lots)
    if owner in (HAND, EXTERNAL) or not closed:
        return None
    return _Ending(position, position.realised, is_whole=closed == position.lots)


def _note_exit(state: LedgerState, fact: f.OrderFilled, key: str, ending: _Ending | None) -> None:
    """Count what a strategy's closing fill brought."""
    if ending is not None:
        brought = ending.position.realised - ending.realised
        exits = state.controls.exits.setdefault(key, Exits())
        exits.close(fact.ts_ns, brought, is_end=ending.is_whole)


def _pay_fee(state: LedgerState, fact: f.OrderFilled) -> None:
    if not is_sane(fact.fee):
        state.contradict(f"The fee of fill {fact.trade_id} cannot be {fact.fee}")
        return
    state.account.pay_fee(fact.fee_currency, fact.fee)
    order = state.orders.records.get(fact.client_order_id)
    if order is not None:
        paid = order.fee.get(fact.fee_currency, Decimal(0))
        order.fee[fact.fee_currency] = total((paid, fact.fee))


def _place(state: LedgerState, fact: f.OrderFilled) -> _Placed | None:
    order = state.orders.records.get(fact.client_order_id)
    if order is not None:
        spec = order.spec
        instrument_id, side = fact.instrument_id or spec.instrument_id, fact.side or spec.side
        return _Placed(instrument_id, side, order.intent.owner, spec.is_reduce_only)
    if fact.instrument_id is None or fact.side is None:
        return None
    return _Placed(fact.instrument_id, fact.side, EXTERNAL, is_reduce_only=False)


def _trade_key(placed: _Placed, fact: f.OrderFilled) -> str:
    """The side is part of it because the two halves of a trade with ourselves share their id."""
    return joined(placed.instrument_id, placed.side, fact.trade_id)


def _shares(state: LedgerState, fact: f.OrderFilled, placed: _Placed) -> dict[str, int]:
    return state.positions.shares(
        placed.owner,
        placed.instrument_id,
        signed_lots(placed.side, fact.qty_lots),
        is_reduce_only=placed.is_reduce_only,
    )


def _on_bracket_closed(state: LedgerState, fact: f.BracketClosed) -> None:
    order = state.orders.records.get(fact.client_order_id)
    if order is None or not 0 < fact.lots <= order.bracketed_lots:
        state.contradict(f"The bracket of {fact.client_order_id} cannot lose {fact.lots} lots")
    else:
        order.closed_lots += fact.lots


def _on_parent_resumed(state: LedgerState, fact: f.ParentResumed) -> None:
    if not state.parents.resume(fact, state.orders.working):
        state.contradict(f"ParentResumed of {fact.parent_id} cannot be")


_FamilyFact = (
    f.TrailSet | f.TrailMoved | f.TrailEnded | f.ParentStarted | f.ParentPaused | f.ParentEnded
)


def _on_family(state: LedgerState, fact: _FamilyFact) -> None:
    """Let something happen to a parent or a trail."""
    key = fact.trail_id if isinstance(fact, _TRAIL_FACTS) else fact.parent_id
    if not _FAMILY[type(fact)](state.parents, fact):
        state.contradict(f"{type(fact).__name__} of {key} cannot be")


_TRAIL_FACTS: Final = (f.TrailSet, f.TrailMoved, f.TrailEnded)

_FAMILY: Final[dict[type[object], Callable[[Parents, Any], bool]]] = {
    f.TrailSet: Parents.set_trail,
    f.TrailMoved: Parents.move_trail,
    f.TrailEnded: Parents.end_trail,
    f.ParentStarted: Parents.start,
    f.ParentPaused: Parents.pause,
    f.ParentEnded: Parents.end,
}


def _on_order_adopted(state: LedgerState, fact: f.OrderAdopted) -> None:
    order = state.orders.records.get(fact.client_order_id)
    if not 0 <= fact.filled_lots < fact.intent.spec.qty_lots:
        state.contradict(f"Order {fact.client_order_id} cannot be adopted: nothing of it is open")
    elif order is not None and not (order.is_final or order.intent.owner == EXTERNAL):
        state.contradict(f"Order {fact.client_order_id} is known and needs no adoption")
    else:
        state.orders.adopt(fact)


def _on_position_adopted(state: LedgerState, fact: f.PositionAdopted) -> None:
    steps = state.account.steps.get(fact.instrument_id)
    if steps is None or not _is_position(fact, steps):
        told = f"{fact.lots} lots of {fact.instrument_id} at {fact.price}"
        state.contradict(f"{told} are no position")
    else:
        _hold(state, fact.instrument_id, steps, fact.lots, fact.price)
        state.positions.adopt(fact.instrument_id, fact.lots, fact.price, steps)
        until_ns = max(fact.until_ns, state.adopted_ns.get(fact.instrument_id, 0))
        state.adopted_ns[fact.instrument_id] = until_ns
        if not state.confirmed_ns:  # What an account begins with was won or lost before.
            state.account.unmark()
            state.paid_ns = max(state.paid_ns, fact.until_ns)


def _is_position(fact: f.PositionAdopted, steps: Steps) -> bool:
    if not fact.lots or not is_sane(fact.price) or fact.price < 0:
        return False
    return is_countable(int(EXACT.divide_int(fact.price, steps.tick_size)), fact.lots)


def _on_account_confirmed(state: LedgerState, fact: f.AccountConfirmed) -> None:
    state.confirmed_ns = max(state.confirmed_ns, fact.asked_ns)


def _on_funding_paid(state: LedgerState, fact: f.FundingPaid) -> None:
    if not is_sane(fact.amount):
        state.contradict(f"Funding of {fact.instrument_id} cannot be {fact.amount}")
    elif not fact.movement_id or _is_new_movement(state, "funding", fact.movement_id):
        state.account.pay_funding(fact.instrument_id, fact.amount)


def _on_cash_moved(state: LedgerState, fact: f.CashMoved) -> None:
    if not is_sane(fact.amount):
        state.contradict(f"Movement {fact.movement_id} cannot be of {fact.amount}")
    elif _is_new_movement(state, fact.kind, fact.movement_id):
        is_loss = fact.kind == "other" and fact.amount < 0
        state.account.move(fact.currency, fact.amount, is_loss=is_loss)
        if fact.kind == ACCEPTED:
            state.paid_ns = max(state.paid_ns, fact.venue_ns)


def _is_new_movement(state: LedgerState, kind: str, movement_id: str) -> bool:
    return state.trades.is_new(movement_key(kind, movement_id))


def _on_trading_state_set(state: LedgerState, fact: f.TradingStateSet) -> None:
    state.controls.scopes[fact.scope] = fact
    kind, _, owner = fact.scope.partition(":")
    if kind == "strategy" and fact.state == "active":  # A person has looked: counted anew.
        for key in [key for key in state.controls.exits if key.startswith(joined(owner, ""))]:
            del state.controls.exits[key]


def _on_failure_counted(state: LedgerState, fact: f.FailureCounted) -> None:
    state.controls.set_failures(fact.breaker, fact.count)


def _on_signal_acted(state: LedgerState, fact: f.SignalActed) -> None:
    state.controls.signals.is_new(joined(fact.owner, fact.signal))


def _on_strategy_started(state: LedgerState, fact: f.StrategyStarted) -> None:
    state.controls.strategies[fact.owner] = fact


def _on_strategy_stopped(state: LedgerState, fact: f.StrategyStopped) -> None:
    state.controls.strategies.pop(fact.owner, None)


def _on_limit_set(state: LedgerState, fact: f.LimitSet) -> None:
    if fact.value is None or is_sane(fact.value):
        state.controls.set_override(fact.name, fact.value)
    else:
        state.contradict(f"Limit {fact.name} cannot be {fact.value}")


def _on_record_only(
    state: LedgerState, fact: f.OrderDenied | f.CommandHandled | f.BalanceDiffered
) -> None:
    """The journal tells of it; nothing here depends on it."""


def _is_step(size: Decimal) -> bool:
    return is_sane(size) and size > 0


HANDLERS: Final[dict[type[object], Callable[[LedgerState, Any], None]]] = {
    **dict.fromkeys(_EVENTS, _on_order_event),
    f.RunBegan: _on_run_began,
    f.InstrumentKnown: _on_instrument_known,
    f.AccountOpened: _on_account_opened,
    f.EquityMarked: _on_equity_marked,
    f.OrderIntended: _on_intended,
    f.OrderDenied: _on_record_only,
    f.OrderFilled: _on_filled,
    f.OrderAdopted: _on_order_adopted,
    f.BracketClosed: _on_bracket_closed,
    **dict.fromkeys(_FAMILY, _on_family),
    f.ParentResumed: _on_parent_resumed,
    f.FundingPaid: _on_funding_paid,
    f.CashMoved: _on_cash_moved,
    f.PositionAdopted: _on_position_adopted,
    f.AccountConfirmed: _on_account_confirmed,
    f.BalanceDiffered: _on_record_only,
    f.TradingStateSet: _on_trading_state_set,
    f.FailureCounted: _on_failure_counted,
    f.SignalActed: _on_signal_acted,
    f.StrategyStarted: _on_strategy_started,
    f.StrategyStopped: _on_strategy_stopped,
    f.LimitSet: _on_limit_set,
    f.CommandHandled: _on_record_only,
}
"""One for every fact. `Any`: each handler names its own."""
