"""The contract of `MarketWire`: numbered cases that every venue of the registry must pass.

| cases | about |
| --- | --- |
| W01 to W06 | what it asks for |
| W11 to W15 | what is chosen |
| W21 to W29 | what came, and in which order |
| W31 to W36 | what it refuses, and that a refusal changes nothing |
"""

import json
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
import pytest

from engine.kernel.routing import ROUTES
from engine.model.envelope import Event
from engine.model.errors import ConfigError, VenuePayloadError
from engine.model.instrument import instrument_id
from engine.model.market import BookSnapshot, Candle, InstrumentUpdated, ScalesWidened
from engine.venues.base import Endpoints, HttpRequest, MarketWire, SocketPlan, VenueSpec
from engine.venues.registry import VENUES
from tests.contract.venues.samples import SAMPLES, Sample

ENDPOINTS = Endpoints(rest="https://rest.test:1", stream="wss://stream.test:2")
SPECS = {name: spec for name, spec in VENUES.items() if spec.wire is not None}
GARBAGE = ["", "{", "[]", "null", "x" * 2**16, "[" * 2**16, '{"a":' * 2**16, "\x00", "\ud800"]


class Examined:
    """A venue with its sample; `wire` is fresh, `ready` knows its instruments."""

    def __init__(self, spec: VenueSpec) -> None:
        self.spec = spec
        self.sample: Sample = SAMPLES[spec.name]
        self.id = instrument_id(spec.name, self.sample.symbols[0])

    def wire(self) -> MarketWire:
        """Return a wire that nobody told anything."""
        assert self.spec.wire is not None
        return self.spec.wire(ENDPOINTS)

    def listed(self) -> MarketWire:
        """Return a wire with its metadata."""
        wire = self.wire()
        for request in wire.metadata_requests():
            wire.receive_answer(request, 200, self.sample.metadata[request.purpose], 0)
        return wire

    def ready(self) -> MarketWire:
        """Return a wire with all instruments of the sample chosen."""
        wire = self.listed()
        wire.choose(self.sample.symbols)
        return wire

    def candles_request(self, wire: MarketWire) -> HttpRequest:
        """Return the request for history of the first symbol."""
        return next(one for one in wire.history_requests() if one.instrument_id == self.id)


def opening_words(wire: MarketWire, plan: SocketPlan) -> list[str]:
    """Return all that is said on a new connection."""
    return [*plan.on_open, *(control.text for control in wire.subscribe(plan.streams))]


@pytest.fixture(params=SPECS)
def venue(request: pytest.FixtureRequest) -> Examined:
    """Return each venue in turn."""
    return Examined(SPECS[request.param])


def test_every_venue_has_a_sample():
    assert SAMPLES.keys() == SPECS.keys()


def test_w01_metadata_comes_from_the_given_rest_endpoint(venue: Examined):
    requests = venue.wire().metadata_requests()

    assert requests
    assert all(one.url.startswith(f"{ENDPOINTS.rest}/") for one in requests)
    assert all(one.weight > 0 and one.purpose for one in requests)


def test_w02_sockets_have_distinct_names_at_the_given_endpoint(venue: Examined):
    plans = venue.ready().sockets()

    assert plans
    assert len({plan.name for plan in plans}) == len(plans)
    assert all(plan.name.isidentifier() for plan in plans)
    assert all(plan.url.startswith(f"{ENDPOINTS.stream}/") for plan in plans)


def test_w03_what_is_sent_on_open_is_json_and_names_every_instrument(venue: Examined):
    wire = venue.ready()
    for plan in wire.sockets():
        said = " ".join(json.dumps(json.loads(message)) for message in opening_words(wire, plan))

        assert all(symbol.lower() in said.lower() for symbol in venue.sample.symbols)


def test_w04_snapshots_are_asked_for_by_instrument(venue: Examined):
    request = venue.ready().snapshot_request(venue.id)

    assert (request.purpose, request.instrument_id) == ("snapshot", venue.id)
    assert venue.sample.symbols[0] in urlsplit(request.url).query


