"""Short ways to say what a test is about; whatever it does not name is ordinary.

Prices and sizes are plain numbers of ticks and lots, both scales without decimals unless a test
says otherwise, times are milliseconds after `START_NS`.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Self

import msgspec

from engine.detection.base import Scales, Setting
from engine.detection.wall import WallDetector
from engine.execution.ledger import Ledger
from engine.execution.ledger_orders import OrderRecord
from engine.execution.limits import paper_limits
from engine.ingest.book import Book, Verdict
from engine.kernel.desk import Desk, DeskSetup
from engine.kernel.kernel import Kernel
from engine.kernel.state import InstrumentState, KernelState, SignalIds
from engine.kernel.timers import Timers
from engine.kernel.views import RunFacts, Wish
from engine.model.commands import Action, CommandOutcome, ConfirmLevel, OperatorCommand, SubmitOrder
from engine.model.effects import CommandResult, Effect, Record, SetTimer
from engine.model.envelope import Envelope, Event, RunStarted
from engine.model.facts import Fact, OrderAcked, OrderFilled, OrderIntended, TradingStateSet
from engine.model.instrument import Instrument, InstrumentId, SequenceRule
from engine.model.market import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Candle,
    FeedDown,
    FeedUp,
    InstrumentUpdated,
    Level,
    MarkPrice,
    Trade,
)
from engine.model.numbers import NS_PER_MS, NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import HAND, OrderIntent, OrderSpec

BTC = InstrumentId("test:BTCUSDT")
ETH = InstrumentId("test:ETHUSDT")
FEED = "feed:test/public"
REST = "feed:test/rest"

MINUTE_NS = 60 * NS_PER_S
START_NS = 1_700_000_040 * NS_PER_S
"""The beginning of a minute, but of no longer candle."""


def at(ms: float) -> int:
    """Return the time that lies so many milliseconds after the start."""
    return START_NS + int(ms * NS_PER_MS)


def levels(text: str) -> list[Level]:
    """Return price and size pairs, written `100x5 99x3`."""
    pairs = (pair.split("x") for pair in text.split())
    return [(int(price), int(size)) for price, size in pairs]


def shown(book: Book) -> str:
    """Return a book as text, best levels first: `100x5 99x3 | 101x2`."""
    sides = (book.levels(is_bid=is_bid) for is_bid in (True, False))
    return " | ".join(" ".join(f"{price}x{size}" for price, size in side) for side in sides)


def an_instrument(
    instrument_id: InstrumentId = BTC, rule: SequenceRule = "contiguous_ids", **changed: object
) -> Instrument:
    fields: dict = {"quote": "USDT", "tick_size": Decimal(1), "lot_size": Decimal(1)} | changed
    return Instrument(instrument_id, rule, **fields)


def an_update(
    instrument: Instrument | None = None, price_decimals: int = 0, qty_decimals: int = 0
) -> InstrumentUpdated:
    return InstrumentUpdated(instrument or an_instrument(), price_decimals, qty_decimals)


def a_snapshot(
    bids: str = "100x5", asks: str = "101x5", seq: int = 10, instrument_id: InstrumentId = BTC
) -> BookSnapshot:
    return BookSnapshot(instrument_id, levels(bids), levels(asks), seq)


def a_delta(
    first: int,
    last: int | None = None,
    bids: str = "",
    asks: str = "",
    *,
    prev: int | None = None,
    instrument_id: InstrumentId = BTC,
) -> BookDelta:
    """Return changes with ids `first` to `last`, after an event that ended just before."""
    return BookDelta(
        instrument_id,
        levels(bids),
        levels(asks),
        first,
        first if last is None else last,
        first - 1 if prev is None else prev,
    )


def a_trade(
    price: int = 100, qty: int = 1, *, sells: bool = False, ms: float = 0, **changed: object
) -> Trade:
    """Return a print of a taker who buys unless he sells; a run numbers those without an id."""
    fields: dict = {"trade_id": 0, "ts_venue_ns": at(ms)} | changed
    return Trade(fields.pop("instrument_id", BTC), price, qty, not sells, **fields)


def a_quote(bid: str = "100x5", ask: str = "101x5", update_id: int = 11) -> BestQuote:
    (bid_level,), (ask_level,) = levels(bid), levels(ask)
    return BestQuote(BTC, *bid_level, *ask_level, update_id)


def a_mark(mark: str = "100.5", index: str | None = "100.4", **changed: object) -> MarkPrice:
    fields: dict = {"funding_rate": Decimal("0.0001"), "next_funding_ns": at(3_600_000)} | changed
    return MarkPrice(BTC, Decimal(mark), Decimal(index) if index else None, ts_venue_ns=0, **fields)


def a_candle(
    prices: Sequence[int] = (100, 110, 90, 105), *, minute: int = 0, **changed: object
) -> Candle:
    """Return the venue's candle of a minute after the start; prices are open, high, low, close."""
    fields: dict = {
        "timeframe_s": 60,
        "open_ns": START_NS + minute * MINUTE_NS,
        "volume_lots": 7,
        "trade_count": 3,
        "is_closed": True,
    } | changed
    open_ticks, high, low, close = prices
    return Candle(
        fields.pop("instrument_id", BTC),
        open_ticks=open_ticks,
        high_ticks=high,
        low_ticks=low,
        close_ticks=close,
        **fields,
    )


