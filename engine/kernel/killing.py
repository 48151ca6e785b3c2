"""The kill where orders leave the program: cancel all at once, and verify by what the venue shows.

What we believe proves nothing here. A kill is verified by two reports in a row, asked a second
apart after the latch, that show no order but those that protect a position, and when no order can
still arrive that was on its way (R74). Until then everything is asked to go again and again, for
ever, and people hear of it (§3.3). What appears later begins it anew. So it is with a part of
trading that is killed, an instrument or a strategy, and with what falls under it.
"""

from typing import Final

from engine.execution.ledger_controls import ALL
from engine.execution.ledger_orders import OrderRecord
from engine.execution.reconcile import SHOWN, name_of
from engine.kernel.cancels import flattens
from engine.kernel.kill_scopes import is_of_strategy, is_under, killed_scopes, working_under
from engine.kernel.notices import say
from engine.kernel.state import KernelState
from engine.kernel.venue_side import KillCheck
from engine.model.account import AccountReported, OrderSeen, TradeRules
from engine.model.effects import CancelAllOrders, CancelShown, Effect
from engine.model.envelope import Envelope, TimerFired
from engine.model.instrument import InstrumentId, venue_of
from engine.model.numbers import NS_PER_S
from engine.model.orders import CONDITIONAL

APART_NS: Final = 1 * NS_PER_S
"""Between two reports that count."""

MARGIN_NS: Final = 1 * NS_PER_S
"""Beyond the life of a request and the error of the clock (R24)."""

PACE_S_MAX: Final = 5
"""Between two rounds; one second after the first."""

TOLD_AFTER_NS: Final = 5 * NS_PER_S
TOLD_EVERY_NS: Final = 30 * NS_PER_S
"""How soon and how often people hear that a kill is not verified."""

NAMES_MAX: Final = 5


