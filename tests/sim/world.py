"""The simulated world: real engine, one disk, one venue, one person; all of it from a seed.

An engine lives until it dies or the person has done what was to be done. What the power took is
lost with it; the venue goes on, and the next engine begins from what the disk kept.
"""

import asyncio
import gc
import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.folder import DataFolder
from engine.kernel.state import KernelState
from engine.model.chance import Chance
from engine.model.commands import EngageKill, OperatorCommand
from engine.model.effects import CommandResult, Effect
from engine.model.envelope import Event, LoopLagged
from engine.model.errors import CockpitError
from engine.model.numbers import NS_PER_S
from engine.model.view import Mode
from engine.runtime.clock import Clock, sleep_until
from engine.runtime.host import EngineHost, RunPlan
from engine.runtime.journal_writer import LoopWorker
from engine.runtime.recovery import TradingPorts, attach_trading, recover_ledger
from engine.runtime.virtual_loop import VirtualLoop
from tests.fakes.files import FaultyFiles, PowerCut
from tests.sim.checkers import Violation, demand
from tests.sim.clocks import LONG_SLEEPS_S, SLEEPS_S, ClockTrouble, MachineClock
from tests.sim.exchange_side import ExchangeSide
from tests.sim.families import FamilyOperator
from tests.sim.frames import Frame
from tests.sim.judge import Judge
from tests.sim.markets import (
    CANDLE_S,
    JumpyMarket,
    LivelyMarket,
    Market,
    MarketMishaps,
    MarketSource,
)
from tests.sim.operator import SimOperator
from tests.sim.profiles import Mix, draw
from tests.sim.repeat import encoded
from tests.sim.sides import AdapterSide, FarSide, OnFrame
from tests.sim.troubles import DiskTrouble

FOLDER: Final = DataFolder(Path("/sim"))
START_NS: Final = 1_760_000_000 * NS_PER_S
REST_S: Final = 60
"""Within so long after the last command everything must be known again (liveness), and as much
longer as the clock is off: no request counts as lapsed before (R24)."""
PATIENCE_S: Final = 120
"""A person waits so long in all for the engine to trade."""
AWAY_NS: Final = 120 * NS_PER_S
"""An engine whose clock is so far away is started again before all must be known: until then an
order without an answer may stay so for as long as that (R24)."""
STALL_S: Final = 0.8
"""A sync that takes longer than an order waits."""

_encode = msgspec.msgpack.Encoder().encode


class Outcome(msgspec.Struct):
    """What a seed came to."""

    seed: int
    profile: str
    trace: str
    """Hash of all that happened; equal for equal seeds, on every machine."""
    lives: int
    events: int
    frames: int
    virtual_s: float
    seen: dict[str, int]
    """Situations by name."""


class CrashingLoop(VirtualLoop):
    """A virtual loop on which an engine may die between any two callbacks."""

    def __init__(self, seed: int, files: FaultyFiles) -> None:
        super().__init__(seed)
        self._dice = Chance(seed + 1)
        self._files = files
        self.passes_left = 0
        """Passes until the end; 0 for never."""
        self.is_buried = False
        """Whether only the remains of an engine are on it."""

    def skip(self, seconds: float) -> None:
        """Let time go on while nothing runs: what was due meanwhile is late."""
        self._now += seconds

    def _end(self) -> None:
        self._files.is_off = True
        raise PowerCut("the engine died")

    def _shuffle(self) -> None:
        super()._shuffle()
        if self._files.is_off and not self.is_buried:  # Somebody caught the cut.
            self._end()
        if self.passes_left:
            self.passes_left -= 1
            if not self.passes_left:
                handle = asyncio.Handle(self._end, (), self)
                self._ready.insert(self._dice.below(len(self._ready) + 1), handle)


class SimHost(EngineHost):
    """The engine's host; the world sees what goes in, what is kept and what is answered."""

    def __init__(self, plan: RunPlan, clock: Clock, state: KernelState, world: "World") -> None:
        super().__init__(plan, clock, state)
        self._world = world

    def answer(self, result: CommandResult) -> None:
        """Tell the person."""
        super().answer(result)
        self._world.on_answer(result)

    def _step(self, sender: str, event: Event, ts_ns: int | None = None) -> None:
        super()._step(sender, event, ts_ns)
        self._world.on_step(sender, event, ts_ns or 0)

    def _dispatch(self, effect: Effect) -> None:
        super()._dispatch(effect)
        self._world.judge.on_effect(effect)


