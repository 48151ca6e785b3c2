"""What a command would do: the same judgement for a preview and for the deed.

Confirmation levels are those of the design (`ui.md` §5): 0 nothing, 1 Enter, 2 Enter twice,
3 a typed word. They and all limits live here and in the gate, never in a screen.
"""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, Final

from msgspec.structs import replace

from engine.execution.account_controls import breaker_of
from engine.execution.ledger import Ledger
from engine.execution.ledger_orders import OrderRecord
from engine.execution.review import ReviewMoment
from engine.execution.risk import RiskRefused, TradingStateAdvice
from engine.execution.rounding import AskedOrder, Unroundable, limit_ticks_of, lots_of, rounded
from engine.ingest.candles import TIMEFRAMES_S
from engine.kernel.desk import Desk, moment_of
from engine.kernel.freshness import book_freshness
from engine.kernel.planned_order import describe, level_of, size_text
from engine.kernel.references import reference_of
from engine.kernel.state import InstrumentState, KernelState
from engine.kernel.strategies import Runner
from engine.model import commands as c
from engine.model.facts import (
    CancelRequested,
    Fact,
    FailureCounted,
    OrderIntended,
    ReplaceRequested,
    TradingState,
    TradingStateSet,
)
from engine.model.instrument import InstrumentId, symbol_of, venue_of
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import HAND, ApprovedOrder, OrderIntent, OrderSpec
from engine.strategy.registry import STRATEGIES

LADDER: Final[tuple[TradingState, ...]] = ("active", "reduce_only", "halted", "killed")


class Plan:
    """Everything that a command would do, and why it may not."""

    def __init__(self, state: KernelState) -> None:
        self.state = state
        self.refusals: list[str] = []
        self.sentences: list[str] = []
        self.level: c.ConfirmLevel = 0
        self.word = ""
        self.orders: list[c.PlannedOrder] = []
        self.approved: list[ApprovedOrder] = []
        self.denied: list[OrderIntent] = []
        self.advice: list[TradingStateAdvice] = []
        self.book_seqs: dict[ApprovedOrder, int] = {}
        self.cancels: list[str] = []
        self.replaces: list[tuple[str, PriceTicks, QtyLots]] = []
        self.facts: list[Fact] = []
        self.arm_s: int | None = None
        """Seconds to arm for; 0 disarms."""
        self.kill_reason = ""
        self.releases = False
        self.is_flatten = False
        """Whether its orders only flatten, by the narrow gate that is open while killed."""
        self.starts: list[Runner] = []
        self.stops: list[str] = []
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
            after = self._after or Ledger.from_bytes(self.desk.ledger.to_bytes())
            for fact in self._untold:
                after.apply(fact)
            self._after, self._untold = after, []
        return self._after or self.desk.ledger

    def foresee(self, fact: Fact) -> None:
        """Note what an action will do to the ledger."""
        self._untold.append(fact)

    def ask(self, level: c.ConfirmLevel, word: str = "") -> None:
        """Ask for at least this much confirmation."""
        if level > self.level:
            self.level = level
        if level == 3:
            self.word = word

    def refuse(self, sentence: str) -> None:
        """Say why not."""
        self.refusals.append(sentence)

    def market(self, instrument_id: InstrumentId) -> InstrumentState | None:
        """Return an instrument's market, or refuse with the nearest name."""
        market = self.state.instruments.get(instrument_id)
        if market is None:
            known = [symbol_of(key) for key in self.state.instruments]
            near = get_close_matches(symbol_of(instrument_id), known, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]}?" if near else ""
            self.refuse(f"no instrument {symbol_of(instrument_id)!r} is watched{hint}")
        return market


def planned(state: KernelState, actions: Sequence[c.Action]) -> Plan:
    """Judge all actions of a command in order; a kill is judged alone, so that nothing stops it."""
    plan = Plan(state)
    kills = [action for action in actions if isinstance(action, c.EngageKill)]
    for action in kills or actions:
        handler = _HANDLERS.get(type(action))
        if handler is None:
            plan.refuse(f"{type(action).__name__} is not possible in this version")
            continue
        handler(plan, action)
    return plan


def submit(plan: Plan, action: c.SubmitOrder) -> None:
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
    intent = OrderIntent(spec, HAND, tag=action.tag, is_protective=action.is_protective)
    add_order(plan, market, intent)


