"""The gate as a whole: one answer to each order, all reasons at once, exact under many orders."""

from decimal import Decimal

import msgspec
import pytest

from engine.execution.ledger import Ledger
from engine.execution.limits import limits_from_toml, paper_limits, toml_text
from engine.execution.risk import RiskRefused, advise, switched_off
from engine.model.facts import EquityMarked, LimitSet, TradingStateSet
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder, OrderIntent, OrderSpec
from engine.venues.simulated.instruments import INSTRUMENTS
from tests.builders import BTC, ETH, START_NS, an_instrument
from tests.unit.engine.execution.gate_desk import (
    Desk,
    a_market,
    an_intent,
    approved,
    codes,
    refused,
)


def test_an_approved_order_is_the_intent_with_a_new_id():
    desk = Desk()
    intent = an_intent("buy", 3, 990, owner="rsi", signal="candle-7", tag="entry")

    answer = desk.review(intent)

    assert isinstance(answer, ApprovedOrder)
    assert answer.intent == intent
    assert answer.client_order_id == desk.ledger.next_client_order_id()


def test_everything_that_speaks_against_an_order_is_said_at_once():
    desk = Desk(
        order_value_max=Decimal(1_000),
        order_lots_max=1,
        position_value_max=Decimal(1_000),
        gross_value_max=Decimal(1_000),
        net_value_max=Decimal(1_000),
        open_orders_max=0,
        denied=("XYZ",),
        free_margin_share_min=None,
    ).with_market(book_state="invalid", move_60s=None)
    desk.with_state("reduce_only").is_live = True

    answer = refused(desk.send("buy", 2, 1_200))

    assert codes(answer) == [
        "denied",
        "data_gate",
        "price_collar_share",
        "order_value_max",
        "order_lots_max",
        "trading_state",
        "position_value_max",
        "gross_value_max",
        "net_value_max",
        "open_orders_max",
        "fast_move_share",
    ]


def test_every_reason_has_a_code_two_numbers_a_source_and_a_sentence():
    (reason,) = refused(Desk(order_lots_max=10).send(lots=12)).reasons

    assert [reason.code, reason.asked, reason.limit, reason.source, reason.sentence] == [
        "order_lots_max",
        12,
        10,
        "risk file",
        "12 lots is above the limit of 10 (order_lots_max).",
    ]


def test_a_limit_set_while_running_holds_and_says_so():
    desk = Desk(order_lots_max=10)
    desk.tell(LimitSet(desk.now_ns, "order_lots_max", Decimal(5)))

    (reason,) = refused(desk.send(lots=6)).reasons
    assert [reason.limit, reason.source] == [5, "set while running"]
    desk.tell(LimitSet(desk.now_ns, "order_lots_max", None))
    assert codes(desk.send(lots=10)) == []


def test_an_override_that_is_no_limit_of_this_version_refuses_orders():
    desk = Desk()
    desk.tell(LimitSet(desk.now_ns, "order_weight_max", Decimal(5)))

    answer = refused(desk.send())

    assert codes(answer) == ["gate_failed"]
    assert "order_weight_max" in answer.sentences[0]


def test_a_control_that_fails_refuses_the_order():
    class Damaged(Ledger):
        """Divides by nothing."""

        def net_lots(self, instrument_id: object) -> int:
            """Fail."""
            return 1 // 0

    desk = Desk()
    desk.ledger = Damaged()

    assert codes(desk.send()) == ["gate_failed"]


def test_an_intent_is_reviewed_by_its_own_market():
    desk = Desk()

    with pytest.raises(AssertionError):
        desk.gate.review(an_intent(), a_market(ETH), desk.ledger, desk.limits, desk.moment)


@pytest.mark.parametrize(
    "limit",
    [
        {"orders_per_s_max": 7},
        {"open_orders_max": 7},
        {"position_value_max": Decimal(7_000)},
        {"gross_value_max": Decimal(7_999)},
        {"orders_per_day_max": 7},
    ],
)
def test_of_a_thousand_orders_at_once_only_as_many_pass_as_may(limit: dict):
    desk = Desk(**limit)

    passed = sum(isinstance(desk.send(), ApprovedOrder) for _ in range(1_000))

    assert passed == 7


def test_of_many_closes_at_once_only_the_position_passes():
    desk = Desk().hold(10)

    passed = [desk.send("sell", 1, 1_010, is_reduce_only=True) for _ in range(100)]

    assert sum(isinstance(answer, ApprovedOrder) for answer in passed) == 10


