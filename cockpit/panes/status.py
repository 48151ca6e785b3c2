"""Status row: mode, instrument, feeds, pace and the time."""

from cockpit.format import UNKNOWN, age_text, clock_text, date_text, rate_per_s_text, safe
from cockpit.panes.feeds import feed_segments
from cockpit.panes.palette import Palette
from cockpit.panes.pane import LineWidget, Moment
from cockpit.panes.risk import state_segment
from cockpit.panes.rows import Segment, fit, row_width, spread_apart
from engine.model.instrument import InstrumentId, symbol_of, venue_of
from engine.model.numbers import NS_PER_MS
from engine.model.view import RiskView, StatusView

VENUE_FROM = 80
"""Width from which the venue stands beside the instrument; its feed names it anyhow."""

COUNTERS_FROM = 110
"""Width from which gaps and bad frames are shown."""

MACHINE_FROM = 180
"""Width from which inbox, journal and recorder are shown although all is well."""

SKEW_SHOWN_NS = 100 * NS_PER_MS
SKEW_WARN_NS = 250 * NS_PER_MS
SKEW_ERROR_NS = 1_000 * NS_PER_MS
"""From here on the venue would refuse what is signed."""


class StatusRow(LineWidget):
    """The first row of every layout; nothing may cover it."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="status")

    def show(
        self,
        view: StatusView | None,
        risk: RiskView | None,
        moment: Moment,
        instrument_id: InstrumentId,
    ) -> None:
        """Draw the row of an engine that speaks."""
        width = self.size.width
        ink = self.palette
        if view is None:
            self.put([fit([(" connecting to the engine", ink.warn)], width, ink.fg)])
            return
        gap: Segment = (" │ ", ink.frame)
        left: list[Segment] = [
            badge(view, moment.clock_ns, ink),
            ("[VIEW] ", ink.dim) if view.looks_only else (" ", ink.fg),
            state_segment(risk, moment.clock_ns, ink),
            (_name(view, instrument_id), ink.strong),
        ]
        if width >= VENUE_FROM:
            left.append((f"@{safe(venue_of(instrument_id) or view.venue, 20)}", ink.dim))
        if view.recording:
            left += [gap, ("recording broken", ink.warn)]
        for feed in view.feeds:
            left += [gap, *feed_segments(feed, moment.waited_ns, ink)]
        clock: Segment = (f"{clock_text(moment.clock_ns)} UTC ", ink.fg)
        left += skew_segments(view.clock_offset_ns, gap, ink)
        right = [*self._pace(view, gap), *self._machine(view, risk, gap), clock]
        if row_width(left) + row_width(right) >= width:
            right = [clock]
        self.put([spread_apart(left, right, width, ink.fg)])

    def show_lost(self, silence_ns: int, closed: str) -> None:
        """Draw the row of an engine that has fallen silent; red, so that nobody trusts the rest."""
        style = self.palette.alarm
        if closed:
            words = f" ENGINE GONE {age_text(silence_ns)} · {safe(closed, 60)} · q quit"
        else:
            words = f" ENGINE LOST {age_text(silence_ns)} · nothing here is current · q quit"
        self.put([fit([(words, style)], self.size.width, style)])

    def _pace(self, view: StatusView, gap: Segment) -> list[Segment]:
        ink = self.palette
        right: list[Segment] = []
        if self.size.width >= COUNTERS_FROM and (view.gaps or view.bad_frames):
            right += [(f"gaps {view.gaps:,} bad {view.bad_frames:,}", ink.warn), gap]
        return [*right, (rate_per_s_text(view.events_per_s).rjust(8), ink.dim), gap]

    def _machine(self, view: StatusView, risk: RiskView | None, gap: Segment) -> list[Segment]:
        if self.size.width < MACHINE_FROM:
            return []
        ink = self.palette
        is_ok = risk is not None and risk.is_journal_ok
        is_recorded = view.is_recording and not view.recording
        record = "●" if is_recorded else "✕" if view.is_recording else UNKNOWN
        return [
            (f"q {view.inbox_depth:,}", ink.dim),
            gap,
            ("journal ", ink.dim),
            (
                "●" if is_ok else "✕" if risk is not None else UNKNOWN,
                ink.ok if is_ok else ink.error,
            ),
            (" rec ", ink.dim),
            (record, ink.ok if is_recorded else ink.error if view.is_recording else ink.dim),
            gap,
        ]


def skew_segments(offset_ns: int | None, gap: Segment, ink: Palette) -> list[Segment]:
    """Return how far the venue's clock is ahead, where that is worth a word."""
    if offset_ns is None or abs(offset_ns) < SKEW_SHOWN_NS:
        return []
    words = f"{offset_ns // NS_PER_MS:+,}ms"
    if abs(offset_ns) < SKEW_WARN_NS:
        return [gap, (f"skew {words}", ink.dim)]
    return [gap, (f"SKEW {words}", ink.error if abs(offset_ns) >= SKEW_ERROR_NS else ink.warn)]


def badge(view: StatusView, clock_ns: int, ink: Palette) -> Segment:
    """Return the mode, by word and by colour."""
    if view.mode == "sim":
        return ("[SIM]", ink.mode_sim)
    if view.mode == "paper":
        return ("[PAPER]", ink.mode_paper)
    if view.mode == "live":
        return ("[LIVE]", ink.mode_live)
    if view.replay_ended:
        return ("[REPLAY ended]", ink.mode_replay)
    speed = "" if view.replay_speed is None else _speed(view.replay_speed)
    when = f"{date_text(clock_ns)} {clock_text(clock_ns)[:5]}"
    return (f"[REPLAY{speed} {when}]", ink.mode_replay)


def _speed(speed: float) -> str:
    return " max" if speed == 0 else f" x{speed:g}"


def _name(view: StatusView, instrument_id: InstrumentId) -> str:
    for row in view.instruments:
        if row.instrument_id == instrument_id:
            return safe(row.name, 20)
    return safe(symbol_of(instrument_id), 20) or "–"
