"""What turns more over than an order: the venue takes a position, or the owner takes the key back.

All of it is drawn from a number of its own: a seed that draws none of it lives as it did before
there were any.
"""

from collections import Counter
from typing import Final

from engine.fake.trading.auth import KeyRights
from engine.fake.trading.exchange import FakeExchange
from engine.fake.trading.hands import Hands
from engine.model.chance import Chance
from engine.model.errors import ConfigError, VenueUnreachable
from engine.model.instrument import instrument_id
from engine.model.numbers import NS_PER_S
from engine.runtime.live import require_rights
from engine.runtime.trade_rest import TradePorts
from tests.sim.checkers import demand
from tests.sim.exchange_market import VENUE, ExchangeMarket
from tests.sim.profiles import Upheaval

LIQUIDATED: Final = "position liquidated"
WITH_ORDERS: Final = "position liquidated with orders around it"
DELISTED: Final = "instrument delisted"
DELISTED_HELD: Final = "instrument delisted with a position"
DELISTED_ORDERED: Final = "instrument delisted with orders"
LEVERAGE: Final = "leverage changed"
LEVERAGES: Final = (1, 3, 10, 50)
REVOKED: Final = "key revoked"
MAY_NOT_TRADE: Final = "key that may not trade"
MAY_WITHDRAW: Final = "start with a key that may withdraw"
AWAY_MEAN_S: Final = (1, 10, 60)
"""For how long the owner keeps the key, and until what is delisted is settled."""


class Upheavals:
    """Lets it happen at the exchange, behind the back of every engine.

    Args:
        shares: How often; of the steps of the person.
        exchange: Where.
        seen: Counts what happened.
    """

    def __init__(self, shares: Upheaval, exchange: FakeExchange, seen: Counter[str]) -> None:
        self._shares = shares
        self._exchange = exchange
        self._seen = seen
        self._hands = Hands(exchange)
        self.chance = Chance(shares.seed)

        self._key_back_ns = 0
        """When the owner gives the key back; 0 while it is there."""
        self._refused_before = 0

        self.delisted = ""
        """The symbol that is traded no more."""
        self._settled_ns = 0
        """When the venue ends what is left of it; 0 for never, or when that is done."""

    def act(self, now_ns: int, market: ExchangeMarket) -> bool:
        """Let something happen, or not; returns whether anybody's orders or fills are told of."""
        if self._key_back_ns:
            if now_ns >= self._key_back_ns:
                self._give_key_back()
        elif self._happens(self._shares.key_share):
            self._take_key(now_ns)
        if self._happens(self._shares.leverage_share):
            symbol = self.chance.pick(sorted(self._exchange.desk.rules))
            leverage = self.chance.pick(LEVERAGES)
            self._seen[LEVERAGE] += self._hands.set_leverage(symbol, leverage, now_ns)
        is_off = self._settle(now_ns) if self.delisted else self._delist(now_ns, market)
        is_taken = self._happens(self._shares.liquidation_share) and self._liquidate(now_ns)
        return is_off or is_taken

    def begin(self) -> None:
        """Note that another engine begins: no venue has refused it anything yet."""
        self._refused_before = self._exchange.key_refusals

    @property
    def is_key_refused(self) -> bool:
        """Whether the venue has refused the key of the engine that lives now."""
        return self._exchange.key_refusals > self._refused_before

    def calm(self) -> None:
        """Give back what the owner has taken."""
        self._give_key_back()

    async def check_start(self, ports: TradePorts) -> None:
        """R111: an engine whose key may withdraw is not started; then the owner takes it back."""
        if not self._happens(self._shares.withdrawal_share):
            return
        self._hands.set_rights(KeyRights(may_withdraw=True))
        self._seen[MAY_WITHDRAW] += 1
        is_refused = False
        try:
            await require_rights(ports, accepts_withdrawal=False)
        except (ConfigError, VenueUnreachable):
            is_refused = True
        demand(is_refused, "R111", "an engine was started whose key may withdraw")
        self._give_key_back()

    def _delist(self, now_ns: int, market: ExchangeMarket) -> bool:
        """Take an instrument off, rather one that the account has something of."""
        if not self._happens(self._shares.delisting_share):
            return False
        desk, algos = self._exchange.desk, self._exchange.algos
        held = {one.symbol for one in self._exchange.account.positions() if one.qty}
        ordered = {one.symbol for one in desk.open_orders()}
        ordered |= {one.symbol for one in algos.open_algos()}
        self.delisted = symbol = self.chance.pick(sorted(held | ordered) or sorted(desk.rules))
        self._seen[DELISTED] += 1
        self._seen[DELISTED_HELD] += symbol in held
        self._seen[DELISTED_ORDERED] += symbol in ordered
        name = instrument_id(VENUE, symbol)
        market.set_trading(name, now_ns, is_trading=False, halted="SETTLING")
        if self.chance.happens(0.7):
            after_s = self.chance.exponential(self.chance.pick(AWAY_MEAN_S))
            self._settled_ns = now_ns + int(after_s * NS_PER_S)
        return True

    def _settle(self, now_ns: int) -> bool:
        """End what is left of the delisted one, when that is due."""
        if not self._settled_ns or now_ns < self._settled_ns:
            return False
        self._settled_ns = 0
        self._hands.settle(self.delisted, now_ns)
        return True

    def _take_key(self, now_ns: int) -> None:
        """Take the key away, or its right to trade."""
        is_revoked = self.chance.happens(0.5)
        self._hands.set_rights(KeyRights(may_trade=is_revoked, is_revoked=is_revoked))
        after_s = self.chance.exponential(self.chance.pick(AWAY_MEAN_S))
        self._key_back_ns = now_ns + int(after_s * NS_PER_S)
        self._seen[REVOKED if is_revoked else MAY_NOT_TRADE] += 1

    def _give_key_back(self) -> None:
        self._hands.set_rights(KeyRights())
        self._key_back_ns = 0

    def _happens(self, share: float) -> bool:
        return share > 0 and self.chance.happens(share)

    def _liquidate(self, now_ns: int) -> bool:
        """Take a whole position over; at times the orders of its symbol go first."""
        desk, algos = self._exchange.desk, self._exchange.algos
        held = [one.symbol for one in self._exchange.account.positions() if one.qty]
        held = [symbol for symbol in held if desk.rules[symbol].is_trading]
        if not held:
            return False
        symbol = self.chance.pick(held)
        if self.chance.happens(0.3):
            for order in desk.open_orders(symbol):
                self._hands.cancel_by_venue(order, now_ns)
        self._seen[WITH_ORDERS] += bool(desk.open_orders(symbol) or algos.open_algos(symbol))
        self._seen[LIQUIDATED] += 1
        self._hands.liquidate(symbol, now_ns)
        return True
