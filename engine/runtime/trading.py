"""The trading shell: facts to the journal, orders through the guard, the kill latch.

An order leaves only after the facts that it rests on are durable; a cancel waits for nothing. The
latch is set in memory first, and written to disk while the cancels go out.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec
from loguru import logger

from engine.model.effects import Effect, PlaceOrder, Record, SendCancel, SendReplace
from engine.model.envelope import Event, StorageDegraded, StorageRestored
from engine.model.errors import StorageUnavailable
from engine.model.facts import Fact, OrderRejected, OrderSent, ReplaceRejected, TradingStateSet
from engine.runtime.clock import Clock
from engine.runtime.feed import StartTask
from engine.runtime.guard import GatewayGuard
from engine.runtime.journal_writer import JournalFull, JournalWriter
from engine.runtime.latch import LOOK_S, LatchFile, LatchNote

DURABLE_S: Final = 0.5
"""An order waits so long for the disk; then it is refused, never sent."""
STALL_NS: Final = 2_000_000_000
WATCH_S: Final = 0.25

Report = Callable[[str, Event], None]
"""Hands a private event to the inbox: source and event."""

_encode = msgspec.msgpack.Encoder().encode


class TradingParts(NamedTuple):
    """What the host lends the trading shell."""

    clock: Clock
    journal: JournalWriter
    guard: GatewayGuard
    latch_file: LatchFile
    report: Report
    start_task: StartTask


class TradingShell:
    """Everything between the kernel's effects and a gateway."""

    SOURCE: Final = "trading"

    def __init__(self, parts: TradingParts) -> None:
        self._parts = parts
        self.is_persisted = False
        """Whether the latch is on the disk."""
        self._is_degraded = False

    @property
    def is_latched(self) -> bool:
        """Whether nothing but cancels may leave."""
        return self._parts.guard.is_latched

    def start(self) -> None:
        """Watch the disk and the latch file."""
        self._parts.start_task(self._watch_disk(), "journal watch")

    async def watch_latch(self, kill: Callable[[str], None]) -> None:
        """Kill as soon as somebody makes the latch file."""
        while True:
            await self._parts.clock.sleep(LOOK_S)
            if not self.is_latched and self._parts.latch_file.is_set():
                self.is_persisted = True
                kill("kill file")

    def latch(self, reason: str) -> None:
        """Let nothing pass but cancels from this moment on; the disk follows."""
        if not self.is_latched:
            self._parts.guard.latch()
            logger.warning("latch_set {}", reason)
            note = LatchNote(self._parts.clock.now_ns(), reason)
            self._parts.start_task(self._persist(note), "latch")

    def take(self, effects: Sequence[Effect]) -> None:
        """Do what a step asks for: record first, cancels at once, orders when durable."""
        facts = [effect.fact for effect in effects if type(effect) is Record]
        seq = self._record(facts) if facts else 0
        for effect in effects:
            match effect:
                case SendCancel(client_order_id):
                    self._parts.guard.cancel(client_order_id)
                case PlaceOrder():
                    self._parts.start_task(self._place(effect, seq), "place")
                case SendReplace():
                    self._parts.start_task(self._replace(effect, seq), "replace")
                case _:
                    continue

    async def close(self) -> None:
        """Write what waits, and that the run ends here."""
        await self._parts.journal.close()

    def _record(self, facts: Sequence[Fact]) -> int:
        for fact in facts:
            if isinstance(fact, TradingStateSet) and fact.scope == "all":
                self._follow(fact)
        appended = self._parts.journal.append(_encode(facts))
        if isinstance(appended, JournalFull):
            logger.error("journal_full")
            return -1
        return appended

    def _follow(self, fact: TradingStateSet) -> None:
        if fact.state == "killed":
            self.latch(fact.reason)
        elif self.is_latched:
            self._parts.start_task(self._release(), "latch release")

    async def _place(self, effect: PlaceOrder, seq: int) -> None:
        client_order_id = effect.approved.client_order_id
        refused = await self._wait_durable(seq)
        now_ns = self._parts.clock.now_ns()
        refused = refused or self._parts.guard.place(
            effect.approved, now_ns, is_flatten=effect.is_flatten
        )
        if refused:
            self._parts.report(self.SOURCE, OrderRejected(now_ns, client_order_id, refused))
        else:
            self._parts.report(self.SOURCE, OrderSent(now_ns, client_order_id))

    async def _replace(self, effect: SendReplace, seq: int) -> None:
        refused = await self._wait_durable(seq)
        now_ns = self._parts.clock.now_ns()
        refused = refused or self._parts.guard.replace(
            effect.client_order_id, effect.limit_ticks, effect.qty_lots, now_ns
        )
        if refused:
            rejected = ReplaceRejected(now_ns, effect.client_order_id, refused)
            self._parts.report(self.SOURCE, rejected)

    async def _wait_durable(self, seq: int) -> str:
        """Return why an order must not leave; nothing when its facts are on the disk."""
        if seq < 0:
            return "the journal is full; the order was never sent"
        try:
            async with asyncio.timeout(DURABLE_S):
                await self._parts.journal.durable(seq)
        except TimeoutError:
            return f"the journal was not on the disk within {DURABLE_S} s; never sent"
        except StorageUnavailable as error:
            return f"{error}; never sent"
        return ""

    async def _persist(self, note: LatchNote) -> None:
        try:
            await asyncio.to_thread(self._parts.latch_file.write, note)
        except StorageUnavailable as error:
            self.is_persisted = False
            logger.error("latch_not_persisted {}", error)
            return
        self.is_persisted = True

    async def _release(self) -> None:
        try:
            await asyncio.to_thread(self._parts.latch_file.clear)
        except StorageUnavailable as error:
            logger.error("latch_not_cleared {}", error)
            return
        self.is_persisted = False
        self._parts.guard.release()

    async def _watch_disk(self) -> None:
        while True:
            await self._parts.clock.sleep(WATCH_S)
            journal = self._parts.journal
            stalled = journal.stalled_ns(self._parts.clock.now_ns()) > STALL_NS
            problem = journal.failure
            is_bad = stalled or problem is not None
            if is_bad != self._is_degraded:
                self._is_degraded = is_bad
                event: Event = StorageRestored()
                if is_bad:
                    event = StorageDegraded(str(problem) if problem else "the disk does not answer")
                self._parts.report(self.SOURCE, event)
