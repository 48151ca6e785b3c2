"""One connection to a fake venue: bytes in, bytes out, HTTP first and perhaps a websocket after.

Sans-I/O: h11 reads and writes HTTP, websockets' `ServerProtocol` what follows an upgrade; whoever
carries the bytes hands in a `Transport`.
"""

from typing import Final, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import h11
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from engine.fake.faults import CLOSE_ABNORMAL
from engine.fake.rest import HttpAnswer, HttpCall, error_answer
from engine.fake.streams import StreamSession
from engine.fake.venue import CLOSE_POLICY, Venue

HEAD_MAX: Final = 16 * 1024
"""Bytes of a request's first line and headers."""

BODY_MAX: Final = 1024 * 1024
MESSAGE_MAX: Final = 64 * 1024
"""Bytes of a client's websocket message; 1,024 stream names fit."""

BACKLOG_MAX: Final = 1024 * 1024
"""Bytes that a client may send on while its request is held."""

OUTGOING_MAX: Final = 8 * 1024 * 1024
"""Bytes waiting for a client that reads slowly; one more frame ends the connection."""


class Transport(Protocol):
    """What carries the bytes of one connection."""

    def write(self, data: bytes) -> None:
        """Take bytes to send, without waiting."""

    def pending(self) -> int:
        """Return how many of them have not left yet."""

    def close(self) -> None:
        """End the connection when all bytes have left."""

    def expect_close(self) -> None:
        """End the connection soon, unless the other side does it first."""

    def abort(self) -> None:
        """End the connection at once."""


