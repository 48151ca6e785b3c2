"""The life of an order as a table: (state, event) to state.

Every pair is decided here, and none raises. `None` marks what cannot happen to an order in that
state unless somebody is wrong: the event is counted, the order stays as it is, and its truth is
asked for at the venue (R20). Fills are events of their own: in any state but `denied` they are
booked, because a venue that filled an order filled it, whatever else it said before.
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

_LIVE: Final[_Row] = {
    "send": None,
    "ack": "open",
    "reject": "rejected",
    "part_fill": "partial",
    "full_fill": "filled",
    "request_cancel": "pending_cancel",
    "reject_cancel": None,
    "cancel": "canceled",
    "request_replace": "pending_replace",
    "reject_replace": None,
    "replace": None,
    "expire": "expired",
    "lose": "unknown",
}


def _final(state: OrderState) -> _Row:
    """A final order takes late fills; all else about it was said already or contradicts it."""
    row: _Row = dict.fromkeys(EVENTS)
    row["part_fill"] = state
    row["full_fill"] = "filled"
    row["ack"] = state  # It crossed the answer that ended the order.
    row["reject_cancel"] = state  # What the venue says of an order that has ended.
    row["reject_replace"] = state
    return row


TABLE: Final[dict[OrderState, _Row]] = {
    "intent": {
        **_LIVE,
        "send": "sent",
        "request_cancel": "pending_cancel",
        "request_replace": None,
    },
    "sent": {**_LIVE, "request_replace": None},
    "unknown": {
        **_LIVE,
        "request_replace": None,
        "reject_cancel": "unknown",
        "lose": "unknown",
    },
    "open": {**_LIVE, "ack": "open", "reject": None, "reject_cancel": "open", "replace": "open"},
    "partial": {
        **_LIVE,
        "ack": "partial",
        "reject": None,
        "reject_cancel": "partial",
        "replace": "partial",
    },
    "pending_cancel": {
        **_LIVE,
        "ack": "pending_cancel",
        "part_fill": "pending_cancel",
        "request_cancel": "pending_cancel",
        "reject_cancel": "unknown",  # R28: it means ask, never that the order is gone.
        "request_replace": None,
        "reject_replace": "pending_cancel",
        "replace": "pending_cancel",
    },
    "pending_replace": {
        **_LIVE,
        "ack": "pending_replace",
        "reject": None,
        "part_fill": "pending_replace",
        "request_replace": None,
        "reject_replace": "unknown",
        "replace": "open",
    },
    "filled": {**_final("filled"), "part_fill": "filled", "request_cancel": None},
    "canceled": _final("canceled"),
    "rejected": _final("rejected"),
    "expired": _final("expired"),
    "denied": dict.fromkeys(EVENTS),
}


def next_state(state: OrderState, event: OrderEvent) -> OrderState | None:
    """Return the state after an event; None where the event contradicts the state."""
    return TABLE[state][event]
