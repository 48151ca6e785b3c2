"""Each control of the order itself: at its limit, one unit over it, without its reference."""

from decimal import Decimal

import pytest

from engine.model.facts import TrailSet
from engine.model.instrument import InstrumentId
from engine.model.numbers import UNITS_MAX, PriceTicks
from engine.model.trails import TrailRule
from tests.builders import BTC, ETH, START_NS, an_instrument
from tests.unit.engine.execution.gate_desk import (
    Desk,
    a_market,
    an_intent,
    approved,
    codes,
    refused,
)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"lots": 0}, "size"),
        ({"lots": -3}, "size"),
        ({"lots": UNITS_MAX}, "size"),
        ({"price": 0}, "price"),
        ({"type": "stop", "trigger_ticks": 0}, "price"),
        ({"price": None, "type": "limit"}, "order_type"),
        ({"type": "market"}, "order_type"),
        ({"price": None, "is_post_only": True}, "order_type"),
        ({"type": "stop"}, "order_type"),
        ({"trigger_ticks": 990}, "order_type"),
        ({"is_post_only": True, "tif": "ioc"}, "order_type"),
        ({"price": None, "type": "stop", "trigger_ticks": 990, "is_post_only": True}, "order_type"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(changed: dict, code: str):
    assert code in codes(Desk().send(**changed))


def test_orders_that_make_sense_pass():
    desk = Desk()

    for changed in (
        {"is_post_only": True},
        {"tif": "fok"},
        {"type": "stop", "price": None, "trigger_ticks": 1_010},
        {"type": "take_profit", "price": 985, "trigger_ticks": 990},
        {"price": None},
    ):
        assert codes(desk.review(an_intent(**changed))) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"is_inverse": True}, "inverse"),
        ({"tick_size": None}, "steps"),
        ({"lot_size": None}, "steps"),
        ({"is_trading": False}, "does not trade"),
        ({"quote": "BTC"}, "quoted in BTC"),
        ({"quote": ""}, "nothing known"),
    ],
)
def test_an_instrument_that_cannot_be_traded_is_refused(changed: dict, words: str):
    desk = Desk().with_market(instrument=an_instrument(**{"is_trading": True} | changed))

    answer = refused(desk.send())

    assert "instrument" in codes(answer)
    assert words in " ".join(answer.sentences)


def test_a_foreign_quote_currency_does_not_hinder_a_close():
    desk = Desk().hold(5)
    desk.with_market(instrument=an_instrument(is_trading=True, quote="EUR"))

    assert codes(desk.send("sell", 5, is_reduce_only=True)) == []


@pytest.mark.parametrize("name", [BTC, "BTCUSDT", "XYZ"])
def test_lists_name_ids_symbols_and_bases(name: str):
    assert codes(Desk(denied=(name,)).send()) == ["denied"]
    assert codes(Desk(allowed=(name,)).send()) == []


def test_what_is_not_listed_is_not_allowed_and_not_denied():
    assert codes(Desk(denied=("DOGE",)).send()) == []
    assert codes(Desk(allowed=("DOGE", "")).send()) == ["allowed"]
    assert codes(Desk(allowed=()).send()) == ["allowed"]


def test_a_denied_instrument_may_be_closed():
    assert codes(Desk(denied=("XYZ",)).hold(5).send("sell", 5)) == []


def test_new_risk_is_taken_within_trading_hours():
    minute = Desk().now_ns // 60_000_000_000 % 1_440

    def answer(begin: int, end: int) -> list[str]:
        return codes(Desk(trading_from_minute_utc=begin, trading_to_minute_utc=end).send())

    assert answer(minute, minute + 1) == []
    assert answer(minute + 1, minute + 2) == ["trading_from_minute_utc"]
    assert answer(minute - 1, minute) == ["trading_from_minute_utc"]
    assert answer(minute, minute - 1) == []
    assert answer(minute + 1, minute) == ["trading_from_minute_utc"]
    closed = Desk(trading_from_minute_utc=minute + 1).hold(5)
    assert codes(closed.send("sell", 5)) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"book_state": "invalid"},
        {"book_state": "waiting"},
        {"freshness": "stale"},
        {"freshness": "none"},
    ],
)
def test_a_book_that_is_not_whole_or_old_lets_only_reducing_pass(changed: dict):
    desk = Desk().hold(5).with_market(**changed)

    assert codes(desk.send("buy")) == ["data_gate"]
    assert codes(desk.send("sell", 5, is_reduce_only=True)) == []


