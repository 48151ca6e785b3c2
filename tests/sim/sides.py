"""The other side of an engine: a venue, the way to it, and what the judge can see of it.

There are three. The paper venue ends with the process. `SimVenue` speaks the language of the
kernel, so that much can be tried in little time. The exchange is reached by the real gateway and
the real trade wire; it is in `exchange_side`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from engine.execution.ledger import Ledger
from engine.execution.paper import PaperVenue
from engine.kernel.desk import DeskSetup
from engine.model.account import AccountReported
from engine.model.chance import Chance
from engine.model.instrument import InstrumentId
from engine.runtime.clock import Clock
from engine.runtime.guard import RunGateway
from engine.runtime.host import EngineHost
from tests.sim import checkers
from tests.sim.checkers import Told
from tests.sim.clocks import MachineClock
from tests.sim.frames import Frame, Standing
from tests.sim.markets import Market
from tests.sim.profiles import LIMITS, Mix
from tests.sim.sim_venue import SimGateway, SimVenue

OnFrame = Callable[[Frame], None]


class FarSide(Protocol):
    """A venue as world and judge know it; it outlives engines."""

    setup: DeskSetup
    seen: Counter[str]
    """Situations of which only this side knows."""

    @property
    def allows_repairs(self) -> bool:
        """Whether something may be lost, so that only a report of the account brings it."""

    @property
    def market(self) -> Market:
        """What is traded there."""

    def trade(self, market: Market, now_ns: int) -> None:
        """Let a market be traded there."""

    def new_gateway(self, host: EngineHost, clock: Clock) -> RunGateway:
        """Return the way of one engine to it."""

    async def check_start(self, clock: MachineClock) -> None:
        """Demand that an engine is not started that must not be."""

    def act(self, host: EngineHost, now_ns: int) -> None:
        """Let somebody else do something there, or not."""

    def upset(self, host: EngineHost, now_ns: int) -> None:
        """Let venue or owner turn much over, or not."""

    def calm(self, now_ns: int) -> None:
        """Let nothing go wrong from now on."""

    def trouble(self, host: EngineHost, *, is_reported: bool) -> str:
        """Return what is still on its way, or not yet settled; nothing where all is.

        Args:
            host: Has the engine.
            is_reported: Whether it must also have been told by a report of the account.
        """

    def wake_up(self, slept_s: int) -> None:
        """Note that the machine has slept."""

    def go_down(self, now_ns: int) -> None:
        """Note that the engine died."""

    def check_left(self, host: EngineHost) -> None:
        """Demand that an engine which ended in good order has left what it was to leave."""

    def pass_time(self, now_ns: int) -> int:
        """Go on without an engine; returns how often others acted meanwhile."""

    # What the judge sees.

    def standing(self) -> Iterator[Standing]:
        """Iterate over what is there and what is on its way there."""

    @property
    def listen_key(self) -> str:
        """What opens the private stream now; empty where nothing does."""

    def nets(self) -> Mapping[InstrumentId, int]:
        """Return net positions in lots."""

    def lags(self) -> bool:
        """Whether the engine may rightly know of fewer fills, or of other orders, than happened."""

    def look(self, host: EngineHost) -> None:
        """Demand what holds at every moment."""

    def check_report(self, event: AccountReported) -> None:
        """Demand that a report of the account holds all that it must."""

    def check_sound(self, told: Told) -> None:
        """Demand what holds for every order that ever was there."""

    def check_calm(self, host: EngineHost) -> None:
        """Demand that nothing had to be repaired (I10)."""

    def check_agrees(self, ledger: Ledger, *, is_exact: bool) -> None:
        """Demand that orders, positions and money are the same on both sides (I1).

        Args:
            ledger: The engine's.
            is_exact: To the last digit; else to a cent, because a rounded price was taken over.
        """


class AdapterSide:
    """The simulated venue or the paper one, behind a gateway without a wire."""

    allows_repairs = False

    def __init__(self, chance: Chance, mix: Mix, on_frame: OnFrame) -> None:
        self.seen: Counter[str] = Counter()
        self._mix = mix
        self._on_frame = on_frame
        self._memory = SimVenue(chance, mix)
        self._gateway: SimGateway | None = None
        self._lives = 0
        self.setup = DeskSetup(
            venue="simulated", starts_armed=True, limits=LIMITS, on_restart=mix.on_restart
        )
        self.market: Market

    def trade(self, market: Market, now_ns: int) -> None:
        """Let a market be traded there."""
        del now_ns
        self.market = market

    def new_gateway(self, host: EngineHost, clock: Clock) -> SimGateway:
        """Return the way of one engine to it."""
        self._lives += 1
        venue = PaperVenue(self._lives) if self._mix.is_paper else self._memory
        self._gateway = SimGateway(host, clock, venue, self._on_frame)
        return self._gateway

    async def check_start(self, clock: MachineClock) -> None:
        """Demand nothing: no key is needed here."""

    def act(self, host: EngineHost, now_ns: int) -> None:
        """Do nothing: nobody else trades there."""

    def upset(self, host: EngineHost, now_ns: int) -> None:
        """Do nothing: nobody owns it."""

    def calm(self, now_ns: int) -> None:
        """Go on as before: nothing is ever lost here."""

    def trouble(self, host: EngineHost, *, is_reported: bool) -> str:
        """Return what is on its way in either direction."""
        del host, is_reported
        return "" if self._way.is_quiet() else "something is on its way"

    def wake_up(self, slept_s: int) -> None:
        """Do nothing: machines that trade here never sleep."""

    def go_down(self, now_ns: int) -> None:
        """Note that the engine died."""
        if self._gateway is not None:
            self._memory.go_down(now_ns, self._gateway.markets)

    def check_left(self, host: EngineHost) -> None:
        """Demand nothing: no engine ends here in good order before its work is done."""

    def pass_time(self, now_ns: int) -> int:
        """Do nothing: the market goes on when somebody looks."""
        del now_ns
        return 0

    @property
    def listen_key(self) -> str:
        """What opens the private stream now: an adapter needs nothing."""
        return ""

    def standing(self) -> Iterator[Standing]:
        """Iterate over what is there and what is on its way there."""
        venue = self._way.venue
        for name, order in venue.orders.items():
            yield Standing(name, order.intent.spec, order.left_lots)
        for name, intent in venue._placing.items():
            yield Standing(name, intent.spec, intent.spec.qty_lots)

    def nets(self) -> Mapping[InstrumentId, int]:
        """Return the positions by which a venue clips reduce-only orders."""
        return self._way.venue._nets or {}

    def lags(self) -> bool:
        """Whether fills are told late."""
        return self._mix.late_share > 0

    def look(self, host: EngineHost) -> None:
        """Demand nothing more: the books of both sides are one."""

    def check_report(self, event: AccountReported) -> None:
        """Demand nothing: this venue is never asked."""

    def check_sound(self, told: Told) -> None:
        """Demand what holds for every order that ever was there; on paper nobody remembers."""
        if not self._mix.is_paper:
            checkers.venue_is_sound(self._memory, told)

    def check_calm(self, host: EngineHost) -> None:
        """Demand that the venue never contradicted itself, or us."""
        ledger = host.state.desk.ledger
        notes = ledger.contradiction_notes
        demand = checkers.demand
        demand(not ledger.contradictions, "I10", f"the venue contradicted itself, or us: {notes}")

    def check_agrees(self, ledger: Ledger, *, is_exact: bool) -> None:
        """Demand that orders, positions and money are the same on both sides."""
        del is_exact
        there = {name: order.left_lots for name, order in self._way.venue.orders.items()}
        checkers.orders_agree(ledger, there)
        if self._mix.is_paper:
            checkers.agrees_with_paper(ledger, self.nets())
        else:
            checkers.agrees_with_venue(ledger, self._memory.ledger)

    @property
    def _way(self) -> SimGateway:
        assert self._gateway is not None
        return self._gateway
