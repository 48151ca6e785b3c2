"""The programs of the bench: that they run and are right; how fast they are is no test's affair."""

import subprocess
import sys
import time
from importlib.util import find_spec

from bench.__main__ import CASES, WITH_PEER
from bench.desk_side import run
from bench.plain_book import PlainMarket
from bench.result import Result
from bench.stream import synthetic
from bench.told import Listener, Teller
from engine.kernel.state import InstrumentState


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


def test_a_ratio_is_there_only_where_there_is_something_to_compare():
    alone = Result("p0", "us", ours=10.0)
    beside = Result("p0", "us", ours=10.0, reference=2.0)

    assert '"ratio_limit": null' in alone.line
    assert '"ratio_limit": 5.0' in beside.line
