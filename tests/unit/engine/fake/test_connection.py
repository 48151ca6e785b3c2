"""One connection, byte by byte: plain HTTP, hostile HTTP, upgrades, slow and rude clients."""

import base64
import json
from pathlib import Path

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from engine.fake.connection import BACKLOG_MAX, BODY_MAX, MESSAGE_MAX, OUTGOING_MAX
from tests.unit.engine.fake.captures import MemoryTransport, Rehearsal, a_recording

HOST = b"Host: x\r\n"
PING = b"GET /fapi/v1/ping HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal(a_recording().write(tmp_path))


def sent(rehearsal: Rehearsal, *pieces: bytes) -> MemoryTransport:
    connection, transport = rehearsal.connection()
    for piece in pieces:
        connection.receive(piece, rehearsal.now_ns)
    return transport


def statuses(transport: MemoryTransport) -> list[int]:
    heads = transport.sent.split(b"HTTP/1.1 ")[1:]
    return [int(head[:3]) for head in heads]


# HTTP


def test_requests_follow_each_other_on_one_connection(rehearsal: Rehearsal):
    transport = sent(rehearsal, PING + PING, PING)

    assert statuses(transport) == [200, 200, 200]
    assert transport.sent.count(b"X-MBX-USED-WEIGHT-1M: ") == 3
    assert transport.ended == ""


def test_a_request_may_come_byte_by_byte(rehearsal: Rehearsal):
    transport = sent(rehearsal, *(PING[at : at + 1] for at in range(len(PING))))

    assert transport.sent.endswith(b"\r\n\r\n{}")


def test_the_next_request_waits_for_the_answer_that_is_held(rehearsal: Rehearsal):
    rehearsal.open("/public/ws/abcusdt@depth")
    depth = b"GET /fapi/v1/depth?symbol=ABCUSDT&limit=1000 HTTP/1.1\r\n" + HOST + b"\r\n"
    transport = sent(rehearsal, depth + PING)
    assert transport.sent == b""

    rehearsal.run(10)

    assert statuses(transport) == [200, 200]
    assert transport.sent.endswith(b"{}")


def test_an_answer_to_a_client_that_left_goes_nowhere(rehearsal: Rehearsal):
    rehearsal.open("/public/ws/abcusdt@depth")
    depth = b"GET /fapi/v1/depth?symbol=ABCUSDT&limit=1000 HTTP/1.1\r\n" + HOST + b"\r\n"
    connection, transport = rehearsal.connection()
    connection.receive(depth, rehearsal.now_ns)

    connection.lost()
    rehearsal.run(10)
    connection.receive(PING, rehearsal.now_ns)

    assert transport.sent == b""


def test_a_client_that_closes_after_its_request_gets_the_answer(rehearsal: Rehearsal):
    transport = sent(rehearsal, PING, b"")

    assert statuses(transport) == [200]
    assert transport.ended == "close"


def test_a_client_that_closed_its_half_gets_the_answer_that_was_held(rehearsal: Rehearsal):
    rehearsal.open("/public/ws/abcusdt@depth")
    depth = b"GET /fapi/v1/depth?symbol=ABCUSDT&limit=1000 HTTP/1.1\r\n" + HOST + b"\r\n"
    transport = sent(rehearsal, depth, b"")
    assert transport.ended == ""

    rehearsal.run(10)

    assert statuses(transport) == [200]
    assert transport.ended == "close"


def test_data_after_the_end_is_not_read(rehearsal: Rehearsal):
    rehearsal.open("/public/ws/abcusdt@depth")
    depth = b"GET /fapi/v1/depth?symbol=ABCUSDT&limit=1000 HTTP/1.1\r\n" + HOST + b"\r\n"

    transport = sent(rehearsal, depth, b"", PING)

    assert transport.ended == "abort"


def test_head_gets_no_body_and_close_is_obeyed(rehearsal: Rehearsal):
    head = b"HEAD /fapi/v1/ping HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"

    transport = sent(rehearsal, head)

    assert transport.sent.endswith(b"\r\n\r\n")
    assert transport.ended == "close"


def test_bodies_are_read_and_every_method_is_answered(rehearsal: Rehearsal):
    lines = b" /fapi/v1/nothing HTTP/1.1\r\nContent-Length: 4\r\n" + HOST + b"\r\nabcd"

    transport = sent(rehearsal, b"POST" + lines, b"PUT" + lines, b"DELETE" + lines)

    assert statuses(transport) == [404, 404, 404]


