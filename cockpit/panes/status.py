"""Status row: mode, instrument, feeds, pace and the time."""

from cockpit.format import age_text, clock_text, date_text, rate_per_s_text, safe
from cockpit.panes.feeds import feed_segments
from cockpit.panes.palette import Palette
from cockpit.panes.pane import LineWidget, Moment
from cockpit.panes.risk import state_segment
from cockpit.panes.rows import Segment, fit, row_width, spread_apart
from engine.model.instrument import InstrumentId, symbol_of, venue_of
from engine.model.view import RiskView, StatusView

VENUE_FROM = 80
"""Width from which the venue stands beside the instrument; its feed names it anyhow."""

COUNTERS_FROM = 110
"""Width from which gaps and bad frames are shown."""


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
            (" ", ink.fg),
            state_segment(risk, moment.clock_ns, ink),
            (_name(view, instrument_id), ink.strong),
        ]
        if width >= VENUE_FROM:
            left.append((f"@{safe(venue_of(instrument_id) or view.venue, 20)}", ink.dim))
        for feed in view.feeds:
            left += [gap, *feed_segments(feed, moment.waited_ns, ink)]
        clock: Segment = (f"{clock_text(moment.clock_ns)} UTC ", ink.fg)
        right = [*self._pace(view, gap), clock]
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


def badge(view: StatusView, clock_ns: int, ink: Palette) -> Segment:
    """Return the mode, by word and by colour."""
    if view.mode == "sim":
        return ("[SIM]", ink.mode_sim)
    if view.mode == "paper":
        return ("[PAPER]", ink.mode_paper)
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
