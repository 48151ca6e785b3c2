"""Everything that can change, and nothing else."""

from collections import deque
from decimal import Decimal
from typing import Final

from engine.detection.base import THRESHOLD_USD, Detector, Scales, Setting
from engine.detection.registry import DETECTORS
from engine.ingest.book import NO_FLOOR, Book, Gap
from engine.ingest.candles import Candles
from engine.ingest.checksum import checksum_of
from engine.ingest.health import Connection
from engine.ingest.quotes import QuoteCheck
from engine.ingest.tape import Tape
from engine.ingest.trade_flow import TradeFlow
from engine.kernel.desk import Desk, DeskSetup
from engine.model.instrument import Instrument, InstrumentId
from engine.model.market import ClockMeasured, MarkPrice, TradeStream
from engine.model.signals import Notice, WhaleSignal

NOTICES_MAX: Final = 500
SIGNALS_MAX: Final = 500
INSTRUMENTS_MAX: Final = 2_000
SWEEPS_MAX: Final = 160
"""40 s of them."""


class InstrumentState:
    """The market of one instrument.

    `book_feed` is the connection that carries the book; `book_ns`, `trade_ns` and `mark_ns` are the
    engine times of the last book message, trade and mark price, 0 where there was none.
    `applied_seq` is the event that changed a whole book last, `traded_seq` the last one that was a
    trade and no repetition. `snapshot_ns` is when a snapshot was
    last asked for, and `snapshot_tries` how often since the book was whole. The `_version`s change
    with what their pane shows.
    """

    def __init__(self, instrument: Instrument, price_decimals: int, qty_decimals: int) -> None:
        self.instrument = instrument
        self.price_decimals = price_decimals
        self.qty_decimals = qty_decimals
        self.book = Book(instrument.sequence_rule, checksum_of=self._checksum_of)
        self.book_state_ns = 0
        self.book_feed = ""
        self.book_ns = 0
        self.book_venue_ns = 0
        """The venue's time of the last change; 0 where it sends none."""
        self.book_lag_ns = 0
        """From then to its receipt, by two clocks."""
        self.moved_ns = 0
        """When a quote or a trade first showed that the market moved and the book did not."""
        self.is_mute = False
        """Whether the book's stream was not heard since it was found to stand still."""
        self.second_bad = 0
        """Checks by a second source, one after the other, that the book did not stand."""
        self.applied_seq = self.traded_seq = 0
        self.last_gap: Gap | None = None
        self.snapshot_asked = False
        self.snapshot_ns: int | None = None
        self.snapshot_tries = 0
        self.candles = Candles()
        self.tape = Tape()
        self.trade_stream: TradeStream | None = None
        self.trade_ns = self.mark_ns = 0
        self.trades = 0
        self.flow = TradeFlow(is_numbered=instrument.has_numbered_trades)
        self.trades_not_market = self.trades_other_stream = 0
        self.last_ticks: int | None = None
        self.last_is_up: bool | None = None
        self.mark: MarkPrice | None = None
        self.quotes = QuoteCheck()
        self.quotes_unequal = 0
        self.detectors: tuple[Detector, ...] = ()
        self.detectors_off = "no quote currency known"
        self.book_version = 0
        self.trade_version = 0
        self.candle_version = 0
        self.mark_version = 0

    @property
    def instrument_id(self) -> InstrumentId:
        """Id of the instrument."""
        return self.instrument.instrument_id

    @property
    def tick_ticks(self) -> int:
        """The venue's price step in ticks of the decoding scale; 1 where it is unknown."""
        tick = self.instrument.tick_size
        if tick is None:
            return 1
        return max(1, int(tick * Decimal(10) ** self.price_decimals))

    @property
    def scales(self) -> Scales:
        """The decoding scales."""
        return Scales(self.price_decimals, self.qty_decimals)

    def book_age_ns(self, now_ns: int) -> int | None:
        """Return the time since the last book message."""
        return now_ns - self.book_ns if self.book_ns else None

    def trade_age_ns(self, now_ns: int) -> int | None:
        """Return the time since the last trade."""
        return now_ns - self.trade_ns if self.trade_ns else None

    def widen(self, price_decimals: int, qty_decimals: int) -> None:
        """Count finer ticks and lots from now on; nothing is rounded, nothing is lost."""
        assert price_decimals >= self.price_decimals
        assert qty_decimals >= self.qty_decimals
        price_factor: int = 10 ** (price_decimals - self.price_decimals)
        qty_factor: int = 10 ** (qty_decimals - self.qty_decimals)
        self.price_decimals = price_decimals
        self.qty_decimals = qty_decimals
        self.book.widen(price_factor, qty_factor)
        self.candles.widen(price_factor, qty_factor)
        self.tape.widen(price_factor, qty_factor)
        self.quotes.widen(price_factor, qty_factor)
        self.flow.widen(price_factor, qty_factor)
        if self.last_ticks is not None:
            self.last_ticks *= price_factor
        for detector in self.detectors:
            detector.rescale(self.scales, price_factor, qty_factor)
        self._set_addition_floor()

    def make_detectors(self, next_signal_id: "SignalIds") -> None:
        """Start the detectors, or say why there are none; earlier ones are let go."""
        self.detectors = ()
        self._set_addition_floor()
        if self.instrument.is_inverse:
            self.detectors_off = "off: sizes of an inverse contract are no base amounts"
            return
        if not self.instrument.is_quoted_in_dollars:
            quote = self.instrument.quote
            self.detectors_off = (
                f"off: thresholds are in dollars, the quote is {quote}"
                if quote
                else "off: quote currency unknown"
            )
            return
        setting = Setting(self.instrument, THRESHOLD_USD)
        self.detectors = tuple(
            spec.make(setting, self.scales, next_signal_id.take) for spec in DETECTORS
        )
        self.detectors_off = ""
        self._set_addition_floor()

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything that decides what happens next, as plain values."""
        return (
            self.instrument,
            (self.price_decimals, self.qty_decimals),
            self.book.digest_parts(),
            (self.book_state_ns, self.book_feed, self.book_ns),
            (self.snapshot_asked, self.snapshot_ns, self.snapshot_tries),
            self.candles.digest_parts(),
            self.tape.digest_parts(),
            (self.trade_stream, self.trade_ns, self.trades),
            (self.trades_not_market, self.trades_other_stream),
            self.flow.digest_parts(),
            (self.book_venue_ns, self.moved_ns, self.is_mute, self.second_bad),
            (self.last_ticks, self.last_is_up, self.mark, self.mark_ns),
            (self.quotes.digest_parts(), self.quotes_unequal),
            [detector.digest_parts() for detector in self.detectors],
        )

    def _checksum_of(self, book: Book) -> int:
        size = self.instrument.contract_size
        return checksum_of(book, self.price_decimals, self.qty_decimals, size)

    def _set_addition_floor(self) -> None:
        floors = [
            int(detector.addition_floor_usd * self.scales.units_per_quote)
            for detector in self.detectors
        ]
        self.book.addition_floor = min(floors, default=NO_FLOOR)


class SignalIds:
    """Numbers for whale signals, one after the other."""

    def __init__(self) -> None:
        self.last = 0

    def take(self) -> int:
        """Return the next number."""
        self.last += 1
        return self.last


class KernelState:
    """The whole state of one run."""

    def __init__(self, setup: DeskSetup | None = None) -> None:
        self.desk = Desk(setup or DeskSetup())
        self.seq = 0
        self.ts_ns = 0
        self.run_id = ""
        self.version = ""
        self.instruments: dict[InstrumentId, InstrumentState] = {}
        self.connections: dict[str, Connection] = {}
        self.sweeps: deque[tuple[int, int]] = deque(maxlen=SWEEPS_MAX)
        """Sequence number and time of the newest sweeps: when somebody looked is told by these."""
        self.signal_ids = SignalIds()
        self.signals: dict[int, WhaleSignal] = {}
        self.signals_version = 0
        self.notices: deque[Notice] = deque(maxlen=NOTICES_MAX)
        self.notices_version = 0
        self.bad_frames = 0
        self.unknown_instrument = 0
        self.gaps = 0
        self.trade_gaps = 0
        self.holes = 0
        """Losses so far after which trades were missing; numbers the requests for them."""
        self.silent_streams = 0
        self.loop_stalls = self.loop_stall_ns = self.loop_stall_at_ns = 0
        """How often the loop stood still; how long the last time, and when that ended."""
        self.part_failures = 0
        """How often a part of the engine failed by an error of the program."""
        self.is_disk_low = False
        """Whether people have heard that the disk of the data folder fills up."""
        self.parts_down: dict[str, str] = {}
        """Parts that failed too often and stay down for this run, each with its error."""
        self.clocks: dict[str, ClockMeasured] = {}
        """The last measurement of each venue's clock."""

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything that decides what happens next, as plain values."""
        return (
            (self.seq, self.ts_ns),
            [state.digest_parts() for _, state in sorted(self.instruments.items())],
            [(name, one.digest_parts()) for name, one in sorted(self.connections.items())],
            list(self.sweeps),
            (self.signal_ids.last, list(self.signals.values())),
            list(self.notices),
            (self.bad_frames, self.unknown_instrument, self.gaps),
            (self.trade_gaps, self.holes, self.silent_streams, sorted(self.clocks.items())),
            (self.loop_stalls, self.loop_stall_ns, self.loop_stall_at_ns, self.part_failures),
            (list(self.parts_down.items()), self.is_disk_low),
            self.desk.digest_parts(),
        )
