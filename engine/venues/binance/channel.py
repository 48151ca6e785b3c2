"""One instrument on Binance's wires: its description and the scales of its texts."""

from engine.model.market import Level
from engine.venues.binance.payloads import Levels
from engine.venues.scaling import Scaled


class Channel(Scaled):
    """One instrument."""

    __slots__ = ()

    def levels(self, texts: Levels) -> list[Level]:
        """Decode levels of a book."""
        prices, sizes = self.prices, self.sizes
        return [(prices[price], sizes[size]) for price, size in texts]
