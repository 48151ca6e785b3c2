"""Which client order id the venue's own numbers stand for.

The venue's fills name an order by its number only, and what a conditional order becomes when it
is triggered has a number of its own. Bounded: what is forgotten is asked of the venue again.
"""

import re
from typing import Final

from engine.model.account import BY_VENUE_ID

NAMES_MAX: Final = 50_000
"""More orders than a day of trading has; the oldest go first."""

CONDITIONAL: Final = "algo-"
"""Begins the venue order id of a conditional order, whose numbers are counted apart."""

_OURS: Final = re.compile(r"ck[0-9a-z]{2,34}", re.ASCII)


def is_ours(client_order_id: str) -> bool:
    """Whether a client order id is one that our ledgers give out."""
    return _OURS.fullmatch(client_order_id) is not None


class OrderNames:
    """Remembers order numbers of each symbol."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, int], str] = {}
        self._children: dict[str, int] = {}

    def learn(self, symbol: str, number: int, client_order_id: str) -> None:
        """Take in whose number that is; what a conditional order became keeps its name.

        Where the number had to stand for a name, the name takes its place.
        """
        known = self._names.get((symbol, number))
        if known is None and len(self._names) >= NAMES_MAX:
            del self._names[next(iter(self._names))]
        if known is None or known.startswith(BY_VENUE_ID):
            self._names[symbol, number] = client_order_id

    def learn_child(self, symbol: str, number: int, client_order_id: str) -> None:
        """Take in the number of what a conditional order became."""
        self._names.pop((symbol, number), None)
        self.learn(symbol, number, client_order_id)
        if client_order_id not in self._children and len(self._children) >= NAMES_MAX:
            del self._children[next(iter(self._children))]
        self._children[client_order_id] = number

    def find(self, symbol: str, number: int) -> str | None:
        """Return the client order id of a number."""
        return self._names.get((symbol, number))

    def child(self, client_order_id: str) -> int | None:
        """Return the number of what a conditional order became, if it was triggered."""
        return self._children.get(client_order_id)
