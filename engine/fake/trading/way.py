"""The way between one engine and the exchange: what travels, what is lost, what comes twice.

Time is asked of a clock that is handed in; whoever carries the way calls `advance` when something
is due. Requests that have left arrive even if the engine is gone by then.
"""

import heapq
from collections.abc import Callable, Mapping

from engine.fake.trading.exchange import FakeExchange, Travelling, VenueRequest
from engine.fake.trading.mishaps import Mishaps, RequestFate
from engine.fake.trading.user_stream import UserStream
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.venues.trading import HttpReply

OnReply = Callable[[HttpReply | None], None]
"""Takes the answer once; None when the connection broke without one."""


class PrivateLine:
    """One private websocket, from the exchange's side to the client's.

    Args:
        deliver: Takes each message that arrives.
        shut: Takes the close code; nothing is delivered afterwards.
    """

    def __init__(self, deliver: Callable[[bytes], None], shut: Callable[[int], None]) -> None:
        self._deliver = deliver
        self._shut = shut
        self._frames: list[tuple[int, int, bytes]] = []
        self._count = 0
        self._last_ns = 0
        self.is_closed = False

    @property
    def next_due_ns(self) -> int | None:
        """When the next message arrives."""
        return self._frames[0][0] if self._frames else None

    def push(self, frame: bytes, due_ns: int, times: int) -> None:
        """Send a frame; those of one connection keep their order."""
        self._last_ns = max(self._last_ns, due_ns)
        for _ in range(times):
            self._count += 1
            heapq.heappush(self._frames, (self._last_ns, self._count, frame))

    def stall(self, until_ns: int) -> None:
        """Let nothing more arrive until then."""
        self._last_ns = max(self._last_ns, until_ns)

    def close(self, code: int) -> None:
        """End it; what has not arrived never does."""
        if not self.is_closed:
            self.is_closed = True
            self._frames.clear()
            self._shut(code)

    def advance(self, now_ns: int) -> None:
        """Deliver what has arrived."""
        while self._frames and self._frames[0][0] <= now_ns:
            self._deliver(heapq.heappop(self._frames)[2])


class Way:
    """Requests and private websockets of one engine.

    Args:
        exchange: At the other end.
        mishaps: What goes wrong on the way.
        now: The true time, UTC nanoseconds.
    """

    def __init__(self, exchange: FakeExchange, mishaps: Mishaps, now: Callable[[], int]) -> None:
        self.exchange = exchange
        self.on_due: Callable[[], None] = lambda: None
        """Is called when something new is due; `next_due_ns` may be earlier than before."""
        self.sent = 0
        """Requests that left."""
        self._mishaps = mishaps
        self._now = now
        self._lines: dict[PrivateLine, UserStream] = {}
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._is_cut = False
        exchange.skew_ns = int(mishaps.faults.skew_s * NS_PER_S)
        exchange.desk.is_post_only_told = mishaps.faults.post_only_expires
        exchange.stops_go_along = mishaps.faults.stops_go_along

    @property
    def next_due_ns(self) -> int | None:
        """When `advance` has something to do."""
        dues = [self.exchange.next_due_ns, *(line.next_due_ns for line in self._lines)]
        known = [due for due in dues if due is not None]
        known += [self._later[0][0]] if self._later else []
        return min(known, default=None)

    def advance(self) -> None:
        """Let happen and arrive what is due."""
        now_ns = self._now()
        self.exchange.advance(now_ns)
        while self._later and self._later[0][0] <= now_ns:
            heapq.heappop(self._later)[2]()
        for line in list(self._lines):
            line.advance(now_ns)
            if line.is_closed:
                self._forget(line)

    def draw(self, method: str) -> RequestFate:
        """Draw what happens to the next request."""
        return self._mishaps.request(is_query=method == "GET")

    def request(self, request: VenueRequest, fate: RequestFate, on_reply: OnReply) -> None:
        """Let a request leave.

        Args:
            request: What leaves.
            fate: What `draw` said of it.
            on_reply: Called once, later or never.
        """
        assert fate.is_sent, "what is not sent has no way"
        self.sent += 1
        arrives_ns = self._now() + fate.there_ns

        def answered(reply: HttpReply) -> None:
            if fate.is_answered:
                echo = _echo(request) if fate.spoil else ""
                spoiled = self._mishaps.spoiled(reply, fate.spoil, echo)
                self._at(self._now() + fate.back_ns, lambda: on_reply(spoiled))

        if fate.is_arriving:
            self.exchange.send(Travelling(request, fate.lag_ns, answered), arrives_ns)
        elif fate.is_answered:
            nothing = HttpReply(503, {}, b"")
            self._at(arrives_ns, lambda: answered(nothing))
        if fate.breaks_ns:
            self._at(arrives_ns + fate.breaks_ns, lambda: on_reply(None))
        self._wake()

    def open(
        self, listen_key: str, deliver: Callable[[bytes], None], shut: Callable[[int], None]
    ) -> PrivateLine | None:
        """Open a private websocket; None if it cannot be opened just now."""
        if not self._mishaps.opens():
            return None
        line = PrivateLine(deliver, shut)
        stream = self.exchange.open_stream(
            listen_key, lambda frame: self._push(line, frame), line.close, self._now()
        )
        self._lines[line] = stream
        self._wake()
        return line

    def close(self, line: PrivateLine) -> None:
        """Note that the client closed a websocket."""
        line.is_closed = True
        self._forget(line)

    def cut(self) -> None:
        """Note that the engine is gone: what it sent arrives, and nobody hears of it."""
        self._is_cut = True
        self._later.clear()
        for line in list(self._lines):
            self.close(line)

    def _push(self, line: PrivateLine, frame: bytes) -> None:
        if line.is_closed:
            return
        now_ns, fate = self._now(), self._mishaps.frame()
        streams = self.exchange.streams
        if fate.expires and streams.key:
            streams.expire(self._venue_ms(), is_loud=fate.expires == "loud")
            return
        if fate.close_code:
            line.close(fate.close_code)
        else:
            line.push(frame, now_ns + fate.delay_ns, fate.times)
            if fate.stall_ns:
                line.stall(now_ns + fate.stall_ns)
        self._wake()

    def _venue_ms(self) -> int:
        return (self._now() + self.exchange.skew_ns) // NS_PER_MS

    def _forget(self, line: PrivateLine) -> None:
        stream = self._lines.pop(line, None)
        if stream is not None:
            self.exchange.streams.close(stream)

    def _at(self, due_ns: int, act: Callable[[], None]) -> None:
        if not self._is_cut:
            self._count += 1
            heapq.heappush(self._later, (due_ns, self._count, act))
            self._wake()

    def _wake(self) -> None:
        if not self._is_cut:
            self.on_due()


def _echo(request: VenueRequest) -> str:
    """Return a request as a careless proxy would show it."""
    said = request.query or request.body.decode("utf-8", "replace")
    return f"{dict(request.headers)} {request.method} {request.path}?{said}"


def venue_request(method: str, url: str, headers: Mapping[str, str], body: bytes) -> VenueRequest:
    """Return a request as the exchange receives it, from the URL as it was written."""
    rest, _, query = url.partition("?")
    path = "/" + rest.partition("://")[2].partition("/")[2]
    return VenueRequest(method=method, path=path, query=query, headers=headers, body=body)
