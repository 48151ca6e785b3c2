"""Everything that the ledger keeps, as one struct: what a checkpoint holds."""

from typing import Final

import msgspec

from engine.execution.holdings import Holding
from engine.execution.ledger_account import Account
from engine.execution.ledger_controls import Controls
from engine.execution.ledger_memory import Memory
from engine.execution.ledger_orders import Orders
from engine.execution.ledger_parents import Parents
from engine.execution.positions import Positions
from engine.model.facts import RunBegan
from engine.model.instrument import InstrumentId

VERSION: Final = 2
"""Of the checkpoint; a change of any kept struct raises it."""

TRADES_MIN: Final = 50_000
"""Fills remembered at least: the duplicates of some hours of the busiest strategy."""

NOTES_MAX: Final = 50


class LedgerState(msgspec.Struct):
    """All that facts change."""

    version: int = VERSION
    boot: int = 0
    newest_run: RunBegan | None = None
    contradictions: int = 0
    notes: list[str] = []
    """The newest contradictions in words."""
    duplicate_fills: int = 0
    trades: Memory = msgspec.field(default_factory=lambda: Memory(TRADES_MIN))
    orders: Orders = msgspec.field(default_factory=Orders)
    positions: Positions = msgspec.field(default_factory=Positions)
    account: Account = msgspec.field(default_factory=Account)
    controls: Controls = msgspec.field(default_factory=Controls)
    confirmed_ns: int = 0
    """Up to when a report of the venue has agreed (R40)."""
    parents: Parents = msgspec.field(default_factory=Parents)
    holdings: dict[InstrumentId, Holding] = {}
    """Net positions as the venue reckons them; its cash is compared by these."""

    adopted_ns: dict[InstrumentId, int] = {}
    """By the venue's time: fills of up to then are part of a position that was adopted whole."""
    paid_ns: int = 0
    """By the venue's time: what those of up to then cost is in cash that was taken whole, too."""

    def contradict(self, sentence: str) -> None:
        """Count a fact that cannot be true beside the others."""
        self.contradictions += 1
        self.notes.append(sentence)
        del self.notes[:-NOTES_MAX]
