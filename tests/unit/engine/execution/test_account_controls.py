"""Each control of the account: at its limit, one unit over it, without its reference."""

from decimal import Decimal

import pytest

from engine.execution.account_controls import Reference, breaker_of
from engine.model.facts import AccountOpened, EquityMarked, FailureCounted, OrderAcked
from tests.builders import ETH
from tests.unit.engine.execution.gate_desk import (
    Desk,
    a_market,
    an_intent,
    approved,
    codes,
    refused,
)


@pytest.mark.parametrize("scope", ["all", "venue:test", "instrument:test:BTCUSDT", "strategy:rsi"])
def test_a_state_of_any_scope_binds(scope: str):
    desk = Desk().with_state("reduce_only", scope)

    assert codes(desk.send(owner="rsi")) == ["trading_state"]


def test_nothing_leaves_when_killed():
    desk = Desk().hold(5).with_state("killed")

    assert codes(desk.send()) == ["trading_state"]
    answer = refused(desk.send("sell", 5, is_reduce_only=True))
    assert answer.sentences == ("Trading is killed for BTCUSDT by hand: no order leaves.",)


@pytest.mark.parametrize("scope", ["all", "venue:test", "instrument:test:BTCUSDT", "strategy:rsi"])
@pytest.mark.parametrize("state", ["reduce_only", "halted"])
def test_a_step_down_of_any_scope_lets_its_position_be_closed(state: str, scope: str):
    desk = Desk().hold(5, owner="rsi").with_state(state, scope)

    refusal = refused(desk.send(owner="rsi"))
    close = approved(desk.send("sell", 5, None, owner="rsi", is_reduce_only=True))

    told = f"Trading is {state} for BTCUSDT by rsi: only orders that reduce leave."
    assert refusal.sentences == (told,)
    assert close.is_reduce_only


@pytest.mark.parametrize("state", ["reduce_only", "halted"])
def test_a_step_down_lets_what_shrinks_leave_with_the_flag(state: str):
    desk = Desk().hold(5).with_state(state)

    assert approved(desk.send("sell", 5, 1_010)).is_reduce_only
    assert codes(desk.send("sell", 1, 1_010)) == ["trading_state"]
    assert codes(desk.send("buy", 1)) == ["trading_state"]


def test_a_close_never_flips():
    desk = Desk().hold(5)

    answer = refused(desk.send("sell", 6, is_reduce_only=True))
    assert answer.sentences == (
        "Closing 6 lots of BTCUSDT would flip the position of hand: 5 lots are left to close.",
    )
    assert codes(desk.send("buy", 1, 999, is_reduce_only=True)) == ["reduce_only"]
    assert codes(Desk().hold(-5).send("buy", 5, is_reduce_only=True)) == []


def test_closes_that_work_already_have_a_claim():
    desk = Desk().hold(5)

    assert codes(desk.send("sell", 3, 1_010, is_reduce_only=True)) == []
    assert codes(desk.send("sell", 3, 1_010, is_reduce_only=True)) == ["reduce_only"]
    assert codes(desk.send("sell", 2, 1_010, is_reduce_only=True)) == []


def test_stop_target_and_close_may_each_cover_the_position():
    desk = Desk().hold(5)
    ordinary: dict = {"is_reduce_only": True, "is_protective": True}

    def stop():
        return desk.send("sell", 5, None, type="stop", trigger_ticks=950, **ordinary)

    def target():
        return desk.send("sell", 5, None, type="take_profit", trigger_ticks=1_100, **ordinary)

    assert [codes(stop()), codes(target())] == [[], []]
    assert [codes(stop()), codes(target())] == [["reduce_only"], ["reduce_only"]]
    assert codes(desk.send("sell", 5, 1_010, is_reduce_only=True)) == []
    assert codes(desk.send("sell", 1, 1_010, is_reduce_only=True)) == ["reduce_only"]


def test_a_strategy_closes_its_own_position_only():
    desk = Desk().hold(5)

    assert codes(desk.send("sell", 1, is_reduce_only=True, owner="rsi")) == ["reduce_only"]
    assert codes(desk.hold(2, owner="rsi").send("sell", 2, is_reduce_only=True, owner="rsi")) == []


def test_a_close_by_hand_may_take_from_the_strategies():
    desk = Desk().hold(5, owner="rsi").hold(2)

    assert approved(desk.send("sell", 7, is_reduce_only=True)).is_reduce_only


def test_a_close_that_the_net_position_does_not_cover_is_new_risk_without_the_flag():
    desk = Desk().hold(5).hold(-5, owner="rsi")

    assert not approved(desk.review(an_intent("sell", 5, is_reduce_only=True))).is_reduce_only
    desk.work("sell", 1, 1_010, is_reduce_only=True)
    assert codes(desk.send("sell", 5, is_reduce_only=True)) == ["reduce_only"]
    desk.with_state("reduce_only")
    assert codes(desk.send("sell", 4, is_reduce_only=True)) == ["trading_state"]