def test_a_slow_book_is_good_enough():
    assert codes(Desk().with_market(freshness="slow").send()) == []


def test_what_the_kernel_knows_to_be_off_forbids_new_risk():
    desk = Desk()
    desk.more = {"faults": ("The clock is off by 1.2 s.",)}

    assert refused(desk.send()).sentences == ("The clock is off by 1.2 s.",)


def test_what_is_off_with_one_instrument_forbids_new_risk_there_alone():
    desk = Desk().hold(5)

    desk.more = {"instrument_faults": {ETH: "One of its orders is not known."}}
    assert codes(desk.send("buy")) == []

    desk.more = {"instrument_faults": {BTC: "One of its orders is not known."}}
    assert refused(desk.send("buy", 3)).sentences == ("One of its orders is not known.",)


def test_what_is_off_with_an_instrument_lets_what_reduces_pass():
    desk = Desk().hold(5)
    desk.more = {"instrument_faults": {BTC: "One of its orders is not known."}}

    assert codes(desk.send("sell", 5, is_reduce_only=True)) == []


@pytest.mark.parametrize(
    ("side", "price", "code"),
    [
        ("buy", 1_050, None),
        ("buy", 1_051, "price_collar_share"),
        ("buy", 500, None),
        ("buy", 499, "resting_collar_share"),
        ("sell", 950, None),
        ("sell", 949, "price_collar_share"),
        ("sell", 1_500, None),
        ("sell", 1_501, "resting_collar_share"),
    ],
)
def test_a_limit_price_lies_within_its_collar(side: str, price: int, code: str | None):
    assert codes(Desk().send(side, 1, price)) == ([code] if code else [])


def test_majors_have_a_tighter_collar():
    desk = Desk(majors=("XYZ",))

    assert codes(desk.send("buy", 1, 1_020)) == []
    assert codes(desk.send("buy", 1, 1_021)) == ["price_collar_major_share"]


def test_a_collar_halves_while_the_market_runs():
    desk = Desk(majors=("XYZ",)).with_market(move_60s=Decimal("0.051"))

    assert codes(desk.send("buy", 1, 1_010)) == []
    assert codes(desk.send("buy", 1, 1_011)) == ["price_collar_major_share"]
    assert codes(desk.with_market(move_60s=Decimal("0.05")).send("buy", 1, 1_011)) == []


def test_the_limit_of_a_stop_lies_near_its_trigger():
    desk = Desk()

    def stop(price: int):
        return desk.review(an_intent("sell", 1, price, type="stop", trigger_ticks=900))

    assert codes(stop(855)) == []
    assert codes(stop(854)) == ["price_collar_share"]


@pytest.mark.parametrize(("trigger", "is_near"), [(800, True), (799, False), (1_200, True)])
def test_a_trigger_lies_near_the_market(trigger: int, is_near: bool):
    intent = an_intent("sell", 1, None, type="stop", trigger_ticks=trigger)

    assert codes(Desk().review(intent)) == ([] if is_near else ["trigger_collar_share"])


@pytest.mark.parametrize(
    ("around", "is_far"),
    [
        ({"is_protective": True}, True),  # A person's own: it may be a slip of the finger.
        ({"is_protective": True, "parent": "not given yet", "family": "nor this"}, True),
        ({"is_protective": True, "owner": "grid"}, False),
        ({"owner": "grid"}, True),
    ],
)
def test_protection_comes_again_however_far_the_market_has_run(around: dict, is_far: bool):
    desk = Desk().hold(5, owner=around.get("owner", "hand"))
    stop = an_intent("sell", 5, None, type="stop", trigger_ticks=700, is_reduce_only=True, **around)

    assert codes(desk.review(stop)) == (["trigger_collar_share"] if is_far else [])


def test_legs_and_trails_that_were_asked_for_come_again_too():
    desk = Desk().hold(5)
    desk.tell(
        TrailSet(
            START_NS,
            "t1",
            BTC,
            "sell",
            TrailRule("ticks", Decimal(100), 100),
            PriceTicks(800),
            PriceTicks(700),
            5,
        )
    )
    (entry,) = desk.ledger.orders
    shape: dict = {"type": "stop", "trigger_ticks": 700, "is_reduce_only": True}

    for around in ({"parent": entry}, {"family": "t1"}):
        stop = an_intent("sell", 5, None, is_protective=True, **shape, **around)
        assert codes(desk.review(stop)) == []


