"""A replay that is looked at after every single event, and an oracle that knows nothing of it."""

import json
from collections.abc import Iterable
from typing import Any

from engine.kernel.kernel import Kernel
from engine.model.envelope import Event
from engine.model.instrument import InstrumentId, SequenceRule, symbol_of
from engine.research.replay import Capture, Replay
from engine.venues.binance.instruments import SEQUENCE_RULES
from storage.recording import CapturedFrame

Detection = dict[str, Any]


class WatchedReplay:
    """Runs frames through the engine and notes when books lived and where gaps were found."""

    def __init__(self, capture: Capture, frames: Iterable[CapturedFrame]) -> None:
        self.first_detection: dict[str, Detection] = {}
        self.lived: set[str] = set()
        """Symbols whose book was live after any event."""
        self.revived: set[str] = set()
        """Symbols whose book was live after its first gap was found."""
        self._line = 0
        self._venue = capture.spec.name
        replay = Replay(capture.wire(), f"feed:{capture.spec.name}", "test", self._on_event)
        for frame in frames:
            self._line = frame.line
            replay.take(frame)
        self.kernel = replay.kernel

    def market(self, symbol: str) -> tuple[object, ...]:
        """Return all that is kept of a symbol's book, trades and candles."""
        market = self.kernel.state.instruments[InstrumentId(f"{self._venue}:{symbol}")]
        candles, tape = market.candles.digest_parts(), market.tape.digest_parts()
        return (
            market.book.digest_parts(),
            candles,
            tape,
            market.trades,
            market.quotes.digest_parts(),
        )

    def _on_event(self, kernel: Kernel, event: Event) -> None:
        del event
        for key, market in kernel.state.instruments.items():
            symbol = symbol_of(key)
            if market.book.state == "live":
                assert market.book.best_bid is not None
                assert market.book.best_ask is not None
                self.lived.add(symbol)
                if symbol in self.first_detection:
                    self.revived.add(symbol)
            else:
                assert market.book.best_bid is None
                assert market.book.best_ask is None
            if market.last_gap is not None and symbol not in self.first_detection:
                gap = market.last_gap
                told = {"line": self._line, "kind": gap.kind, "expected": gap.expected}
                told |= {"U": gap.first_seq, "u": gap.last_seq, "pu": gap.prev_seq}
                self.first_detection[symbol] = told


class Oracle:
    """The venue's sequence rules for one symbol, as its documentation words them."""

    def __init__(self, rule: SequenceRule, symbol: str) -> None:
        self.detection: Detection | None = None
        self.was_live = False
        self._is_spot = rule == "contiguous_ids"
        self._symbol = symbol
        self._last: int | None = None
        self._is_bridged = False
        self._buffer: list[dict[str, Any]] = []

    def take(self, frame: CapturedFrame) -> None:
        """Judge a line; after the first loss nothing counts any more."""
        if self.detection is not None:
            return
        message = json.loads(frame.raw)
        if frame.transport == "http":
            if f"symbol={self._symbol}&" in frame.url:
                self._last, self._is_bridged, self.was_live = message["lastUpdateId"], False, True
                for event in self._buffer:
                    self._judge(frame.line, event)
        elif message["stream"].startswith(f"{self._symbol.lower()}@depth"):
            if self._last is None:
                self._buffer.append(message["data"])
            else:
                self._judge(frame.line, message["data"])

    def _judge(self, line: int, event: dict[str, Any]) -> None:
        assert self._last is not None
        if self.detection is not None or self._is_old(event["u"]):
            return
        if self._follows(event):
            self._last, self._is_bridged = event["u"], True
            return
        expected = self._last + (1 if self._is_spot and self._is_bridged else 0)
        kind = "sequence" if self._is_bridged else "first_event_not_bridging"
        ids = {"U": event["U"], "u": event["u"], "pu": event.get("pu", -1)}
        self.detection = {"line": line, "kind": kind, "expected": expected, **ids}

    def _is_old(self, last_id: int) -> bool:
        assert self._last is not None
        if self._is_spot:
            return last_id <= self._last
        return not self._is_bridged and last_id < self._last

    def _follows(self, event: dict[str, Any]) -> bool:
        assert self._last is not None
        if self._is_spot:
            return bool(event["U"] <= self._last + 1)
        if self._is_bridged:
            return bool(event["pu"] == self._last)
        return bool(event["U"] <= self._last <= event["u"])


def judged(venue: str, symbol: str, frames: Iterable[CapturedFrame]) -> Oracle:
    """Return the oracle after all frames."""
    oracle = Oracle(SEQUENCE_RULES[venue], symbol)
    for frame in frames:
        if frame.transport == "http" or frame.direction == "in":
            oracle.take(frame)
    return oracle
