"""What the books note of each fact: what the ledger counts, once, with its owner and its time."""

from decimal import Decimal

from engine.execution.day_books import Books
from engine.execution.ledger import Ledger
from engine.model import facts as f
from engine.model.orders import EXTERNAL, HAND
from tests.builders import BTC, ETH, at
from tests.order_facts import Told, a_fill, an_intent, known


class Clerk(Told):
    """Books told in short words."""

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()

    def say(self, *facts: f.Fact) -> "Clerk":
        """Tell the books."""
        for fact in facts:
            self.books.take(fact)
        return self


def opened(equity: str = "100000") -> Clerk:
    clerk = Clerk()
    clerk.open(equity)
    return clerk


def test_a_fill_is_noted_in_money_with_who_wanted_it_and_why():
    clerk = opened()
    clerk.say(known(ETH, "0.5", "0.01"))
    clerk.work("e", instrument_id=ETH, owner="trend", signal="eth 12:00")

    clerk.fill("e", 4, 101, instrument_id=ETH, fee=Decimal("0.02"), fee_currency="BNB")

    [deal] = clerk.books.deals
    fill = deal.fill
    assert fill is not None
    assert (fill.price, fill.qty) == (Decimal("50.5"), Decimal("0.04"))
    assert (fill.fee, fill.fee_currency, fill.currency) == (Decimal("0.02"), "BNB", "USDT")
    assert (fill.owner, fill.signal) == ("trend", "eth 12:00")
    assert (deal.qty, deal.value) == (Decimal("0.04"), Decimal("2.02"))


def test_a_fill_that_is_told_twice_is_noted_once():
    clerk = opened()
    clerk.work()

    clerk.fill(trade="t1").fill(trade="t1")

    assert len(clerk.books.deals) == 1
    assert clerk.books.ledger.duplicate_fills == 1


def test_what_cannot_be_booked_is_not_noted():
    clerk = opened()

    clerk.say(a_fill("stranger"), a_fill("a", lots=0, instrument_id=BTC, side="buy"))

    assert clerk.books.deals == []
    assert clerk.books.ledger.contradictions == 2


def test_a_fill_of_an_order_made_elsewhere_belongs_to_nobody_here():
    clerk = opened()

    clerk.say(a_fill("web_1", instrument_id=BTC, side="sell"))

    [deal] = clerk.books.deals
    assert deal.fill is not None
    assert (deal.fill.owner, deal.fill.signal, deal.qty) == (EXTERNAL, "", Decimal(-4))


def test_a_fee_that_cannot_be_is_not_noted_as_paid():
    clerk = opened()
    clerk.work()

    clerk.fill(fee=Decimal("NaN"))

    [deal] = clerk.books.deals
    assert deal.fill is not None
    assert deal.fill.fee == 0


def test_a_fill_without_steps_is_said_to_be_without_value():
    books = Books()

    books.take(a_fill("web_1", instrument_id=ETH, side="sell", ts_ns=at(5)))

    assert books.deals == []
    assert books.remarks == [(at(5), f"fill t1 of {ETH}, whose steps nobody said, is not valued")]


def test_a_close_by_hand_of_what_strategies_hold_realises_for_them():
    clerk = opened()
    clerk.trade("grid", 2, 100).trade("trend", 2, 110)

    clerk.trade(HAND, -4, 120, is_reduce_only=True)

    assert clerk.books.deals[-1].brought == (("grid", Decimal(40)), ("trend", Decimal(20)))


def test_funding_is_noted_once_and_by_the_clock_of_the_venue():
    clerk = opened()
    paid = f.FundingPaid(at(9), BTC, Decimal(2), "m1", venue_ns=at(3))

    clerk.say(paid, paid, f.FundingPaid(at(9), BTC, Decimal(-1)))
    clerk.say(f.FundingPaid(at(9), BTC, Decimal("NaN")))

    told = [(one.ts_ns, one.kind, one.amount, one.currency) for one in clerk.books.movements[1:]]
    assert told == [
        (at(3), "funding", Decimal(-2), "USDT"),
        (at(9), "funding", Decimal(1), "USDT"),
    ]


def test_funding_of_an_instrument_without_steps_is_in_the_currency_of_the_account():
    clerk = opened()

    clerk.say(f.FundingPaid(at(9), ETH, Decimal(2)))

    assert clerk.books.movements[-1].currency == "USDT"


def test_money_that_moved_is_noted_once_whatever_its_kind():
    clerk = opened()
    kinds = ("transfer", "other", "funding", "welcome bonus")
    moved = [f.CashMoved(at(9), f"m{kind}", kind, "BNB", Decimal(5)) for kind in kinds]

    clerk.say(*moved, *moved, f.CashMoved(at(9), "bad", "other", "BNB", Decimal("NaN")))

    told = [(one.kind, one.currency, one.amount) for one in clerk.books.movements[1:]]
    assert told == [(kind, "BNB", Decimal(5)) for kind in ("transfer", "other", "funding", "other")]


