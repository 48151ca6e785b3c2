"""Orders: only the gate makes one that may leave."""

from typing import get_args

import pytest

from engine.model.numbers import QtyLots
from engine.model.orders import FINAL_STATES, ApprovedOrder, OrderIntent, OrderSpec, OrderState
from tests.builders import BTC

INTENT = OrderIntent(OrderSpec(BTC, "buy", "market", QtyLots(1)))


@pytest.mark.parametrize("token", [None, object(), True])
def test_nobody_else_approves_an_order(token: object):
    with pytest.raises(AssertionError, match="only the risk gate approves orders"):
        ApprovedOrder("a", INTENT, token)


def test_an_unknown_order_has_not_ended():
    assert set(get_args(OrderState)) > FINAL_STATES
    assert "unknown" not in FINAL_STATES
