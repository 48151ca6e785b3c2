"""The venue in virtual time: what is played when, to whom, and what REST answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.fake.faults import Disconnect, Drop, Faults, Stall
from engine.fake.rest import HttpAnswer
from tests.unit.engine.fake.captures import T0_NS, Recording, Rehearsal, a_recording, levels

ALL = ["abcusdt@depth", "abcusdt@trade"]
GRACE = 0.2
STEP = 0.1


def heard(outlet: Any) -> list[Any]:
    """Return ids of changes, and kinds of anything else, in the order they came."""
    return [kind_of(json.loads(text)) for text in outlet.texts]


def kind_of(message: Any) -> Any:
    data = message.get("data", message)
    return data.get("u", data.get("e", "other"))


def only(answers: list[HttpAnswer]) -> Any:
    assert len(answers) == 1
    return json.loads(answers[0].body)


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
    rehearsal.venue.advance(rehearsal.now_ns, lines_max=1)
    rehearsal.venue.close_stream(session)
    rehearsal.venue.close_stream(session)

    rehearsal.run(60)
    _, second = rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(60)

    assert heard(first) + heard(second) == [10, 13, 16, 18]


def test_the_clock_of_the_venue_is_the_recordings(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    start_ms = T0_NS // 1_000_000
    assert only(rehearsal.get("/fapi/v1/time")) == {"serverTime": start_ms}

    rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(GRACE + 60)

    assert only(rehearsal.get("/fapi/v1/time")) == {"serverTime": start_ms + 60_000}


def test_damaged_numbers_are_played_and_teach_nothing(tmp_path: Path):
    recording = a_recording()
    recording.depth((19, 20, 18), bids="oddx1.0")
    recording.stream("abcusdt@depth@100ms", {"u": 21})
    recording.stream("abcusdt@trade", {"e": "trade", "p": 3})
    rehearsal = Rehearsal(recording.write(tmp_path), speed=0)
    _, outlet = rehearsal.open("/public/stream?streams=" + "/".join(ALL))

    rehearsal.run(60)

    assert heard(outlet) == [10, 13, 16, "trade", 18, 20, 21, "trade"]
    assert rehearsal.venue.book("ABCUSDT").bids["100.0"] == "6.00"


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


# Books


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

    assert only(rehearsal.depth()) == {
        "lastUpdateId": 18,
        "E": 18,
        "T": 17,
        "bids": levels("100.0x6.00 99.5x3.25 98.0x1.00"),
        "asks": levels("101.0x1.00"),
    }
    assert only(rehearsal.depth(limit=5))["lastUpdateId"] == 18


def test_spot_books_have_no_times(tmp_path: Path):
    rehearsal = Rehearsal(a_recording("binance").write(tmp_path))
    rehearsal.venue.start()
    rehearsal.run(60)

    assert list(only(rehearsal.depth())) == ["lastUpdateId", "bids", "asks"]


def test_who_listens_but_asks_late_still_gets_the_recorded_book(tmp_path: Path):
    recording = a_recording()
    rehearsal = Rehearsal(recording.write(tmp_path))
    rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(GRACE + 4 * STEP)

    assert rehearsal.depth()[0].body == recording.raws[1].encode()
    assert only(rehearsal.depth())["lastUpdateId"] == 16


def test_who_was_not_there_gets_todays_book(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    rehearsal.venue.start()
    rehearsal.run(60)

    assert only(rehearsal.depth())["lastUpdateId"] == 18


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

    assert len(only(answers)["bids"]) == 5


def test_at_speed_0_the_play_waits_for_listeners_to_ask(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path), speed=0)
    rehearsal.open("/public/ws/abcusdt@depth")
    rehearsal.run(4)
    assert rehearsal.venue.counters.lines_played == 1

    answers = rehearsal.depth()
    rehearsal.run(0)
    assert only(answers)["lastUpdateId"] == 12
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


# REST


def test_routes_of_futures(tmp_path: Path):
    recording = a_recording()
    mark = {"e": "markPriceUpdate", "E": 5, "p": "100.1", "i": "100.2", "P": "1", "r": "0.01"}
    recording.stream("abcusdt@markPrice@1s", mark | {"T": 9})
    recording.stream(
        "abcusdt@kline_1m",
        {
            "k": {"t": 0, "T": 59_999, "i": "1m", "n": 1, "q": "1", "V": "1", "Q": "1"}
            | {"o": "1", "h": "1", "l": "1", "c": "1", "v": "1"}
        },
    )
    rehearsal = Rehearsal(recording.write(tmp_path), speed=0)
    assert (
        only(rehearsal.get("/fapi/v1/premiumIndex", symbol="ABCUSDT"))["markPrice"] == "0.00000000"
    )
    rehearsal.venue.start()
    rehearsal.run(0)

    assert only(rehearsal.get("/fapi/v1/ping")) == {}
    assert only(rehearsal.get("/fapi/v1/exchangeInfo"))["symbols"][0]["symbol"] == "ABCUSDT"
    assert only(rehearsal.get("/fapi/v1/klines", symbol="ABCUSDT", interval="1m"))[0][0] == 0
    assert only(rehearsal.get("/fapi/v1/klines", symbol="ABCUSDT", interval="1h")) == []
    premium = only(rehearsal.get("/fapi/v1/premiumIndex", symbol="ABCUSDT"))
    assert (premium["markPrice"], premium["indexPrice"]) == ("100.1", "100.2")
    assert (premium["lastFundingRate"], premium["nextFundingTime"]) == ("0.01", 9)
    assert only(rehearsal.get("/fapi/v1/premiumIndex")) == [premium]


def test_klines_by_time_and_limit(tmp_path: Path):
    recording = Recording("binance")
    for minute in range(5):
        recording.trade(f"{minute + 1}.0", "1", minute * 60_000)
    rehearsal = Rehearsal(recording.write(tmp_path), speed=0)
    rehearsal.venue.start()
    rehearsal.run(0)

    def starts(**query: Any) -> list[int]:
        path = "/api/v3/klines"
        rows = only(rehearsal.get(path, symbol="ABCUSDT", interval="1m", **query))
        return [row[0] // 60_000 for row in rows]

    assert starts() == [0, 1, 2, 3, 4]
    assert starts(limit=2) == [3, 4]
    assert starts(startTime=60_000, limit=2) == [1, 2]
    assert starts(endTime=120_000, limit=2) == [1, 2]


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/fapi/v1/depth", {"symbol": "NOSUCH"}, 400, -1121),
        ("/fapi/v1/depth", {"symbol": "abcusdt"}, 400, -1121),
        ("/fapi/v1/depth", {}, 400, -1102),
        ("/fapi/v1/depth", {"symbol": "ABCUSDT", "limit": 7}, 400, -4021),
        ("/fapi/v1/depth", {"symbol": "ABCUSDT", "limit": "x"}, 400, -1100),
        ("/fapi/v1/depth", {"symbol": "ABCUSDT", "limit": "9" * 5_000}, 400, -1100),
        ("/fapi/v1/klines", {"symbol": "ABCUSDT", "interval": "7m"}, 400, -1120),
        ("/fapi/v1/klines", {"symbol": "ABCUSDT", "interval": "1m", "limit": 1501}, 400, -1130),
        ("/fapi/v1/premiumIndex", {"symbol": "NOSUCH"}, 400, -1121),
        ("/fapi/v1/exchangeInfo", {"symbol": "NOSUCH"}, 400, -1121),
        ("/fapi/v1/nothing", {}, 404, -5000),
        ("/api/v3/ping", {}, 404, -5000),
    ],
)
def test_wrong_requests_get_the_venues_error(
    tmp_path: Path, path: str, query: dict[str, Any], status: int, code: int
):
    rehearsal = Rehearsal(a_recording().write(tmp_path))

    answers = rehearsal.get(path, **query)

    assert (answers[0].status, only(answers)["code"]) == (status, code)


def test_other_methods_have_no_route_yet(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))

    assert only(rehearsal.get("/fapi/v1/order", method="POST"))["code"] == -5000
    assert only(rehearsal.get("/fapi/v1/ping", method="DELETE"))["code"] == -5000


def test_spot_has_its_own_paths_and_limits(tmp_path: Path):
    rehearsal = Rehearsal(a_recording("binance").write(tmp_path), speed=0)
    rehearsal.venue.start()
    rehearsal.run(0)

    assert only(rehearsal.depth(limit=5_000))["lastUpdateId"] == 18
    assert only(rehearsal.depth(limit=1))["bids"] == levels("100.0x6.00")
    assert only(rehearsal.get("/api/v3/ping")) == {}
    assert rehearsal.get("/api/v3/premiumIndex")[0].status == 404
    assert rehearsal.get("/fapi/v1/ping")[0].status == 404


def test_weight_is_counted_per_clock_minute_refusals_included(tmp_path: Path):
    rehearsal = Rehearsal(a_recording().write(tmp_path))
    rehearsal.now_ns = 120 * 10**9

    def used(answers: list[HttpAnswer]) -> str:
        return dict(answers[0].headers)["X-MBX-USED-WEIGHT-1M"]

    assert used(rehearsal.get("/fapi/v1/ping")) == "1"
    assert used(rehearsal.get("/fapi/v1/premiumIndex")) == "11"
    assert used(rehearsal.get("/fapi/v1/depth", symbol="NOSUCH", limit=1_000)) == "31"
    assert used(rehearsal.get("/fapi/v1/klines", symbol="ABCUSDT", interval="1m")) == "36"

    rehearsal.now_ns += 59 * 10**9
    assert used(rehearsal.get("/fapi/v1/ping")) == "37"

    rehearsal.now_ns += 1 * 10**9
    assert used(rehearsal.get("/fapi/v1/ping")) == "1"


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
    assert only(rehearsal.depth())["lastUpdateId"] == 12


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
    assert only(answers)["lastUpdateId"] == 12


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
