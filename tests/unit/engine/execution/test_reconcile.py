"""What a venue's words mean beside the ledger."""

from decimal import Decimal

import msgspec
import pytest

from engine.execution.reconcile import (
    SETTLED_NS,
    adoption,
    cash_facts,
    cost_apart,
    differences,
    doubtful,
    free_margin_share,
    missing_fills,
    moved_ns,
    name_of,
    news_of,
    opening,
    others_engines,
    strangers,
    unclear,
    venue_cash,
)
from engine.model import account as a
from engine.model import facts as f
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import HAND
from tests.builders import BTC, ETH, at
from tests.order_facts import Told, a_fill

CASH = Decimal(1_000)


def told(state: str = "open", lots: int = 10) -> Told:
    """Return a ledger with one order to buy at 100 in this state."""
    ledger = Told().open().intend(lots=lots).send()
    if state not in ("sent", "unknown"):
        ledger.ack()
    changes: dict[str, f.Fact] = {
        "unknown": f.OrderUnknown(at(9), "a", "no answer"),
        "pending_cancel": f.CancelRequested(at(9), "a"),
        "pending_replace": f.ReplaceRequested(at(9), "a", PriceTicks(101), QtyLots(12)),
        "canceled": f.OrderCanceled(at(9), "a", "asked"),
    }
    return ledger.say(changes[state]) if state in changes else ledger


def seen(state: str = "open", lots: int = 10, filled: int = 0, **changed) -> a.OrderSeen:
    fields: dict = {
        "state": state,
        "qty_lots": lots,
        "filled_lots": filled,
        "client_order_id": "a",
        "venue_order_id": "v",
        "instrument_id": BTC,
        "side": "buy",
        "type": "limit",
        "limit_ticks": 100,
    }
    return a.OrderSeen(**(fields | changed))


def held(lots: int, price: str = "100", instrument_id=BTC) -> a.PositionSeen:
    return a.PositionSeen(instrument_id, lots, Decimal(price))


def a_report(*orders: a.OrderSeen, **changed) -> a.AccountReported:
    fields: dict = {"fills": (), "positions": (), "balances": (a.BalanceSeen("USDT", CASH),)}
    return a.AccountReported(1, at(60_000), 0, orders, **(fields | changed))


def kinds(events) -> list[str]:
    return [type(event).__name__ for event in events]


def after(ledger: Told, order: a.OrderSeen) -> str:
    """Tell what follows from an order as it is shown, and return its state."""
    ledger.say(*news_of(ledger.order(), order, at(99)))
    assert ledger.ledger.contradictions == 0
    return ledger.order().state


# One order.


@pytest.mark.parametrize("state", ["sent", "unknown", "open", "pending_cancel", "pending_replace"])
@pytest.mark.parametrize("end", ["canceled", "expired"])
def test_an_end_is_an_end_from_any_state(state: str, end: str):
    assert after(told(state), seen(end)) == end


@pytest.mark.parametrize("state", ["sent", "unknown", "pending_cancel"])
def test_a_refusal_is_one_where_the_venue_has_confirmed_nothing(state: str):
    assert after(told(state), seen("rejected", reason="no margin")) == "rejected"


@pytest.mark.parametrize(
    ("state", "news"),
    [
        ("sent", ["OrderAcked"]),
        ("unknown", ["OrderAcked"]),
        ("open", []),
        ("pending_cancel", []),
        ("pending_replace", ["ReplaceRejected", "OrderAcked"]),
        ("canceled", []),
    ],
)
def test_an_order_that_works_as_we_know_it_is_confirmed_where_it_was_not(state: str, news: list):
    ledger = told(state)

    assert kinds(news_of(ledger.order(), seen(), at(99))) == news


@pytest.mark.parametrize("state", ["sent", "unknown", "open", "pending_replace"])
def test_an_order_that_works_at_other_terms_has_them(state: str):
    ledger = told(state)

    assert after(ledger, seen(lots=12, limit_ticks=101)) == "open"

    assert (ledger.order().spec.limit_ticks, ledger.order().size_lots) == (101, 12)