def test_w05_history_is_asked_for_by_instrument_and_timeframe(venue: Examined):
    requests = venue.ready().history_requests()

    pairs = [(one.instrument_id, one.timeframe_s) for one in requests]
    assert len(set(pairs)) == len(pairs) >= len(venue.sample.symbols)
    assert all(one.purpose == "candles" and one.timeframe_s > 0 for one in requests)


def test_w06_its_own_requests_are_recognised_in_recordings(venue: Examined):
    wire = venue.ready()

    for request in (*wire.metadata_requests(), wire.snapshot_request(venue.id)):
        assert wire.recorded_request(request.url) == request
    for url in ("", "https://other.test/nothing", "http://[", "\x00"):
        assert wire.recorded_request(url) is None


def test_w11_the_chosen_are_described_once_each_in_order(venue: Examined):
    one, two = venue.sample.symbols[:2]

    events = venue.listed().choose([two, one, two])

    assert [type(event) for event in events] == [InstrumentUpdated, InstrumentUpdated]
    found = [event.instrument.instrument_id for event in events if type(event) is InstrumentUpdated]
    assert found == [instrument_id(venue.spec.name, symbol) for symbol in (two, one)]


def test_w12_a_description_has_steps_and_matching_scales(venue: Examined):
    (event,) = venue.listed().choose(venue.sample.symbols[:1])

    assert type(event) is InstrumentUpdated
    tick, lot = event.instrument.tick_size, event.instrument.lot_size
    assert tick is not None
    assert lot is not None
    assert tick * 10**event.price_decimals % 1 == 0
    assert lot * 10**event.qty_decimals % 1 == 0


def test_w13_an_unknown_name_is_refused_with_the_nearest(venue: Examined):
    typo, meant = venue.sample.typo

    with pytest.raises(ConfigError, match=meant) as refused:
        venue.listed().choose([typo])

    assert repr(typo) in str(refused.value)


def test_w14_without_metadata_nothing_can_be_chosen(venue: Examined):
    with pytest.raises(ConfigError):
        venue.wire().choose(venue.sample.symbols)


def test_w15_nothing_is_subscribed_that_was_not_chosen(venue: Examined):
    wire = venue.listed()
    one, two = venue.sample.symbols[:2]
    wire.choose([one])

    said = " ".join(word for plan in wire.sockets() for word in opening_words(wire, plan)).lower()

    assert one.lower() in said
    assert two.lower() not in said
    assert {request.instrument_id for request in wire.history_requests()} == {venue.id}


def test_w21_text_and_bytes_say_the_same(venue: Examined):
    texts, octets = venue.ready(), venue.ready()

    for message in (*venue.sample.frames, *venue.sample.silent, venue.sample.finer):
        assert list(texts.receive(message, 5)) == list(octets.receive(message.encode(), 5))


def test_w22_every_frame_says_something_about_its_instrument(venue: Examined):
    wire = venue.ready()

    for message in venue.sample.frames:
        events = wire.receive(message, 0)

        assert len(events) == 1
        assert {getattr(event, "instrument_id", None) for event in events} == {venue.id}


def test_w23_acknowledgements_say_nothing(venue: Examined):
    wire = venue.ready()

    assert [event for message in venue.sample.silent for event in wire.receive(message, 0)] == []


def test_w24_without_metadata_an_instrument_is_described_before_anything_about_it(
    venue: Examined,
):
    for message in venue.sample.frames:
        wire = venue.wire()
        first, second = wire.receive(message, 0), wire.receive(message, 0)

        assert type(first[0]) is InstrumentUpdated
        assert first[0].instrument.instrument_id == venue.id
        assert InstrumentUpdated not in map(type, [*first[1:], *second])


def test_w25_the_kernel_has_a_route_for_every_event(venue: Examined):
    wire = venue.wire()
    events: list[Event] = []

    for message in (*venue.sample.frames, venue.sample.finer):
        events += wire.receive(message, 0)

    assert all(type(event) in ROUTES for event in events)
    assert all(msgspec.msgpack.encode(event) for event in events)


