"""Requests about the whole account, and what their answers show."""

from typing import Final

import msgspec

from engine.model.account import OrderSeen, RightsSeen
from engine.model.instrument import instrument_id
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.venues.binance import account_rows as rows
from engine.venues.binance.fill_pages import WINDOW_MS, time_span, window
from engine.venues.binance.order_names import OrderNames
from engine.venues.binance.private_json import strictly
from engine.venues.binance.steps import Listing, amount
from engine.venues.binance.trade_payloads import (
    AlgoAnswer,
    BalanceRow,
    IncomeRow,
    OrderAnswer,
    PositionRow,
    Restrictions,
)
from engine.venues.scaling import require
from engine.venues.trading import Purpose, TradeAnswer, TradeRequest

OPEN_ORDERS: Final = "/fapi/v1/openOrders"
OPEN_ALGO_ORDERS: Final = "/fapi/v1/openAlgoOrders"
POSITIONS: Final = "/fapi/v3/positionRisk"
BALANCES: Final = "/fapi/v3/balance"
INCOME: Final = "/fapi/v1/income"
RESTRICTIONS: Final = "/sapi/v1/account/apiRestrictions"

OPEN_ORDERS_WEIGHT: Final = 40
"""Of all instruments at once: orders made elsewhere may be of any."""

POSITIONS_WEIGHT: Final = 5
BALANCES_WEIGHT: Final = 5
INCOME_WEIGHT: Final = 30
INCOME_ROWS: Final = 1_000

HISTORY_NS: Final = 89 * 86_400 * NS_PER_S
"""The venue keeps fills and income of three months and tells nothing older."""


class IncomePage(msgspec.Struct, frozen=True):
    """Which page of the income of which time; it travels with its request.

    Pages are numbered within time windows, as short as those of fills: how long one may be is not
    documented.
    """

    start_ms: int
    until_ms: int
    number: int = 1

    def request(self) -> TradeRequest:
        """Return its request."""
        params = (
            *time_span(self.start_ms, self.until_ms),
            ("page", str(self.number)),
            ("limit", str(INCOME_ROWS)),
        )
        return TradeRequest(
            "cash",
            "GET",
            INCOME,
            params,
            weight=INCOME_WEIGHT,
            is_read=True,
            context=msgspec.json.encode(self).decode(),
        )

    def after(self, count: int) -> "IncomePage | None":
        """Return the page after one with so many rows; None where that was the last."""
        if count >= INCOME_ROWS:
            return msgspec.structs.replace(self, number=self.number + 1)
        next_ms = self.start_ms + WINDOW_MS
        return IncomePage(next_ms, self.until_ms) if next_ms <= self.until_ms else None


class AccountRequests:
    """Asks for the account and reads the answers."""

    def __init__(self, venue: str, listing: Listing, names: OrderNames) -> None:
        self._venue = venue
        self._listing = listing
        self._names = names

    def report(
        self, since_ns: int, now_ns: int, cash_since_ns: int | None = None
    ) -> tuple[TradeRequest, ...]:
        """Return what a whole report consists of.

        Open orders come first, because they name fills; of them the conditional ones, so that one
        that is triggered meanwhile is seen twice and not missed.
        """
        cash_ns = _within(since_ns if cash_since_ns is None else cash_since_ns, now_ns)
        since_ns = _within(since_ns, now_ns)
        return (
            _read("open_orders", OPEN_ALGO_ORDERS, OPEN_ORDERS_WEIGHT),
            _read("open_orders", OPEN_ORDERS, OPEN_ORDERS_WEIGHT),
            *(
                window(steps.symbol, since_ns, now_ns).request(steps)
                for steps in self._listing.watched()
            ),
            _read("positions", POSITIONS, POSITIONS_WEIGHT),
            _read("balances", BALANCES, BALANCES_WEIGHT),
            IncomePage(cash_ns // NS_PER_MS, now_ns // NS_PER_MS).request(),
        )

    def read(self, request: TradeRequest, body: bytes) -> TradeAnswer:
        """Read what an answer shows.

        Raises:
            VenuePayloadError: A row of it cannot be read, so nothing of it counts.
        """
        match request.purpose:
            case "open_orders":
                return self._open_orders(request, body)
            case "positions":
                return self._positions(body)
            case "balances":
                return _balances(body)
            case "cash":
                return self._cash(request, body)
            case _:
                return self._rights(body)

    def _open_orders(self, request: TradeRequest, body: bytes) -> TradeAnswer:
        """Read all open orders of one of the two kinds."""
        if request.path == OPEN_ORDERS:
            seen = tuple(self._plain(row) for row in strictly(body, list[OrderAnswer]))
        else:
            found = [self._conditional(row) for row in strictly(body, list[AlgoAnswer])]
            seen = tuple(row for row in found if row is not None)
        return TradeAnswer("confirmed", rows=seen)

    def _positions(self, body: bytes) -> TradeAnswer:
        """Read all positions."""
        found = tuple(
            rows.position(row, self._listing.read(row.symbol))
            for row in strictly(body, list[PositionRow])
            if amount(row.positionAmt)
        )
        names = [row.instrument_id for row in found]
        require(len(set(names)) == len(names), "an instrument has two positions", str(names))
        return TradeAnswer("confirmed", rows=found)

    def _cash(self, request: TradeRequest, body: bytes) -> TradeAnswer:
        """Read one page of the income that fills do not bring."""
        page = msgspec.json.decode(request.context, type=IncomePage)
        income = strictly(body, list[IncomeRow])
        moved = tuple(
            rows.cash(row, instrument_id(self._venue, row.symbol) if row.symbol else None)
            for row in income
            if row.incomeType not in rows.BOOKED_WITH_FILLS
        )
        following = page.after(len(income))
        next_page = None if following is None else following.request()
        return TradeAnswer("confirmed", rows=moved, next_page=next_page)

    def _rights(self, body: bytes) -> TradeAnswer:
        """Read what the key may do; a right to transfer takes money away, too."""
        key = strictly(body, Restrictions)
        takes_away = (
            key.enableWithdrawals or key.enableInternalTransfer or key.permitsUniversalTransfer
        )
        seen = RightsSeen(self._venue, may_trade=key.enableFutures, may_withdraw=takes_away)
        return TradeAnswer("confirmed", rows=(seen,))

    def _plain(self, row: OrderAnswer) -> OrderSeen:
        self._names.learn(row.symbol, row.orderId, row.clientOrderId)
        named = self._names.find(row.symbol, row.orderId)
        return rows.order(row, self._listing.read(row.symbol), named)

    def _conditional(self, row: AlgoAnswer) -> OrderSeen | None:
        """Return a conditional order; None for one that became another, which is listed itself."""
        child = rows.child_of(row.actualOrderId)
        if child is not None:
            self._names.learn_child(row.symbol, child, row.clientAlgoId)
            return None
        return rows.conditional_order(row, self._listing.read(row.symbol))


def rights_request(origin: str) -> TradeRequest:
    """Return the query of a key's rights, which another host answers."""
    return TradeRequest("rights", "GET", RESTRICTIONS, is_read=True, origin=origin)


def _within(since_ns: int, now_ns: int) -> int:
    return max(min(since_ns, now_ns), now_ns - HISTORY_NS)


def _balances(body: bytes) -> TradeAnswer:
    found = (rows.balance(row) for row in strictly(body, list[BalanceRow]))
    return TradeAnswer("confirmed", rows=tuple(row for row in found if row.amount))


def _read(purpose: Purpose, path: str, weight: int) -> TradeRequest:
    return TradeRequest(purpose, "GET", path, weight=weight, is_read=True)