class VenueConnection:
    """Speaks the venue's protocols with one client.

    Args:
        venue: Who answers.
        transport: Where the bytes go.
    """

    def __init__(self, venue: Venue, transport: Transport) -> None:
        self._venue = venue
        self._transport = transport
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_MAX)
        self._request: h11.Request | None = None
        self._body = b""
        self._backlog = 0
        self._is_reading = False
        self._is_over = False
        self._socket: ServerProtocol | None = None
        self._session: StreamSession | None = None
        self._message = b""

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take in what the client sent; empty bytes are its end of the stream."""
        if self._is_over:
            return
        if self._socket is not None:
            self._receive_frames(self._socket, data, now_ns)
            return
        self._backlog += len(data)
        if self._backlog > BACKLOG_MAX + BODY_MAX:
            self._abort()
            return
        try:
            self._http.receive_data(data)
        except RuntimeError:
            # h11 refuses more after its peer's end; nothing sensible can follow.
            self._abort()
            return
        self._read_http(now_ns)

    def lost(self) -> None:
        """Note that the connection is gone."""
        self._is_over = True
        self._leave()

    # The outlet of a stream session

    def send_text(self, text: bytes) -> None:
        """Send one message; a client with too many unread ones is cut off."""
        socket = self._socket
        if socket is None or socket.state is not OPEN or self._is_over:
            return
        if self._transport.pending() > OUTGOING_MAX:
            self.close(CLOSE_POLICY, "Client reads too slowly")
            self._leave()
            return
        socket.send_text(text)
        self._flush(socket)

    def send_ping(self, payload: bytes) -> None:
        """Send a ping."""
        socket = self._socket
        if socket is not None and socket.state is OPEN and not self._is_over:
            socket.send_ping(payload)
            self._flush(socket)

    def close(self, code: int, reason: str = "") -> None:
        """Close the websocket; 1006 drops the connection without a word."""
        socket = self._socket
        if code == CLOSE_ABNORMAL or socket is None:
            self._abort()
        elif socket.state is OPEN:
            socket.send_close(code, reason)
            self._flush(socket)
            self._transport.expect_close()

    # HTTP

    def _read_http(self, now_ns: int) -> None:
        if self._is_reading:
            return
        self._is_reading = True
        try:
            may_go_on = True
            while may_go_on and self._socket is None and not self._is_over:
                may_go_on = self._take_event(now_ns)
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint, "Bad request")
        finally:
            self._is_reading = False

    def _take_event(self, now_ns: int) -> bool:
        """Handle what h11 has read; return whether there may be more."""
        event = self._http.next_event()
        if isinstance(event, h11.Request):
            self._request, self._body = event, b""
            if self._http.they_are_waiting_for_100_continue:
                self._send(h11.InformationalResponse(status_code=100, headers=[]))
        elif isinstance(event, h11.Data):
            self._body += bytes(event.data)
            if len(self._body) > BODY_MAX:
                self._refuse(413, "Body too large")
                return False
        elif isinstance(event, h11.EndOfMessage):
            self._dispatch(now_ns)
        elif isinstance(event, h11.ConnectionClosed):
            # A client that closed its half may still wait for an answer.
            if self._http.our_state is not h11.SEND_RESPONSE:
                self._end()
            return False
        else:
            return False
        return True

    def _dispatch(self, now_ns: int) -> None:
        request = self._request
        assert request is not None
        self._backlog = 0
        target = request.target.decode("ascii", "replace")
        if any(
            name == b"upgrade" and value.lower() == b"websocket" for name, value in request.headers
        ):
            self._upgrade(request, target, now_ns)
            return
        if self._venue.stream_address(target) is not None:
            self._reply(error_answer(-1000, "This address speaks websocket.", 426), now_ns)
            return
        parts = urlsplit(target)
        call = HttpCall(
            method=request.method.decode("ascii"),
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers=tuple(request.headers),
            body=self._body,
            raw_query=parts.query,
        )
        self._venue.request(call, lambda answer: self._reply(answer, now_ns), now_ns)

    def _reply(self, answer: HttpAnswer, now_ns: int) -> None:
        if self._is_over:
            return
        if self._transport.pending() > OUTGOING_MAX:
            self._abort()  # It asks and asks, and reads nothing.
            return
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            *answer.headers,
        ]
        self._send(h11.Response(status_code=answer.status, headers=headers))
        if self._request is not None and self._request.method != b"HEAD":
            self._send(h11.Data(data=answer.body))
        self._send(h11.EndOfMessage())
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._read_http(now_ns)
        else:
            self._end()

    def _refuse(self, status: int, text: str) -> None:
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            body = text.encode()
            length = ("Content-Length", str(len(body)))
            headers = [length, ("Connection", "close")]
            self._send(h11.Response(status_code=status, headers=headers))
            self._send(h11.Data(data=body))
            self._send(h11.EndOfMessage())
        self._end()

    def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._transport.write(data)

    def _end(self) -> None:
        self._is_over = True
        self._transport.close()

    def _abort(self) -> None:
        self._is_over = True
        self._transport.abort()

    def _leave(self) -> None:
        if self._session is not None:
            self._venue.close_stream(self._session)

    # Websocket

    def _upgrade(self, request: h11.Request, target: str, now_ns: int) -> None:
        socket = self._socket = ServerProtocol(max_size=MESSAGE_MAX)
        lines = [b"%b %b HTTP/%b" % (request.method, request.target, request.http_version)]
        lines += [b"%b: %b" % header for header in request.headers]
        socket.receive_data(b"\r\n".join([*lines, b"", b""]))
        address = self._venue.stream_address(target)
        for event in socket.events_received():
            assert isinstance(event, Request)
            if address is None:
                response = socket.reject(404, "There is no stream at this address.\n")
            else:
                response = socket.accept(event)
            socket.send_response(response)
        self._flush(socket)
        if socket.state is not OPEN or address is None:
            return
        self._session = self._venue.open_stream(address, self, now_ns)
        trailing, is_closed = self._http.trailing_data
        if trailing:
            self._receive_frames(socket, trailing, now_ns)
        if is_closed:
            self._receive_frames(socket, b"", now_ns)

    def _receive_frames(self, socket: ServerProtocol, data: bytes, now_ns: int) -> None:
        if data:
            socket.receive_data(data)
        else:
            socket.receive_eof()
        for event in socket.events_received():
            if isinstance(event, Frame) and self._session is not None:
                self._take_frame(self._session, event, now_ns)
        self._flush(socket)

    def _take_frame(self, session: StreamSession, frame: Frame, now_ns: int) -> None:
        if frame.opcode is Opcode.PONG:
            self._venue.on_pong(session, now_ns)
        elif frame.opcode is Opcode.CLOSE:
            self._venue.close_stream(session)
        elif frame.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            self._message += frame.data
            if frame.fin:
                text, self._message = self._message, b""
                self._venue.on_text(session, bytes(text), now_ns)

    def _flush(self, socket: ServerProtocol) -> None:
        for data in socket.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._end()
