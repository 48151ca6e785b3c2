"""Binance as a recorded capture shows it: streams, books and REST, without sockets or clocks.

Time is an argument and bytes leave through outlets, so the same venue runs over real sockets and
over connections in memory in virtual time.
"""

from collections.abc import Iterator
from contextlib import suppress
from decimal import InvalidOperation
from functools import partial
from typing import Final

import msgspec

from engine.fake import binance_frames as wire
from engine.fake.capture_player import CapturePlayer
from engine.fake.capture_scan import CaptureScan, snapshot_symbol
from engine.fake.damage import Damage
from engine.fake.depth_desk import Counters, DepthDesk
from engine.fake.farewells import Farewells
from engine.fake.faults import ClockStep, DayCut, Disconnect, Disturbance, Faults, Stall
from engine.fake.kline_rows import KlineRows, Row
from engine.fake.rest import HttpCall, Reply, RestDesk
from engine.fake.streams import (
    STREAMS_MAX,
    StreamAddress,
    StreamOutlet,
    StreamSession,
    Subscriptions,
    message_for,
    source_stream,
    stream_address,
)
from engine.fake.text_book import BookPicture
from engine.fake.trade_rows import TradeRows
from engine.fake.trading.mount import TradingMount
from engine.fake.venue import CLOSE_POLICY
from engine.model.chance import Chance
from engine.model.numbers import NS_PER_MS, NS_PER_S
from storage.recording import CapturedFrame

QUIET_NS: Final = 200 * NS_PER_MS
"""Play starts when subscriptions have rested so long, so that a client's second socket is there."""

PATIENCE_NS: Final = 5 * NS_PER_S
"""At speed 0, how long a recorded book waits for a listener of its symbol to ask for it."""

PING_EVERY_NS: Final = {"binance_futures": 180 * NS_PER_S, "binance": 20 * NS_PER_S}
PONG_WITHIN_NS: Final = {"binance_futures": 600 * NS_PER_S, "binance": 60 * NS_PER_S}


SHUTDOWN: Final = {"binance_futures": b"", "binance": b'{"e":"serverShutdown"}'}
"""What sockets hear before a planned end."""


class _Control(msgspec.Struct):
    method: str
    params: list[str] = []
    id: msgspec.Raw = msgspec.Raw(b"null")


class _Hold(msgspec.Struct, frozen=True):
    """A line that waits for a request."""

    line: int
    symbol: str
    until_ns: int


