"""The gateway to the paper venue: what a run takes over, and what it gives back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

import pytest

from engine.execution.ledger import Ledger
from engine.kernel.state import KernelState
from engine.model import facts as f
from engine.model import orders as o
from engine.model.envelope import Event
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder, OrderIntent
from engine.runtime.clock import LoopClock
from engine.runtime.paper_gateway import SOURCE, PaperGateway
from engine.runtime.virtual_loop import run
from tests.builders import (
    BTC,
    START_NS,
    a_live_kernel,
    a_snapshot,
    a_trade,
    an_instrument,
    an_update,
    at,
)
from tests.order_facts import an_intent, began, known

TRAVEL_S = 1.0
"""Longer than any message takes there and back, with this seed."""


class Desk:
    """A gateway on a market of 100x9 | 101x7, and all that it has answered."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.ledger.apply(began())
        self.ledger.apply(known())
        self.market = a_live_kernel("100x9", "101x7")
        self.told: list[Event] = []
        self.gateway = PaperGateway(self.state, LoopClock(START_NS), self._put, seed=1)

    @property
    def state(self) -> KernelState:
        """The market as the kernel has it."""
        return self.market.kernel.state

    def learn(self) -> None:
        """Tell of the instrument, as the market does at the start."""
        self.gateway.on_market(an_update())

    def _put(self, source: str, events: Sequence[Event]) -> None:
        assert source == SOURCE
        self.told += [event for event in events if not isinstance(event, f.OrderSent)]
        for event in events:
            self.ledger.apply(event)  # type: ignore[arg-type]  # reports are facts

    def intend(self, name: str, **intent) -> OrderIntent:
        """Tell the ledger of an order."""
        wanted = an_intent(**intent)
        self.ledger.apply(f.OrderIntended(at(0), name, wanted, 1))
        return wanted

    def place(self, name: str, **intent) -> None:
        """Send an order."""
        wanted = self.intend(name, **intent)
        self.gateway.place(ApprovedOrder(name, wanted, o._BY_THE_GATE), lambda: "")

    def kinds(self) -> list[str]:
        """Name what was answered."""
        return [type(event).__name__ for event in self.told]

    def states(self) -> dict[str, str]:
        """Return where the orders stand."""
        return {key: order.state for key, order in self.ledger.orders.items()}


def simulated(scenario: Callable[[Desk], Awaitable[None]]) -> None:
    async def main() -> None:
        desk = Desk()
        await scenario(desk)
        desk.gateway.close()

    run(main)


def worth(gateway: PaperGateway, **intent) -> Decimal | None:
    return gateway.notional(ApprovedOrder("a", an_intent(**intent), o._BY_THE_GATE))


def test_an_order_opens_fills_and_is_told_in_this_order() -> None:
    async def scenario(desk: Desk) -> None:
        desk.learn()
        desk.place("a", lots=3, price=101)
        assert desk.states() == {"a": "sent"}
        assert desk.told == []
        await asyncio.sleep(TRAVEL_S)

        assert desk.kinds() == ["OrderAcked", "OrderFilled"]
        assert desk.states() == {"a": "filled"}

    simulated(scenario)


def test_amend_and_cancel_reach_a_resting_order() -> None:
    async def scenario(desk: Desk) -> None:
        desk.learn()
        desk.place("a", lots=3, price=90)
        await asyncio.sleep(TRAVEL_S)
        desk.gateway.replace("a", PriceTicks(91), QtyLots(5), lambda: "")
        await asyncio.sleep(TRAVEL_S)
        desk.gateway.cancel("a")
        await asyncio.sleep(TRAVEL_S)

        assert desk.kinds() == ["OrderAcked", "OrderReplaced", "OrderCanceled"]

    simulated(scenario)


def test_trades_of_the_market_reach_resting_orders() -> None:
    async def scenario(desk: Desk) -> None:
        desk.learn()
        desk.place("a", lots=3, price=90)
        await asyncio.sleep(TRAVEL_S)
        desk.gateway.on_market(a_trade(89, 100, sells=True))
        await asyncio.sleep(TRAVEL_S)

        assert desk.kinds() == ["OrderAcked", "OrderFilled"]

    simulated(scenario)


def test_worth_is_size_times_limit_or_best_price_to_take() -> None:
    async def scenario(desk: Desk) -> None:
        assert worth(desk.gateway, lots=2, price=90) is None
        desk.learn()

        assert worth(desk.gateway, lots=2, price=90) == 180
        assert worth(desk.gateway, lots=2, price=None, type="market") == 202
        assert worth(desk.gateway, side="sell", lots=2, price=None, type="market") == 200
        assert worth(desk.gateway, lots=2, price=None, type="stop", trigger_ticks=120) == 240

    simulated(scenario)


def test_an_amend_is_worth_what_it_makes_of_the_order() -> None:
    async def scenario(desk: Desk) -> None:
        desk.learn()
        desk.place("a", lots=2, price=90)
        assert desk.gateway.notional_of("a", PriceTicks(95), QtyLots(4)) is None
        await asyncio.sleep(TRAVEL_S)

        assert desk.gateway.notional_of("a", PriceTicks(95), QtyLots(4)) == 380

    simulated(scenario)


# The run before.


def after_a_crash(*facts: f.Fact, lots: int = 10, **spec) -> Callable[[Desk], None]:
    """Return what lets a desk find an order `a` of which these facts were told."""

    def prepare(desk: Desk) -> None:
        desk.intend("a", lots=lots, **({"price": 90} | spec))
        for fact in (f.OrderSent(at(1), "a"), *facts, began(2)):
            desk.ledger.apply(fact)
        desk.gateway.take_back(desk.ledger)

    return prepare


