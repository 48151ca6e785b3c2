"""The host: what comes first, what is never refused, who is answered, how it ends."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from engine.execution.ledger import Ledger
from engine.kernel.desk import DeskSetup
from engine.kernel.state import KernelState
from engine.model.commands import Arm, EngageKill, OperatorCommand, ReleaseKill, SubmitOrder
from engine.model.effects import CommandResult, FeedRequest
from engine.model.envelope import Event, TimerFired
from engine.model.errors import ConfigError, InvariantBroken
from engine.model.facts import (
    CancelRequested,
    Fact,
    OrderAcked,
    OrderCanceled,
    OrderFilled,
    OrderIntended,
    TradingStateSet,
)
from engine.model.instrument import InstrumentId
from engine.model.market import FeedUp
from engine.model.numbers import PriceTicks, QtyLots
from engine.runtime.clock import LoopClock
from engine.runtime.guard import GatewayGuard, GuardLimits
from engine.runtime.host import EXIT_S, EngineHost, RunPlan
from engine.runtime.inbox import CONTROL_MAX, DATA_MAX
from engine.runtime.journal_writer import JournalWriter, LoopWorker
from engine.runtime.latch import LatchFile
from engine.runtime.paper_gateway import PaperGateway
from engine.runtime.trading import TradingParts, TradingShell
from engine.runtime.virtual_loop import run
from storage.files import DiskFiles
from storage.journal import Recovered, Run, open_run, recover
from tests.builders import BTC, FEED, START_NS, a_snapshot, an_instrument, an_update
from tests.fakes.clock import FailingClock
from tests.fakes.files import FaultyFiles
from tests.order_facts import an_intent

FOLDER = Path("/data/journal")
SYNC_S = 0.002
SETTLE_S = 1.0
OPERATOR = "operator:1"
KILL = EngageKill("enough")
TRADED = an_instrument(is_trading=True, base="BTC")
BUY = SubmitOrder(BTC, "buy", "limit", Decimal(2), Decimal(90))


class Market:
    """A source with one instrument, 100x9 | 101x7, and a book that stays fresh."""

    def __init__(self, host: EngineHost) -> None:
        self._host = host
        self.is_closed = False
        self.asked: list[FeedRequest] = []
        self.at_the_end: Callable[[], None] = lambda: None

    async def start(self, symbols: Sequence[str]) -> None:
        """Open the market."""
        self._host.put(FEED, [FeedUp(FEED), an_update(TRADED), a_snapshot("100x9", "101x7")])
        if "broken" in symbols:
            raise ConfigError("no such symbol")

    def request_snapshot(self, instrument_id: InstrumentId) -> None:
        """Send the book again."""
        self._host.put(FEED, [a_snapshot("100x9", "101x7")])

    def serve(self, request: FeedRequest) -> None:
        """Remember what else is asked."""
        self.asked.append(request)

    async def close(self) -> None:
        """Close the market."""
        self.is_closed = True
        self.at_the_end()


class Engine:
    """A host with everything around it, on virtual time."""

    def __init__(self, folder: Path, disk: FaultyFiles, recovered: Recovered) -> None:
        self.disk = disk
        self.clock = LoopClock(START_NS)
        self.parts_clock = FailingClock(START_NS)
        plan = RunPlan(mode="sim", venue="test", run_id="", version="1")
        state = KernelState(DeskSetup(venue="test", starts_armed=True))
        if recovered.checkpoint:
            state.desk.ledger = Ledger.from_bytes(recovered.checkpoint)
            for fact in facts_of(recovered):
                state.desk.ledger.apply(fact)
        plan.run_id = f"run-{state.desk.ledger.boot + 1}"
        self.answers: list[CommandResult] = []
        self.host = EngineHost(plan, self.clock, state)
        checkpoint = state.desk.ledger.to_bytes()
        new = Run("paper", plan.run_id, 1)
        opened = open_run(disk, FOLDER, new, recovered.previous, checkpoint)
        self.gateway = PaperGateway(state, self.clock, self.host.report_all, seed=1)
        self.guard = GatewayGuard(self.gateway, GuardLimits(Decimal(10**9), 1_000))
        self.latch_file = LatchFile(folder / "kill.latch", DiskFiles())
        parts = TradingParts(
            clock=self.parts_clock,
            journal=JournalWriter(opened, self.clock, LoopWorker(lambda: SYNC_S)),
            guard=self.guard,
            latch_file=self.latch_file,
            latch_worker=LoopWorker(lambda: SYNC_S),
            checkpoint=state.desk.ledger.to_bytes,
            report=self.host.report,
            answer=self.answers.append,
            start_task=self.host.start_task,
            keep=self.host.keep,
        )
        self.host.attach(TradingShell(parts), self.gateway)
        self.market = Market(self.host)

    @property
    def ledger(self) -> Ledger:
        """The kernel's."""
        return self.host.state.desk.ledger

    @property
    def trading_state(self) -> str:
        """State of the whole account."""
        return self.host.state.desk.trading_state

    def say(self, *actions, operator: str = OPERATOR, number: int = 1, **more) -> bool:
        """Give an operator's line."""
        line = OperatorCommand(number, "", "line", actions, **({"confirm": 3} | more))
        return self.host.command(operator, line)

    def verdicts(self) -> list[tuple[str, int, str]]:
        """Return who was answered what."""
        return [(one.operator, one.command_id, one.outcome.verdict) for one in self.answers]


