"""The programs of the bench: that they run and are right; how fast they are is no test's affair."""

import asyncio
import json
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.__main__ import CASES, WITH_PEER
from bench.burst_venue import a_burst_venue
from bench.desk_side import run
from bench.feed_side import WAYS, Burst, Loopback
from bench.plain_book import PlainMarket
from bench.recording_side import outcome, read_back, recorded
from bench.result import Result
from bench.stream import diffs, synthetic
from bench.told import Listener, Teller
from bench.turns import RUNS, take_turns, written
from bench.wire_side import described_wire
from engine.kernel.state import InstrumentState
from storage.recording_format import raw_of


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], capture_output=True, text=True, check=False
    )


def test_help_names_every_case_and_every_case_is_there():
    done = bench("--help")

    assert done.returncode == 0
    for case, about in CASES.items():
        assert about in done.stdout
        assert find_spec(f"bench.{case}") is not None
    assert set(WITH_PEER) <= set(CASES)


def test_an_unknown_case_is_refused_by_name():
    done = bench("p1", "p0")

    assert done.returncode == 2
    assert "no case p0; there are p1, p2a" in done.stderr


def test_a_listener_knows_when_it_was_told_what():
    listener = Listener()
    teller = Teller(listener.port)

    teller.tell("place", "o1")
    first_ns = listener.first("place", 0, 5)
    between_ns = time.monotonic_ns()
    teller.tell("cancel", "o1")
    teller.tell("place", "o2")

    assert first_ns is not None
    assert first_ns < between_ns
    (later_ns,) = listener.times("place", between_ns, 1, 5)
    assert later_ns is not None
    assert listener.names("place", 0) == ["o1", "o2"]
    assert listener.first("latched", 0, 0) is None
    teller.close()
    listener.close()


def test_the_desk_of_p2_trades_and_its_journal_folds_to_its_ledger():
    stream = synthetic(1_500)
    frames = (stream.snapshot, stream.frames, stream.times_ns)

    host, _, ledger, size = run(frames)

    kept = host.state.desk.ledger
    market: InstrumentState
    (market,) = host.state.instruments.values()
    expected = PlainMarket(stream.snapshot).run(stream.frames).outcome()
    assert ledger.digest() == kept.digest()
    assert host.fills
    assert size
    assert market.tape.total == expected["trades"]


@pytest.mark.parametrize("way", ["book", "engine"])
def test_a_burst_through_the_socket_ends_in_the_book_of_the_reference(way: str):
    stream = diffs(300, levels=20)
    expected = PlainMarket(stream.snapshot).run(stream.frames).outcome()

    with written(stream) as path, a_burst_venue(path) as port:
        burst = Burst(port, 300, int(str(expected["last_id"])), stream.snapshot)
        found = asyncio.run(WAYS[way](burst, Loopback(stream.snapshot)))

    assert found["book"] == expected["book"]
    assert found == {key: expected[key] for key in found}


def test_what_p13_records_comes_back_as_it_was(tmp_path: Path):
    stream = synthetic(1_500)
    frames = (stream.snapshot, stream.frames, stream.times_ns)
    wire = described_wire()
    events = [wire.receive(*one) for one in zip(stream.frames, stream.times_ns, strict=True)]

    asyncio.run(recorded(frames, events, tmp_path))

    found = [raw_of(line.raw, line.encoding) for line in read_back(tmp_path)]
    assert found == stream.frames
    assert outcome(found) != outcome(found[1:])


def a_side(outcome: dict[str, int]) -> list[str]:
    return [sys.executable, "-c", f"print({json.dumps(json.dumps({'outcome': outcome}))})"]


def test_a_side_is_held_against_the_reference_as_far_as_it_keeps_the_market():
    turns = take_turns("p0", 10, {"ours": a_side({"last_id": 7})}, {"last_id": 7, "trades": 1})

    assert len(turns.ours) == RUNS
    assert turns.peer == []


def test_a_side_that_differs_from_the_reference_is_wrong(capsys: pytest.CaptureFixture[str]):
    sides = {"ours": a_side({"last_id": 7}), "peer": a_side({"last_id": 8})}

    with pytest.raises(SystemExit, match="1"):
        take_turns("p0", 10, sides, {"last_id": 7})

    told = json.loads(capsys.readouterr().out)
    assert told == {
        "case": "p0 10 frames",
        "wrong": {"expected": {"last_id": 7}, "found": {"peer": {"last_id": 8}}},
    }


def test_a_ratio_is_there_only_where_there_is_something_to_compare():
    alone = Result("p0", "us", ours=10.0)
    beside = Result("p0", "us", ours=10.0, reference=2.0)

    assert '"ratio_limit": null' in alone.line
    assert '"ratio_limit": 5.0' in beside.line