def test_a_client_that_asks_first_whether_it_may_send_may(rehearsal: Rehearsal):
    head = b"POST /x HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" + HOST + b"\r\n"

    transport = sent(rehearsal, head, b"ab")

    assert statuses(transport) == [100, 404]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: magic\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000, 431),
        (b"GET /" + b"a" * 20_000, 431),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (BODY_MAX + 1)
            + b"x" * (BODY_MAX + 1),
            413,
        ),
    ],
    ids=[
        *("tls", "no target", "no host", "negative length", "blank in a name", "odd encoding"),
        *("long header", "long target", "long body"),
    ],
)
def test_hostile_requests_are_refused_and_the_connection_ends(
    rehearsal: Rehearsal, data: bytes, status: int
):
    transport = sent(rehearsal, data, PING)

    assert statuses(transport) == [status]
    assert transport.ended == "close"


def test_who_floods_while_an_answer_is_held_is_dropped(rehearsal: Rehearsal):
    depth = b"GET /fapi/v1/depth?symbol=ABCUSDT&limit=1000 HTTP/1.1\r\n" + HOST + b"\r\n"

    transport = sent(rehearsal, depth, b"x" * (BACKLOG_MAX + BODY_MAX + 1))

    assert transport.ended == "abort"


def test_who_asks_and_never_reads_is_dropped(rehearsal: Rehearsal):
    connection, transport = rehearsal.connection()
    transport.unread = OUTGOING_MAX + 1

    connection.receive(PING, rehearsal.now_ns)

    assert transport.ended == "abort"
    assert transport.sent == b""


# Websocket


class Client:
    """websockets' own client, wired to a connection in memory."""

    def __init__(self, rehearsal: Rehearsal, target: str) -> None:
        self.rehearsal = rehearsal
        self.connection, self.transport = rehearsal.connection()
        self.protocol = ClientProtocol(parse_uri(f"ws://x{target}"))
        self.protocol.send_request(self.protocol.connect())
        self.read = 0
        self.frames: list[Frame] = []
        self.status = 0
        self.exchange()

    def exchange(self) -> None:
        """Carry bytes both ways."""
        for data in self.protocol.data_to_send():
            self.connection.receive(data, self.rehearsal.now_ns)
        data, self.read = self.transport.sent[self.read :], len(self.transport.sent)
        if data:
            self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Response):
                self.status = event.status_code
            elif isinstance(event, Frame):
                self.frames.append(event)

    def texts(self) -> list[bytes]:
        """Return the messages received."""
        return [bytes(frame.data) for frame in self.frames if frame.opcode is Opcode.TEXT]


def test_an_upgrade_opens_a_stream(rehearsal: Rehearsal):
    client = Client(rehearsal, "/public/stream?streams=abcusdt@depth")

    rehearsal.run(10)
    client.exchange()

    assert client.status == 101
    assert [json.loads(text)["data"]["u"] for text in client.texts()] == [10, 13, 16, 18]


def test_what_follows_the_handshake_in_one_piece_is_heard(rehearsal: Rehearsal):
    connection, transport = rehearsal.connection()
    protocol = ClientProtocol(parse_uri("ws://x/public/ws"))
    protocol.send_request(protocol.connect())
    text = b'{"method":"LIST_SUBSCRIPTIONS","id":1}'
    frame = Frame(Opcode.TEXT, text).serialize(mask=True)

    connection.receive(b"".join(protocol.data_to_send()) + frame, rehearsal.now_ns)

    assert b'{"result":[],"id":1}' in transport.sent


def test_a_message_may_come_in_fragments(rehearsal: Rehearsal):
    client = Client(rehearsal, "/public/ws")

    client.protocol.send_text(b'{"method":"LIST_', fin=False)
    client.protocol.send_continuation(b'SUBSCRIPTIONS","id":1}', fin=True)
    client.exchange()
    client.exchange()

    assert client.texts() == [b'{"result":[],"id":1}']


def test_pings_are_answered_and_pongs_are_heard(rehearsal: Rehearsal):
    client = Client(rehearsal, "/public/ws/abcusdt@depth")
    for _ in range(10):
        rehearsal.run(181)
        client.exchange()
        client.exchange()

    client.protocol.send_ping(b"hi")
    client.exchange()
    client.exchange()

    assert client.transport.ended == "", "it has answered every ping for half an hour"
    assert client.frames[-1].opcode is Opcode.PONG