def test_w26_a_snapshot_is_a_whole_book_best_first(venue: Examined):
    wire = venue.ready()

    (event,) = wire.receive_answer(wire.snapshot_request(venue.id), 200, venue.sample.snapshot, 0)

    assert type(event) is BookSnapshot
    assert list(event.bids) == sorted(event.bids, reverse=True)
    assert list(event.asks) == sorted(event.asks)
    assert event.bids[0][0] < event.asks[0][0]


def test_w27_history_comes_oldest_first(venue: Examined):
    wire = venue.ready()
    request = venue.candles_request(wire)

    events = wire.receive_answer(request, 200, venue.sample.candles.encode(), 10**18)

    candles = [event for event in events if type(event) is Candle]
    assert len(candles) == len(events) >= 2
    assert [one.open_ns for one in candles] == sorted(one.open_ns for one in candles)
    assert {(one.instrument_id, one.timeframe_s) for one in candles} == {
        (venue.id, request.timeframe_s)
    }


def test_w28_a_finer_number_widens_before_its_event(venue: Examined):
    wire = venue.ready()

    widened, event = wire.receive(venue.sample.finer, 0)

    assert type(widened) is ScalesWidened
    assert widened.instrument_id == venue.id
    assert type(event) is not ScalesWidened
    assert list(wire.receive(venue.sample.finer, 0)) == [event]


def test_w29_two_wires_say_the_same_of_the_same(venue: Examined):
    one, two = venue.wire(), venue.wire()
    messages = (*venue.sample.frames, *venue.sample.silent, venue.sample.finer)

    for message in messages * 2:
        assert list(one.receive(message, 0)) == list(two.receive(message, 0))


@pytest.mark.parametrize("message", GARBAGE, ids=lambda message: ascii(message[:10]))
def test_w31_garbage_is_refused_as_a_payload(message: str, venue: Examined):
    wire = venue.ready()
    asked: list[Callable[[str | bytes], object]] = [
        lambda body: wire.receive(body, 0),
        lambda body: wire.receive_answer(wire.metadata_requests()[0], 200, body, 0),
        lambda body: wire.receive_answer(wire.snapshot_request(venue.id), 200, body, 0),
    ]
    if message != "[]":
        asked.append(lambda body: wire.receive_answer(venue.candles_request(wire), 200, body, 0))

    for form in (message, message.encode("utf-8", "surrogatepass")):
        for ask in asked:
            with pytest.raises(VenuePayloadError):
                ask(form)


@pytest.mark.parametrize("status", [301, 400, 404, 418, 429, 500, 503])
def test_w32_an_answer_that_is_none_is_refused_with_its_status(status: int, venue: Examined):
    wire = venue.ready()

    for request, body in (
        (wire.snapshot_request(venue.id), venue.sample.snapshot),
        (venue.candles_request(wire), venue.sample.candles),
        (wire.metadata_requests()[0], "{}"),
    ):
        with pytest.raises(VenuePayloadError, match=str(status)):
            wire.receive_answer(request, status, body, 0)


def test_w33_every_prefix_of_a_frame_is_refused(venue: Examined):
    wire = venue.ready()

    for message in venue.sample.frames:
        for end in range(len(message)):
            with pytest.raises(VenuePayloadError):
                wire.receive(message[:end], 0)


def test_w34_a_refused_frame_changes_nothing(venue: Examined):
    disturbed, calm = venue.wire(), venue.wire()

    for message in (*venue.sample.frames, venue.sample.finer):
        for bad in (venue.sample.finer_broken, message[:-2], "\x00"):
            with pytest.raises(VenuePayloadError):
                disturbed.receive(bad, 0)

        assert list(disturbed.receive(message, 0)) == list(calm.receive(message, 0))


def test_w35_the_reason_is_short_and_shows_the_text(venue: Examined):
    with pytest.raises(VenuePayloadError) as refused:
        venue.ready().receive("garbage " * 10_000, 0)

    assert "garbage" in refused.value.excerpt
    assert len(str(refused.value)) < 400


def test_w36_a_refused_answer_of_metadata_leaves_what_was_known(venue: Examined):
    wire = venue.ready()
    with pytest.raises(VenuePayloadError):
        wire.receive_answer(wire.metadata_requests()[0], 200, "<html>", 0)

    assert len(wire.choose(venue.sample.symbols)) == len(venue.sample.symbols)
