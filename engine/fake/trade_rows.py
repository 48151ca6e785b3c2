"""The trades of one symbol so far, as the REST endpoints give them."""

from collections import deque
from typing import Final

from engine.fake.binance_frames import Print

KEPT_MAX: Final = 100_000

Row = dict[str, object]


class TradeRows:
    """Single and aggregated trades, oldest first."""

    def __init__(self) -> None:
        self._single: deque[Row] = deque(maxlen=KEPT_MAX)
        self._aggregated: deque[Row] = deque(maxlen=KEPT_MAX)

    def see(self, kind: str, trade: Print) -> None:
        """Keep what a stream tells."""
        if kind == "aggTrade":
            self._aggregated.append(
                {
                    "a": trade.aggregated_id,
                    "p": trade.price,
                    "q": trade.size,
                    "T": trade.traded_ms,
                    "m": trade.buyer_is_maker,
                }
            )
        elif trade.kind == "MARKET":
            self._single.append(
                {
                    "id": trade.single_id,
                    "price": trade.price,
                    "qty": trade.size,
                    "time": trade.traded_ms,
                    "isBuyerMaker": trade.buyer_is_maker,
                }
            )

    def newest(self, limit: int) -> list[Row]:
        """Return the newest single trades."""
        return list(self._single)[-limit:]

    def aggregated(self, from_id: int | None, limit: int) -> list[Row]:
        """Return aggregated trades from an id on, else the newest."""
        if from_id is None:
            return list(self._aggregated)[-limit:]
        return [row for row in self._aggregated if int(str(row["a"])) >= from_id][:limit]
