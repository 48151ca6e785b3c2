"""What a symbol allows: Binance's filters, read from and written to its exchangeInfo."""

from decimal import Decimal
from typing import Final

import msgspec

from engine.fake.trading.answers import Refusal, plain_text

ANY_PRICE: Final = Decimal(1_000_000_000)


class SymbolRules(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol's filters."""

    symbol: str
    base: str
    quote: str = "USDT"
    status: str = "TRADING"
    tick: Decimal
    price_min: Decimal = Decimal(0)
    price_max: Decimal = ANY_PRICE
    step: Decimal
    qty_min: Decimal
    qty_max: Decimal = Decimal(1_000_000)
    market_qty_max: Decimal = Decimal(1_000_000)
    notional_min: Decimal = Decimal(5)
    band_up: Decimal = Decimal("1.1")
    band_down: Decimal = Decimal("0.9")
    """Limit prices lie between these multiples of the mark price."""
    orders_max: int = 200
    leverage: int = 20

    @property
    def is_trading(self) -> bool:
        """Whether orders are taken."""
        return self.status == "TRADING"


class _Filter(msgspec.Struct, rename="camel"):
    filter_type: str
    min_price: Decimal = Decimal(0)
    max_price: Decimal = ANY_PRICE
    tick_size: Decimal = Decimal(1)
    min_qty: Decimal = Decimal(0)
    max_qty: Decimal = Decimal(1_000_000)
    step_size: Decimal = Decimal(1)
    notional: Decimal = Decimal(0)
    multiplier_up: Decimal = Decimal(10)
    multiplier_down: Decimal = Decimal(0)
    limit: int = 200


class _Symbol(msgspec.Struct, rename="camel"):
    symbol: str
    base_asset: str
    quote_asset: str
    status: str
    filters: list[_Filter]


class _Info(msgspec.Struct):
    symbols: list[_Symbol]


def read_rules(exchange_info: bytes) -> dict[str, SymbolRules]:
    """Read the filters of every symbol that has prices and sizes, from a recorded exchangeInfo."""
    info = msgspec.json.decode(exchange_info, type=_Info)
    found = {}
    for one in info.symbols:
        by_type = {each.filter_type: each for each in one.filters}
        price, lot = by_type.get("PRICE_FILTER"), by_type.get("LOT_SIZE")
        if price is None or lot is None:
            continue
        whole = _Filter("")
        band = by_type.get("PERCENT_PRICE", whole)
        found[one.symbol] = SymbolRules(
            symbol=one.symbol,
            base=one.base_asset,
            quote=one.quote_asset,
            status=one.status,
            tick=price.tick_size,
            price_min=price.min_price,
            price_max=price.max_price,
            step=lot.step_size,
            qty_min=lot.min_qty,
            qty_max=lot.max_qty,
            market_qty_max=by_type.get("MARKET_LOT_SIZE", lot).max_qty,
            notional_min=by_type.get("MIN_NOTIONAL", whole).notional,
            band_up=band.multiplier_up,
            band_down=band.multiplier_down,
            orders_max=by_type.get("MAX_NUM_ORDERS", whole).limit,
        )
    return found


def info_row(rules: SymbolRules) -> dict[str, object]:
    """Return a symbol as exchangeInfo lists it."""
    lot = {"minQty": plain_text(rules.qty_min), "stepSize": plain_text(rules.step)}
    filters: list[dict[str, object]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": plain_text(rules.price_min),
            "maxPrice": plain_text(rules.price_max),
            "tickSize": plain_text(rules.tick),
        },
        {"filterType": "LOT_SIZE", "maxQty": plain_text(rules.qty_max), **lot},
        {"filterType": "MARKET_LOT_SIZE", "maxQty": plain_text(rules.market_qty_max), **lot},
        {"filterType": "MAX_NUM_ORDERS", "limit": rules.orders_max},
        {"filterType": "MIN_NOTIONAL", "notional": plain_text(rules.notional_min)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": plain_text(rules.band_up),
            "multiplierDown": plain_text(rules.band_down),
            "multiplierDecimal": "4",
        },
    ]
    return {
        "symbol": rules.symbol,
        "pair": rules.symbol,
        "contractType": "PERPETUAL",
        "status": rules.status,
        "baseAsset": rules.base,
        "quoteAsset": rules.quote,
        "marginAsset": rules.quote,
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "filters": filters,
    }


def check_price(rules: SymbolRules, price: Decimal, mark: Decimal | None, *, is_buy: bool) -> None:
    """Refuse a price that PRICE_FILTER or PERCENT_PRICE does not allow."""
    if price <= rules.price_min or price > rules.price_max:
        raise Refusal(-4013)
    if _places(price) > _places(rules.tick):
        raise Refusal(-1111)
    if price % rules.tick:
        raise Refusal(-4014)
    if mark is None:
        return
    if is_buy and price > mark * rules.band_up:
        raise Refusal(-4016)
    if not is_buy and price < mark * rules.band_down:
        raise Refusal(-4024)


def check_qty(rules: SymbolRules, qty: Decimal, *, is_market: bool) -> None:
    """Refuse a size that LOT_SIZE or MARKET_LOT_SIZE does not allow."""
    if qty <= 0:
        raise Refusal(-4003)
    if _places(qty) > _places(rules.step):
        raise Refusal(-1111)
    if qty < rules.qty_min:
        raise Refusal(-4004)
    if qty > (rules.market_qty_max if is_market else rules.qty_max):
        raise Refusal(-4005)
    if qty % rules.step:
        raise Refusal(-4023)


def check_notional(rules: SymbolRules, price: Decimal | None, qty: Decimal) -> None:
    """Refuse an order that is worth too little; the caller lets reduce-only ones pass."""
    if price is not None and price * qty < rules.notional_min:
        least = plain_text(rules.notional_min)
        text = f"Order's notional must be no smaller than {least} (unless you choose reduce only)."
        raise Refusal(-4164, text)


def _places(value: Decimal) -> int:
    """Return the decimal places that matter."""
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "checked to be a number"
    return max(0, -exponent)
