"""The reference: a book of Decimals in dicts and a list of trades, by the standard library only.

It is slow and plain on purpose. Peers run it in their own environment too, so it imports nothing
of ours.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

ZERO: Final = Decimal(0)


class PlainMarket:
    """What a stream of Binance USD-M frames says about one instrument."""

    def __init__(self, snapshot: bytes) -> None:
        data = json.loads(snapshot)
        self.last_id: int = data["lastUpdateId"]
        self.bids = {Decimal(price): Decimal(size) for price, size in data["bids"]}
        self.asks = {Decimal(price): Decimal(size) for price, size in data["asks"]}
        self.trades: list[str] = []
        self.volume = ZERO

    def run(self, frames: Iterable[bytes]) -> "PlainMarket":
        """Take in all frames and return itself."""
        for frame in frames:
            data = json.loads(frame)["data"]
            if data["e"] == "depthUpdate":
                self._on_depth(data)
            elif data["e"] == "aggTrade":
                price, size = Decimal(data["p"]), Decimal(data["q"])
                self.trades.append(trade_text(data["a"], price, size, not data["m"]))
                self.volume += size
        return self

    def outcome(self) -> dict[str, object]:
        """Return what every side must agree on."""
        return outcome(self.bids, self.asks, self.last_id, self.trades, self.volume)

    def _on_depth(self, data: dict[str, Any]) -> None:
        if data["u"] < self.last_id:
            return
        for side, changes in ((self.bids, data["b"]), (self.asks, data["a"])):
            for price, size in changes:
                if Decimal(size):
                    side[Decimal(price)] = Decimal(size)
                else:
                    side.pop(Decimal(price), None)
        self.last_id = data["u"]


def outcome(
    bids: Mapping[Decimal, Decimal],
    asks: Mapping[Decimal, Decimal],
    last_id: int,
    trades: list[str],
    volume: Decimal,
) -> dict[str, object]:
    """Return hash of the book, its last update id, and number, volume and hash of the trades."""
    return {
        "book": sha256(book_text(bids, asks).encode()).hexdigest(),
        "last_id": last_id,
        "trades": len(trades),
        "volume": plain(volume),
        "trade_list": sha256("\n".join(trades).encode()).hexdigest(),
    }


def book_text(bids: Mapping[Decimal, Decimal], asks: Mapping[Decimal, Decimal]) -> str:
    """Return the canonical text of a whole book, as the captures' expected results hash it."""
    sides = (sorted(bids.items(), reverse=True), sorted(asks.items()))
    texts = (",".join(f"{plain(price)}:{plain(size)}" for price, size in side) for side in sides)
    return "bids={};asks={}".format(*texts)


def trade_text(trade_id: int, price: Decimal, size: Decimal, buyer_is_taker: bool) -> str:
    """Return one line of the trade list."""
    return f"{trade_id} {plain(price)} {plain(size)} {int(buyer_is_taker)}"


def plain(value: Decimal) -> str:
    """Return a plain decimal text without trailing zeros."""
    return format(value.normalize(), "f") if value else "0"