def test_an_order_without_a_limit_keeps_its_terms():
    ledger = Told().open().intend(price=None, type="stop", trigger_ticks=90).send()

    assert after(ledger, seen(lots=7, type="stop", limit_ticks=None)) == "open"


@pytest.mark.parametrize("state", ["open", "pending_replace"])
def test_an_order_that_is_filled_ends_with_its_fills(state: str):
    ledger = told(state)
    ledger.say(a_fill(lots=10))

    assert after(ledger, seen("filled", filled=10)) == "filled"


def test_an_order_that_was_made_smaller_and_is_filled_ends():
    ledger = told().say(a_fill(lots=6))
    assert after(ledger, seen("filled", lots=6, filled=6)) == "filled"

    clipped = Told().open().intend(price=None, type="stop", trigger_ticks=90).send().ack()
    clipped.say(a_fill(lots=6))
    assert after(clipped, seen("filled", lots=6, filled=6, limit_ticks=None)) == "expired"


def test_an_order_of_a_venue_that_tells_no_id_is_called_by_the_venues():
    assert name_of(seen()) == "a"
    assert name_of(seen(client_order_id="")) == "#v"


# A whole report.


def test_fills_are_missing_once_and_in_order_of_time():
    ledger = told().say(a_fill(trade="t1")).ledger
    late = a_fill(trade="t2", ts_ns=at(5))
    early = a_fill(trade="t3", ts_ns=at(4))

    assert missing_fills(ledger, [a_fill(trade="t1"), late, early, late]) == [early, late]


def test_money_that_moved_is_funding_of_an_instrument_or_no_profit_at_all():
    ledger = told()
    funding = a.CashSeen(at(0), "1", "funding", "USDT", Decimal(-2), BTC)
    others = [
        a.CashSeen(at(0), "1", "transfer", "USDT", Decimal(5)),
        a.CashSeen(at(0), "2", "funding", "BNB", Decimal(1), BTC),
        a.CashSeen(at(0), "3", "funding", "USDT", Decimal(1), ETH),
        a.CashSeen(at(0), "4", "funding", "USDT", Decimal(1)),
    ]

    facts = cash_facts(ledger.ledger, [funding, *others], at(9))

    assert facts[0] == f.FundingPaid(at(9), BTC, Decimal(2), "1", at(0))
    assert kinds(facts[1:]) == ["CashMoved"] * 4
    ledger.say(*facts)
    assert cash_facts(ledger.ledger, [funding, *others], at(9)) == []
    assert ledger.ledger.settled_cash == 100_000 - 2 + 5 + 1 + 1


def test_only_orders_that_work_and_are_not_known_are_strangers():
    orders = [
        seen(),
        seen("partial", client_order_id="b", filled=4),
        seen("canceled", client_order_id="c"),
        seen("open", client_order_id="d", filled=10),
    ]

    (fact,) = strangers(told().ledger, a_report(*orders), at(9))

    assert (fact.client_order_id, fact.intent.owner, fact.filled_lots) == ("b", "external", 4)


OLD_NS = at(60_000) - SETTLED_NS - 1


@pytest.mark.parametrize(
    ("state", "shown", "is_doubtful"),
    [
        ("open", [], True),
        ("open", [seen()], False),
        ("open", [seen(filled=1)], True),
        ("open", [seen(lots=11)], True),
        ("open", [seen("canceled")], True),
        ("unknown", [seen()], True),
        ("canceled", [seen()], True),
        ("canceled", [], False),
    ],
)
def test_what_is_shown_otherwise_is_asked_for(state: str, shown: list, is_doubtful: bool):
    ledger, report = told(state).ledger, a_report(*shown)

    assert doubtful(ledger, report, {"a": OLD_NS}) == ["a"] * is_doubtful
    assert doubtful(ledger, report, {"a": OLD_NS + 1}) == []
    assert doubtful(ledger, report, {}) == []


