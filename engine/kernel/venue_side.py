"""What a run knows of the venue's side of its account beside the ledger, and what is in doubt.

Only where orders leave the program (`DeskSetup.rules`); the paper venue keeps no secrets.
"""

from decimal import Decimal
from typing import Final

import msgspec

from engine.execution.ledger_controls import ALL
from engine.execution.reconcile import name_of
from engine.model.account import OrderSeen, PositionSeen
from engine.model.instrument import InstrumentId, symbol_of
from engine.model.numbers import NS_PER_S

CONFIRMED_NS_MAX: Final = 120 * NS_PER_S
"""The account may go so long without a report that agrees: four missed ones."""

DIFFERENCE: Final = "difference"
"""What `accept` answers, followed by the instrument, or by the currency of the account."""

NOT_OPEN: Final = "not open yet"
"""Why the private stream is down before anybody has said so."""

SPACING_NS: Final = 1 * NS_PER_S
"""Between two requests for a report, whatever contradicts: each costs a twentieth of a minute's
allowance."""

UNSURE_NS: Final = 5 * NS_PER_S
"""Between two reports while something is in doubt (R40)."""

ROUNDS_MAX: Final = 3
"""Reports, one after the other, that show another position than ours (R45)."""


class Doubt(msgspec.Struct):
    """An order that the venue is asked for until there is evidence of what became of it."""

    since_ns: int
    next_ns: int
    asked: int = 0
    asked_ns: int = 0
    """When the query under way was sent; 0 while there is none."""
    absent_ns: int = 0
    """When the query left whose answer first counted as "there is none"."""
    is_alarmed: bool = False
    unsettled: int = 0
    """Answers of the venue that settled nothing."""
    is_stuck: bool = False
    """Whether its instrument was halted for it."""


class Sight(msgspec.Struct):
    """What the venue itself has shown of a conditional order, beyond answering that it took it."""

    since_ns: int
    """When it was first looked for."""
    asked_ns: int = 0
    """When it was last asked for."""
    seen_ns: int = 0
    """As of when the venue showed it, as it is or triggered."""
    is_there: bool = False
    """Whether it waits there for its trigger."""
    stuck_ns: int = 0
    """Since when it is triggered and no order has come of it; 0 while that is not so."""


class Mismatch(msgspec.Struct):
    """A position that the venue shows otherwise than our fills make it."""

    since_ns: int
    seen: PositionSeen
    asked_ns: int = 0
    """When the report that showed it was asked for."""
    rounds: int = 0


class CashDifference(msgspec.Struct):
    """Cash that the venue shows otherwise than our facts make it."""

    since_ns: int
    ours: Decimal = Decimal(0)
    theirs: Decimal = Decimal(0)
    by_entry: Decimal = Decimal(0)
    """What of it open positions give back: they cost the venue so much more."""
    asked_ns: int = 0
    """When the report that showed it was asked for."""
    rounds: int = 0
    fault: str = ""
    """Why nothing that adds risk leaves, once it stands; empty before, and below a cent."""

    def told(self, currency: str) -> str:
        """Return both in numbers."""
        return f"{currency}: ours {self.ours:f}, the venue's {self.theirs:f}"


class KillCheck(msgspec.Struct):
    """How far the venue has shown that the kill of a scope is done (R74)."""

    scope: str
    since_ns: int
    next_ns: int
    """When orders are asked to go the next time, and the venue what is left."""
    rounds: int = 0
    clean_ns: int = 0
    """When the first of the clean reports in a row was asked; 0 while the newest was not clean."""
    left: tuple[OrderSeen, ...] = ()
    """What the newest report showed that is to go."""
    told_ns: int = 0
    """When people last heard that it is not verified."""
    verified_ns: int = 0


class Reading(msgspec.Struct):
    """What the reports of the account leave open, as of the newest one."""

    others_orders: tuple[str, ...] = ()
    """Orders of another engine on this account (R124)."""
    unclear: tuple[OrderSeen, ...] = ()
    """Orders of which the venue says what nobody has described."""
    is_fault_told: bool = False
    """Whether people have heard that no report can be read, always for the same reason."""
    settles_ns: int = 0
    """When the account could have begun, had nothing moved in it; 0 before."""


class DeadMan(msgspec.Struct):
    """The venue's dead-man timer of one instrument."""

    asked_ns: int
    life_ns: int
    """That was asked for last."""
    is_waiting: bool = True
    is_wanted: bool = True
    due_ns: int = 0
    """When the venue will cancel, as it confirmed; 0 while it has not."""
    failures: int = 0


class Margin(msgspec.Struct, frozen=True):
    """How near the account is to losing positions by force; None is not told."""

    free_share: Decimal | None = None
    liquidation_prices: dict[InstrumentId, Decimal | None] | None = None
    """Of what was held when the venue told."""


