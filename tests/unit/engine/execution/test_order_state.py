"""The life of an order, pair by pair and in the words of the desk."""

from typing import get_args

import pytest

from engine.execution.order_state import (
    DISPUTED,
    EVENTS,
    STATES,
    TABLE,
    OrderEvent,
    is_contradiction,
    next_state,
)
from engine.model.orders import FINAL_STATES, OrderState

# One column per event; `.` stays, `!` contradicts and stays, `?` contradicts and moves.
NEWS_OF_THE_ORDER = """
state           send ack      reject   part_fill full_fill cancel   expire  lose
intent          sent open     rejected partial   filled    canceled expired unknown
sent            !    open     rejected partial   filled    canceled expired unknown
unknown         .    open     rejected .         filled    canceled expired .
open            .    .        ?unknown partial   filled    canceled expired unknown
partial         .    .        ?unknown .         filled    canceled expired unknown
pending_cancel  .    .        rejected .         filled    canceled expired unknown
pending_replace .    .        ?unknown .         filled    canceled expired unknown
filled          .    .        !        .         .         !        !       .
canceled        .    .        !        .         filled    .        !       .
rejected        !    ?unknown .        ?unknown  ?filled   !        !       .
expired         .    .        !        .         filled    !        .       .
denied          !    !        !        !         !         !        !       !
"""

NEWS_OF_CHANGES = """
state           request_cancel reject_cancel request_replace reject_replace replace
intent          pending_cancel !             !               !              !
sent            pending_cancel !             !               !              !
unknown         .              .             !               .              open
open            pending_cancel .             pending_replace .              .
partial         pending_cancel .             pending_replace .              .
pending_cancel  .              unknown       !               .              .
pending_replace pending_cancel .             !               unknown        open
filled          .              .             !               .              .
canceled        .              .             !               .              .
rejected        .              .             !               .              ?unknown
expired         .              .             !               .              .
denied          !              !             !               !              !
"""


def written(state: OrderState, event: OrderEvent) -> str:
    """Return a pair as the table above writes it."""
    after = next_state(state, event)
    if after is None:
        return "!"
    if after == state:
        return "."
    return f"?{after}" if is_contradiction(state, event) else after


@pytest.mark.parametrize("table", [NEWS_OF_THE_ORDER, NEWS_OF_CHANGES], ids=["order", "changes"])
def test_every_pair_is_decided_as_written(table: str):
    header, *rows = (line.split() for line in table.strip().splitlines())

    events = [event for event in EVENTS if event in header]
    assert sorted(events) == sorted(header[1:])
    for state, row in zip(STATES, rows, strict=True):
        columns = [
            written(state, event) for name in header[1:] for event in events if event == name
        ]
        assert [state, *columns] == row


def test_the_written_tables_name_every_event_once():
    first, second = (
        table.split("\n")[1].split()[1:] for table in (NEWS_OF_THE_ORDER, NEWS_OF_CHANGES)
    )

    assert sorted(first + second) == sorted(EVENTS)


def test_the_table_has_no_other_states_or_events():
    assert set(TABLE) == set(get_args(OrderState))
    assert all(tuple(row) and set(row) == set(EVENTS) for row in TABLE.values())


@pytest.mark.parametrize("state", [state for state in STATES if state not in FINAL_STATES])
def test_whatever_works_can_be_filled_canceled_and_lost(state: OrderState):
    assert next_state(state, "full_fill") == "filled"
    assert next_state(state, "cancel") == "canceled"
    assert next_state(state, "lose") == "unknown"


def test_an_ended_order_works_again_only_where_somebody_is_wrong():
    revived = {
        (state, event)
        for state in FINAL_STATES
        for event in EVENTS
        if (next_state(state, event) or state) not in FINAL_STATES
    }

    assert revived == {("rejected", "ack"), ("rejected", "part_fill"), ("rejected", "replace")}
    assert revived <= DISPUTED


def test_a_refused_cancel_means_ask():
    assert next_state("pending_cancel", "reject_cancel") == "unknown"


def test_an_unknown_order_stays_unknown_until_there_is_evidence():
    resolving = [event for event in EVENTS if next_state("unknown", event) not in ("unknown", None)]

    assert resolving == ["ack", "reject", "full_fill", "cancel", "replace", "expire"]
