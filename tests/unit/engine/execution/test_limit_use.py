"""What the risk pane is told."""

from decimal import Decimal

import pytest

from engine.execution.ledger import Ledger
from engine.execution.limit_use import LimitUse, utilisation
from engine.model.facts import LimitSet
from engine.model.numbers import PriceTicks
from tests.builders import BTC, ETH
from tests.unit.engine.execution.gate_desk import Desk, a_market


def used(desk: Desk) -> dict[str, LimitUse]:
    uses = utilisation(desk.ledger, desk.moment.markets, desk.limits, desk.now_ns)
    return {use.name: use for use in uses}


def test_exposure_counts_positions_and_orders():
    desk = Desk(
        equity=100_000,
        position_value_max=Decimal(20_000),
        gross_value_max=Decimal(50_000),
        net_value_max=Decimal(50_000),
        leverage_max=Decimal(2),
    ).hold(4)
    desk.work("buy", 1)
    desk.work("sell", 3, instrument_id=ETH)
    desk.more = {"markets": {BTC: desk.market, ETH: a_market(ETH)}}

    found = used(desk)

    assert found["position_value_max"] == LimitUse(
        "position_value_max", Decimal(5_000), Decimal(20_000), Decimal("0.25"), is_off=False
    )
    assert found["gross_value_max"].use == 8_000
    assert found["net_value_max"].use == 5_000
    assert found["leverage_max"].use == Decimal("0.08")


def test_losses_are_shown_beside_their_limits():
    desk = Desk(
        equity=100_000,
        daily_loss_share_max=Decimal("0.02"),
        drawdown_share_max=Decimal("0.1"),
        position_loss_share_max=Decimal("0.05"),
    ).hold(100)
    desk.more = {"markets": {ETH: a_market(ETH), BTC: desk.market}}
    assert used(desk)["daily_loss_share_max"].use == 0

    desk.with_market(mark_ticks=PriceTicks(990))
    desk.more = {"markets": {ETH: a_market(ETH), BTC: desk.market}}
    found = used(desk)

    assert found["daily_loss_share_max"].share == Decimal("0.5")
    assert found["drawdown_share_max"].share == Decimal("0.1")
    assert found["position_loss_share_max"].use == 1_000
    desk.more = {"markets": {BTC: desk.market, ETH: a_market(ETH)}}
    assert used(desk) == found


def test_orders_are_counted():
    desk = Desk(orders_per_s_max=4, open_orders_max=10)
    desk.send()
    desk.wait(2).send()
    desk.lose(desk.work("buy", 1, instrument_id=ETH))

    found = used(desk)

    assert found["orders_per_s_max"].share == Decimal("0.25")
    assert found["orders_per_10min_max"].use == 2
    assert found["open_orders_max"].use == 3
    assert found["open_orders_per_instrument_max"].use == 2
    assert found["unknown_orders_per_instrument_max"].use == 1


def test_what_is_not_known_is_off():
    desk = Desk()
    desk.ledger = Ledger()

    off = [name for name, use in used(desk).items() if use.is_off]

    assert off == [
        "gross_value_max",
        "net_value_max",
        "leverage_max",
        "daily_loss_share_max",
        "drawdown_share_max",
        "position_loss_share_max",
    ]


def test_a_position_without_a_price_leaves_exposure_unknown():
    desk = Desk()
    desk.work("buy", 5, instrument_id=ETH)

    found = used(desk)

    assert found["position_value_max"].is_off
    assert found["gross_value_max"].is_off


@pytest.mark.parametrize("equity", [0, 1])
def test_an_account_without_worth_has_no_leverage(equity: int):
    assert used(Desk(equity=equity))["leverage_max"].is_off == (equity == 0)


def test_limits_set_while_running_are_those_shown():
    desk = Desk()
    desk.tell(LimitSet(desk.now_ns, "open_orders_max", Decimal(0)))

    found = used(desk)["open_orders_max"]

    assert [found.limit, found.share, found.is_off] == [0, None, False]
