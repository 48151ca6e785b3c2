"""Binance's trade wire as tests hold it, and what the venue writes to it."""

from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.model.account import OrderSeen
from engine.model.facts import OrderFilled, OrderReplaced
from engine.model.instrument import Instrument, InstrumentId
from engine.model.orders import OrderIntent, OrderSpec
from engine.venues.base import Endpoints
from engine.venues.binance.trade_wire import BinanceTradeWire
from engine.venues.trading import Credentials, TradeRequest

REST: Final = "https://fapi.binance.com"
STREAM: Final = "wss://fstream.binance.com"
SECRET: Final = "no-secret-of-anybody-2b5eb11e18796d12"
KEY: Final = "no-key-of-anybody"
CREDENTIALS: Final = Credentials(KEY, SECRET)
ABC: Final = InstrumentId("binance_futures:ABCUSDT")
CID: Final = "ck0001000042"
T_MS: Final = 1_763_640_000_123
T_NS: Final = T_MS * 1_000_000
JSON: Final = {"content-type": "application/json"}


def instrument(
    symbol: str = "ABCUSDT", tick: str | None = "0.01", lot: str | None = "0.001"
) -> Instrument:
    """Return an instrument with steps."""
    return Instrument(
        InstrumentId(f"binance_futures:{symbol}"),
        "previous_id",
        tick_size=None if tick is None else Decimal(tick),
        lot_size=None if lot is None else Decimal(lot),
    )


def a_trade_wire(*others: Instrument, rest: str = REST) -> Any:
    """Return a wire that knows ABCUSDT with a tick of 0.01 and a lot of 0.001."""
    wire = BinanceTradeWire(Endpoints(rest, STREAM), CREDENTIALS)
    for one in (instrument(), *others):
        wire.learn(one)
    return wire


def an_intent(**changed: Any) -> OrderIntent:
    """Return a buy of 5 lots at 1,000 ticks."""
    fields: dict[str, Any] = {
        "side": "buy",
        "type": "limit",
        "qty_lots": 5,
        "limit_ticks": 1_000,
    } | changed
    return OrderIntent(OrderSpec(ABC, **fields))


def a_stop(**changed: Any) -> OrderIntent:
    """Return a stop that sells 5 lots below 900 ticks."""
    fields: dict[str, Any] = {
        "side": "sell",
        "type": "stop",
        "limit_ticks": None,
        "trigger_ticks": 900,
    }
    return an_intent(**fields | changed)


def seen(*fields: Any) -> OrderSeen:
    """Return an order as it is seen."""
    return OrderSeen(*fields)


def filled(*fields: Any) -> OrderFilled:
    """Return a fill."""
    return OrderFilled(*fields)


def replaced(*fields: Any) -> OrderReplaced:
    """Return an amend that was confirmed."""
    return OrderReplaced(*fields)


def answer(
    wire: BinanceTradeWire, request: TradeRequest, body: object, status: int = 200, **headers: str
) -> Any:
    """Return what a wire makes of an answer; a body that is no bytes is written as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return wire.decode(request, status, JSON | named, raw, T_NS)


def failed(
    wire: BinanceTradeWire, request: TradeRequest, code: int, msg: str = "no", status: int = 400
) -> Any:
    """Return what a wire makes of an error."""
    return answer(wire, request, {"code": code, "msg": msg}, status)


def order_row(**changed: Any) -> dict[str, Any]:
    """Return an order as REST shows it."""
    row = {
        "symbol": "ABCUSDT",
        "orderId": 77,
        "clientOrderId": CID,
        "status": "NEW",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "origQty": "0.005",
        "executedQty": "0.000",
        "price": "10.00",
        "avgPrice": "0.00",
        "stopPrice": "0",
        "reduceOnly": False,
        "positionSide": "BOTH",
        "updateTime": T_MS,
    }
    return row | changed


def algo_row(**changed: Any) -> dict[str, Any]:
    """Return a conditional order as REST shows it."""
    row = {
        "algoId": 9001,
        "clientAlgoId": CID,
        "algoType": "CONDITIONAL",
        "symbol": "ABCUSDT",
        "side": "SELL",
        "orderType": "STOP_MARKET",
        "algoStatus": "NEW",
        "quantity": "0.005",
        "price": "0.00",
        "triggerPrice": "9.00",
        "actualOrderId": "",
        "reduceOnly": True,
        "closePosition": False,
        "updateTime": T_MS,
    }
    return row | changed


def trade_row(**changed: Any) -> dict[str, Any]:
    """Return a fill as REST shows it."""
    row = {
        "symbol": "ABCUSDT",
        "id": 501,
        "orderId": 77,
        "side": "BUY",
        "price": "10.00",
        "qty": "0.002",
        "commission": "0.00000800",
        "commissionAsset": "USDT",
        "time": T_MS,
        "maker": True,
        "positionSide": "BOTH",
    }
    return row | changed


def order_update(**changed: Any) -> bytes:
    """Return an ORDER_TRADE_UPDATE."""
    order = {
        "s": "ABCUSDT",
        "c": CID,
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.005",
        "p": "10.00",
        "sp": "0",
        "x": "NEW",
        "X": "NEW",
        "i": 77,
        "l": "0",
        "z": "0",
        "L": "0",
        "T": T_MS,
        "t": 0,
        "m": False,
        "R": False,
        "er": "0",
    }
    told = {"e": "ORDER_TRADE_UPDATE", "E": T_MS, "T": T_MS, "o": order | changed}
    return msgspec.json.encode(told)


def fill_update(**changed: Any) -> bytes:
    """Return an ORDER_TRADE_UPDATE with a fill of 2 lots."""
    fill = {"x": "TRADE", "X": "PARTIALLY_FILLED", "l": "0.002", "z": "0.002", "L": "10.00"}
    return order_update(**fill | {"t": 501, "n": "0.00000800", "N": "USDT", "m": True} | changed)


def algo_update(**changed: Any) -> bytes:
    """Return an ALGO_UPDATE."""
    order = {
        "caid": CID,
        "aid": 9001,
        "at": "CONDITIONAL",
        "o": "STOP_MARKET",
        "s": "ABCUSDT",
        "S": "SELL",
        "q": "0.005",
        "X": "NEW",
        "ai": "",
        "tp": "9.00",
        "p": "0",
        "R": True,
        "rm": "",
    }
    return msgspec.json.encode({"e": "ALGO_UPDATE", "E": T_MS, "T": T_MS, "o": order | changed})
