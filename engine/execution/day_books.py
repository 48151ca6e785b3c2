"""The books of an account: every fill and every movement of money that its facts tell, in money.

The facts of all runs are folded onto a ledger, which decides what counts and whose it is; what it
took in is noted with the venue's time, and `engine.execution.statement` tells a day from it.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from engine.execution.holdings import ZERO
from engine.execution.ledger import Ledger
from engine.execution.positions import EXACT, Steps, is_sane, plain, signed_lots, total
from engine.model import facts as f
from engine.model.instrument import InstrumentId
from engine.model.orders import EXTERNAL, Liquidity, Side

MovementKind = Literal["opening", "funding", "transfer", "other"]


class BookedFill(msgspec.Struct, frozen=True):
    """One fill, with who wanted it."""

    ts_ns: int
    """By the venue's clock."""
    instrument_id: InstrumentId
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    """Paid when positive."""
    fee_currency: str
    liquidity: Liquidity
    client_order_id: str
    trade_id: str
    owner: str
    signal: str
    currency: str
    """Of profit."""
    realised: Decimal = ZERO
    """What it brought by the net position's average entry, before its fee."""


class Deal(msgspec.Struct, frozen=True):
    """What changed a net position: a fill, or a position that was taken over as it stood."""

    ts_ns: int
    instrument_id: InstrumentId
    currency: str
    qty: Decimal
    """Signed."""
    value: Decimal
    """Price times `qty`."""
    brought: tuple[tuple[str, Decimal], ...]
    """What it realised for each owner, by their own average entries."""
    fill: BookedFill | None = None


class Movement(msgspec.Struct, frozen=True):
    """Money that moved by other ways than fills; received when positive."""

    ts_ns: int
    """By the venue's clock where it said so, else by ours."""
    kind: MovementKind
    movement_id: str
    currency: str
    amount: Decimal
    instrument_id: InstrumentId | None = None


