"""Binance's instruments: from exchangeInfo to ours."""

from decimal import Decimal
from typing import Final

from engine.model.instrument import Instrument, SequenceRule, instrument_id
from engine.model.numbers import split_decimal
from engine.venues.binance.payloads import SymbolInfo
from engine.venues.scaling import require

SEQUENCE_RULES: Final[dict[str, SequenceRule]] = {
    "binance_futures": "previous_id",
    "binance": "contiguous_ids",
}

SYMBOL_LETTERS_MAX: Final = 40

QUOTES_BY_SUFFIX: Final = (
    *("FDUSD", "USDT", "USDC", "BUSD", "TUSD"),
    *("BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY", "USD"),
)
"""Quote currencies told from a symbol's end, for recordings without metadata; longest first."""


def described(venue: str, info: SymbolInfo) -> Instrument:
    """Return the instrument that a symbol of exchangeInfo describes.

    Raises:
        VenuePayloadError: A step is not a plain number, or finer than any; or it has no name.
    """
    require_name(info.symbol)
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
        has_numbered_trades=True,
    )


def require_name(symbol: str) -> None:
    """Refuse what is no name of an instrument.

    Raises:
        VenuePayloadError: It is none.
    """
    is_name = 0 < len(symbol) <= SYMBOL_LETTERS_MAX and symbol.isprintable()
    require(is_name, "not a symbol", symbol)


def undescribed(venue: str, symbol: str) -> Instrument:
    """Return an instrument of which only the name is known."""
    quote = next((q for q in QUOTES_BY_SUFFIX if symbol.endswith(q) and symbol != q), "")
    return Instrument(
        instrument_id=instrument_id(venue, symbol),
        sequence_rule=SEQUENCE_RULES[venue],
        base=symbol.removesuffix(quote) if quote else symbol,
        quote=quote,
        has_numbered_trades=True,
    )


def _step(text: str) -> Decimal | None:
    """Return a step; None for none, which spot writes as zero."""
    if not text:
        return None
    split_decimal(text)
    return Decimal(text) or None
