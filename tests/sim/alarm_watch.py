"""I14: what lasted for its time raised one alarm, and no more; what was refused has a reason.

Time is counted in sweeps of the kernel, four in a second: a process that is stopped raises nothing.
Notices are compared with what the venue, the ledger's orders and the journal's tail show, not with
what the kernel keeps of its alarms.
"""

from collections.abc import Iterable
from typing import Final

from engine.kernel.covers import Holding, exits_of
from engine.kernel.market import SWEEP_TIMER
from engine.kernel.state import KernelState
from engine.model import facts as f
from engine.model.account import AccountReported
from engine.model.envelope import Event, TimerFired
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.orders import EXTERNAL, HAND
from engine.model.signals import Notice
from engine.runtime.journal_writer import JournalWriter
from tests.sim.checkers import SeenVenue, demand

SWEEPS_PER_S: Final = 4
SLACK_S: Final = 2
NEWS_NS: Final = 5_000_000_000
"""Fills that are younger than that before a report are not judged by it (R43)."""

Key = tuple[str, ...]
"""Kind of an alarm, and what it is about."""

LASTS_S: Final = {"unprotected": 3, "unknown": 5, "journal": 2}
"""From when on each is an alarm (R26, R33, and a disk that does not answer)."""


class AlarmWatch:
    """Of one engine.

    Args:
        state: The engine's.
        journal: Its newest records may not be on the disk.
        venue: Shows which stops are there.
        is_lossless: Whether the engine learns everything at once.
    """

    def __init__(
        self,
        state: KernelState,
        journal: JournalWriter,
        venue: SeenVenue,
        *,
        is_lossless: bool,
    ) -> None:
        self._state = state
        self._journal = journal
        self._venue = venue
        self._is_lossless = is_lossless
        self._standing: dict[Key, None] = {}
        self._paused: dict[Key, None] = {}
        """Of orders that were unknown and wait for a cancel since: told of anew, or not."""
        self._sweeps: dict[Key, int] = {}
        """For how many sweeps each condition holds."""
        self._durable = 0
        self._differs: dict[InstrumentId, None] = {}

    def on_notice(self, notice: Notice) -> bool:
        """Take in what people are told; returns whether it is an alarm."""
        ended, begun = _ended(notice), _begun(notice)
        if ended is not None:
            self._standing.pop(ended, None)
        if begun is None:
            return False
        demand(begun not in self._standing, "I14", f"told again: {notice.text}")
        self._paused.pop(begun, None)
        self._standing[begun] = None
        return True

    def on_step(self, event: Event) -> None:
        """Look at what holds after a step."""
        if isinstance(event, AccountReported):
            self._compare(event)
        if not (isinstance(event, TimerFired) and event.key == SWEEP_TIMER):
            return
        holding = {*self._unprotected(), *self._unknown(), *self._unsynced()}
        self._sweeps = {key: self._sweeps.get(key, 0) + 1 for key in sorted(holding)}
        self._pause(holding)
        for key, sweeps in self._sweeps.items():
            is_late = sweeps > (LASTS_S[key[0]] + SLACK_S) * SWEEPS_PER_S
            is_told = key in self._standing or key in self._paused
            demand(not is_late or is_told, "I14", f"nobody was told: {key}")

    def _pause(self, holding: set[Key]) -> None:
        """End the alarms of orders that are settled, and pause those of orders that only wait."""
        waiting = {
            ("unknown", f"o{order.number + 1}")
            for order in self._state.desk.ledger.working()
            if order.state == "pending_cancel"
        }
        self._paused = {key: None for key in self._paused if key in holding | waiting}
        for key in [one for one in self._standing if one[0] == "unknown" and one not in holding]:
            del self._standing[key]
            if key in waiting:
                self._paused[key] = None

    # What is an alarm.

    def _unprotected(self) -> Iterable[Key]:
        """Positions of strategies that were entered with a stop, and have none."""
        ledger = self._state.desk.ledger
        for name in ledger.held():
            for owner in ledger.owners(name):
                lots = ledger.position(owner, name).lots
                if lots and owner not in (HAND, EXTERNAL) and self._is_bare((owner, name), lots):
                    yield "unprotected", owner, symbol_of(name)

    def _is_bare(self, holding: Holding, lots: int) -> bool:
        owner, name = holding
        orders = self._state.desk.ledger.orders.values()
        mine = [one for one in orders if one.spec.instrument_id == name and one.filled_lots]
        entries = [exits_of(one.intent.tag) for one in mine if one.intent.owner == owner]
        newest = next((one for one in reversed(entries) if one is not None), None)
        if newest is None or not newest.has_stop:
            return False
        side = "sell" if lots > 0 else "buy"
        stops = [
            one
            for one in self._state.desk.ledger.working(name)
            if (one.spec.type, one.spec.side) == ("stop", side) and one.spec.is_reduce_only
        ]
        owners = (owner, HAND, EXTERNAL)
        covered = sum(one.remaining_lots for one in stops if one.intent.owner in owners)
        if self._is_lossless:
            there = [one for one in self._venue.standing() if one.is_there]
            shown = [one for one in there if one.spec.instrument_id == name]
            covered = min(covered, sum(one.left_lots for one in shown if one.spec.type == "stop"))
        return covered < abs(lots)

    def _unknown(self) -> Iterable[Key]:
        """Orders of which nobody knows, where there is a venue to be asked."""
        desk = self._state.desk
        if desk.setup.rules is not None:
            for order in desk.ledger.working():
                if order.state == "unknown":
                    yield "unknown", f"o{order.number + 1}"

    def _unsynced(self) -> Iterable[Key]:
        """The journal, while it waits and nothing of it comes to the disk."""
        before, self._durable = self._durable, self._journal.durable_seq
        if self._journal.waiting and before == self._durable:
            yield ("journal",)

    def _compare(self, event: AccountReported) -> None:
        """Demand that people know of a position that two reports in a row show otherwise."""
        state, ledger = self._state, self._state.desk.ledger
        shown = {one.instrument_id: one.lots for one in event.positions}
        is_newest = event.number == state.desk.venue_side.number
        if not ledger.currency or state.desk.venue_side.doubts or not is_newest:
            return
        before, self._differs = self._differs, {}
        for name in sorted({*shown, *ledger.held()}):
            filled_ns = state.desk.venue_side.filled_ns.get(name, 0)
            is_news = filled_ns >= event.asked_ns - NEWS_NS
            if is_news or shown.get(name, 0) == ledger.net_lots(name):
                continue
            self._differs[name] = None
            is_told = ("mismatch", symbol_of(name)) in self._standing
            demand(is_told or name not in before, "I14", f"{name} differs, and nobody was told")


