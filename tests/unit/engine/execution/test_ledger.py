"""The ledger as gate, kernel and screen read it."""

import os
import re
import subprocess
import sys
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from engine.execution.ledger import Ledger
from engine.execution.ledger_account import DAY_NS
from engine.execution.ledger_state import VERSION
from engine.execution.positions import Position, Steps
from engine.model import facts as f
from engine.model.errors import JournalNotOurs
from engine.model.instrument import InstrumentId
from tests.builders import BTC, ETH, at
from tests.order_facts import Told, a_fill, an_intent, began, known


def test_an_order_lives_from_intent_to_filled():
    told = Told().open().intend(lots=10)
    assert told.state() == "intent"
    assert told.send().state() == "sent"
    assert told.ack().state() == "open"
    assert told.fill(lots=4).state() == "partial"
    assert told.fill(lots=6).state() == "filled"

    assert told.ledger.working() == []
    assert told.ledger.contradictions == 0


def crossing() -> list:
    """Return every order of acknowledgement, two fills, a cancellation and a repeated fill."""
    facts = {
        "ack": f.OrderAcked(at(2), "a", "v"),
        "fill1": a_fill(trade="t1", lots=3, price=100, ts_ns=at(3)),
        "fill2": a_fill(trade="t2", lots=2, price=101, ts_ns=at(4)),
        "cancel": f.OrderCanceled(at(5), "a", "asked"),
        "dup": a_fill(trade="t1", lots=3, price=100, ts_ns=at(3)),
    }
    return [[facts[name] for name in names] for names in permutations(facts)]


@pytest.mark.parametrize(("lots", "state"), [(10, "canceled"), (5, "filled")])
def test_whatever_crosses_ends_the_same(lots: int, state: str):
    ends = set()
    for facts in crossing():
        told = Told().open().intend(lots=lots).send().say(*facts)
        order = told.order()
        position = told.ledger.position("hand", BTC)
        ends.add(
            (
                order.state,
                order.filled_lots,
                order.filled_value,
                order.venue_order_id,
                position.lots,
                position.cost,
                told.ledger.duplicate_fills,
                order.remaining_lots,
            )
        )

    assert ends == {(state, 5, 502, "v", 5, 502, 1, 0)}


def test_a_cancel_asked_for_in_between_changes_nothing_of_that():
    for facts in crossing():
        for place in range(len(facts) + 1):
            told = Told().open().intend(lots=10).send()
            told.say(*facts[:place]).ask_cancel().say(*facts[place:])

            assert (told.state(), told.order().filled_lots) == ("canceled", 5)
            assert told.ledger.contradictions == 0


def test_a_refused_cancel_leaves_the_order_unknown_and_at_full_size():
    told = Told().open().work(lots=10).ask_cancel().reject_cancel()

    assert told.state() == "unknown"
    assert told.order().reason == "unknown order"
    assert told.ledger.working_lots(BTC, "buy") == 10


def test_an_order_nobody_answered_counts_at_full_size():
    told = Told().open().intend("a", lots=10).send("a").intend("b", lots=5).send("b").lose("b")

    assert told.ledger.working_lots(BTC, "buy") == 15
    assert told.ledger.working_lots(BTC, "sell") == 0
    assert told.ledger.working_lots(ETH, "buy") == 0


def test_the_age_of_an_unknown_order_counts_from_when_it_was_lost():
    told = Told().open().intend().send().lose()
    since_ns = told.order().state_since_ns

    told.fill(lots=2).ask_cancel().lose()

    assert told.state() == "unknown"
    assert told.order().state_since_ns == since_ns < told.order().updated_ns


def test_fills_come_off_what_an_order_can_still_do():
    told = Told().open().work(lots=10).fill(lots=4)

    assert told.order().remaining_lots == 6
    assert told.ledger.working_lots(BTC, "buy") == 6


def test_reduce_only_orders_can_be_left_out():
    told = Told().open().work("a", lots=10).work("b", lots=3, is_reduce_only=True)

    assert told.ledger.working_lots(BTC, "buy") == 13
    assert told.ledger.working_lots(BTC, "buy", with_reduce_only=False) == 10


def test_an_amend_moves_price_and_size():
    told = Told().open().work(lots=10).fill(lots=4).ask_replace(8, price=99)
    assert (told.state(), told.order().asked_limit_ticks) == ("pending_replace", 99)

    told.replace(8, price=99)

    assert (told.state(), told.order().spec.limit_ticks) == ("partial", 99)
    assert told.order().intent.spec == told.order().spec
    assert told.order().remaining_lots == 4


def test_a_refused_amend_asks_the_venue():
    told = Told().open().work(lots=10).ask_replace(12).reject_replace()

    assert told.state() == "unknown"
    assert told.order().asked_qty_lots is None


