"""What a seed may meet: every world draws its own mix, with many faults switched off."""

from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from engine.execution.limits import RiskLimits, paper_limits
from engine.fake.trading.mishaps import RestFaults, StreamFaults, TradingFaults
from engine.kernel.desk import OnExit, OnRestart, OnUnprotected
from engine.model.chance import Chance

PROFILES: Final = ("CLEAN", "NET", "VENUE", "DISK", "CRASH", "PARENTS", "CHAOS", "LIVENESS")
"""CLEAN: nothing is lost, delays only. NET: requests, answers, frames and market data suffer, and
the machine sleeps, stops and has another time than the venue. VENUE: the venue and others act:
cancels, halts, other steps, orders by hand and of another engine, replicas that lag. DISK: it is
full, slow or broken for a while. CRASH: as CLEAN, and engine or machine die now and then; behind
the wire somebody sets the clock meanwhile. PARENTS: as CRASH, with parent orders and trails.
CHAOS: all of it. LIVENESS: as CHAOS without deaths.

Each has its quiet seeds: no person, but a strategy that runs for a while; with CRASH it dies soon
after its orders. CLEAN, CRASH and PARENTS are lived through at two kinds of venue in turn: odd
seeds beside an adapter, even ones behind the real gateway and wire; all others behind the wire.
"""

QUIET_SHARE: Final = 0.15
LIVE_SHARE: Final = 0.2
UPSETS: Final = 15_486_047
UNUSUALS: Final = 32_455_805
"""Chosen so that no seed that once failed, or that finds a planted bug, draws what came after it:
they live as they did then."""

UNUSUAL_SHARE: Final = 0.3
"""Of the seeds behind the wire: engine and venue are configured in a way that few are."""
UPSET_SHARE: Final = 0.4
"""Of the seeds in which venue and others act: they turn much over, too."""

TWO: Final = ("BTC-PERP", "ETH-PERP")

LIMITS: Final[RiskLimits] = msgspec.structs.replace(
    paper_limits(),
    order_value_max=Decimal(20_000),
    position_value_max=Decimal(40_000),
    open_orders_per_instrument_max=8,
    unknown_orders_per_instrument_max=8,
    failures_max=1_000,
    free_margin_share_min=Decimal("0.3"),
)
"""So narrow that a random operator runs into them."""


class MarketFaults(NamedTuple):
    """What happens to market data on its way to the engine; shares are of its messages."""

    drop_share: float = 0.0
    stall_share: float = 0.0
    """Nothing comes for some seconds, then all of it at once."""


class DiskFaults(NamedTuple):
    """What happens to the disk; shares are of the steps of the person."""

    trouble_share: float = 0.0
    """It is full, or an operation fails, for a while."""
    stall_s_max: float = 0.0


class ClockFaults(NamedTuple):
    """What the machine takes for the time; shares are of the steps of the person."""

    off_s: float = 0.0
    """How far its wall clock is ahead."""
    drift_ppm: int = 0
    """By how much its monotonic clock is too fast."""
    step_share: float = 0.0
    """Of deaths: somebody sets the wall clock before the next start."""
    sleep_share: float = 0.0
    """The machine sleeps, and its monotonic clock with it."""
    stop_share: float = 0.0
    """The process is stopped for a while."""


class Upheaval(NamedTuple):
    """What venue and owner do that turns much over; shares are of the steps of the person."""

    seed: int = 0
    """Of whatever is drawn for it."""
    liquidation_share: float = 0.0
    """The venue takes a position over."""
    key_share: float = 0.0
    """The owner takes the key's rights away, or the key, and gives them back after a while."""
    leverage_share: float = 0.0
    """The owner gives an instrument another leverage."""
    delisting_share: float = 0.0
    """The venue takes an instrument off for good, with whatever the account has of it."""
    withdrawal_share: float = 0.0
    """Of starts: the key may withdraw by then, and the start must be refused."""