def facts_of(recovered: Recovered) -> list[Fact]:
    return [
        fact
        for record in recovered.facts
        for fact in msgspec.msgpack.decode(record, type=list[Fact])
    ]


def simulated(
    folder: Path,
    scenario: Callable[[Engine], Awaitable[None]],
    disk: FaultyFiles | None = None,
    symbols: tuple[str, ...] = (),
    prepare: Callable[[Engine], None] = lambda engine: None,
) -> Recovered:
    """Run an engine through a scenario to its orderly end; return what the next start reads."""
    disk = disk or FaultyFiles()

    async def main() -> None:
        engine = Engine(folder, disk, recover(disk, FOLDER, "paper"))
        prepare(engine)
        running = asyncio.ensure_future(engine.host.run(engine.market, symbols))
        await asyncio.sleep(SETTLE_S)
        try:
            await scenario(engine)
        finally:
            engine.host.stop("test over")
            await running

    run(main)
    disk.crash()
    return recover(disk, FOLDER, "paper")


def test_control_is_handled_before_data_that_came_earlier(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        engine.host.put(FEED, [FeedUp("feed:y")])
        engine.say(ReleaseKill("no"))
        await asyncio.sleep(SETTLE_S)

        line, feed = list(engine.host.state.notices)[-2:]
        assert (line.source, feed.source) == ("hand", "feed:y")

    simulated(tmp_path, scenario)


def test_a_kill_latches_before_it_is_queued(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        engine.host.put(FEED, [FeedUp("feed:y")] * DATA_MAX)
        engine.say(KILL)

        assert engine.guard.is_latched
        states = [engine.trading_state]
        await asyncio.sleep(SETTLE_S)
        states.append(engine.trading_state)
        assert states == ["active", "killed"]
        assert engine.latch_file.is_set()

    simulated(tmp_path, scenario)


def test_a_dry_kill_latches_nothing(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        engine.say(KILL, is_dry=True)
        await asyncio.sleep(SETTLE_S)

        assert not engine.guard.is_latched
        assert engine.verdicts() == [(OPERATOR, 1, "accepted")]

    simulated(tmp_path, scenario)


def test_nothing_beside_a_kill_can_make_it_fail(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        unknown = SubmitOrder(InstrumentId("test:NONE"), "buy", "market", Decimal(1))
        engine.say(unknown, KILL, BUY)
        await asyncio.sleep(SETTLE_S)

        assert engine.trading_state == "killed"
        assert engine.ledger.orders == {}
        assert engine.verdicts() == [(OPERATOR, 1, "accepted")]

    simulated(tmp_path, scenario)


def test_a_kill_behind_a_release_holds_at_every_moment(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        engine.say(KILL)
        await asyncio.sleep(SETTLE_S)
        engine.say(ReleaseKill("go"))
        engine.say(KILL)
        for _ in range(100):
            assert engine.guard.is_latched
            await asyncio.sleep(0.001)

        assert engine.trading_state == "killed"
        assert engine.latch_file.is_set()

    simulated(tmp_path, scenario)


def test_a_full_control_lane_refuses_lines_but_no_kill_timer_or_report(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        while engine.say(Arm(), is_dry=True):
            continue
        assert engine.host._inbox.depth == CONTROL_MAX

        assert engine.say(KILL, number=2)
        engine.host.report("gateway:paper", OrderAcked(1, "x", "v"))
        engine.host._on_timer(TimerFired("mine", 1))

        waiting = [event for _, _, event in engine.host._inbox.take(CONTROL_MAX + 3)]
        assert [type(event) for event in waiting[CONTROL_MAX:]] == [
            OperatorCommand,
            OrderAcked,
            TimerFired,
        ]

    simulated(tmp_path, scenario)


def test_each_operator_is_answered_under_his_own_name(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        engine.say(Arm(), operator="operator:1", number=7)
        engine.say(ReleaseKill("no"), operator="operator:2", number=7)
        await asyncio.sleep(SETTLE_S)

        assert sorted(engine.verdicts()) == [
            ("operator:1", 7, "accepted"),
            ("operator:2", 7, "refused"),
        ]

    simulated(tmp_path, scenario)


def test_nobody_can_give_a_line_in_the_name_of_another(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        engine.host.command("operator:1", OperatorCommand(7, "operator:2", "arm", (Arm(),), 3))
        await asyncio.sleep(SETTLE_S)

        assert engine.verdicts() == [("operator:1", 7, "accepted")]

    simulated(tmp_path, scenario)


def test_an_order_goes_through_the_whole_engine(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        engine.say(SubmitOrder(BTC, "buy", "limit", Decimal(2), Decimal(101)))
        await asyncio.sleep(SETTLE_S)

        assert engine.ledger.net_lots(BTC) == 2

    recovered = simulated(tmp_path, scenario)
    assert recovered.is_orderly
    assert any(isinstance(fact, OrderFilled) for fact in facts_of(recovered))


def test_an_orderly_stop_ends_the_journal_and_closes_the_source(tmp_path: Path) -> None:
    sources = []

    async def scenario(engine: Engine) -> None:
        sources.append(engine.market)

    recovered = simulated(tmp_path, scenario)
    assert recovered.is_orderly
    assert sources[0].is_closed


def test_what_waits_of_kills_and_orders_at_the_stop_is_in_the_journal(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        engine.say(BUY)
        await asyncio.sleep(SETTLE_S)
        (order_id,) = engine.ledger.orders
        fill = OrderFilled(
            1, order_id, "t", PriceTicks(90), QtyLots(1), "maker", Decimal(0), "USDT"
        )

        def come_late() -> None:
            engine.host.report("gateway:paper", fill)
            engine.say(KILL)
            engine.say(BUY)

        engine.market.at_the_end = come_late

    recovered = simulated(tmp_path, scenario)
    kinds = [type(fact) for fact in facts_of(recovered)]
    assert OrderFilled in kinds
    assert TradingStateSet in kinds
    assert kinds.count(OrderIntended) == 1
    assert recovered.is_orderly
    assert LatchFile(tmp_path / "kill.latch", DiskFiles()).is_set()


def test_a_killed_run_is_followed_by_a_killed_one_that_cancels_what_works(tmp_path: Path) -> None:
    disk = FaultyFiles()

    async def crash(engine: Engine) -> None:
        engine.say(BUY)
        await asyncio.sleep(SETTLE_S)
        engine.say(KILL)
        await asyncio.sleep(3 * SYNC_S)
        assert any(order.state == "pending_cancel" for order in engine.ledger.working())

    async def after(engine: Engine) -> None:
        assert engine.guard.is_latched
        assert engine.trading_state == "killed"
        assert engine.ledger.state_facts["all"].reason == "enough"
        assert [order.state for order in engine.ledger.orders.values()] == ["canceled"]

    simulated(tmp_path, crash, disk)
    simulated(tmp_path, after, disk)


@pytest.mark.parametrize("content", [b"", b"\xff\x00"])
def test_with_a_latch_file_nothing_leaves_from_the_first_moment_on(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "kill.latch").write_bytes(content)
    disk = FaultyFiles()

    async def main() -> None:
        engine = Engine(tmp_path, disk, recover(disk, FOLDER, "paper"))
        engine.say(BUY)
        running = asyncio.ensure_future(engine.host.run(engine.market, ()))
        await asyncio.sleep(0)
        assert engine.guard.is_latched
        await asyncio.sleep(SETTLE_S)
        assert engine.trading_state == "killed"
        engine.host.stop("test over")
        await running

    run(main)


def test_a_task_that_fails_halts_the_guard_and_ends_the_run(tmp_path: Path) -> None:
    engines = []

    async def scenario(engine: Engine) -> None:
        engines.append(engine)

        async def fail() -> None:
            raise ValueError("oops")

        engine.host.start_task(fail(), "mine")
        await asyncio.sleep(SETTLE_S)

    with pytest.raises(InvariantBroken, match="mine failed: ValueError"):
        simulated(tmp_path, scenario)
    assert engines[0].guard.is_halted


def test_a_source_that_cannot_start_ends_the_run_with_its_sentence(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        await asyncio.sleep(SETTLE_S)

    with pytest.raises(ConfigError, match="no such symbol"):
        simulated(tmp_path, scenario, symbols=("broken",))


def test_without_a_trading_shell_everything_is_settled_and_nothing_leaves() -> None:
    async def main() -> None:
        plan = RunPlan(mode="replay", venue="test", run_id="run-1", version="1")
        host = EngineHost(plan, LoopClock(START_NS), KernelState(DeskSetup(starts_armed=True)))
        market = Market(host)
        running = asyncio.ensure_future(host.run(market, ()))
        await asyncio.sleep(SETTLE_S)
        told: list[Event] = []
        host.command("operator:1", OperatorCommand(1, "", "kill", (KILL,)))
        await asyncio.sleep(SETTLE_S)

        assert await host.settled(1)
        assert host.state.desk.trading_state == "killed"
        assert told == []
        host.stop("test over")
        await running

    run(main)


def test_a_false_kill_is_undone_with_one_word_and_trading_goes_on(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        engine.say(KILL)
        await asyncio.sleep(SETTLE_S)
        latched = [(engine.guard.is_latched, engine.latch_file.is_set())]

        engine.say(ReleaseKill(), number=2)
        engine.say(Arm(), number=3)
        await asyncio.sleep(SETTLE_S)
        latched.append((engine.guard.is_latched, engine.latch_file.is_set()))
        engine.say(BUY, number=4)
        await asyncio.sleep(SETTLE_S)

        assert latched == [(True, True), (False, False)]
        assert {verdict for _, _, verdict in engine.verdicts()} == {"accepted"}
        (order,) = engine.ledger.working()
        assert order.state == "open"

    simulated(tmp_path, scenario)


# What becomes of orders at the end (R133).


def test_an_orderly_stop_cancels_what_works_and_the_journal_knows_what_became_of_each(
    tmp_path: Path,
) -> None:
    async def scenario(engine: Engine) -> None:
        engine.say(BUY)
        await asyncio.sleep(SETTLE_S)

    recovered = simulated(tmp_path, scenario)
    kinds = [type(fact) for fact in facts_of(recovered)]
    assert kinds.index(CancelRequested) < kinds.index(OrderCanceled)
    assert recovered.is_orderly


def test_told_so_an_orderly_stop_keeps_what_works(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        desk = engine.host.state.desk
        desk.setup = msgspec.structs.replace(desk.setup, on_exit="keep")
        engine.say(BUY)
        await asyncio.sleep(SETTLE_S)

    recovered = simulated(tmp_path, scenario)
    assert CancelRequested not in [type(fact) for fact in facts_of(recovered)]


@pytest.mark.parametrize(("is_told_twice", "waited_s"), [(False, EXIT_S), (True, 0.0)])
def test_an_order_that_does_not_go_is_waited_for_up_to_a_limit_or_a_second_signal(
    tmp_path: Path, *, is_told_twice: bool, waited_s: float
) -> None:
    waited: list[float] = []

    async def scenario(engine: Engine) -> None:
        engine.ledger.apply(OrderIntended(START_NS, "lost", an_intent(price=90), 1))
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        engine.market.at_the_end = lambda: waited.append(loop.time() - begun_s)
        engine.host.stop("a signal")
        if is_told_twice:
            engine.host.stop("another signal")
        await asyncio.sleep(EXIT_S + SETTLE_S)

    recovered = simulated(tmp_path, scenario)
    assert waited == [pytest.approx(waited_s, abs=0.1)]
    assert recovered.is_orderly
