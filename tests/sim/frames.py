"""What left the engine, frame by frame; at a wire it is read anew from the bytes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from engine.execution.positions import Steps
from engine.fake.trading.exchange import VenueRequest
from engine.model.instrument import InstrumentId, instrument_id
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import OrderSpec, OrderType, TimeInForce

_KINDS: Final = {
    ("POST", "/fapi/v1/order"): "place",
    ("POST", "/fapi/v1/algoOrder"): "place",
    ("PUT", "/fapi/v1/order"): "replace",
    ("DELETE", "/fapi/v1/order"): "cancel",
    ("DELETE", "/fapi/v1/algoOrder"): "cancel",
    ("DELETE", "/fapi/v1/allOpenOrders"): "cancel",
    ("DELETE", "/fapi/v1/algoOpenOrders"): "cancel",
}
"""Whatever else leaves changes no order."""

_NAMES: Final = ("newClientOrderId", "origClientOrderId", "clientAlgoId")
_TYPES: Final[dict[str, OrderType]] = {
    "LIMIT": "limit",
    "MARKET": "market",
    "STOP": "stop",
    "STOP_MARKET": "stop",
    "TAKE_PROFIT": "take_profit",
    "TAKE_PROFIT_MARKET": "take_profit",
}
_TIFS: Final[dict[str, TimeInForce]] = {"GTC": "gtc", "GTX": "gtc", "IOC": "ioc", "FOK": "fok"}

StepsOf = Callable[[InstrumentId], Steps]


class Frame(NamedTuple):
    """One message of the engine, as it left.

    `spec` is what an order asks for, and what it asked for before where it is amended to another
    `limit` and size.
    """

    ts_ns: int
    kind: str
    client_order_id: str
    spec: OrderSpec | None = None
    limit: int | None = None
    lots: int | None = None


def read_frame(request: VenueRequest, venue: str, ts_ns: int, steps_of: StepsOf) -> Frame | None:
    """Read a request; None for one that is about no order."""
    kind = _KINDS.get((request.method, request.path))
    if kind is None:
        return None
    text = request.query or request.body.decode("ascii")
    told = dict(parse_qsl(text, strict_parsing=True))
    name = next((told[key] for key in _NAMES if key in told), "")
    if kind == "cancel":
        return Frame(ts_ns, kind, name)
    key = instrument_id(venue, told["symbol"])
    steps = steps_of(key)
    lots, limit = _whole(told["quantity"], steps.lot_size), _price(told, "price", steps)
    if kind == "replace":
        return Frame(ts_ns, kind, name, None, limit, lots)
    return Frame(ts_ns, kind, name, _spec(told, key, steps))


def _spec(told: dict[str, str], key: InstrumentId, steps: Steps) -> OrderSpec:
    kind = _TYPES[told["type"]]
    return OrderSpec(
        key,
        "buy" if told["side"] == "BUY" else "sell",
        kind,
        QtyLots(_whole(told["quantity"], steps.lot_size)),
        _price(told, "price", steps),
        _price(told, "triggerPrice", steps),
        tif=_TIFS[told["timeInForce"]] if "timeInForce" in told else "gtc",
        is_post_only=told.get("timeInForce") == "GTX",
        is_reduce_only=told.get("reduceOnly") == "true",
    )


def _price(told: dict[str, str], field: str, steps: Steps) -> PriceTicks | None:
    text = told.get(field)
    return None if text is None else PriceTicks(_whole(text, steps.tick_size))


def _whole(text: str, step: Decimal) -> int:
    """Return the steps in a number; one that is between two of them is no step, and says so."""
    steps, rest = divmod(Decimal(text), step)
    return int(steps) if not rest else -1


class Standing(NamedTuple):
    """An order that a venue has, or that is on its way there, with the lots that may fill."""

    client_order_id: str
    spec: OrderSpec
    left_lots: int
    is_there: bool = True


def lapses_ms(request: VenueRequest) -> int:
    """Return until when the venue takes a signed request, by its own clock."""
    told = dict(parse_qsl(request.query or request.body.decode("ascii")))
    return int(told["timestamp"]) + int(told["recvWindow"])