def test_a_client_that_closes_is_answered_and_forgotten(rehearsal: Rehearsal):
    client = Client(rehearsal, "/public/ws/abcusdt@depth")

    client.protocol.send_close(1000)
    client.exchange()
    client.exchange()
    client.connection.lost()

    assert client.frames[-1].opcode is Opcode.CLOSE
    assert client.transport.ended == "close"
    assert rehearsal.venue.next_due_ns(can_play=True) is None


def test_a_client_that_vanishes_is_forgotten(rehearsal: Rehearsal):
    client = Client(rehearsal, "/public/ws/abcusdt@depth")

    client.connection.receive(b"", rehearsal.now_ns)
    client.connection.lost()
    rehearsal.run(10)

    assert rehearsal.venue.counters.lines_played == 0


@pytest.mark.parametrize("target", ["/nothing", "/private/ws", "/ws2", "/fapi/v1/ping"])
def test_there_is_no_stream_elsewhere(rehearsal: Rehearsal, target: str):
    connection, transport = rehearsal.connection()
    key = base64.b64encode(b"0" * 16)
    connection.receive(handshake(target.encode(), b"Sec-WebSocket-Key: " + key), rehearsal.now_ns)

    assert statuses(transport) == [404]
    assert transport.ended == "close"


def handshake(target: bytes, *headers: bytes) -> bytes:
    lines = [b"GET " + target + b" HTTP/1.1", b"Host: x", b"Connection: Upgrade"]
    return b"\r\n".join([*lines, b"Upgrade: websocket", *headers, b"", b""])


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (handshake(b"/public/ws"), 400),
        (handshake(b"/public/ws", b"Sec-WebSocket-Key: short"), 400),
        (handshake(b"/public/ws", b"Sec-WebSocket-Key: " + b"MDAwMDAwMDAwMDAwMDAwMA=="), 400),
        (handshake(b"/public/ws").replace(b"Connection: Upgrade", b"Connection: close"), 426),
        (handshake(b"/public/ws").replace(b"GET", b"POST"), 405),
        (handshake(b"/public/ws", b"A: " + b"a" * 9_000), 431),
        (b"GET /public/ws HTTP/1.1\r\nHost: x\r\n\r\n", 426),
    ],
    ids=["no key", "bad key", "no version", "closing", "post", "long header", "plain"],
)
def test_wrong_upgrades_are_refused(rehearsal: Rehearsal, data: bytes, status: int):
    transport = sent(rehearsal, data)

    assert statuses(transport) == [status]
    assert rehearsal.venue.counters.connects == 0


def test_another_upgrade_is_not_taken_up(rehearsal: Rehearsal):
    asked = PING.replace(HOST, HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n")

    transport = sent(rehearsal, asked, PING)

    assert statuses(transport) == [200, 200]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x00\x00garbage", 1002),
        (Frame(Opcode.TEXT, b"x" * (MESSAGE_MAX + 1)).serialize(mask=True), 1009),
    ],
    ids=["garbage", "too long"],
)
def test_a_broken_frame_ends_the_stream(rehearsal: Rehearsal, data: bytes, code: int):
    client = Client(rehearsal, "/public/ws/abcusdt@depth")

    client.connection.receive(data, rehearsal.now_ns)
    client.exchange()
    client.connection.lost()

    assert client.transport.ended == "close"
    assert client.protocol.close_rcvd is not None
    assert client.protocol.close_rcvd.code == code


def test_a_slow_reader_is_closed_as_the_venue_would(rehearsal: Rehearsal):
    client = Client(rehearsal, "/public/ws/abcusdt@depth")
    rehearsal.run(0.2)
    client.transport.unread = OUTGOING_MAX + 1

    rehearsal.run(10)
    client.exchange()

    assert len(client.texts()) == 1
    assert client.protocol.close_rcvd is not None
    assert client.protocol.close_rcvd.code == 1008
    assert client.transport.ended == "expected"


def test_a_dropped_connection_says_no_word(rehearsal: Rehearsal):
    client = Client(rehearsal, "/public/ws/abcusdt@depth")

    client.connection.close(1006)
    client.connection.send_ping(b"")

    assert client.transport.ended == "abort"
