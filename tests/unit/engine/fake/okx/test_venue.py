"""The local OKX in virtual time: what is played, what begins a stream, when it hangs up."""

import json
from pathlib import Path

import pytest

from engine.fake.farewells import CLOSE_AWAY
from engine.fake.faults import ClockStep, DayCut, Disconnect, Drop, Faults, Stall
from engine.fake.okx.book import checksum
from engine.fake.okx.protocol import REQUESTS_MAX
from engine.fake.okx.venue import CLOSE_IDLE
from tests.fakes.captures import Recording
from tests.fakes.okx_wire import books, push, trade_row, whole
from tests.unit.engine.fake.captures import MemoryOutlet
from tests.unit.engine.fake.okx.rehearsal import (
    BUSINESS,
    PUBLIC,
    SPOT,
    Rehearsal,
    a_recording,
    heard,
)

GRACE = 0.2
STEP = 0.1
ALL = [("whole", 10), 15, 15, 18]


def a_rehearsal(folder: Path, **more) -> Rehearsal:
    return Rehearsal(a_recording().write(folder), **more)


def played(folder: Path, **more) -> tuple[Rehearsal, MemoryOutlet]:
    """Return a venue whose capture was played to one listener of the book."""
    rehearsal = a_rehearsal(folder, **more)
    _, outlet = rehearsal.open(PUBLIC, "books")
    rehearsal.run(10)
    return rehearsal, outlet


# Play


def test_messages_come_as_recorded_and_at_their_pace(tmp_path: Path):
    recording = a_recording()
    rehearsal = Rehearsal(recording.write(tmp_path))
    _, outlet = rehearsal.open(PUBLIC, "books", "trades")

    rehearsal.run(GRACE - 0.01)
    assert heard(outlet) == ["subscribe", "subscribe"]

    rehearsal.run(0.01 + STEP)
    assert heard(outlet)[2:] == [("whole", 10), 15]

    rehearsal.run(10)
    assert heard(outlet)[2:] == [("whole", 10), 15, "trades", 15, 18]
    assert outlet.texts[2].decode() == recording.lines[0]["raw"]
    assert rehearsal.venue.is_finished


def test_play_waits_for_a_listener_of_a_book(tmp_path: Path):
    rehearsal = a_rehearsal(tmp_path, speed=0)
    rehearsal.open(PUBLIC, "trades")
    rehearsal.run(20)
    assert rehearsal.venue.counters.lines_played == 0

    rehearsal.open(PUBLIC, "books")
    rehearsal.run(GRACE)
    assert rehearsal.venue.is_finished


def test_at_full_speed_nothing_is_played_to_nobody(tmp_path: Path):
    rehearsal = a_rehearsal(tmp_path, speed=0)
    session, _ = rehearsal.open(PUBLIC, "books")
    rehearsal.run(GRACE - 0.01)
    rehearsal.now_ns += 10_000_000
    rehearsal.venue.play_line(rehearsal.now_ns)
    rehearsal.venue.play_line(rehearsal.now_ns)

    rehearsal.ask(session, "unsubscribe", "books")
    rehearsal.run(10)

    assert rehearsal.venue.counters.lines_played == 1


def test_start_plays_to_nobody(tmp_path: Path):
    rehearsal = a_rehearsal(tmp_path, speed=0)

    rehearsal.venue.start()
    rehearsal.run(1)

    assert rehearsal.venue.is_finished


def test_candles_are_at_their_own_address(tmp_path: Path):
    rehearsal = a_rehearsal(tmp_path)
    _, public = rehearsal.open(PUBLIC, "books", "candle1m")
    _, business = rehearsal.open(BUSINESS, "candle1m", "trades-all")
    rehearsal.run(10)

    assert "64001" in heard(public)
    assert heard(business) == ["subscribe", "subscribe", "candle1m"]


