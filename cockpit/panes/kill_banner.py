"""Kill banner: what the kill did, at every venue, for as long as it stands."""

from typing import Final, NamedTuple

from cockpit.format import age_text, safe
from cockpit.panes.palette import Palette
from cockpit.panes.pane import DRAWING_ERRORS, LineWidget
from cockpit.panes.rows import Row, fit
from engine.model.view import RiskView

REPORT_ROWS_MAX: Final = 6


class KillFacts(NamedTuple):
    """What the screen itself knows about the kill."""

    sent_ns_ago: int | None
    """None when this screen sent none."""
    is_answered: bool
    is_signalled: bool
    is_asking: bool
    open_positions: int | None
    flatten_words: str


def banner_height(risk: RiskView | None) -> int:
    """Return how many rows the banner takes."""
    lines = 0 if risk is None else len(risk.kill_report)
    return 3 + max(1, min(lines, REPORT_ROWS_MAX))


class KillBanner(LineWidget):
    """Stands over the panes; nothing covers it."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, name="banner")

    def show(self, risk: RiskView | None, facts: KillFacts) -> None:
        """Draw what the engine reports, and what this screen waits for."""
        try:
            self.put(self._lines(risk, facts))
        except DRAWING_ERRORS as error:
            words = f" KILL · {type(error).__name__} while drawing the report"
            row = fit([(words, self.palette.alarm)], self.size.width, self.palette.alarm)
            self.put([row] * self.size.height)

    def _lines(self, risk: RiskView | None, facts: KillFacts) -> list[Row]:
        ink = self.palette
        width, height = self.size
        is_latched = risk is not None and risk.is_latched
        rows = [fit([(_heading(risk, facts), ink.alarm)], width, ink.alarm)]
        report = risk.kill_report[:REPORT_ROWS_MAX] if risk is not None and is_latched else ()
        for line in report or ("no report yet: NOT VERIFIED",):
            style = ink.ok if "NOT VERIFIED" not in line and "VERIFIED" in line else ink.error
            rows.append(fit([(f" {safe(line)}", style)], width, ink.fg))
        rows = rows[: max(1, height - 2)]
        rows.append(fit([(f" {_persisted(risk)}", ink.warn)], width, ink.fg))
        rows.append(fit([(f" {_next(facts)}", ink.key)], width, ink.fg))
        rows = rows[:height]
        return rows + [fit((), width, ink.fg)] * (height - len(rows))


def _heading(risk: RiskView | None, facts: KillFacts) -> str:
    if risk is not None and risk.is_latched:
        return f" KILLED · no new order leaves · {safe(risk.trading_reason, 80)}"
    ago = "" if facts.sent_ns_ago is None else f" {age_text(facts.sent_ns_ago)} ago"
    if facts.is_answered:
        return f" KILL SENT{ago} · answered; the engine's report is due"
    if facts.is_signalled:
        return f" KILL SENT{ago} · NO ANSWER: SIGUSR1 sent too; `cockpit kill` from a shell"
    return f" KILL SENT{ago} · waiting for the engine"


def _persisted(risk: RiskView | None) -> str:
    if risk is None or not risk.is_latched:
        return "NOT CONFIRMED by the engine yet"
    if not risk.is_persisted:
        return "NOT PERSISTED: a restart would not know of this kill"
    return "on disk: a restart comes up killed"


def _next(facts: KillFacts) -> str:
    number = facts.open_positions
    if facts.is_asking:
        if number == 0:
            return "no position is open, there is nothing to flatten · Esc closes this"
        many = "all" if number is None else str(number)
        noun = "position" if number == 1 else "positions"
        return f"flatten {many} {noun}?  Enter: close at market, reduce only · Esc: keep"
    if facts.flatten_words:
        return safe(facts.flatten_words)
    return "F12 again: flatten · protective stops stay · `unkill REASON` releases"