def test_an_order_that_shrinks_only_the_net_is_new_risk():
    desk = Desk().hold(5).with_state("reduce_only")

    assert codes(desk.send("sell", 1, owner="rsi")) == ["trading_state"]


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_position_has_a_largest_value_orders_included(side: str):
    desk = Desk(position_value_max=Decimal(10_000))
    desk.hold(4 if side == "buy" else -4)
    desk.work(side, 5)

    assert codes(desk.send(side, 2)) == ["position_value_max"]
    assert codes(desk.send(side, 1)) == []
    assert codes(desk.send(side, 1)) == ["position_value_max"]


@pytest.mark.parametrize("state", ["sent", "unknown"])
def test_orders_that_may_exist_count_in_full(state: str):
    desk = Desk(position_value_max=Decimal(10_000))
    cid = desk.work("buy", 8)
    if state == "unknown":
        desk.lose(cid)

    assert codes(desk.send("buy", 3)) == ["position_value_max"]
    assert codes(desk.send("buy", 2)) == []


def test_a_filled_part_is_not_counted_twice():
    desk = Desk(position_value_max=Decimal(10_000))
    cid = desk.work("buy", 8)
    desk.tell(OrderAcked(desk.now_ns, cid, "1")).fill(cid, 3)

    assert codes(desk.send("buy", 2)) == []


def test_a_flagged_order_does_not_count_beyond_the_position():
    desk = Desk(position_value_max=Decimal(10_000)).hold(-4)
    desk.work("buy", 4, is_reduce_only=True, is_protective=True)
    desk.work("buy", 4, is_reduce_only=True)

    assert codes(desk.send("buy", 11)) == ["position_value_max"]
    assert codes(desk.send("buy", 10)) == []


def test_a_sale_that_may_flip_counts_what_it_opens():
    desk = Desk(position_value_max=Decimal(10_000)).hold(4)
    desk.work("sell", 4, 1_010, is_reduce_only=True)

    assert codes(desk.send("sell", 11)) == ["position_value_max"]
    assert codes(desk.send("sell", 10)) == []


def test_a_position_on_the_other_side_is_no_room():
    desk = Desk(position_value_max=Decimal(8_000)).hold(-5)

    assert codes(desk.send("buy", 9)) == ["position_value_max"]
    assert codes(desk.send("buy", 8)) == []
    assert codes(desk.send("buy", 5, 999, is_reduce_only=True)) == []


def test_what_shrinks_a_position_beyond_its_limit_may_leave_with_the_flag():
    desk = Desk(position_value_max=Decimal(1_000)).hold(5)

    assert codes(desk.send("buy", 1)) == ["position_value_max"]
    assert not approved(desk.send("sell", 1, 1_010)).is_reduce_only
    assert approved(desk.send("sell", 5, 1_010)).is_reduce_only
    assert codes(desk.send("sell", 1, 1_010)) == ["position_value_max"]


def with_eth(desk: Desk, **changed: object) -> Desk:
    desk.more = {"markets": {ETH: a_market(ETH, **changed)}}
    return desk


def test_gross_counts_every_instrument_without_sign():
    desk = with_eth(Desk(gross_value_max=Decimal(10_000))).hold(-3)
    desk.work("sell", 4, instrument_id=ETH)

    assert codes(desk.send("sell", 4, 1_010)) == ["gross_value_max"]
    assert codes(desk.send("sell", 3, 1_010)) == []
    assert codes(desk.send("sell", 1, 1_010)) == ["gross_value_max"]
    assert codes(desk.send("buy", 6)) == []


def test_net_counts_the_signs():
    desk = with_eth(Desk(net_value_max=Decimal(5_000))).hold(3)
    desk.work("buy", 1, instrument_id=ETH)

    assert codes(desk.send("buy", 2)) == ["net_value_max"]
    assert codes(desk.send("buy", 1)) == []
    assert codes(desk.send("sell", 9, 1_010)) == ["net_value_max"]
    assert codes(desk.send("sell", 8, 1_010)) == []


def test_leverage_is_gross_over_equity():
    desk = Desk(equity=10_000, leverage_max=Decimal(3))

    assert codes(desk.send("buy", 31)) == ["leverage_max"]
    assert codes(desk.send("buy", 30)) == []
    answer = refused(desk.send("buy", 1))
    assert answer.sentences == ("3.1 times the equity is above the limit of 3 (leverage_max).",)


def test_beyond_the_limits_an_order_on_the_smaller_side_does_not_add():
    desk = Desk(equity=10_000, leverage_max=Decimal(1), gross_value_max=Decimal(10_000)).hold(20)

    assert codes(desk.send("buy", 1)) == ["gross_value_max", "leverage_max"]
    assert codes(desk.send("sell", 20, 1_010)) == []


