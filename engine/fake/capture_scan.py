"""One look through a capture before it is played: what it holds, and what must be known early."""

from decimal import Decimal
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from engine.fake import binance_frames as wire
from engine.fake.faults import Faults
from engine.model.errors import ConfigError, RecordingError
from storage.recording import CapturedFrame, CaptureReader

VENUES: Final = ("binance_futures", "binance")

QUOTE_ASSETS: Final = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "USD")


class CaptureScan(msgspec.Struct, frozen=True):
    """What the first look found."""

    path: Path
    venue: str
    lines: int
    """Number of the last line."""
    first_ns: int
    last_ns: int
    symbols: tuple[str, ...]
    """Instruments of which the capture holds a frame or a snapshot, in order of appearance."""
    snapshots: dict[str, int]
    """How many whole books are recorded, by symbol."""
    exchange_info: bytes
    """As recorded, or made from what was seen."""
    is_info_recorded: bool
    frames: dict[int, str]
    """Raw messages of the lines that faults send in another place."""


class _Steps:
    """The finest price and size of one symbol, in decimals without trailing zeros."""

    __slots__ = ("price_decimals", "size_decimals")

    def __init__(self) -> None:
        self.price_decimals = 0
        self.size_decimals = 0

    def see(self, levels: wire.Levels) -> None:
        for price, size in levels:
            self.price_decimals = max(self.price_decimals, _decimals(price))
            self.size_decimals = max(self.size_decimals, _decimals(size))


class _Scanner:
    def __init__(self, wanted_lines: frozenset[int]) -> None:
        self.wanted_lines = wanted_lines
        self.venue = ""
        self.first_ns = self.last_ns = self.lines = 0
        self.info = ""
        self.steps: dict[str, _Steps] = {}
        self.snapshots: dict[str, int] = {}
        self.frames: dict[int, str] = {}

    def see(self, frame: CapturedFrame) -> None:
        if not self.venue:
            self.venue, self.first_ns = _playable(frame), frame.ts_ns
        if frame.venue != self.venue:
            raise ConfigError(
                f"line {frame.line} is of {frame.venue}, those before of {self.venue}; "
                "one venue can be played at a time"
            )
        self.lines, self.last_ns = frame.line, max(self.last_ns, frame.ts_ns)
        if frame.transport == "http":
            self._see_answer(frame)
        elif frame.transport == "ws" and frame.direction == "in":
            self._see_message(frame)

    def _see_answer(self, frame: CapturedFrame) -> None:
        if frame.url.partition("?")[0].endswith("/exchangeInfo"):
            self.info = self.info or frame.raw
        symbol = snapshot_symbol(frame)
        if symbol:
            self.snapshots[symbol] = self.snapshots.get(symbol, 0) + 1
            book = wire.decoded(wire.snapshot_decoder, frame.raw.encode())
            self._steps(symbol, [*book.bids, *book.asks] if book else [])

    def _see_message(self, frame: CapturedFrame) -> None:
        message = wire.stream_frame(frame.raw)
        if frame.line in self.wanted_lines and message is not None:
            self.frames[frame.line] = frame.raw
        if message is not None and message.symbol:
            self._steps(message.symbol, [] if self.info else numbers_of(message))

    def _steps(self, symbol: str, levels: wire.Levels) -> None:
        self.steps.setdefault(symbol, _Steps()).see(levels)


def scan_capture(path: Path, faults: Faults) -> CaptureScan:
    """Read a capture once from end to end.

    Raises:
        ConfigError: It is not a capture of one of the two Binance venues, or a fault names a
            line that it does not have.
    """
    scanner = _Scanner(faults.frame_lines())
    try:
        for frame in CaptureReader(path):
            scanner.see(frame)
    except RecordingError as error:
        raise ConfigError(str(error)) from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    check_faults(faults, scanner.lines, scanner.frames)
    made = b"" if scanner.info else _made_info(scanner)
    return CaptureScan(
        path=path,
        venue=scanner.venue,
        lines=scanner.lines,
        first_ns=scanner.first_ns,
        last_ns=scanner.last_ns,
        symbols=tuple(scanner.steps),
        snapshots=scanner.snapshots,
        exchange_info=scanner.info.encode() or made,
        is_info_recorded=bool(scanner.info),
        frames=scanner.frames,
    )


def snapshot_symbol(frame: CapturedFrame) -> str:
    """Return the symbol whose whole book this recorded answer is, or an empty text."""
    parts = urlsplit(frame.url)
    if frame.transport != "http" or not parts.path.endswith("/depth"):
        return ""
    return parse_qs(parts.query).get("symbol", [""])[0]


def numbers_of(message: wire.StreamFrame) -> wire.Levels:
    """Return prices with sizes of a message, as far as it is of a known kind."""
    if message.kind == "depth":
        delta = wire.decoded(wire.delta_decoder, message.payload)
        return [*delta.bids, *delta.asks] if delta else []
    if message.kind == "bookTicker":
        quote = wire.decoded(wire.quote_decoder, message.payload)
        return [(quote.bid, quote.bid_size), (quote.ask, quote.ask_size)] if quote else []
    if message.kind in {"trade", "aggTrade"}:
        trade = wire.decoded(wire.print_decoder, message.payload)
        return [(trade.price, trade.size)] if trade else []
    return []


def _decimals(text: str) -> int:
    return len(text.partition(".")[2].rstrip("0"))


def _playable(frame: CapturedFrame) -> str:
    if frame.venue not in VENUES:
        raise ConfigError(
            f"a capture of {frame.venue or 'no venue'}; "
            f"the fake Binance plays {' and '.join(VENUES)}"
        )
    return frame.venue


def check_faults(faults: Faults, lines: int, frames: dict[int, str]) -> None:
    """Refuse faults of lines that are not there, or that are no messages where they must be.

    Raises:
        ConfigError: There are such.
    """
    beyond = sorted(line for line in faults.lines() if line > lines)
    if beyond:
        raise ConfigError(f"the faults name line {beyond[0]}, but the capture ends at line {lines}")
    missing = sorted(faults.frame_lines() - frames.keys())
    if missing:
        raise ConfigError(
            f"the faults swap or repeat line {missing[0]}, which is no message of a stream"
        )


def _made_info(scanner: _Scanner) -> bytes:
    is_futures = scanner.venue == "binance_futures"
    info = {
        "timezone": "UTC",
        "serverTime": scanner.first_ns // 1_000_000,
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": 2400 if is_futures else 6000,
            }
        ],
        "exchangeFilters": [],
        "symbols": [
            _made_symbol(symbol, steps, is_futures=is_futures)
            for symbol, steps in scanner.steps.items()
        ],
    }
    return msgspec.json.encode(info)


def _made_symbol(symbol: str, steps: _Steps, *, is_futures: bool) -> dict[str, object]:
    quote = next((q for q in QUOTE_ASSETS if symbol.endswith(q) and symbol != q), "")
    tick, lot = _step(steps.price_decimals), _step(steps.size_decimals)
    price_filter = {"filterType": "PRICE_FILTER", "minPrice": tick, "tickSize": tick}
    lot_filter = {"filterType": "LOT_SIZE", "minQty": lot, "stepSize": lot}
    made: dict[str, object] = {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": symbol.removesuffix(quote) if quote else symbol,
        "quoteAsset": quote,
        "filters": [price_filter, lot_filter],
    }
    if is_futures:
        made |= {"pair": symbol, "contractType": "PERPETUAL", "marginAsset": quote}
    return made


def _step(decimals: int) -> str:
    return f"{Decimal(1).scaleb(-decimals):f}"
