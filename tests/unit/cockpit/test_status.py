"""What the commands print about an engine and about a run that was run again."""

from pathlib import Path

import msgspec

from cockpit.status import run_text, status_text
from engine.research.replay_run import Verdict
from tests.ui.scenes import a_status

AT_NS = 1_760_000_000_000_000_000  # 2025-10-09 08:53:20 UTC


def told(**changed: object) -> str:
    """Return the lines for people about a verdict."""
    verdict = Verdict("r1", venue="okx", seq=7, ts_ns=AT_NS, digests=2, facts=3)
    return run_text(msgspec.to_builtins(verdict) | changed, as_json=False)


def test_an_equal_run_says_how_much_was_compared() -> None:
    assert told(digest="abc").splitlines() == [
        "run r1 on okx: equal",
        "2 digests and 3 journal records equal; came to event 7 (10-09 08:53:20 UTC)",
        "digest abc",
    ]


def test_a_run_that_cannot_go_on_says_from_where_and_why() -> None:
    lines = told(state="hole", sentence="lines 3 to 5 are missing").splitlines()

    assert lines[0] == "run r1 on okx: hole"
    assert lines[2] == "from there on it cannot be repeated: lines 3 to 5 are missing"


def test_a_run_that_never_began_has_no_time() -> None:
    assert "came to event 0\n" in told(seq=0, ts_ns=0, venue="", state="foreign", sentence="why")


def test_the_status_tells_of_a_recording_that_stopped(tmp_path: Path) -> None:
    status = msgspec.to_builtins(a_status(recording="recording stopped: no room"))
    document = {"running": True, "pid": 1, **status}

    assert "recording stopped: no room" in status_text(document, as_json=False, folder=tmp_path)
