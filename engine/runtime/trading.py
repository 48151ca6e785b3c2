"""The trading shell: facts to the journal, orders through the guard, the kill latch.

An order leaves only after the facts that it rests on are durable, and its operator hears of it no
sooner; a cancel waits for nothing, nor does a close that a person has confirmed as not journalled.
The latch is set in memory first, and written to disk while the cancels go out.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, assert_never

import msgspec
from loguru import logger

from engine.model.commands import CommandOutcome
from engine.model.effects import (
    CommandResult,
    Effect,
    PlaceOrder,
    Record,
    SendCancel,
    SendReplace,
)
from engine.model.envelope import Event, StorageDegraded, StorageRestored
from engine.model.errors import StorageUnavailable
from engine.model.facts import (
    Fact,
    OrderRejected,
    ReplaceRejected,
    TradingStateSet,
)
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import Clock
from engine.runtime.feed_ports import StartPart, StartTask
from engine.runtime.guard import GatewayGuard
from engine.runtime.journal_writer import JournalFull, JournalWriter, Worker
from engine.runtime.latch import LOOK_S, LatchFile, LatchKeeper, LatchNote
from storage.journal_format import Kind

DURABLE_S: Final = 0.5
"""An order waits so long for the disk; then it is refused, never sent."""
STALL_NS: Final = NS_PER_S // 2
"""A record that waits for longer is told of, within a second with the watch's own pace (R83)."""
DECIDED_NS: Final = 2 * NS_PER_S
"""What was decided longer ago than this, by a market that has gone on, does not leave any more: the
process may have been stopped. Only what reduces does."""
WATCH_S: Final = 0.25
LATCH_CLOSE_S: Final = 2.0

Report = Callable[[str, Event], None]
"""Hands a private event to the inbox: source and event."""
Answer = Callable[[CommandResult], None]
"""Tells an operator what became of a command."""

_AfterDurable = PlaceOrder | SendReplace | CommandResult

_encode = msgspec.msgpack.Encoder().encode


class TradingParts(NamedTuple):
    """What the host lends the trading shell.

    `checkpoint` gives the ledger as bytes; `latch_worker` does what touches the latch file.
    """

    clock: Clock
    journal: JournalWriter
    guard: GatewayGuard
    latch_file: LatchFile
    latch_worker: Worker
    checkpoint: Callable[[], bytes]
    report: Report
    answer: Answer
    start_task: StartTask
    keep: StartPart