def _begun(notice: Notice) -> Key | None:
    """Return the alarm that a notice raises."""
    words = notice.text.replace(":", " ").split()
    match (notice.source, words):
        case (owner, ["UNPROTECTED", symbol, *_]):
            return "unprotected", owner, symbol
        case ("reconcile", ["UNKNOWN", order, *_]):
            return "unknown", order
        case ("reconcile", ["our", "fills", "make", _, "lots", "of", symbol, *_]):
            return "mismatch", symbol.rstrip(",")
        case ("reconcile", [_, "the", "private", "stream", "is", "down", *_]):
            return ("private",)
        case ("journal", [*_, "work"]) if notice.level == "error":
            return ("journal",)
    return None


def _ended(notice: Notice) -> Key | None:
    """Return the alarm that a notice ends."""
    words = notice.text.replace(":", " ").split()
    match (notice.source, words):
        case (owner, [symbol, "protected", "again"] | [symbol, "it", "is", "closed"]):
            return "unprotected", owner, symbol
        case ("reconcile", ["the", "position", "of", symbol, "is", "the", "venue's", "again"]):
            return "mismatch", symbol
        case ("reconcile", [_, "the", "private", "stream", "is", "open"]):
            return ("private",)
        case ("journal", ["written", "again"]):
            return ("journal",)
    return None


def denials_are_explained(facts: Iterable[f.Fact]) -> None:
    """Every order that the gate denied has its reasons in words (R53)."""
    for fact in facts:
        if isinstance(fact, f.OrderDenied):
            has_words = bool(fact.reasons) and all(one.strip() for one in fact.reasons)
            demand(has_words, "I14", f"denied without a reason: {fact.intent.spec}")
