"""Requests for whole books: held, refused or answered, from the recording or from memory.

The first answer of a symbol is the recorded one and is not given before its recorded moment; a
client that asks again gets the levels that the venue knows by then, dropped frames included.
"""

import heapq
from decimal import InvalidOperation
from itertools import count
from typing import Final

import msgspec

from engine.fake.binance_frames import Delta, decoded, snapshot_decoder
from engine.fake.capture_scan import CaptureScan
from engine.fake.faults import Faults
from engine.fake.rest import HttpAnswer, Reply, error_answer
from engine.fake.text_book import TextBook
from engine.model.numbers import NS_PER_S

LEVELS_MAX: Final = 1_000
"""Of each side, in answers from memory; recorded answers have no more."""

HELD_NS_MAX: Final = 30 * NS_PER_S
"""A request that nothing came for is answered with 503 after so long."""

RECORDED_NS_MAX: Final = 30 * NS_PER_S
"""So long after its moment a recorded answer is still given to the first who asks."""

PENDING_MAX: Final = 64
"""Held requests per symbol; one more is refused."""


class Counters(msgspec.Struct):
    """What happened so far, for tests and for whoever watches a rehearsal."""

    connects: int = 0
    """Websockets opened."""
    subscribes: int = 0
    """Requests to subscribe, by message or by URL."""
    snapshots_served: int = 0
    snapshots_refused: int = 0
    """Requests for a book that were answered with 503."""
    lines_played: int = 0
    frames_sent: int = 0
    """Messages of streams, each counted once per websocket and subscribed name."""
    frames_dropped: int = 0
    """Recorded messages that a fault kept from everyone."""


class _Pending(msgspec.Struct, frozen=True):
    limit: int
    reply: Reply
    due_ns: int


class _Recorded(msgspec.Struct, frozen=True):
    """A recorded answer that nobody has got yet."""

    raw: bytes
    levels: int
    until_ns: int


class _Shelf:
    """One symbol's book and who waits for it."""

    def __init__(self, symbol: str, ahead: int) -> None:
        self.book = TextBook(symbol)
        self.ahead = ahead
        """Recorded answers that are still to come."""
        self.pending: list[_Pending] = []
        self.recorded: _Recorded | None = None
        self.is_next_lost = False

    @property
    def is_true(self) -> bool:
        return self.book.is_loaded and not (self.book.has_gap and self.ahead)

    def picture(self, limit: int) -> bytes:
        bids, asks = self.book.levels(min(limit, LEVELS_MAX))
        answer: dict[str, object] = {"lastUpdateId": self.book.last_id}
        if self.book.event_ms and self.book.matched_ms:
            # Futures send both times, spot neither.
            answer |= {"E": self.book.event_ms, "T": self.book.matched_ms}
        return msgspec.json.encode(answer | {"bids": bids, "asks": asks})


