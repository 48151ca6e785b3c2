"""The ledger: orders, fills, positions, money and trading states, changed by facts alone.

The same facts give the same ledger live, after a fold of the journal and from a checkpoint in the
middle. Nothing that a venue says can make it raise: what contradicts is counted, what was filled is
booked, and what nobody can say stays unknown and counts as exposure. What it returns is for
reading; only `apply` changes it.
"""

from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Final

import msgspec

from engine.execution.holdings import Holding, holding_of, is_of
from engine.execution.ledger_account import DAY_NS
from engine.execution.ledger_controls import joined, scopes_of
from engine.execution.ledger_facts import (
    is_booked,
    is_in_position,
    movement_key,
    shares_of,
    steps_problem,
    take,
)
from engine.execution.ledger_memory import Memory
from engine.execution.ledger_orders import OrderRecord
from engine.execution.ledger_parents import ParentRecord, TrailRecord
from engine.execution.ledger_state import VERSION, LedgerState
from engine.execution.positions import Position, Steps, total
from engine.model.errors import JournalNotOurs
from engine.model.facts import (
    Fact,
    InstrumentKnown,
    OrderFilled,
    OrderIntended,
    RunBegan,
    StrategyStarted,
    TradingState,
    TradingStateSet,
)
from engine.model.instrument import InstrumentId
from engine.model.orders import HAND, Side

ID_PREFIX: Final = "ck"
BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
BOOT_LETTERS: Final = 6
RUN_LETTERS: Final = 6
COUNTER_LETTERS: Final = 8


class _Version(msgspec.Struct):
    """What every version of a checkpoint has in common."""

    version: int