def add_order(plan: Plan, market: InstrumentState, intent: OrderIntent) -> None:
    """Put an order through the gate and into the plan."""
    desk, state = plan.desk, plan.state
    reference = reference_of(market, book_freshness(state, market, state.ts_ns))
    review = desk.gate.review_flatten if plan.is_flatten else desk.gate.review
    verdict = review(intent, reference, plan.ledger, desk.limits, _moment(plan))
    spec = intent.spec
    if isinstance(verdict, RiskRefused):
        plan.refusals += [reason.sentence for reason in verdict.reasons]
        plan.denied.append(intent)
        plan.advice += verdict.advice
        plan.orders.append(describe(plan.desk, market, spec))
        return
    reduces = verdict.intent.spec.is_reduce_only
    if not reduces and not desk.is_armed(state.ts_ns):
        plan.refuse("disarmed: arm before an order that adds risk")
    level = level_of(desk, market, spec, state.ts_ns, reduces=reduces)
    plan.ask(level, size_text(market, spec))
    plan.approved.append(verdict)
    book_seq = plan.book_seqs[verdict] = market.book.last_seq
    client_order_id = verdict.client_order_id
    plan.foresee(OrderIntended(state.ts_ns, client_order_id, verdict.intent, book_seq))
    plan.orders.append(describe(plan.desk, market, verdict.intent.spec))


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
    """Plan the cancels of all, or all of one instrument or side; protective ones only if asked."""
    plan.ask(1 if action.instrument_id else 2)
    spared = 0
    for order in plan.desk.ledger.working(action.instrument_id or None):
        if action.side is not None and order.spec.side != action.side:
            continue
        if plan.desk.protects(order) and not action.with_stops:
            spared += 1
            continue
        _cancel_one(plan, order)
    plan.sentences.append(f"cancels {len(plan.cancels)}, spares {spared} protective")


def amend(plan: Plan, action: c.AmendOrder) -> None:
    """Plan another price or size of a working limit order."""
    order = plan.ledger.orders.get(action.client_order_id)
    if order is None or order.is_final:
        state = "unknown" if order is None else order.state
        plan.refuse(f"order {action.client_order_id} cannot be amended: it is {state}")
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
    _amend_to(plan, market, order, limit, qty)


def close(plan: Plan, action: c.ClosePosition) -> None:
    """Plan the closing of a share of one net position, or of all."""
    plan.ask(2)
    if not action.share.is_finite() or not 0 < action.share <= 1:
        plan.refuse(f"a share of {action.share!s:.40} cannot be closed: above 0, 1 at most")
        return
    wanted = [action.instrument_id] if action.instrument_id else plan.desk.ledger.held()
    for instrument_id in wanted:
        market = plan.market(instrument_id)
        net = plan.desk.ledger.net_lots(instrument_id)
        if market is None or net == 0:
            continue
        plan.is_flatten = _is_killed(plan, instrument_id)
        lots = int(abs(net) * action.share)
        if lots == 0:
            plan.refuse(f"{action.share!s:.40} of {abs(net)} lots is no size to close")
            continue
        side = "sell" if net > 0 else "buy"
        limit = None
        if action.price is not None:
            found = limit_ticks_of(action.price, side, market.instrument)  # type: ignore[arg-type]  # one of the two sides
            if isinstance(found, Unroundable):
                plan.refuse(found.sentence)
                continue
            limit = found
        spec = OrderSpec(
            instrument_id,
            side,  # type: ignore[arg-type]  # one of the two sides
            "market" if limit is None else "limit",
            QtyLots(lots),
            limit,
            tif="ioc" if plan.is_flatten and limit is not None else "gtc",
            is_reduce_only=True,
        )
        add_order(plan, market, OrderIntent(spec, HAND, tag="close"))
    if not plan.orders and not plan.refusals:
        plan.refuse("no position to close")


def _is_killed(plan: Plan, instrument_id: InstrumentId) -> bool:
    """Whether only the narrow gate is open; a position that was killed for its loss can go too."""
    state = plan.desk.ledger.trading_state(
        venue=venue_of(instrument_id), instrument_id=instrument_id, owner=HAND
    )
    return state == "killed"


def arm(plan: Plan, action: c.Arm) -> None:
    """Plan to arm for a while."""
    if plan.desk.trading_state == "killed":
        plan.refuse("killed: release first")
    if not 0 < action.duration_s <= 86_400:
        plan.refuse(f"{action.duration_s} s is no time to be armed for: 1 to 86400")
    plan.ask(3 if plan.desk.setup.is_live else 1, plan.desk.setup.account)
    plan.arm_s = action.duration_s


def disarm(plan: Plan, action: c.Disarm) -> None:
    """Plan to disarm."""
    del action
    plan.arm_s = 0


def kill(plan: Plan, action: c.EngageKill) -> None:
    """Plan the kill: everything that is not protective goes, and nothing new comes."""
    plan.kill_reason = action.reason or "by hand"
    plan.arm_s = 0
    state = TradingStateSet(plan.state.ts_ns, "all", "killed", plan.kill_reason)
    plan.facts.append(state)
    for order in plan.desk.ledger.working():
        if not plan.desk.protects(order):
            plan.cancels.append(order.client_order_id)  # Again, if that was asked for already.
    plan.sentences.append(f"killed: cancels {len(plan.cancels)} orders")


