"""What the ledger keeps for the gate: trading states, failures, signals, counts of orders."""

from decimal import Decimal
from typing import Final, get_args

import msgspec
from msgspec.structs import replace

from engine.execution.ledger_account import DAY_NS
from engine.execution.ledger_memory import Memory
from engine.execution.positions import Steps, plain
from engine.model.facts import OrderIntended, StrategyStarted, TradingState, TradingStateSet
from engine.model.instrument import InstrumentId, venue_of

ALL: Final = "all"
"""The scope under which everything falls."""

SIGNALS_MIN: Final = 10_000
RECENT_MAX: Final = 2_000
"""Six times the orders of ten minutes at the default limit."""

CHANGES_MAX: Final = 1_000
"""Of a second; more than any limit of messages allows."""

STRICTNESS: Final[tuple[TradingState, ...]] = get_args(TradingState)


class DayCount(msgspec.Struct):
    """How many of one kind within the newest UTC day that had any."""

    day: int = -1
    count: int = 0
    last_ns: int = 0

    def add(self, ts_ns: int) -> None:
        """Count one."""
        day = ts_ns // DAY_NS
        if day > self.day:
            self.day, self.count = day, 0
        self.count += 1
        self.last_ns = max(self.last_ns, ts_ns)

    def begin_run(self, ts_ns: int) -> None:
        """Have counted nothing after a run begins."""
        self.last_ns = min(self.last_ns, ts_ns)

    def on_day_of(self, now_ns: int) -> int:
        """Return the count of today; a clock that went back a day forgets nothing."""
        return self.count if now_ns // DAY_NS <= self.day else 0


class Exits(msgspec.Struct):
    """How the positions of one owner in one instrument have ended."""

    result: int = 0
    """Ticks times lots that the open position has realised so far."""
    losing_ns: list[int] = []
    """When positions were closed at a loss, before fees; the newest."""

    def close(self, ts_ns: int, realised: int, *, is_end: bool) -> None:
        """Take in what closing a part brought; the end of the position says what it was."""
        self.result += realised
        if is_end:
            if self.result < 0:
                self.losing_ns.append(ts_ns)
                del self.losing_ns[:-RECENT_MAX]
            self.result = 0

    def losing_since(self, start_ns: int) -> int:
        """Return how many ended at a loss after a time."""
        return sum(ts_ns > start_ns for ts_ns in self.losing_ns)


class Controls(msgspec.Struct):
    """State of the controls, all from facts."""

    scopes: dict[str, TradingStateSet] = {}
    """What was last said of each scope, by whom and why."""
    failures: dict[str, int] = {}
    overrides: dict[str, Decimal] = {}
    signals: Memory = msgspec.field(default_factory=lambda: Memory(SIGNALS_MIN))
    orders: dict[InstrumentId, DayCount] = {}
    entries: dict[str, DayCount] = {}
    recent: list[OrderIntended] = []
    changes_ns: list[int] = []
    """When cancels and amendments were asked for; the newest."""
    exits: dict[str, Exits] = {}
    """By owner and instrument."""
    strategies: dict[str, StrategyStarted] = {}
    """Those that run, or ran when the newest run ended, by owner."""

    def begin_run(self, ts_ns: int) -> None:
        """Have counted nothing after a run begins: the clock may have been ahead in the one before.

        What came then counts as of now, or it would be recent until our clock is there again.
        """
        self.recent = [replace(fact, ts_ns=min(fact.ts_ns, ts_ns)) for fact in self.recent]
        self.changes_ns = [min(one, ts_ns) for one in self.changes_ns]
        for exits in self.exits.values():
            exits.losing_ns = [min(one, ts_ns) for one in exits.losing_ns]
        for count in (*self.orders.values(), *self.entries.values()):
            count.begin_run(ts_ns)

    def strictest(self, scopes: tuple[str, ...]) -> TradingState:
        """Return the strictest state of some scopes; one of which nothing was said is active."""
        found = [self.scopes[scope].state for scope in scopes if scope in self.scopes]
        return max(found, key=STRICTNESS.index, default="active")

    def count_order(self, fact: OrderIntended) -> None:
        """Count an approved order."""
        spec = fact.intent.spec
        self.orders.setdefault(spec.instrument_id, DayCount()).add(fact.ts_ns)
        if not spec.is_reduce_only:
            key = joined(fact.intent.owner, spec.instrument_id)
            self.entries.setdefault(key, DayCount()).add(fact.ts_ns)
        self.recent.append(fact)
        del self.recent[:-RECENT_MAX]

    def count_change(self, ts_ns: int) -> None:
        """Count a cancel or an amendment."""
        self.changes_ns.append(ts_ns)
        del self.changes_ns[:-CHANGES_MAX]

    def restep(self, instrument_id: InstrumentId, old: Steps, new: Steps) -> None:
        """Count in new steps what the open positions of an instrument have realised so far."""
        for key, exits in self.exits.items():
            if key.endswith(joined("", instrument_id)):
                exits.result = int(old.value_in(new, exits.result) // 1)

    def set_failures(self, breaker: str, count: int) -> None:
        """Note how many failures in a row a breaker has seen."""
        self.failures[breaker] = count
        if count <= 0:
            del self.failures[breaker]

    def set_override(self, name: str, value: Decimal | None) -> None:
        """Change a limit, or let the file's value hold again."""
        if value is None:
            self.overrides.pop(name, None)
        else:
            self.overrides[name] = plain(value)


def scopes_of(instrument_id: InstrumentId, owner: str) -> tuple[str, ...]:
    """Return the scopes of trading that an owner's order in an instrument falls under."""
    venue = venue_of(instrument_id)
    return (ALL, f"venue:{venue}", f"instrument:{instrument_id}", f"strategy:{owner}")


def joined(*parts: str) -> str:
    """Return one key for several texts; none of them holds a line end."""
    return "\n".join(parts)
