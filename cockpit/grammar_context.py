"""What a typed line refers to: instruments, prices, positions and orders as the screen shows them.

Made from views; a line means the same as long as the context is the same.
"""

from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from engine.model.instrument import InstrumentId
from engine.model.orders import HAND, Side
from engine.model.view import BookView, HeaderView, OrdersView, PositionsView, StatusView

SIZE_DECIMALS: Final = 8
"""Of a size made from an amount of money, where the instrument's own are not known."""

CHOICES_MAX: Final = 5


class Market(msgspec.Struct, frozen=True):
    """One instrument with the prices that are known of it."""

    instrument_id: InstrumentId
    name: str
    tick: Decimal
    size_decimals: int = SIZE_DECIMALS
    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    mark: Decimal | None = None


class Held(msgspec.Struct, frozen=True):
    """One owner's position; `size` is below zero for a short one."""

    instrument_id: InstrumentId
    owner: str
    size: Decimal
    entry: Decimal | None


class Working(msgspec.Struct, frozen=True):
    """One working order."""

    client_order_id: str
    short_id: str
    instrument_id: InstrumentId
    side: Side
    size: Decimal


class Context(msgspec.Struct, frozen=True):
    """Everything that a line may refer to.

    `positions` is None while they are not known. `quick` is the ladder's amount of money,
    `cursor` the price at its cursor. `book_seq` is 0 where nobody looks at a book.
    """

    markets: tuple[Market, ...] = ()
    focused: InstrumentId = InstrumentId("")
    positions: tuple[Held, ...] | None = None
    orders: tuple[Working, ...] = ()
    parents: tuple[str, ...] = ()
    """Names of the parent orders that have not ended."""
    cursor: Decimal | None = None
    quick: Decimal | None = None
    book_seq: int = 0

    def market(self, instrument_id: InstrumentId) -> Market | None:
        """Return the instrument of this id."""
        return next((m for m in self.markets if m.instrument_id == instrument_id), None)

    def net(self, instrument_id: InstrumentId) -> Decimal | None:
        """Return the net position over all owners; None while positions are not known."""
        if self.positions is None:
            return None
        return sum((p.size for p in self._held(instrument_id)), Decimal(0))

    def entry(self, instrument_id: InstrumentId) -> Decimal | None:
        """Return the entry of the position, the one by hand where several owners hold one."""
        held = sorted(self._held(instrument_id), key=lambda position: position.owner != HAND)
        return held[0].entry if held else None

    def _held(self, instrument_id: InstrumentId) -> list[Held]:
        return [p for p in self.positions or () if p.instrument_id == instrument_id]

    def matches(self, word: str) -> tuple[Market, ...]:
        """Return the instruments that a word may mean: exact ones, else those it begins."""
        lower = word.lower()
        exact = tuple(m for m in self.markets if lower in (m.name.lower(), m.instrument_id.lower()))
        return exact or tuple(m for m in self.markets if m.name.lower().startswith(lower))


def context_of(  # noqa: PLR0913 - one parameter per view
    status: StatusView | None,
    header: HeaderView | None,
    book: BookView | None,
    positions: PositionsView | None,
    orders: OrdersView | None,
    *,
    focused: InstrumentId,
    cursor_ticks: int | None = None,
    quick: Decimal | None = None,
    book_seq: int = 0,
) -> Context:
    """Return what the views of one instrument's screen say."""
    rows = () if status is None else status.instruments
    markets = [
        Market(
            row.instrument_id,
            row.name,
            scaled(1, row.price_decimals),
            last=None if row.last_ticks is None else scaled(row.last_ticks, row.price_decimals),
        )
        for row in rows
    ]
    cursor = None
    if book is not None and cursor_ticks is not None:
        cursor = scaled(cursor_ticks, book.price_decimals)
    return Context(
        markets=tuple(
            _looked_at(market, header, book) if market.instrument_id == focused else market
            for market in markets
        ),
        focused=focused,
        positions=None if positions is None else _held(positions),
        orders=() if orders is None else _working(orders),
        parents=() if orders is None else tuple(row.parent_id for row in orders.parents),
        cursor=cursor,
        quick=quick,
        book_seq=book_seq,
    )


def scaled(units: int, decimals: int) -> Decimal:
    """Return integer units of `10**-decimals` as an exact decimal."""
    return Decimal(units).scaleb(-decimals)


def _looked_at(market: Market, header: HeaderView | None, book: BookView | None) -> Market:
    """Return the market with what its own views say; a book that is not live says nothing."""
    mark = None if header is None else _decimal(header.mark)
    if book is None:
        return msgspec.structs.replace(market, mark=mark)
    bid = ask = None
    if book.state == "live":
        places = book.price_decimals
        bid = None if book.best_bid_ticks is None else scaled(book.best_bid_ticks, places)
        ask = None if book.best_ask_ticks is None else scaled(book.best_ask_ticks, places)
    return msgspec.structs.replace(
        market,
        tick=scaled(book.tick_ticks, book.price_decimals),
        size_decimals=book.qty_decimals,
        bid=bid,
        ask=ask,
        mark=mark,
    )


def _held(view: PositionsView) -> tuple[Held, ...]:
    held = []
    for row in view.rows:
        size = _decimal(row.size)
        if size is not None:
            signed = size if row.side == "long" else -size
            held.append(Held(row.instrument_id, row.owner, signed, _decimal(row.entry)))
    return tuple(held)


def _working(view: OrdersView) -> tuple[Working, ...]:
    return tuple(
        Working(
            row.client_order_id,
            row.short_id,
            row.instrument_id,
            row.side,
            _decimal(row.size) or Decimal(0),
        )
        for row in view.working
    )


def _decimal(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
