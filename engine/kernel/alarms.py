"""The alarm: a position whose stop the venue has not shown for more than 3 s (R33).

It stands until a stop rests or the position is gone, whoever brings that about; `protection` and
`brackets` send it again. Where the settings say so, what is bare is closed as well.
"""

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Final

from engine.execution.ledger_orders import OrderRecord
from engine.execution.positions import proportion
from engine.kernel import passed
from engine.kernel.closing import FAMILY, slice_lots
from engine.kernel.covers import Cover, Holding, exits_of
from engine.kernel.notices import say
from engine.kernel.references import reference_now
from engine.kernel.sights import hangs, is_there
from engine.kernel.state import KernelState
from engine.kernel.strategy_orders import may_protect, reviewed, send
from engine.kernel.succession import is_due
from engine.model.effects import Effect
from engine.model.envelope import Envelope, RunStarted, TimerFired
from engine.model.facts import OrderExpired, OrderRejected
from engine.model.instrument import symbol_of
from engine.model.numbers import NS_PER_S
from engine.model.orders import EXTERNAL, HAND, OrderIntent, OrderSpec, Side

BARE_NS: Final = 3 * NS_PER_S

NOT_SHOWN: Final = "what was sent is not seen at the venue"

HANGS: Final = "it was triggered, and the venue made no order of it"

CLOSE: Final = "unprotected"
"""Tag of an order that closes what has no stop."""


def on_timer(
    state: KernelState, envelope: Envelope, event: TimerFired, effects: list[Effect]
) -> None:
    """Look at every position, and forget what stood behind those that are gone."""
    del envelope, event
    covers = state.desk.covers
    held = list(holdings(state))
    for holding in held:
        _watch(state, holding, effects)
    for holding in [one for one in covers if one not in held]:
        _end(state, holding, covers.pop(holding), "it is closed", effects)


def on_run_started(
    state: KernelState, envelope: Envelope, event: RunStarted, effects: list[Effect]
) -> None:
    """Learn what should stand behind what is held, before a venue says what is left of it."""
    del envelope, event, effects
    for holding in holdings(state):
        cover_of(state, holding)


def on_refused(
    state: KernelState,
    envelope: Envelope,
    event: OrderRejected | OrderExpired,
    effects: list[Effect],
) -> None:
    """Note why a stop does not rest: an alarm that comes of it tells that."""
    del envelope, effects
    order = state.desk.ledger.orders.get(event.client_order_id)
    if order is not None and order.intent.is_protective and passed.kind_of(order) == "stop":
        holding = (order.intent.owner, order.spec.instrument_id)
        cover_of(state, holding).problem = event.reason


def note_stop(state: KernelState, intent: OrderIntent) -> None:
    """A person protects a position: from now on it is an alarm if that stop is gone."""
    if _is_stop(intent):
        cover_of(state, (intent.owner, intent.spec.instrument_id)).wants_stop = True


def waive_stop(state: KernelState, order: OrderRecord) -> None:
    """A person has cancelled his own stop, and was told what stays without it."""
    if order.intent.owner == HAND and _is_stop(order.intent):
        cover_of(state, (HAND, order.spec.instrument_id)).wants_stop = False


def alarms(state: KernelState) -> tuple[str, ...]:
    """Return in words which positions have no stop where there should be one."""
    return tuple(
        _told(state, holding, cover)
        for holding, cover in state.desk.covers.items()
        if cover.is_alarmed and state.desk.ledger.position(*holding).lots
    )


def stopped_lots(state: KernelState, holding: Holding) -> int:
    """Return the lots for which the venue has shown a stop; a target protects from nothing.

    A stop by hand or made elsewhere protects whoever holds, but nobody whom it would not reach:
    what is left of it beside positions of its own is shared out as its fill would be, over what has
    no other stop.
    """
    owner, instrument_id = holding
    ledger = state.desk.ledger
    own = dict.fromkeys((HAND, EXTERNAL, *ledger.owners(instrument_id)), 0)
    for order in _stops(state, holding, own):
        own[order.intent.owner] += order.remaining_lots if is_there(state, order) else 0
    sign = 1 if ledger.position(*holding).lots > 0 else -1
    held = {one: max(0, sign * ledger.position(one, instrument_id).lots) for one in own}
    spare = sum(max(0, own[one] - held[one]) for one in (HAND, EXTERNAL))
    bare = {one: max(0, held[one] - own[one]) for one in own if one != EXTERNAL}
    by_hand = min(spare, bare.pop(HAND))
    shares = {HAND: by_hand} | proportion(spare - by_hand, bare)
    return own[owner] + shares.get(owner, 0)


def _stops(state: KernelState, holding: Holding, owners: Collection[str]) -> list[OrderRecord]:
    """Return the working orders of some owners that would end the loss of a position."""
    instrument_id = holding[1]
    ledger = state.desk.ledger
    side = "sell" if ledger.position(*holding).lots > 0 else "buy"
    return [
        order
        for order in ledger.working(instrument_id)
        if (order.spec.type, order.spec.side) == ("stop", side)
        and order.intent.owner in owners
        and order.spec.is_reduce_only
    ]