class VenueSide:
    """All of it; empty for ever on paper."""

    def __init__(self) -> None:
        self.began_ns = 0
        self.up_ns: int | None = None
        """Since when the private stream is open; None while it is not."""
        self.down_reason = NOT_OPEN
        self.heard_ns: dict[str, int] = {}
        """When a gateway last said something of an order: one that is missing has not left."""
        self.doubts: dict[str, Doubt] = {}
        self.sights: dict[str, Sight] = {}
        """Of working conditional orders; a new run has seen none."""
        self.mismatches: dict[InstrumentId, Mismatch] = {}
        self.dead_men: dict[InstrumentId, DeadMan] = {}
        self.kills: dict[str, KillCheck] = {}
        """Of what is killed, by scope."""
        self.filled_ns: dict[InstrumentId, int] = {}
        """When the newest fill of an instrument came."""
        self.moved_ns = 0
        """The venue's time of the newest fill that came."""
        self.number = 0
        """Of the newest request for a report."""
        self.asked_ns = 0
        """When it was sent."""
        self.is_waiting = False
        """Whether its answer is still to come."""
        self.due_ns = 0
        self.report_fault = ""
        """Why the newest report brought nothing."""
        self.reading = Reading()
        self.agreed_ns: int | None = None
        """When a report last agreed; None while none has since the stream opened."""
        self.banned_until_ns = self.used_pct = 0
        self.ban_reason = ""
        self.rights_fault = ""
        self.repairs = 0
        """What had to be brought into the ledger because nobody had told of it."""
        self.contradictions = 0
        """Of the ledger, as far as a report was asked for because of them."""
        self.cash: CashDifference | None = None
        """As of the newest report that was judged; None while it is the venue's."""
        self.margin = Margin()
        """As of the newest report."""

    @property
    def kill(self) -> KillCheck | None:
        """The check of a kill of everything; None while there is none."""
        return self.kills.get(ALL)

    def ask_by(self, ts_ns: int) -> None:
        """Let the next report be asked for no later than this."""
        self.due_ns = min(self.due_ns, ts_ns)

    def ask_now(self) -> None:
        """Let the next report wait for no allowance, this once."""
        self.due_ns = self.asked_ns + SPACING_NS
        if not self.is_waiting:
            self.asked_ns = 0

    def faults(self, now_ns: int) -> tuple[str, ...]:
        """Return what forbids new risk, each as a sentence (data gate)."""
        found = []
        if self.up_ns is None:
            found.append(f"the private stream is down ({self.down_reason})")
        if now_ns < self.banned_until_ns:
            left_s = -(-(self.banned_until_ns - now_ns) // NS_PER_S)
            found.append(f"the venue answers nothing for another {left_s} s ({self.ban_reason})")
        if self.rights_fault:
            found.append(self.rights_fault)
        if others := self.reading.others_orders:
            found.append(f"another engine trades this account: {others_told(others)}")
        if self.agreed_ns is None:
            why = f" ({self.report_fault})" if self.report_fault else ""
            found.append(f"the account was not compared with the venue's yet{why}")
        elif now_ns - self.agreed_ns > CONFIRMED_NS_MAX:
            age_s = (now_ns - self.agreed_ns) // NS_PER_S
            why = f" ({self.report_fault})" if self.report_fault else ""
            found.append(f"the account last agreed with the venue's {age_s} s ago{why}")
        found += [
            f"the position of {symbol_of(name)} is not the venue's, which has {one.seen.lots} lots"
            for name, one in self.mismatches.items()
        ]
        if self.cash is not None and self.cash.fault:
            found.append(self.cash.fault)
        return tuple(found)

    def instrument_faults(self) -> dict[InstrumentId, str]:
        """Return what forbids new risk in one instrument, as a sentence."""
        return {seen.instrument_id: unclear_told(seen) for seen in self.reading.unclear}

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything that decides what happens next, as plain values."""
        return (
            (self.began_ns, self.up_ns, self.down_reason),
            list(self.heard_ns.items()),
            list(self.doubts.items()),
            list(self.sights.items()),
            list(self.mismatches.items()),
            list(self.dead_men.items()),
            list(self.kills.items()),
            (list(self.filled_ns.items()), self.moved_ns),
            (self.number, self.asked_ns, self.is_waiting, self.due_ns),
            (self.report_fault, self.reading, self.agreed_ns),
            (self.banned_until_ns, self.ban_reason, self.used_pct, self.rights_fault),
            (self.repairs, self.contradictions, self.cash),
            self.margin,
        )


def unclear_told(seen: OrderSeen) -> str:
    """Return of which order the venue says what nobody has described, and what ends that."""
    name, symbol = name_of(seen), symbol_of(seen.instrument_id)
    told = f"{symbol}: the venue shows order {name} with {seen.reason}, which is not known here"
    return f"{told}; it counts in full, so look at the venue and cancel it"


def others_told(orders: tuple[str, ...]) -> str:
    """Return what orders of another engine ask a person to do."""
    more = f" and {len(orders) - 1} more" if orders[1:] else ""
    return f"end it, then cancel its order {orders[0]}{more}"