def test_the_rest_of_an_order_can_expire():
    told = Told().open().work().fill(lots=4).expire()

    assert (told.state(), told.order().reason) == ("expired", "ioc")
    assert told.held == {"hand": 4}


def test_a_rejected_order_is_no_exposure():
    told = Told().open().intend().send().reject()

    assert told.state() == "rejected"
    assert told.ledger.working_lots(BTC, "buy") == 0


def test_orders_work_in_order_of_creation():
    told = Told().open().work("z").work("a").work("e", instrument_id=ETH)

    assert [order.client_order_id for order in told.ledger.working()] == ["z", "a", "e"]
    assert [order.client_order_id for order in told.ledger.working(BTC)] == ["z", "a"]


def test_every_owner_has_a_position_and_together_they_are_the_net():
    told = Told().open().trade("trend", 10).trade("grid", -4).trade("hand", 1)

    assert told.held == {"grid": -4, "hand": 1, "trend": 10}
    assert told.ledger.net_lots(BTC) == told.ledger.net(BTC).lots == 7
    assert told.ledger.held() == [BTC]


def test_a_close_by_hand_is_shared():
    told = Told().open().trade("trend", 6).trade("grid", 3).trade("hand", 1)
    told.work("close", "sell", 7, is_reduce_only=True)
    fill = a_fill("close", "last", lots=7)

    assert told.ledger.shares(fill) == {"hand": -1, "trend": -4, "grid": -2}

    told.say(fill)
    assert told.held == {"grid": 1, "trend": 2}
    assert told.ledger.held() == [BTC]


def test_nothing_held_is_an_empty_position():
    ledger = Told().open().ledger

    assert ledger.position("hand", BTC) == Position()
    assert ledger.owners(BTC) == ledger.held() == []


def test_money_follows_fills_fees_and_funding():
    told = Told().open("1000").work(lots=10).fill(lots=10, price=100, fee=Decimal("0.5"))
    told.say(f.FundingPaid(told.ts_ns, BTC, Decimal(2)))
    told.trade("hand", -4, price=110)
    ledger = told.ledger

    assert ledger.cash("USDT") == Decimal("1037.5")
    assert ledger.cash("BNB") == 0
    assert ledger.equity({BTC: Decimal(120)}) == Decimal("1157.5")
    assert ledger.fees == {"USDT": Decimal("0.5")}
    assert ledger.funding == {BTC: Decimal(2)}
    assert ledger.currency == "USDT"
    assert ledger.steps(BTC) == Steps(Decimal(1), Decimal(1), "USDT")


def test_fees_count_as_loss_where_they_are_dollars_and_are_told_apart_where_not():
    told = Told().open("1000").work(lots=10)
    for lots, fee, currency in ((1, "0.5", "USDT"), (2, "0.25", "USDC"), (3, "0.1", "BNB")):
        told.fill(lots=lots, fee=Decimal(fee), fee_currency=currency)

    assert told.ledger.settled_fees == Decimal("0.75")
    assert told.ledger.other_fees == {"BNB": Decimal("0.1")}
    assert told.ledger.settled_cash == Decimal("999.25")


def test_no_cash_is_told_while_what_is_held_has_no_known_steps():
    told = Told().open("1000").trade("hand", 1, instrument_id=ETH)

    assert told.ledger.settled_cash is None


def test_the_cash_of_a_venue_is_reckoned_in_its_own_digits():
    told = Told().open("1000").work(lots=3)
    told.fill(lots=1, price=100).fill(lots=2, price=101)

    told.work("b", "sell", 3).fill("b", 1, 100)

    assert told.ledger.settled_cash == 1_000
    assert told.ledger.booked_cash == Decimal("999.33333333")
    told.fill("b", 2, 100)
    assert told.ledger.booked_cash == told.ledger.settled_cash == 998


def test_a_venues_cash_goes_on_from_positions_that_no_fill_brought():
    told = Told().open("1000")
    told.say(f.PositionAdopted(told.ts_ns, BTC, 3, Decimal("100.5")))

    told.work("a", "sell", 1).fill("a", 1, 101)

    assert told.ledger.booked_cash == Decimal("1000.5")


def test_what_was_earned_in_another_currency_is_no_part_of_a_venues_cash():
    told = Told().open("1000").say(known(ETH, quote="EUR"))
    told.work(lots=3, instrument_id=ETH).fill(lots=3)
    told.work("b", "sell", 3, instrument_id=ETH).fill("b", 1, 110)

    assert told.ledger.realised(ETH) == 10
    assert told.ledger.booked_cash == told.ledger.settled_cash == 1_000


