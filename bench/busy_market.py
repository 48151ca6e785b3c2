"""A market in a hurry: one instrument that is traded, and a crowd of others that only make noise.

The venue plays the first at its own pace, as of now, and lists the crowd with a book each. What
moves these is added on the way (`bench.flood`): frames are ready but for their numbers and times,
so that a small part of a core sends tens of thousands a second.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Final

from engine.fake.trading.filters import SymbolRules, info_row
from engine.model.numbers import NS_PER_MS

VENUE: Final = "binance_futures"
SYMBOL: Final = "ABCUSDT"
CROWD: Final = tuple(f"N{number:02}USDT" for number in range(19))

URL: Final = "https://fapi.binance.com/fapi/v1"
STEP_NS: Final = 100 * NS_PER_MS
FUNDING_MS: Final = 8 * 3_600_000
"""From the beginning to the next funding: long after the end."""
FIRST_ID: Final = 10
BIDS: Final = (("100.0", "5000"), ("99.0", "5000"))
ASKS: Final = (("101.0", "5000"), ("102.0", "5000"))
LEVELS: Final = 27
"""Of a change of a book of the crowd."""
MIX: Final = "dtdtdqdtdtqdtdtdqdtq"
"""Diffs, trades and quotes of twenty frames."""

Line = dict[str, object]


def write_market(path: Path, start_ns: int, tenths: int) -> Path:
    """Write a capture of a market that begins at this time and lives so long.

    Best bid and ask stay where they are; a level behind them changes ten times a second, and each
    second there is a trade, and a mark price of every instrument.
    """
    lines = [*_listed(), *_moves(start_ns, tenths)]
    span_ns = tenths * STEP_NS
    with path.open("w", encoding="utf-8") as file:
        for number, line in enumerate(lines):
            recv_ns = start_ns + number * span_ns // len(lines)
            file.write(_text({"recv_ns": recv_ns, "venue": VENUE, **line}) + "\n")
    return path


class Crowd:
    """Frames of the crowd: each instrument in its turn, each stream with ids without a gap."""

    def __init__(self) -> None:
        self._symbols = cycle([_Noise(symbol) for symbol in CROWD])

    def frames(self, count: int, ms: int) -> Iterator[bytes]:
        """Yield so many payloads of this time."""
        for _ in range(count):
            yield next(self._symbols).frame(ms)


class _Noise:
    def __init__(self, symbol: str) -> None:
        name, body = symbol.lower(), symbol.encode()
        self._kinds = cycle(MIX)
        self._diffs = cycle([_diff(name, symbol, size) for size in (5, 7)])
        self._trade = _framed(
            f"{name}@trade",
            b'"e":"trade","E":%%d,"T":%%d,"s":"%b","t":%%d,"p":"101.0","q":"2","m":false' % body,
        )
        quote = '"b":"{}","B":"{}","a":"{}","A":"{}"'.format(*BIDS[0], *ASKS[0]).encode()
        self._quote = _framed(
            f"{name}@bookTicker",
            b'"e":"bookTicker","E":%%d,"T":%%d,"u":%%d,"s":"%b",%b' % (body, quote),
        )
        self._book_id = FIRST_ID - 1
        self._trade_id = 0

    def frame(self, ms: int) -> bytes:
        kind = next(self._kinds)
        if kind == "t":
            self._trade_id += 1
            return self._trade % (ms, ms, self._trade_id)
        if kind == "q":
            return self._quote % (ms, ms, self._book_id)
        number = self._book_id = self._book_id + 1
        return next(self._diffs) % (ms, ms, number, number, number - 1)


def _diff(name: str, symbol: str, size: int) -> bytes:
    """Return a change of levels behind the best ones, but for its times and ids."""
    bids = [[f"{Decimal(970 + at) / 10:.1f}", str(size)] for at in range(LEVELS // 2 + 1)]
    asks = [[f"{Decimal(1_030 + at) / 10:.1f}", str(size)] for at in range(LEVELS // 2)]
    levels = f'"s":"{symbol}","b":{_text(bids)},"a":{_text(asks)}'.encode()
    return _framed(
        f"{name}@depth@100ms",
        b'"e":"depthUpdate","E":%%d,"T":%%d,"U":%%d,"u":%%d,"pu":%%d,%b' % levels,
    )


def _framed(stream: str, fields: bytes) -> bytes:
    return b'{"stream":"%b","data":{%b}}' % (stream.encode(), fields)


def _listed() -> list[Line]:
    """Return what the venue tells at the beginning: the instruments and their whole books."""
    one, tenth = Decimal(1), Decimal("0.1")
    rows = [
        info_row(
            SymbolRules(
                symbol=name, base=name.removesuffix("USDT"), tick=tenth, step=one, qty_min=one
            )
        )
        for name in (SYMBOL, *CROWD)
    ]
    book = {"lastUpdateId": FIRST_ID, "bids": BIDS, "asks": ASKS}
    return [
        _http("exchangeInfo", {"symbols": rows}),
        *(_http(f"depth?symbol={name}&limit=1000", book) for name in (SYMBOL, *CROWD)),
    ]


def _moves(start_ns: int, tenths: int) -> Iterator[Line]:
    name = SYMBOL.lower()
    funding_ms = start_ns // NS_PER_MS + FUNDING_MS
    for tenth in range(tenths):
        number, ms = FIRST_ID + tenth, (start_ns + tenth * STEP_NS) // NS_PER_MS
        when = {"E": ms, "T": ms, "s": SYMBOL}
        ids = {"U": number, "u": number, "pu": number - 1}
        change = {"e": "depthUpdate", **when, **ids, "b": [["98.0", str(1 + tenth % 2)]], "a": []}
        yield _ws(f"{name}@depth@100ms", change)
        if tenth % 10:
            continue
        mark = {"p": "100.5", "i": "100.5", "P": "100.5", "r": "0.0001", "T": funding_ms}
        for one in (SYMBOL, *CROWD):
            marked = {"e": "markPriceUpdate", "E": ms, "s": one, **mark}
            yield _ws(f"{one.lower()}@markPrice@1s", marked)
        trade = {"t": 1 + tenth // 10, "p": "101.0", "q": "2", "m": False}
        yield _ws(f"{name}@trade", {"e": "trade", **when, **trade})


def _http(path: str, answer: object) -> Line:
    return {"transport": "http", "url": f"{URL}/{path}", "raw": _text(answer)}


def _ws(stream: str, data: object) -> Line:
    return {"transport": "ws", "dir": "in", "raw": _text({"stream": stream, "data": data})}


def _text(tree: object) -> str:
    return json.dumps(tree, separators=(",", ":"))