class DepthDesk:
    """Keeps the true book of every symbol and answers those who ask for it."""

    def __init__(self, scan: CaptureScan, faults: Faults, counters: Counters) -> None:
        self._shelves = {
            symbol: _Shelf(symbol, scan.snapshots.get(symbol, 0)) for symbol in scan.symbols
        }
        self._counters = counters
        self._refusals_left = faults.refuse_snapshots
        self._delay_ns = int(faults.slow_snapshot_s * NS_PER_S)
        self._leaving: list[tuple[int, int, Reply, HttpAnswer]] = []
        self._order = count()

    def book(self, symbol: str) -> TextBook:
        """Return the true book."""
        return self._shelves[symbol].book

    def waits_for_answer(self, symbol: str) -> bool:
        """Whether the next recorded answer of this symbol would be the first true book."""
        return not self._shelves[symbol].is_true

    def has_pending(self, symbol: str) -> bool:
        """Whether somebody has asked and waits."""
        return bool(self._shelves[symbol].pending)

    def request(self, symbol: str, limit: int, reply: Reply, now_ns: int) -> None:
        """Answer, or keep the request until there is a book."""
        shelf = self._shelves[symbol]
        if self._refusals_left > 0:
            self._refusals_left -= 1
            self._refuse(reply, "Please try again.")
        elif shelf.is_true:
            self._answer(shelf, limit, reply, now_ns)
        elif not shelf.ahead:
            self._refuse(reply, f"The capture holds no book of {symbol}.")
        elif len(shelf.pending) >= PENDING_MAX:
            self._refuse(reply, "Too many requests wait for this book.")
        else:
            shelf.pending.append(_Pending(limit, reply, now_ns + HELD_NS_MAX))

    def delta_came(self, symbol: str, delta: Delta) -> None:
        """Take in a change of a book; raises `InvalidOperation` on a damaged number."""
        self._shelves[symbol].book.apply(delta)

    def answer_came(
        self, symbol: str, raw: str, now_ns: int, *, is_lost: bool, is_awaited: bool
    ) -> None:
        """Take in a recorded answer: its moment has come.

        Lost is an answer that a fault takes from whoever asks first; awaited one whose symbol
        somebody listens to, so that it can still be used later.
        """
        shelf = self._shelves[symbol]
        shelf.ahead -= 1
        snapshot = decoded(snapshot_decoder, raw.encode())
        if snapshot is None or (shelf.book.is_loaded and not shelf.book.has_gap):
            return  # Damaged, or asked by the recorder without need: memory knows more.
        try:
            shelf.book.load(snapshot)
        except InvalidOperation:
            return
        shelf.is_next_lost = is_lost
        if not is_lost and (is_awaited or shelf.pending):
            levels = max(len(snapshot.bids), len(snapshot.asks))
            shelf.recorded = _Recorded(raw.encode(), levels, now_ns + RECORDED_NS_MAX)
        self._release(shelf, now_ns)

    def next_due_ns(self) -> int | None:
        """Return when something must be answered at the latest."""
        dues = [shelf.pending[0].due_ns for shelf in self._shelves.values() if shelf.pending]
        if self._leaving:
            dues.append(self._leaving[0][0])
        return min(dues, default=None)

    def advance(self, now_ns: int) -> None:
        """Send what is due."""
        while self._leaving and self._leaving[0][0] <= now_ns:
            _, _, reply, answer = heapq.heappop(self._leaving)
            reply(answer)
        for shelf in self._shelves.values():
            while shelf.pending and shelf.pending[0].due_ns <= now_ns:
                self._refuse(shelf.pending.pop(0).reply, "The book's recorded moment is far.")

    def _release(self, shelf: _Shelf, now_ns: int) -> None:
        waiting, shelf.pending = shelf.pending, []
        if shelf.is_next_lost and waiting:
            shelf.is_next_lost = False
            for request in waiting:
                self._refuse(request.reply, "The answer was lost.")
            return
        recorded = shelf.recorded
        for request in waiting:
            shelf.recorded = recorded
            self._answer(shelf, request.limit, request.reply, now_ns)

    def _answer(self, shelf: _Shelf, limit: int, reply: Reply, now_ns: int) -> None:
        if shelf.is_next_lost:
            shelf.is_next_lost = False
            self._refuse(reply, "The answer was lost.")
            return
        self._counters.snapshots_served += 1
        recorded, shelf.recorded = shelf.recorded, None
        if recorded and recorded.levels <= limit and now_ns <= recorded.until_ns:
            body = recorded.raw
        else:
            body = shelf.picture(limit)
        answer = HttpAnswer(200, body)
        if self._delay_ns:
            entry = (now_ns + self._delay_ns, next(self._order), reply, answer)
            heapq.heappush(self._leaving, entry)
        else:
            reply(answer)

    def _refuse(self, reply: Reply, text: str) -> None:
        self._counters.snapshots_refused += 1
        reply(error_answer(-1001, f"Internal error; unable to process your request. {text}", 503))
