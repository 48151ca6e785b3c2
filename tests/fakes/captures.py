"""Captures for tests: small ones written line by line, and damage done to any while it is read."""

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import zstandard

from engine.model.numbers import NS_PER_S
from storage.recording import CapturedFrame, CaptureReader

T0_NS: Final = 1_700_000_000 * NS_PER_S
STEP_NS: Final = NS_PER_S // 10
REST: Final = {
    "binance_futures": "https://fapi.binance.com/fapi/v1",
    "binance": "https://api.binance.com/api/v3",
}
CAPTURES: Final = (
    Path(os.environ.get("COCKPIT_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    / "captures"
)
"""Where the recorded inputs are; tests that read them also take the fixture `shared_dir`."""

Line = dict[str, Any]
Levels = list[list[str]]

COMPRESSIONS: Final[dict[str, Callable[[bytes], bytes]]] = {
    ".jsonl": bytes,
    ".jsonl.gz": gzip.compress,
    ".jsonl.zst": zstandard.ZstdCompressor().compress,
}
"""By the end of the file's name; readers must tell by the content."""


class Recording:
    """Collects lines, a tenth of a second apart unless told otherwise."""

    def __init__(self, venue: str = "binance_futures") -> None:
        self.venue = venue
        self.lines: list[Line] = []

    def add(self, **line: Any) -> int:
        """Add any line; returns its number."""
        moment = {} if "recv_ts" in line else {"recv_ns": T0_NS + len(self.lines) * STEP_NS}
        self.lines.append({**moment, "venue": self.venue, "raw": "", **line})
        return len(self.lines)

    def stream(self, name: str, data: object, **more: Any) -> int:
        """Add a message of a combined stream."""
        return self.raw(text({"stream": name, "data": data}), **more)

    def raw(self, message: str, **more: Any) -> int:
        """Add a message as it is."""
        return self.add(transport="ws", dir="in", raw=message, **more)

    def http(self, path: str, answer: object, **more: Any) -> int:
        """Add an answer of REST."""
        url = f"{REST[self.venue]}/{path}"
        return self.add(transport="http", url=url, raw=text(answer), **more)

    def snapshot(
        self, last_id: int, bids: str = "100x1", asks: str = "101x1", symbol: str = "ABCUSDT"
    ) -> int:
        """Add a whole book."""
        answer = {"lastUpdateId": last_id, "bids": levels(bids), "asks": levels(asks)}
        return self.http(f"depth?symbol={symbol}&limit=1000", answer)

    def depth(
        self, ids: Sequence[int], bids: str = "", asks: str = "", symbol: str = "ABCUSDT"
    ) -> int:
        """Add a change of a book; `ids` are U, u and, of futures, pu."""
        data = depth_data(ids, bids, asks, symbol)
        return self.stream(f"{symbol.lower()}@depth@100ms", data)

    def trade(self, price: str, size: str, symbol: str = "ABCUSDT", **more: Any) -> int:
        """Add a taker's purchase; `more` replaces fields."""
        data = {**trade_data(price, size, symbol), "t": len(self.lines), **more}
        return self.stream(f"{symbol.lower()}@trade", data)

    def agg_trade(self, price: str, size: str, symbol: str = "ABCUSDT") -> int:
        """Add an aggregated purchase."""
        data = {**trade_data(price, size, symbol), "e": "aggTrade", "a": len(self.lines)}
        return self.stream(f"{symbol.lower()}@aggTrade", data)

    def write(self, folder: Path, name: str = "capture.jsonl") -> Path:
        """Write the file, compressed as its name says, and return its path."""
        return write_lines(folder / name, self.lines)


def text(value: object) -> str:
    """Return JSON as Binance writes it: without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def levels(words: str) -> Levels:
    """Return `"100x5 99x3"` as price and size texts."""
    return [word.split("x") for word in words.split()]


def depth_data(
    ids: Sequence[int], bids: str = "", asks: str = "", symbol: str = "ABCUSDT"
) -> dict[str, Any]:
    """Return the payload of a change of a book; with `pu` where there are three ids."""
    data = {"e": "depthUpdate", "E": ids[1], "s": symbol, "U": ids[0], "u": ids[1]}
    if len(ids) > 2:
        data |= {"T": ids[1], "pu": ids[2]}
    return data | {"b": levels(bids), "a": levels(asks)}


def trade_data(price: str, size: str, symbol: str = "ABCUSDT") -> dict[str, Any]:
    """Return the payload of a taker's purchase."""
    at_ms = T0_NS // 1_000_000
    times = {"e": "trade", "E": at_ms, "T": at_ms}
    return {**times, "s": symbol, "t": 1, "p": price, "q": size, "m": False}


def kline_data(interval: str, symbol: str = "ABCUSDT", **more: Any) -> dict[str, Any]:
    """Return the payload of a kline; `more` replaces fields of the candle."""
    candle = {"t": 1_699_999_980_000, "i": interval, "o": "1", "h": "3", "l": "1", "c": "2"}
    body = {**candle, "v": "5", "n": 4, "x": False, **more}
    return {"e": "kline", "E": 1_700_000_000_000, "s": symbol, "k": body}


def write_lines(path: Path, lines: Iterable[Line]) -> Path:
    """Write a capture of any lines, compressed as its name says."""
    plain = "".join(text(line) + "\n" for line in lines).encode()
    return write_bytes(path, plain)


def write_bytes(path: Path, plain: bytes) -> Path:
    """Write a file, compressed as its name says."""
    ending = "".join(path.suffixes[-2:]) if path.suffix in {".gz", ".zst"} else ".jsonl"
    path.write_bytes(COMPRESSIONS[ending](plain))
    return path


def read_lines(path: Path, count: int) -> list[Line]:
    """Return the first lines of a gzip capture, decoded."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line, _ in zip(file, range(count), strict=False)]


def first_frames(path: Path, count: int) -> list[CapturedFrame]:
    """Return the first frames of a capture."""
    return [frame for frame, _ in zip(CaptureReader(path), range(count), strict=False)]


def damaged(
    frames: Sequence[CapturedFrame],
    drop: Collection[int] = (),
    swap: Sequence[Sequence[int]] = (),
    repeat: Collection[int] = (),
) -> Iterator[CapturedFrame]:
    """Iterate with lines dropped, messages exchanged, lines given twice; numbers and times stay."""
    raws = {frame.line: frame.raw for frame in frames if any(frame.line in two for two in swap)}
    other = {one: raws[two] for pair in swap for one, two in (pair, reversed(pair))}
    times = Counter(repeat)
    for frame in frames:
        if frame.line in drop:
            continue
        shown = frame
        if frame.line in other:
            shown = msgspec.structs.replace(frame, raw=other[frame.line])
        for _ in range(1 + times[frame.line]):
            yield shown
