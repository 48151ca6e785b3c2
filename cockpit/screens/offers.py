"""Dialogs that the main screen offers: another instrument, and the simulated market."""

from collections.abc import Callable, Sequence

from cockpit.format import price_text, safe
from cockpit.screens.choice import Choice, ChoiceDialog
from engine.model.instrument import InstrumentId
from engine.model.view import FeedView, InstrumentRow


def symbol_dialog(
    rows: Sequence[InstrumentRow], looked_at: InstrumentId, clock: Callable[[], int]
) -> ChoiceDialog:
    """Return the list of the engine's instruments, with their last prices."""
    widest = max(len(safe(row.name, 20)) for row in rows)
    choices = [
        Choice(
            row.instrument_id,
            f"{safe(row.name, 20):<{widest}}{price_text(row.last_ticks, row.price_decimals):>16}",
        )
        for row in rows
    ]
    return ChoiceDialog("Symbol", (), choices, looked_at, "pick-instrument", clock)


def simulation_dialog(feed: FeedView, clock: Callable[[], int]) -> ChoiceDialog:
    """Return the question whether to leave a venue that is down for the simulated market."""
    sentences = (
        f"{safe(feed.name, 30)} cannot be reached: {safe(feed.reason, 60) or 'no reason'}.",
        "The simulated market needs no network: its prices are made up, its account is paper. "
        "The engine of the venue is stopped.",
    )
    choices = (
        Choice("simulated", "switch to the simulated market"),
        Choice("", "stay, and go on trying"),
    )
    return ChoiceDialog("Simulated market?", sentences, choices, "simulated", "simulate", clock)
