"""The engine's wire and the fake exchange were written apart; here they understand each other."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.hands import Hands
from engine.fake.trading.way import venue_request
from engine.model import facts as f
from engine.model.account import (
    BalanceSeen,
    CashSeen,
    OrderAnswered,
    OrderSeen,
    PositionSeen,
    RightsSeen,
)
from engine.model.envelope import Event
from engine.model.instrument import Instrument, InstrumentId
from engine.model.numbers import NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import OrderIntent, OrderSpec
from engine.venues.base import Endpoints
from engine.venues.binance.trade_wire import BinanceTradeWire
from engine.venues.trading import Credentials, TradeAnswer, TradeRequest
from tests.fakes.venue_client import VenueClient

BTC = InstrumentId("binance_futures:BTCUSDT")
HOST = "http://127.0.0.1:9001"


class Agreement:
    """One wire that talks with one exchange, without anything between them."""

    def __init__(self) -> None:
        self.client = VenueClient()
        endpoints = Endpoints(rest=HOST, stream="ws://127.0.0.1:9001")
        self.wire = BinanceTradeWire(endpoints, Credentials(TEST_KEY, TEST_SECRET))
        self.wire.learn(
            Instrument(
                BTC, "previous_id", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), is_trading=True
            )
        )
        self.told: list[Event] = []

    def listen(self) -> None:
        """Open the private stream as the wire plans it."""
        opening = self.wire.open_stream()
        assert opening is not None
        plan = self.wire.stream_plan(self.send(opening)[1])
        key = plan.url.partition("listenKey=")[2]
        self.client.exchange.open_stream(key, self._hear, print, self.client.now_ns)

    def ask(self, request: TradeRequest) -> TradeAnswer:
        """Return what the wire makes of the answer to a request."""
        return self.send(request)[0]

    def all_rows(self, requests: Sequence[TradeRequest]) -> list[object]:
        """Return the rows of requests, followed to their last pages."""
        rows: list[object] = []
        for first in requests:
            request: TradeRequest | None = first
            while request is not None:
                answer = self.ask(request)
                assert answer.verdict == "confirmed", answer
                rows += answer.rows
                request = answer.next_page
        return rows

    def send(self, request: TradeRequest) -> tuple[TradeAnswer, bytes]:
        """Return what the wire makes of the answer, and its body."""
        now_ns = self.client.now_ns
        call = self.wire.sign(request, now_ns)
        came = venue_request(call.method, call.url, call.headers, call.body)
        reply = self.client.exchange.handle(came, now_ns)
        answer = self.wire.decode(request, reply.status, reply.headers, reply.body, now_ns)
        return answer, reply.body

    def place(self, name: str, spec: OrderSpec) -> TradeAnswer:
        """Place an order."""
        return self.ask(self.wire.place(name, OrderIntent(spec)))

    def _hear(self, frame: bytes) -> None:
        self.told += self.wire.receive(frame, self.client.now_ns)


@pytest.fixture
def both() -> Agreement:
    return Agreement()


def limit(side: str = "buy", price: int = 999, lots: int = 1_000, **more: object) -> OrderSpec:
    return OrderSpec(BTC, side, "limit", QtyLots(lots), PriceTicks(price), **more)  # type: ignore[arg-type]  # whatever a test changes


def market(side: str = "buy", lots: int = 1_000, **more: object) -> OrderSpec:
    return OrderSpec(BTC, side, "market", QtyLots(lots), **more)  # type: ignore[arg-type]  # whatever a test changes


def stop(trigger: int = 990) -> OrderSpec:
    return OrderSpec(
        BTC,
        "sell",
        "stop",
        QtyLots(1_000),
        trigger_ticks=PriceTicks(trigger),
        is_reduce_only=True,
    )


def fills_told(both: Agreement) -> list[f.OrderFilled]:
    return [fill for event in both.told if isinstance(event, OrderAnswered) for fill in event.fills]


def kinds(events: Sequence[object]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_an_order_is_placed_told_and_filled(both: Agreement):
    both.listen()

    answer = both.place("a", market())

    assert answer.verdict == "confirmed"
    fills = fills_told(both)
    assert [(fill.client_order_id, fill.price_ticks, fill.qty_lots) for fill in fills] == [
        ("a", 1_001, 1_000)
    ]
    assert fills[0].fee == Decimal("0.05005")


@pytest.mark.parametrize(
    "spec",
    [
        limit(lots=20_000_000, price=1_001, tif="fok"),
        limit(is_reduce_only=True),
        limit(lots=10**9),
        limit(lots=1, price=1),
        limit(lots=3_000_000),
    ],
)
def test_what_the_exchange_refuses_is_refused(both: Agreement, spec: OrderSpec):
    answer = both.place("a", spec)

    assert answer.verdict == "refused", answer
    assert kinds(answer.events) == ["OrderRejected"]


def test_a_post_only_order_that_would_take_lapses(both: Agreement):
    answer = both.place("a", limit(price=1_001, is_post_only=True))

    assert (answer.verdict, kinds(answer.events)) == ("refused", ["OrderExpired"])


def test_an_order_is_amended_and_canceled(both: Agreement):
    both.listen()
    both.place("a", limit())
    changed = both.ask(both.wire.amend("a", OrderIntent(limit()), PriceTicks(998), QtyLots(2_000)))
    canceled = both.ask(both.wire.cancel("a", BTC, "limit"))
    gone = both.ask(both.wire.cancel("a", BTC, "limit"))

    assert (changed.verdict, canceled.verdict) == ("confirmed", "confirmed")
    assert kinds(gone.events) in ([], ["CancelRejected"])
    seen = [event.order for event in both.told if isinstance(event, OrderAnswered)]
    states = [(order.state, order.limit_ticks, order.qty_lots) for order in seen if order]
    assert states == [
        ("open", 999, 1_000),
        ("open", 998, 2_000),
        ("canceled", 998, 2_000),
    ]


def test_a_stop_is_seen_before_and_after_it_triggers(both: Agreement):
    both.listen()
    both.place("in", market())
    placed = both.place("s", stop())
    [waiting] = both.all_rows([both.wire.query("s", BTC, "stop")])

    both.client.exchange.on_trade("BTCUSDT", 990, 1, both.client.now_ns)
    [ended] = both.all_rows([both.wire.query("s", BTC, "stop")])

    assert placed.verdict == "confirmed"
    assert isinstance(waiting, OrderSeen)
    assert isinstance(ended, OrderSeen)
    assert (waiting.state, ended.state, ended.filled_lots) == ("open", "filled", 1_000)
    fills = fills_told(both)
    assert [fill.client_order_id for fill in fills] == ["in", "s"]


def test_canceling_a_waiting_stop(both: Agreement):
    both.place("s", stop())

    answer = both.ask(both.wire.cancel("s", BTC, "stop"))

    assert answer.verdict == "confirmed"
    assert both.client.exchange.algos.open_algos() == []


def test_an_order_that_never_came_is_not_found(both: Agreement):
    for kind in ("limit", "stop"):
        answer = both.ask(both.wire.query("never", BTC, kind))
        assert (answer.verdict, answer.rows) == ("confirmed", ())


def test_a_report_shows_the_whole_account(both: Agreement):
    since_ns = both.client.now_ns - 60 * NS_PER_S
    both.place("in", market(lots=2_000))
    both.place("a", limit())
    both.place("s", stop())
    hands = Hands(both.client.exchange)
    hands.place("BTCUSDT", "BUY", Decimal(1), both.client.now_ns, Decimal(99))
    hands.fund("BTCUSDT", Decimal("0.001"), both.client.now_ns)
    both.client.wait(1)

    rows = both.all_rows(both.wire.report(since_ns, both.client.now_ns))

    orders = [row for row in rows if isinstance(row, OrderSeen)]
    assert sorted(order.client_order_id for order in orders) == ["a", "s", "web_1"]
    [position] = [row for row in rows if isinstance(row, PositionSeen)]
    assert (position.lots, position.entry_price) == (2_000, Decimal("100.1"))
    [balance] = [row for row in rows if isinstance(row, BalanceSeen)]
    assert balance.amount == both.client.exchange.account.cash
    [cash] = [row for row in rows if isinstance(row, CashSeen)]
    assert (cash.kind, cash.amount) == ("funding", Decimal("-0.2"))
    [fill] = [row for row in rows if isinstance(row, f.OrderFilled)]
    assert fill.qty_lots == 2_000


def test_the_fills_of_an_order_come_to_the_last_page(both: Agreement):
    both.place("a", market(lots=12_000))
    [seen] = both.all_rows([both.wire.query("a", BTC, "market")])
    assert isinstance(seen, OrderSeen)

    fills = both.all_rows([both.wire.order_fills(BTC, seen.venue_order_id)])

    assert [fill.qty_lots for fill in fills if isinstance(fill, f.OrderFilled)] == [10_000, 2_000]


def test_rights_time_dead_man_and_the_limits_in_use(both: Agreement):
    rights = both.wire.rights()
    assert rights is not None
    [seen] = both.all_rows([rights])
    dead_man = both.ask(both.wire.dead_man(BTC, 120 * NS_PER_S))
    time, body = both.send(both.wire.time())

    assert seen == RightsSeen("binance_futures", may_trade=True, may_withdraw=False)
    assert dead_man.verdict == "confirmed"
    assert both.wire.venue_time_ns(body) == both.client.now_ns
    assert time.used_weight == 12


def test_everything_is_canceled(both: Agreement):
    both.place("a", limit())
    both.place("b", limit(price=998))

    answers = [both.ask(request) for request in both.wire.cancel_all(BTC)]

    assert [answer.verdict for answer in answers] == ["confirmed"] * len(answers)
    assert both.client.exchange.desk.open_orders() == []


def test_a_stream_that_expires_says_so(both: Agreement):
    both.listen()
    frames: list[bytes] = []
    exchange = both.client.exchange
    exchange.open_stream(exchange.streams.key, frames.append, print, both.client.now_ns)

    both.client.wait(3_600)

    assert [both.wire.is_expired(frame) for frame in frames] == [True]
