"""The exchange's own books: they are the truth, so they must add up to the last digit."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.fake.trading.account import Account, Execution
from engine.fake.trading.records import Side

NS = 1_700_000_000_000_000_000


def book(account: Account, side: Side, price: str, qty: str, fee: str = "0") -> Decimal:
    execution = Execution(
        order_id=1,
        client_order_id="a",
        symbol="BTCUSDT",
        side=side,
        price=Decimal(price),
        qty=Decimal(qty),
        fee=Decimal(fee),
        is_maker=False,
    )
    return account.book(execution, NS).realized


def test_profit_is_what_is_received_less_the_share_of_the_cost():
    account = Account("USDT", Decimal(1_000))
    book(account, "BUY", "100", "2")
    book(account, "BUY", "110", "2")

    realized = book(account, "SELL", "120", "1")

    assert realized == Decimal(15)
    assert account.position("BTCUSDT").entry_price == Decimal(105)
    assert account.cash == Decimal(1_015)


def test_a_trade_may_turn_a_position():
    account = Account("USDT", Decimal(1_000))
    book(account, "SELL", "100", "1")

    realized = book(account, "BUY", "90", "3")

    position = account.position("BTCUSDT")
    assert (realized, position.qty, position.entry_price) == (
        Decimal(10),
        Decimal(2),
        Decimal(90),
    )


def test_fees_and_profit_are_movements_with_numbers_of_their_own():
    account = Account("USDT", Decimal(1_000))
    book(account, "BUY", "100", "1", fee="0.05")
    book(account, "SELL", "101", "1", fee="0.0505")

    assert [(one.kind, one.amount) for one in account.income] == [
        ("COMMISSION", Decimal("-0.05")),
        ("REALIZED_PNL", Decimal(1)),
        ("COMMISSION", Decimal("-0.0505")),
    ]
    assert len({one.tran_id for one in account.income}) == 3
    assert account.total("COMMISSION") == Decimal("-0.1005")


fills = st.tuples(
    st.sampled_from(["BUY", "SELL"]),
    st.integers(1, 10**7),
    st.integers(1, 10**5),
    st.integers(-1_000, 1_000),
)


@given(st.lists(fills, max_size=30))
def test_when_flat_the_cash_is_exactly_what_was_received_less_what_was_paid(
    trades: list[tuple[Side, int, int, int]],
):
    account = Account("USDT", Decimal(1_000))
    flow = Decimal(1_000)
    net = 0
    for side, price, lots, fee in trades:
        sign = 1 if side == "BUY" else -1
        net += sign * lots
        paid = Decimal(fee).scaleb(-8)
        flow -= sign * Decimal(price).scaleb(-2) * Decimal(lots).scaleb(-3) + paid
        book(
            account, side, str(Decimal(price).scaleb(-2)), str(Decimal(lots).scaleb(-3)), str(paid)
        )
    if net:
        side = "SELL" if net > 0 else "BUY"
        flow += Decimal(net).scaleb(-3) * 50
        book(account, side, "50", str(abs(Decimal(net).scaleb(-3))))

    position = account.position("BTCUSDT")
    assert (position.qty, position.cost) == (Decimal(0), Decimal(0))
    assert account.cash == flow
    assert account.cash == 1_000 + sum((one.amount for one in account.income), Decimal(0))