class Ledger:
    """All that the facts amount to."""

    def __init__(self) -> None:
        self._kept = LedgerState()

    def apply(self, fact: Fact) -> None:
        """Take in one fact, whatever it says."""
        take(self._kept, fact)

    def losing_exits(self, owner: str, instrument_id: InstrumentId, now_ns: int) -> int:
        """Return how many positions an owner has closed at a loss within 24 h, before fees."""
        exits = self._kept.controls.exits.get(joined(owner, instrument_id))
        return 0 if exits is None else exits.losing_since(now_ns - DAY_NS)

    @property
    def newest_run(self) -> RunBegan | None:
        """How the newest run began; None before the first."""
        return self._kept.newest_run

    @property
    def strategies(self) -> dict[str, StrategyStarted]:
        """Strategies that run, or ran when the newest run ended, by owner."""
        return self._kept.controls.strategies

    # Orders.

    @property
    def orders(self) -> dict[str, OrderRecord]:
        """Working orders and the newest 1,000 ended ones, by client order id."""
        return self._kept.orders.records

    def working(self, instrument_id: InstrumentId | None = None) -> list[OrderRecord]:
        """Return the orders that are not final, in order of creation."""
        return self._kept.orders.list_working(instrument_id)

    def working_lots(
        self, instrument_id: InstrumentId, side: Side, *, with_reduce_only: bool = True
    ) -> int:
        """Return the most that all working orders of a side can still fill."""
        return sum(
            order.remaining_lots
            for order in self.working(instrument_id)
            if order.spec.side == side and (with_reduce_only or not order.spec.is_reduce_only)
        )

    @property
    def parents(self) -> dict[str, ParentRecord]:
        """Parents that go on and the newest that ended, in order of their beginning."""
        return self._kept.parents.records

    @property
    def trails(self) -> dict[str, TrailRecord]:
        """Stops that follow the price, by name."""
        return self._kept.parents.trails

    def next_parent_id(self) -> str:
        """Return the name of the next parent."""
        return f"a{self._kept.parents.count + 1}"

    def next_trail_id(self) -> str:
        """Return the name of the next trail that is asked for by itself."""
        return f"t{self._kept.parents.trail_count + 1}"

    def next_client_order_id(self) -> str:
        """Return the id of the next order; the same until that order is intended.

        The run's own name is in it: another folder, or another machine with the same account,
        counts its boots from one, too, and the venue would answer for that one's orders (R21).
        """
        boot = _base36(self._kept.boot, BOOT_LETTERS)
        run = "" if self.newest_run is None else _letters_of(self.newest_run.run_id)
        return f"{ID_PREFIX}{boot}{run}{_base36(self._kept.orders.count, COUNTER_LETTERS)}"

    # Positions and money.

    def position(self, owner: str, instrument_id: InstrumentId) -> Position:
        """Return what an owner holds."""
        return self._kept.positions.of(owner, instrument_id)

    def net(self, instrument_id: InstrumentId) -> Position:
        """Return the position as the venue has it."""
        return self._kept.positions.net(instrument_id)

    def net_lots(self, instrument_id: InstrumentId) -> int:
        """Return the signed size that the venue has."""
        return self.net(instrument_id).lots

    def closable_lots(self, owner: str, instrument_id: InstrumentId) -> int:
        """Return the signed size that an owner's orders may close: a person's, the net (D18)."""
        if owner == HAND:
            return self.net_lots(instrument_id)
        return self.position(owner, instrument_id).lots

    def owners(self, instrument_id: InstrumentId) -> list[str]:
        """Return who holds some of it, by name."""
        return self._kept.positions.owners(instrument_id)

    def held(self) -> list[InstrumentId]:
        """Return the instruments of which the venue has a position, by name."""
        nets = self._kept.positions.nets
        return [instrument_id for instrument_id in sorted(nets) if nets[instrument_id].lots]

    def shares(self, fill: OrderFilled) -> dict[str, int]:
        """Return whose positions a fill is about to change, in signed lots; none if it is known."""
        return shares_of(self._kept, fill)

    def is_booked(self, fill: OrderFilled) -> bool:
        """Whether a fill is counted already."""
        return is_booked(self._kept, fill)

    def is_in_position(self, fill: OrderFilled) -> bool:
        """Whether a fill is part of a position that was adopted from the venue."""
        return is_in_position(self._kept, fill)

    def is_moved(self, kind: str, movement_id: str) -> bool:
        """Whether a movement of money is counted already."""
        return movement_key(kind, movement_id) in self._kept.trades

    @property
    def confirmed_ns(self) -> int:
        """Up to when a report of the venue has agreed; 0 before the first."""
        return self._kept.confirmed_ns

    def steps(self, instrument_id: InstrumentId) -> Steps | None:
        """Return how an instrument's integers become money; None if nobody said."""
        return self._kept.account.steps.get(instrument_id)

    @property
    def all_steps(self) -> dict[InstrumentId, Steps]:
        """How each instrument's integers become money."""
        return self._kept.account.steps

    def steps_problem(self, fact: InstrumentKnown) -> str:
        """Return why an instrument cannot be counted in these steps; nothing if it can."""
        return steps_problem(self._kept, fact)

    @property
    def fees(self) -> dict[str, Decimal]:
        """Fees paid, by currency."""
        return self._kept.account.fees

    @property
    def settled_fees(self) -> Decimal:
        """Fees paid in the account's currency or one at par with it: those that profit counts."""
        account = self._kept.account
        return total(fee for name, fee in account.fees.items() if account.is_at_par(name))

    @property
    def settled_realised(self) -> Decimal:
        """What closing has brought, of all instruments whose currency profit counts."""
        return total(self.realised(name) for name in self._at_par())

    @property
    def settled_funding(self) -> Decimal:
        """Funding paid, of the same instruments."""
        return total(self.funding.get(name, Decimal(0)) for name in self._at_par())

    @property
    def other_fees(self) -> dict[str, Decimal]:
        """Fees paid in other currencies."""
        account = self._kept.account
        return {name: fee for name, fee in account.fees.items() if not account.is_at_par(name)}

    @property
    def funding(self) -> dict[InstrumentId, Decimal]:
        """Funding paid, by instrument."""
        return self._kept.account.funding

    @property
    def currency(self) -> str:
        """Currency of the account; empty before it was opened."""
        return self._kept.account.currency

    def cash(self, currency: str) -> Decimal | None:
        """Return opening plus realised profit less fees and funding; None if that is unknown."""
        balances = self._kept.account.balances(self._kept.positions.nets)
        return None if balances is None else balances.get(currency, Decimal(0))

    @property
    def settled_cash(self) -> Decimal | None:
        """The cash in the account's currency or one at par with it; None if it is unknown."""
        account = self._kept.account
        balances = account.balances(self._kept.positions.nets)
        if balances is None:
            return None
        return total(amount for name, amount in balances.items() if account.is_at_par(name))

    @property
    def since_ns(self) -> int:
        """By the venue's time: what was filled or moved before is in the opening."""
        return self._kept.account.since_ns

    @property
    def booked_cash(self) -> Decimal | None:
        """`settled_cash` as the venue reckons it, in whose digits a partial close is rounded."""
        settled = self.settled_cash
        if settled is None:
            return None
        amounts = [settled]
        for name in self._kept.holdings:
            steps = self._kept.account.steps[name]
            if self.is_at_par(steps.quote):
                amounts += [self.realised(name), -steps.realised(self.net(name))]
        return total(amounts)

    def realised(self, instrument_id: InstrumentId) -> Decimal:
        """Return what closing has brought, in the venue's digits; nothing while steps are unknown.

        It is in the instrument's currency, before fees and funding.
        """
        holding = self.holding(instrument_id)
        return Decimal(0) if holding is None else holding.realised

    def holding(self, instrument_id: InstrumentId) -> Holding | None:
        """Return the net position in the venue's digits; None while steps are unknown."""
        steps, net = self.steps(instrument_id), self.net(instrument_id)
        if steps is None:
            return None
        held = self._kept.holdings.get(instrument_id)
        return held if held is not None and is_of(held, net, steps) else holding_of(net, steps)

    def _at_par(self) -> list[InstrumentId]:
        return [name for name, one in self.all_steps.items() if self.is_at_par(one.quote)]

    def is_at_par(self, currency: str) -> bool:
        """Whether an amount counts as one of the account's currency."""
        return self._kept.account.is_at_par(currency)

    def equity(
        self,
        marks: Mapping[InstrumentId, Decimal],
        rates: Mapping[str, Decimal] | None = None,
    ) -> Decimal | None:
        """Return what the account is worth, in its currency; None if any part is unknown.

        Args:
            marks: Price of each instrument that has a position.
            rates: Worth of one unit of other currencies; dollars of any name are at par.
        """
        return self._kept.account.equity(self._kept.positions.nets, marks, rates or {})

    @property
    def boot(self) -> int:
        """How many runs have had this ledger; 0 before the first."""
        return self._kept.boot

    def day_start_equity(self, now_ns: int) -> Decimal | None:
        """Return the first mark of the UTC day; None if there is none yet."""
        return self._kept.account.start_of_day(now_ns)

    @property
    def session_start_equity(self) -> Decimal | None:
        """The first mark of this run."""
        return self._kept.account.session_start

    @property
    def peak_equity(self) -> Decimal | None:
        """The highest mark ever."""
        return self._kept.account.peak

    # Controls.

    @property
    def states(self) -> dict[str, TradingState]:
        """Trading state of every scope of which something was said."""
        return {scope: fact.state for scope, fact in self.state_facts.items()}

    @property
    def state_facts(self) -> dict[str, TradingStateSet]:
        """Who set each scope's trading state last, when and why."""
        return self._kept.controls.scopes

    def trading_state(self, instrument_id: InstrumentId, owner: str) -> TradingState:
        """Return the strictest state of whatever an owner's order in an instrument falls under."""
        return self._kept.controls.strictest(scopes_of(instrument_id, owner))

    def failures(self, breaker: str) -> int:
        """Return how many failures in a row a breaker has seen."""
        return self._kept.controls.failures.get(breaker, 0)

    def has_acted(self, owner: str, signal: str) -> bool:
        """Whether an owner has answered a signal; the newest 10,000 are remembered."""
        return joined(owner, signal) in self._kept.controls.signals

    @property
    def limit_overrides(self) -> dict[str, Decimal]:
        """Limits changed while running, by name."""
        return self._kept.controls.overrides

    def orders_today(self, instrument_id: InstrumentId, now_ns: int) -> int:
        """Return how many orders of an instrument were approved since 00:00 UTC."""
        counted = self._kept.controls.orders.get(instrument_id)
        return 0 if counted is None else counted.on_day_of(now_ns)

    def entries_today(self, owner: str, instrument_id: InstrumentId, now_ns: int) -> int:
        """Return how many of an owner's orders since 00:00 UTC were not reduce-only."""
        counted = self._kept.controls.entries.get(joined(owner, instrument_id))
        return 0 if counted is None else counted.on_day_of(now_ns)

    def last_order_ns(self, instrument_id: InstrumentId) -> int | None:
        """Return when the newest order of an instrument was approved."""
        counted = self._kept.controls.orders.get(instrument_id)
        return None if counted is None else counted.last_ns

    def recent_intents(self, since_ns: int) -> list[OrderIntended]:
        """Return the approved orders at or after a time, oldest first; of the newest 2,000."""
        return [fact for fact in self._kept.controls.recent if fact.ts_ns >= since_ns]

    def changes_since(self, since_ns: int) -> int:
        """Return how many cancels and amendments were asked for since a time, of the newest."""
        return sum(ts_ns >= since_ns for ts_ns in self._kept.controls.changes_ns)

    # What went wrong.

    @property
    def contradictions(self) -> int:
        """How many facts contradicted others; a rise is a reason to ask the venue (R20)."""
        return self._kept.contradictions

    @property
    def contradiction_notes(self) -> list[str]:
        """The newest of them in words, oldest first."""
        return self._kept.notes

    @property
    def duplicate_fills(self) -> int:
        """How many fills were told again; each was booked once."""
        return self._kept.duplicate_fills

    def copied(self) -> "Ledger":
        """Return another ledger of the same facts, to try what more of them would do.

        Its memories are many short texts, and copied as they are.
        """
        kept, controls = self._kept, self._kept.controls
        rest = msgspec.structs.replace(
            kept,
            trades=Memory(kept.trades.size),
            controls=msgspec.structs.replace(controls, signals=Memory(controls.signals.size)),
        )
        ledger = Ledger()
        ledger._kept = msgspec.msgpack.decode(msgspec.msgpack.encode(rest), type=LedgerState)
        ledger._kept.trades = kept.trades.copied()
        ledger._kept.controls.signals = controls.signals.copied()
        return ledger

    # Checkpoints.

    def to_bytes(self) -> bytes:
        """Return all of it as a checkpoint; equal ledgers give equal bytes."""
        return msgspec.msgpack.encode(self._kept, order="deterministic")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Ledger":
        """Return the ledger of a checkpoint.

        Raises:
            JournalNotOurs: It is not a checkpoint, or of another version of the program.
        """
        try:
            version = msgspec.msgpack.decode(data, type=_Version).version
            if version != VERSION:
                raise JournalNotOurs(f"checkpoint of version {version}, this program has {VERSION}")
            kept = msgspec.msgpack.decode(data, type=LedgerState)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise JournalNotOurs(f"not a checkpoint of the ledger: {error}") from error
        ledger = cls()
        ledger._kept = kept
        return ledger

    def digest(self) -> str:
        """Return the hash of all of it; equal digests mean equal ledgers."""
        return sha256(self.to_bytes()).hexdigest()


def is_engines(client_order_id: str) -> bool:
    """Whether an id has the form of those that an engine gives, this one or another."""
    rest = client_order_id.removeprefix(ID_PREFIX)
    is_long_enough = len(rest) == BOOT_LETTERS + RUN_LETTERS + COUNTER_LETTERS
    return rest != client_order_id and is_long_enough and not set(rest) - set(BASE36)


def _letters_of(run_id: str) -> str:
    number = int.from_bytes(sha256(run_id.encode()).digest()[:8])
    return _base36(number % len(BASE36) ** RUN_LETTERS, RUN_LETTERS)


def _base36(number: int, letters: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(BASE36))
        digits = BASE36[digit] + digits
    return digits.rjust(letters, BASE36[0])