@pytest.mark.parametrize("target", ["/", "/ws/v5/private", "/stream", "/ws/v5"])
def test_other_addresses_have_nothing(tmp_path: Path, target: str):
    assert a_rehearsal(tmp_path).venue.stream_address(target) is None


# How a stream begins


def test_who_comes_later_gets_the_book_of_now(tmp_path: Path):
    rehearsal, _ = played(tmp_path)

    _, late = rehearsal.open(PUBLIC, "books")

    assert heard(late) == ["subscribe", ("whole", 18)]
    message = json.loads(late.texts[1])
    assert message["action"] == "snapshot"
    (book,) = message["data"]
    assert [row[:2] for row in book["bids"]] == [["100", "6"], ["98", "1"]]
    assert (book["seqId"], book["prevSeqId"], book["checksum"]) == (18, -1, 0)


def test_the_same_subscription_twice_is_confirmed_twice_and_begins_once(tmp_path: Path):
    rehearsal, _ = played(tmp_path)
    session, outlet = rehearsal.open(PUBLIC, "books")

    rehearsal.ask(session, "subscribe", "books")
    assert heard(outlet) == ["subscribe", ("whole", 18), "subscribe"]

    rehearsal.ask(session, "unsubscribe", "books")
    rehearsal.ask(session, "subscribe", "books")
    assert heard(outlet)[3:] == ["unsubscribe", "subscribe", ("whole", 18)]


def test_books_of_old_begin_with_a_checksum_and_no_ids(tmp_path: Path):
    recording = Recording("okx")
    recording.raw(whole(None, "100x5", "101x1", symbol=SPOT, checksum=1))
    rehearsal = Rehearsal(recording.write(tmp_path), speed=0)
    rehearsal.open(PUBLIC, "books")
    rehearsal.run(1)

    _, late = rehearsal.open(PUBLIC, "books")

    (book,) = json.loads(late.texts[1])["data"]
    assert book["checksum"] == checksum(book["bids"], book["asks"]) != 0
    assert "seqId" not in book


def test_a_book_that_the_recording_lost_is_not_made_up(tmp_path: Path):
    recording = a_recording()
    recording.raw(books((99, 100), symbol=SPOT))
    rehearsal = Rehearsal(recording.write(tmp_path), speed=0)
    rehearsal.open(PUBLIC, "books")
    rehearsal.run(1)

    _, late = rehearsal.open(PUBLIC, "books")

    assert heard(late) == ["subscribe"]
    assert rehearsal.get("market/books", instId=SPOT)[0].status == 503


def test_a_venue_as_announced_streams_no_first_book(tmp_path: Path):
    rehearsal, outlet = played(tmp_path, faults=Faults(no_stream_snapshots=True))

    _, late = rehearsal.open(PUBLIC, "books")

    assert heard(outlet) == ["subscribe", 15, 15, 18]
    assert heard(late) == ["subscribe"]
    (book,) = rehearsal.data("market/books", instId=SPOT, sz=400)
    assert (book["seqId"], "prevSeqId" in book) == (18, False)


# Words


def test_ping_is_answered_in_words(tmp_path: Path):
    rehearsal = a_rehearsal(tmp_path)
    session, outlet = rehearsal.open()

    rehearsal.say(session, "ping")

    assert outlet.texts == [b"pong"]


def test_a_connection_over_which_nothing_is_said_is_closed(tmp_path: Path):
    rehearsal = a_rehearsal(tmp_path)
    silent, pinging = rehearsal.open(), rehearsal.open()

    rehearsal.run(20)
    rehearsal.say(pinging[0], "ping")
    rehearsal.run(10)

    assert (silent[1].closed, pinging[1].closed) == (CLOSE_IDLE, None)
    rehearsal.run(20)
    assert pinging[1].closed == CLOSE_IDLE