class Mix(NamedTuple):
    """What one seed draws; shares are of the things they are about."""

    latency_mean_s: float
    slow_share: float
    """Orders that travel for seconds and are told as unknown meanwhile."""
    overtaking_share: float
    """Cancels that come to the venue before their order."""
    late_share: float
    """Fills told after what followed them."""
    repeat_share: float
    """Fills told again."""
    crossing_share: float
    """Cancels and amends that meet a fill at the venue."""
    sync_mean_s: float
    sync_stall_share: float
    """Syncs that take longer than an order waits for."""
    intensity: float
    pause_mean_s: float
    steps: int
    lives: int
    """Crashes and one."""
    symbols: tuple[str, ...]
    opening_s: float
    """What a person waits before the first command."""
    quiet_s: int
    """How long strategies run without a person; 0 for a person, who may start one."""
    is_paper: bool
    """The shipped paper venue, which ends with the process; else a venue that goes on."""
    sigkill_share: float
    """Deaths of the process alone: what was written stays; else the power goes."""
    on_restart: OnRestart | None
    has_families: bool = False
    """The person asks for parent orders and trails, too."""
    is_wired: bool = False
    """The exchange behind gateway and wire."""
    is_live: bool = False
    """What is not known forbids, as it does with real money; the first minute knows too little."""
    connect_mean_s: float = 0.0
    """What a request waits for a connection before its first byte leaves."""
    trading: TradingFaults = TradingFaults()
    market: MarketFaults = MarketFaults()
    disk: DiskFaults = DiskFaults()
    meddling_share: float = 0.0
    """Of the person's steps: the venue or somebody else acts, too."""
    restep_share: float = 0.0
    """Of those acts: an instrument gets another tick."""
    has_early_strangers: bool = False
    """Others trade before the engine knows the account, too."""
    upheaval: Upheaval = Upheaval()
    on_exit: OnExit = "cancel"
    on_unprotected: OnUnprotected = "retry"
    leave_share: float = 0.0
    """Of the person's steps: the engine is ended in good order, whatever works, and begun anew."""
    clock: ClockFaults = ClockFaults()
    is_repeated: bool = False
    """What came in is run again in the end, and must lead to the same."""


