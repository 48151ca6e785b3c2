"""Who sits in front of screens: at most one of them may give orders, the others look."""


class Seats:
    """The attached screens by operator, in the order in which they came.

    `holder` is the one that may give orders; empty: nobody. A screen that joined to look only is
    nobody's hand until it takes the orders over.
    """

    def __init__(self) -> None:
        self.holder = ""
        self._looks_only: dict[str, bool] = {}

    @property
    def is_attended(self) -> bool:
        """Whether a screen is there that gives orders or could without being attached anew."""
        return not all(self._looks_only.values())

    def join(self, operator: str, *, looks_only: bool) -> None:
        """Seat a screen; the first that may gives the orders."""
        self._looks_only[operator] = looks_only
        if not looks_only and not self.holder:
            self.holder = operator

    def leave(self, operator: str) -> bool:
        """Free a seat; returns whether the orders are in nobody's hand because of it."""
        self._looks_only.pop(operator, None)
        if operator != self.holder:
            return False
        self.holder = ""
        return True

    def take(self, operator: str) -> None:
        """Let another screen give the orders from now on."""
        self._looks_only[operator] = False
        self.holder = operator

    @property
    def screens(self) -> tuple[str, ...]:
        """The operators at screens, in the order in which they came."""
        return tuple(self._looks_only)

    def is_screen(self, operator: str) -> bool:
        """Whether an operator sits at a screen; commands from a shell do not."""
        return operator in self._looks_only

    def looks(self, operator: str) -> bool:
        """Whether an operator is at a screen that does not give the orders."""
        return operator in self._looks_only and operator != self.holder

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything kept, as plain values."""
        return (self.holder, list(self._looks_only.items()))
