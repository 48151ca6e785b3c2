"""Requests for books: when they are answered, and with what."""

import json
from pathlib import Path

import pytest

from tests.unit.engine.fake.captures import Recording, Rehearsal, a_recording, levels, only_answer

GRACE = 0.2
STEP = 0.1


@pytest.mark.parametrize("venue", ["binance_futures", "binance"])
def test_the_first_book_is_held_until_its_moment_and_comes_as_recorded(tmp_path: Path, venue: str):
    recording = a_recording(venue)
    rehearsal = Rehearsal(recording.write(tmp_path))
    rehearsal.open("/ws/abcusdt@depth")
    answers = rehearsal.depth()

    rehearsal.run(GRACE + STEP / 2)
    assert answers == []

    rehearsal.run(STEP)
    assert [answer.body for answer in answers] == [recording.raws[1].encode()]
    assert rehearsal.venue.counters.snapshots_served == 1


def test_later_books_are_what_the_venue_knows_by_then(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.depth()
    rehearsal.run(60)

    assert only_answer(rehearsal.depth()) == {
        "lastUpdateId": 18,
        "E": 18,
        "T": 17,
        "bids": levels("100.0x6.00 99.5x3.25 98.0x1.00"),
        "asks": levels("101.0x1.00"),
    }
    assert only_answer(rehearsal.depth(limit=5))["lastUpdateId"] == 18


def test_spot_books_have_no_times(tmp_path: Path):
    rehearsal = Rehearsal(a_recording("binance").write(tmp_path))
    rehearsal.venue.start()
    rehearsal.run(60)

    assert list(only_answer(rehearsal.depth())) == ["lastUpdateId", "bids", "asks"]


def test_who_listens_but_asks_late_still_gets_the_recorded_book(tmp_path: Path):
    recording = a_recording()
    rehearsal = Rehearsal(recording.write(tmp_path))
    rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(GRACE + 4 * STEP)

    assert rehearsal.depth()[0].body == recording.raws[1].encode()
    assert only_answer(rehearsal.depth())["lastUpdateId"] == 16


def test_who_was_not_there_gets_todays_book(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    rehearsal.venue.start()
    rehearsal.run(60)

    assert only_answer(rehearsal.depth())["lastUpdateId"] == 18


def test_a_recorded_book_does_not_serve_fewer_levels(tmp_path: Path):
    recording = a_recording()
    bids = " ".join(f"{90 - n / 10:.1f}x1" for n in range(8))
    recording.lines[1]["raw"] = json.dumps(
        {"lastUpdateId": 12, "E": 7, "T": 6, "bids": levels(bids), "asks": []}
    )
    rehearsal = Rehearsal(recording.write(tmp_path))
    rehearsal.open("/public/ws/abcusdt@depth")
    answers = rehearsal.depth(limit=5)

    rehearsal.run(GRACE + STEP)

    assert len(only_answer(answers)["bids"]) == 5


def test_at_speed_0_the_play_waits_for_listeners_to_ask(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path), speed=0)
    rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(4)
    assert rehearsal.venue.counters.lines_played == 1

    answers = rehearsal.depth()
    rehearsal.run(0)
    assert only_answer(answers)["lastUpdateId"] == 12
    assert rehearsal.venue.is_finished


def test_at_speed_0_patience_ends(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path), speed=0)
    rehearsal.open("/public/ws/abcusdt@depth")

    rehearsal.run(GRACE + 5)

    assert rehearsal.venue.is_finished


def test_a_book_that_nobody_plays_towards_is_refused_in_the_end(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    answers = rehearsal.depth()

    rehearsal.run(29)
    assert answers == []

    rehearsal.run(1)
    assert answers[0].status == 503


def test_a_symbol_without_a_recorded_book_has_none(tmp_path: Path):
    recording = Recording()
    recording.depth((1, 2, 0), bids="1x1")
    rehearsal = Rehearsal(recording.write(tmp_path))

    answer = rehearsal.depth()[0]

    assert answer.status == 503
    assert b"The capture holds no book of ABCUSDT" in answer.body


def test_held_requests_are_bounded(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    for _ in range(64):
        assert rehearsal.depth() == []

    assert rehearsal.depth()[0].status == 503


def test_a_gap_of_the_recording_is_healed_by_the_recorders_next_book(tmp_path: Path):
    recording = a_recording()
    recording.depth((30, 31, 29), bids="97.0x1.00")
    recording.snapshot(31, bids="97.0x1.00", asks="101.0x1.00")
    recording.depth((32, 33, 31), bids="96.0x1.00")
    rehearsal = Rehearsal(recording.write(tmp_path))
    rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.depth()
    rehearsal.run(GRACE + 6 * STEP)

    answers = rehearsal.depth()
    assert answers == [], "the venue itself does not know"

    rehearsal.run(STEP)
    assert answers[0].body == recording.raws[7].encode()
    rehearsal.run(STEP)
    assert rehearsal.venue.book("ABCUSDT").bids == {"97.0": "1.00", "96.0": "1.00"}


def test_a_book_recorded_without_need_takes_no_level_away(tmp_path: Path):
    recording = a_recording()
    recording.snapshot(18, bids="100.0x6.00", asks="101.0x1.00")
    rehearsal = Rehearsal(recording.write(tmp_path), speed=0)
    rehearsal.venue.start()
    rehearsal.run(0)

    assert len(rehearsal.venue.book("ABCUSDT").bids) == 3


@pytest.mark.parametrize(
    "raw", ["<html>", '{"lastUpdateId":9,"bids":[["x","1"]],"asks":[]}', '{"bids":[["NaN","1"]]}']
)
def test_a_damaged_recorded_book_is_none(tmp_path: Path, raw: str):
    recording = a_recording()
    recording.lines[1]["raw"] = raw
    rehearsal = Rehearsal(recording.write(tmp_path))
    rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(10)

    assert rehearsal.depth()[0].status == 503
