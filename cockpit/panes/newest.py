"""What the engine said last: the newest view of each pane and when it came.

Pure state without Textual: messages go in, the screen takes views out at its own pace. A view of
another instrument, timeframe or engine run than the one looked at is never handed out.
"""

from typing import Final

from cockpit.panes.pane import Moment
from engine.model.instrument import InstrumentId
from engine.model.view import (
    BookView,
    ChartView,
    HeaderView,
    HealthView,
    LogView,
    OrdersView,
    PaneName,
    PositionsView,
    RiskView,
    StatusView,
    TapeView,
    View,
    WatchView,
    WhalesView,
)
from engine.port import SILENCE_NS, EngineMessage, Goodbye, Heartbeat, ViewFrame, Watch, Welcome

OF_ONE_INSTRUMENT: Final = ("header", "book", "chart", "tape")


class Newest:
    """The newest view per pane.

    Args:
        epoch: The engine's run that greeted the screen.
        now_ns: Local monotonic time.
    """

    def __init__(self, epoch: int, now_ns: int) -> None:
        self._epoch = epoch
        self._views: dict[PaneName, tuple[View, int]] = {}
        self._heard_ns = now_ns
        self._clock_ns = 0
        self.book_seq = 0
        """The version of the book that is shown."""
        self._watch = Watch(panes=())
        self.closed = ""
        """Why the engine is gone for good; empty while it is there."""

    @property
    def clock_ns(self) -> int:
        """The engine's newest time; 0 before it said any."""
        return self._clock_ns

    @property
    def instrument_id(self) -> InstrumentId:
        """What is looked at: as asked for, or what the engine chose."""
        if self._watch.instrument_id:
            return self._watch.instrument_id
        header = self.header
        return header.instrument_id if header is not None else InstrumentId("")

    def expect(self, watch: Watch) -> None:
        """Forget what a new watch no longer asks for, or asks for differently."""
        self._watch = watch
        self._views = {
            pane: kept
            for pane, kept in self._views.items()
            if pane in watch.panes and self._is_wanted(pane, kept[0])
        }

    def take(self, message: EngineMessage, now_ns: int) -> None:
        """Take in one message of the engine."""
        self._heard_ns = now_ns
        if isinstance(message, ViewFrame):
            self._take_view(message, now_ns)
        elif isinstance(message, Heartbeat):
            self._clock_ns = message.ts_ns
        elif isinstance(message, Welcome):
            self._adopt(message.epoch)
        elif isinstance(message, Goodbye):
            self.close(message.reason)

    def close(self, reason: str) -> None:
        """Note that the engine will say no more."""
        self.closed = self.closed or reason or "it closed the connection"

    def _take_view(self, frame: ViewFrame, now_ns: int) -> None:
        if frame.epoch < self._epoch:
            return
        self._adopt(frame.epoch)
        self._clock_ns = frame.ts_ns
        if frame.pane in self._watch.panes and self._is_wanted(frame.pane, frame.view):
            self._views[frame.pane] = (frame.view, now_ns)
            if frame.pane == "book":
                self.book_seq = frame.seq

    def _adopt(self, epoch: int) -> None:
        if epoch != self._epoch:
            self._epoch = epoch
            self._views.clear()

    def _is_wanted(self, pane: PaneName, view: View) -> bool:
        if isinstance(view, ChartView) and view.timeframe_s != self._watch.timeframe_s:
            return False
        if pane not in OF_ONE_INSTRUMENT or not self._watch.instrument_id:
            return True
        return getattr(view, "instrument_id", None) == self._watch.instrument_id

    def silence_ns(self, now_ns: int) -> int:
        """Return for how long nothing was heard."""
        return now_ns - self._heard_ns

    def is_lost(self, now_ns: int) -> bool:
        """Whether the engine is gone or has been silent for too long."""
        return bool(self.closed) or self.silence_ns(now_ns) > SILENCE_NS

    def moment(self, pane: PaneName, now_ns: int) -> Moment:
        """Return how current the pane's view is."""
        kept = self._views.get(pane)
        waited_ns = 0 if kept is None else now_ns - kept[1]
        return Moment(self._clock_ns, waited_ns, self.is_lost(now_ns))

    @property
    def status(self) -> StatusView | None:
        """The newest view of the status row."""
        view = self._get("status")
        return view if isinstance(view, StatusView) else None

    @property
    def header(self) -> HeaderView | None:
        """The newest view of the instrument's line."""
        view = self._get("header")
        return view if isinstance(view, HeaderView) else None

    @property
    def book(self) -> BookView | None:
        """The newest view of the book."""
        view = self._get("book")
        return view if isinstance(view, BookView) else None

    @property
    def chart(self) -> ChartView | None:
        """The newest view of the chart."""
        view = self._get("chart")
        return view if isinstance(view, ChartView) else None

    @property
    def tape(self) -> TapeView | None:
        """The newest view of the tape."""
        view = self._get("tape")
        return view if isinstance(view, TapeView) else None

    @property
    def whales(self) -> WhalesView | None:
        """The newest view of the whales."""
        view = self._get("whales")
        return view if isinstance(view, WhalesView) else None

    @property
    def log(self) -> LogView | None:
        """The newest view of the log."""
        view = self._get("log")
        return view if isinstance(view, LogView) else None

    @property
    def positions(self) -> PositionsView | None:
        """The newest view of the positions."""
        view = self._get("positions")
        return view if isinstance(view, PositionsView) else None

    @property
    def orders(self) -> OrdersView | None:
        """The newest view of the orders."""
        view = self._get("orders")
        return view if isinstance(view, OrdersView) else None

    @property
    def risk(self) -> RiskView | None:
        """The newest view of trading state, limits and strategies."""
        view = self._get("risk")
        return view if isinstance(view, RiskView) else None

    @property
    def watched(self) -> WatchView | None:
        """The newest view of all watched instruments."""
        view = self._get("watch")
        return view if isinstance(view, WatchView) else None

    @property
    def health(self) -> HealthView | None:
        """The newest view of how the engine is."""
        view = self._get("health")
        return view if isinstance(view, HealthView) else None

    def _get(self, pane: PaneName) -> View | None:
        kept = self._views.get(pane)
        return None if kept is None else kept[0]