def begin(state: KernelState, effects: list[Effect], scope: str = ALL) -> None:
    """Ask for everything to go, and begin to verify; also where a kill is said again."""
    desk = state.desk
    if desk.setup.rules is None:
        return
    check = KillCheck(scope, state.ts_ns, next_ns=state.ts_ns)
    desk.venue_side.kills[scope] = check
    _clear(state, desk.setup.rules, check, effects)


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Carry a kill on until it is verified, and begin it where it was engaged by other ways."""
    del envelope, event
    desk = state.desk
    side, rules = desk.venue_side, desk.setup.rules
    if rules is None:
        return
    killed = killed_scopes(state)
    for scope in [one for one in side.kills if one not in killed]:
        del side.kills[scope]
    for scope in killed:
        if scope not in side.kills:
            begin(state, effects, scope)
        _carry_on(state, rules, side.kills[scope], effects)


def _carry_on(
    state: KernelState, rules: TradeRules, check: KillCheck, effects: list[Effect]
) -> None:
    """Ask for what is left to go, at a pace, for as long as nothing is verified."""
    if check.verified_ns and _in_the_way(state, rules, check, state.ts_ns):
        _begin_again(state, check)
    if check.verified_ns:
        return
    if state.ts_ns >= check.next_ns:
        if check.rounds:  # The first is said by `begin`.
            _clear(state, rules, check, effects)
        check.rounds += 1
        check.next_ns = state.ts_ns + min(check.rounds, PACE_S_MAX) * NS_PER_S
        state.desk.venue_side.ask_by(state.ts_ns)
    _tell(state, check, effects)


def on_reported(
    state: KernelState, envelope: Envelope, event: AccountReported, effects: list[Effect]
) -> None:
    """Judge a kill by a report; what is not asked for any more, or from before, is none."""
    del envelope
    side, rules = state.desk.venue_side, state.desk.setup.rules
    is_awaited = side.is_waiting and event.number == side.number
    if rules is None or not is_awaited:
        return
    for check in side.kills.values():
        if event.asked_ns > check.since_ns:
            _judge(state, rules, check, event, effects)


def _judge(
    state: KernelState,
    rules: TradeRules,
    check: KillCheck,
    event: AccountReported,
    effects: list[Effect],
) -> None:
    """Judge the kill of one scope by a report."""
    listed = [one for one in event.orders if one.state in SHOWN]
    under = [one for one in listed if is_under(state, check.scope, one)]
    check.left = tuple(one for one in under if _is_to_go(state, one))
    if check.left:
        _begin_again(state, check)
        return
    if not check.clean_ns:
        check.clean_ns = event.asked_ns
    is_second = event.asked_ns - check.clean_ns >= APART_NS
    if not is_second:
        check.next_ns = min(check.next_ns, event.asked_ns + APART_NS)
    if check.verified_ns or not is_second or _in_the_way(state, rules, check, event.asked_ns):
        return
    check.verified_ns = state.ts_ns
    state.desk.version += 1
    took_s = (state.ts_ns - check.since_ns) / NS_PER_S
    part = "" if check.scope == ALL else f" of {check.scope}"
    text = f"the kill{part} is VERIFIED after {took_s:.1f} s: nothing is open that does not protect"
    say(state, effects, "info", "kill", text)


def is_verified(state: KernelState) -> bool:
    """Whether the venue has shown that a kill is done; on paper what we know is what there is."""
    desk = state.desk
    if desk.setup.rules is None:
        return all(desk.spares(order) for order in desk.ledger.working())
    check = desk.venue_side.kill
    return check is not None and bool(check.verified_ns)


def unverified(state: KernelState) -> tuple[str, ...]:
    """Return which killed parts of trading are not verified, and why; all of it has its report."""
    scopes = [scope for scope in state.desk.venue_side.kills if scope != ALL]
    found = ((scope, problem(state, scope)) for scope in scopes)
    return tuple(f"{scope} is KILLED – NOT VERIFIED: {why}" for scope, why in found if why)


def problem(state: KernelState, scope: str = ALL) -> str:
    """Return why a kill at a venue is not verified; nothing where it is, or there is none."""
    side, rules = state.desk.venue_side, state.desk.setup.rules
    check = side.kills.get(scope)
    if rules is None or check is None or check.verified_ns:
        return ""
    if check.left:
        names = ", ".join(_told(seen) for seen in check.left[:NAMES_MAX])
        more = ", …" if check.left[NAMES_MAX:] else ""
        return f"the venue shows {len(check.left)} orders ({names}{more})"
    if side.report_fault:
        return f"the venue does not tell what is open: {side.report_fault}"
    late = _in_the_way(state, rules, check, state.ts_ns)
    if late:
        return f"{len(late)} orders may still work or arrive"
    return "the venue has not shown twice that nothing is open"


def _told(seen: OrderSeen) -> str:
    """Return the name of an order, and what is not known of it."""
    return f"{name_of(seen)} {seen.reason}" if seen.state == "unclear" else name_of(seen)


def _clear(state: KernelState, rules: TradeRules, check: KillCheck, effects: list[Effect]) -> None:
    """Ask for all orders of each instrument to go, but where protection would go with them.

    There each order goes by its own cancel, as everywhere else besides; and so do those of a
    strategy, which shares its instrument with others.
    """
    known = [order for order in working_under(state, check.scope) if not state.desk.spares(order)]
    names = [order.spec.instrument_id for order in known if not flattens(order)]
    names += [seen.instrument_id for seen in check.left]
    effects += [
        CancelAllOrders(name)
        for name in dict.fromkeys(names)
        if not (is_of_strategy(check.scope) or _takes_protection(state, name, rules))
    ]
    effects += [
        CancelShown(seen.client_order_id, seen.instrument_id, seen.type)
        for seen in check.left
        if not (_is_counted(state, seen) or _stays(state, seen))
    ]


def _is_counted(state: KernelState, seen: OrderSeen) -> bool:
    """Whether the ledger has an order, which is canceled by that then.

    It has none that closes whatever is held, and so has no size of its own.
    """
    order = state.desk.ledger.orders.get(name_of(seen))
    return order is not None and not order.is_final


def _takes_protection(state: KernelState, name: InstrumentId, rules: TradeRules) -> bool:
    """Whether cancelling all orders of an instrument would leave a position without protection.

    A conditional order with a limit may have become a plain order already.
    """
    return any(
        state.desk.spares(order)
        and (
            rules.cancel_all_covers_stops
            or order.spec.type not in CONDITIONAL
            or order.spec.limit_ticks is not None
        )
        for order in state.desk.ledger.working(name)
    )


def _in_the_way(
    state: KernelState, rules: TradeRules, check: KillCheck, asked_ns: int
) -> list[OrderRecord]:
    """Return the orders because of which a report asked at this time does not verify a kill.

    One that the venue has never confirmed cannot arrive any more once its signature has lapsed.
    """
    found = []
    for order in working_under(state, check.scope):
        clock = state.clocks.get(venue_of(order.spec.instrument_id))
        error_ns = 0 if clock is None else abs(clock.offset_ns)
        late_ns = check.since_ns + rules.validity_ns + error_ns + MARGIN_NS
        is_gone = not order.venue_order_id and asked_ns >= late_ns
        if not (is_gone or state.desk.spares(order) or flattens(order)):
            found.append(order)
    return found


def _is_to_go(state: KernelState, seen: OrderSeen) -> bool:
    """Whether a kill is not done while the venue shows this; of an unclear one nobody knows."""
    return seen.state == "unclear" or not _stays(state, seen)


def _stays(state: KernelState, seen: OrderSeen) -> bool:
    """Whether an order that the venue shows may be there."""
    desk = state.desk
    order = desk.ledger.orders.get(name_of(seen))
    if order is not None:
        return desk.spares(order) or flattens(order)
    if desk.is_sparing_nothing:
        return False
    lots = desk.ledger.net_lots(seen.instrument_id)
    is_closing = (lots if seen.side == "sell" else -lots) > 0
    return is_closing and seen.is_reduce_only and seen.type in CONDITIONAL


def _begin_again(state: KernelState, check: KillCheck) -> None:
    """Go on as if nothing had been shown: something is there, or came back."""
    check.clean_ns = 0
    if check.verified_ns:
        check.verified_ns, check.rounds = 0, 1
        check.told_ns = check.next_ns = state.ts_ns
        state.desk.version += 1


def _tell(state: KernelState, check: KillCheck, effects: list[Effect]) -> None:
    """Say that a kill is not verified, soon and then every half a minute."""
    due_ns = check.told_ns + TOLD_EVERY_NS if check.told_ns else check.since_ns + TOLD_AFTER_NS
    if state.ts_ns < due_ns:
        return
    check.told_ns = state.ts_ns
    age_s = (state.ts_ns - check.since_ns) // NS_PER_S
    part = "" if check.scope == ALL else f"{check.scope} "
    text = f"{part}KILLED – NOT VERIFIED for {age_s} s: {problem(state, check.scope)}"
    say(state, effects, "error", "kill", text)