class World:
    """One seed."""

    def __init__(self, seed: int, profile: str) -> None:
        chance = Chance(seed * 1_000_003 + sum(profile.encode()))
        self.seed = seed
        self.profile = profile
        self.mix: Mix = draw(profile, seed, chance)
        self.files = FaultyFiles(Chance(chance.next_u64()))
        self.side = new_side(self.mix, Chance(chance.next_u64()), self._on_frame)
        person = FamilyOperator if self.mix.has_families else SimOperator
        self.operator = person(Chance(chance.next_u64()))
        self.judge = Judge(self.mix, (self.files, FOLDER), self.side, self.operator)
        self.side.trade(self._new_market(chance.next_u64() >> 1), START_NS)
        self._chance = chance
        self._disk = DiskTrouble(self.mix.disk, self.files)
        self._whims = Chance(seed * 104_729)
        sleeps_s = LONG_SLEEPS_S if self.mix.quiet_s else SLEEPS_S
        self._clocks = ClockTrouble(self.mix.clock, Chance(self._whims.next_u64()), sleeps_s)
        self._leaves = Chance(seed * 86_028_121)
        self._patience_s = PATIENCE_S
        self._steps_left = self.mix.steps
        self._now_ns = START_NS
        self._trace = hashlib.sha256()
        self._life = 0
        self._is_restarting = False
        """Whether the engine ends in good order, to begin again by the right time."""
        self._events = 0
        self._seen: dict[str, int] = {}
        self._host: SimHost | None = None
        self._clock: MachineClock | None = None
        self._escaped: list[str] = []

    def _new_market(self, seed: int) -> Market:
        if self.mix.quiet_s:
            return JumpyMarket(self.mix.symbols, seed, START_NS)
        return LivelyMarket(self.mix.symbols, seed, START_NS, self.mix.intensity)

    # The whole of it.

    def run(self) -> Outcome:
        """Live through the seed.

        Raises:
            Violation: An invariant does not hold.
        """
        with self.judge.canaries.listening():
            while not self._live_once(is_last=self._life + 1 >= self.mix.lives):
                self._lie_dark()
        return Outcome(
            seed=self.seed,
            profile=self.profile,
            trace=self._trace.hexdigest(),
            lives=self._life,
            events=self._events,
            frames=len(self.judge.frames),
            virtual_s=(self._now_ns - START_NS) / NS_PER_S,
            seen=self._seen,
        )

    def _live_once(self, *, is_last: bool) -> bool:
        """Let an engine live; returns whether it came to a good end, with nothing left to do."""
        self._life += 1
        self._is_restarting = False
        loop = CrashingLoop(self._chance.next_u64() >> 1, self.files)
        loop.set_exception_handler(self._on_escaped)
        if not is_last and not self.mix.quiet_s:
            self._plan_end(loop)
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._live(loop))
        except PowerCut:
            self._die()
            return False
        finally:
            self._bury(loop)
            gc.unfreeze()
        demand(not self._escaped, "I12", "; ".join(self._escaped))
        return not self._is_restarting

    def _plan_end(self, loop: CrashingLoop) -> None:
        if self._chance.happens(0.4):
            operations = self._chance.between(1, self._chance.pick((10, 60)))
            self.files.cut_at = self.files.done["all"] + operations
        else:
            loop.passes_left = self._chance.between(1, self._chance.pick((30, 300, 3_000)))

    def _bury(self, loop: CrashingLoop) -> None:
        """End what the engine left behind; the disk is off by now if it died."""
        loop.passes_left = 0
        loop.is_buried = True
        with suppress(Exception, PowerCut):
            tasks = loop.unfinished()
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait_for(_all(tasks), 30))
        asyncio.set_event_loop(None)
        loop.close()

    def _on_escaped(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self.files.is_off:
            self._escaped.append(f"{context.get('message')}: {context.get('exception')!r}")

    # One life.

    async def _live(self, loop: CrashingLoop) -> None:
        clock = self._clocks.new_clock(self._now_ns)
        self._clock, self._host = clock, None
        run_id = f"run-{self._life:04}"
        setup = self.side.setup
        mode: Mode = "live" if setup.is_live else "sim"
        plan = RunPlan(mode=mode, venue=setup.venue, run_id=run_id, version="simulated")
        ledger, previous, _ = recover_ledger(FOLDER, plan, self.files)
        self.judge.check_recovered(ledger.digest())
        await self.side.check_start(clock)
        state = KernelState(setup)
        state.desk.ledger = ledger
        host = SimHost(plan, clock, state, self)
        ports = TradingPorts(self.files, self._new_worker, self.side.new_gateway)
        attach_trading(host, FOLDER, plan, clock, previous, ports)
        self._host = host
        self.judge.meet(host, run_id)
        self.operator.sit_down(host)
        person = loop.create_task(self._person(host, clock), name="person")
        try:
            source = MarketSource(host, clock.true, self.side.market, self._new_market_faults())
            self.judge.source = source
            await host.run(source, self.mix.symbols)
        except CockpitError as error:
            if self.judge.violation is not None:
                raise self.judge.violation from None
            raise Violation(f"I12: the engine died: {error!r}") from error
        await person
        self._now_ns = clock.true.now_ns()
        self._seen = dict(self.judge.check_end())
        self._trace.update(host._kernel.step_digest().encode())
        if self._is_restarting:
            self.side.check_left(host)
            self._leave()

    def _new_worker(self) -> LoopWorker:
        dice = Chance(self._chance.next_u64())

        def delay_s() -> float:
            if dice.happens(self.mix.sync_stall_share):
                return STALL_S
            return dice.exponential(self.mix.sync_mean_s)

        return LoopWorker(delay_s)

    def _new_market_faults(self) -> MarketMishaps:
        return MarketMishaps(self.mix.market, Chance(self._chance.next_u64()))

    async def _person(self, host: SimHost, clock: MachineClock) -> None:
        """Give commands until there are no more to give, then wait for rest, look, and leave."""
        try:
            await self._begin(host, clock)
            self.judge.check_killed()
            if self.mix.quiet_s:
                await self._watch_strategies(host, clock)
            while self._steps_left > 0:
                self._steps_left -= 1
                await self._be_patient(host, clock)
                self.operator.act()
                self.judge.look()
                self._meddle(host, clock)
                self._disturb(host, clock)
                await clock.sleep(self._chance.exponential(self.mix.pause_mean_s))
                self.judge.look()
                if self._leaves_now():
                    return
            if clock.away_ns() > AWAY_NS:
                self._is_restarting = True
                self._disk.calm()
                return
            self.judge.seen["clock away"] += clock.away_ns() > NS_PER_S
            await self._come_to_rest(host, clock)
            self.judge.check_rest()
        finally:
            host.stop("the person leaves")

    def _leaves_now(self) -> bool:
        """Draw whether the person ends the engine amid everything, to start it again."""
        leaves = self.mix.leave_share > 0 and self._leaves.happens(self.mix.leave_share)
        if leaves:
            self._is_restarting = True
            self._disk.calm()
            self.judge.seen["orderly end amid everything"] += 1
        return leaves

    async def _begin(self, host: SimHost, clock: MachineClock) -> None:
        """Wait before the first command; others may not."""
        looks = 6 if self.mix.has_early_strangers else 1
        for _ in range(looks):
            await clock.sleep(self.mix.opening_s / looks)
            if self.mix.has_early_strangers:
                self.side.act(host, clock.true.now_ns())

    async def _be_patient(self, host: SimHost, clock: MachineClock) -> None:
        """Most of the times wait while nothing could leave anyway, for some time in all."""
        if not self.mix.is_wired or self._whims.happens(0.2):
            return
        while self._patience_s > 0 and host.state.desk.venue_side.faults(host.state.ts_ns):
            self._patience_s -= 1
            await clock.sleep(1)
            self.judge.look()

    async def _watch_strategies(self, host: SimHost, clock: MachineClock) -> None:
        """Let a strategy run on everything, until it is late."""
        for instrument_id in list(host.state.instruments):
            self.operator.start_strategy(instrument_id)
        while clock.true.now_ns() < START_NS + self.mix.quiet_s * NS_PER_S:
            await clock.sleep(CANDLE_S / 4)
            self._disturb(host, clock)
            self.side.upset(host, clock.true.now_ns())
            if self.mix.is_wired and self._chance.happens(0.2):
                self.operator.close_half()
            self.judge.look()

    def _meddle(self, host: SimHost, clock: MachineClock) -> None:
        """Let others act, and the disk."""
        if self.mix.is_wired:
            self.side.act(host, clock.true.now_ns())
            self._disk.act(self._chance)

    def _disturb(self, host: SimHost, clock: MachineClock) -> None:
        """Let the machine sleep, or the process be stopped, or neither."""
        slept_s, stopped_s = self._clocks.sleep_s(), self._clocks.stop_s()
        if slept_s:
            clock.fall_asleep(slept_s * NS_PER_S)
            self.side.wake_up(slept_s)
            self.judge.seen["machine asleep"] += 1
        if stopped_s:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, CrashingLoop)
            loop.skip(stopped_s)
            self.judge.note_stop(stopped_s * NS_PER_S)
            host.report("watchdog", LoopLagged(stopped_s * NS_PER_S, ""))
            self.judge.seen["process stopped"] += 1

    async def _come_to_rest(self, host: SimHost, clock: MachineClock) -> None:
        """Leave nothing that the market could still fill, and wait for what is on its way.

        Where nothing is ever lost both sides agree before a report of the account says so, and in
        any case afterwards (liveness). While the venue has shut us out nothing can come right.
        """
        self._disk.calm()
        self.side.calm(clock.true.now_ns())
        await sleep_until(clock, host.state.desk.venue_side.banned_until_ns)
        until_ns = clock.now_ns() + REST_S * NS_PER_S + clock.away_ns()
        for _ in range(4):
            self.operator.calm_down()
            await clock.sleep(REST_S / 8)
        # An answer that shuts us out may have been on its way while all grew calm.
        away_ns = max(0, host.state.desk.venue_side.banned_until_ns - clock.now_ns())
        await clock.sleep(away_ns / NS_PER_S)
        until_ns += away_ns
        if not self.side.allows_repairs:
            await self._settle(host, clock, until_ns, is_reported=False)
            self.judge.check_rest()
        await self._settle(host, clock, until_ns, is_reported=True)

    async def _settle(
        self, host: SimHost, clock: MachineClock, until_ns: int, *, is_reported: bool
    ) -> None:
        trouble = "not looked at yet"
        while trouble and clock.now_ns() < until_ns:
            await clock.sleep(0.5)
            waiting = "the inbox is not empty" if host._inbox.depth else ""
            trouble = waiting or self.side.trouble(host, is_reported=is_reported)
        demand(not trouble, "liveness", trouble)

    # What is seen.

    def on_step(self, sender: str, event: Event, ts_ns: int) -> None:
        """Take an event into the trace; of the market's its time and name will do."""
        self._events += 1
        self._trace.update(b"%d %s" % (ts_ns, type(event).__name__.encode()))
        kept = event if sender.startswith("feed:") else encoded(event)
        if isinstance(kept, bytes):
            self._trace.update(kept)
        self.judge.on_step(sender, event, kept)
        if _is_kill(event) and self._chance.happens(0.15):
            self._die_soon()

    def on_answer(self, result: CommandResult) -> None:
        """Let the person hear."""
        self._trace.update(_encode(result))
        if not self.files.is_off:
            self.operator.hear(result)

    def _on_frame(self, frame: Frame) -> None:
        if self.files.is_off:
            return
        self._trace.update(repr((frame.ts_ns, frame.kind, frame.client_order_id)).encode())
        self.judge.on_frame(frame)
        if self.mix.quiet_s and self._answers_a_candle(frame):
            self._die_soon()

    def _answers_a_candle(self, frame: Frame) -> bool:
        assert self._host is not None
        order = self._host.state.desk.ledger.orders.get(frame.client_order_id)
        return frame.kind == "place" and order is not None and bool(order.intent.signal)

    # Between two lives.

    def _die_soon(self) -> None:
        """Let this moment be the engine's last, where the seed has more lives for it."""
        if self._life < self.mix.lives:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, CrashingLoop)
            loop.passes_left = self._chance.between(1, 12)

    def _die(self) -> None:
        """Note where the engine died."""
        if self._clock is not None:  # Else it came to nothing at all.
            self._now_ns = self._clock.true.now_ns()
        is_at_file = 0 < self.files.cut_at <= self.files.done["all"]
        self.judge.seen[f"crash at {'a file operation' if is_at_file else 'an await'}"] += 1
        self._leave()

    def _leave(self) -> None:
        """The engine is gone; the venue does not hear of it."""
        self.operator.stand_up()
        self._disk.calm()
        if self._host is not None:
            self.side.go_down(self._now_ns)

    def _lie_dark(self) -> None:
        """Let some time pass; with the power goes what was not synced."""
        if self._chance.happens(self.mix.sigkill_share):
            self.files.kill()
            self.judge.seen["death of the process alone"] += 1
        else:
            self.files.crash()
        self.judge.lose()
        pauses_s = (3, 5) if self.mix.quiet_s else (0, 1, 60, 600)
        self._now_ns += self._chance.pick(pauses_s) * NS_PER_S
        if self._is_restarting or self._life + 1 >= self.mix.lives:
            self._clocks.set_right()
        else:
            self.judge.seen["wall clock set"] += self._clocks.set_wall()
        self.judge.seen["act while no engine lived"] += self.side.pass_time(self._now_ns)
        self._trace.update(b"dark %d" % self._now_ns)


def new_side(mix: Mix, chance: Chance, on_frame: OnFrame) -> FarSide:
    """Return the venue of a seed."""
    if mix.is_wired:
        return ExchangeSide(chance, mix, on_frame)
    return AdapterSide(chance, mix, on_frame)


def _is_kill(event: Event) -> bool:
    return isinstance(event, OperatorCommand) and any(
        isinstance(action, EngageKill) for action in event.actions
    )


async def _all(tasks: list[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
