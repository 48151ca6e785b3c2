"""A recorded run once more: the same inputs into the same kernel, compared with what it decided.

The ledger comes from the journal's first checkpoint, everything else from the recording. At each
recorded digest the whole state must be equal, and every record of the journal must be what the
step at that place asks for. Where the recording lacks something, the verdict says from when on and
why; nothing behind it is guessed.
"""

import binascii
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from engine.execution.ledger import Ledger
from engine.kernel.desk import DeskSetup
from engine.kernel.kernel import Kernel
from engine.kernel.state import KernelState
from engine.model.effects import Record
from engine.model.envelope import Envelope, Event
from engine.model.errors import (
    ConfigError,
    InvariantBroken,
    StorageError,
    VenuePayloadError,
)
from engine.model.instrument import InstrumentId
from engine.model.signals import Notice
from engine.venues.base import HttpRequest, MarketWire
from engine.venues.registry import VENUES
from engine.venues.simulated.generator import SimulatedMarket
from storage.base import Files
from storage.journal_format import Kind
from storage.journal_reader import JournalReader
from storage.recording_format import (
    REACH_LINES,
    Answer,
    Call,
    Digest,
    Frame,
    Made,
    Mark,
    RunBegan,
    Taken,
    raw_of,
)
from storage.recording_reader import Flaw, FlawKind, RunReader

State = Literal["equal", "unequal"] | FlawKind
"""`equal`: all of it, to its end. `torn`: all that there is; the run was killed, or still runs."""

_encode = msgspec.msgpack.Encoder().encode


class Verdict(msgspec.Struct):
    """What came of running a run again."""

    run: str
    state: State = "equal"
    sentence: str = ""
    venue: str = ""
    version: str = ""
    lines: int = 0
    seq: int = 0
    """Last event that was handled again."""
    ts_ns: int = 0
    """Its engine time; from then on the run cannot be repeated, unless it is `equal`."""
    digests: int = 0
    """Recorded digests that were found equal."""
    digest_seq: int = 0
    """Event of the last of them."""
    facts: int = 0
    """Records of the journal that were found equal."""
    digest: str = ""
    ledger_digest: str = ""


class _Stopped(Exception):  # noqa: N818 - not an error: the way out of the loop with the verdict
    def __init__(self, state: State, sentence: str) -> None:
        self.state: State = state
        super().__init__(sentence)


class _Decoder(Protocol):
    def decode(self, frame: Frame) -> Sequence[Event]:
        """Return what a line gave when it was recorded."""


class RunReplay:
    """Runs one recorded run again.

    Args:
        reader: Its recording.
        journals: Folder of the journal that it wrote.
        version: Of this program.
    """

    def __init__(self, reader: RunReader, files: Files, journals: Path, version: str) -> None:
        self.verdict = Verdict(reader.run)
        self.kernel = Kernel()
        self._reader = reader
        self._files = files
        self._journals = journals
        self._version = version
        self._decoder: _Decoder | None = None
        self._given: dict[int, Sequence[Event]] = {}
        self._journalled: Iterator[bytes] = iter(())
        self._is_ended = False

    def run(self) -> Verdict:
        """Take the recording through to its end or its first flaw.

        Raises:
            StorageUnavailable: A file cannot be read.
        """
        verdict = self.verdict
        try:
            for line in self._reader:
                verdict.lines = line.line
                verdict.venue = line.venue
                if isinstance(line, Mark):
                    self._take_mark(line)
                else:
                    self._given[line.line] = self._decoded(line)
            self._judge_end()
        except _Stopped as stop:
            verdict.state = stop.state
            verdict.sentence = str(stop)
        state = self.kernel.state
        verdict.seq, verdict.ts_ns = state.seq, state.ts_ns
        verdict.digest = self.kernel.step_digest()
        verdict.ledger_digest = self.kernel.ledger_digest()
        return verdict

    def _judge_end(self) -> None:
        flaw = self._reader.flaw
        if flaw is None and not self._is_ended:
            flaw = Flaw("torn", "the recording has no end: the run was killed, or still runs")
        if flaw is not None:
            raise _Stopped(flaw.kind, flaw.sentence)

    def _decoded(self, frame: Frame) -> Sequence[Event]:
        if self._decoder is None:
            raise _Stopped("foreign", f"line {frame.line} comes before the beginning of the run")
        try:
            return self._decoder.decode(frame)
        except (VenuePayloadError, ConfigError):  # As it was then; what came of it is in a mark.
            return ()
        except (msgspec.DecodeError, binascii.Error) as error:
            told = f"line {frame.line} holds no request or message: {error}"
            raise _Stopped("foreign", told) from None

    def _take_mark(self, line: Mark) -> None:
        match line.mark:
            case RunBegan():
                self._begin(line.venue, line.mark)
            case Taken():
                self._take(line, line.mark)
                self._forget(line.line - REACH_LINES)
            case Digest():
                self._compare(line.mark)
            case _:
                return

    def _begin(self, venue: str, began: RunBegan) -> None:
        if self._decoder is not None:
            raise _Stopped("foreign", "the run begins a second time")
        self.verdict.version = began.version
        if began.version != self._version:
            told = f"recorded by version {began.version}, this is {self._version}"
            raise _Stopped("other_version", f"{told}: its decisions may be others")
        try:
            setup = msgspec.json.decode(began.setup, type=DeskSetup)
            notices = msgspec.json.decode(began.notices, type=list[Notice])
            self._decoder = _decoder_of(venue)
        except msgspec.DecodeError as error:
            raise _Stopped("foreign", f"the beginning of the run cannot be read: {error}") from None
        state = KernelState(setup)
        state.desk.ledger = self._ledger(began)
        state.notices.extend(notices)
        self.kernel = Kernel(state)

    def _ledger(self, began: RunBegan) -> Ledger:
        """Return the ledger that the run began with, and set out to compare the journal."""
        ledger = Ledger()
        if began.journal:
            path = self._journals / began.journal
            records = _records(self._files, path)
            try:
                ledger = Ledger.from_bytes(next(records))
            except (StorageError, StopIteration) as error:
                if ledger.digest() != began.ledger_digest:
                    told = str(error) or f"{path} holds nothing"
                    raise _Stopped("foreign", f"no ledger to begin with: {told}") from None
            else:
                self._journalled = records
        if ledger.digest() != began.ledger_digest:
            told = f"{began.journal or 'an empty ledger'} is not what this run began with"
            raise _Stopped("foreign", told)
        return ledger

    def _take(self, line: Mark, taken: Taken) -> None:
        seq, at_ns, source = taken.seq, line.recv_ns, ""
        if seq != self.kernel.state.seq + 1:
            told = f"line {line.line} goes on with event {seq} after {self.kernel.state.seq}"
            raise _Stopped("foreign", told)
        for item in taken.items:
            if isinstance(item, str):
                source = item
                continue
            if isinstance(item, Made):
                at_ns += item.passed_ns
                events: Sequence[Event] = (item.event,)
            else:
                back, first, count, passed_ns = item
                at_ns += passed_ns
                events = self._given.get(line.line - back, ())[first : first + count]
                if len(events) != count or first < 0:
                    told = f"line {line.line} names event {first + count} of line"
                    raise _Stopped("foreign", f"{told} {line.line - back}, which has no such")
            for event in events:
                self._step(Envelope(seq, at_ns, source, event))
                seq += 1

    def _step(self, envelope: Envelope) -> None:
        try:
            effects = self.kernel.step(envelope)
        except InvariantBroken as error:
            raise _Stopped(
                "unequal", f"event {envelope.seq} breaks an invariant: {error}"
            ) from None
        facts = [effect.fact for effect in effects if type(effect) is Record]
        if not facts:
            return
        journalled = next(self._journalled, None)
        if journalled is None:
            return  # The journal ends here, or has a hole; the digests go on to be compared.
        if journalled != _encode(facts):
            told = f"event {envelope.seq} decides otherwise than the journal has it"
            raise _Stopped("unequal", f"{told}: {_words(facts)}, not {_told(journalled)}")
        self.verdict.facts += 1

    def _compare(self, mark: Digest) -> None:
        verdict = self.verdict
        if mark.seq != self.kernel.state.seq:
            told = f"a digest of event {mark.seq} stands after event {self.kernel.state.seq}"
            raise _Stopped("foreign", told)
        if mark.digest != self.kernel.step_digest():
            since = f"equal until event {verdict.digest_seq}" if verdict.digests else "never equal"
            raise _Stopped("unequal", f"the state after event {mark.seq} is another one; {since}")
        verdict.digests += 1
        verdict.digest_seq = mark.seq
        self._is_ended = mark.is_end

    def _forget(self, before: int) -> None:
        for line in list(self._given):
            if line >= before:
                return
            del self._given[line]


