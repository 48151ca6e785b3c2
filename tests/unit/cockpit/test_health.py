"""Whether an engine is well: what counts, what it is called, and which exit code it has."""

from pathlib import Path

import msgspec
import pytest

from cockpit.health import problems
from cockpit.status import health_text, judged
from engine.model.view import BookHealth
from tests.ui.scenes import a_feed, a_health

MS = 1_000_000


def told(**changed: object) -> list[str]:
    return [problem.sentence for problem in problems(a_health(**changed))]


def test_an_engine_that_is_well_has_no_problems():
    assert told() == []
    assert judged(a_health())["healthy"]
    assert judged(a_health())["exit_code"] == 0


@pytest.mark.parametrize(
    ("changed", "sentence", "exit_code"),
    [
        ({"is_latched": True, "is_latch_persisted": True}, "trading is killed", 7),
        ({"trading_state": "halted", "trading_reason": "x"}, "trading is halted: x", 7),
        ({"trading_state": "reduce_only"}, "trading is reduce_only", 1),
        ({"is_journal_ok": False}, "the journal cannot be written", 5),
        ({"recording": "recording stopped: no room"}, "recording stopped: no room", 1),
        ({"alarms": ("BTC has no stop",)}, "BTC has no stop", 1),
        (
            {"parts_down": (("latch watch", "KeyError"),)},
            "latch watch failed too often (KeyError) and stays down",
            1,
        ),
        ({"feeds": ()}, "no connection was opened yet", 1),
        (
            {"feeds": (a_feed(state="down", age_ns=None, reason="refused"),)},
            "feed simulated is down: refused",
            1,
        ),
        (
            {"feeds": (a_feed(state="slow", age_ns=2_400 * MS),)},
            "feed simulated is slow, last heard 2.4s ago",
            1,
        ),
        (
            {"books": (BookHealth("BTC", "live", "stale", 6_000 * MS),)},
            "the book of BTC is stale, 6.0s old",
            1,
        ),
        ({"books": (BookHealth("BTC", "live", "none", None),)}, "the book of BTC is none", 1),
        ({"books": (BookHealth("BTC", "invalid", "fresh", 0),)}, "the book of BTC is invalid", 1),
        ({"clock_offset_ns": -1_001 * MS}, "the venue's clock is -1,001 ms ahead of ours", 1),
    ],
)
def test_each_problem_has_its_sentence_and_exit_code(changed, sentence: str, exit_code: int):
    assert told(**changed) == [sentence]
    assert judged(a_health(**changed))["exit_code"] == exit_code


def test_a_kill_that_is_not_on_disk_is_a_problem_of_its_own():
    assert told(is_latched=True)[-1].startswith("the kill is not on disk")


def test_the_gravest_problem_gives_the_exit_code():
    assert judged(a_health(recording="no room", is_journal_ok=False))["exit_code"] == 5
    assert judged(a_health(is_journal_ok=False, trading_state="halted"))["exit_code"] == 7


def test_a_clock_that_is_off_by_a_second_is_still_used():
    assert told(clock_offset_ns=1_000 * MS) == []


def test_the_lines_for_people_name_everything_that_was_looked_at(tmp_path: Path):
    document = {"running": True, "pid": 1, **judged(a_health(is_journal_ok=False))}

    assert health_text(document, as_json=False, folder=tmp_path).splitlines() == [
        "not healthy:",
        "  the journal cannot be written",
        "feed simulated: ok, 12 ms old, 2 reconnects, lag 38 ms",
        "books: 2 of 2 live and fresh",
        "trading active, kill latch off",
        "journal NOT WRITTEN, recorder ok",
        "inbox: 3 waiting; the engine stood still 1 times, last 310 ms at 13:52:11 UTC",
        "screens: 1, orders are given by operator:1",
        "the venue's clock is 8 ms ahead",
    ]


def test_failures_of_the_engines_parts_are_told(tmp_path: Path):
    document = {"running": True, **judged(a_health(part_failures=4))}

    text = health_text(document, as_json=False, folder=tmp_path)

    assert "parts of the engine failed 4 times, see the log" in text


def test_repairs_from_the_venues_answers_are_counted(tmp_path: Path):
    document = {"running": True, **judged(a_health(repairs=3))}

    text = health_text(document, as_json=False, folder=tmp_path)

    assert "3 times the venue's answers repaired what nobody had told of" in text


def test_contradictions_are_counted(tmp_path: Path):
    document = {"running": True, **judged(a_health(contradictions=2))}

    text = health_text(document, as_json=False, folder=tmp_path)

    assert "2 reports contradicted what was known, see the log" in text


def test_what_is_not_known_is_said_so(tmp_path: Path):
    view = a_health(
        feeds=(a_feed(age_ns=None),),
        clock_offset_ns=None,
        loop_stalls=0,
        is_latched=True,
        is_recording=False,
        screens=(),
        holder="",
    )
    document = {"running": True, **judged(view)}

    text = health_text(document, as_json=False, folder=tmp_path)

    assert "feed simulated: ok, no data yet, 0 reconnects, lag unknown" in text
    assert "kill latch engaged, not on disk" in text
    assert "recorder off" in text
    assert "the engine never stood still" in text
    assert "screens: 0, orders are given by nobody" in text


def test_the_document_is_json_that_reads_back(tmp_path: Path):
    document = {"running": True, **judged(a_health())}

    text = health_text(document, as_json=True, folder=tmp_path)

    assert msgspec.json.decode(text)["problems"] == []


def test_without_an_engine_there_is_no_health(tmp_path: Path):
    text = health_text({"running": False}, as_json=False, folder=tmp_path)

    assert text == f"no engine runs on {tmp_path}"
