"""Decoders beside a recorder: they decode as ever, and every input is in the recording first."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.model.envelope import Event
from engine.model.errors import ConfigError, VenuePayloadError
from engine.model.instrument import InstrumentId
from engine.model.market import InstrumentUpdated
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import LoopClock
from engine.runtime.journal_writer import LoopWorker
from engine.runtime.recorded_wire import RecordedMarkets, RecordedWire
from engine.runtime.recorder import Recorder
from engine.runtime.virtual_loop import run
from engine.venues.base import HttpRequest
from engine.venues.simulated.generator import SimulatedMarket
from storage.recording_format import Answer, Call, Line, SocketFrame
from storage.recording_reader import run_named
from storage.recording_writer import RecordingWriter
from tests.builders import START_NS
from tests.fakes.files import FaultyFiles
from tests.fakes.wire import FakeWire

FOLDER = Path("/data/recordings")
A = InstrumentId("A")


def recorded(scenario: Callable[[Recorder, LoopClock], None]) -> list[Line]:
    files = FaultyFiles()

    async def main() -> None:
        clock = LoopClock(START_NS)
        writer = RecordingWriter(files, FOLDER, "fake", "run-1", 2**30)
        recorder = Recorder("fake", "run-1", writer, clock, LoopWorker(lambda: 0.001))
        scenario(recorder, clock)
        await recorder.close()

    run(main)
    return list(run_named(files, FOLDER))


def test_a_frame_is_decoded_as_ever_and_recorded() -> None:
    def scenario(recorder: Recorder, clock: LoopClock) -> None:
        wire = RecordedWire(FakeWire(), recorder, clock)
        assert wire.receive("A", 5) == FakeWire().receive("A", 5)
        assert wire.receive(b"A", 6)

    assert recorded(scenario) == [
        SocketFrame(1, 5, "fake", "A", "text"),
        SocketFrame(2, 6, "fake", "A", "bytes"),
    ]


def test_a_frame_that_cannot_be_read_is_recorded_all_the_same() -> None:
    def scenario(recorder: Recorder, clock: LoopClock) -> None:
        with pytest.raises(VenuePayloadError):
            RecordedWire(FakeWire(), recorder, clock).receive("bad", 5)

    assert recorded(scenario) == [SocketFrame(1, 5, "fake", "bad", "text")]


def test_an_answer_is_recorded_with_what_was_asked() -> None:
    request = HttpRequest("snapshot", "https://venue.test/depth", 5, A)

    def scenario(recorder: Recorder, clock: LoopClock) -> None:
        wire = RecordedWire(FakeWire(), recorder, clock)
        expected = FakeWire().receive_answer(request, 200, b"ok", 5)
        assert wire.receive_answer(request, 200, b"ok", 5) == expected

    (answer,) = recorded(scenario)

    assert isinstance(answer, Answer)
    assert (answer.url, answer.status, answer.raw) == (request.url, 200, "ok")
    assert b'"purpose":"snapshot"' in bytes(answer.request)


def test_a_choice_is_recorded_even_where_the_venue_knows_no_such_name() -> None:
    def scenario(recorder: Recorder, clock: LoopClock) -> None:
        wire = RecordedWire(FakeWire(), recorder, clock)
        assert len(wire.choose(["A", "B"])) == 2
        with pytest.raises(ConfigError):
            wire.choose(["C"])

    assert recorded(scenario) == [
        Call(1, START_NS, "fake", "choose", (("A", "B"),)),
        Call(2, START_NS, "fake", "choose", (("C",),)),
    ]


def test_what_is_only_asked_is_handed_through() -> None:
    def scenario(recorder: Recorder, clock: LoopClock) -> None:
        bare = FakeWire(has_streams=True)
        bare.has_time = True
        wire = RecordedWire(bare, recorder, clock)
        wire.choose(["A"])
        streams = bare.sockets()[0].streams
        assert wire.metadata_requests() == bare.metadata_requests()
        assert wire.sockets() == bare.sockets()
        assert wire.history_requests() == bare.history_requests()
        assert wire.snapshot_request(A) == bare.snapshot_request(A)
        assert wire.snapshot_by_stream(A) == bare.snapshot_by_stream(A)
        assert wire.quote_request(A) == bare.quote_request(A)
        assert wire.time_request() == bare.time_request()
        assert wire.subscribe(streams) == bare.subscribe(streams)
        assert wire.unsubscribe(streams) == bare.unsubscribe(streams)
        assert wire.acknowledged("+A") == bare.acknowledged("+A")
        assert wire.recorded_request("x") == bare.recorded_request("x")

    assert len(recorded(scenario)) == 1


def test_a_market_is_recorded_by_its_seed_and_the_moments_it_was_asked_for() -> None:
    start_ns, later_ns = START_NS, START_NS + NS_PER_S
    told: list[list[Event]] = []

    def scenario(recorder: Recorder, clock: LoopClock) -> None:
        market = RecordedMarkets(recorder, clock).open(("BTC-PERP",), 7, start_ns, 1.0)
        told.append(market.opening())
        told.append(market.advance(later_ns))
        book = market.snapshot(InstrumentId("simulated:BTC-PERP"))
        assert book is not None
        told.append([book])
        assert market.snapshot(InstrumentId("simulated:NONE")) is None

    lines = recorded(scenario)

    bare = SimulatedMarket(("BTC-PERP",), 7, start_ns, 1.0)
    assert told[:2] == [bare.opening(), bare.advance(later_ns)]
    assert any(isinstance(event, InstrumentUpdated) for event in told[0])
    assert lines == [
        Call(1, start_ns, "fake", "open", (0, ("BTC-PERP",), 7, start_ns, 1.0)),
        Call(2, later_ns, "fake", "advance", (0,)),
        Call(3, START_NS, "fake", "snapshot", (0, "simulated:BTC-PERP")),
        Call(4, START_NS, "fake", "snapshot", (0, "simulated:NONE")),
    ]
