"""A day as its venue tells it: all of it or nothing, of the right account, changing nothing."""

from decimal import Decimal

import pytest

from engine.execution.day_books import Books
from engine.execution.ledger_account import DAY_NS
from engine.execution.positions import Steps
from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.hands import Hands
from engine.keys import account_name
from engine.model import facts as f
from engine.model.errors import ConfigError, VenueUnreachable
from engine.runtime.statement_report import JournalBooks
from engine.runtime.venue_day import require_same_account, statement_beside, venue_history
from engine.venues.trading import Credentials
from tests.builders import START_NS
from tests.unit.engine.runtime.gateway_desk import BTC, SYMBOL, VENUE, Desk, simulated

DAY = START_NS // DAY_NS
STEPS = {BTC: Steps(Decimal(1), Decimal(1), "USDT")}
CREDENTIALS = Credentials(TEST_KEY, TEST_SECRET)


def trade_a_little(desk: Desk) -> None:
    """Buy and pay, by hand at the venue."""
    hands, now_ns = Hands(desk.exchange), desk.clock.now_ns()
    hands.place(SYMBOL, "BUY", Decimal(2), now_ns)
    hands.fund(SYMBOL, Decimal("0.0001"), now_ns)
    hands.transfer(Decimal(-50), now_ns)


def test_a_day_is_told_with_fills_movements_and_the_cash_of_now():
    async def scenario(desk: Desk) -> None:
        trade_a_little(desk)

        history = await venue_history(desk.gateway._parts.ports, STEPS, DAY)

        [trade] = desk.exchange.account.trades
        [fill] = history.fills
        assert (fill.trade_id, fill.fee, fill.qty_lots) == (str(trade.trade_id), trade.fee, 2)
        assert [one.kind for one in history.cash] == ["funding", "transfer"]
        assert [one.amount for one in history.balances] == [desk.exchange.account.cash]
        assert {method for _, method, _ in desk.network.calls} == {"GET"}

    simulated(scenario)


def test_a_statement_is_equal_or_says_what_is_not():
    async def scenario(desk: Desk) -> None:
        books = Books()
        books.take(f.InstrumentKnown(START_NS, BTC, Decimal(1), Decimal(1), "USDT"))
        books.take(f.AccountOpened(START_NS, "USDT", desk.exchange.account.cash))
        trade_a_little(desk)

        checked = await statement_beside(JournalBooks(books, "me"), DAY, desk.gateway._parts.ports)

        assert checked.differences is not None
        assert not checked.is_equal
        kinds = sorted(one.partition(" ")[0] for one in checked.differences)
        assert kinds == ["cash", "fill", "funding", "transfer"]

    simulated(scenario)


def test_half_a_day_is_no_day():
    async def scenario(desk: Desk) -> None:
        desk.network.lost = "/fapi/v1/income"

        with pytest.raises(VenueUnreachable):
            await venue_history(desk.gateway._parts.ports, STEPS, DAY)

    simulated(scenario)


def test_a_key_of_another_account_is_refused():
    own = f"{VENUE}/{account_name(CREDENTIALS)}"

    require_same_account(VENUE, CREDENTIALS, own)

    with pytest.raises(ConfigError, match=f"the key is of {own}, and the journal is of {VENUE}/x"):
        require_same_account(VENUE, CREDENTIALS, f"{VENUE}/x")
    with pytest.raises(ConfigError) as caught:
        require_same_account(VENUE, CREDENTIALS, "")
    assert TEST_KEY not in str(caught.value)
