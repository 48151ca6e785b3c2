"""What the live cases stand on: a market in a hurry, the flood on its way, the tap on the wire."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from websockets.frames import Frame, Opcode

from bench.busy_market import CROWD, FIRST_ID, MIX, SYMBOL, VENUE, Crowd, write_market
from bench.flood import BEHIND_NS, Pace, Whole, framed
from bench.hand import Ticket
from bench.probe import Wakes
from bench.side import LOCAL
from bench.tap import Tap
from engine.ingest.book import Book, Verdict
from engine.model.instrument import instrument_id, symbol_of
from engine.model.market import BookDelta, BookSnapshot, Trade
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.venues.binance.spec import FUTURES
from storage.recording import CaptureReader

HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
NOW_NS = 1_800_000_000 * NS_PER_S


@pytest.mark.parametrize(("sizes", "step"), [((0, 5, 125, 126, 300), 1), ((70_000, 9), 997)])
def test_what_a_venue_says_is_cut_only_between_its_frames(sizes: tuple[int, ...], step: int):
    frames = [Frame(Opcode.TEXT, bytes(size)).serialize(mask=False) for size in sizes]
    said = b"".join((HEAD, *frames))
    ends = {len(HEAD) + sum(map(len, frames[:count])) for count in range(len(frames) + 1)}

    whole, passed = Whole(), b""
    for at in range(0, len(said), step):
        passed += whole.cut(said[at : at + step])
        assert len(passed) in ends or not passed
        assert whole.has_spoken == (len(passed) > len(HEAD))

    assert passed == said


@pytest.mark.parametrize("size", [0, 125, 126, 2_000])
def test_a_frame_of_the_crowd_is_one_of_a_server(size: int):
    assert framed(bytes(size)) == Frame(Opcode.TEXT, bytes(size)).serialize(mask=False)


def test_a_pace_adds_what_is_due_up_to_its_count_and_nothing_that_was_missed():
    pace = Pace()
    assert pace.take(NS_PER_S) == 0

    pace.order(1_000, 150, NS_PER_S)

    assert pace.take(NS_PER_S + 3 * NS_PER_MS) == 3
    assert pace.take(NS_PER_S + 3 * NS_PER_MS) == 0
    assert pace.take(2 * NS_PER_S) == BEHIND_NS // NS_PER_MS
    assert pace.take(3 * NS_PER_S) == 150 - 3 - BEHIND_NS // NS_PER_MS
    assert pace.take(4 * NS_PER_S) == 0


def test_the_crowd_joins_the_books_that_the_venue_lists_and_has_no_gap(tmp_path: Path):
    lines = list(CaptureReader(write_market(tmp_path / "market.jsonl", NOW_NS, 20)))
    assert FUTURES.wire is not None
    assert FUTURES.endpoints is not None
    wire = FUTURES.wire(FUTURES.endpoints)
    wire.receive_answer(wire.metadata_requests()[0], 200, lines[0].raw.encode(), NOW_NS)
    wire.choose((SYMBOL, *CROWD))
    books = {instrument_id(VENUE, name): Book("previous_id") for name in CROWD}
    answers = {one.url.partition("symbol=")[2].partition("&")[0]: one.raw for one in lines[1:21]}
    trades: dict[str, list[int]] = {}
    for name, book in books.items():
        request = wire.snapshot_request(name)
        raw = answers[symbol_of(name)].encode()
        (snapshot,) = (
            event
            for event in wire.receive_answer(request, 200, raw, NOW_NS)
            if isinstance(event, BookSnapshot)
        )
        book.apply_snapshot(snapshot, NOW_NS)
        assert book.last_seq == FIRST_ID

    for frame in Crowd().frames(len(CROWD) * len(MIX) * 2, NOW_NS // NS_PER_MS):
        for event in wire.receive(frame, NOW_NS):
            if isinstance(event, BookDelta):
                assert books[event.instrument_id].apply(event, NOW_NS) is Verdict.APPLIED
            elif isinstance(event, Trade):
                trades.setdefault(event.instrument_id, []).append(event.trade_id)

    assert {book.last_seq for book in books.values()} == {FIRST_ID - 1 + 2 * MIX.count("d")}
    assert trades.keys() == books.keys()
    assert all(after - before == 1 for ids in trades.values() for before, after in pairwise(ids))


@contextmanager
def a_tap() -> Iterator[tuple[Tap, socket.socket, socket.socket]]:
    """Run one between two ends of a connection."""
    with socket.create_server((LOCAL, 0)) as server:
        tap = Tap(server.getsockname()[1])
        port = int(tap.url.rpartition(":")[2])
        with socket.create_connection((LOCAL, port)) as near, server.accept()[0] as far:
            yield tap, near, far
        tap.close()


def test_a_tap_times_the_first_byte_of_an_order_and_passes_all_of_it_on():
    parts = [
        b"POST /fapi/v1/order HTTP/1.1\r\nhost: x\r\n\r\n",
        b"symbol=ABCUSDT&newClientOrderId=ck1&signature=0",
    ]
    with a_tap() as (tap, near, far):
        near.sendall(parts[0])
        assert far.recv(1_000) == parts[0]
        between_ns = time.monotonic_ns()
        assert tap.names("place", 0) == []
        near.sendall(parts[1])
        assert far.recv(1_000) == parts[1]
        left_ns = tap.first("place", 0, 5)
        assert left_ns is not None
        assert left_ns < between_ns
        assert tap.names("place", 0) == ["ck1"]

        far.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        assert near.recv(1_000) == b"HTTP/1.1 200 OK\r\n\r\n"
        near.sendall(b"DELETE /fapi/v1/allOpenOrders?symbol=ABCUSDT HTTP/1.1\r\n\r\n")
        assert tap.first("cancel", 0, 5) is not None


def test_a_ticket_says_the_same_to_the_port_and_to_the_command_line():
    ticket = Ticket(price=Decimal("95.0"), step=Decimal("0.1"))

    order = ticket.resting(3)

    assert (order.price, order.size) == (Decimal("95.3"), Decimal(ticket.size))
    assert ticket.line(3) == f"buy {ticket.size} btc @ 95.3 post"


def test_a_wake_that_is_late_counts_for_whoever_waited_then():
    with Wakes() as wakes:
        began_ns = time.monotonic_ns()
        while not wakes.worst_ns(began_ns, time.monotonic_ns()):
            time.sleep(0.001)


def test_lines_of_the_market_are_json_of_the_venue(tmp_path: Path):
    lines = list(CaptureReader(write_market(tmp_path / "market.jsonl", NOW_NS, 20)))

    assert [one.ts_ns for one in lines] == sorted(one.ts_ns for one in lines)
    assert {one.venue for one in lines} == {VENUE}
    assert all(json.loads(one.raw) for one in lines)
