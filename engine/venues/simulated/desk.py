"""One instrument's counter: takes orders to the matching engine and says in events what came of it.

Participants speak to the desk, never to the matching engine, so that no trade and no change of the
book can happen without its event. Prices and sizes are units of the instrument's decoding scale.
"""

from engine.execution.matching import BUY, Accepted, Matching, OrderRequest, Side
from engine.model.envelope import Event
from engine.model.market import BestQuote, BookDelta, BookSnapshot, Level, Trade
from engine.venues.simulated.instruments import SimulatedInstrument
from engine.venues.simulated.open_candles import OpenCandles


class Desk:
    """Order entry and publication for one instrument.

    Args:
        instrument: What is traded.
        sink: Where events go, in order; shared by all desks of the market.
        first_trade_id: Number of the first trade.
        candles: Told of every trade.
    """

    def __init__(
        self,
        instrument: SimulatedInstrument,
        sink: list[Event],
        first_trade_id: int,
        candles: OpenCandles,
    ) -> None:
        self.instrument_id = instrument.instrument_id
        self.matching = Matching()
        self.last_seq = 0
        self._sink = sink
        self._candles = candles
        self._next_order_id = 1
        self._next_trade_id = first_trade_id
        self._quoted: tuple[Level, Level] | None = None

    def post(self, side: Side, lots: int, price: int) -> int:
        """Rest an order that never takes; return its number, or 0 if it would have taken."""
        order_id = self._next_order_id
        self._next_order_id += 1
        outcome = self.matching.submit(OrderRequest(order_id, side, lots, price, is_post_only=True))
        return order_id if type(outcome) is Accepted else 0

    def take(self, side: Side, lots: int, price_limit: int, ts_ns: int) -> None:
        """Take what there is up to a price, print the trades, and leave nothing behind."""
        order_id = self._next_order_id
        self._next_order_id += 1
        outcome = self.matching.submit(OrderRequest(order_id, side, lots, price_limit, "ioc"))
        if type(outcome) is not Accepted:
            return
        for match in outcome.matches:
            self._sink.append(
                Trade(
                    self.instrument_id,
                    match.price_ticks,
                    match.qty_lots,
                    side == BUY,
                    self._next_trade_id,
                    ts_ns,
                )
            )
            self._next_trade_id += 1
            self._candles.add_trade(match.price_ticks, match.qty_lots)

    def cancel(self, order_id: int) -> None:
        """Take back an order; one that is gone already stays gone."""
        self.matching.cancel(order_id)

    def publish(self, ts_ns: int) -> None:
        """Send what changed in the book since the last time, and the touch if it is another one."""
        bids, asks = self.matching.collect_changes()
        if not (bids or asks):
            return
        before = self.last_seq
        self.last_seq = before + len(bids) + len(asks)
        self._sink.append(
            BookDelta(self.instrument_id, bids, asks, before + 1, self.last_seq, before, ts_ns)
        )
        self._quote(ts_ns)

    def publish_whole(self, ts_ns: int) -> None:
        """Send the whole book; the next delta joins it."""
        self.matching.collect_changes()
        self.last_seq += 1
        self._quoted = None
        self._sink.append(self.snapshot(ts_ns))

    def snapshot(self, ts_ns: int) -> BookSnapshot:
        """Return the book as of the last sequence number sent."""
        bids, asks = self.matching.depth_before_changes()
        return BookSnapshot(self.instrument_id, bids, asks, self.last_seq, ts_ns)

    def clear(self) -> None:
        """Forget all orders, as a venue does that was closed."""
        self.matching = Matching()

    def _quote(self, ts_ns: int) -> None:
        bid, ask = self.matching.best_bid, self.matching.best_ask
        if bid is None or ask is None or (bid, ask) == self._quoted:
            return
        self._quoted = (bid, ask)
        self._sink.append(BestQuote(self.instrument_id, *bid, *ask, self.last_seq, ts_ns))