def test_what_is_pushed_keeps_a_connection_alive(tmp_path: Path):
    recording = a_recording()
    for second in range(0, 100, 25):
        ns = recording.lines[0]["recv_ns"] + second * 10**9
        recording.raw(push("trades", trade_row(SPOT), symbol=SPOT), recv_ns=ns)
    rehearsal = Rehearsal(recording.write(tmp_path))
    _, outlet = rehearsal.open(PUBLIC, "books", "trades")

    rehearsal.run(100)

    assert outlet.closed is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("{", "60012"),
        ('{"op":"login","args":[]}', "60012"),
        ('{"op":"subscribe"}', "60013"),
        ('{"op":"subscribe","args":[{"channel":"nothing","instId":"ABC-USDT"}]}', "60018"),
        ('{"op":"subscribe","args":[{"channel":"books","instId":"XYZ-USDT"}]}', "60018"),
        ('{"op":"subscribe","args":[{"channel":"books-l2-tbt","instId":"ABC-USDT"}]}', "60011"),
        ('{"op":"subscribe","args":[{"channel":"trades-all","instId":"ABC-USDT"}]}', "64001"),
    ],
)
def test_what_it_does_not_understand_gets_the_venues_error(tmp_path: Path, words: str, code: str):
    rehearsal = a_rehearsal(tmp_path)
    session, outlet = rehearsal.open()

    rehearsal.say(session, words)

    assert heard(outlet) == [code]


def test_a_request_with_one_wrong_channel_gets_the_others(tmp_path: Path):
    rehearsal = a_rehearsal(tmp_path)

    _, outlet = rehearsal.open(PUBLIC, "trades", "nothing", "books")

    assert heard(outlet) == ["subscribe", "60018", "subscribe"]


def test_requests_of_a_connection_are_counted_by_the_hour(tmp_path: Path):
    rehearsal = a_rehearsal(tmp_path)
    session, outlet = rehearsal.open()
    for _ in range(REQUESTS_MAX):
        rehearsal.ask(session, "subscribe", "status", symbol=None)

    rehearsal.ask(session, "subscribe", "status", symbol=None)
    other, told = rehearsal.open()
    rehearsal.ask(other, "subscribe", "status", symbol=None)

    assert heard(outlet).count("subscribe") == REQUESTS_MAX
    assert heard(outlet)[-1] == "60014"
    assert heard(told) == ["subscribe"]


def test_a_connection_that_is_gone_is_forgotten(tmp_path: Path):
    rehearsal = a_rehearsal(tmp_path)
    session, outlet = rehearsal.open(PUBLIC, "books")

    rehearsal.venue.close_stream(session)
    rehearsal.venue.close_stream(session)
    rehearsal.say(session, "ping")
    rehearsal.run(60)

    assert heard(outlet) == ["subscribe"]


# Faults


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(drop_lines=(2,)), [("whole", 10), 15, 18]),
        (Faults(swap_lines=((2, 6),)), [("whole", 10), 18, 15, 15]),
        (Faults(repeat_lines=(2,)), [("whole", 10), 15, 15, 15, 18]),
        (Faults(drop=(Drop(stream="books", from_line=2),)), [("whole", 10)]),
        (Faults(drop=(Drop(stream=f"books:{SPOT}"),)), []),
        (Faults(drop=(Drop(stream="trades"),)), ALL),
        (Faults(drop=(Drop(symbol="XYZ-USDT"),)), ALL),
        (Faults(drop=(Drop(share=0.0),)), ALL),
    ],
    ids=lambda value: "",
)
def test_faults_damage_what_is_sent_and_not_what_is_known(tmp_path: Path, faults, expected):
    rehearsal, outlet = played(tmp_path, faults=faults)

    assert heard(outlet)[1:] == expected
    assert rehearsal.venue.book(SPOT).bids == {"100": "6", "98": "1"}
    assert rehearsal.venue.book(SPOT).last_update_id == 18


