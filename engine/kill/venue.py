"""The kill at one venue: look, cancel, look again, until nothing that is to go is there (R72, R74).

What was signed before the latch may still arrive for as long as its signature lives. So the last
of two clean looks is one that was asked after that.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from engine.kill.clock import KillClock, seconds
from engine.kill.rest import Rest
from engine.model.errors import VenueUnreachable
from engine.model.numbers import NS_PER_S
from engine.venues.trading import HeldPosition, OpenOrder, TradeRequest

APART_NS: Final = NS_PER_S
"""Between two looks that count (R74)."""
MARGIN_NS: Final = NS_PER_S
"""Beyond the life of a signature, which the venue takes for so much ahead of its clock at most."""
DELAY_S_MAX: Final = 5
"""Between two rounds that did not come to an end: a second at first."""
PATIENCE_NS: Final = 5 * NS_PER_S
"""Before the first line that says that orders are still there."""
ALARM_NS: Final = 30 * NS_PER_S
"""Between two lines that say that nothing is verified (§3.3)."""
FATES_MAX: Final = 100
"""Orders whose end is asked for, for the report."""

FILLED: Final = frozenset({"FILLED", "FINISHED"})
"""The venue's words for the end of a plain order, and of one that became another."""

Say = Callable[[str], None]
OrderKey = tuple[bool, str]
"""Whether it is conditional, and the venue's number."""


class Policy(NamedTuple):
    """What is to go."""

    symbol: str = ""
    """Only of this one; empty: of all."""
    with_stops: bool = False
    """Also what protects an open position."""
    clears_stops: bool = True
    """Whether to cancel all of a symbol at once may take its conditional orders along (§3.5)."""

    @property
    def guards_stops(self) -> bool:
        """Whether that has to be avoided."""
        return self.clears_stops and not self.with_stops