def test_the_account_is_opened_once():
    clerk = opened("100")

    clerk.say(f.AccountOpened(at(50), "USDT", Decimal(100)))

    assert [one.kind for one in clerk.books.movements] == ["opening"]
    assert clerk.books.opened_ns == at(1)


def test_an_account_that_cannot_begin_so_is_not_noted():
    books = Books()

    books.take(f.AccountOpened(at(1), "USDT", Decimal("NaN")))

    assert (books.movements, books.opened_ns) == ([], 0)


def test_a_position_that_is_taken_over_changes_the_net_without_a_fill():
    clerk = opened()

    clerk.say(f.PositionAdopted(at(2), BTC, 3, Decimal("99.5")))
    clerk.say(f.PositionAdopted(at(3), BTC, 0, Decimal("99.5")))

    [deal] = clerk.books.deals
    assert (deal.fill, deal.qty, deal.value) == (None, Decimal(3), Decimal("298.5"))


def test_a_fill_that_a_position_taken_over_has_is_remarked_and_no_deal():
    clerk = opened()

    clerk.say(f.PositionAdopted(at(9), BTC, 3, Decimal("99.5"), until_ns=at(5)))
    clerk.say(a_fill("web_1", ts_ns=at(5), instrument_id=BTC, side="buy"))

    assert len(clerk.books.deals) == 1
    assert "part of a position" in clerk.books.remarks[-1][1]


def test_a_fill_of_ours_that_a_position_taken_over_has_costs_its_fee_all_the_same():
    clerk = opened()
    clerk.work()
    clerk.say(f.AccountConfirmed(at(0), at(0)))
    clerk.say(f.PositionAdopted(at(9), BTC, 4, Decimal(100), until_ns=at(5)))

    clerk.say(a_fill(ts_ns=at(5), fee=Decimal("0.5")))

    [_, deal] = clerk.books.deals
    assert (deal.qty, deal.value, deal.brought) == (Decimal(0), Decimal(0), ())
    assert deal.fill is not None
    assert (deal.fill.qty, deal.fill.fee) == (Decimal(4), Decimal("0.5"))
    assert clerk.books.ledger.settled_fees == Decimal("0.5")
    assert "part of a position" in clerk.books.remarks[-1][1]


def test_a_fill_made_elsewhere_in_a_position_taken_later_costs_its_fee_and_moves_nothing():
    clerk = opened()
    clerk.say(f.AccountConfirmed(at(0), at(0)))
    clerk.say(f.PositionAdopted(at(9), BTC, 3, Decimal("99.5"), until_ns=at(5)))

    fill = a_fill("web_1", ts_ns=at(5), instrument_id=BTC, side="buy", fee=Decimal("0.5"))
    clerk.say(fill)

    [_, deal] = clerk.books.deals
    assert (deal.qty, deal.value, deal.brought) == (Decimal(0), Decimal(0), ())
    assert deal.fill is not None
    assert (deal.fill.owner, deal.fill.fee) == (EXTERNAL, Decimal("0.5"))
    assert clerk.books.ledger.settled_fees == Decimal("0.5")


def test_a_difference_that_a_report_showed_is_kept_with_its_time():
    clerk = opened()

    clerk.say(f.BalanceDiffered(at(7), "USDT", Decimal("9.50"), Decimal(10)))

    [(ts_ns, text)] = clerk.books.remarks
    assert ts_ns == at(7)
    assert text == "cash in USDT: our facts made 9.50, the venue showed 10"


def test_books_go_on_from_a_ledger_whose_beginning_is_lost():
    old = opened("1000")
    old.trade(HAND, 4, 100)
    old.say(known(ETH, quote="EURI"), a_fill("x", "t9", 1, 7, instrument_id=ETH, side="buy"))
    ledger = Ledger.from_bytes(old.books.ledger.to_bytes())
    books = Books()

    books.begin_with(ledger, at(100))

    told = {one.currency: one.amount for one in books.movements}
    assert told == {"USDT": Decimal(1000), "EURI": Decimal(0)}
    assert [(deal.qty, deal.value) for deal in books.deals] == [
        (Decimal(4), Decimal(400)),
        (Decimal(1), Decimal(7)),
    ]
    assert "older runs are not here" in books.remarks[0][1]


def test_an_order_that_was_never_filled_leaves_nothing():
    clerk = opened()

    clerk.say(f.OrderIntended(at(1), "a", an_intent(), 7)).cancel()

    assert clerk.books.deals == []
