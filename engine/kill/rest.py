"""Signed requests, one after the other, each sent once; whoever asks decides what to repeat."""

from collections.abc import Callable
from typing import Final

from engine.kill.clock import KillClock, seconds
from engine.model.errors import ConfigError, VenuePayloadError, VenueUnreachable
from engine.model.text import clean
from engine.trust import authorities
from engine.venues.trading import HttpCall, HttpReply, TradeAnswer, TradeRequest, TradeWire

OPEN_S: Final = 5.0
ANSWER_S: Final = 10.0
BODY_MAX: Final = 16 * 1024 * 1024
REASON_MAX: Final = 80

Send = Callable[[HttpCall], HttpReply]
"""Sends one request; raises `VenueUnreachable` where there is no whole answer."""


class Rest:
    """The way to one venue.

    Args:
        wire: Signs and reads.
        send: Carries bytes.
        clock: Ours.
    """

    def __init__(self, wire: TradeWire, send: Send, clock: KillClock) -> None:
        self.wire = wire
        self.pause_s = 0.0
        """How long the venue wants to hear nothing, as the newest answer said."""
        self.is_key_bad = False
        """Whether the newest signed answer refused the key."""
        self.offset_ns = 0
        """How far the venue's clock is ahead at least: what is signed never leads it."""
        self._send = send
        self._clock = clock
        self._is_measured = False

    def ask(self, request: TradeRequest) -> TradeAnswer:
        """Send a request once.

        Raises:
            VenueUnreachable: There was no answer.
        """
        if request.is_signed and not self._is_measured:
            self._measure()
        answer, _ = self._asked(request)
        return answer

    def rows(self, request: TradeRequest) -> list[object]:
        """Return all that a question brings.

        Raises:
            VenueUnreachable: It brought nothing, or not all.
        """
        rows: list[object] = []
        page: TradeRequest | None = request
        while page is not None:
            answer = self.ask(page)
            if answer.verdict != "confirmed":
                raise VenueUnreachable(answer.reason or answer.verdict)
            rows += answer.rows
            page = answer.next_page
        return rows

    def _asked(self, request: TradeRequest) -> tuple[TradeAnswer, bytes]:
        try:
            call = self.wire.sign(request, self._clock.now_ns() + self.offset_ns)
        except ConfigError as error:
            raise VenueUnreachable(str(error), was_sent=False) from error
        reply = self._send(call)
        now_ns = self._clock.now_ns()
        said = reply.status, reply.headers, reply.body
        answer = self.wire.decode(request, *said, now_ns, self.offset_ns)
        self.pause_s = seconds(answer.pause_ns)
        self.is_key_bad = answer.is_key_bad
        if answer.is_clock_off:
            self._is_measured = False
        return answer, reply.body

    def _measure(self) -> None:
        """Learn the venue's clock; where it does not tell, ours must do."""
        try:
            _, body = self._asked(self.wire.time())
            self.offset_ns = self.wire.venue_time_ns(body) - self._clock.now_ns()
        except (VenueUnreachable, VenuePayloadError):
            return
        self._is_measured = True


def network() -> Send:
    """Return the network of this machine."""
    import httpx  # It takes a tenth of a second, and the latch is to be set before.

    client = httpx.Client(
        verify=authorities(),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(ANSWER_S, connect=OPEN_S),
        headers={"user-agent": "cockpit-trader", "accept-encoding": "gzip"},
    )

    def send(call: HttpCall) -> HttpReply:
        try:
            reply = client.request(
                call.method, call.url, headers=dict(call.headers), content=call.body or None
            )
        except Exception as error:  # More kinds than the library tells of get through it.
            told = clean(str(error), REASON_MAX) or type(error).__name__
            raise VenueUnreachable(f"no answer: {told}") from error
        if len(reply.content) > BODY_MAX:
            raise VenueUnreachable(f"an answer above {BODY_MAX} bytes")
        return HttpReply(reply.status_code, dict(reply.headers), reply.content)

    return send
