"""The trading side of the state: ledger, limits, arm, kill."""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from engine.execution.ledger import Ledger
from engine.execution.ledger_orders import OrderRecord
from engine.execution.limits import RiskLimits, overridden, paper_limits
from engine.execution.market_reference import MarketReference
from engine.execution.review import ReviewMoment, mark_ticks
from engine.execution.risk import RiskGate
from engine.kernel.covers import Cover, Holding
from engine.kernel.seats import Seats
from engine.kernel.venue_side import VenueSide
from engine.model.account import TradeRules
from engine.model.facts import OrderFilled, TradingState
from engine.model.instrument import InstrumentId
from engine.model.orders import CONDITIONAL, EXTERNAL, OrderIntent

if TYPE_CHECKING:
    from engine.kernel.strategies import Runner

TerminalLoss = Literal["keep", "reduce_only", "halt"]
"""What holds when nobody sits at a screen any more."""

OnRestart = Literal["resume", "reduce_only", "halted"]
"""How far a run goes on with what the run before left."""

OnExit = Literal["cancel", "keep"]
"""What becomes of working orders at an orderly stop; those that protect a position stay."""

OnUnprotected = Literal["retry", "flatten", "nothing"]
"""What follows where a position is without its stop for too long (R33)."""

ARMED_FOR_EVER: Final = 0
RUN_ENDS: Final = "the run ends"
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
    on_terminal_loss: TerminalLoss = "keep"
    terminal_grace_s: int = 60
    """How long a screen may be gone before `on_terminal_loss` counts."""
    has_screen: bool = False
    """Whether a screen belongs to the run: one that does not come is as good as lost."""
    on_restart: OnRestart | None = None
    """None: `reduce_only` after a crash or with another version or other limits, else `resume`."""
    on_exit: OnExit = "cancel"
    on_unprotected: OnUnprotected = "retry"
    rules: TradeRules | None = None
    """What the venue can do, where orders leave the program; None on paper, where all is known."""


class KillReport(msgspec.Struct):
    """What a kill has done so far."""

    ts_ns: int
    reason: str
    asked: tuple[str, ...]
    """Client order ids of all cancels that it asked for."""
    with_stops: bool = False
    """Whether what protects goes, too."""


class DaySums(NamedTuple):
    """What an account has earned and paid in all, at some moment, in its own currency."""

    ts_ns: int
    realised: Decimal
    fees: Decimal
    funding: Decimal


class Closing(msgspec.Struct):
    """A close in slices, of which one at a time is at the venue; it is of the intent's owner."""

    client_order_id: str
    """Of the newest slice."""
    intent: OrderIntent
    """The first slice as it was wanted."""
    goal_lots: int
    """What shall be left of the position, without its sign."""
    is_long: bool
    is_flatten: bool = False
    is_unjournalled: bool = False


class Alerts(msgspec.Struct):
    """What people have heard of, so that they hear of it once."""

    rejected_ns: dict[str, int] = {}
    """When the venue rejected each of the newest orders of a burst."""
    is_burst: bool = False
    near_limits: dict[str, None] = {}
    """Limits of exposure that are nearly used."""
    looked_ns: int = 0
    """When the limits were last looked at."""


