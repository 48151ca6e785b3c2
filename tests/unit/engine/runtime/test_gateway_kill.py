"""What a kill needs of gateway and host: every instrument, and what ends many orders first."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from engine.execution.paper import PaperMarket
from engine.fake.trading.filters import SymbolRules
from engine.kernel.desk import DeskSetup
from engine.kernel.state import KernelState
from engine.model import account as a
from engine.model import facts as f
from engine.model.commands import EngageKill, OperatorCommand
from engine.model.effects import (
    CancelAllOrders,
    CancelShown,
    Effect,
    RequestReport,
    SendCancel,
    VenueRequest,
)
from engine.model.envelope import Event
from engine.model.instrument import InstrumentId
from engine.runtime.clock import LoopClock
from engine.runtime.gateway import CANCELS_MAX, LISTING_NS
from engine.runtime.host import EngineHost, RunPlan
from tests.builders import START_NS
from tests.fakes.venue_client import signed
from tests.order_facts import an_intent
from tests.unit.engine.kernel.live_desk import RULES
from tests.unit.engine.runtime.gateway_desk import BTC, SOON_S, SYMBOL, Desk, simulated

INFO = "/fapi/v1/exchangeInfo"
ALL = "/fapi/v1/allOpenOrders"
ETH = InstrumentId("binance_futures:ETHUSDT")
ALGO = "/fapi/v1/algoOrder"
UNKNOWN = InstrumentId("binance_futures:NONEUSDT")


def made_elsewhere(desk: Desk) -> None:
    """Let an order rest in an instrument that nobody watches."""
    one = Decimal(1)
    rules = SymbolRules(symbol="ETHUSDT", base="ETH", tick=one, step=one, qty_min=one)
    market = PaperMarket(desk.market.state.instruments[BTC].book, 1, 1, one, one, "USDT")
    desk.exchange.list_symbol(rules, market)
    wanted = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    wanted |= {"quantity": "3", "price": "95", "newClientOrderId": "web_1"}
    request = signed("POST", "/fapi/v1/order", wanted, desk.clock.now_ns())
    assert desk.exchange.handle(request, desk.clock.now_ns()).status == 200


def closes_all(desk: Desk) -> None:
    """Let a stop rest that closes whatever is held, made on the venue's page."""
    wanted = {"algoType": "CONDITIONAL", "symbol": SYMBOL, "side": "SELL", "type": "STOP_MARKET"}
    wanted |= {"triggerPrice": "90", "closePosition": "true", "clientAlgoId": "web_1"}
    request = signed("POST", ALGO, wanted, desk.clock.now_ns())
    answer = desk.exchange.handle(request, desk.clock.now_ns())
    assert answer.status == 200, answer.body


async def reported(desk: Desk, number: int) -> None:
    desk.gateway.serve(RequestReport(number, desk.clock.now_ns() - 10**9))
    await asyncio.sleep(SOON_S)


def test_orders_of_instruments_that_nobody_watches_are_seen_and_canceled() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        made_elsewhere(desk)

        await reported(desk, 1)

        (report,) = desk.heard(a.AccountReported)
        (seen,) = report.orders
        assert (seen.client_order_id, seen.instrument_id) == ("web_1", ETH)
        desk.gateway.serve(CancelAllOrders(ETH))
        await asyncio.sleep(SOON_S)
        assert desk.exchange.desk.open_orders("ETHUSDT") == []

    simulated(scenario)


def test_the_listing_is_asked_for_once_and_again_some_time_after_a_report_that_failed() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await reported(desk, 1)
        await reported(desk, 2)
        assert desk.network.left("GET", INFO) == 1

        desk.network.dead = "openOrders"
        await reported(desk, 3)
        await asyncio.sleep(LISTING_NS / 1e9)
        await reported(desk, 4)
        desk.network.dead = ""
        await reported(desk, 5)

        assert desk.network.left("GET", INFO) == 2
        assert [one.number for one in desk.heard(a.ReportFailed)] == [3, 4]
        assert [one.number for one in desk.heard(a.AccountReported)] == [1, 2, 5]

    simulated(scenario)


def test_without_the_listing_a_report_is_no_information() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.network.dead = INFO
        await reported(desk, 1)

        assert [one.number for one in desk.heard(a.ReportFailed)] == [1]

    simulated(scenario)


def test_what_ends_many_orders_waits_for_no_single_cancel_and_is_not_sent_without_end() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        names = [f"a{number}" for number in range(40)]
        for name in names:
            await desk.rest_order(name)
        desk.network.connect_s = 5
        for name in names:
            desk.gateway.cancel(name)
        for _ in range(2 * CANCELS_MAX):
            desk.gateway.serve(CancelAllOrders(BTC))
        await asyncio.sleep(5 + SOON_S)
        assert desk.network.left("DELETE", ALL) == CANCELS_MAX

        desk.gateway.serve(CancelAllOrders(BTC))
        await asyncio.sleep(10 + SOON_S)
        assert desk.network.left("DELETE", ALL) == CANCELS_MAX + 1

    simulated(scenario)


def test_an_order_that_closes_whatever_is_held_is_canceled_by_its_name() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        closes_all(desk)
        shown = CancelShown("web_1", BTC, "stop")
        desk.network.connect_s = 3
        for _ in range(2 * CANCELS_MAX):
            desk.gateway.serve(shown)
        await asyncio.sleep(3 + SOON_S)

        assert desk.network.left("DELETE", ALGO) == CANCELS_MAX
        assert desk.exchange.algos.open_algos() == []
        assert desk.kinds() == [], "nothing is told of an order that nobody counts"
        desk.gateway.serve(CancelShown("web_2", UNKNOWN, "stop"))
        await asyncio.sleep(10)
        assert desk.network.left("DELETE", ALGO) == CANCELS_MAX

    simulated(scenario)


class Way:
    """Notes in which order things leave."""

    def __init__(self) -> None:
        self.left: list[str] = []

    def take(self, effects: Sequence[Effect], decided_ns: int) -> None:
        """Be the trading shell."""
        self.left += ["cancel" for one in effects if isinstance(one, SendCancel)]

    def kill_seen(self) -> None:
        """Be the trading shell."""

    def serve(self, request: VenueRequest) -> None:
        """Be the gateway."""
        self.left.append("cancel all")

    def on_market(self, event: Event) -> None:
        """Be the gateway."""


def test_the_cancel_of_all_leaves_before_those_of_single_orders() -> None:
    async def scenario(_: Desk) -> None:
        state = KernelState(DeskSetup(rules=RULES))
        for name in ("a", "b"):
            state.desk.ledger.apply(f.OrderIntended(START_NS, name, an_intent(), 1))
            state.desk.ledger.apply(f.OrderAcked(START_NS, name, f"v-{name}"))
        plan = RunPlan(mode="live", venue="test", run_id="run", version="0")
        host, way = EngineHost(plan, LoopClock(START_NS), state), Way()
        host.attach(way, way)  # type: ignore[arg-type]  # it stands in for both

        host._step("me", OperatorCommand(1, "me", "kill", (EngageKill("enough"),)))

        assert way.left == ["cancel all", "cancel", "cancel"]

    simulated(scenario)