def release(plan: Plan, action: c.ReleaseKill) -> None:
    """Plan the release: cheap when nothing was cancelled and nothing is open (R78).

    Strategies do not go on by themselves.
    """
    desk = plan.desk
    if desk.trading_state != "killed":
        plan.refuse("the kill switch is not on")
        return
    was_idle = desk.kill is None or not desk.kill.asked
    if not was_idle or desk.ledger.held() or desk.ledger.working():
        if not action.reason:
            plan.refuse("say why: unkill REASON")
        plan.ask(3, desk.setup.account)
    else:
        plan.ask(1)
    plan.releases = True
    plan.stops += desk.runners
    plan.sentences += [f"{owner} is stopped; start it again" for owner in desk.runners]
    plan.facts.append(
        TradingStateSet(plan.state.ts_ns, "all", "active", action.reason or "released")
    )


def resume(plan: Plan, action: c.Resume) -> None:
    """Plan to raise a trading state by one step."""
    scope = _scope_of(plan, action.scope)
    if scope is None:
        return
    now = plan.ledger.states.get(scope, "active")
    if now == "active":
        plan.refuse(f"{scope} is active already")
        return
    if now == "killed" and scope == "all":
        plan.refuse("killed: unkill releases it")
        return
    plan.ask(3, scope)
    better = LADDER[LADDER.index(now) - 1]
    fact = TradingStateSet(plan.state.ts_ns, scope, better, "resumed")
    plan.facts.append(fact)
    plan.foresee(fact)
    kind, _, owner = scope.partition(":")
    breaker = breaker_of(owner, plan.desk.setup.venue)
    if kind == "strategy" and plan.desk.ledger.failures(breaker):
        plan.facts.append(FailureCounted(plan.state.ts_ns, breaker, 0))


def reduce_only(plan: Plan, action: c.SetReduceOnly) -> None:
    """Plan to lower a scope to orders that reduce."""
    scope = _scope_of(plan, action.scope)
    if scope is None:
        return
    if plan.ledger.states.get(scope, "active") != "active":
        plan.refuse(f"{scope} is not active")
        return
    fact = TradingStateSet(plan.state.ts_ns, scope, "reduce_only", "by hand")
    plan.facts.append(fact)
    plan.foresee(fact)


def _scope_of(plan: Plan, named: str) -> str | None:
    """Return the scope that a word means, or refuse: one that nothing falls under is a mistake."""
    desk = plan.desk
    known = {"all", f"venue:{desk.setup.venue}", f"strategy:{HAND}", *desk.ledger.states}
    known |= {f"instrument:{key}" for key in plan.state.instruments}
    known |= {f"strategy:{owner}" for owner in desk.runners}
    for scope in (named, f"instrument:{named}", f"strategy:{named}", f"venue:{named}"):
        if scope in known:
            return scope
    plan.refuse(f"there is no scope {named!r}: all, an instrument, a venue or a strategy")
    return None


def _moment(plan: Plan, replaces: str = "") -> ReviewMoment:
    state = plan.state
    references = {
        key: reference_of(market, book_freshness(state, market, state.ts_ns))
        for key, market in state.instruments.items()
        if plan.ledger.net_lots(key) or plan.ledger.working(key)
    }
    return moment_of(plan.desk, references, state.ts_ns, replaces=replaces)


def _amend_to(
    plan: Plan, market: InstrumentState, order: OrderRecord, limit: PriceTicks, qty: QtyLots
) -> None:
    if order.state not in ("open", "partial"):
        plan.refuse(f"the order is {order.state}; only an open one can be amended")
        return
    spec = replace(order.spec, limit_ticks=limit, qty_lots=qty)
    intent = replace(order.intent, spec=spec, tag="amend")
    reference = reference_of(market, book_freshness(plan.state, market, plan.state.ts_ns))
    moment = _moment(plan, order.client_order_id)
    desk = plan.desk
    verdict = desk.gate.review(intent, reference, plan.ledger, desk.limits, moment)
    plan.orders.append(describe(plan.desk, market, spec))
    if isinstance(verdict, RiskRefused):
        plan.refusals += [reason.sentence for reason in verdict.reasons]
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


def _cancel_one(plan: Plan, order: OrderRecord) -> None:
    if order.state == "pending_cancel" or order.client_order_id in plan.cancels:
        return
    if plan.desk.protects(order):
        plan.ask(2)
        net = plan.desk.ledger.net_lots(order.spec.instrument_id)
        plan.sentences.append(
            f"{symbol_of(order.spec.instrument_id)}: {abs(net)} lots stay without this protection"
        )
    plan.cancels.append(order.client_order_id)
    plan.foresee(CancelRequested(plan.state.ts_ns, order.client_order_id))


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
    plan.sentences.append(f"stops {owner}; its position and protection stay")


_HANDLERS: Final[dict[type[object], Callable[[Plan, Any], None]]] = {
    c.SubmitOrder: submit,
    c.CancelOrders: cancel,
    c.CancelAll: cancel_all,
    c.AmendOrder: amend,
    c.ClosePosition: close,
    c.Arm: arm,
    c.Disarm: disarm,
    c.EngageKill: kill,
    c.ReleaseKill: release,
    c.Resume: resume,
    c.SetReduceOnly: reduce_only,
    c.StartStrategy: start_strategy,
    c.StopStrategy: stop_strategy,
}
"""`Any`: each handler names its own action."""