def draw(profile: str, seed: int, chance: Chance) -> Mix:
    """Return the mix of a seed."""
    assert profile in PROFILES
    is_crash = profile in {"CRASH", "PARENTS", "CHAOS"}
    is_quiet = chance.happens(QUIET_SHARE)
    crashes = chance.between(1, 4) if is_crash else 0
    mix = Mix(
        latency_mean_s=chance.pick((0.001, 0.01, 0.05, 0.2)),
        slow_share=chance.pick((0.0, 0.0, 0.05, 0.2)),
        overtaking_share=chance.pick((0.0, 0.0, 0.2)),
        late_share=chance.pick((0.0, 0.0, 0.3)),
        repeat_share=chance.pick((0.0, 0.3)),
        crossing_share=chance.pick((0.0, 0.3, 0.6)),
        sync_mean_s=chance.pick((0.0002, 0.002, 0.02)),
        sync_stall_share=chance.pick((0.0, 0.0, 0.02)),
        intensity=0.5,
        pause_mean_s=chance.pick((0.05, 0.3, 1.0)),
        steps=0 if is_quiet else chance.between(20, 60),
        lives=1 + crashes,
        symbols=TWO,
        opening_s=0.1 if is_quiet else 1.0,
        quiet_s=900 if is_quiet else 0,
        is_paper=is_crash and chance.happens(0.25),
        sigkill_share=chance.pick((0.0, 0.3)),
        on_restart=chance.pick((None, "resume")),
    )
    mix = mix._replace(has_families=profile == "PARENTS", is_repeated=seed // 2 % 2 == 0)
    if profile in {"CLEAN", "CRASH", "PARENTS"} and seed % 2:
        return mix
    mix = _disturbed(profile, _wired(profile, mix, chance, seed), seed)
    mix = _upset(profile, mix, Chance(seed * UPSETS + sum(profile.encode())))
    return _configured(profile, mix, Chance(seed * UNUSUALS + sum(profile.encode())))


def _wired(profile: str, mix: Mix, chance: Chance, seed: int) -> Mix:
    """Return the mix of a seed behind the wire, with the faults of its profile."""
    has_all = profile in {"CHAOS", "LIVENESS"}
    is_live = bool(mix.quiet_s) or chance.happens(LIVE_SHARE)
    mix = mix._replace(
        is_wired=True,
        is_live=is_live,
        is_paper=False,
        opening_s=62.0 if is_live and not mix.quiet_s else 3.0,
        quiet_s=600 if mix.quiet_s else 0,
        connect_mean_s=chance.pick((0.0, 0.002, 0.05)),
        trading=_delays(mix),
        meddling_share=0.1,
        has_families=mix.has_families or (has_all and seed % 3 == 0),
    )
    if profile == "NET" or has_all:
        mix = mix._replace(
            trading=_lossy(mix.trading, chance),
            market=MarketFaults(
                drop_share=chance.pick((0.0, 0.0, 0.002, 0.02)),
                stall_share=chance.pick((0.0, 0.0, 0.002)),
            ),
        )
    if profile == "VENUE" or has_all:
        rest = msgspec.structs.replace(mix.trading.rest, lagging_share=chance.pick((0.0, 0.1, 0.5)))
        mix = mix._replace(
            trading=msgspec.structs.replace(
                mix.trading, rest=rest, post_only_expires=chance.happens(0.5)
            ),
            meddling_share=chance.pick((0.4, 0.6) if has_all else (0.15, 0.3)),
            restep_share=chance.pick((0.0, 0.4)),
        )
    if profile == "DISK" or has_all:
        mix = mix._replace(
            disk=DiskFaults(chance.pick((0.0, 0.1, 0.3)), chance.pick((0.0, 0.8, 5.0))),
            sync_stall_share=chance.pick((0.0, 0.02, 0.1)),
        )
    return mix


def _disturbed(profile: str, mix: Mix, seed: int) -> Mix:
    """Return the mix with what came later to the simulation, drawn beside all the rest."""
    chance = Chance(seed * 7_919 + sum(profile.encode()))
    has_all = profile in {"CHAOS", "LIVENESS"}
    if profile == "NET" or has_all:
        drop_share = chance.pick((0.0, 0.0, 0.02, 0.2))
        stream = msgspec.structs.replace(mix.trading.stream, drop_share=drop_share)
        mix = mix._replace(
            trading=msgspec.structs.replace(mix.trading, stream=stream),
            clock=ClockFaults(
                off_s=chance.pick((0.0, 0.0, 0.0, 0.4, -0.4, 60.0, -60.0)),
                drift_ppm=chance.pick((0, 0, 100, -100, 1_000, -1_000)),
                sleep_share=chance.pick((0.0, 0.0, 0.03)),
                stop_share=chance.pick((0.0, 0.0, 0.03)),
            ),
        )
    if profile in {"CRASH", "PARENTS", "CHAOS"}:
        mix = mix._replace(clock=mix.clock._replace(step_share=chance.pick((0.0, 0.0, 0.5))))
    if profile == "VENUE" or has_all:
        mix = mix._replace(has_early_strangers=chance.happens(0.3))
    return mix


def _upset(profile: str, mix: Mix, chance: Chance) -> Mix:
    """Return the mix with what turns much over, in some seeds, drawn beside all the rest."""
    if profile not in {"VENUE", "CHAOS", "LIVENESS"} or not chance.happens(UPSET_SHARE):
        return mix
    upheaval = Upheaval(
        seed=chance.next_u64(),
        liquidation_share=chance.pick((0.0, 0.1, 0.3)),
        key_share=chance.pick((0.0, 0.0, 0.03)),
        leverage_share=chance.pick((0.0, 0.0, 0.1)),
        delisting_share=chance.pick((0.0, 0.0, 0.05)),
        withdrawal_share=chance.pick((0.0, 0.0, 0.5)),
    )
    return mix._replace(upheaval=upheaval)


def _configured(profile: str, mix: Mix, chance: Chance) -> Mix:
    """Return the mix with another configuration, in some seeds, drawn beside all the rest."""
    if not chance.happens(UNUSUAL_SHARE):
        return mix
    along = chance.happens(0.5)
    return mix._replace(
        on_exit=chance.pick(("cancel", "keep")),
        on_unprotected=chance.pick(("retry", "flatten")),
        trading=msgspec.structs.replace(mix.trading, stops_go_along=along),
        leave_share=0.0 if profile == "CLEAN" else chance.pick((0.0, 0.05)),
    )


def _delays(mix: Mix) -> TradingFaults:
    return TradingFaults(
        rest=RestFaults(travel_mean_s=mix.latency_mean_s),
        stream=StreamFaults(delay_mean_s=mix.latency_mean_s, repeat_share=mix.repeat_share),
    )


def _lossy(plain: TradingFaults, chance: Chance) -> TradingFaults:
    """Draw how often what is lost or spoiled on the way."""

    def share(*shares: float) -> float:
        return chance.pick((0.0, 0.0, *shares))

    rest = msgspec.structs.replace(
        plain.rest,
        unsent_share=share(0.02, 0.1),
        lost_share=share(0.02, 0.1),
        unanswered_share=share(0.02, 0.2),
        refused_share=share(0.01),
        spoiled_share=share(0.02, 0.2),
        slow_share=share(0.02),
        late_share=share(0.02, 0.1),
    )
    stream = msgspec.structs.replace(
        plain.stream,
        close_share=share(0.01, 0.05),
        stall_share=share(0.01),
        expire_share=share(0.005),
        unopened_share=share(0.1, 0.5),
        delay_mean_s=chance.pick((plain.stream.delay_mean_s, 0.5, 3.0)),
    )
    skew_s = chance.pick((0.0, 0.0, 0.0, 0.3, -0.3, 0.8, -0.8))
    return TradingFaults(rest=rest, stream=stream, skew_s=skew_s)