class Desk:
    """All that may change about trading, apart from the market itself."""

    def __init__(self, setup: DeskSetup) -> None:
        self.setup = setup
        self.ledger = Ledger()
        self.gate = RiskGate()
        self.limits = setup.limits
        self.armed_until_ns: int | None = ARMED_FOR_EVER if setup.starts_armed else None
        self.seats = Seats()
        self.kill: KillReport | None = None
        self.is_journal_ok = True
        self.is_ending = False
        self.legs_refused_ns: dict[tuple[str, str], int] = {}
        """When the gate last refused a leg: by client order id of its entry, and type."""
        self.trails_refused_ns: dict[str, int] = {}
        """When the gate last refused the stop of a trail."""
        self.closings: dict[Holding, Closing] = {}
        """Closes of which more slices are to come, by whose they are."""
        self.unvalued_ns: int | None = None
        """Since when nobody knows what the account is worth; None while it is known."""
        self.worth_fault = ""
        """Why it is not known."""
        self.clock_fault = ""
        """Why no signed order may add risk: the venue's clock is too far away (R15)."""
        self.fills: deque[OrderFilled] = deque(maxlen=FILLS_KEPT)
        """The newest, for the screen."""
        self.runners: dict[str, Runner] = {}
        """Running strategies by the owner of their orders."""
        self.covers: dict[Holding, Cover] = {}
        """What stands behind each owner's position."""
        self.overtaken: dict[str, None] = {}
        """Orders whose cancel was refused, oldest first: it may have come before they did."""
        self.venue_side = VenueSide()
        """What is known of the venue's side, where orders leave the program."""
        self.alerts = Alerts()
        self.day: DaySums | None = None
        """What was earned and paid when the UTC day began, or this run."""
        self.version = 0
        """Changes with everything that the panes of the desk show."""

    @property
    def trading_state(self) -> TradingState:
        """State of the whole account."""
        return self.ledger.states.get("all", "active")

    @property
    def is_steady(self) -> bool:
        """Whether what follows a cancel would leave: the journal takes it, the run goes on."""
        return self.is_journal_ok and not self.is_ending

    @property
    def limits_now(self) -> RiskLimits:
        """The limits of the risk file with those set while running."""
        return overridden(self.limits, self.ledger.limit_overrides)

    def end_arming(self) -> None:
        """Disarm what was armed for a while; the simulated market's arming has no end."""
        if self.armed_until_ns != ARMED_FOR_EVER:
            self.armed_until_ns = None

    def is_armed(self, now_ns: int) -> bool:
        """Whether orders by hand may add risk."""
        until = self.armed_until_ns
        return until is not None and (until == ARMED_FOR_EVER or now_ns < until)

    def protects(self, order: OrderRecord) -> bool:
        """Whether it is a protective order of an open position: it stays when others go.

        A stop that somebody made elsewhere protects as well as one of ours.
        """
        spec, intent = order.spec, order.intent
        is_foreign = intent.owner == EXTERNAL and spec.type in CONDITIONAL
        is_open = self.ledger.net_lots(spec.instrument_id) != 0
        return (intent.is_protective or is_foreign) and spec.is_reduce_only and is_open

    @property
    def is_sparing_nothing(self) -> bool:
        """Whether a kill takes what protects along, because a person said so."""
        return self.kill is not None and self.kill.with_stops

    def spares(self, order: OrderRecord) -> bool:
        """Whether a kill leaves an order where it is."""
        return self.protects(order) and not self.is_sparing_nothing

    def note_kill(
        self, now_ns: int, reason: str, asked: Iterable[str], *, with_stops: bool = False
    ) -> None:
        """Begin the report of a kill, or go on with it if it is on already; disarm."""
        if self.kill is not None:
            now_ns, asked = self.kill.ts_ns, (*self.kill.asked, *asked)
            with_stops |= self.kill.with_stops
        self.kill = KillReport(now_ns, reason, tuple(dict.fromkeys(asked)), with_stops)
        self.armed_until_ns = None

    def note_asked(self, client_order_id: str) -> None:
        """Count one more order that a kill asked to go."""
        if self.kill is not None:
            self.kill.asked = tuple(dict.fromkeys((*self.kill.asked, client_order_id)))

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything that decides what happens next, as plain values."""
        kill = self.kill
        return (
            self.ledger.to_bytes(),
            self.armed_until_ns,
            msgspec.structs.astuple(kill) if kill is not None else None,
            (self.is_journal_ok, self.is_ending, self.clock_fault),
            (self.unvalued_ns, self.worth_fault, self.day),
            (list(self.legs_refused_ns.items()), list(self.trails_refused_ns.items())),
            list(self.closings.items()),
            self.seats.digest_parts(),
            [runner.digest_parts() for runner in self.runners.values()],
            (list(self.covers.items()), list(self.overtaken)),
            msgspec.structs.astuple(self.alerts),
            self.venue_side.digest_parts(),
        )


def moment_of(
    desk: Desk,
    markets: dict[InstrumentId, MarketReference],
    now_ns: int,
    *,
    replaces: str = "",
) -> ReviewMoment:
    """Return the moment of a review."""
    faults: tuple[str, ...] = () if desk.is_journal_ok else ("the journal cannot be written",)
    if desk.is_ending:
        faults = (*faults, RUN_ENDS)
    if desk.worth_fault:
        faults = (*faults, desk.worth_fault)
    if desk.clock_fault and desk.setup.is_live:  # Paper signs nothing.
        faults = (*faults, desk.clock_fault)
    if desk.setup.rules is not None:
        faults = (*faults, *desk.venue_side.faults(now_ns))
    return ReviewMoment(
        now_ns=now_ns,
        is_live=desk.setup.is_live,
        markets=markets,
        free_margin_share=desk.venue_side.margin.free_share,
        liquidation_distance_share=_liquidation_distance(desk, markets),
        faults=faults,
        instrument_faults=desk.venue_side.instrument_faults(),
        replaces=replaces,
    )


def _liquidation_distance(
    desk: Desk, markets: dict[InstrumentId, MarketReference]
) -> Decimal | None:
    """Return how far the nearest position is from where the venue closes it, of its price.

    A position counts from the first report on that shows it. None where a price is not known.
    """
    told = desk.venue_side.margin.liquidation_prices
    if told is None:
        return None
    nearest = Decimal(1)
    for name, price in told.items():
        if not desk.ledger.net_lots(name):
            continue
        market = markets.get(name)
        tick = None if market is None else market.instrument.tick_size
        ticks = None if market is None else mark_ticks(market)
        if price is None or tick is None or not ticks:
            return None
        nearest = min(nearest, abs(price / (ticks * tick) - 1))
    return nearest
