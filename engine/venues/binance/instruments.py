"""Binance's instruments: from exchangeInfo to ours."""

from decimal import Decimal, InvalidOperation
from typing import Final

from engine.model.errors import VenuePayloadError
from engine.model.instrument import Instrument, SequenceRule, instrument_id
from engine.venues.binance.payloads import SymbolInfo

SEQUENCE_RULES: Final[dict[str, SequenceRule]] = {
    "binance_futures": "previous_id",
    "binance": "contiguous_ids",
}

QUOTES_BY_SUFFIX: Final = (
    *("FDUSD", "USDT", "USDC", "BUSD", "TUSD"),
    *("BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY", "USD"),
)
"""Quote currencies told from a symbol's end, for recordings without metadata; longest first."""


def described(venue: str, info: SymbolInfo) -> Instrument:
    """Return the instrument that a symbol of exchangeInfo describes."""
    tick = lot = notional = None
    for item in info.filters:
        if item.filterType == "PRICE_FILTER":
            tick = _step(item.tickSize)
        elif item.filterType == "LOT_SIZE":
            lot = _step(item.stepSize)
        elif item.filterType in {"MIN_NOTIONAL", "NOTIONAL"}:
            notional = _step(item.notional or item.minNotional)
    return Instrument(
        instrument_id=instrument_id(venue, info.symbol),
        sequence_rule=SEQUENCE_RULES[venue],
        base=info.baseAsset,
        quote=info.quoteAsset,
        tick_size=tick,
        lot_size=lot,
        notional_min=notional,
        is_trading=info.status == "TRADING",
    )


def undescribed(venue: str, symbol: str) -> Instrument:
    """Return an instrument of which only the name is known."""
    quote = next((q for q in QUOTES_BY_SUFFIX if symbol.endswith(q) and symbol != q), "")
    return Instrument(
        instrument_id=instrument_id(venue, symbol),
        sequence_rule=SEQUENCE_RULES[venue],
        base=symbol.removesuffix(quote) if quote else symbol,
        quote=quote,
    )


def _step(text: str) -> Decimal | None:
    try:
        step = Decimal(text)
    except InvalidOperation as error:
        raise VenuePayloadError("filter is not a number", text) from error
    if not step.is_finite() or step < 0:
        raise VenuePayloadError("filter is not a step", text)
    return step or None
