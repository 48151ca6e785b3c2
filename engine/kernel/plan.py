"""What a command would do: the same judgement for a preview and for the deed.

Confirmation levels are those of the design (`ui.md` §5): 0 nothing, 1 Enter, 2 Enter twice,
3 a typed word. They and all limits live here and in the gate, never in a screen.
"""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, Final

from engine.execution.ledger import Ledger
from engine.execution.ledger_orders import OrderRecord
from engine.execution.risk import RiskRefused
from engine.ingest.candles import TIMEFRAMES_S
from engine.kernel import (
    plan_control,
    plan_orders,
    plan_parents,
    plan_trails,
    release,
    watching,
)
from engine.kernel.covers import Holding
from engine.kernel.desk import Closing, Desk
from engine.kernel.parents import active
from engine.kernel.state import InstrumentState, KernelState
from engine.kernel.strategies import Runner
from engine.model import commands as c
from engine.model.facts import (
    CancelRequested,
    Fact,
    TrailEnded,
)
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import EXTERNAL, ApprovedOrder
from engine.strategy.registry import STRATEGIES

LOOKERS_MAY: Final = (c.EngageKill, c.Disarm, c.TakeOrders)
"""What a screen that does not give the orders may do all the same."""


class Plan:
    """Everything that a command would do, and why it may not."""

    def __init__(self, state: KernelState, operator: str = "", confirm: c.ConfirmLevel = 0) -> None:
        self.state = state
        self.operator = operator
        self.confirm = confirm
        """How much confirmation the command carries."""
        self.refusals: list[str] = []
        self.sentences: list[str] = []
        self.level: c.ConfirmLevel = 0
        self.word = ""
        self.orders: list[c.PlannedOrder] = []
        self.approved: list[ApprovedOrder] = []
        self.flattens: set[ApprovedOrder] = set()
        """Those that only flatten, by the narrow gate that is open while killed."""
        self.unjournalled: set[ApprovedOrder] = set()
        """Closes that leave although the journal cannot be written (D17)."""
        self.denied: list[RiskRefused] = []
        self.cancels: list[str] = []
        self.waivers: set[str] = set()
        """Cancels of a bracket's legs that nothing shall replace."""
        self.replaces: list[tuple[str, PriceTicks, QtyLots]] = []
        self.facts: list[Fact] = []
        self.arm_s: int | None = None
        """Seconds to arm for; 0 disarms."""
        self.kill_reason = ""
        self.kills_stops = False
        """Whether the kill takes along what protects."""
        self.releases = False
        self.takes_orders = False
        self.starts: list[Runner] = []
        self.stops: list[str] = []
        self.watches: list[str] = []
        self.unwatches: list[InstrumentId] = []
        self.closings: dict[Holding, Closing] = {}
        """Closes of which the first slice is planned."""
        self.ended_closings: list[Holding] = []
        self._after: Ledger | None = None
        self._untold: list[Fact] = []

    @property
    def desk(self) -> Desk:
        """The trading side of the state."""
        return self.state.desk

    @property
    def ledger(self) -> Ledger:
        """The ledger with all that is planned so far.

        Each action is judged as if those before it were done, so that together they stay within
        the limits and no two orders get the same id.
        """
        if self._untold:
            after = self._after or self.desk.ledger.copied()
            for fact in self._untold:
                after.apply(fact)
            self._after, self._untold = after, []
        return self._after or self.desk.ledger

    def foresee(self, fact: Fact) -> None:
        """Note what an action will do to the ledger."""
        self._untold.append(fact)

    def ask(self, level: c.ConfirmLevel, word: str = "") -> None:
        """Ask for at least this much confirmation."""
        self.level = max(self.level, level)
        if level == 3:
            if self.word not in ("", word):
                self.refuse(f"{self.word} and {word} are typed one at a time: give two commands")
            self.word = word

    def refuse(self, sentence: str) -> None:
        """Say why not."""
        self.refusals.append(sentence)

    def refuse_for(self, problem: str) -> None:
        """Say why not, if there is a problem."""
        if problem:
            self.refuse(problem)

    def market(self, instrument_id: InstrumentId) -> InstrumentState | None:
        """Return an instrument's market, or refuse with the nearest name."""
        is_left = instrument_id in self.unwatches
        market = None if is_left else self.state.instruments.get(instrument_id)
        if market is None:
            known = [symbol_of(key) for key in self.state.instruments]
            near = get_close_matches(symbol_of(instrument_id), known, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]}?" if near else ""
            self.refuse(f"no instrument {symbol_of(instrument_id)!r} is watched{hint}")
        return market


def planned(
    state: KernelState,
    actions: Sequence[c.Action],
    operator: str = "",
    confirm: c.ConfirmLevel = 0,
) -> Plan:
    """Judge all actions of a command in order; a kill is judged alone, so that nothing stops it."""
    plan = Plan(state, operator, confirm)
    wanted = [action for action in actions if isinstance(action, c.EngageKill)] or actions
    if plan.desk.seats.looks(operator) and not all(isinstance(one, LOOKERS_MAY) for one in wanted):
        plan.refuse("this screen looks only: `take` lets it give the orders")
    for action in wanted:
        handler = _HANDLERS.get(type(action))
        if handler is None:
            plan.refuse(f"{type(action).__name__} is not possible in this version")
            continue
        handler(plan, action)
    return plan