def holdings(state: KernelState) -> Iterator[Holding]:
    """Yield every owner's positions; opposite ones count though the venue has none.

    What was made elsewhere is protected elsewhere (R34).
    """
    ledger = state.desk.ledger
    for instrument_id in dict.fromkeys((*state.instruments, *ledger.held())):
        for owner in ledger.owners(instrument_id):
            if owner != EXTERNAL:
                yield owner, instrument_id


def cover_of(state: KernelState, holding: Holding) -> Cover:
    """Return what stands behind a position; the ledger knows it where nobody was there."""
    cover = state.desk.covers.get(holding)
    if cover is None:
        cover = state.desk.covers[holding] = _found(state, holding)
    return cover


def _found(state: KernelState, holding: Holding) -> Cover:
    owner, instrument_id = holding
    if owner == HAND:
        mine = [one.intent for one in state.desk.ledger.working(instrument_id)]
        return Cover(wants_stop=any(one.owner == HAND and _is_stop(one) for one in mine))
    for order in reversed(state.desk.ledger.orders.values()):
        is_mine = (order.intent.owner, order.spec.instrument_id) == (owner, instrument_id)
        exits = exits_of(order.intent.tag) if is_mine and order.filled_lots else None
        if exits is not None:
            return Cover(exits, wants_stop=exits.has_stop)
    return Cover(wants_stop=True)  # Strategies are protected unless they said otherwise.


def _is_stop(intent: OrderIntent) -> bool:
    """Whether an order ends the loss of a position and can do nothing else."""
    return intent.is_protective and intent.spec.type == "stop" and intent.spec.is_reduce_only


def _watch(state: KernelState, holding: Holding, effects: list[Effect]) -> None:
    """Raise the alarm once a position is too long without its stop, and end it when it has one."""
    cover, ledger = cover_of(state, holding), state.desk.ledger
    stopped = stopped_lots(state, holding)
    if holding[0] == HAND and stopped:
        cover.wants_stop = True
    bare = abs(ledger.position(*holding).lots) - stopped
    if not cover.wants_stop or bare <= 0:
        _end(state, holding, cover, "protected again", effects)
    elif cover.is_alarmed:
        if state.desk.setup.on_unprotected == "flatten":
            _flatten(state, holding, bare, effects)
    elif not cover.bare_ns:
        cover.bare_ns = state.ts_ns
    elif state.ts_ns - cover.bare_ns > BARE_NS:
        cover.is_alarmed = True
        state.desk.version += 1
        say(state, effects, "error", holding[0], _told(state, holding, cover))


def _flatten(state: KernelState, holding: Holding, bare: int, effects: list[Effect]) -> None:
    """Close what has no stop, if that can only reduce, in slices where it is large.

    What a venue refuses comes again later.
    """
    owner, instrument_id = holding
    ledger, market = state.desk.ledger, state.instruments.get(instrument_id)
    tries = [
        order
        for order in ledger.orders.values()
        if (order.intent.owner, order.spec.instrument_id) == holding
        and (order.intent.tag == CLOSE or passed.is_close(order))
    ]
    refused_ns = cover_of(state, holding).refused_ns
    is_underway = any(not order.is_final for order in tries)
    if market is None or is_underway or not may_protect(state, *holding):
        return
    if not is_due(state, tries, refused_ns.get(CLOSE, 0), is_exchange=False):
        return
    side: Side = "sell" if ledger.position(*holding).lots > 0 else "buy"
    reference = reference_now(state, market, is_reviewed=True)
    lots = slice_lots(state.desk, reference, side, bare)
    spec = OrderSpec(instrument_id, side, "market", lots, is_reduce_only=True)
    intent = OrderIntent(spec, owner, tag=CLOSE, family=FAMILY)
    verdict = reviewed(state, market, intent, effects)
    if isinstance(verdict, str) or not verdict.intent.spec.is_reduce_only:
        refused_ns[CLOSE] = state.ts_ns
        return
    say(state, effects, "error", owner, f"{symbol_of(instrument_id)}: closed, as it has no stop")
    send(state, market, verdict, effects)


def _end(
    state: KernelState, holding: Holding, cover: Cover, why: str, effects: list[Effect]
) -> None:
    cover.bare_ns, cover.problem = 0, ""
    if cover.is_alarmed:
        cover.is_alarmed = False
        state.desk.version += 1
        say(state, effects, "info", holding[0], f"{symbol_of(holding[1])}: {why}")


def _told(state: KernelState, holding: Holding, cover: Cover) -> str:
    owner, instrument_id = holding
    ledger = state.desk.ledger
    lots, steps = ledger.position(*holding).lots, ledger.steps(instrument_id)
    lot = Decimal(1) if steps is None else steps.lot_size
    bare = max(0, abs(lots) - stopped_lots(state, holding))
    stops = _stops(state, holding, (owner, HAND, EXTERNAL))
    hidden = [order for order in stops if not is_there(state, order)]
    is_hung = any(hangs(state, order) for order in hidden)
    problem = cover.problem or (HANGS if is_hung else NOT_SHOWN if hidden else "")
    why = f": {problem}" if problem else ""
    name = symbol_of(instrument_id)
    return f"UNPROTECTED {name}: no stop for {bare * lot:f} of {lots * lot:+f} of {owner}{why}"
