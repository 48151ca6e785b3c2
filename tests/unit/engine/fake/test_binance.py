"""The venue in virtual time: what is played when, to whom, and what REST answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.fake.farewells import CLOSE_AWAY
from engine.fake.faults import ClockStep, DayCut, Disconnect, Drop, Faults, Stall
from tests.unit.engine.fake.captures import T0_NS, Rehearsal, a_recording, only_answer

ALL = ["abcusdt@depth", "abcusdt@trade"]
GRACE = 0.2
STEP = 0.1


def heard(outlet: Any) -> list[Any]:
    """Return ids of changes, and kinds of anything else, in the order they came."""
    return [kind_of(json.loads(text)) for text in outlet.texts]


def kind_of(message: Any) -> Any:
    data = message.get("data", message)
    return data.get("u", data.get("e", "other"))


# Play


def test_frames_come_at_the_recorded_pace_after_the_grace(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    _, outlet = rehearsal.open("/public/stream?streams=" + "/".join(ALL))

    rehearsal.run(GRACE - 0.01)
    assert heard(outlet) == []

    rehearsal.run(0.01)
    assert heard(outlet) == [10]

    rehearsal.run(2 * STEP)
    assert heard(outlet) == [10, 13]

    rehearsal.run(10)
    assert heard(outlet) == [10, 13, 16, "trade", 18]
    assert rehearsal.venue.is_finished


def test_twice_the_speed_takes_half_the_time(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path), speed=2)
    rehearsal.open("/public/ws/abcusdt@depth")

    rehearsal.run(GRACE + 2.4 * STEP)
    assert not rehearsal.venue.is_finished

    rehearsal.run(0.1 * STEP)
    assert rehearsal.venue.is_finished


def test_play_waits_for_a_book_subscription_and_for_the_last_one(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path), speed=0)
    session, market = rehearsal.open("/market/ws")
    rehearsal.say(session, method="SUBSCRIBE", params=["abcusdt@aggTrade"], id=1)
    rehearsal.run(60)
    assert rehearsal.venue.counters.lines_played == 0

    rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(GRACE / 2)
    rehearsal.say(session, method="SUBSCRIBE", params=["abcusdt@kline_1m"], id=2)
    rehearsal.run(GRACE - 0.01)
    assert rehearsal.venue.counters.lines_played == 0

    rehearsal.run(60)
    assert rehearsal.venue.is_finished
    assert len(market.texts) == 2


def test_start_plays_to_nobody(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path), speed=0)

    rehearsal.venue.start()
    rehearsal.run(0)

    assert rehearsal.venue.is_finished
    assert rehearsal.venue.counters.frames_sent == 0


def test_who_comes_late_joins_in_the_middle(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(GRACE + 3 * STEP)

    _, late = rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(10)

    assert heard(late) == [18]


def test_at_speed_0_a_client_that_comes_back_has_missed_nothing(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path), speed=0)
    session, first = rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(GRACE)
    rehearsal.venue.play_line(rehearsal.now_ns)
    rehearsal.venue.close_stream(session)
    rehearsal.venue.close_stream(session)

    rehearsal.run(60)
    _, second = rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(60)

    assert heard(first) + heard(second) == [10, 13, 16, 18]


def test_the_clock_of_the_venue_is_the_recordings(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    start_ms = T0_NS // 1_000_000
    assert only_answer(rehearsal.get("/fapi/v1/time")) == {"serverTime": start_ms}

    rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(GRACE + 60)

    assert only_answer(rehearsal.get("/fapi/v1/time")) == {"serverTime": start_ms + 60_000}


def test_damaged_numbers_are_played_and_teach_nothing(tmp_path: Path):
    recording = a_recording()
    recording.depth((19, 20, 18), bids="oddx1.0")
    recording.stream("abcusdt@depth@100ms", {"u": 21})
    recording.stream("abcusdt@trade", {"e": "trade", "p": 3})
    recording.trade("NaN", "1", 0)
    recording.trade("1", "odd", 0)
    rehearsal = Rehearsal(recording.write(tmp_path), speed=0)
    _, outlet = rehearsal.open("/public/stream?streams=" + "/".join(ALL))

    rehearsal.run(60)

    assert heard(outlet) == [10, 13, 16, "trade", 18, 20, 21, *["trade"] * 3]
    assert rehearsal.venue.book("ABCUSDT").bids["100.0"] == "6.00"
    assert len(rehearsal.venue.kline_rows("ABCUSDT", "1m")) == 1


# Talk


def test_subscriptions_are_answered_and_listed_as_named(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    session, outlet = rehearsal.open("/public/ws")
    names = ["abcusdt@depth", "NOSUCH@thing", "abcusdt@aggTrade"]

    rehearsal.say(session, method="SUBSCRIBE", params=names, id=1)
    rehearsal.say(session, method="UNSUBSCRIBE", params=["NOSUCH@thing", "x@y"], id="two")
    rehearsal.say(session, method="LIST_SUBSCRIPTIONS", id=3)
    rehearsal.say(session, method="LIST_SUBSCRIPTIONS")

    assert [json.loads(text) for text in outlet.texts] == [
        {"result": None, "id": 1},
        {"result": None, "id": "two"},
        {"result": ["abcusdt@depth", "abcusdt@aggTrade"], "id": 3},
        {"result": ["abcusdt@depth", "abcusdt@aggTrade"], "id": None},
    ]
    assert rehearsal.venue.counters.subscribes == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"hello", 3),
        (b"\xff", 3),
        (b"[]", 2),
        (b'{"id":1}', 2),
        (b'{"method":"SUBSCRIBE","params":[1],"id":1}', 2),
        (b'{"method":"DANCE","id":1}', 2),
    ],
)
def test_nonsense_gets_the_venues_error_and_the_socket_stays(
    tmp_path: Path, text: bytes, code: int
):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    session, outlet = rehearsal.open("/public/ws")

    rehearsal.venue.on_text(session, text, rehearsal.now_ns)

    assert json.loads(outlet.texts[0])["error"]["code"] == code
    assert outlet.closed is None


def test_too_many_streams_close_the_socket(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    session, outlet = rehearsal.open("/public/ws/abcusdt@depth")

    rehearsal.say(session, method="SUBSCRIBE", params=[f"s{n}@trade" for n in range(1024)], id=1)
    rehearsal.say(session, method="LIST_SUBSCRIPTIONS", id=2)

    assert outlet.closed == 1008
    assert [json.loads(text)["error"]["code"] for text in outlet.texts] == [4]


@pytest.mark.parametrize(("venue", "every_s"), [("binance_futures", 180), ("binance", 20)])
def test_pings_go_on_after_the_end_and_want_an_answer(tmp_path: Path, venue: str, every_s: int):
    rehearsal = Rehearsal(a_recording(venue).write(tmp_path))
    session, outlet = rehearsal.open("/ws/abcusdt@depth")
    rehearsal.run(2 * every_s + 1)
    assert rehearsal.venue.is_finished
    assert len(outlet.pings) == 2

    rehearsal.venue.on_pong(session, rehearsal.now_ns)
    rehearsal.run(3 * every_s)
    assert outlet.closed is None

    rehearsal.run(2 * every_s)
    assert outlet.closed == 1008


# Faults


def played(tmp_path: Path, faults: Faults, **options: Any) -> tuple[Rehearsal, list[Any]]:
    rehearsal = Rehearsal(a_recording().write(tmp_path), faults=faults, **options)
    _, outlet = rehearsal.open("/public/stream?streams=" + "/".join(ALL))
    rehearsal.run(60)
    return rehearsal, heard(outlet)


@pytest.mark.parametrize(
    ("faults", "frames"),
    [
        (Faults(drop_lines=(3, 5)), [10, 16, 18]),
        (Faults(swap_lines=((3, 4),)), [10, 16, 13, "trade", 18]),
        (Faults(swap_lines=((3, 5),)), [10, "trade", 16, 13, 18]),
        (Faults(repeat_lines=(4,)), [10, 13, 16, 16, "trade", 18]),
        (Faults(drop=(Drop(stream="abcusdt@depth@500ms"),)), ["trade"]),
        (Faults(drop=(Drop(symbol="ABCUSDT", from_line=4, to_line=5),)), [10, 13, 18]),
        (Faults(drop=(Drop(symbol="OTHER"), Drop(share=0.0))), [10, 13, 16, "trade", 18]),
    ],
)
def test_lost_swapped_and_repeated_frames(tmp_path: Path, faults: Faults, frames: list[Any]):
    rehearsal, received = played(tmp_path, faults)

    assert received == frames
    assert rehearsal.venue.book("ABCUSDT").last_update_id == 18, "the venue knows them all"
    assert rehearsal.venue.counters.frames_dropped == max(0, 5 - len(frames))


def test_a_share_of_frames_is_lost_by_seed(tmp_path: Path):
    faults = Faults(drop=(Drop(share=0.5),))
    runs = [played(tmp_path, faults, seed=seed)[1] for seed in (1, 1, 2, 3, 4)]

    assert runs[0] == runs[1]
    assert len({str(run) for run in runs}) > 1


def test_a_lost_answer_is_an_error_and_the_next_one_is_the_venues_own(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path), faults=Faults(drop_lines=(2,)))
    rehearsal.open("/public/ws/abcusdt@depth")
    lost = rehearsal.depth()
    rehearsal.run(GRACE + STEP)

    assert lost[0].status == 503
    assert only_answer(rehearsal.depth())["lastUpdateId"] == 12


def test_an_answer_can_be_lost_before_anybody_asked(tmp_path: Path):
    rehearsal, _ = played(tmp_path, Faults(drop_lines=(2,)))

    assert [rehearsal.depth()[0].status for _ in range(2)] == [503, 200]


def test_the_first_requests_for_a_book_can_be_refused(tmp_path: Path):
    rehearsal, _ = played(tmp_path, Faults(refuse_snapshots=2))

    assert [rehearsal.depth()[0].status for _ in range(3)] == [503, 503, 200]
    assert rehearsal.venue.counters.snapshots_refused == 2


def test_a_slow_answer_says_what_was_known_when_it_was_asked(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path), faults=Faults(slow_snapshot_s=1.5))
    rehearsal.open("/public/ws/abcusdt@depth")
    answers = rehearsal.depth()

    rehearsal.run(GRACE + STEP + 1.49)
    assert answers == []

    rehearsal.run(0.01)
    assert only_answer(answers)["lastUpdateId"] == 12


@pytest.mark.parametrize(
    ("fault", "public", "market"),
    [
        (Disconnect(4, 1001), 1001, 1001),
        (Disconnect(4), 1006, 1006),
        (Disconnect(4, 1001, path="public"), 1001, None),
    ],
)
def test_sockets_are_closed_before_a_line(
    tmp_path: Path, fault: Disconnect, public: int, market: int | None
):
    faults = Faults(disconnect_at_line=(fault,))
    rehearsal = Rehearsal(a_recording().write(tmp_path), faults=faults)
    _, books = rehearsal.open("/public/ws/abcusdt@depth")
    _, rest = rehearsal.open("/market/ws/abcusdt@aggTrade")

    rehearsal.run(60)

    assert heard(books) == [10, 13]
    assert (books.closed, rest.closed) == (public, market)
    assert rehearsal.venue.is_finished, "at the recorded pace the venue does not wait"


def test_a_stall_keeps_sockets_open_and_everything_comes_later(tmp_path: Path):
    faults = Faults(stall_at_line=(Stall(4, 200.0),))
    rehearsal = Rehearsal(a_recording().write(tmp_path), faults=faults)
    _, outlet = rehearsal.open("/public/ws/abcusdt@depth")

    rehearsal.run(GRACE + 3 * STEP + 199.9)
    assert heard(outlet) == [10, 13]
    assert len(outlet.pings) == 1

    rehearsal.run(0.1)
    assert heard(outlet) == [10, 13, 16]
    rehearsal.run(2 * STEP)
    assert heard(outlet) == [10, 13, 16, 18]


def test_a_stall_at_speed_0_takes_real_time_too(tmp_path: Path):
    faults = Faults(stall_at_line=(Stall(4, 3.0), Stall(4, 2.0)))
    rehearsal = Rehearsal(a_recording().write(tmp_path), speed=0, faults=faults)
    rehearsal.depth()
    rehearsal.open("/public/ws/abcusdt@depth")

    rehearsal.run(GRACE + 4.9)
    assert not rehearsal.venue.is_finished

    rehearsal.run(0.1)
    assert rehearsal.venue.is_finished


@pytest.mark.parametrize("speed", [0, 1])
def test_the_clock_that_the_venue_tells_can_jump_while_frames_keep_theirs(
    tmp_path: Path, speed: float
):
    capture = a_recording().write(tmp_path)
    plain = Rehearsal(capture, speed=speed)
    stepped = Rehearsal(capture, speed=speed, faults=Faults(clock_step_at_line=(ClockStep(4, -3),)))
    outlets = [one.open("/public/ws/abcusdt@depth")[1] for one in (plain, stepped)]
    for one in (plain, stepped):
        one.depth()
        one.run(10)

    told = [only_answer(one.get("/fapi/v1/time"))["serverTime"] for one in (plain, stepped)]

    assert told[0] - told[1] == 3_000
    assert outlets[0].texts == outlets[1].texts


def test_after_a_day_futures_hang_up_without_a_word(tmp_path: Path):
    faults = Faults(day_cut_at_line=(DayCut(4),))
    rehearsal = Rehearsal(a_recording().write(tmp_path), faults=faults)
    _, books = rehearsal.open("/public/ws/abcusdt@depth")
    _, rest = rehearsal.open("/market/ws/abcusdt@aggTrade")

    rehearsal.run(60)

    assert heard(books) == [10, 13]
    assert (books.closed, rest.closed) == (CLOSE_AWAY, CLOSE_AWAY)


def test_after_a_day_spot_says_so_goes_on_and_hangs_up_later(tmp_path: Path):
    faults = Faults(day_cut_at_line=(DayCut(4, notice_s=0.15),))
    rehearsal = Rehearsal(a_recording("binance").write(tmp_path), faults=faults)
    _, old = rehearsal.open("/ws/abcusdt@depth")
    rehearsal.run(GRACE + 3 * STEP + 0.1)
    assert old.closed is None
    _, new = rehearsal.open("/ws/abcusdt@depth")

    rehearsal.run(60)

    words = [json.loads(text)["e"] for text in old.texts]
    assert words == ["depthUpdate", "depthUpdate", "serverShutdown", "depthUpdate"]
    assert [one.closed for one in (old, new)] == [CLOSE_AWAY, None]


def test_a_fault_on_a_line_that_cannot_be_read_is_passed_over(tmp_path: Path):
    path = a_recording().write(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], "damaged", *lines[3:]]))
    faults = Faults(disconnect_at_line=(Disconnect(4),))
    rehearsal = Rehearsal(path, faults=faults)
    _, outlet = rehearsal.open("/public/ws/abcusdt@depth")

    rehearsal.run(60)

    assert outlet.closed is None
    assert rehearsal.venue.is_finished