def test_a_flatten_only_shrinks_and_does_so_in_any_state():
    desk = Desk(orders_per_s_max=0).hold(5).with_state("killed")

    def flatten(intent: OrderIntent):
        return desk.gate.review_flatten(intent, desk.market, desk.ledger, desk.limits, desk.moment)

    assert codes(flatten(an_intent("sell", 5, None))) == ["reduce_only"]
    assert codes(flatten(an_intent("sell", 6, None, is_reduce_only=True))) == ["reduce_only"]
    sent = approved(flatten(an_intent("sell", 5, None, is_reduce_only=True)))
    assert (sent.tif, sent.limit_ticks, sent.is_reduce_only) == ("ioc", 950, True)


def test_a_flatten_without_the_flag_at_the_venue_does_not_leave():
    desk = Desk().hold(5).hold(-5, owner="rsi").with_state("killed")
    intent = an_intent("sell", 5, None, is_reduce_only=True)

    answer = desk.gate.review_flatten(intent, desk.market, desk.ledger, desk.limits, desk.moment)

    assert codes(answer) == ["reduce_only"]


SHARES = [Decimal(share) for share in ("0.01", "0.05", "0.1", "0.15")]


def test_every_preset_passes_at_its_own_size_on_every_simulated_instrument():
    limits = paper_limits(Decimal(100_000))
    desk = Desk(equity=100_000)
    markets = {}
    for listed in INSTRUMENTS:
        price = PriceTicks(listed.price_ticks)
        markets[listed.instrument_id] = a_market(
            instrument=listed.described(),
            bid_ticks=PriceTicks(price - 1),
            ask_ticks=PriceTicks(price + 1),
            mark_ticks=price,
            move_60s=None,
            median_trade_lots=None,
        )
    desk.more = {"markets": markets}
    desk.limits = limits

    for share in SHARES:
        for instrument_id, market in markets.items():
            intent = preset(instrument_id, market, share * 100_000)
            answer = desk.gate.review(intent, market, desk.ledger, limits, desk.moment)
            assert codes(answer) == [], (instrument_id, share)
    for instrument_id, market in markets.items():
        desk.market = market
        intent = preset(instrument_id, market, Decimal(15_000))
        answer = desk.gate.review(intent, market, desk.ledger, limits, desk.moment)
        assert codes(answer) == [], instrument_id
        desk.work(
            "buy",
            approved(answer).qty_lots,
            approved(answer).limit_ticks or 0,
            instrument_id=instrument_id,
        )


def preset(instrument_id, market, dollars: Decimal) -> OrderIntent:
    """Return a market order of a strategy of this worth."""
    unit = market.instrument.tick_size * market.instrument.lot_size
    lots = int(dollars / (market.mark_ticks * unit))
    return OrderIntent(
        OrderSpec(instrument_id, "buy", "market", QtyLots(max(1, lots))), owner="vwm"
    )


def test_a_preset_may_be_reversed_in_one_order():
    desk = Desk(equity=100_000)
    desk.limits = paper_limits(Decimal(100_000))

    desk.hold(15, owner="macd")

    assert codes(desk.send("sell", 30, None, owner="macd")) == []


def test_live_a_control_without_reference_is_never_merely_off():
    desk = Desk(order_medians_max=Decimal(10)).with_market(median_trade_lots=None, move_60s=None)

    assert switched_off(desk.market, desk.ledger, desk.limits, desk.moment) == (
        "fast_move_share",
        "order_medians_max",
        "free_margin_share_min",
    )
    desk.is_live = True
    assert switched_off(desk.market, desk.ledger, desk.limits, desk.moment) == ()