def fill(lots: int, trade: str = "a-1") -> f.OrderFilled:
    return f.OrderFilled(
        at(3), "a", trade, PriceTicks(90), QtyLots(lots), "maker", Decimal(0), "USDT"
    )


ACKED = f.OrderAcked(at(2), "a", "p-a")
ASKED = f.ReplaceRequested(at(4), "a", PriceTicks(91), QtyLots(20))


def test_what_was_acknowledged_is_open_again_and_can_be_filled() -> None:
    async def scenario(desk: Desk) -> None:
        after_a_crash(ACKED, fill(4))(desk)
        assert desk.states() == {"a": "partial"}

        desk.learn()
        desk.gateway.on_market(a_trade(89, 100, sells=True))
        await asyncio.sleep(TRAVEL_S)

        assert desk.states() == {"a": "filled"}
        assert desk.ledger.net_lots(BTC) == 10
        assert desk.ledger.duplicate_fills == 0

    simulated(scenario)


def test_trade_ids_never_come_again_over_many_crashes() -> None:
    async def scenario(desk: Desk) -> None:
        after_a_crash(ACKED, fill(1))(desk)
        trades = {"a-1"}
        for boot in range(3, 8):
            desk.learn()
            desk.gateway.on_market(a_snapshot("90x1", "101x5", seq=boot * 10))
            desk.told.clear()
            desk.gateway.on_market(a_trade(90, 1, sells=True))
            await asyncio.sleep(TRAVEL_S)
            new = {event.trade_id for event in desk.told if isinstance(event, f.OrderFilled)}
            assert not new & trades
            trades |= new
            desk.gateway.close()
            desk.ledger.apply(began(boot))
            desk.gateway = PaperGateway(desk.state, LoopClock(START_NS), desk._put, seed=boot)
            desk.gateway.take_back(desk.ledger)

    simulated(scenario)


def test_what_was_not_acknowledged_never_reached_the_venue() -> None:
    async def scenario(desk: Desk) -> None:
        after_a_crash()(desk)

        assert desk.states() == {"a": "rejected"}
        (rejected,) = desk.told
        assert isinstance(rejected, f.OrderRejected)
        assert not rejected.is_by_venue

    simulated(scenario)


@pytest.mark.parametrize(
    ("spec", "facts"),
    [
        ({"tif": "ioc"}, ()),
        ({"price": None, "type": "market"}, ()),
        ({"price": None, "type": "stop", "trigger_ticks": 95}, (fill(4),)),
    ],
)
def test_what_never_rests_has_lapsed(spec: dict, facts: tuple[f.Fact, ...]) -> None:
    async def scenario(desk: Desk) -> None:
        after_a_crash(ACKED, *facts, **spec)(desk)
        assert desk.states() == {"a": "expired"}
        desk.learn()
        desk.gateway.on_market(a_trade(80, 100, sells=True))
        await asyncio.sleep(TRAVEL_S)

        assert desk.states() == {"a": "expired"}

    simulated(scenario)


def test_a_stop_waits_for_its_trigger_again() -> None:
    async def scenario(desk: Desk) -> None:
        after_a_crash(ACKED, price=None, type="stop", trigger_ticks=105)(desk)
        assert desk.states() == {"a": "open"}
        desk.learn()
        desk.gateway.on_market(a_trade(105, 1))
        await asyncio.sleep(TRAVEL_S)

        assert desk.ledger.net_lots(BTC) == 7

    simulated(scenario)


def test_an_amend_without_an_answer_never_reached_the_venue() -> None:
    async def scenario(desk: Desk) -> None:
        after_a_crash(ACKED, ASKED)(desk)
        assert desk.states() == {"a": "open"}
        order = desk.ledger.orders["a"]
        assert (order.size_lots, order.remaining_lots) == (10, 10)

        desk.learn()
        desk.gateway.on_market(a_trade(89, 100, sells=True))
        await asyncio.sleep(TRAVEL_S)

        assert desk.states() == {"a": "filled"}
        assert desk.ledger.contradictions == 0

    simulated(scenario)


def test_an_order_that_only_an_unanswered_amend_kept_open_is_filled() -> None:
    async def scenario(desk: Desk) -> None:
        after_a_crash(ACKED, ASKED, fill(10))(desk)
        assert desk.states() == {"a": "filled"}
        desk.learn()
        desk.told.clear()
        desk.gateway.on_market(a_trade(89, 100, sells=True))
        await asyncio.sleep(TRAVEL_S)

        assert desk.told == []

    simulated(scenario)


def finer(desk: Desk) -> None:
    """Let the instrument be counted in finer ticks from now on."""
    desk.market.take(an_update(an_instrument(tick_size=Decimal("0.5")), 1))
    desk.gateway.on_market(an_update())


def test_orders_in_other_steps_are_taken_off() -> None:
    async def scenario(desk: Desk) -> None:
        desk.learn()
        desk.place("a", lots=3, price=90)
        await asyncio.sleep(TRAVEL_S)
        finer(desk)
        await asyncio.sleep(TRAVEL_S)

        assert desk.states() == {"a": "canceled"}

    simulated(scenario)


def test_orders_of_the_run_before_in_other_steps_are_taken_off() -> None:
    async def scenario(desk: Desk) -> None:
        after_a_crash(ACKED, price=90)(desk)
        finer(desk)
        await asyncio.sleep(TRAVEL_S)

        assert desk.states() == {"a": "canceled"}

    simulated(scenario)


def test_an_empty_ledger_has_nothing_to_tell() -> None:
    async def scenario(desk: Desk) -> None:
        desk.gateway.take_back(desk.ledger)
        await asyncio.sleep(TRAVEL_S)

        assert desk.told == []

    simulated(scenario)
