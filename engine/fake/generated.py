"""A generated market in Binance's own messages: a capture without a file, and without an end.

The market is that of the simulated venue; its instruments bear Binance's names here, `BTCUSDT`
for `BTC-PERP`.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from engine.fake.capture_scan import CaptureScan
from engine.fake.trading.filters import SymbolRules, info_row
from engine.model.envelope import Event
from engine.model.instrument import Instrument, InstrumentId, symbol_of
from engine.model.market import (
    BookDelta,
    BookSnapshot,
    Candle,
    InstrumentUpdated,
    Level,
    MarkPrice,
    Trade,
)
from engine.model.numbers import NS_PER_MS
from engine.venues.simulated.generator import SimulatedMarket
from storage.recording import CapturedFrame

VENUE: Final = "binance_futures"
SYMBOLS: Final = ("BTC-PERP", "ETH-PERP", "SOL-PERP")
STEP_NS: Final = 100 * NS_PER_MS
"""So much of the market is made at once."""

LINES: Final = 2**62
MINUTE_S: Final = 60
BOOKS: Final = "https://fapi.binance.com/fapi/v1/depth"

Message = tuple[str, dict[str, object]]
"""Name of the stream, without its symbol, and the payload."""


class GeneratedMarket:
    """What is played in place of a capture.

    Args:
        seed: Same seed and same start, same market.
        start_ns: When it opens.
    """

    def __init__(self, seed: int, start_ns: int) -> None:
        self._market = SimulatedMarket(SYMBOLS, seed, start_ns)
        self._start_ns = start_ns
        opening = self._market.opening()
        self._tapes = {
            event.instrument.instrument_id: _Tape(event.instrument)
            for event in opening
            if isinstance(event, InstrumentUpdated)
        }
        self._past = [event for event in opening if isinstance(event, Candle)]
        self._opening = [event for event in opening if not isinstance(event, Candle)]

    def scan(self) -> CaptureScan:
        """Return what a look through a capture would have found."""
        symbols = tuple(tape.rules.symbol for tape in self._tapes.values())
        info = {
            "timezone": "UTC",
            "serverTime": self._start_ns // NS_PER_MS,
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": [info_row(tape.rules) for tape in self._tapes.values()],
        }
        return CaptureScan(
            path=Path("generated"),
            venue=VENUE,
            lines=LINES,
            first_ns=self._start_ns,
            last_ns=LINES,
            symbols=symbols,
            snapshots=dict.fromkeys(symbols, 1),
            exchange_info=msgspec.json.encode(info),
            is_info_recorded=False,
            frames={},
        )

    def past(self) -> Iterator[str]:
        """Yield the klines of before."""
        for candle in self._past:
            for _, raw in self._tapes[candle.instrument_id].lines(
                candle, self._start_ns // NS_PER_MS
            ):
                yield raw

    def frames(self) -> Iterator[CapturedFrame]:
        """Yield the lines, for ever; they are made when they are asked for."""
        line = 0
        now_ns = self._start_ns
        events: Sequence[Event] = self._opening
        while True:
            for event in events:
                tape = self._tapes.get(getattr(event, "instrument_id", InstrumentId("")))
                for url, raw in () if tape is None else tape.lines(event, now_ns // NS_PER_MS):
                    line += 1
                    transport = "http" if url else "ws"
                    yield CapturedFrame(line, now_ns, VENUE, transport, "in", url, raw)
            now_ns += STEP_NS
            events = self._market.advance(now_ns)


class _Tape:
    """Writes the messages of one instrument."""

    def __init__(self, instrument: Instrument) -> None:
        tick, lot = instrument.tick_size, instrument.lot_size
        assert tick is not None, "the generator knows its steps"
        assert lot is not None, "the generator knows its steps"
        base = symbol_of(instrument.instrument_id).partition("-")[0]
        self.rules = SymbolRules(
            symbol=f"{base}USDT", base=base, tick=tick, price_min=tick, step=lot, qty_min=lot
        )
        self._price_unit = _unit(tick)
        self._size_unit = _unit(lot)
        self._sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        """Bids and asks."""

    def lines(self, event: object, ms: int) -> Iterator[tuple[str, str]]:
        """Yield URL and raw text of what an event becomes; streams have no URL."""
        symbol = self.rules.symbol
        match event:
            case BookSnapshot():
                self._sides = (dict(event.bids), dict(event.asks))
                whole: dict[str, object] = {"lastUpdateId": event.last_seq, "E": ms, "T": ms}
                whole |= {"bids": self._levels(event.bids), "asks": self._levels(event.asks)}
                yield f"{BOOKS}?symbol={symbol}&limit=1000", _text(whole)
            case BookDelta():
                yield "", self._framed("depth@100ms", self._delta(event, ms))
                yield "", self._framed("bookTicker", self._quote(event, ms))
            case Trade():
                for kind in ("trade", "aggTrade"):
                    yield "", self._framed(kind, self._print(event, kind, ms))
            case MarkPrice():
                yield "", self._framed("markPrice@1s", self._mark(event, ms))
            case Candle(timeframe_s=timeframe_s) if timeframe_s == MINUTE_S:
                yield "", self._framed("kline_1m", self._kline(event, ms))

    def _framed(self, kind: str, payload: dict[str, object]) -> str:
        stream = f"{self.rules.symbol.lower()}@{kind}"
        return _text({"stream": stream, "data": payload})

    def _delta(self, delta: BookDelta, ms: int) -> dict[str, object]:
        for side, levels in zip(self._sides, (delta.bids, delta.asks), strict=True):
            for price, size in levels:
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)
        return {
            "e": "depthUpdate",
            "E": ms,
            "T": ms,
            "s": self.rules.symbol,
            # One early, so that a book as of the event before joins by the venue's rule: its id
            # lies from U to u. The real one has ids in between that no stream tells.
            "U": delta.first_seq - 1,
            "u": delta.last_seq,
            "pu": delta.first_seq - 1,
            "b": self._levels(delta.bids),
            "a": self._levels(delta.asks),
        }

    def _quote(self, delta: BookDelta, ms: int) -> dict[str, object]:
        bids, asks = self._sides
        bid, ask = max(bids, default=0), min(asks, default=0)
        return {
            "e": "bookTicker",
            "u": delta.last_seq,
            "s": self.rules.symbol,
            "b": self._price(bid),
            "B": self._size(bids.get(bid, 0)),
            "a": self._price(ask),
            "A": self._size(asks.get(ask, 0)),
            "T": ms,
            "E": ms,
        }

    def _print(self, trade: Trade, kind: str, ms: int) -> dict[str, object]:
        number = {"t": trade.trade_id, "X": "MARKET"}
        if kind == "aggTrade":
            number = {"a": trade.trade_id, "f": trade.trade_id, "l": trade.trade_id}
        return {
            "e": kind,
            "E": ms,
            "T": trade.ts_venue_ns // NS_PER_MS,
            "s": self.rules.symbol,
            "p": self._price(trade.price_ticks),
            "q": self._size(trade.qty_lots),
            "m": not trade.buyer_is_taker,
            **number,
        }

    def _mark(self, mark: MarkPrice, ms: int) -> dict[str, object]:
        return {
            "e": "markPriceUpdate",
            "E": ms,
            "s": self.rules.symbol,
            "p": f"{mark.mark:f}",
            "i": f"{mark.index or mark.mark:f}",
            "P": f"{mark.mark:f}",
            "r": f"{mark.funding_rate or Decimal(0):f}",
            "T": mark.next_funding_ns // NS_PER_MS,
        }

    def _kline(self, candle: Candle, ms: int) -> dict[str, object]:
        open_ms = candle.open_ns // NS_PER_MS
        volume = self._size(candle.volume_lots)
        close = self._price(candle.close_ticks)
        worth = f"{Decimal(volume) * Decimal(close):f}"
        body = {
            "t": open_ms,
            "T": open_ms + MINUTE_S * 1_000 - 1,
            "s": self.rules.symbol,
            "i": "1m",
            "f": 0,
            "L": 0,
            "o": self._price(candle.open_ticks),
            "c": close,
            "h": self._price(candle.high_ticks),
            "l": self._price(candle.low_ticks),
            "v": volume,
            "n": candle.trade_count,
            "x": candle.is_closed,
            "q": worth,
            "V": volume,
            "Q": worth,
            "B": "0",
        }
        return {"e": "kline", "E": ms, "s": self.rules.symbol, "k": body}

    def _levels(self, levels: Sequence[Level]) -> list[tuple[str, str]]:
        return [(self._price(price), self._size(size)) for price, size in levels]

    def _price(self, units: int) -> str:
        return f"{units * self._price_unit:f}"

    def _size(self, units: int) -> str:
        return f"{units * self._size_unit:f}"


def _unit(step: Decimal) -> Decimal:
    """Return the unit of the decoding scale in which a step of this size is counted."""
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a step is a number"
    return Decimal(1).scaleb(min(exponent, 0))


def _text(tree: dict[str, object]) -> str:
    return msgspec.json.encode(tree).decode()