class BinanceVenue:
    """Plays one capture to any number of clients.

    Args:
        scan: The capture.
        faults: What to do wrong.
        speed: 1 is the recorded pace; 0 plays as fast as the caller of `play_line` allows,
            and only while somebody listens to a book.
        seed: Decides which frames a fault with a share takes.
        frames: The lines of a capture that is no file.
    """

    def __init__(
        self,
        scan: CaptureScan,
        faults: Faults,
        speed: float,
        seed: int,
        frames: Iterator[CapturedFrame] | None = None,
    ) -> None:
        self.venue = scan.venue
        self.symbols = scan.symbols
        self.exchange_info = scan.exchange_info
        self.counters = Counters()
        self._scan = scan
        self._damage = Damage(faults, Chance(seed))
        self._player = CapturePlayer(scan, speed, frames)
        self._subscriptions = Subscriptions(scan.venue)
        self._desk = DepthDesk(scan, faults, self.counters)
        self._klines = {symbol: KlineRows() for symbol in scan.symbols}
        self._trades = {symbol: TradeRows() for symbol in scan.symbols}
        self._marks: dict[str, wire.Mark] = {}
        self._last_prices: dict[str, str] = {}
        self._is_forced = False
        self._is_playing = False
        self._quiet_from_ns = 0
        self._hold: _Hold | None = None
        self._farewells = Farewells(SHUTDOWN[scan.venue])
        self.trading: TradingMount | None = None
        """Orders and the account; spot is only watched."""
        if scan.venue == "binance_futures":
            books = {symbol: self._desk.book(symbol) for symbol in scan.symbols}
            self.trading = TradingMount(scan.exchange_info, books, faults.trading, seed)
        count = self.trading.used_weight if self.trading else None
        self._rest = RestDesk(self, count)

    # Play

    @property
    def is_finished(self) -> bool:
        """Whether the last line was played."""
        return self._player.next_frame is None

    def start(self) -> None:
        """Play whether or not anybody listens."""
        self._is_forced = True

    def start_on_time(self) -> None:
        """Play each line at its own time, whether or not anybody listens: the clock is right."""
        assert self._player.speed == 1, "another speed is another time"
        self._player.begin(self._scan.first_ns)
        self.start()

    def next_due_ns(self, *, can_play: bool) -> int | None:
        """Return when there is work for `advance` or `play_line`; None while clients are quiet."""
        play_ns = self._play_due_ns() if can_play else None
        pings = [self._ping_due_ns(session) for session in self._subscriptions.sessions]
        trading_ns = self.trading.next_due_ns if self.trading else None
        others = play_ns, self._desk.next_due_ns(), self._farewells.next_due_ns, trading_ns
        return min([due for due in others if due is not None] + pings, default=None)

    def advance(self, now_ns: int) -> None:
        """Do everything that is due, except to play."""
        self._desk.advance(now_ns)
        if self.trading is not None:
            self._tick(self.trading, now_ns)
            self.trading.advance()
        for session in self._farewells.end_due(now_ns):
            self.close_stream(session)
        for session in self._subscriptions.sessions:
            if self._ping_due_ns(session) <= now_ns:
                self._ping(session, now_ns)

    def play_line(self, now_ns: int) -> bool:
        """Play one line if one is due; return whether there may be another."""
        due_ns = self._play_due_ns()
        if due_ns is None or due_ns > now_ns:
            return False
        self._play(now_ns)
        return True

    def learn_past(self, raw: str) -> None:
        """Know a message from before the play; nobody is sent it."""
        message = wire.stream_frame(raw)
        assert message is not None, "the past is told in messages of streams"
        self._learn(message)

    def book(self, symbol: str) -> BookPicture:
        """Return the true book of a symbol of the capture, all levels."""
        return self._desk.book(symbol).picture()

    def close(self) -> None:
        """Leave the capture file."""
        self._player.close()

    # Streams

    def stream_address(self, target: str) -> StreamAddress | None:
        """Read the target of a websocket's handshake; None where the venue has nothing."""
        return stream_address(self.venue, target)

    def open_stream(
        self, address: StreamAddress, outlet: StreamOutlet, now_ns: int
    ) -> StreamSession:
        """Take in a websocket; the names of its URL are subscribed."""
        session = StreamSession(address, outlet, now_ns)
        self.counters.connects += 1
        if self.trading is not None and address.group == "private":
            self._tick(self.trading, now_ns)
            self._subscriptions.open(session)
            self.trading.open(session)
            return session
        self._quiet_from_ns = now_ns
        self._subscriptions.open(session)
        if address.names:
            self._subscribe(session, address.names, now_ns)
        return session

    def close_stream(self, session: StreamSession) -> None:
        """Forget a websocket that is gone; the second time does nothing."""
        if self._subscriptions.is_open(session):
            self._subscriptions.close(session)
            if self.trading is not None:
                self.trading.close(session)
            self._rest_if_alone()

    def on_text(self, session: StreamSession, text: bytes, now_ns: int) -> None:
        """Answer a message of a client."""
        if not self._subscriptions.is_open(session) or session.address.group == "private":
            return
        try:
            control = msgspec.json.decode(text, type=_Control)
        except msgspec.ValidationError as error:
            session.outlet.send_text(_error(2, f"Invalid request: {error}"))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            session.outlet.send_text(_error(3, f"Invalid JSON: {error}"))
        else:
            self._control(session, control, now_ns)

    def on_pong(self, session: StreamSession, now_ns: int) -> None:
        """Note that a client lives."""
        session.heard_ns = now_ns

    # REST

    def request(self, call: HttpCall, reply: Reply, now_ns: int) -> None:
        """Answer a request, for a book perhaps later; a fault of trading may leave it open."""
        if self.trading is not None:
            self._tick(self.trading, now_ns)
            if self.trading.serves(call):
                self.trading.request(call, reply)
                return
        self._rest.handle(call, reply, now_ns)

    def request_depth(self, symbol: str, limit: int, reply: Reply, now_ns: int) -> None:
        """Answer with a book, now or at its recorded moment."""
        self._desk.request(symbol, limit, reply, now_ns)

    def clock_ms(self, now_ns: int) -> int:
        """Return the recorded venue's time."""
        return self._player.clock_ns(now_ns) // NS_PER_MS

    def best(self, symbol: str) -> tuple[wire.Levels, wire.Levels] | None:
        """Return best bid and best ask of now; None before there is a book."""
        book = self._desk.book(symbol)
        return book.levels(1) if book.is_loaded else None

    def kline_rows(self, symbol: str, interval: str) -> list[Row]:
        """Return the klines of what was played so far."""
        return self._klines[symbol].rows(interval)

    def trade_rows(self, symbol: str) -> TradeRows:
        """Return the trades of what was played so far."""
        return self._trades[symbol]

    def premium_index(self, symbol: str) -> dict[str, object]:
        """Return the newest mark price; the last trade's price where none was recorded."""
        price = self._last_prices.get(symbol, "0.00000000")
        mark = self._marks.get(symbol) or wire.Mark(
            event_ms=self._scan.first_ns // NS_PER_MS, mark=price, index=price, settle=price
        )
        return {
            "symbol": symbol,
            "markPrice": mark.mark,
            "indexPrice": mark.index,
            "estimatedSettlePrice": mark.settle,
            "lastFundingRate": mark.rate,
            "interestRate": "0.00000000",
            "nextFundingTime": mark.next_funding_ms,
            "time": mark.event_ms,
        }

    # Inside

    def _play_due_ns(self) -> int | None:
        frame = self._player.next_frame
        if frame is None:
            return None
        if self._is_playing:
            return max(self._player.due_ns(), self._held_until_ns(frame.line))
        if self._is_forced:
            return 0
        if self._subscriptions.has_depth_listener():
            return self._quiet_from_ns + QUIET_NS
        return None

    def _held_until_ns(self, line: int) -> int:
        hold = self._hold
        if hold is None or hold.line != line or self._desk.has_pending(hold.symbol):
            return 0
        return hold.until_ns

    def _tick(self, trading: TradingMount, now_ns: int) -> None:
        trading.tick(now_ns, self._player.clock_ns(now_ns))

    def _play(self, now_ns: int) -> None:
        if self.trading is not None:
            self._tick(self.trading, now_ns)
        if not self._is_playing:
            self._is_playing = True
            if not self._player.has_begun:
                self._player.begin(now_ns)
            return
        coming = self._player.next_frame
        assert coming is not None
        if self._is_disturbed(coming.line, now_ns):
            return
        symbol = snapshot_symbol(coming)
        if symbol and self._must_wait(coming.line, symbol, now_ns):
            return
        frame = self._player.take()
        self.counters.lines_played += 1
        if symbol:
            self._desk.answer_came(
                symbol,
                frame.raw,
                now_ns,
                is_lost=self._damage.is_named(frame.line),
                is_awaited=self._subscriptions.has_listener(f"{symbol.lower()}@depth"),
            )
        elif frame.transport == "ws" and frame.direction == "in":
            self._play_message(frame)

    def _is_disturbed(self, line: int, now_ns: int) -> bool:
        """Let the next fault of this line happen; the line itself comes afterwards."""
        fault = self._damage.take_disturbance(line)
        if fault is not None:
            self._disturb(fault, now_ns)
        return fault is not None

    def _disturb(self, fault: Disturbance, now_ns: int) -> None:
        match fault:
            case Stall(_, seconds):
                self._player.delay_until(now_ns + int(seconds * NS_PER_S))
            case ClockStep(_, seconds):
                self._player.step_clock(int(seconds * NS_PER_S))
            case DayCut(_, seconds):
                notice_ns = int(seconds * NS_PER_S)
                self._farewells.announce(self._subscriptions.sessions, now_ns, notice_ns)
            case Disconnect(_, code, path):
                for session in self._subscriptions.sessions:
                    if path in {"", session.address.group}:
                        session.outlet.close(code, "fault")
                        self.close_stream(session)

    def _must_wait(self, line: int, symbol: str, now_ns: int) -> bool:
        is_awaited = self._subscriptions.has_listener(f"{symbol.lower()}@depth")
        if self._player.speed > 0 or not is_awaited or not self._desk.waits_for_answer(symbol):
            return False
        if self._desk.has_pending(symbol):
            return False
        if self._hold is None or self._hold.line != line:
            self._hold = _Hold(line, symbol, now_ns + PATIENCE_NS)
        return now_ns < self._hold.until_ns

    def _play_message(self, frame: CapturedFrame) -> None:
        message = wire.stream_frame(frame.raw)
        if message is None:
            return
        if message.symbol in self._klines:
            # A damaged number teaches nothing; the frame is played all the same.
            with suppress(InvalidOperation):
                self._learn(message)
        if self._damage.takes(frame.line, message.symbol, partial(_is_stream, message)):
            self.counters.frames_dropped += 1
            return
        other = self._damage.in_place_of(frame.line)
        sent = wire.stream_frame(self._scan.frames[other]) if other is not None else message
        assert sent is not None, "the scan refused faults that move other lines"
        for _ in range(self._damage.times(frame.line)):
            self._send(sent)

    def _send(self, message: wire.StreamFrame) -> None:
        for name, session in self._subscriptions.listeners(message.stream):
            self.counters.frames_sent += 1
            is_combined = session.address.is_combined
            session.outlet.send_text(message_for(message, name, is_combined=is_combined))

    def _learn(self, message: wire.StreamFrame) -> None:
        """Know what a frame says, whether or not it reaches anybody."""
        symbol, kind = message.symbol, message.kind
        if kind == "depth":
            if delta := wire.decoded(wire.delta_decoder, message.payload):
                self._desk.delta_came(symbol, delta)
                self._show_trading(symbol, kind, delta)
        elif kind in {"trade", "aggTrade"}:
            if trade := wire.decoded(wire.print_decoder, message.payload):
                self._klines[symbol].see_trade(kind, trade)
                self._trades[symbol].see(kind, trade)
                self._last_prices[symbol] = trade.price
                self._show_trading(symbol, kind, trade)
        elif kind.startswith("kline_"):
            if kline := wire.decoded(wire.kline_decoder, message.payload):
                self._klines[symbol].see_kline(kline.body)
        elif kind == "markPrice" and (mark := wire.decoded(wire.mark_decoder, message.payload)):
            self._marks[symbol] = mark
            self._show_trading(symbol, kind, mark)

    def _show_trading(
        self, symbol: str, kind: str, seen: wire.Delta | wire.Print | wire.Mark
    ) -> None:
        """Let orders meet what happened."""
        if self.trading is None:
            return
        match seen:
            case wire.Delta():
                self.trading.see_delta(symbol, seen)
            case wire.Print():
                self.trading.see_trade(symbol, kind, seen)
            case wire.Mark():
                self.trading.see_mark(symbol, seen)

    def _control(self, session: StreamSession, control: _Control, now_ns: int) -> None:
        result = b"null"
        match control.method:
            case "SUBSCRIBE":
                if not self._subscribe(session, tuple(control.params), now_ns):
                    return
            case "UNSUBSCRIBE":
                self._quiet_from_ns = now_ns
                self._subscriptions.remove(session, tuple(control.params))
                self._rest_if_alone()
            case "LIST_SUBSCRIPTIONS":
                result = msgspec.json.encode(list(session.names))
            case other:
                known = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`"
                text = f"Invalid request: unknown variant `{other}`, expected one of {known}"
                session.outlet.send_text(_error(2, text))
                return
        session.outlet.send_text(b'{"result":%b,"id":%b}' % (result, bytes(control.id)))

    def _subscribe(self, session: StreamSession, names: tuple[str, ...], now_ns: int) -> bool:
        self.counters.subscribes += 1
        self._quiet_from_ns = now_ns
        if len(session.names.keys() | set(names)) > STREAMS_MAX:
            session.outlet.send_text(_error(4, "Too many streams"))
            session.outlet.close(CLOSE_POLICY, "Too many streams")
            self.close_stream(session)
            return False
        self._subscriptions.add(session, names)
        return True

    def _rest_if_alone(self) -> None:
        """At speed 0 nothing is played to nobody: a client that comes back misses nothing."""
        if self._player.speed == 0 and not self._is_forced:
            self._is_playing = self._is_playing and self._subscriptions.has_depth_listener()

    def _ping_due_ns(self, session: StreamSession) -> int:
        return session.ping_ns + PING_EVERY_NS[self.venue]

    def _ping(self, session: StreamSession, now_ns: int) -> None:
        if now_ns - session.heard_ns > PONG_WITHIN_NS[self.venue]:
            session.outlet.close(CLOSE_POLICY, "Pong timeout")
            self.close_stream(session)
            return
        session.ping_ns = now_ns
        session.outlet.send_ping(str(now_ns // NS_PER_MS).encode())


def _is_stream(message: wire.StreamFrame, name: str) -> bool:
    return source_stream(name) == source_stream(message.stream)


def _error(code: int, text: str) -> bytes:
    return msgspec.json.encode({"error": {"code": code, "msg": text}})
