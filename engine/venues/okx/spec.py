"""OKX as the registry lists it."""

from typing import Final

from engine.venues.base import Endpoints, VenueSpec
from engine.venues.okx.instruments import VENUE
from engine.venues.okx.market_wire import OkxMarketWire
from engine.venues.okx.recorded import kind_of

SPEC: Final = VenueSpec(
    name=VENUE,
    title="OKX",
    instruments=("BTC-USDT-SWAP", "ETH-USDT-SWAP", "SOL-USDT-SWAP"),
    endpoints=Endpoints(rest="https://www.okx.com", stream="wss://ws.okx.com:8443"),
    wire=OkxMarketWire,
    kind_of=kind_of,
)
