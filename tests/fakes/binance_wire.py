"""Binance's wire as tests hold it, and frames as the venue writes them."""

from typing import Any, Final

from engine.model.envelope import Event
from engine.model.instrument import InstrumentId
from engine.model.market import InstrumentUpdated
from engine.venues.base import Endpoints
from engine.venues.binance.market_wire import BinanceMarketWire
from tests.fakes.captures import text

ENDPOINTS: Final = Endpoints(rest="https://rest.test", stream="wss://stream.test")
ABC: Final = InstrumentId("binance_futures:ABCUSDT")
ABC_SPOT: Final = InstrumentId("binance:ABCUSDT")


def a_wire(venue: str = "binance_futures", *symbols: str) -> BinanceMarketWire:
    """Return a wire; with symbols, one that listed and chose them."""
    wire = BinanceMarketWire(venue, ENDPOINTS)
    if symbols:
        (request,) = wire.metadata_requests()
        wire.receive_answer(request, 200, exchange_info(*symbols), 0)
        wire.choose(symbols)
    return wire


def exchange_info(*symbols: str, **more: Any) -> str:
    """Return exchangeInfo of symbols with a tick of 0.01 and a lot of 0.001."""
    return text({"symbols": [symbol_info(symbol, **more) for symbol in symbols]})


def symbol_info(symbol: str, tick: str = "0.01", lot: str = "0.001", **more: Any) -> dict[str, Any]:
    """Return one symbol of exchangeInfo; `more` replaces fields."""
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "stepSize": lot},
        {"filterType": "MARKET_LOT_SIZE", "stepSize": "0.00000000"},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
    ]
    names = {"symbol": symbol, "status": "TRADING", "baseAsset": "ABC", "quoteAsset": "USDT"}
    return {**names, "filters": filters, **more}


def frame(stream: str, **data: Any) -> str:
    """Return a message of a combined stream."""
    return text({"stream": stream, "data": data})


def market_events(wire: BinanceMarketWire, message: str | bytes) -> list[Event]:
    """Return what a frame says, without the announcement of its instrument."""
    events = wire.receive(message, 0)
    return [event for event in events if type(event) is not InstrumentUpdated]


def depth(ids: str = "1 2 0", bids: Any = (), asks: Any = (), symbol: str = "ABCUSDT") -> str:
    """Return a change of a futures book; ids are U, u and pu."""
    first, last, previous = map(int, ids.split())
    data = {"e": "depthUpdate", "E": 1_001, "T": 1_000, "s": symbol, "U": first, "u": last}
    levels = {"pu": previous, "b": list(bids), "a": list(asks)}
    return frame(f"{symbol.lower()}@depth@100ms", **data, **levels)


def trade(price: str = "100.5", size: str = "2", symbol: str = "ABCUSDT", **more: Any) -> str:
    """Return a single print of futures; `more` replaces fields."""
    data = {"e": "trade", "E": 1_001, "T": 1_000, "s": symbol, "t": 7, "p": price, "q": size}
    return frame(f"{symbol.lower()}@trade", **{**data, "X": "MARKET", "m": True, **more})