def a_book(
    bids: str = "100x5", asks: str = "101x5", seq: int = 10, rule: SequenceRule = "contiguous_ids"
) -> Book:
    """Return a live book whose snapshot had this number."""
    book = Book(rule)
    assert book.apply_snapshot(a_snapshot(bids, asks, seq), at(0)) is Verdict.APPLIED
    return book


def a_wall_detector(threshold_usd: float = 25_000.0, scales: Scales | None = None) -> WallDetector:
    setting = Setting(an_instrument(), threshold_usd)
    return WallDetector(setting, scales or Scales(0, 0), SignalIds().take)


class Run:
    """A kernel with its timers, told one event after the other."""

    def __init__(self, setup: DeskSetup | None = None) -> None:
        self.kernel = Kernel(KernelState(setup))
        self.timers = Timers()
        self.ms = 0.0
        self.effects: list[Effect] = []
        """Of the last call, timers left out."""
        self._trade_id = 0

    @property
    def state(self) -> KernelState:
        """What the kernel keeps."""
        return self.kernel.state

    @property
    def market(self) -> InstrumentState:
        """What it keeps of the usual instrument."""
        return self.state.instruments[BTC]

    @property
    def now_ns(self) -> int:
        """The time of the run."""
        return at(self.ms)

    @property
    def said(self) -> list[str]:
        """The texts for people, oldest first."""
        return [notice.text for notice in self.state.notices]

    def take(self, *events: Event, source: str = FEED) -> Self:
        """Hand over events that arrive now."""
        self.effects = []
        for event in events:
            self._step(self.now_ns, source, event)
        return self

    def wait(self, ms: float) -> Self:
        """Let time pass and timers fire."""
        self.effects = []
        self.ms += ms
        while (due_ns := self.timers.next_ns) is not None and due_ns <= self.now_ns:
            self._step(due_ns, "timer", self.timers.pop())
        return self

    def asked(self, kind: type) -> list:
        """Return the effects of one kind that the last call had."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def _step(self, ts_ns: int, source: str, event: Event) -> None:
        seq = self.state.seq + 1
        if isinstance(event, Trade) and not event.trade_id:
            self._trade_id += 1
            event = msgspec.structs.replace(event, trade_id=self._trade_id)
        for effect in self.kernel.step(Envelope(seq, ts_ns, source, event)):
            if isinstance(effect, SetTimer):
                self.timers.set(effect)
            else:
                self.effects.append(effect)


def a_kernel(instrument: Instrument | None = None) -> Run:
    """Return a run that has a connection and knows one instrument, without a book yet."""
    run = Run().take(RunStarted("run-1", "0.1"), source="engine")
    return run.take(FeedUp(FEED), an_update(instrument))


def a_live_kernel(bids: str = "100x5", asks: str = "101x5", instrument: Instrument | None = None):
    """Return a run whose book is whole; the last number is 10, the next one is 11."""
    run = a_kernel(instrument).take(a_delta(10, bids="1x1", prev=9))
    return run.take(a_snapshot(f"{bids} 1x1", asks, seq=10), source=REST)


class Trader(Run):
    """A kernel whose operator gives orders; a lot at a tick is a dollar, BTC stands at 1,000."""

    @property
    def desk(self) -> Desk:
        """The trading side."""
        return self.state.desk

    @property
    def ledger(self) -> Ledger:
        """What the facts amount to."""
        return self.desk.ledger

    @property
    def facts(self) -> list[Fact]:
        """What the last call recorded."""
        return [effect.fact for effect in self.asked(Record)]

    @property
    def newest(self) -> OrderRecord:
        """The order that was intended last."""
        return list(self.ledger.orders.values())[-1]

    def say(
        self,
        *actions: Action,
        confirm: ConfirmLevel = 0,
        word: str = "",
        is_dry: bool = False,
        line: str = "a line",
    ) -> CommandOutcome:
        """Give a command with this much confirmation, and return what became of it."""
        command = OperatorCommand(1, "me", line, actions, confirm, word, is_dry)
        self.take(command, source="me")
        (result,) = self.asked(CommandResult)
        return result.outcome

    def ask(self, *actions: Action) -> CommandOutcome:
        """Look at what a command would do."""
        return self.say(*actions, is_dry=True)

    def do(self, *actions: Action) -> CommandOutcome:
        """Give a command with all the confirmation that it asks for."""
        return self.say(*actions, confirm=3, word=self.ask(*actions).word)

    def works(
        self, side: str = "sell", lots: int = 1, price: int | None = 1_010, **changed: object
    ) -> str:
        """Let an order work, past the gate and long ago; return its id."""
        around = {name: changed.pop(name) for name in ("owner", "is_protective") if name in changed}
        is_acked = changed.pop("is_acked", True)
        fields: dict = {
            "instrument_id": BTC,
            "side": side,
            "type": "limit",
            "qty_lots": lots,
            "limit_ticks": price,
        } | changed
        cid = self.ledger.next_client_order_id()
        intent = OrderIntent(OrderSpec(**fields), **around)  # type: ignore[arg-type]  # whatever a test changes
        self.ledger.apply(OrderIntended(at(-7_200_000), cid, intent, 7))
        if is_acked:
            self.ledger.apply(OrderAcked(at(-7_200_000), cid, f"v-{cid}"))
        return cid

    def stops(
        self, side: str = "sell", lots: int = 1, trigger: int = 950, **changed: object
    ) -> str:
        """Let a protective stop work; return its id."""
        fields: dict = {
            "type": "stop",
            "trigger_ticks": trigger,
            "is_reduce_only": True,
            "is_protective": True,
        } | changed
        return self.works(side, lots, None, **fields)

    def holds(self, lots: int, price: int = 1_000, owner: str = HAND, **changed: object) -> Self:
        """Give an owner a position, past the gate and long ago."""
        cid = self.works("buy" if lots > 0 else "sell", abs(lots), price, owner=owner, **changed)
        self.ledger.apply(a_fill(cid, abs(lots), price))
        return self


def a_fill(cid: str, lots: int = 1, price: int = 1_000, **changed: object) -> OrderFilled:
    """Return a fill without a fee."""
    fields: dict = {
        "trade_id": f"t-{cid}-{lots}-{price}",
        "liquidity": "taker",
        "fee": Decimal(0),
        "fee_currency": "USDT",
        "price_ticks": PriceTicks(price),
        "qty_lots": QtyLots(lots),
    } | changed
    return OrderFilled(at(0), cid, **fields)


def a_trader(
    bids: str = "1000x50 999x50",
    asks: str = "1001x50 1002x50",
    *,
    is_armed: bool = True,
    is_live: bool = False,
    instrument: Instrument | None = None,
    **limits: object,
) -> Trader:
    """Return a desk with a live book; every limit that is not named is that of paper."""
    changed: dict = {"duplicate_window_s": 0} | limits
    setup = DeskSetup(
        "test",
        is_live=is_live,
        starts_armed=is_armed,
        limits=msgspec.structs.replace(paper_limits(), **changed),
    )
    trader = Trader(setup)
    trader.take(RunStarted("run-1", "0.1"), source="engine").take(FeedUp(FEED))
    trader.take(an_update(instrument or an_instrument(is_trading=True)))
    trader.take(a_delta(10, bids="1x1", prev=9))
    trader.take(a_snapshot(bids, asks), source=REST)
    return trader


def buy(lots: object = 1, price: object = 1_000, **changed) -> SubmitOrder:
    """A limit order to buy, a market order without a price."""
    kind = "market" if price is None else "limit"
    fields: dict = {"side": "buy", "type": kind, "price": price and Decimal(str(price))} | changed
    return SubmitOrder(fields.pop("instrument_id", BTC), size=Decimal(str(lots)), **fields)


def sell(lots: object = 1, price: object = 1_010, **changed) -> SubmitOrder:
    """A limit order to sell."""
    return buy(lots, price, side="sell", **changed)


def stop_sell(lots: int = 1, trigger: int = 950) -> SubmitOrder:
    """A protective stop of a long position."""
    fields = {"trigger": Decimal(trigger), "is_reduce_only": True, "is_protective": True}
    return sell(lots, None, type="stop", **fields)


def set_state(trader: Trader, scope: str, state: str, reason: str = "a test") -> None:
    trader.ledger.apply(TradingStateSet(at(0), scope, state, reason))  # type: ignore[arg-type]  # one of the states


def down(feed: str = FEED, attempt: int = 1) -> FeedDown:
    return FeedDown(feed, "connection reset", at(5_000), attempt)


def a_wish(**changed: object) -> Wish:
    fields: dict = {
        "instrument_id": BTC,
        "timeframe_s": 60,
        "book_rows": 10,
        "book_group": 1,
        "chart_candles": 10,
        "tape_rows": 10,
    }
    return Wish(**(fields | changed))


def some_facts(**changed: object) -> RunFacts:
    fields: dict = {
        "mode": "sim",
        "venue": "test",
        "events_per_s": 1.5,
        "inbox_depth": 2,
        "started_ns": at(0),
    }
    return RunFacts(**(fields | changed))