class Books:
    """All that was ever booked."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.deals: list[Deal] = []
        self.movements: list[Movement] = []
        self.remarks: list[tuple[int, str]] = []
        """What does not add up, with the time at which it was found."""
        self.opened_ns = 0
        """Nothing was counted before; 0 until the account is opened."""

    def take(self, fact: f.Fact) -> None:
        """Take in one fact, in the order of the journal."""
        match fact:
            case f.OrderFilled():
                self._take_fill(fact)
            case f.PositionAdopted():
                self._take_position(fact)
            case f.FundingPaid():
                self._take_funding(fact)
            case f.CashMoved():
                self._take_cash(fact)
            case f.AccountOpened():
                self._take_opening(fact)
            case _:
                self.ledger.apply(fact)
                if isinstance(fact, f.BalanceDiffered):
                    told = (
                        f"our facts made {_told(fact.ours)}, the venue showed {_told(fact.venues)}"
                    )
                    self.remarks.append((fact.ts_ns, f"cash in {fact.currency}: {told}"))

    def begin_with(self, ledger: Ledger, ts_ns: int) -> None:
        """Go on from a ledger of which the facts before are not all here."""
        self.ledger = ledger
        self.deals, self.movements, self.opened_ns = [], [], ts_ns
        self.remarks.append((ts_ns, "older runs are not here: counted from what the ledger held"))
        steps = ledger.all_steps
        currencies = [ledger.currency, *ledger.fees, *(one.quote for one in steps.values())]
        for currency in dict.fromkeys(self._name(one) for one in currencies):
            held = ledger.cash(currency) or ZERO
            self.movements.append(Movement(ts_ns, "opening", "", currency, held))
        for name in ledger.held():
            net, one = ledger.net(name), steps[name]
            qty = EXACT.multiply(Decimal(net.lots), one.lot_size)
            value = EXACT.multiply(Decimal(net.cost), one.unit)
            self.deals.append(Deal(ts_ns, name, self._name(one.quote), qty, value, ()))

    def _take_opening(self, fact: f.AccountOpened) -> None:
        was_open = bool(self.ledger.currency)
        self.ledger.apply(fact)
        if not was_open and self.ledger.currency:
            self.opened_ns = fact.ts_ns
            opening = Movement(fact.ts_ns, "opening", "", fact.currency, plain(fact.equity))
            self.movements.append(opening)

    def _take_funding(self, fact: f.FundingPaid) -> None:
        before = self.ledger.funding.get(fact.instrument_id, ZERO)
        self.ledger.apply(fact)
        paid = total((self.ledger.funding.get(fact.instrument_id, ZERO), -before))
        if paid:
            steps = self.ledger.steps(fact.instrument_id)
            currency = self._name("" if steps is None else steps.quote)
            at_ns, name = fact.venue_ns or fact.ts_ns, fact.instrument_id
            moved = Movement(at_ns, "funding", fact.movement_id, currency, -paid, name)
            self.movements.append(moved)

    def _take_cash(self, fact: f.CashMoved) -> None:
        was_moved = self.ledger.is_moved(fact.kind, fact.movement_id)
        self.ledger.apply(fact)
        if was_moved or not self.ledger.is_moved(fact.kind, fact.movement_id):
            return
        kind: MovementKind = "other"
        if fact.kind in ("funding", "transfer"):
            kind = "funding" if fact.kind == "funding" else "transfer"
        at_ns, amount = fact.venue_ns or fact.ts_ns, plain(fact.amount)
        currency = self._name(fact.currency)
        self.movements.append(Movement(at_ns, kind, fact.movement_id, currency, amount))

    def _take_fill(self, fact: f.OrderFilled) -> None:
        ledger = self.ledger
        if ledger.is_booked(fact):
            ledger.apply(fact)
            return
        order = ledger.orders.get(fact.client_order_id)
        is_in_position = ledger.is_in_position(fact)
        if is_in_position:
            told = f"fill {fact.trade_id} is part of a position that was taken as the venue had it"
            self.remarks.append((fact.ts_ns, told))
        name = fact.instrument_id or (order.spec.instrument_id if order is not None else None)
        side = fact.side or (order.spec.side if order is not None else None)
        fee_before = ledger.fees.get(fact.fee_currency, ZERO)
        brought = self._applied(fact, name)
        fee = total((ledger.fees.get(fact.fee_currency, ZERO), -fee_before))
        if name is None or side is None or not ledger.is_booked(fact):
            return
        if is_in_position and order is None and not fee:
            return  # Made elsewhere, and the opening cash has its fee.
        steps = ledger.steps(name)
        if steps is None:
            told = f"fill {fact.trade_id} of {name}, whose steps nobody said, is not valued"
            self.remarks.append((fact.ts_ns, told))
            return
        fill = BookedFill(
            ts_ns=fact.ts_ns,
            instrument_id=name,
            side=side,
            price=plain(steps.fill_price(fact)),
            qty=plain(EXACT.multiply(Decimal(fact.qty_lots), steps.lot_size)),
            fee=fee,
            fee_currency=self._name(fact.fee_currency),
            liquidity=fact.liquidity,
            client_order_id=fact.client_order_id,
            trade_id=fact.trade_id,
            owner=EXTERNAL if order is None else order.intent.owner,
            signal="" if order is None else order.intent.signal,
            currency=self._name(steps.quote),
        )
        lots = 0 if is_in_position else signed_lots(side, fact.qty_lots)
        self._add_deal(fact.ts_ns, name, steps, lots, fill.price, brought, fill)

    def _take_position(self, fact: f.PositionAdopted) -> None:
        name = fact.instrument_id
        before = self.ledger.net_lots(name)
        brought = self._applied(fact, name)
        steps = self.ledger.steps(name)
        lots = self.ledger.net_lots(name) - before
        if steps is not None and lots:
            self._add_deal(fact.ts_ns, name, steps, lots, fact.price, brought)

    def _add_deal(  # noqa: PLR0913 - the parts of a deal
        self,
        ts_ns: int,
        name: InstrumentId,
        steps: Steps,
        lots: int,
        price: Decimal,
        brought: tuple[tuple[str, Decimal], ...],
        fill: BookedFill | None = None,
    ) -> None:
        qty = EXACT.multiply(Decimal(lots), steps.lot_size)
        value = plain(EXACT.multiply(qty, price))
        deal = Deal(ts_ns, name, self._name(steps.quote), plain(qty), value, brought, fill)
        self.deals.append(deal)

    def _applied(
        self, fact: f.OrderFilled | f.PositionAdopted, name: InstrumentId | None
    ) -> tuple[tuple[str, Decimal], ...]:
        """Let the ledger take a fact; return what it realised for each owner."""
        steps = None if name is None else self.ledger.steps(name)
        if name is None or steps is None:
            self.ledger.apply(fact)
            return ()
        ledger = self.ledger
        held = {owner: ledger.position(owner, name) for owner in ledger.owners(name)}
        before = {owner: steps.realised(position) for owner, position in held.items()}
        ledger.apply(fact)
        changes = {
            owner: total((steps.realised(ledger.position(owner, name)), -amount))
            for owner, amount in before.items()
        }
        return tuple((owner, change) for owner, change in changes.items() if change)

    def _name(self, currency: str) -> str:
        return currency or self.ledger.currency


def _told(amount: Decimal) -> str:
    """Return an amount in digits, and what is none as it is."""
    return f"{amount:f}" if is_sane(amount) else str(amount)
