"""Binance's algo service: conditional orders, which become orders of the book when triggered.

They are no orders of the book before: other ids, other endpoints, other frames, and neither margin
nor reduce-only is looked at until they trigger.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from engine.fake.trading import admission
from engine.fake.trading import user_frames as frames
from engine.fake.trading.answers import Refusal
from engine.fake.trading.desk import OrderDesk
from engine.fake.trading.filters import check_price, check_qty
from engine.fake.trading.history import History
from engine.fake.trading.records import (
    ALGO_LIVE_STATES,
    TRIGGERED_TYPES,
    AlgoOrder,
    VenueOrder,
)
from engine.model.numbers import NS_PER_MS

ALGOS_MAX = 200
"""Open ones, over all symbols."""


class AlgoDesk:
    """Every conditional order of the account.

    Args:
        desk: Where triggered ones go.
        tell: Takes the frames of the private stream.
    """

    def __init__(self, desk: OrderDesk, tell: Callable[[bytes], None]) -> None:
        self.algos: History[int, AlgoOrder] = History(
            lambda algo: algo.status not in ALGO_LIVE_STATES
        )
        self._desk = desk
        self._tell = tell
        self._open: dict[int, None] = {}
        self._by_client: dict[str, int] = {}
        self._by_order: dict[int, int] = {}
        self._last: dict[tuple[str, str], Decimal] = {}
        """Newest price by symbol and working type."""
        self.hangs = False
        """A mishap: what is triggered stays so, and becomes no order."""
        self._next_id = 2_000_000_001
        desk.on_change = self._follow

    def open_algos(self, symbol: str = "") -> list[AlgoOrder]:
        """Return what waits to be triggered, of a symbol or all, oldest first."""
        algos = [self._algo(algo_id) for algo_id in self._open]
        return [algo for algo in algos if symbol in {"", algo.symbol}]

    def find(self, algo_id: int | None, client_algo_id: str) -> AlgoOrder | None:
        """Return a conditional order by either of its ids."""
        if algo_id is None:
            algo_id = self._by_client.get(client_algo_id, 0)
        return self.algos.get(algo_id)

    def place(self, algo: AlgoOrder, now_ns: int) -> AlgoOrder:
        """Take in a conditional order.

        Raises:
            Refusal: The venue does not take it.
        """
        self._admit(algo)
        ms = now_ns // NS_PER_MS
        algo = msgspec.structs.replace(algo, algo_id=self._next_id, created_ms=ms, updated_ms=ms)
        self._next_id += 1
        self._by_client[algo.client_algo_id] = algo.algo_id
        self._open[algo.algo_id] = None
        self._keep(algo, now_ns)
        return algo

    def cancel(self, algo: AlgoOrder, now_ns: int, status: str = "CANCELED") -> AlgoOrder:
        """End a conditional order that was not triggered."""
        return self._change(algo, now_ns, status=status)

    def on_price(self, symbol: str, working_type: str, price: Decimal, now_ns: int) -> None:
        """Trigger what waits for a price: of the last trade, or the mark price."""
        self._last[symbol, working_type] = price
        for algo in self.open_algos(symbol):
            if algo.working_type != working_type or algo.status != "NEW":
                continue
            trailed = _trail(algo, price)
            if trailed is not algo:
                is_new = not algo.extreme
                self.algos.put(trailed.algo_id, trailed, now_ns)
                if is_new:
                    self._tell(frames.algo_frame(trailed, now_ns // NS_PER_MS))
            if _is_met(trailed, price):
                self._trigger(trailed, now_ns)

    # Inside

    def _algo(self, algo_id: int) -> AlgoOrder:
        algo = self.algos.get(algo_id)
        assert algo is not None, "only known ones are listed"
        return algo

    def _admit(self, algo: AlgoOrder) -> None:
        rules = self._desk.rules[algo.symbol]
        if not rules.is_trading:
            raise Refusal(-4140)
        admission.check_client_id(algo.client_algo_id)
        if any(one.client_algo_id == algo.client_algo_id for one in self.open_algos()):
            raise Refusal(-4116)
        if len(self._open) >= ALGOS_MAX:
            raise Refusal(-2025)
        is_buy = algo.side == "BUY"
        if not algo.is_close_all:
            check_qty(rules, algo.qty, is_market=TRIGGERED_TYPES[algo.type] == "MARKET")
        needed = [algo.price] if TRIGGERED_TYPES[algo.type] == "LIMIT" else []
        needed += [algo.activate_price] if algo.activate_price else []
        needed += [] if algo.callback_rate else [algo.trigger_price]
        for price in needed:
            check_price(rules, price, None, is_buy=is_buy)
        last = self._last.get((algo.symbol, algo.working_type))
        if last is not None and not algo.callback_rate and _is_met(algo, last):
            raise Refusal(-2021)

    def _trigger(self, algo: AlgoOrder, now_ns: int) -> None:
        """Send what was waiting to the book, or learn that the book does not want it."""
        algo = self._change(algo, now_ns, status="TRIGGERING", triggered_ms=now_ns // NS_PER_MS)
        if self.hangs:
            return
        desk = self._desk
        net = desk.account.position(algo.symbol).qty
        order = VenueOrder(
            order_id=0,
            client_order_id=algo.client_algo_id,
            symbol=algo.symbol,
            side=algo.side,
            type=TRIGGERED_TYPES[algo.type],
            tif=algo.tif,
            qty=abs(net) if algo.is_close_all else algo.qty,
            price=algo.price,
            is_reduce_only=algo.is_reduce_only,
            is_close_all=algo.is_close_all,
            original_type=algo.type,
            trigger_price=algo.trigger_price,
        )
        try:
            if algo.is_close_all:
                admission.check_reduces(desk, algo.symbol, algo.side)
            admission.admit(desk, order)
            order = desk.place(order, now_ns)
        except Refusal as refusal:
            status = "EXPIRED" if algo.is_close_all else "REJECTED"
            self._change(algo, now_ns, status=status, reason=refusal.text)
            return
        self._by_order[order.order_id] = algo.algo_id
        algo = self._change(algo, now_ns, status="TRIGGERED", actual_order_id=order.order_id)
        self._follow(order, now_ns)

    def _follow(self, order: VenueOrder, now_ns: int) -> None:
        """Finish a triggered one when its order of the book has ended."""
        algo_id = self._by_order.get(order.order_id)
        if algo_id is None:
            return
        algo = msgspec.structs.replace(
            self._algo(algo_id),
            executed=order.executed,
            average_price=order.average_price,
        )
        if order.is_open:
            self.algos.put(algo_id, algo, now_ns)
        else:
            self._change(algo, now_ns, status="FINISHED")

    def _change(
        self,
        algo: AlgoOrder,
        now_ns: int,
        *,
        status: str,
        reason: str = "",
        actual_order_id: int = 0,
        triggered_ms: int = 0,
    ) -> AlgoOrder:
        changed = msgspec.structs.replace(
            algo,
            status=status,
            reason=reason or algo.reason,
            actual_order_id=actual_order_id or algo.actual_order_id,
            triggered_ms=triggered_ms or algo.triggered_ms,
            updated_ms=now_ns // NS_PER_MS,
        )
        if not changed.is_open:
            self._open.pop(algo.algo_id, None)
        self._keep(changed, now_ns)
        return changed

    def _keep(self, algo: AlgoOrder, now_ns: int) -> None:
        self.algos.put(algo.algo_id, algo, now_ns)
        self._tell(frames.algo_frame(algo, now_ns // NS_PER_MS))


def _trail(algo: AlgoOrder, price: Decimal) -> AlgoOrder:
    """Let a trailing stop follow the price; the same one where there is nothing to follow."""
    if not algo.callback_rate:
        return algo
    is_buy = algo.side == "BUY"
    if not algo.extreme:
        waits = price > algo.activate_price if is_buy else price < algo.activate_price
        if algo.activate_price and waits:
            return algo
        extreme = price
    else:
        extreme = min(algo.extreme, price) if is_buy else max(algo.extreme, price)
    if extreme == algo.extreme:
        return algo
    share = algo.callback_rate / 100
    trigger = extreme * (1 + share if is_buy else 1 - share)
    return msgspec.structs.replace(algo, extreme=extreme, trigger_price=trigger)


def _is_met(algo: AlgoOrder, price: Decimal) -> bool:
    """Whether a price triggers: stops wait for a worse price, profits for a better one."""
    if algo.callback_rate and not algo.extreme:
        return False
    waits_above = (algo.side == "BUY") != algo.type.startswith("TAKE_PROFIT")
    return price >= algo.trigger_price if waits_above else price <= algo.trigger_price
