"""Parent orders and trailing stops of the ledger: how far each has come.

A stop never moves away from the price: a fact that says so is a contradiction and changes nothing.
A parent counts what its children have filled; how much may follow is what is left of it.
"""

from collections.abc import Container
from fractions import Fraction
from typing import Final, Literal

import msgspec

from engine.execution.positions import EXACT, Steps
from engine.model import facts as f
from engine.model.instrument import InstrumentId
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import Side
from engine.model.parents import Parent
from engine.model.trails import TrailRule

ParentState = Literal["running", "paused", "ended"]

ENDED_MAX: Final = 50
"""Ended parents remembered."""

RESTARTED: Final = "the engine was started anew, and time has passed"

_HALF: Final = Fraction(1, 2)


class ParentRecord(msgspec.Struct):
    """One parent as far as the facts tell."""

    parent_id: str
    spec: Parent
    started_ns: int
    active_ns: int
    """When it last began or was resumed."""
    state: ParentState = "running"
    reason: str = ""
    """Why it is paused or has ended."""
    active_for_ns: int = 0
    """How long it ran before that, without its pauses."""
    sent: int = 0
    sent_ns: int = 0
    """How many children were intended, and when the newest was."""
    newest: str = ""
    """Client order id of the newest child."""
    answered: str = ""
    """A child that had ended when a person resumed: what became of it pauses nothing again."""
    amends: int = 0
    amended_ns: int = 0
    filled_lots: int = 0
    filled_value: int = 0
    """Sum of price ticks * lots over the fills of its children."""

    def ran_ns(self, now_ns: int) -> int:
        """Return how long it has been at work, pauses left out."""
        running = now_ns - self.active_ns if self.state == "running" else 0
        return self.active_for_ns + max(0, running)

    def stop(self, state: ParentState, ts_ns: int, reason: str) -> None:
        """Pause or end it."""
        self.active_for_ns = self.ran_ns(ts_ns)
        self.state, self.reason = state, reason


class TrailRecord(msgspec.Struct):
    """One trailing stop: where it is, and the best price that brought it there."""

    trail_id: str
    instrument_id: InstrumentId
    side: Side
    """Of the stop."""
    rule: TrailRule
    best_ticks: PriceTicks
    stop_ticks: PriceTicks
    lots: int = 0
    """What it protects; 0: as much as its entry has filled."""
    replaces: tuple[str, ...] = ()
    closed_lots: int = 0
    """What its own stops have closed."""
    moves: int = 0

    def is_nearer(self, ticks: int) -> bool:
        """Whether a stop at this price is tighter than where it is."""
        return ticks > self.stop_ticks if self.side == "sell" else ticks < self.stop_ticks


