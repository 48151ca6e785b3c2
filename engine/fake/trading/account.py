"""The account's own ledger: cash, positions, trades and every movement of money, exactly.

It is the truth by which an engine is judged: it hears of nothing but what happened at the venue.
"""

from decimal import Decimal

import msgspec

from engine.fake.trading.answers import money
from engine.fake.trading.history import History
from engine.fake.trading.records import ZERO, Income, Position, Side, VenueTrade
from engine.model.numbers import NS_PER_MS


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """What was executed of an order, before it is booked."""

    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    is_maker: bool


class Account:
    """Cash in one currency and net positions.

    Realised profit is what a closing trade receives less the part of the cost that it closes; that
    part is rounded to eight places and the rest is kept, so that the sums are exact when flat.

    Args:
        asset: The currency.
        cash: What it begins with; no movement tells of it.
    """

    def __init__(self, asset: str, cash: Decimal) -> None:
        self.asset = asset
        self.cash_at_start = cash
        self.cash = cash
        self.trades: list[VenueTrade] = []
        """Every fill, in order."""
        self.income: list[Income] = []
        """Every movement of cash, in order."""
        self._positions: History[str, Position] = History(lambda position: not position.qty)
        self._cash: History[str, Decimal] = History(lambda _cash: False)
        self._cash.put(asset, cash, 0)
        self._next_trade_id = 5_000_000_001
        self._next_tran_id = 9_000_000_001

    def position(self, symbol: str) -> Position:
        """Return a symbol's position, flat where there never was one."""
        return self._positions.get(symbol) or Position(symbol)

    def positions(self) -> list[Position]:
        """Return every position that there is or was, in the order of their first trades."""
        return list(self._positions.newest())

    def positions_at(self, as_of_ns: int) -> list[Position]:
        """Return the positions as they were at a moment."""
        return list(self._positions.all_at(as_of_ns))

    def cash_changed_ns(self, as_of_ns: int) -> int:
        """Return when the cash had changed last, as of a moment."""
        return self._cash.changed_ns(self.asset, as_of_ns)

    def cash_at(self, as_of_ns: int) -> Decimal:
        """Return the cash as it was at a moment."""
        cash = self._cash.at(self.asset, as_of_ns)
        return self.cash_at_start if cash is None else cash

    def total(self, kind: str, symbol: str = "") -> Decimal:
        """Return the sum of one kind of movements, of one symbol or of all."""
        amounts = (
            one.amount for one in self.income if one.kind == kind and symbol in {"", one.symbol}
        )
        return sum(amounts, ZERO)

    def book(self, execution: Execution, now_ns: int) -> VenueTrade:
        """Take in a fill: position, profit and fee."""
        signed = execution.qty if execution.side == "BUY" else -execution.qty
        realized = self._move(execution.symbol, signed, execution.price, now_ns)
        trade = VenueTrade(
            trade_id=self._next_trade_id,
            order_id=execution.order_id,
            client_order_id=execution.client_order_id,
            symbol=execution.symbol,
            side=execution.side,
            price=execution.price,
            qty=execution.qty,
            fee=money(execution.fee),
            realized=realized,
            time_ms=now_ns // NS_PER_MS,
            booked_ns=now_ns,
            is_maker=execution.is_maker,
            asset=self.asset,
        )
        self._next_trade_id += 1
        self.trades.append(trade)
        number = str(trade.trade_id)
        if realized:
            self.move_cash("REALIZED_PNL", realized, now_ns, trade.symbol, number)
        if trade.fee:
            self.move_cash("COMMISSION", -trade.fee, now_ns, trade.symbol, number)
        return trade

    def move_cash(
        self, kind: str, amount: Decimal, now_ns: int, symbol: str = "", trade_id: str = ""
    ) -> Income:
        """Take in a movement of money; received when positive."""
        self.cash += amount
        self._cash.put(self.asset, self.cash, now_ns)
        income = Income(
            tran_id=self._next_tran_id,
            kind=kind,
            amount=amount,
            time_ms=now_ns // NS_PER_MS,
            booked_ns=now_ns,
            asset=self.asset,
            symbol=symbol,
            trade_id=trade_id,
        )
        self._next_tran_id += 1
        self.income.append(income)
        return income

    def _move(self, symbol: str, signed: Decimal, price: Decimal, now_ns: int) -> Decimal:
        """Change a position; return what was realised."""
        before = self.position(symbol)
        closed = ZERO
        if before.qty * signed < 0:
            closed = -signed if abs(signed) <= abs(before.qty) else before.qty
        closed_cost = ZERO
        if closed:
            closed_cost = before.cost
            if closed != before.qty:
                closed_cost = money(before.cost * closed / before.qty)
        opened = signed + closed
        qty = before.qty + signed
        cost = before.cost - closed_cost + opened * price
        self._positions.put(symbol, Position(symbol, qty, cost, now_ns // NS_PER_MS), now_ns)
        return money(closed * price - closed_cost)
