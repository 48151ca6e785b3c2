"""The simulated market under the names of a real venue, whose matching meets the same market.

Trades and books go to the exchange first and then to whoever watches: an engine may be late, or
dead, and the exchange is not.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from engine.execution.paper import PaperMarket
from engine.fake.trading.exchange import FakeExchange
from engine.fake.trading.filters import SymbolRules
from engine.fake.trading.hands import Hands
from engine.model.envelope import Event
from engine.model.instrument import Instrument, InstrumentId, instrument_id, symbol_of
from engine.model.market import (
    BookDelta,
    BookSnapshot,
    BookState,
    InstrumentUpdated,
    Level,
    MarketEvent,
    MarkPrice,
    Trade,
)
from engine.model.numbers import decimals_of
from tests.sim.markets import Market

VENUE: Final = "binance_futures"
SYMBOLS: Final = {"BTC-PERP": "BTCUSDT", "ETH-PERP": "ETHUSDT"}
QUOTE: Final = "USDT"
FINER: Final = {Decimal("0.5"): Decimal("0.1")}
"""What a tick is changed to; every price of the market fits both."""


class TrueBook:
    """A book that misses nothing."""

    def __init__(self) -> None:
        self.state: BookState = "waiting"
        self.last_seq = 0
        self._sizes: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._prices: tuple[list[int], list[int]] = ([], [])

    def levels(self, *, is_bid: bool) -> Iterator[Level]:
        """Iterate over one side, best first."""
        sizes, prices = self._sizes[is_bid], self._prices[is_bid]
        for price in reversed(prices) if is_bid else prices:
            yield price, sizes[price]

    def size_at(self, price_ticks: int, *, is_bid: bool) -> int:
        """Return the size at a price."""
        return self._sizes[is_bid].get(price_ticks, 0)

    def take(self, event: BookSnapshot | BookDelta) -> None:
        """Take in what the market says of its book."""
        if isinstance(event, BookSnapshot):
            self._sizes, self._prices = ({}, {}), ([], [])
            self.state = "live"
        self.last_seq = event.last_seq
        for side, levels in enumerate((event.asks, event.bids)):
            sizes, prices = self._sizes[side], self._prices[side]
            for price, size in levels:
                if size:
                    if price not in sizes:
                        insort(prices, price)
                    sizes[price] = size
                elif sizes.pop(price, None) is not None:
                    del prices[bisect_left(prices, price)]


class ExchangeMarket:
    """A market that is traded at the exchange, too.

    Args:
        market: The simulated one.
        exchange: Its symbols are listed here.
        on_change: Is called when the exchange has seen more of the market.
    """

    def __init__(
        self,
        market: Market,
        exchange: FakeExchange,
        on_change: Callable[[], None],
        start_ns: int,
    ) -> None:
        self._market = market
        self._on_change = on_change
        self._exchange = exchange
        self._hands = Hands(exchange)
        self._names: dict[InstrumentId, InstrumentId] = {}
        self._inner: dict[InstrumentId, InstrumentId] = {}
        self._known: dict[InstrumentId, InstrumentUpdated] = {}
        self._news: list[Event] = []
        self.books: dict[InstrumentId, TrueBook] = {}
        self.opening(start_ns)

    def opening(self, now_ns: int) -> list[Event]:
        """Return what somebody sees who begins to watch now."""
        return self._seen(self._market.opening(now_ns), now_ns, is_opening=True)

    def advance(self, now_ns: int) -> list[Event]:
        """Return what has happened since the last look."""
        self._exchange.advance(now_ns)
        news, self._news = self._news, []
        seen = self._seen(self._market.advance(now_ns), now_ns, is_opening=False)
        self._on_change()
        return [*news, *seen]

    def snapshot(self, name: InstrumentId) -> BookSnapshot | None:
        """Return a whole book."""
        found = self._market.snapshot(self._inner.get(name, name))
        return None if found is None else msgspec.structs.replace(found, instrument_id=name)

    def change_tick(self, name: InstrumentId, now_ns: int) -> None:
        """Let the venue make an instrument's tick finer, if it is not yet."""
        known = self._known[name]
        tick = known.instrument.tick_size
        if tick not in FINER:
            return
        changed = msgspec.structs.replace(known.instrument, tick_size=FINER[tick])
        self._known[name] = msgspec.structs.replace(known, instrument=changed)
        self._news.append(self._known[name])
        rules, market = self._listed(changed, known)
        self._hands.change_filters(rules, market, now_ns)

    def set_trading(
        self, name: InstrumentId, now_ns: int, *, is_trading: bool, halted: str = "BREAK"
    ) -> None:
        """Halt an instrument, or let it be traded again; `halted` is the venue's word for it."""
        del now_ns
        known = self._known[name]
        changed = msgspec.structs.replace(known.instrument, is_trading=is_trading)
        self._known[name] = msgspec.structs.replace(known, instrument=changed)
        self._news.append(self._known[name])
        self._hands.set_status(symbol_of(name), "TRADING" if is_trading else halted)

    def _seen(self, events: Sequence[Event], now_ns: int, *, is_opening: bool) -> list[Event]:
        seen: list[Event] = []
        for event in events:
            if isinstance(event, InstrumentUpdated):
                seen.append(self._described(event))
                continue
            assert isinstance(event, MarketEvent)
            inner = event.instrument_id
            named: Event = msgspec.structs.replace(event, instrument_id=self._names[inner])
            self._show(named, now_ns, is_opening=is_opening)
            seen.append(named)
        return seen

    def _show(self, event: Event, now_ns: int, *, is_opening: bool) -> None:
        match event:
            case Trade() if not is_opening:
                symbol = symbol_of(event.instrument_id)
                self._exchange.on_trade(symbol, event.price_ticks, event.qty_lots, now_ns)
            case BookSnapshot() | BookDelta():
                self.books[event.instrument_id].take(event)
                self._exchange.on_book(symbol_of(event.instrument_id), now_ns)
            case MarkPrice():
                symbol = symbol_of(event.instrument_id)
                if not (is_opening and symbol in self._exchange.desk.marks):  # It is an old one.
                    self._exchange.on_mark(symbol, event.mark, now_ns)

    def _described(self, event: InstrumentUpdated) -> InstrumentUpdated:
        """Describe an instrument as the venue does, and list it when it is first seen."""
        inner = event.instrument.instrument_id
        known = self._names.get(inner)
        if known is not None:
            return self._known[known]
        name = instrument_id(VENUE, SYMBOLS[symbol_of(inner)])
        self._names[inner], self._inner[name] = name, inner
        described = msgspec.structs.replace(event.instrument, instrument_id=name, quote=QUOTE)
        told = msgspec.structs.replace(event, instrument=described)
        self._known[name] = told
        self.books[name] = TrueBook()
        self._exchange.list_symbol(*self._listed(described, told))
        return told

    def _listed(
        self, instrument: Instrument, told: InstrumentUpdated
    ) -> tuple[SymbolRules, PaperMarket]:
        tick, lot = instrument.tick_size, instrument.lot_size
        assert tick is not None
        assert lot is not None
        assert told.price_decimals >= decimals_of(tick)
        rules = SymbolRules(
            symbol=symbol_of(instrument.instrument_id),
            base=instrument.base,
            tick=tick,
            step=lot,
            qty_min=lot,
        )
        tick_units = int(tick.scaleb(told.price_decimals))
        lot_units = int(lot.scaleb(told.qty_decimals))
        book = self.books[instrument.instrument_id]
        return rules, PaperMarket(book, tick_units, lot_units, tick, lot, QUOTE)