def test_a_position_without_a_price_is_off_in_paper_and_denies_when_live():
    desk = Desk(gross_value_max=Decimal(1_000))
    desk.more = {"markets": {}}
    desk.work("buy", 5, instrument_id=ETH)

    assert codes(desk.send("buy", 2)) == []
    desk.is_live = True
    assert "gross_value_max" in codes(desk.send("buy", 1))


def test_an_account_without_worth_takes_no_risk():
    broke = Desk(equity=0).hold(1)

    assert "leverage_max" in codes(broke.send())
    assert codes(broke.send("sell", 1, 1_010, is_reduce_only=True)) == []


def lossy(equity: int, worth: int, **limits: object) -> Desk:
    """Return an account that began with one equity and has lost down to another."""
    return (
        Desk(equity=equity, **limits)
        .hold(100)
        .with_market(
            bid_ticks=1_000 - (equity - worth) // 100 - 1,
            ask_ticks=1_000 - (equity - worth) // 100 + 1,
            mark_ticks=1_000 - (equity - worth) // 100,
        )
    )


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("daily_loss_share_max", "0.02"),
        ("drawdown_share_max", "0.02"),
        ("position_loss_share_max", "0.0204081632"),
    ],
)
def test_losses_end_new_risk_and_not_the_closing(name: str, share: str):
    loose = dict.fromkeys(
        ("daily_loss_share_max", "drawdown_share_max", "position_loss_share_max"), Decimal(1)
    )

    def answers(worth: int) -> list[list[str]]:
        desk = lossy(500_000, worth, **{**loose, name: Decimal(share)})
        price = desk.market.mark_ticks
        close = an_intent("sell", 100, None, is_reduce_only=True)
        return [codes(desk.review(an_intent("buy", 1, price))), codes(desk.review(close))]

    assert answers(490_000) == [[name], []]
    assert answers(490_100) == [[], []]


def test_the_loss_of_the_day_is_the_worse_of_day_and_session():
    desk = lossy(500_000, 490_000, daily_loss_share_max=Decimal("0.02"))
    desk.wait(86_400).tell(EquityMarked(desk.now_ns, Decimal(490_000)))

    assert "daily_loss_share_max" in codes(desk.send("buy", 1, 900))


def test_before_the_account_is_opened_losses_are_off_in_paper():
    desk = Desk()
    desk.ledger = type(desk.ledger)()

    assert codes(desk.send()) == []
    desk.is_live = True
    assert {"leverage_max", "daily_loss_share_max", "drawdown_share_max"} <= set(codes(desk.send()))


def test_some_margin_stays_free():
    desk = Desk(free_margin_share_min=Decimal("0.3")).hold(1)

    def answer(share: str) -> list[str]:
        desk.more = {"free_margin_share": Decimal(share)}
        return codes(desk.review(an_intent()))

    assert answer("0.3") == []
    assert answer("0.299") == ["free_margin_share_min"]
    assert answer("NaN") == ["free_margin_share_min"]
    assert answer("-0.1") == ["free_margin_share_min", "free_margin_share_min"]
    assert codes(desk.send("sell", 1, 1_010, is_reduce_only=True)) == []


def test_no_position_is_near_its_liquidation():
    desk = Desk(liquidation_distance_share_min=Decimal("0.1")).hold(1)

    def answer(share: str) -> list[str]:
        desk.more = {"liquidation_distance_share": Decimal(share)}
        return codes(desk.review(an_intent()))

    assert answer("0.1") == []
    assert answer("0.099") == ["liquidation_distance_share_min"]
    assert answer("Infinity") == ["liquidation_distance_share_min"]
    assert codes(desk.send("sell", 1, 1_010, is_reduce_only=True)) == []


def test_live_the_margin_has_to_be_known_and_the_liquidation_of_a_position():
    desk = Desk()
    desk.is_live = True

    assert codes(desk.send()) == ["free_margin_share_min"]
    assert "liquidation_distance_share_min" in codes(desk.hold(1).send())
    desk.limits = Desk(free_margin_share_min=None, liquidation_distance_share_min=None).limits
    assert codes(desk.send()) == []


def test_so_many_orders_work_at_a_time():
    desk = Desk(open_orders_max=3)
    desk.work("buy", 1, instrument_id=ETH)
    desk.lose(desk.work("buy", 1))

    assert [codes(desk.send()), codes(desk.send())] == [[], ["open_orders_max"]]


def test_so_many_orders_work_in_one_instrument():
    desk = Desk(open_orders_per_instrument_max=2)
    desk.work("buy", 1, instrument_id=ETH)

    answers = [codes(desk.send()) for _ in range(3)]

    assert answers == [[], [], ["open_orders_per_instrument_max"]]


