"""The two Binance venues as the registry lists them."""

from functools import partial
from typing import Final

from engine.venues.base import Endpoints, VenueSpec
from engine.venues.binance.bare_message import combined
from engine.venues.binance.market_wire import BinanceMarketWire
from engine.venues.binance.recorded import kind_of

FUTURES: Final = VenueSpec(
    name="binance_futures",
    title="Binance USD-M futures",
    instruments=("BTCUSDT", "ETHUSDT", "SOLUSDT"),
    endpoints=Endpoints(rest="https://fapi.binance.com", stream="wss://fstream.binance.com"),
    wire=partial(BinanceMarketWire, "binance_futures"),
    combined=combined,
    kind_of=kind_of,
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
