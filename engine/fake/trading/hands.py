"""What others do at the venue: the account's owner by hand, the market's other side, the venue."""

from decimal import Decimal
from fractions import Fraction

import msgspec

from engine.execution.paper import PaperMarket
from engine.fake.trading import user_frames as frames
from engine.fake.trading.admission import free_margin
from engine.fake.trading.answers import money
from engine.fake.trading.auth import KeyRights
from engine.fake.trading.exchange import FakeExchange
from engine.fake.trading.filters import SymbolRules
from engine.fake.trading.records import ZERO, Side, VenueOrder
from engine.model.numbers import NS_PER_MS


class Hands:
    """Acts at the exchange that come by no request of an engine; times are the true ones.

    Args:
        exchange: Where.
    """

    def __init__(self, exchange: FakeExchange) -> None:
        self._exchange = exchange
        self._desk = exchange.desk
        self._count = 0

    # The owner

    def place(
        self,
        symbol: str,
        side: Side,
        qty: Decimal,
        now_ns: int,
        price: Decimal | None = None,
        name: str = "",
    ) -> VenueOrder:
        """Place an order on the venue's own page, a market order without a price.

        With a name of its own it is an order of another program.
        """
        order = self._order(symbol, side, qty, "web_", price)
        named = msgspec.structs.replace(order, client_order_id=name or order.client_order_id)
        return self._desk.place(named, self._venue(now_ns))

    def cancel(self, order: VenueOrder, now_ns: int) -> None:
        """Cancel an open order there."""
        self._desk.end(order, self._venue(now_ns))

    def close(self, symbol: str, now_ns: int) -> VenueOrder | None:
        """Close a position at the market; None where there is none."""
        return self._flatten(symbol, "web_", "TRADE", now_ns)

    def transfer(self, amount: Decimal, now_ns: int) -> None:
        """Move cash in, or out when negative."""
        reason = "DEPOSIT" if amount > 0 else "WITHDRAW"
        self._move_cash("TRANSFER", reason, amount, now_ns, "")

    def set_rights(self, rights: KeyRights) -> None:
        """Change what the key may do."""
        self._exchange.rights = rights

    def set_leverage(self, symbol: str, leverage: int, now_ns: int) -> bool:
        """Change a symbol's leverage; not where too little would be left to back what is there."""
        rules = self._desk.rules[symbol]
        self._desk.rules[symbol] = msgspec.structs.replace(rules, leverage=leverage)
        if free_margin(self._desk) < 0:
            self._desk.rules[symbol] = rules
            return False
        ms = self._venue(now_ns) // NS_PER_MS
        self._exchange.streams.tell(frames.config_frame(symbol, leverage, ms))
        return True

    # The market

    def trade_with(self, order: VenueOrder, lots: int, now_ns: int) -> None:
        """Let somebody trade with a resting order at its price."""
        self._desk.trade_with(order, lots, self._venue(now_ns))

    # The venue

    def fund(self, symbol: str, rate: Decimal, now_ns: int) -> Decimal:
        """Settle funding; return what was received, negative when paid."""
        desk = self._desk
        position = desk.account.position(symbol)
        price = desk.reference(symbol, is_buy=position.qty < 0) or position.entry_price
        amount = money(-position.qty * price * rate)
        if amount:
            self._move_cash("FUNDING_FEE", "FUNDING_FEE", amount, now_ns, symbol)
        return amount

    def liquidate(self, symbol: str, now_ns: int) -> VenueOrder | None:
        """Take a position over, as for lack of margin; None where there is none."""
        return self._flatten(symbol, "autoclose-", "CALCULATED", now_ns)

    def settle(self, symbol: str, now_ns: int) -> VenueOrder | None:
        """End whatever a symbol has that is delisted: orders, conditional ones, the position."""
        for order in self._desk.open_orders(symbol):
            self.cancel_by_venue(order, now_ns)
        algos = self._exchange.algos
        for algo in algos.open_algos(symbol):
            algos.cancel(algo, self._venue(now_ns), "EXPIRED")
        return self._flatten(symbol, "settlement_autoclose-", "CALCULATED", now_ns)

    def cancel_by_venue(self, order: VenueOrder, now_ns: int) -> None:
        """Take an order off the book for a reason of the venue's own."""
        self._desk.end(order, self._venue(now_ns), "EXPIRED", "7")

    def set_status(self, symbol: str, status: str) -> None:
        """Halt a symbol, or let it be traded again with TRADING."""
        rules = self._desk.rules[symbol]
        self._desk.rules[symbol] = msgspec.structs.replace(rules, status=status)

    def change_filters(self, rules: SymbolRules, market: PaperMarket, now_ns: int) -> None:
        """Change a symbol's steps: its open orders are canceled."""
        old = self._desk.rules[rules.symbol]
        rules = msgspec.structs.replace(rules, leverage=old.leverage)
        ratio = Fraction(old.step) / Fraction(rules.step)
        self._desk.restep(rules, market, ratio, self._venue(now_ns))

    # Inside

    def _venue(self, now_ns: int) -> int:
        return now_ns + self._exchange.skew_ns

    def _order(
        self, symbol: str, side: Side, qty: Decimal, prefix: str, price: Decimal | None = None
    ) -> VenueOrder:
        self._count += 1
        return VenueOrder(
            order_id=0,
            client_order_id=f"{prefix}{self._count}",
            symbol=symbol,
            side=side,
            type="MARKET" if price is None else "LIMIT",
            tif="GTC",
            qty=qty,
            price=ZERO if price is None else price,
        )

    def _flatten(self, symbol: str, prefix: str, execution: str, now_ns: int) -> VenueOrder | None:
        qty = self._desk.account.position(symbol).qty
        if not qty:
            return None
        order = self._order(symbol, "SELL" if qty > 0 else "BUY", abs(qty), prefix)
        closing = msgspec.structs.replace(order, is_reduce_only=True)
        return self._desk.place(closing, self._venue(now_ns), execution)

    def _move_cash(self, kind: str, reason: str, amount: Decimal, now_ns: int, symbol: str) -> None:
        account, venue_ns = self._exchange.account, self._venue(now_ns)
        account.move_cash(kind, amount, venue_ns, symbol)
        position = account.position(symbol) if symbol else None
        ms = venue_ns // NS_PER_MS
        frame = frames.account_frame(reason, account.asset, account.cash, amount, position, ms)
        self._exchange.streams.tell(frame)
