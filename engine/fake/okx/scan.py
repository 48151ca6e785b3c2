"""One look through a capture of OKX before it is played."""

from decimal import Decimal
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from engine.fake.capture_scan import check_faults
from engine.fake.faults import Faults
from engine.fake.okx import frames as wire
from engine.model.errors import ConfigError, RecordingError
from storage.recording import CapturedFrame, CaptureReader

VENUE: Final = "okx"


class OkxScan(msgspec.Struct, frozen=True):
    """What the first look found."""

    path: Path
    first_ns: int
    """When the first message came: what the recorder asked before is over at once."""
    symbols: tuple[str, ...]
    """Instruments of which the capture holds a message, in order of appearance."""
    instruments: dict[str, bytes]
    """Answers by kind of instrument, as recorded first, or made from what was seen."""
    frames: dict[int, str]
    """Raw messages of the lines that faults send in another place."""


class _Scanner:
    def __init__(self, wanted_lines: frozenset[int]) -> None:
        self.wanted_lines = wanted_lines
        self.first_ns = self.lines = 0
        self.instruments: dict[str, bytes] = {}
        self.decimals: dict[str, tuple[int, int]] = {}
        self.frames: dict[int, str] = {}

    def see(self, frame: CapturedFrame) -> None:
        if frame.venue != VENUE:
            raise ConfigError(
                f"line {frame.line} is of {frame.venue}, those before of {VENUE}; "
                "one venue can be played at a time"
            )
        self.lines = frame.line
        if frame.transport == "http":
            self._see_answer(frame)
        elif frame.direction == "in":
            self.first_ns = self.first_ns or frame.ts_ns
            self._see_message(frame)

    def _see_answer(self, frame: CapturedFrame) -> None:
        parts = urlsplit(frame.url)
        kind = parse_qs(parts.query).get("instType", [""])[0]
        if parts.path.endswith("/public/instruments") and kind:
            self.instruments.setdefault(kind, frame.raw.encode())

    def _see_message(self, frame: CapturedFrame) -> None:
        push = wire.push_of(frame.raw)
        if push is None:
            return
        if frame.line in self.wanted_lines:
            self.frames[frame.line] = frame.raw
        symbol = push.arg.instId
        if symbol:
            price, size = self.decimals.get(symbol, (0, 0))
            for px, sz in _numbers_of(push):
                price, size = max(price, _decimals(px)), max(size, _decimals(sz))
            self.decimals[symbol] = price, size


def scan_okx(path: Path, faults: Faults) -> OkxScan:
    """Read a capture once from end to end.

    Raises:
        ConfigError: It is not a capture of OKX alone, or a fault names a line that it does not
            have.
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
    made = _made_instruments(scanner.decimals)
    return OkxScan(
        path=path,
        first_ns=scanner.first_ns,
        symbols=tuple(scanner.decimals),
        instruments=made | scanner.instruments,
        frames=scanner.frames,
    )


def kind_of(symbol: str) -> str:
    """Return the kind of instrument that a name stands for."""
    parts = symbol.split("-")
    if len(parts) == 2:
        return "SPOT"
    return "SWAP" if parts[-1] == "SWAP" else "FUTURES"


def _numbers_of(push: wire.Push) -> list[wire.Row]:
    """Return prices with sizes of a message, as far as it is of a known kind."""
    match push.arg.channel:
        case "books":
            books = wire.read(wire.books_decoder, push)
            return [row[:2] for book in books for row in book.bids + book.asks]
        case "trades" | "trades-all":
            return [[trade.px, trade.sz] for trade in wire.read(wire.prints_decoder, push)]
        case "tickers":
            tickers = wire.read(wire.tickers_decoder, push)
            return [
                row for one in tickers for row in ([one.bidPx, one.bidSz], [one.askPx, one.askSz])
            ]
    return []


def _decimals(text: str) -> int:
    return len(text.partition(".")[2].rstrip("0"))


def _made_instruments(decimals: dict[str, tuple[int, int]]) -> dict[str, bytes]:
    """Make a list per kind; contracts are of one unit each, which nobody could tell from trades."""
    lists: dict[str, list[dict[str, str]]] = {"SPOT": [], "SWAP": [], "FUTURES": []}
    for symbol, (price, size) in decimals.items():
        kind = kind_of(symbol)
        base, quote = symbol.split("-")[:2] if "-" in symbol else (symbol, "")
        made = {"instId": symbol, "instType": kind, "state": "live"}
        made |= {"tickSz": _step(price), "lotSz": _step(size), "minSz": _step(size)}
        if kind == "SPOT":
            made |= {"baseCcy": base, "quoteCcy": quote}
        elif quote == "USD":
            made |= {"ctType": "inverse", "ctVal": "1", "ctMult": "1"}
            made |= {"ctValCcy": quote, "settleCcy": base}
        else:
            made |= {"ctType": "linear", "ctVal": "1", "ctMult": "1"}
            made |= {"ctValCcy": base, "settleCcy": quote}
        lists[kind].append(made)
    return {
        kind: msgspec.json.encode({"code": "0", "data": items, "msg": ""})
        for kind, items in lists.items()
    }


def _step(decimals: int) -> str:
    return f"{Decimal(1).scaleb(-decimals):f}"