def test_without_a_valued_position_a_venues_cash_is_unknown():
    told = Told().open()

    told.say(a_fill("x", instrument_id=ETH, side="buy"))

    assert told.ledger.booked_cash is None
    assert told.ledger.realised(ETH) == 0
    told.say(known(ETH)).say(a_fill("x", "t2", instrument_id=ETH, side="sell", price=101))
    assert told.ledger.booked_cash == 100_004


def test_steps_are_refused_with_the_reason_before_anything_rests_on_them():
    told = Told().open().trade("hand", 3)

    assert told.ledger.steps_problem(known(BTC, lot="0.5")) == ""
    assert told.ledger.steps_problem(known(BTC, lot="2")) == (
        f"Orders or positions of {BTC} do not fit lots of 2"
    )
    assert told.ledger.contradictions == 0
    assert told.ledger.all_steps == {BTC: Steps(Decimal(1), Decimal(1), "USDT")}


def test_what_the_venue_agreed_to_and_moved_is_remembered():
    told = (
        Told()
        .open()
        .say(
            f.AccountConfirmed(at(9), at(8)),
            f.CashMoved(at(3), "m1", "transfer", "USDT", Decimal(5)),
        )
    )

    assert told.ledger.confirmed_ns == at(8)
    assert told.ledger.is_moved("transfer", "m1")
    assert not told.ledger.is_moved("funding", "m1")
    assert not told.ledger.is_moved("transfer", "m2")


def test_a_strategy_runs_from_run_to_run_until_it_is_stopped():
    rsi, macd = (f.StrategyStarted(at(0), owner, owner, BTC, 900) for owner in ("rsi", "macd"))
    told = Told().say(began(1), rsi, macd, began(2), f.StrategyStopped(at(1), "macd", "asked"))
    told.say(f.StrategyStopped(at(2), "nobody", "asked"))

    assert told.ledger.newest_run == began(2)
    assert told.ledger.strategies == {"rsi": rsi}
    assert told.ledger.contradictions == 0


def test_unknown_is_unknown():
    told = Told().open().trade("hand", 1)
    assert told.ledger.equity({}) is None
    assert told.ledger.equity({BTC: Decimal(1)}, {"BNB": Decimal(1)}) is not None

    told.trade("hand", 1, instrument_id=ETH)
    assert told.ledger.steps(ETH) is None
    assert told.ledger.cash("USDT") is None


def test_the_worth_at_the_start_of_day_and_session_is_kept():
    told = Told().open("1000").say(f.EquityMarked(at(0) + DAY_NS, Decimal(1_100)))
    told.say(began(2, at(1) + DAY_NS), f.EquityMarked(at(1) + DAY_NS, Decimal(1_050)))

    assert told.ledger.day_start_equity(at(5) + DAY_NS) == 1_100
    assert told.ledger.day_start_equity(at(5) + 2 * DAY_NS) is None
    assert told.ledger.session_start_equity == 1_050
    assert told.ledger.peak_equity == 1_100


def test_a_session_has_no_worth_before_its_first_mark():
    assert Told().open("1000").say(began(2)).ledger.session_start_equity is None


@pytest.mark.parametrize("scope", ["all", "venue:test", f"instrument:{BTC}", "strategy:trend"])
def test_the_strictest_trading_state_holds(scope: str):
    ledger = Told().say(f.TradingStateSet(at(0), scope, "halted", "loss", "ann")).ledger

    state = ledger.trading_state(BTC, "trend")
    other = ledger.trading_state(InstrumentId("okx:ETHUSDT"), "hand")

    assert state == "halted"
    assert other == ("halted" if scope == "all" else "active")
    assert ledger.states == {scope: "halted"}
    assert (ledger.state_facts[scope].operator, ledger.state_facts[scope].reason) == ("ann", "loss")


def test_controls_can_be_asked():
    told = Told().open().intend(owner="trend").intend("b", instrument_id=ETH)
    told.say(
        f.FailureCounted(at(0), "trend/test", 3),
        f.SignalActed(at(0), "trend", "15m@1"),
        f.LimitSet(at(0), "order_lots_max", Decimal(5)),
    )
    ledger = told.ledger

    assert (ledger.failures("trend/test"), ledger.failures("grid/test")) == (3, 0)
    assert ledger.has_acted("trend", "15m@1")
    assert not ledger.has_acted("grid", "15m@1")
    assert ledger.limit_overrides == {"order_lots_max": 5}
    assert ledger.orders_today(BTC, at(9)) == ledger.entries_today("trend", BTC, at(9)) == 1
    assert ledger.last_order_ns(BTC) == told.order().created_ns
    assert [fact.client_order_id for fact in ledger.recent_intents(at(3))] == ["b"]