def test_an_order_made_elsewhere_that_is_counted_otherwise_is_asked_for():
    ledger = Told().open().say(*strangers(Told().ledger, a_report(seen(filled=4)), at(0)))

    for filled, found in ((3, ["a"]), (4, []), (5, ["a"])):
        assert doubtful(ledger.ledger, a_report(seen(filled=filled)), {"a": OLD_NS}) == found


def test_positions_are_compared_with_what_is_held_and_with_what_is_shown():
    ledger = told().say(a_fill(lots=4)).ledger

    assert differences(ledger, [held(4)]) == {}
    assert differences(ledger, []) == {BTC: held(0, "0")}
    assert differences(ledger, [held(4), held(1, instrument_id=ETH)]) == {
        ETH: held(1, instrument_id=ETH)
    }


@pytest.mark.parametrize(
    ("lots", "price"), [(6, "115"), (2, "100"), (0, "100"), (-3, "105")], ids=str
)
def test_what_adds_makes_the_average_the_venues_and_what_closes_has_ours(lots: int, price: str):
    ledger = told().say(a_fill(lots=4)).ledger

    fact = adoption(ledger, held(lots, "105"), at(9))

    assert fact == f.PositionAdopted(at(9), BTC, lots - 4, Decimal(price))


@pytest.mark.parametrize("average", ["10", "NaN"])
def test_an_average_that_cannot_come_of_what_we_know_is_taken_as_it_is(average: str):
    ledger = told().say(a_fill(lots=4)).ledger

    fact = adoption(ledger, held(5, average), at(9))

    assert fact == (None if average == "NaN" else f.PositionAdopted(at(9), BTC, 1, Decimal(10)))


@pytest.mark.parametrize(
    "position", [held(1, instrument_id=ETH), held(1, "NaN"), held(1, "-1")], ids=str
)
def test_what_nothing_values_is_not_adopted(position: a.PositionSeen):
    assert adoption(told().ledger, position, at(9)) is None


def test_cash_is_what_is_in_dollars_of_any_name():
    balances = [a.BalanceSeen(name, Decimal(2)) for name in ("USDT", "USDC", "BNB")]

    assert venue_cash(told().ledger, balances) == 4


def test_a_smaller_position_is_taken_over_at_an_average_that_has_no_end():
    ledger = told().trade(HAND, 1, 100).trade(HAND, 2, 101).ledger

    fact = adoption(ledger, held(1), at(9))

    assert fact is not None
    assert (fact.lots, fact.price) == (-2, Decimal("100.66666667"))


def test_an_account_opens_so_that_its_cash_is_the_venues():
    ledger = Told().say(f.InstrumentKnown(at(0), BTC, Decimal("0.1"), Decimal("0.01"), "USDT"))
    stranger = a_fill("web", "t1", 3, 1_000, fee=Decimal("0.5"), instrument_id=BTC, side="buy")
    report = a_report(
        fills=(stranger,),
        positions=(held(5, "100.123"), held(2, instrument_id=ETH)),
        cash=(a.CashSeen(at(0), "1", "transfer", "USDT", Decimal(7)),),
    )

    ledger.say(*opening(ledger.ledger, report, "USDT", at(9)))

    assert ledger.ledger.booked_cash == CASH
    assert ledger.ledger.net_lots(BTC) == 5
    assert ledger.ledger.net_lots(ETH) == 0
    assert missing_fills(ledger.ledger, report.fills) == []