class _WireDecoder:
    """Frames of a venue through a fresh wire."""

    def __init__(self, wire: MarketWire) -> None:
        self._wire = wire

    def decode(self, frame: Frame) -> Sequence[Event]:
        match frame:
            case Answer():
                request = msgspec.json.decode(frame.request, type=HttpRequest)
                body = raw_of(frame.raw, frame.encoding)
                return self._wire.receive_answer(request, frame.status, body, frame.recv_ns)
            case Call(call="choose", arguments=(tuple() as symbols,)):
                return self._wire.choose(symbols)
            case Call():
                raise _Stopped("foreign", f"line {frame.line} asks a venue to {frame.call}")
            case _:
                return self._wire.receive(raw_of(frame.raw, frame.encoding), frame.recv_ns)


class _MarketDecoder:
    """Simulated markets, opened and asked as they were."""

    def __init__(self) -> None:
        self._markets: list[SimulatedMarket] = []

    def decode(self, frame: Frame) -> Sequence[Event]:
        if isinstance(frame, Call):
            match frame.call, frame.arguments:
                case "open", (int(), tuple() as symbols, int(seed), int(start), float(intensity)):
                    market = SimulatedMarket(symbols, seed, start, intensity)
                    self._markets.append(market)
                    return market.opening()
                case "advance", (int(number),) if number < len(self._markets):
                    return self._markets[number].advance(frame.recv_ns)
                case "snapshot", (int(number), str(name)) if number < len(self._markets):
                    book = self._markets[number].snapshot(InstrumentId(name))
                    return () if book is None else (book,)
        raise _Stopped("foreign", f"line {frame.line} is no call of the simulated market")


def _decoder_of(venue: str) -> _Decoder:
    spec = VENUES.get(venue)
    if spec is None:
        raise _Stopped("foreign", f"there is no venue {venue!r}")
    if spec.wire is None:
        return _MarketDecoder()
    assert spec.endpoints is not None
    return _WireDecoder(spec.wire(spec.endpoints))


def _records(files: Files, path: Path) -> Iterator[bytes]:
    """Yield the first checkpoint of a journal, then its facts for as long as none are missing."""
    is_first = True
    for record in JournalReader(files, path):
        if record.kind is Kind.END or (record.kind is Kind.CHECKPOINT) is not is_first:
            return
        is_first = False
        yield record.payload


def _words(facts: Sequence[Any]) -> str:
    return ", ".join(type(fact).__name__ for fact in facts)


def _told(journalled: bytes) -> str:
    facts: list[dict[str, Any]] = msgspec.msgpack.decode(journalled)
    return ", ".join(str(fact.get("type")) for fact in facts)