def test_a_stall_moves_everything_that_follows(tmp_path: Path):
    faults = Faults(stall_at_line=(Stall(line=2, seconds=5),))
    rehearsal = a_rehearsal(tmp_path, faults=faults)
    _, outlet = rehearsal.open(PUBLIC, "books")

    rehearsal.run(GRACE + 4)
    assert heard(outlet) == ["subscribe", ("whole", 10)]

    rehearsal.run(5)
    assert heard(outlet)[2:] == [15, 15, 18]


@pytest.mark.parametrize(
    ("path", "closed"), [("", [1006, 1006]), ("business", [None, 1006])], ids=["all", "some"]
)
def test_connections_are_closed_before_a_line(tmp_path: Path, path: str, closed: list):
    faults = Faults(disconnect_at_line=(Disconnect(line=2, path=path),))
    rehearsal = a_rehearsal(tmp_path, faults=faults)
    outlets = [rehearsal.open(PUBLIC, "books")[1], rehearsal.open(BUSINESS, "candle1m")[1]]

    rehearsal.run(10)

    assert [outlet.closed for outlet in outlets] == closed


def test_before_a_planned_end_the_venue_says_so(tmp_path: Path):
    faults = Faults(day_cut_at_line=(DayCut(2, notice_s=1),))
    rehearsal = a_rehearsal(tmp_path, faults=faults)
    _, outlet = rehearsal.open(PUBLIC, "books")

    rehearsal.run(10)

    assert [text for text in outlet.texts if b'"64008"' in text]
    assert heard(outlet)[-1] == 18
    assert outlet.closed == CLOSE_AWAY


def test_the_clock_that_the_venue_tells_can_jump(tmp_path: Path):
    faults = Faults(clock_step_at_line=(ClockStep(2, 5),))
    plain, _ = played(tmp_path)
    stepped, _ = played(tmp_path, faults=faults)

    told = [one.venue.clock_ms(one.now_ns) for one in (plain, stepped)]

    assert told[1] - told[0] == 5_000


def test_first_books_are_refused_as_often_as_told(tmp_path: Path):
    rehearsal, _ = played(tmp_path, faults=Faults(refuse_snapshots=2))

    _, refused = rehearsal.open(PUBLIC, "books")
    assert rehearsal.get("market/books", instId=SPOT)[0].status == 503
    _, served = rehearsal.open(PUBLIC, "books")

    assert (heard(refused), heard(served)) == (["subscribe"], ["subscribe", ("whole", 18)])
    assert rehearsal.venue.counters.snapshots_refused == 2


def test_a_late_book_is_the_one_of_the_moment_it_leaves(tmp_path: Path):
    rehearsal, _ = played(tmp_path, faults=Faults(slow_snapshot_s=2))
    session, late = rehearsal.open(PUBLIC, "books")
    gone, never = rehearsal.open(PUBLIC, "books")
    answers = rehearsal.get("market/books", instId=SPOT, sz=5)
    rehearsal.ask(gone, "unsubscribe", "books")

    rehearsal.run(1.9)
    assert (heard(late), answers) == (["subscribe"], [])

    rehearsal.run(0.1)
    assert heard(late) == ["subscribe", ("whole", 18)]
    assert heard(never) == ["subscribe", "unsubscribe"]
    assert len(answers) == 1
    assert session.heard_ns <= rehearsal.now_ns


def test_a_damaged_message_is_played_and_teaches_nothing(tmp_path: Path):
    recording = a_recording()
    recording.raw(books((18, 20), bids="xx1", symbol=SPOT))
    recording.raw(push("books", 1, symbol=SPOT, action="update"))
    recording.raw(push("trades", trade_row(SPOT, px="much"), symbol=SPOT))
    rehearsal = Rehearsal(recording.write(tmp_path), speed=0)
    _, outlet = rehearsal.open(PUBLIC, "books", "trades")

    rehearsal.run(1)

    assert rehearsal.venue.is_finished
    assert len(outlet.texts) == 2 + 8
    assert len(rehearsal.data("market/trades", instId=SPOT)) == 1
