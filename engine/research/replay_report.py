"""What a replay found, in the form of the captures' expected results.

From the engine come books, gaps, candles and their counts; from the reader, messages, lines and
times. Hashes are SHA-256 of `bids=P:S,...;asks=P:S,...`, best first, plain decimals.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Any, Final

from engine.ingest.book import Book, Gap
from engine.kernel.kernel import Kernel
from engine.kernel.state import InstrumentState
from engine.model.envelope import Event
from engine.model.instrument import InstrumentId, SequenceRule, symbol_of
from engine.model.market import BookDelta, BookSnapshot, Candle, InstrumentUpdated, Level
from engine.model.numbers import NS_PER_MS, NS_PER_S, decimal_text
from engine.research.replay import Capture, Replay
from engine.venues.base import VenueSpec
from storage.recording import CapturedFrame

TOP_LEVELS: Final = 50
CHECKPOINT_EVERY: Final = 50
CHECKPOINT_EVERY_LATER: Final = 500
"""Beyond as many applied events."""

DELTAS_REMEMBERED: Final = 40_000
"""Whose lines are known: as many as a few books may buffer."""

_Document = dict[str, Any]


def replay_document(capture: Capture, version: str) -> _Document:
    """Run the whole capture and return the document of `cockpit replay --no-ui --json`."""
    return document_of(capture, capture.frames(), version)


def document_of(capture: Capture, frames: Iterable[CapturedFrame], version: str) -> _Document:
    """Run the given frames of a capture; a test may have damaged them on the way."""
    reader = _Reader(capture.spec)
    replay = Replay(capture.wire(), f"feed:{capture.spec.name}", version, reader.on_event)
    replay.run(reader.watched(frames))
    state = replay.kernel.state
    return {
        "venue": capture.spec.name,
        **reader.summary(),
        "bad_lines": capture.damaged_lines,
        "is_torn": capture.is_torn,
        "bad_frames": state.bad_frames,
        "symbols": {
            symbol_of(key): _symbol(market, reader)
            for key, market in sorted(state.instruments.items())
            if key in reader.messages
        },
        "digest": replay.kernel.step_digest(),
        "ledger_digest": replay.kernel.ledger_digest(),
    }


def book_text(book: Book, price_decimals: int, qty_decimals: int, limit: int | None) -> str:
    """Return the canonical text of a book, of the best `limit` levels or of all."""
    sides = (
        ",".join(
            f"{decimal_text(price, price_decimals)}:{decimal_text(size, qty_decimals)}"
            for price, size in islice(book.levels(is_bid=is_bid), limit)
        )
        for is_bid in (True, False)
    )
    return "bids={};asks={}".format(*sides)


class _Reader:
    """What is counted while reading."""

    def __init__(self, spec: VenueSpec) -> None:
        self.lines = 0
        self.other_lines: Counter[str] = Counter()
        self.messages: dict[InstrumentId, Counter[str]] = {}
        self.gaps: dict[InstrumentId, list[_Document]] = {}
        self.checkpoints: dict[InstrumentId, list[_Document]] = {}
        self._venue = spec.name
        self._kind_of = spec.kind_of
        self._line = 0
        self._gaps_seen = 0
        self._lines_of: dict[tuple[InstrumentId, int], int] = {}
        self._ends: tuple[CapturedFrame, CapturedFrame] | None = None
        self._ws_ns: tuple[int, int] | None = None

    def watched(self, frames: Iterable[CapturedFrame]) -> Iterator[CapturedFrame]:
        for frame in frames:
            self.lines += 1
            self._line = frame.line
            self._ends = (self._ends[0] if self._ends else frame, frame)
            self._count(frame)
            yield frame

    def on_event(self, kernel: Kernel, event: Event) -> None:
        if type(event) is InstrumentUpdated:
            market = kernel.state.instruments.get(event.instrument.instrument_id)
            if market is not None:
                market.book.on_applied = partial(self._on_applied, market)
        if type(event) is BookDelta:
            self._lines_of[event.instrument_id, event.last_seq] = self._line
            if len(self._lines_of) > DELTAS_REMEMBERED:
                del self._lines_of[next(iter(self._lines_of))]
        if kernel.state.gaps != self._gaps_seen and isinstance(event, BookDelta | BookSnapshot):
            self._gaps_seen = kernel.state.gaps
            self._note_gap(kernel.state.instruments[event.instrument_id])

    def summary(self) -> _Document:
        assert self._ends is not None
        first_ns, last_ns = self._ws_ns or (0, 0)
        return {
            "lines": self.lines,
            "recv_ts_first": _recv_ts(self._ends[0]),
            "recv_ts_last": _recv_ts(self._ends[1]),
            "ws_seconds": round((last_ns - first_ns) / NS_PER_S, 3),
            "other_lines": dict(sorted(self.other_lines.items())),
        }

    def _count(self, frame: CapturedFrame) -> None:
        if frame.transport == "http":
            name, _, query = frame.url.rpartition("/")[2].partition("?")
            asked = dict(part.partition("=")[::2] for part in query.split("&"))
            symbol = asked.get("symbol") or asked.get("instId")
            if symbol and name in {"depth", "books"}:
                self._message(symbol, f"http_{name}_snapshot")
            else:
                self.other_lines[f"http {name}"] += 1
        elif frame.transport != "ws":
            self.other_lines[frame.transport] += 1
        elif frame.direction != "in":
            self.other_lines[f"ws_{frame.direction}"] += 1
        else:
            self._ws_ns = _span(self._ws_ns, frame.ts_ns)
            assert self._kind_of is not None, "a venue with a wire"
            symbol, kind = self._kind_of(frame.raw)
            if symbol:
                self._message(symbol, kind)
            else:
                self.other_lines[kind] += 1

    def _message(self, symbol: str, kind: str) -> None:
        key = InstrumentId(f"{self._venue}:{symbol}")
        self.messages.setdefault(key, Counter())[kind] += 1

    def _note_gap(self, market: InstrumentState) -> None:
        gap = market.last_gap
        assert gap is not None
        # A buffered event fails when the snapshot comes, but it is the event that does not join.
        line = self._lines_of.get((market.instrument_id, gap.last_seq), self._line)
        entry = {"line": line, "kind": gap.kind, **_ids_of(gap, market.book.rule)}
        self.gaps.setdefault(market.instrument_id, []).append(entry)

    def _on_applied(self, market: InstrumentState, book: Book) -> None:
        every = (
            CHECKPOINT_EVERY if book.applied <= CHECKPOINT_EVERY_LATER else CHECKPOINT_EVERY_LATER
        )
        if book.applied % every:
            return
        scales = market.price_decimals, market.qty_decimals
        self.checkpoints.setdefault(market.instrument_id, []).append(
            {
                "line": self._line,
                "applied": book.applied,
                "bid": _level(book.best_bid, *scales),
                "ask": _level(book.best_ask, *scales),
                "sha256_top50": _hash(book_text(book, *scales, TOP_LEVELS)),
            }
        )


def _symbol(market: InstrumentState, reader: _Reader) -> _Document:
    book = market.book
    scales = market.price_decimals, market.qty_decimals
    return {
        "messages": dict(sorted(reader.messages[market.instrument_id].items())),
        "snapshots": book.snapshots,
        "depth_applied": book.applied,
        "depth_dropped_stale": book.dropped_stale,
        "depth_buffered_without_snapshot": 0 if book.snapshots else book.buffered_total,
        "gaps": reader.gaps.get(market.instrument_id, []),
        "last_update_id": (book.last_seq or None) if book.joined else None,
        "book_state": book.state,
        "best_bid": _level(book.best_bid, *scales),
        "best_ask": _level(book.best_ask, *scales),
        "bid_levels": book.bid_levels,
        "ask_levels": book.ask_levels,
        "sha256_top50": _hash(book_text(book, *scales, TOP_LEVELS)),
        "sha256_all": _hash(book_text(book, *scales, None)),
        "crossed_after_apply": book.crossed,
        "checksum_ok": book.checksums_equal,
        "checksum_bad": book.checksums_unequal,
        "bbo_checked": market.quotes.checked,
        "bbo_equal": market.quotes.equal,
        "trades": market.trades,
        "trade_not_market": market.trades_not_market,
        "candles_1m": [
            [open_ns // NS_PER_MS, *_prices(ohlc, scales[0]), decimal_text(volume, scales[1]), n]
            for open_ns, *ohlc, volume, n in market.candles.series[60].own_rows()
        ],
        "venue_klines_last": [
            _kline(candle, *scales) for _, candle in sorted(market.candles.series[60].venue.items())
        ],
        "checkpoints": reader.checkpoints.get(market.instrument_id, []),
        "scales": {
            "price_decimals": scales[0],
            "qty_decimals": scales[1],
            "is_inferred": market.instrument.tick_size is None,
        },
    }


def _ids_of(gap: Gap, rule: SequenceRule) -> _Document:
    """Return the ids of a gap in the venue's words; nothing where it was not ids that showed it."""
    if gap.kind in {"checksum", "update_before_snapshot"}:
        return {}
    if rule == "linked_ids":
        first = "expected" if gap.kind == "sequence" else "snapshot"
        return {first: gap.expected, "prevSeqId": gap.prev_seq, "seqId": gap.last_seq}
    if gap.kind != "sequence":
        return {"snapshot": gap.expected, "U": gap.first_seq, "u": gap.last_seq}
    previous = gap.prev_seq if rule == "previous_id" else None
    return {"expected": gap.expected, "U": gap.first_seq, "u": gap.last_seq, "pu": previous}


def _kline(candle: Candle, price_decimals: int, qty_decimals: int) -> list[object]:
    ohlc = [candle.open_ticks, candle.high_ticks, candle.low_ticks, candle.close_ticks]
    return [
        candle.open_ns // NS_PER_MS,
        *_prices(ohlc, price_decimals),
        decimal_text(candle.volume_lots, qty_decimals),
        candle.trade_count,
        candle.is_closed,
    ]


def _prices(ticks: list[int], decimals: int) -> list[str]:
    return [decimal_text(price, decimals) for price in ticks]


def _level(level: Level | None, price_decimals: int, qty_decimals: int) -> list[str] | None:
    if level is None:
        return None
    return [decimal_text(level[0], price_decimals), decimal_text(level[1], qty_decimals)]


def _hash(text: str) -> str:
    return sha256(text.encode("ascii")).hexdigest()


def _recv_ts(frame: CapturedFrame) -> float:
    """Return the recorder's own figure, which may be coarser than the nanoseconds."""
    return frame.ts_ns / NS_PER_S if frame.recv_ts is None else float(frame.recv_ts)


def _span(span: tuple[int, int] | None, ts_ns: int) -> tuple[int, int]:
    return (span[0] if span else ts_ns, ts_ns)
