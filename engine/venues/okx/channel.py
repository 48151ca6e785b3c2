"""One instrument on OKX's wire: its description, its scales, what it waits for."""

from decimal import Decimal

import msgspec

from engine.model.instrument import Instrument
from engine.model.market import Level
from engine.venues.okx.payloads import BookLevel
from engine.venues.scaling import Scaled, sizes_of


class Channel(Scaled):
    """One instrument.

    `mark_price` is the newest one with its time, and `funding` the newest rate with the time it is
    due. `is_streamed` tells whether the stream brought a whole book after it was last asked for
    one.
    """

    __slots__ = ("funding", "is_streamed", "mark_price")

    def __init__(self, instrument: Instrument) -> None:
        super().__init__(instrument)
        self.is_streamed = False
        self.mark_price: tuple[Decimal, int] | None = None
        self.funding: tuple[Decimal | None, int] = None, 0

    def levels(self, levels: list[BookLevel]) -> list[Level]:
        """Decode levels of a book."""
        prices, sizes = self.prices, self.sizes
        return [(prices[level.price], sizes[level.size]) for level in levels]

    def take(self, instrument: Instrument) -> None:
        """Take in a new description.

        Sizes that were told count contracts of the size known then. If that was another one they
        cannot be mended: the old unit stays, and nothing may be ordered any more.
        """
        if instrument.contract_size != self.instrument.contract_size:
            if self.announced:
                self.instrument = msgspec.structs.replace(self.instrument, is_trading=False)
                return
            self.sizes = sizes_of(instrument)
        super().take(instrument)