def losing(worth_lost: int) -> Desk:
    """Return an account of 100,000 that holds 100 lots and has lost so much."""
    desk = Desk(
        equity=100_000,
        daily_loss_share_max=Decimal("0.02"),
        drawdown_share_max=Decimal("0.5"),
        position_loss_share_max=Decimal("0.5"),
        step_down_share=Decimal("0.7"),
    ).hold(100)
    return desk.with_market(mark_ticks=PriceTicks(1_000 - worth_lost // 100))


def advised(desk: Desk) -> list[tuple[str, str]]:
    found = advise(desk.ledger, desk.limits, desk.moment)
    return [(advice.scope, advice.state) for advice in found]


@pytest.mark.parametrize(
    ("lost", "wanted"),
    [
        (-500, []),
        (1_300, []),
        (1_400, [("all", "reduce_only")]),
        (1_900, [("all", "reduce_only")]),
        (2_000, [("all", "killed")]),
    ],
)
def test_losses_step_trading_down(lost: int, wanted: list):
    assert advised(losing(lost)) == wanted


def test_a_step_that_was_taken_is_not_advised_again():
    desk = losing(1_400)

    desk.tell(TradingStateSet(desk.now_ns, "all", "reduce_only", "advice"))
    assert advised(desk) == []
    desk.with_market(mark_ticks=PriceTicks(980))
    assert advised(desk) == [("all", "killed")]
    desk.tell(TradingStateSet(desk.now_ns, "all", "killed", "advice"))
    assert advised(desk) == []


def test_a_position_that_loses_too_much_steps_its_instrument_down():
    desk = losing(1_000)
    desk.limits = msgspec.structs.replace(
        desk.limits, daily_loss_share_max=Decimal(1), position_loss_share_max=Decimal("0.01")
    )

    assert advised(desk) == [(f"instrument:{BTC}", "killed")]


def test_a_limit_of_nothing_is_reached_by_any_loss():
    desk = losing(100)
    desk.limits = msgspec.structs.replace(desk.limits, daily_loss_share_max=Decimal(0))

    (advice,) = advise(desk.ledger, desk.limits, desk.moment)

    assert (advice.state, advice.reason) == ("killed", "daily_loss_share_max is used by 100 %.")


def test_advice_follows_the_limits_set_while_running():
    desk = losing(1_000)
    desk.tell(LimitSet(desk.now_ns, "daily_loss_share_max", Decimal("0.01")))

    assert advised(desk) == [("all", "killed")]


def test_little_margin_steps_trading_down():
    desk = Desk()

    desk.more = {"free_margin_share": Decimal("0.3")}
    assert advised(desk) == []
    desk.more = {"free_margin_share": Decimal("0.29")}
    assert advised(desk) == [("all", "reduce_only")]
    desk.more = {"liquidation_distance_share": Decimal("0.05")}
    assert advised(desk) == [("all", "reduce_only")]
    desk.more = {"liquidation_distance_share": Decimal("NaN")}
    assert advised(desk) == [("all", "reduce_only")]


def test_nothing_is_advised_of_an_account_that_nobody_opened():
    desk = Desk()
    desk.ledger = Ledger()

    assert advised(desk) == []


def test_an_equity_marked_since_counts_for_the_drawdown():
    desk = Desk(equity=100, drawdown_share_max=Decimal("0.5"), daily_loss_share_max=Decimal(1))
    desk.tell(EquityMarked(START_NS, Decimal(200)))

    assert advised(desk) == [("all", "killed")]


def test_a_copied_paper_file_gives_the_same_answers():
    limits = limits_from_toml(toml_text(paper_limits()))

    assert limits == paper_limits()
    assert an_instrument().quote == "USDT"


# Parents and what takes the place of protection.


def review_parent(desk: Desk, intent: OrderIntent) -> OrderIntent | RiskRefused:
    return desk.gate.review_parent(intent, desk.market, desk.ledger, desk.limits, desk.moment)


def parent_codes(desk: Desk, intent: OrderIntent) -> list[str]:
    judged = review_parent(desk, intent)
    assert isinstance(judged, RiskRefused)
    return codes(judged)


def test_a_parent_is_judged_by_what_it_makes_of_the_account():
    desk = Desk(order_value_max=Decimal(5_000), position_value_max=Decimal(20_000))

    assert review_parent(desk, an_intent(lots=15)) == an_intent(lots=15)
    assert parent_codes(desk, an_intent(lots=25)) == ["position_value_max"]
    assert "trading_state" in parent_codes(desk.with_state("halted"), an_intent(lots=15))


def test_a_parent_that_would_not_only_reduce_loses_its_flag():
    desk = Desk().hold(5).hold(-5, owner="rsi")

    judged = review_parent(desk, an_intent("sell", 5, is_reduce_only=True))

    assert isinstance(judged, OrderIntent)
    assert not judged.spec.is_reduce_only


def test_a_stop_claims_what_the_stop_claims_in_whose_place_it_comes():
    desk = Desk().hold(10)
    stop = {"type": "stop", "is_reduce_only": True, "is_protective": True}
    desk.send("sell", 10, None, trigger_ticks=950, **stop)
    (before,) = desk.ledger.working()
    again = {"trigger_ticks": 960, **stop}

    assert not _reduces(desk.review(an_intent("sell", 10, None, **again)))
    place = (before.client_order_id,)
    assert _reduces(desk.review(an_intent("sell", 10, None, supersedes=place, **again)))
    close = an_intent("sell", 10, 1_000, supersedes=place, is_reduce_only=True)
    assert _reduces(desk.review(close))


def _reduces(verdict: object) -> bool:
    return isinstance(verdict, ApprovedOrder) and verdict.intent.spec.is_reduce_only
