"""The money of the ledger: what the account began with, fees, funding, and marks of its worth.

Amounts stay in their own currency; only dollars of whatever name count as one another. A position
that cannot be valued makes the worth unknown, never smaller or larger. Fees in a currency without a
rate (a venue's token) are no part of it: they are kept and told apart.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from engine.execution.positions import EXACT, Position, Steps, is_sane, plain, total
from engine.model.instrument import USD_QUOTES, InstrumentId
from engine.model.numbers import NS_PER_S

DAY_NS: Final = 86_400 * NS_PER_S


class Account(msgspec.Struct):
    """Money and marks, all from facts."""

    currency: str = ""
    opening: Decimal | None = None
    since_ns: int = 0
    """By the venue's time: what was filled or moved before is in what the account began with."""
    fees: dict[str, Decimal] = {}
    """Paid, by currency."""
    funding: dict[InstrumentId, Decimal] = {}
    """Paid, by instrument."""
    steps: dict[InstrumentId, Steps] = {}
    day: int = -1
    """Of the newest mark: days since 1970 UTC."""
    day_start: Decimal | None = None
    session_start: Decimal | None = None
    peak: Decimal | None = None

    def pay_fee(self, currency: str, amount: Decimal) -> None:
        """Add a fee; a rebate is negative."""
        self.fees[currency] = total((self.fees.get(currency, Decimal(0)), amount))

    def pay_funding(self, instrument_id: InstrumentId, amount: Decimal) -> None:
        """Add funding; what was received is negative."""
        paid = self.funding.get(instrument_id, Decimal(0))
        self.funding[instrument_id] = total((paid, amount))

    def move(self, currency: str, amount: Decimal, *, is_loss: bool = False) -> None:
        """Take in or give out money that is neither profit nor loss: what is compared moves too.

        Other currencies than the account's are told apart, as their fees are. What the venue took
        for itself is a loss.
        """
        if not self.is_at_par(currency):
            return
        if self.opening is not None:
            self.opening = total((self.opening, amount))
        if is_loss:
            return
        if self.day_start is not None:
            self.day_start = total((self.day_start, amount))
        if self.session_start is not None:
            self.session_start = total((self.session_start, amount))
        if self.peak is not None:
            self.peak = total((self.peak, amount))

    def mark(self, ts_ns: int, equity: Decimal) -> None:
        """Note what the account is worth: the first of a day and of a session, and the most."""
        equity = plain(equity)
        day = ts_ns // DAY_NS
        if day > self.day:
            self.day, self.day_start = day, equity
        if self.session_start is None:
            self.session_start = equity
        self.peak = equity if self.peak is None else max(self.peak, equity)

    def begin_run(self, ts_ns: int) -> None:
        """Begin a session; a day that is not here yet, by a clock that was ahead, is today."""
        self.session_start = None
        self.day = min(self.day, ts_ns // DAY_NS)

    def unmark(self) -> None:
        """Forget what it was worth: the next mark is the first."""
        self.day, self.day_start, self.session_start, self.peak = -1, None, None, None

    def start_of_day(self, now_ns: int) -> Decimal | None:
        """Return the first mark of a UTC day; None before there is one."""
        return self.day_start if now_ns // DAY_NS == self.day else None

    def balances(self, nets: Mapping[InstrumentId, Position]) -> dict[str, Decimal] | None:
        """Return the cash by currency; None while an instrument's steps are not known."""
        amounts: dict[str, list[Decimal]] = {self.currency: [self.opening or Decimal(0)]}
        for instrument_id, net in nets.items():
            steps = self.steps.get(instrument_id)
            if steps is None:
                return None
            amounts.setdefault(self._name(steps.quote), []).append(steps.realised(net))
        for currency, fee in self.fees.items():
            amounts.setdefault(self._name(currency), []).append(EXACT.minus(fee))
        for instrument_id, paid in self.funding.items():
            steps = self.steps.get(instrument_id)
            if steps is None:
                return None
            amounts.setdefault(self._name(steps.quote), []).append(EXACT.minus(paid))
        return {currency: total(items) for currency, items in amounts.items()}

    def equity(
        self,
        nets: Mapping[InstrumentId, Position],
        marks: Mapping[InstrumentId, Decimal],
        rates: Mapping[str, Decimal],
    ) -> Decimal | None:
        """Return the worth in the account's currency; None if any part of it is unknown."""
        worth = self.balances(nets)
        if worth is None or self.opening is None:
            return None
        for instrument_id, net in nets.items():
            mark = marks.get(instrument_id)
            if not net.lots and not net.cost:
                continue
            if mark is None or not is_sane(mark):
                return None
            steps = self.steps[instrument_id]
            quote = self._name(steps.quote)
            worth[quote] = total((worth[quote], steps.open_profit(net, mark)))
        settled = {self._name(self.steps[key].quote) for key in (*nets, *self.funding)}
        parts = []
        for currency, amount in worth.items():
            rate = Decimal(1) if self.is_at_par(currency) else rates.get(currency)
            if rate is None and amount and currency in settled:
                return None
            parts.append(EXACT.multiply(amount, rate or Decimal(0)))
        return total(parts)

    def is_at_par(self, currency: str) -> bool:
        """Whether an amount counts as one of the account's currency."""
        name = self._name(currency)
        return name == self.currency or {name, self.currency} <= USD_QUOTES

    def _name(self, currency: str) -> str:
        return currency or self.currency
