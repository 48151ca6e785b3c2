"""The life of an order as a table: (state, event) to state.

Every pair is decided here, and none raises. `None` marks what cannot happen to an order in that
state unless somebody is wrong: the event is counted, the order stays as it is, and its truth is
asked for at the venue (R20). What merely crossed on the way leaves the state alone without being
wrong. Where a contradiction might mean that the venue holds an order which we took for ended, the
order becomes `unknown`, so that it counts as exposure again; `DISPUTED` names those pairs.

Sizes are not known here. The ledger books every fill whatever the state, says whether it filled
the order, and calls an `open` order with fills `partial`.
"""

from typing import Final, Literal, get_args

from engine.model.orders import OrderState

OrderEvent = Literal[
    "send",
    "ack",
    "reject",
    "part_fill",
    "full_fill",
    "request_cancel",
    "reject_cancel",
    "cancel",
    "request_replace",
    "reject_replace",
    "replace",
    "expire",
    "lose",
]
"""`lose`: the answer did not come, proves nothing, or the run ended."""

STATES: Final[tuple[OrderState, ...]] = get_args(OrderState)
EVENTS: Final[tuple[OrderEvent, ...]] = get_args(OrderEvent)

_Row = dict[OrderEvent, OrderState | None]

_UNANSWERED: Final[_Row] = {
    "send": None,  # Twice: R23.
    "ack": "open",
    "reject": "rejected",
    "part_fill": "partial",
    "full_fill": "filled",
    "request_cancel": "pending_cancel",
    "reject_cancel": None,
    "cancel": "canceled",
    "request_replace": None,
    "reject_replace": None,
    "replace": None,
    "expire": "expired",
    "lose": "unknown",
}


def _at_the_venue(state: OrderState) -> _Row:
    """An order that the venue has confirmed: what was said before may still arrive."""
    return {
        "send": state,  # The word of the socket came after that of the venue.
        "ack": state,
        "reject": "unknown",  # Disputed: it was confirmed.
        "part_fill": state,
        "full_fill": "filled",
        "request_cancel": "pending_cancel",
        "reject_cancel": state,  # Of a cancel that was given up as lost.
        "cancel": "canceled",
        "request_replace": "pending_replace",
        "reject_replace": state,
        "replace": state,
        "expire": "expired",
        "lose": "unknown",
    }


def _final(state: OrderState) -> _Row:
    """An ended order takes late fills; most else crossed its end, or says the same again."""
    row: _Row = dict.fromkeys(EVENTS)
    crossed: tuple[OrderEvent, ...] = (
        "ack",
        "part_fill",
        "request_cancel",
        "reject_cancel",
        "reject_replace",
        "lose",
    )
    for event in crossed:
        row[event] = state
    row["full_fill"] = "filled"
    return row


TABLE: Final[dict[OrderState, _Row]] = {
    "intent": {**_UNANSWERED, "send": "sent"},
    "sent": _UNANSWERED,
    "unknown": {
        **_UNANSWERED,
        "send": "unknown",
        "part_fill": "unknown",  # It proves that there was an order, not that the rest stands.
        "request_cancel": "unknown",  # Asking ends nothing: its age counts on (R26).
        "reject_cancel": "unknown",
        "reject_replace": "unknown",
        "replace": "open",
        "lose": "unknown",
    },
    "open": {**_at_the_venue("open"), "part_fill": "partial"},
    "partial": _at_the_venue("partial"),
    "pending_cancel": {
        **_at_the_venue("pending_cancel"),
        "reject": "rejected",  # The cancel may have followed the order before any answer.
        "reject_cancel": "unknown",  # R28: it means ask, never that the order is gone.
        "request_replace": None,
    },
    "pending_replace": {
        **_at_the_venue("pending_replace"),
        "request_replace": None,
        "reject_replace": "unknown",  # It goes on as it was, or has ended: ask.
        "replace": "open",
    },
    "filled": {**_final("filled"), "send": "filled", "replace": "filled"},
    "canceled": {
        **_final("canceled"),
        "send": "canceled",
        "cancel": "canceled",
        "replace": "canceled",
    },
    "rejected": {
        **_final("rejected"),
        "ack": "unknown",
        "reject": "rejected",
        "part_fill": "unknown",
        "replace": "unknown",
    },
    "expired": {
        **_final("expired"),
        "send": "expired",
        "expire": "expired",
        "replace": "expired",
    },
    "denied": dict.fromkeys(EVENTS),
}

DISPUTED: Final[frozenset[tuple[OrderState, OrderEvent]]] = frozenset(
    {
        ("open", "reject"),
        ("partial", "reject"),
        ("pending_replace", "reject"),
        ("rejected", "ack"),
        ("rejected", "part_fill"),
        ("rejected", "full_fill"),
        ("rejected", "replace"),
    }
)
"""Pairs that move the order and contradict what was said of it all the same."""


def next_state(state: OrderState, event: OrderEvent) -> OrderState | None:
    """Return the state after an event; None where the event contradicts the state."""
    return TABLE[state][event]


def is_contradiction(state: OrderState, event: OrderEvent) -> bool:
    """Whether somebody must be wrong if this happens to an order in this state."""
    return TABLE[state][event] is None or (state, event) in DISPUTED