def test_controls_of_what_never_was_are_empty():
    ledger = Ledger()

    assert ledger.orders_today(BTC, at(0)) == ledger.entries_today("trend", BTC, at(0)) == 0
    assert ledger.last_order_ns(BTC) is None
    assert ledger.recent_intents(0) == []


def test_ids_are_short_plain_and_never_repeat():
    told, seen = Told().say(began(1)), set()
    for boot in range(2, 40):
        for _ in range(40):
            order = told.ledger.next_client_order_id()
            seen.add(order)
            told.intend(order)
        told.say(began(boot))

    assert len(seen) == 38 * 40
    assert all(re.fullmatch("ck[0-9a-z]{1,30}", order) for order in seen)
    assert told.ledger.next_client_order_id() == "ck000013y503jp00000168"


def test_another_folder_of_the_same_account_gives_out_other_ids():
    runs = [replace(began(1), run_id=name) for name in ("0190-a", "0190-b")]

    assert len({Told().say(run).ledger.next_client_order_id() for run in runs}) == 2


def test_an_id_is_not_used_up_by_a_refusal():
    told = Told().say(began(1))
    order = told.ledger.next_client_order_id()

    told.say(f.OrderDenied(at(0), an_intent(), ("collar",)))

    assert told.ledger.next_client_order_id() == order


def test_a_run_with_an_old_boot_number_repeats_no_id():
    told = Told().say(began(3))
    first = told.ledger.next_client_order_id()

    told.intend(first).say(began(3))

    assert told.ledger.boot == 3
    assert told.ledger.next_client_order_id() != first
    assert told.ledger.contradictions == 1
    assert told.ledger.contradiction_notes == ["Run run-3 has boot 3, after boot 3"]


def busy() -> Told:
    """Return a ledger with something of everything."""
    told = Told().say(began(1)).open().trade("trend", 5).trade("grid", -2)
    told.work("z").work("b", signal="s").fill("b", 1, fee=Decimal("0.10")).cancel("b").ask_replace(
        12, 1, "z"
    )
    return told.say(
        f.TradingStateSet(at(0), "all", "reduce_only", "start"),
        f.LimitSet(at(0), "order_lots_max", Decimal("5.0")),
        f.SignalActed(at(0), "trend", "s"),
        f.FailureCounted(at(0), "trend/test", 1),
    )


def test_a_checkpoint_gives_the_same_ledger():
    ledger = busy().ledger

    again = Ledger.from_bytes(ledger.to_bytes())

    assert again.digest() == ledger.digest()
    assert list(again.orders) == list(ledger.orders)
    assert again.working() == ledger.working()


def test_a_copy_is_tried_without_a_trace():
    ledger = busy().say(a_fill("b", "known", instrument_id=BTC, side="buy")).ledger
    before = ledger.digest()

    copy = ledger.copied()

    assert copy.digest() == before
    copy.apply(a_fill("b", "known", instrument_id=BTC, side="buy"))
    assert copy.duplicate_fills == ledger.duplicate_fills + 1
    copy.apply(a_fill("b", "tried", instrument_id=BTC, side="buy"))
    assert copy.net_lots(BTC) != ledger.net_lots(BTC)
    assert ledger.digest() == before


def test_the_order_of_what_is_equal_does_not_matter():
    facts = [
        known(ETH),
        f.TradingStateSet(at(0), "venue:a", "halted", ""),
        f.TradingStateSet(at(0), "venue:b", "halted", ""),
        a_fill("a", "1", fee=Decimal("0.10")),
        a_fill("a", "2", fee=Decimal("0.200"), fee_currency="BNB"),
        f.SignalActed(at(0), "a", "1"),
        f.SignalActed(at(0), "b", "1"),
    ]
    one, other = Told().open().work().say(*facts), Told().open().work().say(*reversed(facts))

    assert one.ledger.digest() == other.ledger.digest()


@pytest.mark.parametrize(
    "data", [b"", b"\x00", msgspec.msgpack.encode({"version": VERSION, "boot": "x"})]
)
def test_what_is_no_checkpoint_is_refused(data: bytes):
    with pytest.raises(JournalNotOurs, match="not a checkpoint"):
        Ledger.from_bytes(data)


def test_a_checkpoint_of_another_version_is_refused():
    with pytest.raises(JournalNotOurs, match=f"version {VERSION + 1}"):
        Ledger.from_bytes(msgspec.msgpack.encode({"version": VERSION + 1}))


def test_processes_with_other_hash_seeds_agree():
    program = (
        "from tests.unit.engine.execution.test_ledger import busy; print(busy().ledger.digest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[4],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert digests == {busy().ledger.digest()}
