"""OKX as a recorded capture shows it: channels, books and REST, without sockets or clocks.

A subscription to a book is opened with a whole one, made from what was played so far; one that
begins before the recording's own first book gets that when its moment comes.
"""

import heapq
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from decimal import InvalidOperation
from itertools import count
from typing import Final

from engine.fake.capture_player import CapturePlayer
from engine.fake.damage import Damage
from engine.fake.depth_desk import Counters
from engine.fake.farewells import Farewells
from engine.fake.faults import ClockStep, DayCut, Disconnect, Disturbance, Faults, Stall
from engine.fake.okx import frames as wire
from engine.fake.okx.book import OkxBook, encoded
from engine.fake.okx.candles import OkxCandles
from engine.fake.okx.protocol import (
    PING,
    PONG,
    Refusal,
    RequestCount,
    acknowledgement,
    check_arg,
    request_of,
)
from engine.fake.okx.rest import BOOK_LEVELS_MAX, OkxRest, error_answer, success
from engine.fake.okx.scan import VENUE, OkxScan
from engine.fake.rest import HttpCall, Reply
from engine.fake.streams import StreamAddress, StreamOutlet, StreamSession
from engine.fake.text_book import BookPicture
from engine.model.chance import Chance
from engine.model.numbers import NS_PER_MS, NS_PER_S
from storage.recording import CapturedFrame

QUIET_NS: Final = 200 * NS_PER_MS
"""Play starts when subscriptions have rested so long, so that a client's second socket is there."""

IDLE_NS: Final = 30 * NS_PER_S
"""A connection over which nothing was said for so long is closed."""
CLOSE_IDLE: Final = 4004

PRINTS_MAX: Final = 500
"""Trades kept per instrument, for those who ask."""

BOOKS: Final = "books"
PATHS: Final = {"/ws/v5/public": "public", "/ws/v5/business": "business"}


UPGRADE: Final = (
    b'{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service '
    b'upgrade. Please reconnect.","connId":"0"}'
)