def test_what_came_before_the_opening_is_never_counted_again():
    ledger = Told().say(f.InstrumentKnown(at(0), BTC, Decimal(1), Decimal(1), "USDT"))
    report = msgspec.structs.replace(a_report(), since_ns=at(5))
    ledger.say(*opening(ledger.ledger, report, "USDT", at(9)))
    fills = [
        a_fill("web", f"t{ms}", 2, ts_ns=at(ms), instrument_id=BTC, side="buy") for ms in (4, 5)
    ]
    moved = [a.CashSeen(at(ms), f"{ms}", "transfer", "USDT", Decimal(7)) for ms in (4, 5)]

    assert missing_fills(ledger.ledger, fills) == fills[1:]
    assert [one.movement_id for one in cash_facts(ledger.ledger, moved, at(9))] == ["5"]


@pytest.mark.parametrize("as_of_s", [5, 7])
def test_an_account_opens_with_what_its_positions_cost_the_venue(as_of_s: int):
    """Ten lots at 90 are older than what is listed: two more at 102, and perhaps three at 100."""
    early = a_fill("web", "t1", 2, 102, ts_ns=at(3), instrument_id=BTC, side="buy")
    late = a_fill("web", "t2", 3, ts_ns=at(6), instrument_id=BTC, side="buy")
    shown = held(12, "92") if as_of_s < 6 else held(15, "93.6")
    shown = msgspec.structs.replace(shown, updated_ns=at(as_of_s))
    other = a_fill("web", "t3", 1, ts_ns=at(8), instrument_id=ETH, side="buy")
    ledger = Told()
    for name in (BTC, ETH):
        ledger.say(f.InstrumentKnown(at(0), name, Decimal(1), Decimal(1), "USDT"))

    report = a_report(fills=(early, late, other), positions=(shown, held(1, instrument_id=ETH)))
    ledger.say(*opening(ledger.ledger, report, "USDT", at(9)))

    holding = ledger.ledger.holding(BTC)
    assert holding is not None
    assert (holding.qty, holding.cost) == (Decimal(15), Decimal(1_404))
    assert not holding.realised


def test_an_account_opens_with_the_cash_that_is_right_once_its_positions_are_closed():
    """The sale was told before a buy that came earlier: it realised more here than at the venue."""
    first = a_fill("web", "t1", 10, 110, ts_ns=at(1), instrument_id=BTC, side="buy")
    ledger = Told().say(f.InstrumentKnown(at(0), BTC, Decimal(1), Decimal(1), "USDT"))
    ledger.say(a_fill("web", "t2", 10, 100, ts_ns=at(2), instrument_id=BTC, side="buy"))
    ledger.say(a_fill("web", "t3", 4, 115, ts_ns=at(3), instrument_id=BTC, side="sell"))
    report = a_report(fills=(first,), positions=(held(16, "105"),))

    ledger.say(*opening(ledger.ledger, report, "USDT", at(9)))

    assert ledger.ledger.booked_cash == CASH + 4 * (105 - 100)
    ledger.say(a_fill("web", "t4", 16, 105, ts_ns=at(10), instrument_id=BTC, side="sell"))
    assert ledger.ledger.booked_cash == CASH


def test_only_positions_that_both_have_can_cost_the_venue_another_amount():
    ledger = told().trade(HAND, 4, 100).ledger

    assert cost_apart(ledger, [held(4, "102")]) == 8
    assert cost_apart(ledger, [held(5, "102"), held(1, instrument_id=ETH)]) == 0


def test_what_positions_cost_in_another_currency_is_no_cash_of_the_account():
    bought = a_fill("web", "t1", 1_000, 40, ts_ns=at(1), instrument_id=ETH, side="buy")
    ledger = Told().say(f.InstrumentKnown(at(0), ETH, Decimal("0.001"), Decimal(1), "BTC"))
    report = a_report(fills=(bought,), positions=(held(1_000, "0.039", instrument_id=ETH),))

    ledger.say(*opening(ledger.ledger, report, "USDT", at(9)))

    assert ledger.ledger.booked_cash == CASH


