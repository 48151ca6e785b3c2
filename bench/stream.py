"""The frames that market data cases feed: a real capture, and a made one of a stated mix.

Futures' single prints (`@trade`) are rewritten as aggregated ones, because peers read only those;
every side gets the same bytes.
"""

import json
import pickle
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from bench.plain_book import PlainMarket
from storage.recording import CaptureReader

CAPTURES: Final = Path(__file__).parents[2] / "shared" / "captures"
CAPTURE: Final = "binance_futures_btcusdt_20240808"
SYMBOL: Final = "BTCUSDT"
EXCHANGE_INFO: Final = json.dumps(
    {
        "symbols": [
            {
                "symbol": SYMBOL,
                "status": "TRADING",
                "contractType": "PERPETUAL",
                "baseAsset": "BTC",
                "quoteAsset": "USDT",
                "filters": [
                    {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
                    {"filterType": "LOT_SIZE", "stepSize": "0.001"},
                ],
            }
        ]
    }
).encode()

SEED: Final = 20_261_121
FRAMES_PER_MS: Final = 1
SNAPSHOT_LEVELS: Final = 1_000
FIRST_MS: Final = 1_763_700_000_000


class Stream(NamedTuple):
    """Frames of one instrument with their times of receipt, and the snapshot to begin with."""

    name: str
    snapshot: bytes
    frames: list[bytes]
    times_ns: list[int]

    def write(self, path: Path) -> None:
        """Write for the sides, which may run another Python environment."""
        path.write_bytes(pickle.dumps((self.snapshot, self.frames, self.times_ns)))

    def shortened(self, frames: int) -> "Stream":
        """Return the beginning of it."""
        return self._replace(frames=self.frames[:frames], times_ns=self.times_ns[:frames])


def capture() -> Stream:
    """Return the capture; it is checked against the expected result of its oracle.

    Raises:
        FileNotFoundError: The captures are not beside the checkout.
    """
    snapshot = b""
    frames: list[bytes] = []
    times: list[int] = []
    for line in CaptureReader(CAPTURES / f"{CAPTURE}.jsonl.gz"):
        if line.transport == "http":
            snapshot = line.raw.encode()
            continue
        raw = line.raw.encode()
        if b"@trade" in raw[:40]:
            raw = raw.replace(b"@trade", b"@aggTrade", 1).replace(b'"trade"', b'"aggTrade"', 1)
            raw = raw.replace(b'"t":', b'"a":', 1)
        frames.append(raw)
        times.append(line.ts_ns)
    return Stream("capture", snapshot, frames, times)


def oracle_agrees(whole: Stream) -> bool:
    """Return whether the plain reference finds in the capture what its oracle found."""
    expected = json.loads((CAPTURES / f"{CAPTURE}.expected.json").read_text())["symbols"][SYMBOL]
    found = PlainMarket(whole.snapshot).run(whole.frames).outcome()
    return (found["book"], found["last_id"], found["trades"]) == (
        expected["sha256_all"],
        expected["last_update_id"],
        expected["trades"],
    )


def synthetic(frames: int, levels: int = 27) -> Stream:
    """Return 45 % depth diffs of so many levels, 35 % aggTrades, 20 % bookTickers."""
    maker = _Maker(levels)
    return _made(f"synthetic{levels}", frames, maker.snapshot(), maker.frame)


def diffs(frames: int, levels: int) -> Stream:
    """Return depth diffs of so many levels, and nothing else."""
    maker = _Maker(levels)
    return _made(f"diffs{levels}", frames, maker.snapshot(), maker.diff)


def _made(name: str, frames: int, snapshot: bytes, make: Callable[[], bytes]) -> Stream:
    times = [(FIRST_MS * 1_000 + at * 1_000 // FRAMES_PER_MS) * 1_000 for at in range(frames)]
    return Stream(name, snapshot, [make() for _ in range(frames)], times)


class _Maker:
    """A market at random, like the capture in its quartiles.

    Of the levels in a diff about a fifth go and a fifth are new; half lie within 430 ticks of the
    touch and half of the sizes below 130 lots, with long tails; what is far or large is round.
    """

    def __init__(self, levels: int) -> None:
        seed = sha256(f"{SEED} {levels}".encode()).digest()
        self._random = Random(seed)
        self._levels = levels
        self._mid = 618_000
        """Best bid in ticks of 0.1; the best ask is one above."""
        self._sides: tuple[dict[int, int], dict[int, int]] = (
            {self._mid - at: self._size() for at in range(SNAPSHOT_LEVELS)},
            {self._mid + 1 + at: self._size() for at in range(SNAPSHOT_LEVELS)},
        )
        self._id = 1_000_000
        self._trade_id = 0
        self._made = 0

    def snapshot(self) -> bytes:
        bids, asks = self._sides
        data = {
            "lastUpdateId": self._id,
            "E": FIRST_MS,
            "bids": [_texts(level) for level in sorted(bids.items(), reverse=True)],
            "asks": [_texts(level) for level in sorted(asks.items())],
        }
        return json.dumps(data, separators=(",", ":")).encode()

    def frame(self) -> bytes:
        """Return the next frame of the mix; the first is a diff."""
        kind = self._random.random()
        if kind < 0.45 or not self._made:
            return self.diff()
        now_ms = self._next_ms()
        return _framed("aggTrade", self._trade(now_ms)) if kind < 0.8 else self._ticker(now_ms)

    def diff(self) -> bytes:
        """Return the next frame, a diff."""
        return _framed("depth@100ms", self._depth(self._next_ms()))

    def _next_ms(self) -> int:
        self._made += 1
        return FIRST_MS + self._made // FRAMES_PER_MS

    def _depth(self, now_ms: int) -> dict[str, object]:
        moved = self._random.choices((-1, 0, 1), (2, 6, 2))[0]
        self._mid += moved
        changes: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for is_ask, (side, changed) in enumerate(zip(self._sides, changes, strict=True)):
            best = self._mid + is_ask
            changed[best] = self._size()
            for price in [best - at if is_ask else best + at for at in (1, 2)]:
                if price in side:
                    changed[price] = 0
        while len(changes[0]) + len(changes[1]) < self._levels:
            is_ask = self._random.randrange(2)
            away = 3 + min(int(self._random.lognormvariate(6.06, 1.4)), 100_000)
            price = self._mid + 1 + away if is_ask else self._mid - away
            price -= price % _step(away, 1_000)
            gone = price in self._sides[is_ask] and self._random.random() < 0.3
            changes[is_ask][price] = 0 if gone else self._size()
        for side, changed in zip(self._sides, changes, strict=True):
            for price, size in changed.items():
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)
        before, first = self._id, self._id + 3
        self._id = first + self._levels
        data: dict[str, object] = {"e": "depthUpdate", "E": now_ms, "T": now_ms, "s": SYMBOL}
        data |= {"U": before if before == 1_000_000 else first, "u": self._id, "pu": before}
        data["b"] = [_texts(level) for level in changes[0].items()]
        data["a"] = [_texts(level) for level in changes[1].items()]
        return data

    def _trade(self, now_ms: int) -> dict[str, object]:
        self._trade_id += 1
        is_sell = self._random.random() < 0.5
        price, size = _texts((self._mid + (not is_sell), self._size()))
        data: dict[str, object] = {"e": "aggTrade", "E": now_ms, "a": self._trade_id, "s": SYMBOL}
        data |= {"p": price, "q": size, "f": self._trade_id, "l": self._trade_id}
        return data | {"T": now_ms, "m": is_sell}

    def _ticker(self, now_ms: int) -> bytes:
        bid, bid_size = _texts((self._mid, self._sides[0][self._mid]))
        ask, ask_size = _texts((self._mid + 1, self._sides[1][self._mid + 1]))
        data = {"e": "bookTicker", "u": self._id, "s": SYMBOL, "b": bid, "B": bid_size}
        data |= {"a": ask, "A": ask_size, "T": now_ms, "E": now_ms}
        return _framed("bookTicker", data)

    def _size(self) -> int:
        """Return lots of 0.001: mostly small, sometimes ten and more whole ones."""
        lots = 1 + int(self._random.lognormvariate(4.88, 2.3)) % 50_000
        return lots - lots % _step(lots, 1_000)


def _step(number: int, small: int) -> int:
    """Return 1 up to a small number, 10 up to ten times as much, 100 beyond."""
    return 1 if number <= small else 10 if number <= 10 * small else 100


def _texts(level: tuple[int, int]) -> tuple[str, str]:
    price, size = level
    return f"{price // 10}.{price % 10}0", f"{size // 1000}.{size % 1000:03d}"


def _framed(kind: str, data: dict[str, object]) -> bytes:
    message = {"stream": f"{SYMBOL.lower()}@{kind}", "data": data}
    return json.dumps(message, separators=(",", ":")).encode()