class Parents(msgspec.Struct):
    """All parents that go on and the newest that ended, and the trails of what is held."""

    count: int = 0
    trail_count: int = 0
    records: dict[str, ParentRecord] = {}
    trails: dict[str, TrailRecord] = {}

    def __post_init__(self) -> None:
        """Put what came from a checkpoint, where keys are sorted by name, into order again."""
        ordered = sorted(self.records.items(), key=lambda item: int(item[0][1:]))
        self.records = dict(ordered)

    # What happens to parents. Each returns whether it can be true.

    def start(self, fact: f.ParentStarted) -> bool:
        """Begin a parent."""
        self.count += 1
        if fact.parent_id in self.records or fact.parent_id != f"a{self.count}":
            return False
        self.records[fact.parent_id] = ParentRecord(
            fact.parent_id, fact.spec, fact.ts_ns, active_ns=fact.ts_ns
        )
        return True

    def pause(self, fact: f.ParentPaused) -> bool:
        """Pause a parent that runs."""
        record = self.records.get(fact.parent_id)
        if record is None or record.state != "running":
            return False
        record.stop("paused", fact.ts_ns, fact.reason)
        return True

    def resume(self, fact: f.ParentResumed, working: Container[str]) -> bool:
        """Let a paused parent go on; `working` are the orders that have not ended."""
        record = self.records.get(fact.parent_id)
        if record is None or record.state != "paused":
            return False
        record.state, record.reason, record.active_ns = "running", "", fact.ts_ns
        record.answered = "" if record.newest in working else record.newest
        return True

    def end(self, fact: f.ParentEnded) -> bool:
        """End a parent, and forget the oldest of those that ended."""
        record = self.records.get(fact.parent_id)
        if record is None or record.state == "ended":
            return False
        record.stop("ended", fact.ts_ns, fact.reason)
        ended = [key for key, one in self.records.items() if one.state == "ended"]
        for key in ended[:-ENDED_MAX]:
            del self.records[key]
        return True

    def begin_run(self, ts_ns: int) -> None:
        """Pause what runs: another run goes on with nothing that it has not been told to.

        The clock may have been ahead in the run before it.
        """
        for record in self.records.values():
            record.sent_ns = min(record.sent_ns, ts_ns)
            record.amended_ns = min(record.amended_ns, ts_ns)
            if record.state == "running":
                record.stop("paused", ts_ns, RESTARTED)

    def note_child(self, fact: f.OrderIntended) -> None:
        """Count an order that is a parent's child."""
        record = self.records.get(fact.intent.family)
        if record is not None:
            record.sent += 1
            record.sent_ns, record.newest = fact.ts_ns, fact.client_order_id

    def note_amend(self, family: str, ts_ns: int) -> None:
        """Count an amend of a child."""
        record = self.records.get(family)
        if record is not None:
            record.amends += 1
            record.amended_ns = ts_ns

    def note_fill(self, family: str, fact: f.OrderFilled) -> None:
        """Count what a child, or the stop of a trail, has filled."""
        record, trail = self.records.get(family), self.trails.get(family)
        if record is not None:
            record.filled_lots += fact.qty_lots
            record.filled_value += fact.price_ticks * fact.qty_lots
        if trail is not None:
            trail.closed_lots += fact.qty_lots

    # What happens to trails.

    def set_trail(self, fact: f.TrailSet) -> bool:
        """Begin a trail."""
        if fact.trail_id in self.trails or min(fact.best_ticks, fact.stop_ticks) <= 0:
            return False
        self.trail_count += fact.lots > 0
        self.trails[fact.trail_id] = TrailRecord(
            fact.trail_id,
            fact.instrument_id,
            fact.side,
            fact.rule,
            fact.best_ticks,
            fact.stop_ticks,
            fact.lots,
            fact.replaces,
        )
        return True

    def move_trail(self, fact: f.TrailMoved) -> bool:
        """Bring a stop nearer; never farther."""
        trail = self.trails.get(fact.trail_id)
        if trail is None or not trail.is_nearer(fact.stop_ticks):
            return False
        trail.best_ticks, trail.stop_ticks = fact.best_ticks, fact.stop_ticks
        trail.moves += 1
        return True

    def end_trail(self, fact: f.TrailEnded) -> bool:
        """End a trail."""
        return self.trails.pop(fact.trail_id, None) is not None

    # Steps.

    def sizes(self, instrument_id: InstrumentId) -> list[int]:
        """Return every size of an instrument's trails that must stay whole lots."""
        found = [one for one in self.trails.values() if one.instrument_id == instrument_id]
        return [lots for trail in found for lots in (trail.lots, trail.closed_lots)]

    def restep(self, instrument_id: InstrumentId, old: Steps, new: Steps, ts_ns: int) -> None:
        """Count trails in new steps; a parent was confirmed in the old ones, and ends."""
        for record in self.records.values():
            if record.spec.instrument_id == instrument_id and record.state != "ended":
                record.stop("ended", ts_ns, "the venue changed the steps of this instrument")
        for trail in self.trails.values():
            if trail.instrument_id == instrument_id:
                _restep(trail, old, new)


def _restep(trail: TrailRecord, old: Steps, new: Steps) -> None:
    def price(ticks: int) -> PriceTicks:
        return PriceTicks(max(1, int(old.price_in(new, ticks) + _HALF)))

    trail.best_ticks, trail.stop_ticks = price(trail.best_ticks), price(trail.stop_ticks)
    trail.lots = int(old.lots_in(new, trail.lots))
    trail.closed_lots = int(old.lots_in(new, trail.closed_lots))
    trail.rule = restepped(trail.rule, old, new)


def restepped(rule: TrailRule, old: Steps, new: Steps) -> TrailRule:
    """Return a distance in new steps."""
    start = max(1, int(old.price_in(new, rule.start_ticks) + _HALF))
    amount = rule.amount
    if rule.kind == "ticks":
        amount = EXACT.divide(EXACT.multiply(amount, old.tick_size), new.tick_size)
    return msgspec.structs.replace(rule, start_ticks=start, amount=amount)


def lots_left(record: ParentRecord, working_lots: int) -> QtyLots:
    """Return what no child has filled or may still fill."""
    return QtyLots(max(0, record.spec.qty_lots - record.filled_lots - working_lots))
