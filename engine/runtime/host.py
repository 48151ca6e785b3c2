"""The engine's host: owns inbox, kernel, shells and tasks; the only place where they meet."""

import asyncio
import gc
import os
import sys
from collections.abc import Coroutine, Sequence
from typing import Any, Final

import msgspec
from loguru import logger

from engine.kernel import dead_man, ending
from engine.kernel.kernel import Kernel
from engine.kernel.market import is_repeated
from engine.kernel.state import KernelState
from engine.kernel.views import RunFacts
from engine.model.account import VenueReport
from engine.model.commands import EngageKill, OperatorCommand
from engine.model.effects import (
    CancelAllOrders,
    CancelShown,
    CommandResult,
    Effect,
    Notify,
    PlaceOrder,
    Publish,
    QueryOrder,
    Record,
    RenewBook,
    RequestQuote,
    RequestReport,
    RequestSnapshot,
    RequestTrades,
    SendCancel,
    SendReplace,
    SetDeadMan,
    SetTimer,
    Unwatch,
    VenueRequest,
    Watch,
)
from engine.model.envelope import Envelope, Event, RunEnding, RunStarted, TimerFired
from engine.model.errors import InvariantBroken
from engine.model.facts import OrderReport
from engine.model.numbers import NS_PER_S
from engine.model.view import Mode
from engine.port import SCHEMA, Welcome
from engine.runtime.clock import Clock
from engine.runtime.feed_ports import MakePart
from engine.runtime.guard import RunGateway
from engine.runtime.inbox import Inbox
from engine.runtime.port_server import PortServer
from engine.runtime.recorder import Recorder
from engine.runtime.source import ReplaySource, Source
from engine.runtime.supervisor import Supervisor
from engine.runtime.timers import TimerService
from engine.runtime.trading import TradingShell
from storage.journal import journal_name

STOPS_LEVEL: Final = 2
"""Of confirmation, for a kill that cancels what protects (D17)."""

TradingEffect = Record | PlaceOrder | SendCancel | SendReplace | VenueRequest | CommandResult

BATCH_MAX: Final = 64
"""Events handled between two looks at sockets and screens: about a millisecond."""
GC_THRESHOLDS: Final = (50_000, 20, 50)
"""Collect rarely: events die by reference count, what lives long is frozen after the start."""

EXIT_S: Final = 10.0
"""An orderly stop waits so long at most for cancels to be answered (R133)."""
EXIT_LOOK_S: Final = 0.02

THREAD_SWITCH_S: Final = 0.0005
"""The journal's thread waits at most so long for a busy loop; at Python's own 5 ms an order would
wait twice as long as its sync takes, before and after."""


class RunPlan:
    """What a run is: decided once, at the start."""

    def __init__(self, *, mode: Mode, venue: str, run_id: str, version: str) -> None:
        self.mode: Mode = mode
        self.venue = venue
        self.run_id = run_id
        self.version = version
        self.code = version
        """Of what decides; only the same can repeat a recording."""
        self.is_after_crash = False
        self.replay_speed: float | None = None
        self.account = "paper"
        """Names the account at the venue; where it is real, without telling the key."""