def test_without_any_price_collars_are_off_in_paper_and_deny_when_live():
    nothing: dict = {"bid_ticks": None, "ask_ticks": None, "mark_ticks": None, "book_state": "live"}
    desk = Desk().with_market(**nothing)

    stop = an_intent("sell", 1, 5, type="stop", trigger_ticks=3)
    assert codes(desk.review(an_intent("buy", 1, 9_999))) == []
    assert codes(desk.review(stop)) == []
    assert codes(desk.review(an_intent("buy", 1, None))) == ["price_collar_share"]
    desk.is_live = True
    assert "price_collar_share" in codes(desk.review(an_intent("buy", 1, 9_999)))


def test_a_price_of_zero_is_no_reference_for_anybody():
    desk = Desk().hold(5).with_market(bid_ticks=0, ask_ticks=0)

    assert "price_collar_share" in codes(desk.send("sell", 5, None))
    assert "price_collar_share" in codes(
        desk.review(an_intent("sell", 5, None, type="stop", trigger_ticks=900))
    )


@pytest.mark.parametrize(
    ("market", "reference"),
    [
        ({}, 1_000),
        ({"book_state": "invalid", "mark_ticks": 1_100}, 1_100),
        ({"freshness": "stale", "mark_ticks": None}, 1_000),
        ({"bid_ticks": None, "mark_ticks": None, "last_ticks": 900}, 900),
    ],
)
def test_a_market_order_becomes_an_immediate_limit_at_the_collar(market: dict, reference: int):
    desk = Desk().hold(5).with_market(**market)

    sent = approved(desk.send("sell", 5, None, is_reduce_only=True))

    assert (sent.type, sent.tif, sent.limit_ticks) == ("limit", "ioc", reference * 95 // 100)


def test_a_collar_between_two_ticks_is_rounded_towards_the_market():
    desk = Desk().with_market(bid_ticks=1_000, ask_ticks=1_001)

    assert approved(desk.send("buy", 1, None)).limit_ticks == 1_050
    assert approved(desk.send("sell", 1, None)).limit_ticks == 951


def test_a_collar_never_falls_to_no_price():
    desk = Desk().with_market(bid_ticks=1, ask_ticks=1)

    assert approved(desk.send("sell", 1, None)).limit_ticks == 1


def test_an_order_is_worth_no_more_than_the_limit_at_its_worst_price():
    desk = Desk(order_value_max=Decimal(10_500))

    def answer(side: str, lots: int, price: int | None):
        return desk.review(an_intent(side, lots, price))

    assert codes(answer("buy", 10, 1_050)) == []
    assert codes(answer("buy", 10, None)) == []
    assert codes(answer("sell", 10, 960)) == []
    assert codes(answer("sell", 11, 950)) == ["order_value_max"]
    assert codes(answer("sell", 11, None)) == ["order_value_max"]
    over = refused(answer("buy", 11, 1_000))
    assert over.sentences == ("11,000 USDT is above the limit of 10,500 (order_value_max).",)


def test_even_a_close_is_no_larger_than_the_largest_order():
    desk = Desk(order_value_max=Decimal(4_000), order_lots_max=4).hold(5)

    answer = desk.send("sell", 5, 1_000, is_reduce_only=True)

    assert codes(answer) == ["order_value_max", "order_lots_max"]


def test_protection_that_the_kernel_sends_is_as_large_as_the_position():
    limits: dict = {"order_lots_max": 4, "order_medians_max": Decimal(4)}
    desk = Desk(order_value_max=Decimal(4_000), **limits).hold(5, owner="grid")
    desk.with_market(median_trade_lots=1)
    shape: dict = {"type": "stop", "trigger_ticks": 900, "is_reduce_only": True, "owner": "grid"}

    bare = an_intent("sell", 5, None, **shape)
    assert codes(desk.review(bare)) == ["order_value_max", "order_lots_max", "order_medians_max"]
    assert codes(desk.review(an_intent("sell", 5, None, is_protective=True, **shape))) == []


def test_an_entry_is_worth_the_trouble_and_a_close_need_not_be():
    desk = Desk(order_value_min=Decimal(2_000))

    assert codes(desk.send("buy", 2)) == []
    assert codes(desk.send("buy", 1)) == ["order_value_min"]
    assert "below the least of 2,000" in refused(desk.send("buy", 1)).sentences[0]
    assert codes(desk.hold(1).send("sell", 1, 1_010, is_reduce_only=True)) == []


def test_the_venue_names_its_least_order():
    listed = an_instrument(is_trading=True, notional_min=Decimal(2_000))
    desk = Desk().with_market(instrument=listed)

    assert codes(desk.review(an_intent("buy", 2, 1_000))) == []
    assert codes(desk.review(an_intent("buy", 2, 999))) == ["notional_min"]
    assert codes(desk.hold(1).send("sell", 1, 999, is_reduce_only=True)) == []


def test_an_order_has_no_more_lots_than_the_limit():
    desk = Desk(order_lots_max=10)

    assert codes(desk.send(lots=10)) == []
    answer = refused(desk.send(lots=12))
    assert answer.sentences == ("12 lots is above the limit of 10 (order_lots_max).",)


@pytest.mark.parametrize("median", [1, 5])
def test_an_order_is_no_giant_beside_the_trades_of_the_day(median: int):
    desk = Desk(order_medians_max=Decimal(10)).with_market(median_trade_lots=median)

    assert codes(desk.send(lots=10 * median)) == []
    answer = refused(desk.send(lots=11 * median))
    assert answer.sentences == ("11 median trades is above the limit of 10 (order_medians_max).",)
    assert codes(desk.send(lots=10 * median + 1)) == ["order_medians_max"]


def test_without_a_median_the_control_is_off_in_paper_and_denies_when_live():
    desk = Desk(order_medians_max=Decimal(10)).with_market(median_trade_lots=None)

    assert codes(desk.send(lots=51)) == []
    desk.is_live = True
    assert "order_medians_max" in codes(desk.send(lots=1))


def test_a_median_of_nothing_denies_everywhere():
    desk = Desk(order_medians_max=Decimal(10)).with_market(median_trade_lots=0)

    assert codes(desk.send()) == ["order_medians_max"]


@pytest.mark.parametrize("changed", ["tick_size", "lot_size"])
def test_nothing_leaves_in_steps_that_the_ledger_does_not_count_in(changed: str):
    desk = Desk().hold(5)
    steps: dict = {changed: Decimal("0.5")}
    desk.with_market(instrument=an_instrument(is_trading=True, **steps))

    for order in (desk.send(), desk.send("sell", 5, 1_010, is_reduce_only=True)):
        (reason,) = refused(order).reasons
        assert reason.code == "instrument"
        assert reason.sentence.startswith("The steps of BTCUSDT changed from 1 and 1 to ")


@pytest.mark.parametrize(("side", "own", "price"), [("buy", 1_005, 1_004), ("sell", 995, 996)])
def test_an_order_does_not_meet_one_of_our_own(side: str, own: int, price: int):
    desk = Desk()
    other = "sell" if side == "buy" else "buy"
    desk.work(other, 1, own)
    desk.work(other, 1, price, type="stop", trigger_ticks=own)

    assert codes(desk.send(side, 1, price)) == []
    assert codes(desk.send(side, 1, own)) == ["self_cross"]
    assert codes(desk.send(side, 1, own, type="stop", trigger_ticks=own)) == []


def test_a_market_order_stops_short_of_our_own_orders():
    desk = Desk()
    desk.work("sell", 1, 1_010)
    desk.work("buy", 1, 990)

    assert approved(desk.review(an_intent("buy", 1, None))).limit_ticks == 1_009
    assert approved(desk.review(an_intent("sell", 1, None))).limit_ticks == 991
    desk.work("sell", 1, 1_001)
    desk.work("buy", 1, 999)
    assert codes(desk.send("buy", 1, None)) == ["self_cross"]
    assert codes(desk.send("sell", 1, None)) == ["self_cross"]


def test_an_immediate_order_is_gone_before_it_could_be_met():
    desk = Desk()
    desk.work("buy", 1, 1_050, tif="ioc")

    assert codes(desk.send("sell", 1, 1_000)) == []


def test_a_market_says_what_it_is():
    assert a_market(InstrumentId("test:ETHUSDT")).instrument.instrument_id == "test:ETHUSDT"
