"""The trading side of the state: ledger, limits, arm, kill."""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from engine.execution.ledger import Ledger
from engine.execution.ledger_orders import OrderRecord
from engine.execution.limits import RiskLimits, paper_limits
from engine.execution.market_reference import MarketReference
from engine.execution.review import ReviewMoment
from engine.execution.risk import RiskGate
from engine.model.facts import OrderFilled, TradingState
from engine.model.instrument import InstrumentId

if TYPE_CHECKING:
    from engine.kernel.strategies import Runner

ARMED_FOR_EVER: Final = 0
FILLS_KEPT: Final = 200


class DeskSetup(msgspec.Struct, frozen=True):
    """What a run trades as; decided at the start."""

    venue: str = "simulated"
    account: str = "paper"
    is_live: bool = False
    starts_armed: bool = False
    currency: str = "USD"
    paper_equity: Decimal = Decimal(100_000)
    limits: RiskLimits = paper_limits()


class KillReport(msgspec.Struct):
    """What a kill has done so far."""

    ts_ns: int
    reason: str
    asked: tuple[str, ...]
    """Client order ids of all cancels that it asked for."""
    is_persisted: bool = False


class Desk:
    """All that may change about trading, apart from the market itself."""

    def __init__(self, setup: DeskSetup) -> None:
        self.setup = setup
        self.ledger = Ledger()
        self.gate = RiskGate()
        self.limits = setup.limits
        self.armed_until_ns: int | None = ARMED_FOR_EVER if setup.starts_armed else None
        self.kill: KillReport | None = None
        self.is_journal_ok = True
        self.fills: deque[OrderFilled] = deque(maxlen=FILLS_KEPT)
        """The newest, for the screen."""
        self.runners: dict[str, Runner] = {}
        """Running strategies by the owner of their orders."""
        self.version = 0
        """Changes with everything that the panes of the desk show."""

    @property
    def trading_state(self) -> TradingState:
        """State of the whole account."""
        return self.ledger.states.get("all", "active")

    def is_armed(self, now_ns: int) -> bool:
        """Whether orders by hand may add risk."""
        until = self.armed_until_ns
        return until is not None and (until == ARMED_FOR_EVER or now_ns < until)

    def protects(self, order: OrderRecord) -> bool:
        """Whether it is a protective order of an open position: it stays when others go."""
        is_open = self.ledger.net_lots(order.spec.instrument_id) != 0
        return order.intent.is_protective and order.spec.is_reduce_only and is_open

    def note_kill(self, now_ns: int, reason: str, asked: Iterable[str]) -> None:
        """Begin the report of a kill, or go on with it if it is on already; disarm."""
        before = () if self.kill is None else self.kill.asked
        self.kill = KillReport(now_ns, reason, tuple(dict.fromkeys((*before, *asked))))
        self.armed_until_ns = None

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything that decides what happens next, as plain values."""
        kill = self.kill
        return (
            self.ledger.to_bytes(),
            self.armed_until_ns,
            (kill.ts_ns, kill.reason, kill.asked) if kill is not None else None,
            self.is_journal_ok,
            [runner.digest_parts() for runner in self.runners.values()],
        )


def moment_of(
    desk: Desk,
    markets: dict[InstrumentId, MarketReference],
    now_ns: int,
    *,
    replaces: str = "",
) -> ReviewMoment:
    """Return the moment of a review."""
    faults = () if desk.is_journal_ok else ("the journal cannot be written",)
    return ReviewMoment(
        now_ns=now_ns,
        is_live=desk.setup.is_live,
        markets=markets,
        faults=faults,
        replaces=replaces,
    )