class EngineHost:
    """Runs one engine until it is told to stop or something breaks."""

    def __init__(self, plan: RunPlan, clock: Clock, state: KernelState | None = None) -> None:
        self._plan = plan
        self._clock = clock
        self._kernel = Kernel(state)
        self._trading: TradingShell | None = None
        self._gateway: RunGateway | None = None
        self._recorder: Recorder | None = None
        self._inbox = Inbox()
        self._timers = TimerService(clock, self._on_timer)
        self._supervisor = Supervisor(clock, self.report, self._on_vital_failed)
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        """Told twice to stop: nothing is waited for any more."""
        self._failure: BaseException | None = None
        self._source: Source | None = None
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._seq = 0
        self._started_ns = clock.now_ns()
        self._rate = 0.0
        self._rate_seq = 0
        self._rate_ns = self._started_ns
        self.server = PortServer(self, clock, self.start_task)
        self.stop_reason = ""

    @property
    def state(self) -> KernelState:
        """The kernel's state, read only."""
        return self._kernel.state

    def facts(self) -> RunFacts:
        """What the shells know."""
        return RunFacts(
            mode=self._plan.mode,
            venue=self._plan.venue,
            events_per_s=self._rate,
            inbox_depth=self._inbox.depth,
            started_ns=self._started_ns,
            replay_speed=self._plan.replay_speed,
            replay_ended=isinstance(self._source, ReplaySource) and self._source.has_ended,
            is_latched=self._trading is not None and self._trading.is_latched,
            is_latch_persisted=self._trading is not None and self._trading.is_persisted,
            recording=self._recorder.problem if self._recorder is not None else "",
            is_recording=self._recorder is not None,
            inbox_age_ns=self._inbox.age_ns(self._clock.now_ns()),
            feed_stops=self._inbox.stops,
        )

    def welcome(self) -> Welcome:
        """The greeting for a new client."""
        return Welcome(
            schema=SCHEMA,
            epoch=self._started_ns,
            run_id=self._plan.run_id,
            version=self._plan.version,
            pid=os.getpid(),
            mode=self._plan.mode,
            venue=self._plan.venue,
        )

    def attach(self, trading: TradingShell, gateway: RunGateway) -> None:
        """Let orders out by these; without them nothing is ever sent."""
        self._trading = trading
        self._gateway = gateway

    def record_with(self, recorder: Recorder) -> None:
        """Record the run."""
        self._recorder = recorder

    def report(self, source: str, event: Event) -> None:
        """Take a private event in; there is always room for it."""
        self._inbox.put_private(source, event, self._clock.now_ns())

    def report_all(self, source: str, events: Sequence[Event]) -> None:
        """Take private events in, in order."""
        for event in events:
            self.report(source, event)

    def answer(self, result: CommandResult) -> None:
        """Tell an operator what became of a command."""
        self.server.reply(result.operator, result.command_id, result.outcome)

    async def settled(self, within_s: float) -> bool:
        """Wait until what the state holds may be shown: it is on the disk, or the disk is bad."""
        return self._trading is None or await self._trading.settled(within_s)

    def command(self, operator: str, command: OperatorCommand) -> bool:
        """Take an operator's line in; a kill latches before it is queued.

        A line with a kill in it is that kill and nothing else: nothing can make it fail. One that
        takes along what protects has to be confirmed first, and is a command until then.
        """
        command = msgspec.structs.replace(command, operator=operator)
        kill = _kill_of(command)
        if kill is None:
            return self._inbox.put_control(operator, command, self._clock.now_ns())
        if self._trading is not None:
            self._trading.expect_kill(command.line)
        self.report(operator, msgspec.structs.replace(command, actions=(kill,)))
        return True

    def kill(self, reason: str) -> None:
        """Engage the kill switch from inside the engine's process."""
        self.command("engine", OperatorCommand(0, "engine", reason, (EngageKill(reason),)))

    def give_up(self, reason: str) -> None:
        """Let nothing leave any more and kill when the loop is back; for other threads."""
        if self._trading is not None:
            self._trading.halt()
        if self._event_loop is not None:
            self._event_loop.call_soon_threadsafe(self.kill, reason)

    def put(self, source: str, events: Sequence[Event]) -> bool:
        """Take data events in, or return False when the inbox is full."""
        return self._inbox.put_data(source, events, self._clock.now_ns())

    async def room(self) -> None:
        """Wait until `put` may succeed again."""
        await self._inbox.room()

    def start_task(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start a task that this host owns; a task that fails ends the run."""
        return self._supervisor.start(work, name)

    def keep(self, make: MakePart, name: str) -> asyncio.Task[None]:
        """Start a part that is started again when it fails; too often, and trading halts."""
        return self._supervisor.keep(make, name)

    def stop(self, reason: str) -> None:
        """Begin an orderly stop; told again, do not wait for orders to go."""
        if self._stop.is_set():
            self._hurry.set()
        else:
            self.stop_reason = reason
            self._stop.set()

    async def run(self, source: Source, symbols: Sequence[str]) -> None:
        """Run until stopped.

        Raises:
            CockpitError: What ended the run, if it was not an orderly stop.
        """
        self._source = source
        self._event_loop = asyncio.get_running_loop()
        self._supervisor.watch_loop()
        plan = self._plan
        if self._recorder is not None:
            journal = "" if self._trading is None else journal_name(plan.run_id)
            self._recorder.begin(self.state, plan.code, plan.mode, journal)
            self.keep(self._recorder.watch, "recorder")
        self._step("engine", RunStarted(plan.run_id, plan.code, plan.is_after_crash))
        self._begin_trading()
        loop = self.start_task(self._loop(), "kernel loop")
        self.start_task(self._start_source(source, symbols), "source start")
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        sys.setswitchinterval(THREAD_SWITCH_S)
        await self._stop.wait()
        logger.info("run_stopping {}", self.stop_reason)
        await self._end_orders()
        await source.close()
        self._timers.close()
        await self.server.close(self.stop_reason)
        loop.cancel()
        self._take_what_counts()
        self._take_digest(is_end=True)
        if self._gateway is not None:
            self._gateway.close()
        await self._supervisor.end()
        if self._trading is not None:
            await self._trading.close()
        if self._recorder is not None and not await self._recorder.close():
            logger.error("recording_incomplete {}", self._recorder.problem)
        if self._failure is not None:
            raise self._failure

    def _begin_trading(self) -> None:
        """Take over what the run before left, and watch for the kill file."""
        if self._trading is None or self._gateway is None:
            return
        desk = self.state.desk
        self._gateway.take_back(desk.ledger)
        is_killed = desk.trading_state == "killed"
        reason = desk.ledger.state_facts["all"].reason if is_killed else ""
        self._trading.start(self.kill, killed_for=reason or "killed before" if is_killed else "")

    async def _end_orders(self) -> None:
        """Let the orders go that are to go, for a while; each answer is in the journal."""
        if self._trading is None:
            return
        if self._failure is None:
            self._step("engine", RunEnding())
        else:
            self._cancel_without_kernel(self._trading)
        try:
            async with asyncio.timeout(EXIT_S):
                while self._is_canceling() and not self._hurry.is_set():
                    await self._clock.sleep(EXIT_LOOK_S)
        except TimeoutError:
            logger.error("orders_not_cancelled within {} s", EXIT_S)
        if self._failure is None:
            for order in ending.leaving(self.state):
                logger.warning("order_left {} {}", order.client_order_id, order.state)
            for name in dead_man.to_end(self.state):
                logger.warning("dead_man_timer_left {}: what stays may be cancelled", name)

    def _is_canceling(self) -> bool:
        """Whether the end waits for orders to go, or for timers that would take what stays."""
        if self._failure is None:
            return bool(ending.leaving(self.state) or dead_man.to_end(self.state))
        return self._gateway is not None and self._gateway.is_canceling

    def _cancel_without_kernel(self, trading: TradingShell) -> None:
        """Cancel what should not stay when something broke; a kernel may be what broke.

        Nothing is left then that could keep orders on purpose: a broken invariant takes back all
        but protection, whatever the policy of an orderly end is.
        """
        try:
            is_broken = isinstance(self._failure, InvariantBroken)
            going = ending.unattended(self.state) if is_broken else ending.leaving(self.state)
            cancels = [SendCancel(order.client_order_id) for order in going]
            trading.take(cancels, self._clock.now_ns())
        except Exception as error:  # noqa: BLE001 - the journal is to be closed all the same
            logger.opt(exception=error).critical("orders_not_cancelled, the ledger broke too")
        else:
            names = [order.client_order_id for order in going]
            logger.critical("orders_taken_back {} {}", len(names), names)

    async def _start_source(self, source: Source, symbols: Sequence[str]) -> None:
        await source.start(symbols)

    async def _loop(self) -> None:
        while True:
            await self._inbox.wait()
            for ts_ns, sender, event in self._inbox.take(BATCH_MAX):
                self._step(sender, event, ts_ns)
            self._measure_rate()
            self._take_digest()
            await asyncio.sleep(0)

    def _take_what_counts(self) -> None:
        """Let the kernel see what waits of kills and of our orders, before the journal ends."""
        if self._failure is None:
            for ts_ns, sender, event in self._inbox.take(self._inbox.depth):
                if isinstance(event, OrderReport | VenueReport) or _is_kill(event):
                    self._step(sender, event, ts_ns)

    def _take_digest(self, *, is_end: bool = False) -> None:
        """Let the recording tell what state a replay must come to here."""
        recorder = self._recorder
        if recorder is None or (is_end and self._failure is not None):
            return
        if is_end or recorder.is_digest_due(self._clock.now_ns(), is_idle=not self._inbox.depth):
            recorder.digest(self._seq, self._kernel.step_digest, is_end=is_end)

    def _step(self, sender: str, event: Event, ts_ns: int | None = None) -> None:
        self._seq += 1
        now_ns = self._clock.now_ns() if ts_ns is None else ts_ns
        at_ns = max(self._kernel.state.ts_ns, now_ns)
        if self._recorder is not None:
            self._recorder.taken(self._seq, at_ns, sender, event)
        effects = self._kernel.step(Envelope(self._seq, at_ns, sender, event))
        if self._trading is not None and _is_kill(event):
            self._trading.kill_seen()
        if effects:
            self._cancel_all(effects)
            if self._trading is not None:
                self._trading.take(effects, at_ns)
            for effect in effects:
                self._dispatch(effect)
        if self._gateway is not None and not is_repeated(self._kernel.state, event):
            self._gateway.on_market(event)

    def _cancel_all(self, effects: Sequence[Effect]) -> None:
        """Let that leave first of all by which many orders end (R72)."""
        for effect in effects:
            if type(effect) is CancelAllOrders and self._gateway is not None:
                self._gateway.serve(effect)

    def _dispatch(self, effect: Effect) -> None:
        match effect:
            case SetTimer():
                self._timers.set(effect)
            case RequestSnapshot():
                if self._source is not None:
                    self._source.request_snapshot(effect.instrument_id)
            case RenewBook() | RequestTrades() | RequestQuote() | Watch() | Unwatch():
                if self._source is not None:
                    self._source.serve(effect)
            case Notify(notice):
                logger.info("notice {} {}: {}", notice.level, notice.source, notice.text)
            case Publish(signal):
                logger.debug("whale_{} {}", signal.status, signal.signal_id)
            case _:
                self._trade(effect)

    def _trade(self, effect: TradingEffect) -> None:
        """Do what trading asks for, as far as the trading shell has not done it."""
        match effect:
            case CancelShown() | QueryOrder() | RequestReport() | SetDeadMan():
                if self._gateway is not None:
                    self._gateway.serve(effect)
            case CommandResult() if self._trading is None:
                self.answer(effect)
            case (
                Record()
                | PlaceOrder()
                | SendCancel()
                | SendReplace()
                | CancelAllOrders()
                | CommandResult()
            ):
                return

    def _on_timer(self, fired: TimerFired) -> None:
        self._inbox.put_private("timer", fired, self._clock.now_ns())

    def _on_vital_failed(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        if self._trading is not None:
            self._trading.halt()
        self.stop(str(error))

    def _measure_rate(self) -> None:
        now_ns = self._clock.now_ns()
        passed_ns = now_ns - self._rate_ns
        if passed_ns >= NS_PER_S:
            self._rate = (self._seq - self._rate_seq) * NS_PER_S / passed_ns
            self._rate_seq = self._seq
            self._rate_ns = now_ns


def _is_kill(event: Event) -> bool:
    """Whether it engages the kill switch; `EngineHost.command` leaves nothing else beside it."""
    return isinstance(event, OperatorCommand) and _kill_of(event) is not None


def _kill_of(command: OperatorCommand) -> EngageKill | None:
    """Return the kill that a command engages now; None if it does not."""
    kill = next((one for one in command.actions if isinstance(one, EngageKill)), None)
    if kill is None or command.is_dry or (kill.with_stops and command.confirm < STOPS_LEVEL):
        return None
    return kill
