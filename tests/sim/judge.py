"""What the judge remembers: every frame, every promise, every fact that was handed to a journal.

It outlives engines and stands outside of them. While an engine lives it looks at each frame as it
leaves and at the state now and then; between two lives it reads the disk.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from engine.folder import DataFolder
from engine.model import commands as c
from engine.model.account import AccountReported
from engine.model.effects import CommandResult, Effect, Notify, PlaceOrder, Record
from engine.model.envelope import Event, TimerFired
from engine.model.facts import (
    AccountOpened,
    Fact,
    OrderFilled,
    OrderIntended,
    PositionAdopted,
    TradingStateSet,
)
from engine.model.numbers import NS_PER_S
from engine.model.orders import UNJOURNALLED
from engine.runtime.gateway import LEAVE_NS
from engine.runtime.host import EngineHost
from engine.runtime.trading import DECIDED_NS, TradingShell
from tests.fakes.files import FaultyFiles
from tests.sim import checkers, families
from tests.sim.alarm_watch import AlarmWatch, denials_are_explained
from tests.sim.canaries import Canaries
from tests.sim.checkers import Recording, Told, Violation, demand
from tests.sim.clocks import MachineClock
from tests.sim.frames import Frame
from tests.sim.markets import MarketSource
from tests.sim.operator import Asked, SimOperator
from tests.sim.profiles import LIMITS, Mix
from tests.sim.repeat import Repeat
from tests.sim.sides import FarSide
from tests.sim.situations import EVENT_WORDS, situations

PENDING: Final = ("intent", "sent", "unknown", "pending_cancel", "pending_replace")
LATE: Final = "not in the journal yet"
VIEWED_EVERY: Final = 16
"""Looks between two at all that a screen is sent."""
EXCESS_NS: Final = 60 * NS_PER_S
"""Two reports of the account."""
LEAVES_NS: Final = DECIDED_NS + LEAVE_NS
"""After its decision an order leaves within this, or never."""


class Judge:
    """Demands what must be true; raises `Violation` where it is not."""

    def __init__(
        self,
        mix: Mix,
        disk: tuple[FaultyFiles, DataFolder],
        side: FarSide,
        operator: SimOperator,
    ) -> None:
        self._mix = mix
        self._files, self._folder = disk
        self.side = side
        self._operator = operator
        operator.on_command = self._on_command
        operator.on_outcome = self._on_outcome
        self.frames: list[Frame] = []
        self.seen: Counter[str] = Counter()
        """Situations that no journal tells of."""
        self.violation: Violation | None = None
        """Raised within the engine, where it ends a task."""
        self._host: EngineHost | None = None
        self.source: MarketSource | None = None
        """Shows the market to the engine that lives now."""
        self._latch: Literal["on", "off", "maybe"] = "off"
        """As a person knows it; `maybe` while a release is under way."""
        self._releases: dict[int, None] = {}
        self._must_be_killed = False
        self._was_persisted = False
        self._state_recorded = ""
        self._excess_ns: dict[tuple[str, ...], int] = {}
        """Since when protection is larger than what it protects."""
        self._has_adopted = False
        """Whether a position was taken over at a price that the venue rounds."""
        self._recordings: dict[str, Recording] = {}
        self._recording = Recording()
        self.canaries = Canaries()
        self._unjournalled: dict[str, OrderIntended] = {}
        self._looks = 0
        self._alarms: AlarmWatch | None = None
        self._repeat: Repeat | None = None

    # The lives of engines.

    @property
    def _clock(self) -> MachineClock:
        clock = self._alive()._clock
        assert isinstance(clock, MachineClock)
        return clock

    def meet(self, host: EngineHost, run_id: str) -> None:
        """Judge another engine, which has begun its journal and done nothing yet."""
        self._host = host
        self._recording = Recording(durable_before=_shell(host)._parts.journal.durable_seq)
        self._excess_ns.clear()
        self._recordings[run_id] = self._recording
        state, journal = host.state, _shell(host)._parts.journal
        is_lossless = not self.side.allows_repairs
        self._alarms = AlarmWatch(state, journal, self.side, is_lossless=is_lossless)
        if self._mix.is_repeated:
            self._repeat = Repeat(state.desk.setup, state.desk.ledger.to_bytes())
        self._state_recorded = host.state.desk.trading_state
        is_killed = self._state_recorded == "killed"
        self._latch = "on" if is_killed or self._is_latch_there() else "off"
        self._releases.clear()
        self.seen["start that is killed at once"] += self._latch == "on"
        self.seen["restart on the paper venue"] += self._mix.is_paper and len(self._recordings) > 1

    def lose(self) -> None:
        """Note that the engine died; the disk is as that left it."""
        if self._host is None:
            self.seen["crash before trading began"] += 1
            return
        ledger = self._host.state.desk.ledger
        is_pending = any(order.state in PENDING for order in ledger.working())
        self.seen["crash with orders on their way"] += is_pending
        self.seen["crash while killed"] += self._latch == "on"
        self._recording.durable = _shell(self._host)._parts.journal.durable_seq
        if self._was_persisted:
            is_there = self._is_latch_there()
            demand(is_there, "I4", "the latch was shown as persisted, and is not on the disk")
        self._was_persisted = False
        self._host = None

    def _is_latch_there(self) -> bool:
        latch = self._folder.latch
        return latch.name in self._files.names(latch.parent)

    # What is heard and seen of a living one.

    def on_record(self, fact: Fact) -> None:
        """Keep what the engine hands to its journal, to compare with what comes back."""
        self._recording.open.append(fact)
        if isinstance(fact, PositionAdopted | AccountOpened):
            self._has_adopted |= bool(self._alive().state.desk.ledger.held())
        if isinstance(fact, TradingStateSet) and fact.scope == "all":
            self._state_recorded = fact.state
            self._must_be_killed = self._must_be_killed and fact.state == "killed"

    def on_effect(self, effect: Effect) -> None:
        """Take in what the kernel wants done."""
        if self._repeat is not None:
            self._repeat.gave(effect)
        match effect:
            case Record():
                self.on_record(effect.fact)
            case PlaceOrder():
                self.on_approved(effect)
            case Notify(notice):
                self.canaries.hear(notice.text, "a notice")
                with self._noting():
                    self.seen["alarm"] += self._watch.on_notice(notice)
            case CommandResult():
                self._hear_answer(effect)

    def _hear_answer(self, result: CommandResult) -> None:
        """I14: who is refused is told why; I12: in words without secrets."""
        for sentence in result.outcome.sentences:
            self.canaries.hear(sentence, "an answer")
        is_refused = result.outcome.verdict == "refused"
        with self._noting():
            demand(not is_refused or any(result.outcome.sentences), "I14", f"no reason: {result}")

    def on_step(self, sender: str, event: Event, kept: Event | bytes) -> None:
        """Note the end of a step.

        Args:
            sender: Of the event.
            event: What was handled.
            kept: The same as a recording has it.
        """
        self._recording.close_record()
        host = self._host
        if host is None:
            return
        if self._repeat is not None:
            self._repeat.take(sender, kept, host.state.ts_ns)
        self._was_persisted = _shell(host).is_persisted
        word = EVENT_WORDS.get(type(event))
        if word is not None:
            self.seen[word] += 1
        if isinstance(event, OrderFilled | AccountReported | TimerFired):
            with self._noting():
                self._judge_step(host, event)

    def _judge_step(self, host: EngineHost, event: Event) -> None:
        if isinstance(event, OrderFilled):
            checkers.virtual_is_net(host.state)
        elif isinstance(event, AccountReported):
            self.side.check_report(event)
        self._watch.on_step(event)

    def on_frame(self, frame: Frame) -> None:
        """Judge what leaves, in the moment in which it does."""
        if frame.kind != "cancel":
            with self._noting():
                self._check_frame(frame)
        self.frames.append(frame)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except Violation as violation:
            self.violation = violation
            raise

    def _check_frame(self, frame: Frame) -> None:
        host = self._alive()
        name, spec = frame.client_order_id, frame.spec
        order = host.state.desk.ledger.orders.get(name)
        is_confirmed = order is not None and order.intent.tag.endswith(UNJOURNALLED)
        is_known = checkers.is_durable(self._files, self._folder.journal, name)
        demand(is_known or is_confirmed, "I2", f"{name} left before it was on the disk")
        if frame.kind == "place" and order is not None and not order.intent.spec.is_reduce_only:
            age_ns = self._clock.now_ns() - order.created_ns
            demand(age_ns <= LEAVES_NS, "I6", f"{name} left {age_ns} ns after it was decided")
        only_shrinks = (
            frame.kind == "place" and spec is not None and spec.is_reduce_only and spec.tif == "ioc"
        )
        is_latched = self._latch == "on" or _shell(host).is_latched
        if frame.kind == "place":
            twice = any(one.kind == "place" and one.client_order_id == name for one in self.frames)
            demand(not twice, "I2", f"{name} left twice")
        demand(only_shrinks or not is_latched, "I4", f"{frame.kind} {name} left while killed")
        if not self.side.lags():
            checkers.within_limits(frame, self.side, host.state, LIMITS)

    def _on_command(self, command: c.OperatorCommand) -> None:
        if command.is_dry:
            return
        if any(isinstance(one, c.EngageKill) for one in command.actions):
            self._latch = "on"
            self._releases.clear()
        elif any(isinstance(one, c.ReleaseKill) for one in command.actions):
            self._releases[command.command_id] = None
            if self._latch == "on":
                self._latch = "maybe"

    def _on_outcome(self, asked: Asked, outcome: c.CommandOutcome) -> None:
        command = asked.command
        is_done = outcome.verdict == "accepted"
        if is_done and any(isinstance(one, c.EngageKill) for one in command.actions):
            is_late = any(LATE in sentence for sentence in outcome.sentences)
            self._must_be_killed = not is_late and self._state_recorded == "killed"
        was_release = command.command_id in self._releases
        self._releases.pop(command.command_id, None)
        if not was_release or self._latch != "maybe":
            return
        if is_done:
            self._latch = "off"
        elif not self._releases:
            self._latch = "on"

    # Now and then.

    def look(self) -> None:
        """Check what holds at every moment."""
        host = self._alive()
        checkers.verified_is_true(host.state, self.side)
        self.side.look(host)
        self.canaries.keep(self.side.listen_key)
        self._looks += 1
        if self._looks % VIEWED_EVERY:
            self.canaries.check()
        else:
            self.canaries.look(host)
        self._look_at_protection(host)

    def _look_at_protection(self, host: EngineHost) -> None:
        """I7: protection that is too large does not stay so where orders may leave.

        Nor where the fate of one is known: of what is unknown nobody can say how much it protects.
        """
        desk, now_ns = host.state.desk, host.state.ts_ns
        excess = checkers.protection_excess(host.state)
        unknown = {
            (one.intent.owner, one.spec.instrument_id)
            for one in desk.ledger.working()
            if one.state == "unknown"
        }
        is_free = desk.trading_state == "active" and now_ns >= desk.venue_side.banned_until_ns
        self._excess_ns = {
            key: ns
            for key, ns in self._excess_ns.items()
            if key in excess and is_free and key[:2] not in unknown
        }
        for key, lots in excess.items():
            is_clear = is_free and key[:2] not in unknown
            since_ns = self._excess_ns.setdefault(key, now_ns) if is_clear else now_ns
            lasts = now_ns - since_ns > EXCESS_NS
            demand(not lasts, "I7", f"{key} is protected by {lots} lots too much")
        checkers.virtual_is_net(host.state)

    def note_stop(self, length_ns: int) -> None:
        """The process did nothing for so long: what it has not ended yet is no older by that."""
        self._excess_ns = {key: since + length_ns for key, since in self._excess_ns.items()}

    def check_killed(self) -> None:
        """A kill that a person was told of survives every restart."""
        if self._must_be_killed:
            host = self._alive()
            is_killed = host.state.desk.trading_state == "killed" and _shell(host).is_latched
            demand(is_killed, "I4", "killed before the restart, and not after it")

    def check_recovered(self, digest: str) -> Told:
        """Before a new engine does anything: the disk tells one story, and no promise is lost."""
        told = checkers.read_journals(self._files, self._folder.journal)
        told.intents = self._unjournalled | told.intents
        same = told.digest == digest or not told.facts
        demand(same, "I8", "the newest journal and all of them together tell different ledgers")
        self.seen["records lost that nobody was told of"] = sum(
            recording.compare(told.runs.get(run_id, []))
            for run_id, recording in self._recordings.items()
        )
        checkers.promises_kept(self._operator.promised, told)
        families.are_sound(told.facts)
        denials_are_explained(told.facts)
        self.canaries.search(self._files)
        for frame in self.frames:
            checkers.content_agrees(frame, told, self._operator)
        self.side.check_sound(told)
        return told

    def check_rest(self) -> None:
        """Everything that was to come has come: both sides must agree without being asked."""
        host = self._alive()
        self.side.check_agrees(host.state.desk.ledger, is_exact=not self._has_adopted)
        checkers.protection_fits(host.state)
        checkers.virtual_is_net(host.state)
        self.canaries.look(host)

    def check_end(self) -> Counter[str]:
        """The engine has ended in good order: the disk has the same ledger.

        Returns:
            What the seed has met, in all its lives.
        """
        host = self._alive()
        ledger = host.state.desk.ledger
        self._recording.durable = _shell(host)._parts.journal.durable_seq
        told = self.check_recovered(ledger.digest())
        demand(told.digest == ledger.digest(), "I8", "the journal folds to another ledger")
        checkers.agrees_with_fills(ledger, told)
        checkers.answered_once(told)
        self.canaries.look(host)
        if self._repeat is not None:
            self._repeat.compare(host._kernel)
        if not self.side.allows_repairs:
            self.side.check_calm(host)
            demand(not self.seen["private stream lost"], "I10", "the private stream was lost")
        return self.seen + self.side.seen + situations(told.facts)

    def on_approved(self, order: PlaceOrder) -> None:
        """Judge what the gate lets pass, in the moment in which it does."""
        name = order.approved.client_order_id
        if order.is_unjournalled:  # A confirmed way out, which no disk has to have (D17).
            self._unjournalled |= {
                fact.client_order_id: fact
                for fact in self._recording.open
                if isinstance(fact, OrderIntended) and fact.client_order_id == name
            }
        with self._noting():
            intent, state = order.approved.intent, self._alive().state
            name = intent.spec.instrument_id
            assert self.source is not None
            at_ns = self._clock.true_ns(state.ts_ns)  # The process may have been stopped since.
            behind_ns = self.source.behind_ns(name, state.instruments[name].book.last_seq, at_ns)
            checkers.is_based_on_a_book(state, intent, behind_ns)

    @property
    def _watch(self) -> AlarmWatch:
        assert self._alarms is not None
        return self._alarms

    def _alive(self) -> EngineHost:
        assert self._host is not None
        return self._host


def _shell(host: EngineHost) -> TradingShell:
    assert host._trading is not None
    return host._trading
