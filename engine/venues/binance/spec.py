"""The two Binance venues as the registry lists them."""

from functools import partial
from typing import Final

from engine.model.account import TradeRules
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.venues.base import Endpoints, TradeSpec, VenueSpec
from engine.venues.binance.bare_message import combined
from engine.venues.binance.market_wire import BinanceMarketWire
from engine.venues.binance.recorded import kind_of
from engine.venues.binance.trade_wire import (
    CANCEL_ALL_COVERS_STOPS,
    ENDPOINTS,
    VALIDITY_MS,
    BinanceTradeWire,
)

FUTURES: Final = VenueSpec(
    name="binance_futures",
    title="Binance USD-M futures",
    instruments=("BTCUSDT", "ETHUSDT", "SOLUSDT"),
    endpoints=ENDPOINTS,
    wire=partial(BinanceMarketWire, "binance_futures"),
    combined=combined,
    kind_of=kind_of,
    trade=TradeSpec(
        BinanceTradeWire,
        TradeRules(
            validity_ns=VALIDITY_MS * NS_PER_MS,
            replica_lag_ns=45 * NS_PER_S,
            amends=True,
            cancel_all_covers_stops=CANCEL_ALL_COVERS_STOPS,
            dead_man_ns=60 * NS_PER_S,
            dead_man_covers_stops=True,  # Nobody has confirmed that it spares them.
            dead_man_min_ns=5 * NS_PER_S,
        ),
    ),
)

SPOT: Final = VenueSpec(
    name="binance",
    title="Binance spot",
    instruments=("BTCUSDT", "ETHUSDT", "SOLUSDT"),
    endpoints=Endpoints(rest="https://api.binance.com", stream="wss://stream.binance.com:9443"),
    wire=partial(BinanceMarketWire, "binance"),
    combined=combined,
    kind_of=kind_of,
)
