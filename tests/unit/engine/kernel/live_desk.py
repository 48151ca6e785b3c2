"""A desk whose orders leave the program, and the words of the venue that it asks for them."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from engine.execution.limits import paper_limits
from engine.kernel.desk import DeskSetup
from engine.kernel.venue_side import VenueSide
from engine.model import account as a
from engine.model import facts as f
from engine.model.effects import QueryOrder, RequestReport
from engine.model.envelope import RunStarted
from engine.model.market import FeedUp
from engine.model.numbers import NS_PER_S
from tests.builders import (
    BTC,
    FEED,
    REST,
    Trader,
    a_delta,
    a_snapshot,
    an_instrument,
    an_update,
)

CASH = Decimal(50_000)
RULES = a.TradeRules(
    validity_ns=5 * NS_PER_S,
    replica_lag_ns=45 * NS_PER_S,
    amends=True,
    cancel_all_covers_stops=False,
    dead_man_ns=0,
    dead_man_covers_stops=False,
)


def seen(cid: str, state: str = "open", lots: int = 1, filled: int = 0, **changed) -> a.OrderSeen:
    """An order as the venue shows it: to sell at 1,010, as `Trader.works` lets it work."""
    fields: dict = {
        "client_order_id": cid,
        "venue_order_id": f"v-{cid}",
        "instrument_id": BTC,
        "side": "sell",
        "type": "limit",
        "state": state,
        "qty_lots": lots,
        "filled_lots": filled,
        "limit_ticks": 1_010,
    }
    return a.OrderSeen(**(fields | changed))


def held(lots: int, price: str = "1000", instrument_id=BTC) -> a.PositionSeen:
    """A position as the venue shows it."""
    return a.PositionSeen(instrument_id, lots, Decimal(price))


class LiveDesk(Trader):
    """A desk that asks its venue."""

    @property
    def side(self) -> VenueSide:
        """What is known of the venue's side."""
        return self.desk.venue_side

    def sends(self, side: str = "sell", lots: int = 1, price: int = 1_010, **changed) -> str:
        """Let an order leave now; no answer has come."""
        cid = self.works(side, lots, price, is_acked=False, **changed)
        self.ledger.orders[cid].created_ns = self.now_ns
        self.take(f.OrderSent(self.now_ns, cid), source="gateway")
        return cid

    def rests(self, side: str = "sell", lots: int = 1, price: int = 1_010, **changed) -> str:
        """Let an order leave that the venue confirms."""
        cid = self.sends(side, lots, price, **changed)
        self.take(f.OrderAcked(self.now_ns, cid, f"v-{cid}"), source="gateway")
        return cid

    def tells(self, *events) -> "LiveDesk":
        """Let the gateway say something."""
        self.take(*events, source="gateway")
        return self

    def answers(
        self, cid: str, order: a.OrderSeen | None, *fills: f.OrderFilled, age_ms: float = 0
    ) -> "LiveDesk":
        """Answer a query that left so long ago."""
        asked_ns = self.now_ns - int(age_ms * 1_000_000)
        return self.tells(a.OrderAnswered(cid, asked_ns, order, fills))

    def reports(
        self,
        *orders: a.OrderSeen,
        fills: Sequence[f.OrderFilled] = (),
        positions: Sequence[a.PositionSeen] = (),
        balance: Decimal | None = None,
        **changed,
    ) -> "LiveDesk":
        """Answer the newest request for a report; the balance is what the ledger has."""
        ours = (self.ledger.booked_cash if self.ledger.currency else CASH) or Decimal(0)
        fields: dict = {
            "number": self.side.number,
            "asked_ns": self.now_ns,
            "since_ns": 0,
            "orders": orders,
            "fills": tuple(fills),
            "positions": tuple(positions),
            "balances": (a.BalanceSeen("USDT", ours if balance is None else balance),),
        }
        return self.tells(a.AccountReported(**(fields | changed)))

    def queried(self) -> list[str]:
        """Return the orders that were asked for in the last call."""
        return [one.client_order_id for one in self.asked(QueryOrder)]

    def waits_for_report(self) -> int:
        """Let time pass until a report is asked for; return its number."""
        for _ in range(400):
            asked = self.wait(250).asked(RequestReport)
            if asked:
                return asked[0].number
        raise AssertionError("no report is asked for")


def a_live_desk(
    *, is_clean: bool = True, rules: a.TradeRules | None = RULES, **limits: object
) -> LiveDesk:
    """Return a desk whose private stream is open and whose account agrees, or knows nothing."""
    changed: dict = {"duplicate_window_s": 0} | limits
    desk = LiveDesk(
        DeskSetup(
            "test",
            starts_armed=True,
            currency="USDT",
            limits=msgspec.structs.replace(paper_limits(), **changed),
            rules=rules,
        )
    )
    desk.take(RunStarted("run-1", "0.1"), source="engine").take(FeedUp(FEED))
    desk.take(an_update(an_instrument(is_trading=True)))
    desk.take(a_delta(10, bids="1x1", prev=9))
    desk.take(a_snapshot("1000x50 999x50", "1001x50 1002x50"), source=REST)
    if is_clean:
        desk.tells(a.PrivateUp("test"))
        desk.waits_for_report()
        desk.reports()
    return desk