def test_an_amended_order_takes_no_second_place():
    desk = Desk(open_orders_max=1, position_value_max=Decimal(5_000))
    cid = desk.work("buy", 5, 990)
    desk.more = {"replaces": cid}

    answer = desk.review(an_intent("buy", 5, 995))

    assert approved(answer).limit_ticks == 995
    assert answer.client_order_id == cid  # type: ignore[union-attr]  # it was approved
    desk.more = {}
    assert codes(desk.send("buy", 5, 995)) == ["position_value_max", "open_orders_max"]


@pytest.mark.parametrize(("lots", "wanted"), [(10, []), (11, ["reduce_only"])])
def test_an_amended_close_is_judged_by_what_it_can_still_fill(lots: int, wanted: list[str]):
    desk = Desk().hold(10)
    cid = desk.work("sell", 10, 1_010, is_reduce_only=True)
    desk.fill(cid, 4)
    desk.more = {"replaces": cid}

    assert codes(desk.review(an_intent("sell", lots, 1_005, is_reduce_only=True))) == wanted


def test_what_an_amended_order_has_filled_is_not_counted_twice():
    desk = Desk(position_value_max=Decimal(10_000), gross_value_max=Decimal(10_000))
    cid = desk.work("buy", 10, 990)
    desk.fill(cid, 4)
    desk.more = {"replaces": cid}

    assert codes(desk.review(an_intent("buy", 10, 995))) == []
    assert codes(desk.review(an_intent("buy", 11, 995))) == [
        "position_value_max",
        "gross_value_max",
    ]


def test_orders_of_unknown_fate_forbid_new_risk_beside_them():
    desk = Desk(unknown_orders_per_instrument_max=1, unknown_age_s_max=15).hold(1)
    desk.lose(desk.work("buy", 1))

    assert codes(desk.wait(15).review(an_intent())) == []
    assert codes(desk.wait(0.001).review(an_intent())) == ["unknown_age_s_max"]
    desk.lose(desk.work("buy", 1))
    assert codes(desk.review(an_intent())) == ["unknown_orders_per_instrument_max"]
    assert codes(desk.send("sell", 1, 1_010, is_reduce_only=True)) == []
    assert codes(desk.send(instrument_id=ETH)) == []


def test_a_strategy_that_fails_again_and_again_waits_for_a_person():
    desk = Desk(failures_max=5).hold(1, owner="rsi")
    name = breaker_of("rsi", "test")

    desk.tell(FailureCounted(desk.now_ns, name, 4))
    assert codes(desk.send(owner="rsi")) == []
    desk.tell(FailureCounted(desk.now_ns, name, 5))
    answer = refused(desk.send(owner="rsi"))
    assert codes(answer) == ["failures_max"]
    assert [advice.state for advice in answer.advice] == ["halted"]
    assert codes(desk.send()) == []
    assert codes(desk.send("sell", 1, 1_010, owner="rsi", is_reduce_only=True)) == []


def test_strategies_only_reduce_while_the_market_runs():
    desk = Desk(fast_move_share=Decimal("0.05")).hold(1, owner="rsi")

    desk.with_market(move_60s=Decimal("0.05"))
    assert codes(desk.send(owner="rsi")) == []
    desk.with_market(move_60s=Decimal("0.051"))
    answer = refused(desk.send(owner="rsi"))
    assert codes(answer) == ["fast_move_share"]
    assert [(advice.scope, advice.state) for advice in answer.advice] == [
        ("strategy:rsi", "reduce_only")
    ]
    assert codes(desk.send()) == []
    assert codes(desk.send("sell", 1, 1_010, owner="rsi", is_reduce_only=True)) == []


def test_an_unknown_move_is_off_in_paper_and_a_broken_one_denies():
    desk = Desk()

    assert codes(desk.with_market(move_60s=None).send()) == []
    assert codes(desk.with_market(move_60s=Decimal("NaN")).send()) == ["fast_move_share"]
    assert codes(desk.with_market(move_60s=Decimal(0)).send()) == []
    desk.is_live = True
    answer = refused(desk.with_market(move_60s=None).send(owner="rsi"))
    assert "fast_move_share" in codes(answer)
    assert answer.advice == ()


@pytest.mark.parametrize(
    ("value", "is_broken"),
    [(None, False), (1, False), (0, True), (Decimal("NaN"), True), (Decimal(-1), True)],
)
def test_a_reference_that_cannot_be_is_broken(value: Decimal | int | None, is_broken: bool):
    assert Reference("x", value).is_broken == is_broken
    assert Reference("x", value, may_be_zero=True).is_broken == (is_broken and value != 0)


def test_an_account_is_opened_once():
    desk = Desk(equity=5)
    desk.tell(AccountOpened(desk.now_ns, "USD", Decimal(7)))

    assert desk.ledger.equity({}) == 5
