"""Instruments: what can be traded, where, and in which steps."""

from decimal import Decimal
from typing import Literal, NewType

import msgspec

InstrumentId = NewType("InstrumentId", str)
"""Venue, colon, the venue's own name, case preserved: `binance_futures:BTCUSDT`."""

SequenceRule = Literal["previous_id", "contiguous_ids", "linked_ids"]
"""How a venue's book events join: each names the last id of the event before (`previous_id`), or
each begins one above the last id of the event before (`contiguous_ids`), or each names the event
before while ids may also stay or fall, and a whole book opens the stream (`linked_ids`)."""

USD_QUOTES = frozenset({"USD", "USDT", "USDC"})
"""Quote currencies that count as dollars wherever a threshold is in dollars."""


def instrument_id(venue: str, symbol: str) -> InstrumentId:
    """Return the id of a venue's symbol."""
    assert venue
    assert symbol
    return InstrumentId(f"{venue}:{symbol}")


def venue_of(instrument: InstrumentId) -> str:
    """Return the venue's name."""
    return instrument.partition(":")[0]


def symbol_of(instrument: InstrumentId) -> str:
    """Return the venue's own name of the instrument."""
    return instrument.partition(":")[2]


class Instrument(msgspec.Struct, frozen=True, gc=False):
    """One instrument as its venue describes it.

    `None` in a step means that the venue has not said it (a recording without metadata, for
    example); nothing may be ordered then.
    """

    instrument_id: InstrumentId
    sequence_rule: SequenceRule
    base: str = ""
    quote: str = ""
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    notional_min: Decimal | None = None
    is_trading: bool = False
    is_inverse: bool = False
    contract_size: Decimal | None = None
    """Base amount of one contract, where the venue counts contracts and we count base; None where
    both count the same: spot, and inverse contracts, whose base amount depends on the price."""
    has_numbered_trades: bool = False
    """The ids of its trades leave none out: a jump is a loss."""

    @property
    def is_quoted_in_dollars(self) -> bool:
        """Whether a notional of this instrument counts as dollars."""
        return self.quote in USD_QUOTES
