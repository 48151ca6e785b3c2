"""What a line would do, in words: the preview, the caret, and where its orders stand."""

from collections.abc import Iterable
from typing import Final

from cockpit.format import decimal_price_text, order_text, safe
from cockpit.grammar import Plan
from cockpit.panes.orders import state_text
from cockpit.panes.pane import wrap
from engine.model.commands import CommandOutcome, SubmitOrder
from engine.model.view import OrdersView

PROMPT: Final = "\u203a "
SEPARATOR: Final = " · "
LEVEL_WORDS: Final = ("C0 ⏎", "C1 ⏎", "C2 ⏎⏎", "C3 type")

PRICE_WORDS: Final = ("price", "tick", "trigger", "band", "market", "cross")
SIZE_WORDS: Final = ("size", "lot", "notional", "position", "margin")
"""By which a refusal's sentence tells what it is about."""


def caret_text(position: int, sentence: str, width: int) -> str:
    """Return a caret under a place of the line with the sentence on the side that has room."""
    at = min(position + len(PROMPT), max(0, width - 2))
    said = safe(sentence)
    if at + 2 + len(said) <= width or at < width // 2:
        return " " * at + "^ " + said
    return said[-at + 1 :].rjust(at - 1) + " ^" if len(said) < at else said[: at - 1] + " ^"


def place_of(sentence: str, plan: Plan) -> int:
    """Return the place of the word that a refusal is about, as far as its sentence tells."""
    words = sentence.lower()
    for places in plan.places:
        if places.price >= 0 and any(word in words for word in PRICE_WORDS):
            return places.price
        if places.size >= 0 and any(word in words for word in SIZE_WORDS):
            return places.size
    return 0


def rounding_note(plan: Plan, outcome: CommandOutcome) -> tuple[int, str] | None:
    """Return where and how the engine rounds what was typed, if it does."""
    orders = [action for action in plan.actions if isinstance(action, SubmitOrder)]
    if len(orders) != len(plan.actions) or len(orders) != len(outcome.orders):
        return None
    for action, planned, places in zip(orders, outcome.orders, plan.places, strict=True):
        typed = f"{action.size:f}"
        if decimal_price_text(typed) != decimal_price_text(planned.size):
            return places.size, f"{typed} is no whole number of lots: {planned.size} is sent"
        if action.price is not None and planned.price:
            typed = f"{action.price:f}"
            if decimal_price_text(typed) != decimal_price_text(planned.price):
                return places.price, f"{typed} is between two ticks: {planned.price} is sent"
    return None


def level_text(level: int, word: str) -> str:
    """Return what a level asks for."""
    return f"{LEVEL_WORDS[level]} {safe(word, 24)}" if level == 3 else LEVEL_WORDS[level]


def preview_text(plan: Plan | None, outcome: CommandOutcome, level: int) -> str:
    """Return what would happen, the confirmation first so that a cut loses it last."""
    asked = level_text(level, outcome.word)
    return f"{asked} · {happening_text(plan, outcome)}"


def full_lines(plan: Plan | None, outcome: CommandOutcome, level: int, width: int) -> list[str]:
    """Return everything that would happen, in as few lines of this width as keep orders apart."""
    asked = level_text(level, outcome.word)
    told = [safe(sentence) for sentence in outcome.sentences]
    if not outcome.orders:
        told.insert(0, safe("" if plan is None else plan.normal))
    texts = _numbered(outcome)
    whole = SEPARATOR.join([*texts, *told, asked])
    if len(whole) <= width and len(texts) < 2:
        return [whole]
    parts = [text.split(SEPARATOR) for text in texts] or [[]]
    parts[-1] += [*told, asked]
    return [line for part in parts for line in packed(part, width)]


def packed(parts: Iterable[str], width: int) -> list[str]:
    """Return the parts in lines of at most that width, broken between two where possible."""
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]}{SEPARATOR}{part}" if lines else part
        if lines and len(joined) <= width:
            lines[-1] = joined
        elif part:
            lines += wrap(part, width)
    return lines


def happening_text(plan: Plan | None, outcome: CommandOutcome) -> str:
    """Return what would happen in one line."""
    if outcome.orders:
        return "  ".join(_numbered(outcome))
    normal = "" if plan is None else plan.normal
    return safe(SEPARATOR.join([normal, *outcome.sentences]))


def _numbered(outcome: CommandOutcome) -> list[str]:
    texts = [order_text(order) for order in outcome.orders]
    return texts if len(texts) < 2 else [f"{n}) {text}" for n, text in enumerate(texts, 1)]


def follow_text(ids: tuple[str, ...], orders: OrdersView | None) -> str:
    """Return where the orders of the last command stand, as the views say."""
    if not ids:
        return ""
    rows = () if orders is None else (*orders.working, *orders.ended)
    known = {row.client_order_id: row for row in rows}
    told = []
    for client_order_id in ids[:4]:
        row = known.get(client_order_id)
        if row is None:
            told.append("not in the orders yet")
        else:
            reason = f" ({safe(row.reason, 40)})" if row.reason else ""
            told.append(f"{safe(row.short_id, 8)} {state_text(row.state)}{reason}")
    return ", ".join(told)
