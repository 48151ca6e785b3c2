"""The money of the account."""

from decimal import Decimal

from engine.execution.ledger_account import DAY_NS, Account
from engine.execution.positions import Position, Steps
from engine.model import facts as f
from tests.builders import BTC, ETH, at
from tests.order_facts import Told, began, known

TODAY = at(0)
START = Decimal(1_000)


def an_account(quote: str = "", currency: str = "USDT") -> Account:
    """Return an account of 1,000 that knows the steps of BTC."""
    return Account(currency, START, steps={BTC: Steps(Decimal(1), Decimal("0.1"), quote)})


def long(lots: int = 10, price: int = 100, realised: int = 0) -> dict:
    return {BTC: Position(lots, lots * price, realised)}


def worth(account: Account, nets: dict | None = None, mark: str = "100", **rates: int):
    marks = {BTC: Decimal(mark)}
    return account.equity(nets or {}, marks, {name: Decimal(rate) for name, rate in rates.items()})


def test_an_account_begins_with_its_opening():
    assert worth(an_account()) == START
    assert an_account().balances({}) == {"USDT": START}


def test_profit_counts_realised_and_open():
    account = an_account()

    assert account.balances(long(realised=50)) == {"USDT": Decimal(1_005)}
    assert worth(account, long(realised=50), "103") == Decimal(1_008)


def test_fees_and_funding_are_paid_from_it():
    account = an_account()
    account.pay_fee("USDT", Decimal(3))
    account.pay_fee("USDT", Decimal("-0.5"))
    account.pay_funding(BTC, Decimal(2))
    account.pay_funding(BTC, Decimal("-0.25"))

    assert worth(account) == Decimal("995.75")


def test_a_missing_mark_makes_the_worth_unknown():
    assert an_account().equity(long(), {}, {}) is None
    assert worth(an_account(), long(), "NaN") is None


def test_what_is_closed_needs_no_mark():
    assert an_account().equity({BTC: Position(realised=50)}, {}, {}) == Decimal(1_005)


def test_unknown_steps_make_money_unknown():
    assert an_account().balances({ETH: Position(1, 1)}) is None
    assert worth(an_account(), {ETH: Position(1, 1)}) is None


def test_funding_of_unknown_steps_makes_money_unknown():
    account = an_account()
    account.pay_funding(ETH, Decimal(1))

    assert account.balances({}) is None


def test_an_account_that_never_opened_has_no_worth():
    assert worth(Account()) is None


def test_dollars_of_any_name_are_at_par():
    account = an_account(quote="USDC")

    assert account.balances(long(realised=50)) == {"USDT": START, "USDC": Decimal(5)}
    assert worth(account, long(realised=50), "101") == Decimal(1_006)


def test_fees_in_another_currency_are_kept_apart_unless_it_has_a_rate():
    account = an_account()
    account.pay_fee("BNB", Decimal("0.5"))
    account.pay_fee("USDC", Decimal(2))

    assert account.balances({}) == {
        "USDT": START,
        "BNB": Decimal("-0.5"),
        "USDC": Decimal(-2),
    }
    assert worth(account) == START - 2
    assert worth(account, BNB=600) == Decimal(698)


def test_profit_in_another_currency_needs_a_rate():
    account = an_account("EUR")

    assert worth(account, long(realised=50)) is None
    assert worth(account, long(realised=50), EUR=2) == Decimal(1_010)
    assert worth(account, long(lots=0)) == START


def test_funding_in_another_currency_needs_a_rate():
    account = an_account("EUR")
    account.pay_funding(BTC, Decimal(1))

    assert worth(account) is None


def test_another_account_currency_is_not_at_par_with_dollars():
    assert worth(an_account("USDT", currency="EUR"), long(realised=50)) is None


def test_the_first_mark_of_a_day_is_its_start():
    account = an_account()

    account.mark(TODAY, Decimal(100))
    account.mark(TODAY + 1, Decimal(90))
    assert account.start_of_day(TODAY) == 100
    assert account.start_of_day(TODAY + DAY_NS) is None

    account.mark(TODAY + DAY_NS, Decimal(80))
    assert account.start_of_day(TODAY + DAY_NS) == 80


def test_session_and_peak_follow_the_marks():
    account = an_account()

    for equity in (100, 120, 90):
        account.mark(TODAY, Decimal(equity))

    assert account.session_start == 100
    assert account.peak == 120


def test_money_put_in_is_no_profit_wherever_profit_is_told():
    account = an_account()
    account.mark(TODAY, Decimal(1_100))
    account.mark(TODAY, Decimal(1_050))

    account.move("USDC", Decimal(50))
    account.move("BNB", Decimal(7))

    assert worth(account) == START + 50
    assert {account.day_start, account.session_start, account.peak} == {Decimal(1_150)}


def test_money_put_in_before_the_account_was_valued_begins_nothing():
    account = Account("USDT")

    account.move("USDT", Decimal(50))

    assert account == Account("USDT")


def test_only_what_is_at_par_is_summed_up_as_profit_and_funding():
    told = Told().open().say(known(ETH, quote="BTC"))
    for name in (BTC, ETH):
        told.trade("grid", 2, 100, instrument_id=name).trade("grid", -2, 110, instrument_id=name)
        told.say(f.FundingPaid(told.ts_ns, name, Decimal("0.5")))

    assert told.ledger.settled_realised == 20
    assert told.ledger.settled_funding == Decimal("0.5")


def test_a_person_closes_the_net_and_a_strategy_its_own():
    ledger = Told().open().trade("grid", 5).trade("hand", -2).ledger

    assert ledger.closable_lots("hand", BTC) == 3
    assert ledger.closable_lots("grid", BTC) == 5


def test_a_day_of_a_clock_that_was_ahead_is_today_and_forgets_no_loss():
    told = Told().open("1000").say(f.EquityMarked(at(0) + 2 * DAY_NS, Decimal(1_100)))

    told.say(began(2, at(1)), f.EquityMarked(at(1), Decimal(900)))

    assert told.ledger.day_start_equity(at(5)) == 1_100
    told.say(f.EquityMarked(at(5) + DAY_NS, Decimal(800)))
    assert told.ledger.day_start_equity(at(5) + DAY_NS) == 800
