"""Parents and trails in the simulation: a person who asks for them, and what must be true of them.

The checks reckon from the journals alone: what each child may still fill is known from its own
facts, and not from what the engine makes of them.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

import msgspec

from engine.model import commands as c
from engine.model import facts as f
from engine.model.instrument import InstrumentId
from engine.model.orders import Side
from tests.sim.checkers import demand
from tests.sim.operator import SimOperator

ENDINGS: Final = (f.OrderCanceled, f.OrderExpired, f.OrderRejected)


class Child(msgspec.Struct):
    """An order of a family, as its facts tell."""

    family: str
    lots: int
    trades: dict[str, int] = {}
    is_ended: bool = False

    @property
    def filled(self) -> int:
        """What it has filled."""
        return sum(self.trades.values())

    @property
    def claimed(self) -> int:
        """What it has filled and may still fill."""
        return self.filled if self.is_ended else max(self.lots, self.filled)


class Families:
    """What the facts so far tell of parents and trails."""

    def __init__(self) -> None:
        self._parents: dict[str, f.ParentStarted] = {}
        self._resting: dict[str, None] = {}
        """Parents that are paused or have ended."""
        self._ticks: dict[InstrumentId, Decimal] = {}
        self._of: dict[str, InstrumentId] = {}
        """Whose stop a trail is."""
        self._stops: dict[str, tuple[int, Decimal]] = {}
        """Sign and price of each trail's stop; the sign says where nearer is."""
        self._children: dict[str, Child] = {}

    def take(self, fact: f.Fact) -> None:
        """Take in one fact, and demand that it may be."""
        match fact:
            case f.InstrumentKnown():
                self._ticks[fact.instrument_id] = fact.tick_size
            case f.ParentStarted():
                self._parents[fact.parent_id] = fact
            case f.ParentEnded() | f.ParentPaused():
                self._resting[fact.parent_id] = None
            case f.ParentResumed():
                self._resting.pop(fact.parent_id)
            case f.RunBegan():
                self._resting |= dict.fromkeys(self._parents)
            case f.TrailSet() | f.TrailMoved():
                self._follow(fact)
            case f.OrderIntended() if fact.intent.family:
                self._bear(fact)
            case _:
                self._tell(fact)

    def _follow(self, fact: f.TrailSet | f.TrailMoved) -> None:
        name = fact.trail_id
        if isinstance(fact, f.TrailSet):
            self._of[name] = fact.instrument_id
        stop = fact.stop_ticks * self._ticks[self._of[name]]  # A price: the steps may change.
        if isinstance(fact, f.TrailSet):
            self._stops[name] = (1 if fact.side == "sell" else -1), stop
            return
        sign, before = self._stops[name]
        demand((stop - before) * sign > 0, "I18", f"{name} went from {before} to {stop}")
        self._stops[name] = sign, stop

    def _bear(self, fact: f.OrderIntended) -> None:
        name, spec = fact.intent.family, fact.intent.spec
        self._children[fact.client_order_id] = Child(name, spec.qty_lots)
        if name not in self._parents:
            demand(spec.is_reduce_only, "I18", f"a stop of {name} does not only reduce")
            return
        demand(name not in self._resting, "I17", f"{name} sent an order while it did not run")
        claimed = sum(one.claimed for one in self._children.values() if one.family == name)
        lots = self._parents[name].spec.qty_lots
        demand(claimed <= lots, "I17", f"{name} of {lots} lots has children of {claimed}")

    def _tell(self, fact: f.Fact) -> None:
        child = self._children.get(getattr(fact, "client_order_id", ""))
        if child is None:
            return
        if isinstance(fact, f.OrderFilled):
            child.trades[fact.trade_id] = fact.qty_lots
        elif isinstance(fact, f.OrderReplaced):
            child.lots = fact.qty_lots
        elif isinstance(fact, ENDINGS):
            child.is_ended = True


def are_sound(facts: Iterable[f.Fact]) -> None:
    """I17: no parent's children exceed it; I18: no trail loosens, and its stops only reduce."""
    families = Families()
    for fact in facts:
        families.take(fact)


class FamilyOperator(SimOperator):
    """A person who lets the engine work through orders, and lets stops follow the price."""

    def _some_action(self) -> c.Action:
        if self._chance.happens(0.6):
            return super()._some_action()
        kinds: tuple[Callable[[], c.Action], ...] = (
            self._scale,
            self._twap,
            self._iceberg,
            self._chase,
            self._trail,
            self._trail,
            self._of_a_parent,
        )
        return self._chance.pick(kinds)()

    def _scale(self) -> c.Action:
        name, side = self._chance.pick(self._ids()), self._pick_side()
        near, far = (self._away(self._mid(name), side, bps) for bps in (5, 60))
        count = self._chance.between(2, 5)
        return c.StartScale(name, side, self._size(name, Decimal(6_000)), near, far, count, "lin")

    def _twap(self) -> c.Action:
        name, side = self._chance.pick(self._ids()), self._pick_side()
        count = self._chance.between(2, 6)
        limit = self._away(self._mid(name), side, -20) if self._chance.happens(0.5) else None
        size = self._size(name, Decimal(6_000))
        return c.StartTwap(name, side, size, 2 * count, count, Decimal(20), limit)

    def _iceberg(self) -> c.Action:
        name, side = self._chance.pick(self._ids()), self._pick_side()
        size, price = self._size(name, Decimal(6_000)), self._away(self._mid(name), side, 1)
        return c.StartIceberg(name, side, size, price, size / 4)

    def _chase(self) -> c.Action:
        name, side = self._chance.pick(self._ids()), self._pick_side()
        size, worst = self._size(name, Decimal(3_000)), self._away(self._mid(name), side, -20)
        return c.StartChase(name, side, size, worst, 10, self._chance.pick(("mkt", "stop")))

    def _trail(self) -> c.Action:
        held = self._desk().ledger.held() or list(self._ids())
        percent = Decimal(self._chance.between(1, 30)) / 100
        wish = c.TrailWish("percent", percent)
        if self._chance.happens(0.5):
            return c.SetTrail(self._chance.pick(held), wish)
        order = self._order()
        is_entry = order.type in ("market", "limit") and not order.is_reduce_only
        return msgspec.structs.replace(order, trail=wish if is_entry else None)

    def _of_a_parent(self) -> c.Action:
        names = list(self._desk().ledger.parents) or ["a1"]
        name = self._chance.pick(names)
        return c.ResumeParent(name) if self._chance.happens(0.7) else c.CancelParents((name,))

    def _away(self, mid: Decimal, side: Side, bps: int) -> Decimal:
        """Return a price so far behind the market, rounded to what every instrument has."""
        share = Decimal(bps if side == "sell" else -bps) / 10_000
        return (mid * (1 + share)).quantize(Decimal("0.01"))