class VenueKill:
    """All that one venue has shown, and what was asked of it.

    Args:
        name: The venue's.
        rest: The way there.
        validity_ns: Life of a signed request.
        policy: What is to go.
        say: Takes lines for people.
    """

    def __init__(
        self, name: str, rest: Rest, clock: KillClock, validity_ns: int, policy: Policy, say: Say
    ) -> None:
        self.name = name
        self.rest = rest
        self.policy = policy
        self.is_verified = False
        self.problem = "not asked yet"
        """Why it is not verified; nothing while all is well."""
        self.left: dict[OrderKey, OpenOrder] = {}
        self.kept: dict[OrderKey, OpenOrder] = {}
        self.held: dict[str, HeldPosition] = {}
        self.filled = 0
        """Of those that are gone, as far as the venue told."""
        self._clock = clock
        self._say = say
        self._latched_ns = clock.now_ns()
        self._validity_ns = validity_ns
        self._seen: dict[OrderKey, OpenOrder] = {}
        self._first: dict[str, HeldPosition] | None = None
        self._clean_ns: int | None = None
        """When the first of the clean looks in a row was asked."""
        self._alarm_ns = self._latched_ns + PATIENCE_NS
        self._is_answered = True
        """Whether the venue told all in the newest round."""
        self._guarded: set[str] | None = None
        """Symbols in which something protects and stays; None: nobody has told in this round."""

    def run(self, until_ns: int | None = None) -> None:
        """Go on until it is verified, or until a time; again, and it is verified anew."""
        self.is_verified, self._clean_ns = False, None
        rounds = 0
        while True:
            asked_ns = self._clock.now_ns()
            is_clean = self._round()
            self._judge(asked_ns, is_clean=is_clean)
            if self.is_verified:
                self._learn_fates()
                return
            rounds = 0 if is_clean else rounds + 1
            delay_s = max(float(min(max(rounds, 1), DELAY_S_MAX)), self.rest.pause_s)
            if until_ns is not None and self._clock.now_ns() + delay_s * NS_PER_S > until_ns:
                return
            self._raise_alarm()
            self._clock.sleep(delay_s)

    def look_at_positions(self) -> None:
        """Learn what is held now.

        Raises:
            VenueUnreachable: The venue did not say.
        """
        self.held = self._positions(self.rest.rows(self.rest.wire.survey()[-1]))

    def lines(self) -> list[str]:
        """Return the report (R75)."""
        gone = len(self._seen.keys() - self.left.keys() - self.kept.keys())
        counts = f"cancelled {gone - self.filled}, filled during the kill {self.filled}"
        verdict = "VERIFIED" if self.is_verified else f"NOT VERIFIED ({self.problem})"
        lines = [f"{self.name}: {counts}, left {len(self.left)}, {verdict}"]
        lines += [f"  still open: {_told(order)}" for order in self.left.values()]
        lines += [f"  stays, because it protects: {_told(order)}" for order in self.kept.values()]
        lines += [f"  {_held(position)}" for position in self.held.values()]
        lines += [f"  {text}" for text in self._moved()]
        if self.is_verified and not self.held:
            lines.append("  no position is held")
        return lines

    # One round

    def _round(self) -> bool:
        """Look once and cancel what is there; returns whether nothing was, and all was told."""
        self.problem, self._guarded = "", None
        plain_query, *others = self.rest.wire.survey()
        plain, is_put_off = dict[OrderKey, OpenOrder](), False
        try:
            plain = self._orders(self.rest.rows(plain_query))
            is_put_off = self.policy.guards_stops and len(plain) > len(others)
            if not is_put_off:
                self._cancel_plain(plain)
            rows = [row for query in others for row in self.rest.rows(query)]
        except VenueUnreachable as error:
            if is_put_off:
                self._cancel_plain(plain)
            self.problem = str(error)
            if self._is_answered:
                self._alarm_ns = min(self._alarm_ns, self._clock.now_ns())
            self._is_answered = False
            return False
        self._is_answered = True
        self.held = self._positions(rows)
        self._first = self.held if self._first is None else self._first
        conditional = self._orders(rows)
        self._seen |= conditional
        going = {key: one for key, one in conditional.items() if not self._protects(one)}
        self.kept = {key: one for key, one in conditional.items() if key not in going}
        self._guarded = {order.symbol for order in self.kept.values()}
        if is_put_off:
            self._cancel_plain(plain)
        for order in going.values():
            self._ask(self.rest.wire.cancel_open(order))
        self.left = plain | going
        if self.left and not self.problem:
            self.problem = f"{len(self.left)} orders were just there"
        return not self.left

    def _cancel_plain(self, orders: dict[OrderKey, OpenOrder]) -> None:
        """Cancel all of each symbol; one that was there before is named too.

        Where that might take along what protects, each is named instead. Whether it might is known
        after a look; no more orders than that takes requests do not wait for it.
        """
        swept = [symbol for symbol in _symbols(orders) if not self._is_guarded(symbol)]
        named = [one for key, one in orders.items() if key in self._seen or one.symbol not in swept]
        self._seen |= orders
        self.left = {**self.left, **orders}
        for symbol in swept:
            self._ask(self.rest.wire.clear(symbol))
        for order in named:
            self._ask(self.rest.wire.cancel_open(order))

    def _is_guarded(self, symbol: str) -> bool:
        """Whether something that protects may go if all of a symbol is canceled at once."""
        return self.policy.guards_stops and (self._guarded is None or symbol in self._guarded)

    def _ask(self, request: TradeRequest) -> None:
        """Send a cancel; what proves that it worked is the next look."""
        try:
            answer = self.rest.ask(request)
        except VenueUnreachable as error:
            self.problem = str(error)
            return
        if answer.verdict == "unknown":
            self.problem = answer.reason

    def _judge(self, asked_ns: int, *, is_clean: bool) -> None:
        """Verify by the second clean look, asked when nothing signed can arrive any more."""
        if not is_clean:
            self._clean_ns = None
            return
        if self._clean_ns is None:
            self._clean_ns = asked_ns
        late_ns = self._latched_ns + self._validity_ns + MARGIN_NS
        is_second = asked_ns - self._clean_ns >= APART_NS
        self.is_verified = is_second and asked_ns >= late_ns
        if not self.is_verified:
            self.problem = "looked once" if asked_ns >= late_ns else "an order may be on its way"

    def _raise_alarm(self) -> None:
        """Say that it is not verified: at once where the venue is silent, then again and again."""
        now_ns = self._clock.now_ns()
        if self._clean_ns is None and self.problem and now_ns >= self._alarm_ns:
            age_s = seconds(now_ns - self._latched_ns)
            self._say(f"{self.name}: NOT VERIFIED for {age_s:.0f} s ({self.problem}); goes on")
            self._alarm_ns = now_ns + ALARM_NS

    def _learn_fates(self) -> None:
        """Ask how the orders ended that are gone; what is not told counts as canceled."""
        self.filled = 0
        gone = [order for key, order in self._seen.items() if key not in self.kept]
        for order in gone[:FATES_MAX]:
            try:
                told = self.rest.rows(self.rest.wire.fate(order))
            except VenueUnreachable:
                return
            self.filled += not FILLED.isdisjoint(told)

    # What rows say

    def _orders(self, rows: Iterable[object]) -> dict[OrderKey, OpenOrder]:
        return {
            (row.is_conditional, row.order_id): row
            for row in rows
            if isinstance(row, OpenOrder) and self.policy.symbol in {"", row.symbol}
        }

    def _positions(self, rows: Iterable[object]) -> dict[str, HeldPosition]:
        return {
            row.symbol: row
            for row in rows
            if isinstance(row, HeldPosition) and self.policy.symbol in {"", row.symbol}
        }

    def _protects(self, order: OpenOrder) -> bool:
        """Whether it closes what is held, and so stays (D17)."""
        held = self.held.get(order.symbol)
        if self.policy.with_stops or held is None or not order.is_reduce_only:
            return False
        return order.is_buy == (held.qty < 0)

    def _moved(self) -> list[str]:
        """Tell which positions have changed since the first look."""
        first = self._first or {}
        told = []
        for symbol in dict.fromkeys((*first, *self.held)):
            before = first[symbol].qty if symbol in first else Decimal(0)
            after = self.held[symbol].qty if symbol in self.held else Decimal(0)
            if before != after:
                was, now = signed(before), signed(after)
                told.append(f"{symbol} was {was} when the kill began, is {now}")
        return told


def _symbols(orders: Mapping[OrderKey, OpenOrder]) -> list[str]:
    return list(dict.fromkeys(order.symbol for order in orders.values()))


def signed(qty: Decimal) -> str:
    """Return a size with its sign, as people write it."""
    return f"{qty.normalize():+f}"


def _told(order: OpenOrder) -> str:
    side = "buy" if order.is_buy else "sell"
    kind = " conditional" if order.is_conditional else ""
    return f"{order.symbol}{kind} {side} {order.client_order_id or order.order_id}"


def _held(position: HeldPosition) -> str:
    text = f"held: {position.symbol} {signed(position.qty)}"
    mark, end = position.mark, position.liquidation
    if mark is None or end is None:
        return text
    return f"{text}, liquidation at {end:f}, {abs(end / mark - 1):.1%} away"