def cancel(plan: Plan, action: c.CancelOrders) -> None:
    """Plan the cancels of named orders; a protective one is confirmed.

    One that has just ended does not keep the others from being cancelled.
    """
    gone = []
    for client_order_id in action.client_order_ids:
        order = plan.desk.ledger.orders.get(client_order_id)
        if order is None or order.is_final:
            gone.append(f"order {client_order_id} is not working")
            continue
        _cancel_one(plan, order)
    if len(gone) == len(action.client_order_ids):
        plan.refusals += gone or ["no order is named"]
    else:
        plan.sentences += gone


def cancel_all(plan: Plan, action: c.CancelAll) -> None:
    """Plan the cancels of all, or all of one instrument or side.

    Protective ones, and those made elsewhere (R34), only if that is asked.
    """
    plan.ask(1 if action.instrument_id else 2)
    for parent in active(plan.state):
        spec = parent.spec
        if action.instrument_id in ("", spec.instrument_id) and action.side in (None, spec.side):
            plan_parents.end_planned(plan, parent)
    if action.side is None:
        named = action.instrument_id
        plan.ended_closings += [one for one in plan.desk.closings if named in ("", one[1])]
    taken = left = spared = 0
    for order in plan.desk.ledger.working(action.instrument_id or None):
        is_foreign = order.intent.owner == EXTERNAL
        if action.side not in (None, order.spec.side):
            continue
        if is_foreign and not action.with_external:
            left += 1
        elif plan.desk.protects(order) and not action.with_stops:
            spared += 1
        else:
            taken += is_foreign
            _cancel_one(plan, order)
    told = f"cancels {len(plan.cancels)}"
    if taken:
        plan.ask(2)
        told += f", {taken} of them made elsewhere"
    told += f", spares {spared} protective"
    if left:
        told += f" and {left} made elsewhere (`external` means those too)"
    plan.sentences.append(told)


def _cancel_one(plan: Plan, order: OrderRecord) -> None:
    if order.state == "pending_cancel" or order.client_order_id in plan.cancels:
        return
    if plan.desk.protects(order):
        plan.ask(2)
        net = plan.desk.ledger.net_lots(order.spec.instrument_id)
        kind = "stop" if order.spec.type == "stop" else "target"
        name, held = symbol_of(order.spec.instrument_id), _size_of(plan, order, abs(net))
        plan.sentences.append(f"{name}: {held} stay without this {kind}")
    plan.cancels.append(order.client_order_id)
    if order.intent.parent:
        plan.waivers.add(order.client_order_id)
    if order.intent.family in plan.ledger.trails:
        gone = TrailEnded(plan.state.ts_ns, order.intent.family, "its stop is canceled by hand")
        plan.facts.append(gone)
        plan.foresee(gone)
    plan.foresee(CancelRequested(plan.state.ts_ns, order.client_order_id))


def _size_of(plan: Plan, order: OrderRecord, lots: int) -> str:
    """Return lots of an order's instrument as people read them, as far as its steps are known."""
    steps = plan.desk.ledger.steps(order.spec.instrument_id)
    return f"{lots} lots" if steps is None else f"{lots * steps.lot_size:f}"


def start_strategy(plan: Plan, action: c.StartStrategy) -> None:
    """Plan the start of a preset."""
    market = plan.market(action.instrument_id)
    spec = next((one for one in STRATEGIES if one.name == action.name), None)
    if spec is None:
        known = ", ".join(one.name for one in STRATEGIES)
        plan.refuse(f"there is no strategy {action.name!r}: {known}")
        return
    if market is None:
        return
    timeframe_s = action.timeframe_s or spec.timeframe_s
    if timeframe_s not in TIMEFRAMES_S:
        plan.refuse(f"no candles of {timeframe_s} s are kept")
        return
    runner = Runner(spec, action.instrument_id, timeframe_s)
    if runner.owner in plan.desk.runners or runner.owner in [one.owner for one in plan.starts]:
        plan.refuse(f"{runner.owner} runs already")
        return
    plan.ask(1)
    plan.starts.append(runner)
    plan.sentences.append(f"starts {runner.owner}, needs {runner.host.need} candles")


def stop_strategy(plan: Plan, action: c.StopStrategy) -> None:
    """Plan the stop of a strategy; its position and protection stay."""
    owner = f"{action.name}@{symbol_of(action.instrument_id)}"
    if owner not in plan.desk.runners:
        plan.refuse(f"{owner} does not run")
        return
    plan.stops.append(owner)
    plan.sentences.append(f"stops {owner}; its entries go, its position and protection stay")


_HANDLERS: Final[dict[type[object], Callable[[Plan, Any], None]]] = {
    c.SubmitOrder: plan_orders.submit,
    c.SetTrail: plan_trails.trail,
    c.StartScale: plan_parents.start,
    c.StartTwap: plan_parents.start,
    c.StartIceberg: plan_parents.start,
    c.StartChase: plan_parents.start,
    c.ResumeParent: plan_parents.resume,
    c.CancelParents: plan_parents.cancel_parents,
    c.CancelOrders: cancel,
    c.CancelAll: cancel_all,
    c.AmendOrder: plan_orders.amend,
    c.ClosePosition: plan_orders.close,
    c.Arm: plan_control.arm,
    c.Disarm: plan_control.disarm,
    c.EngageKill: plan_control.kill,
    c.ReleaseKill: release.release,
    c.Resume: plan_control.resume,
    c.SetLimit: plan_control.set_limit,
    c.SetReduceOnly: plan_control.reduce_only,
    c.StartStrategy: start_strategy,
    c.StopStrategy: stop_strategy,
    c.TakeOrders: plan_control.take_orders,
    c.Accept: plan_control.accept,
    c.WatchInstrument: watching.watch,
    c.UnwatchInstrument: watching.unwatch,
}
"""`Any`: each handler names its own action."""