class TradingShell:
    """Everything between the kernel's effects and a gateway."""

    SOURCE: Final = "trading"

    def __init__(self, parts: TradingParts) -> None:
        self._parts = parts
        self._keeper = LatchKeeper(parts.latch_file, parts.latch_worker, parts.guard.release)
        self._kills = 0
        """Kills that latched and that the kernel has not seen yet."""
        self._kill: Callable[[str], None] = lambda reason: None
        self._is_degraded = False
        self._has_hole = False
        """Whether facts found no room in the journal."""

    @property
    def is_latched(self) -> bool:
        """Whether nothing may leave but cancels and what flattens: killed, or halted for good."""
        return self._parts.guard.is_latched or self._parts.guard.is_halted

    @property
    def is_persisted(self) -> bool:
        """Whether the latch is on the disk."""
        return self._keeper.is_kept

    def start(self, kill: Callable[[str], None], killed_for: str) -> None:
        """Kill at once if the run before was killed or the file is there; watch file and disk.

        Args:
            kill: Engages the kill switch, for a reason.
            killed_for: Why the run before was killed; empty if it was not.
        """
        self._kill = kill
        if killed_for or self._parts.latch_file.is_set():
            kill(killed_for or "kill file")
        self._parts.keep(self._watch_disk, "journal watch")
        self._parts.keep(self._watch_latch, "latch watch")

    def expect_kill(self, reason: str) -> None:
        """Latch for a kill that the kernel is about to see; until it has, nothing releases."""
        self._kills += 1
        self.latch(reason)

    def kill_seen(self) -> None:
        """Note that the kernel has a kill before it."""
        self._kills -= 1

    def latch(self, reason: str) -> None:
        """Let nothing pass but cancels from this moment on; the disk follows."""
        was_latched = self._parts.guard.is_latched
        self._parts.guard.latch()
        if not was_latched or not self._keeper.is_wanted:
            logger.warning("latch_set {}", reason)
            self._keeper.keep(LatchNote(self._parts.clock.now_ns(), reason))

    def halt(self) -> None:
        """Let no order pass for the rest of this run, whatever is released: something is broken.

        May be called from any thread.
        """
        self._parts.guard.halt()

    def take(self, effects: Sequence[Effect], decided_ns: int) -> None:
        """Do what a step asks for: record first, cancels at once, the rest when durable.

        Args:
            effects: What is to be done.
            decided_ns: Engine time of the step.
        """
        facts = [effect.fact for effect in effects if type(effect) is Record]
        seq = self._record(facts) if facts else 0
        later: list[_AfterDurable] = []
        for effect in effects:
            match effect:
                case SendCancel(client_order_id):
                    self._parts.guard.cancel(client_order_id)
                case CommandResult() if not facts or effect.outcome.verdict != "accepted":
                    self._parts.answer(effect)
                case PlaceOrder() | SendReplace() | CommandResult():
                    later.append(effect)
                case _:
                    continue
        if later:
            self._parts.start_task(self._when_durable(seq, later, decided_ns), "when durable")

    async def settled(self, within_s: float) -> bool:
        """Wait until all that was recorded so far is on the disk, or the disk is known to be bad.

        What is shown before would be forgotten if the process died now.
        """
        journal = self._parts.journal
        if self._is_degraded or not journal.waiting:
            return True
        try:
            async with asyncio.timeout(within_s):
                await journal.durable(journal.durable_seq + journal.waiting)
        except TimeoutError:
            return self._is_degraded
        except StorageUnavailable:  # The run ends.
            return True
        return True

    async def close(self) -> None:
        """Write what waits, and that the run ends here."""
        await self._keeper.close(LATCH_CLOSE_S)
        self._fill_hole()
        await self._parts.journal.close()

    def _record(self, facts: Sequence[Fact]) -> int:
        for fact in facts:
            if isinstance(fact, TradingStateSet) and fact.scope == "all":
                self._follow(fact)
        if self._has_hole:
            return -1
        appended = self._parts.journal.append(_encode(facts))
        if isinstance(appended, JournalFull):
            logger.error("journal_full")
            self._has_hole = True
            return -1
        return appended

    def _follow(self, fact: TradingStateSet) -> None:
        if fact.state == "killed":
            if not self._parts.guard.is_latched:  # A rule did it: the cancels of a kill follow.
                self._kill(fact.reason)
            self.latch(fact.reason)
        elif self._parts.guard.is_latched and not self._kills:
            self._keeper.clear()

    async def _when_durable(
        self, seq: int, effects: Sequence[_AfterDurable], decided_ns: int
    ) -> None:
        now = [one for one in effects if isinstance(one, PlaceOrder) and one.is_unjournalled]
        problems = {one.approved.client_order_id: self._place(one, "", decided_ns) for one in now}
        late = await self._wait_durable(seq)
        for effect in effects:
            match effect:
                case PlaceOrder() if not effect.is_unjournalled:
                    name = effect.approved.client_order_id
                    problems[name] = self._place(effect, late, decided_ns)
                case SendReplace():
                    problems[effect.client_order_id] = self._replace(effect, late, decided_ns)
                case PlaceOrder():
                    continue
                case CommandResult():
                    own = [problems[name] for name in effect.sends if name in problems]
                    outcome = _told(effect.outcome, own, late)
                    self._parts.answer(msgspec.structs.replace(effect, outcome=outcome))
                case _:
                    assert_never(effect)

    def _place(self, effect: PlaceOrder, late: str, decided_ns: int) -> str:
        now_ns = self._parts.clock.now_ns()
        client_order_id = effect.approved.client_order_id
        if not effect.approved.intent.spec.is_reduce_only:
            late = late or _overdue(decided_ns, now_ns)
        refused = f"{late}; never sent" if late else ""
        refused = refused or self._parts.guard.place(
            effect.approved, now_ns, is_flatten=effect.is_flatten
        )
        if refused:
            held_back = OrderRejected(now_ns, client_order_id, refused, is_by_venue=False)
            self._parts.report(self.SOURCE, held_back)
        return refused

    def _replace(self, effect: SendReplace, late: str, decided_ns: int) -> str:
        now_ns = self._parts.clock.now_ns()
        late = late or _overdue(decided_ns, now_ns)
        refused = f"{late}; never sent" if late else ""
        refused = refused or self._parts.guard.replace(
            effect.client_order_id, effect.limit_ticks, effect.qty_lots, now_ns
        )
        if refused:
            rejected = ReplaceRejected(now_ns, effect.client_order_id, refused)
            self._parts.report(self.SOURCE, rejected)
        return refused

    async def _wait_durable(self, seq: int) -> str:
        """Return why nothing must leave; nothing when the facts are on the disk."""
        if seq < 0:
            return "the journal is full"
        try:
            async with asyncio.timeout(DURABLE_S):
                await self._parts.journal.durable(seq)
        except TimeoutError:
            return f"the journal was not on the disk within {DURABLE_S} s"
        except StorageUnavailable as error:
            return str(error)
        return ""

    async def _watch_latch(self) -> None:
        """Kill as soon as somebody makes the latch file."""
        while True:
            await self._parts.clock.sleep(LOOK_S)
            if not self._parts.guard.is_latched and self._parts.latch_file.is_set():
                self._kill("kill file")

    async def _watch_disk(self) -> None:
        while True:
            await self._parts.clock.sleep(WATCH_S)
            self._fill_hole()
            journal = self._parts.journal
            stalled = journal.stalled_ns(self._parts.clock.now_ns()) > STALL_NS
            problem = journal.failure
            is_bad = stalled or problem is not None or self._has_hole
            if is_bad != self._is_degraded:
                self._is_degraded = is_bad
                event: Event = StorageRestored()
                if is_bad:
                    event = StorageDegraded(str(problem) if problem else "the disk does not answer")
                self._parts.report(self.SOURCE, event)

    def _fill_hole(self) -> None:
        """Go on from a checkpoint where facts found no room, once all before them is durable."""
        if self._has_hole and not self._parts.journal.waiting:
            appended = self._parts.journal.append(self._parts.checkpoint(), Kind.CHECKPOINT)
            self._has_hole = isinstance(appended, JournalFull)


def _overdue(decided_ns: int, now_ns: int) -> str:
    """Return why what was decided then leaves no more; nothing if it may."""
    age_ns = now_ns - decided_ns
    return f"decided {age_ns / NS_PER_S:.1f} s ago" if age_ns > DECIDED_NS else ""


def _told(outcome: CommandOutcome, problems: Sequence[str], late: str) -> CommandOutcome:
    """Return what an operator is told of a command whose orders have left, or have not."""
    refused = [problem for problem in problems if problem]
    if refused and len(refused) == len(problems):
        return CommandOutcome("refused", tuple(refused), outcome.level, orders=outcome.orders)
    if late:
        refused = [f"done, but not in the journal yet: {late}"]
    if not refused:
        return outcome
    return msgspec.structs.replace(outcome, sentences=(*outcome.sentences, *refused))