@pytest.mark.parametrize("as_of_s", [3, 5, 7])
def test_an_account_opens_by_copies_of_different_ages_and_counts_no_fill_twice(as_of_s: int):
    """The position has the fills of up to its own time; those that are listed may be others."""
    early = a_fill("web", "t1", 2, ts_ns=at(3), instrument_id=BTC, side="buy")
    late = a_fill("web", "t2", 3, ts_ns=at(6), instrument_id=BTC, side="buy")
    shown = held(10 + (2 if as_of_s >= 3 else 0) + (3 if as_of_s >= 6 else 0))
    shown = msgspec.structs.replace(shown, updated_ns=at(as_of_s))
    for listed in ((), (early,), (early, late)):
        ledger = Told().say(f.InstrumentKnown(at(0), BTC, Decimal("0.1"), Decimal(1), "USDT"))
        report = a_report(fills=listed, positions=(shown,))

        ledger.say(*opening(ledger.ledger, report, "USDT", at(9)))
        ledger.say(early, late)

        assert ledger.ledger.net_lots(BTC) == 15


@pytest.mark.parametrize(
    ("told", "share"),
    [
        ([], None),
        ([(None, None)], None),
        ([(100, 40)], "0.4"),
        ([(100, 40), (10, 1)], "0.1"),
        ([(100, 40), (None, 5)], None),
        ([(100, -3)], "0"),
        ([(0, 5)], "0"),
        ([(-7, 5)], "0"),
    ],
)
def test_margin_is_as_free_as_in_the_currency_where_it_is_least(
    told: list[tuple[int | None, int | None]], share: str | None
):
    def money(amount: int | None) -> Decimal | None:
        return None if amount is None else Decimal(amount)

    balances = [
        a.BalanceSeen("USDT", Decimal(1), money(margin), money(free)) for margin, free in told
    ]

    assert free_margin_share(balances) == (None if share is None else Decimal(share))


def test_working_orders_with_an_engines_ids_are_ours_or_another_engines():
    ours = Told().say(f.RunBegan(at(0), "run", "v", 1, "")).ledger.next_client_order_id()
    other = f"{ours[:-1]}9"
    elsewhere = ("web_1", f"{other}0", f"xx{other[2:]}", other.upper(), "")
    ledger = Told().intend(ours).ledger
    orders = [seen(client_order_id=cid) for cid in (ours, other, *elsewhere)]
    gone = seen("canceled", client_order_id=f"{ours[:-1]}8")

    assert others_engines(ledger, a_report(*orders, gone)) == (other,)

    for fact in strangers(ledger, a_report(*orders), at(9)):
        ledger.apply(fact)
    assert others_engines(ledger, a_report(*orders)) == (other,)


def test_a_listed_order_that_is_unclear_is_there():
    ledger = told().ledger
    ours, web = seen("unclear"), seen("unclear", client_order_id="web_1")
    engine = seen("unclear", client_order_id="ck" + "0" * 20)

    listed = a_report(ours, web, engine)

    assert news_of(ledger.orders["a"], ours, at(20)) == ()
    assert [fact.client_order_id for fact in strangers(ledger, listed, at(20))] == [
        "web_1",
        engine.client_order_id,
    ]
    assert others_engines(ledger, listed) == (engine.client_order_id,)
    assert doubtful(ledger, listed, {"a": at(0)}) == []
    assert unclear(a_report(seen(), web)) == (web,)


def test_the_newest_thing_that_moved_money_is_of_fills_movements_and_positions():
    fill = msgspec.structs.replace(a_fill("a", trade="t1"), ts_ns=at(3))
    cash = a.CashSeen(at(2), "m1", "funding", "USDT", Decimal(1))
    held = a.PositionSeen(BTC, 1, Decimal(100), updated_ns=at(4))

    assert moved_ns(a_report(balances=())) == 0
    assert moved_ns(a_report(balances=(a.BalanceSeen("USDT", CASH, updated_ns=at(5)),))) == at(5)
    assert moved_ns(a_report(fills=(fill,), cash=(cash,))) == at(3)
    assert moved_ns(a_report(cash=(cash,), positions=(held,))) == at(4)