class OkxVenue:
    """Plays one capture to any number of clients.

    Args:
        scan: The capture.
        faults: What to do wrong.
        speed: 1 is the recorded pace; 0 plays as fast as the caller of `play_line` allows,
            and only while somebody listens to a book.
        seed: Decides which frames a fault with a share takes.
    """

    venue = VENUE

    def __init__(self, scan: OkxScan, faults: Faults, speed: float, seed: int) -> None:
        self.symbols = scan.symbols
        self.instruments = scan.instruments
        self.counters = Counters()
        self._scan = scan
        self._damage = Damage(faults, Chance(seed))
        self._opens_whole = not faults.no_stream_snapshots
        self._refusals_left = faults.refuse_snapshots
        self._delay_ns = int(faults.slow_snapshot_s * NS_PER_S)
        self._player = CapturePlayer(scan, speed)
        self._sessions: dict[StreamSession, None] = {}
        self._requests = RequestCount()
        self._books = {symbol: OkxBook(symbol) for symbol in scan.symbols}
        self._candles = {symbol: OkxCandles() for symbol in scan.symbols}
        self._prints: dict[str, deque[wire.Print]] = {
            symbol: deque(maxlen=PRINTS_MAX) for symbol in scan.symbols
        }
        self._leaving: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._is_forced = False
        self._is_playing = False
        self._quiet_from_ns = 0
        self._farewells = Farewells(UPGRADE)
        self._rest = OkxRest(self)

    # Play

    @property
    def is_finished(self) -> bool:
        """Whether the last line was played."""
        return self._player.next_frame is None

    def start(self) -> None:
        """Play whether or not anybody listens."""
        self._is_forced = True

    def next_due_ns(self, *, can_play: bool) -> int | None:
        """Return when there is work for `advance` or `play_line`; None while clients are quiet."""
        dues = [session.heard_ns + IDLE_NS for session in self._sessions]
        play_ns = self._play_due_ns() if can_play else None
        dues += [play_ns] if play_ns is not None else []
        dues += [self._leaving[0][0]] if self._leaving else []
        ending_ns = self._farewells.next_due_ns
        dues += [ending_ns] if ending_ns is not None else []
        return min(dues, default=None)

    def advance(self, now_ns: int) -> None:
        """Do everything that is due, except to play."""
        while self._leaving and self._leaving[0][0] <= now_ns:
            _, _, leave = heapq.heappop(self._leaving)
            leave()
        for session in self._farewells.end_due(now_ns):
            self.close_stream(session)
        for session in list(self._sessions):
            if session.heard_ns + IDLE_NS <= now_ns:
                session.outlet.close(CLOSE_IDLE, "No data received in 30s.")
                self.close_stream(session)

    def play_line(self, now_ns: int) -> bool:
        """Play one line if one is due; return whether there may be another."""
        due_ns = self._play_due_ns()
        if due_ns is None or due_ns > now_ns:
            return False
        self._play(now_ns)
        return True

    def book(self, symbol: str) -> BookPicture:
        """Return the true book of a symbol of the capture, all levels."""
        return self._books[symbol].picture()

    def close(self) -> None:
        """Leave the capture file."""
        self._player.close()

    # Streams

    def stream_address(self, target: str) -> StreamAddress | None:
        """Read the target of a websocket's handshake; None where the venue has nothing."""
        group = PATHS.get(target.partition("?")[0].rstrip("/"))
        if group is None:
            return None
        return StreamAddress("business" if group == "business" else "public", False, ())

    def open_stream(
        self, address: StreamAddress, outlet: StreamOutlet, now_ns: int
    ) -> StreamSession:
        """Take in a websocket."""
        session = StreamSession(address, outlet, now_ns)
        self.counters.connects += 1
        self._quiet_from_ns = now_ns
        self._sessions[session] = None
        return session

    def close_stream(self, session: StreamSession) -> None:
        """Forget a websocket that is gone; the second time does nothing."""
        if session in self._sessions:
            del self._sessions[session]
            self._requests.forget(session)
            self._rest_if_alone()

    def on_text(self, session: StreamSession, text: bytes, now_ns: int) -> None:
        """Answer a message of a client."""
        if session not in self._sessions:
            return
        session.heard_ns = now_ns
        if text == PING:
            session.outlet.send_text(PONG)
            return
        try:
            request = request_of(text)
            self._requests.check(session, now_ns)
        except Refusal as refusal:
            session.outlet.send_text(refusal.message)
            return
        self._quiet_from_ns = now_ns
        self.counters.subscribes += request.op == "subscribe"
        for arg in request.args:
            try:
                check_arg(arg, session.address.group, self.symbols)
            except Refusal as refusal:
                session.outlet.send_text(refusal.message)
                continue
            session.outlet.send_text(acknowledgement(request.op, arg))
            if request.op == "unsubscribe":
                session.names.pop(arg.name, None)
            elif arg.name not in session.names:
                session.names[arg.name] = None
                self._open_book(session, arg, now_ns)
        self._rest_if_alone()

    def on_pong(self, session: StreamSession, now_ns: int) -> None:
        """Do nothing: this venue wants text."""

    # REST

    def request(self, call: HttpCall, reply: Reply, now_ns: int) -> None:
        """Answer a request; `reply` is called exactly once, for a book perhaps later."""
        self._rest.handle(call, reply, now_ns)

    def request_book(self, symbol: str, limit: int, reply: Reply, now_ns: int) -> None:
        """Answer with the book of now, late where a fault says so."""
        if self._is_refused() or not self._books[symbol].is_true:
            self.counters.snapshots_refused += 1
            reply(error_answer("50001", "Service temporarily unavailable", 503))
            return
        self.counters.snapshots_served += 1
        whole = self._books[symbol].whole(limit)
        whole.pop("prevSeqId", None)
        answer = success([whole])
        self._later(now_ns, lambda: reply(answer))

    def clock_ms(self, now_ns: int) -> int:
        """Return the recorded venue's time."""
        return self._player.clock_ns(now_ns) // NS_PER_MS

    def candle_rows(self, symbol: str, bar: str) -> list[wire.Row]:
        """Return the candles of what was played so far."""
        return self._candles[symbol].rows(bar)

    def prints(self, symbol: str) -> list[wire.Print]:
        """Return the newest trades of what was played so far."""
        return list(self._prints[symbol])

    def best(self, symbol: str) -> tuple[wire.Row, wire.Row] | None:
        """Return best bid and ask of now."""
        bids, asks = self._books[symbol].rows(1)
        return (bids[0], asks[0]) if bids and asks else None

    # Inside

    def _play_due_ns(self) -> int | None:
        if self._player.next_frame is None:
            return None
        if self._is_playing:
            return self._player.due_ns()
        if self._is_forced:
            return 0
        return self._quiet_from_ns + QUIET_NS if self._has_book_listener() else None

    def _play(self, now_ns: int) -> None:
        if not self._is_playing:
            self._is_playing = True
            if not self._player.has_begun:
                self._player.begin(now_ns)
            return
        coming = self._player.next_frame
        assert coming is not None
        fault = self._damage.take_disturbance(coming.line)
        if fault is not None:
            self._disturb(fault, now_ns)
        else:
            self.counters.lines_played += 1
            self._play_line(self._player.take(), now_ns)

    def _disturb(self, fault: Disturbance, now_ns: int) -> None:
        match fault:
            case Stall(_, seconds):
                self._player.delay_until(now_ns + int(seconds * NS_PER_S))
            case ClockStep(_, seconds):
                self._player.step_clock(int(seconds * NS_PER_S))
            case DayCut(_, seconds):
                notice_ns = int(seconds * NS_PER_S)
                self._farewells.announce(list(self._sessions), now_ns, notice_ns)
            case Disconnect(_, code, path):
                for session in list(self._sessions):
                    if path in {"", session.address.group}:
                        session.outlet.close(code, "fault")
                        self.close_stream(session)

    def _play_line(self, frame: CapturedFrame, now_ns: int) -> None:
        if frame.transport != "ws" or frame.direction != "in":
            return
        push = wire.push_of(frame.raw)
        if push is None:
            return
        if push.arg.instId in self._books:
            # A damaged number teaches nothing; the frame is played all the same.
            with suppress(InvalidOperation, ValueError):
                self._learn(push)
        if self._damage.takes(frame.line, push.arg.instId, _names(push)) or self._is_kept(push):
            self.counters.frames_dropped += 1
            return
        other = self._damage.in_place_of(frame.line)
        raw = frame.raw if other is None else self._scan.frames[other]
        sent = wire.push_of(raw)
        assert sent is not None, "the scan refused faults that move other lines"
        for _ in range(self._damage.times(frame.line)):
            self._send(sent.arg.name, raw.encode(), now_ns)

    def _send(self, name: str, text: bytes, now_ns: int) -> None:
        for session in self._sessions:
            if name in session.names:
                self._push(session, text, now_ns)

    def _push(self, session: StreamSession, text: bytes, now_ns: int) -> None:
        self.counters.frames_sent += 1
        session.heard_ns = now_ns
        session.outlet.send_text(text)

    def _learn(self, push: wire.Push) -> None:
        """Know what a frame says, whether or not it reaches anybody."""
        symbol, channel = push.arg.instId, push.arg.channel
        if channel == BOOKS:
            for book in wire.read(wire.books_decoder, push):
                if push.action == "snapshot":
                    self._books[symbol].load(book)
                else:
                    self._books[symbol].apply(book)
        elif channel == "trades":
            for trade in wire.read(wire.prints_decoder, push):
                self._candles[symbol].see_trade(trade)
                if trade.tradeId.isdigit():
                    self._prints[symbol].append(trade)
        elif channel.startswith("candle"):
            for row in wire.read(wire.candles_decoder, push):
                self._candles[symbol].see_row(channel.removeprefix("candle"), row)

    def _open_book(self, session: StreamSession, arg: wire.Arg, now_ns: int) -> None:
        """Begin a stream with a whole book, if there is one to begin with."""
        if arg.channel != BOOKS or not self._books[arg.instId].is_true or not self._opens_whole:
            return
        if self._is_refused():
            self.counters.snapshots_refused += 1
            return
        self._later(now_ns, lambda: self._push_book(session, arg, now_ns))

    def _push_book(self, session: StreamSession, arg: wire.Arg, now_ns: int) -> None:
        if session in self._sessions and arg.name in session.names:
            self.counters.snapshots_served += 1
            whole = self._books[arg.instId].whole(BOOK_LEVELS_MAX)
            self._push(session, encoded(arg.name, "snapshot", whole), now_ns + self._delay_ns)

    def _later(self, now_ns: int, leave: Callable[[], None]) -> None:
        if self._delay_ns:
            entry = (now_ns + self._delay_ns, next(self._order), leave)
            heapq.heappush(self._leaving, entry)
        else:
            leave()

    def _is_refused(self) -> bool:
        self._refusals_left -= 1
        return self._refusals_left >= 0

    def _is_kept(self, push: wire.Push) -> bool:
        return push.action == "snapshot" and not self._opens_whole

    def _has_book_listener(self) -> bool:
        return any(
            name.startswith(f"{BOOKS}:") for session in self._sessions for name in session.names
        )

    def _rest_if_alone(self) -> None:
        """At speed 0 nothing is played to nobody: a client that comes back misses nothing."""
        if self._player.speed == 0 and not self._is_forced:
            self._is_playing = self._is_playing and self._has_book_listener()


def _names(push: wire.Push) -> Callable[[str], bool]:
    """Return whether a fault's name is this stream's, or that of its channel."""
    return lambda name: name in {push.arg.channel, push.arg.name}
