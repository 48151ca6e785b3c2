"""OKX's instruments: from its lists to ours.

Sizes of spot are base amounts at the venue already. A linear contract is a fixed base amount, so
its sizes are brought into base: what is shown, limited and traded is coins. The base amount of an
inverse contract depends on the price, so its sizes stay contracts, and it is not traded.
"""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from engine.model.instrument import Instrument, instrument_id
from engine.model.numbers import split_decimal
from engine.venues.okx.payloads import InstrumentData

VENUE: Final = "okx"
SPOT_PARTS: Final = 2
"""`BTC-USDT`; contracts have a third part, options five."""


def described(item: InstrumentData) -> Instrument:
    """Return the instrument that the venue describes.

    Raises:
        VenuePayloadError: A step is not a plain number, or finer than any.
    """
    found = Instrument(
        instrument_id=instrument_id(VENUE, item.instId),
        sequence_rule="linked_ids",
        base=item.baseCcy,
        quote=item.quoteCcy,
        tick_size=_step(item.tickSz),
        lot_size=_step(item.lotSz),
        is_trading=item.state == "live",
    )
    if item.instType == "SPOT":
        return found
    if item.ctType == "inverse":
        base, _, rest = item.instId.partition("-")
        quote = rest.partition("-")[0]
        return replace(found, base=base, quote=quote, is_inverse=True)
    value, times, lot = _step(item.ctVal), _step(item.ctMult or "1"), found.lot_size
    if item.ctType != "linear" or value is None or times is None or lot is None:
        # Nobody can say how much a contract is: it is shown, and has no lot to order in.
        return replace(found, base=item.ctValCcy, quote="", lot_size=None)
    size = value * times
    return replace(
        found,
        base=item.ctValCcy,
        quote=item.settleCcy,
        lot_size=lot * size,
        contract_size=size,
    )


def undescribed(symbol: str) -> Instrument:
    """Return an instrument of which only the name is known.

    A quote currency is told for spot and inverse contracts only: sizes of a linear contract are
    of unknown amount, so nothing of it may be reckoned in dollars.
    """
    base, *others = symbol.split("-")
    quote = others[0] if others else ""
    is_spot = len(others) == SPOT_PARTS - 1
    is_inverse = len(others) == SPOT_PARTS and quote == "USD"
    return Instrument(
        instrument_id=instrument_id(VENUE, symbol),
        sequence_rule="linked_ids",
        base=base,
        quote=quote if is_spot or is_inverse else "",
        is_inverse=is_inverse,
    )


def _step(text: str) -> Decimal | None:
    """Return a step or a contract's value; None for none."""
    if not text:
        return None
    split_decimal(text)
    return Decimal(text) or None
