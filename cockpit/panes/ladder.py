"""The price ladder: which price stands on which row, and what each row says.

The ladder is static: a row keeps its price while the market moves through it, and all rows move
only when the middle of the market leaves the middle third, or when asked to.
"""

from typing import Final, NamedTuple

from rich.style import Style

from cockpit.format import bar_text, column_places, fixed, per_cent_text, places_of_step, qty_text
from cockpit.panes.palette import Palette
from cockpit.panes.rows import Row, Segment, fit
from engine.model.view import BookView

GROUPS: Final = (1, 2, 5, 10, 25, 50, 100)
"""Heights of a row in steps of the venue's tick."""

IMBALANCE_ROWS: Final = 10
SIZE_WIDTH: Final = 8
SUM_WIDTH: Final = 9
SUM_FROM: Final = 52
"""Inner width from which the running sum has a column."""


class Ladder:
    """Where the rows stand: the price index of the first row, kept until a recentre."""

    def __init__(self) -> None:
        self._top: int | None = None
        self._key: tuple[object, ...] = ()
        self._is_asked = False

    def recentre(self) -> None:
        """Move the middle of the market to the middle of the rows with the next view."""
        self._is_asked = True

    def place(self, view: BookView, height: int, *, is_held: bool = False) -> tuple[int, int, bool]:
        """Return the price index of the first row, the row of the spread, and whether it moved.

        A ladder that is held follows the market only when asked to.

        A price index counts rows: price divided by the row's height in ticks.
        """
        key = (view.instrument_id, view.group_ticks, height)
        split = split_index(view)
        spread_row = 0 if self._top is None else self._top - split
        is_lost = self._top is None or key != self._key or self._is_asked
        is_outside = not is_held and not height // 3 <= spread_row < height - height // 3
        if is_lost or (is_outside and height > 2):
            self._top = split + height // 2
            spread_row = height // 2
        is_moved = is_lost or is_outside
        self._key = key
        self._is_asked = False
        assert self._top is not None
        return self._top, spread_row, is_moved


def split_index(view: BookView) -> int:
    """Return the highest price index that belongs below the spread row."""
    group = view.group_ticks
    bid, ask = view.best_bid_ticks, view.best_ask_ticks
    if bid is not None and ask is not None:
        return (bid // group - (-ask // group)) // 2
    if bid is not None:
        return bid // group
    return -(-ask // group) - 1 if ask is not None else 0


def suggested_group(view: BookView, height: int) -> int:
    """Return the smallest step at which a sparse book fills about half of the rows."""
    nearest = max(2, height // 4)
    gaps = [
        abs(near[-1][0] - near[0][0]) / (len(near) - 1)
        if len(near) > 1
        else height * view.tick_ticks
        for near in (view.bids[:nearest], view.asks[:nearest])
    ]
    wanted = max(gaps) / view.tick_ticks / 2
    return next((group for group in GROUPS if group >= wanted), GROUPS[-1])


class LadderPicture(NamedTuple):
    """Inputs of a drawing besides the view."""

    top: int
    spread_row: int
    width: int
    height: int
    mark: str
    """In front of prices: `~` when stale."""
    cursor: int | None = None
    """Price index of the cursor."""
    own: tuple[tuple[int, bool, str], ...] = ()
    """Own orders: price index, whether it buys, the number people type."""
    marks: tuple[tuple[int, str], ...] = ()
    """Price index and letter: `E` entry, `T` take-profit, `S` stop; a later one covers."""


class _Columns(NamedTuple):
    price_decimals: int
    price_places: int
    price_width: int
    qty_decimals: int
    qty_places: int
    sum_width: int
    bar_width: int
    scale_lots: int


class _Side(NamedTuple):
    """One side of the book by price index, and how it looks."""

    own: dict[int, str]

    is_bid: bool
    levels: dict[int, int]
    sums: dict[int, int]
    best: int | None
    style: Style
    best_style: Style
    bar_style: Style


def ladder_rows(view: BookView, picture: LadderPicture, ink: Palette) -> list[Row]:
    """Return `height` rows of `width` cells, highest price first."""
    bids, asks = _bids(view, picture, ink), _asks(view, picture, ink)
    columns = _columns(view, picture, _shown(picture, bids.levels, asks.levels))
    rows: list[Row] = []
    for y in range(picture.height):
        if y < picture.spread_row:
            cells = _price_row(picture.top - y, view, columns, asks, (picture, ink))
        elif y == picture.spread_row:
            cells = _spread(view, picture, ink)
        else:
            cells = _price_row(picture.top - y + 1, view, columns, bids, (picture, ink))
        rows.append(fit(cells, picture.width, ink.fg))
    return rows


def _bids(view: BookView, picture: LadderPicture, ink: Palette) -> _Side:
    group = view.group_ticks
    levels: dict[int, int] = {}
    for price, lots in view.bids:
        levels[price // group] = levels.get(price // group, 0) + lots
    best = max(levels, default=None)
    own = _own(picture, is_bid=True)
    sums = _running(levels, True)
    return _Side(own, True, levels, sums, best, ink.bid, ink.best_bid, ink.bid_bar)


def _asks(view: BookView, picture: LadderPicture, ink: Palette) -> _Side:
    group = view.group_ticks
    levels: dict[int, int] = {}
    for price, lots in view.asks:
        index = -(-price // group)
        levels[index] = levels.get(index, 0) + lots
    best = min(levels, default=None)
    own = _own(picture, is_bid=False)
    sums = _running(levels, False)
    return _Side(own, False, levels, sums, best, ink.ask, ink.best_ask, ink.ask_bar)


def _own(picture: LadderPicture, *, is_bid: bool) -> dict[int, str]:
    """Return the marks of own orders by price index: `►1`, and `►1+` where there are more."""
    marks: dict[int, str] = {}
    for index, is_buy, number in picture.own:
        if is_buy == is_bid:
            known = marks.get(index)
            first = f"►{number}" if is_bid else f"◄{number}"
            marks[index] = first if known is None else known.rstrip("+") + "+"
    return marks


def index_of(price_ticks: int, group_ticks: int, *, is_bid: bool) -> int:
    """Return the price index of the row that a price belongs to."""
    return price_ticks // group_ticks if is_bid else -(-price_ticks // group_ticks)


def _running(levels: dict[int, int], is_downwards: bool) -> dict[int, int]:
    """Return the sum of sizes from the best price to each row."""
    total = 0
    sums = {}
    for index in sorted(levels, reverse=is_downwards):
        total += levels[index]
        sums[index] = total
    return sums


def _shown(picture: LadderPicture, bids: dict[int, int], asks: dict[int, int]) -> list[int]:
    """Return the sizes that are in range."""
    split = picture.top - picture.spread_row
    lowest = picture.top - picture.height + 2
    return [lots for index, lots in bids.items() if lowest <= index <= split] + [
        lots for index, lots in asks.items() if split < index <= picture.top
    ]


def _columns(view: BookView, picture: LadderPicture, shown: list[int]) -> _Columns:
    largest = max(shown, default=1)
    places = places_of_step(view.price_decimals, view.group_ticks)
    highest = fixed(max(0, picture.top) * view.group_ticks, view.price_decimals, places)
    price_width = len(highest) + 1
    sum_width = SUM_WIDTH if picture.width >= SUM_FROM else 0
    taken = 2 * SIZE_WIDTH + price_width + sum_width + 4
    return _Columns(
        price_decimals=view.price_decimals,
        price_places=places,
        price_width=price_width,
        qty_decimals=view.qty_decimals,
        qty_places=column_places(largest, view.qty_decimals, SIZE_WIDTH - 1),
        sum_width=sum_width,
        bar_width=max(0, picture.width - taken),
        scale_lots=nice_above(largest),
    )


def nice_above(number: int) -> int:
    """Return the next of 1, 2, 3, 5, 7 times a power of ten, so that a scale rarely changes."""
    power: int = 10 ** max(0, len(str(number)) - 1)
    return next((step * power for step in (1, 2, 3, 5, 7) if step * power >= number), 10 * power)


def _price_row(
    index: int,
    view: BookView,
    columns: _Columns,
    side: _Side,
    look: tuple[LadderPicture, Palette],
) -> list[Segment]:
    """Return bid size, price, ask size, sum and bar of one price; sizes of one side only."""
    picture, ink = look
    price = fixed(index * view.group_ticks, columns.price_decimals, columns.price_places)
    lots = side.levels.get(index, 0)
    text = qty_text(lots, columns.qty_decimals, columns.qty_places, SIZE_WIDTH) if lots else ""
    style = side.best_style if index == side.best else side.style
    is_chosen = index == picture.cursor
    mark = "▸" if is_chosen and not picture.mark else picture.mark
    price_style = ink.cursor if is_chosen else style if lots else ink.dim
    blank = " " * SIZE_WIDTH
    total = side.sums.get(index, 0)
    total_text = (
        qty_text(total, columns.qty_decimals, min(columns.qty_places, 2), columns.sum_width - 1)
        if total and columns.sum_width
        else ""
    ).rjust(columns.sum_width)
    size_style = style if index == side.best else ink.fg
    own = side.own.get(index, "")[: max(1, SIZE_WIDTH - len(text))] if index in side.own else ""
    size: list[Segment] = [(own, ink.own), (text.rjust(SIZE_WIDTH - len(own)) + " ", size_style)]
    none: list[Segment] = [(blank + " ", ink.fg)]
    priced = mark + price if index >= 0 else ""
    letter = dict(picture.marks).get(index, "")
    return [
        *(size if side.is_bid else none),
        (priced.rjust(columns.price_width) + ("" if letter else " "), price_style),
        (letter, ink.own),
        *(none if side.is_bid else size),
        (total_text + " " if columns.sum_width else "", ink.dim),
        (bar_text(lots / columns.scale_lots, columns.bar_width), side.bar_style),
    ]


def _spread(view: BookView, picture: LadderPicture, ink: Palette) -> list[Segment]:
    """Return the row between the sides: spread in price, ticks and basis points, imbalance."""
    bid, ask = view.best_bid_ticks, view.best_ask_ticks
    if bid is None or ask is None:
        words = "one side only" if (bid, ask) != (None, None) else "empty book"
        return [("── ", ink.grid), (words, ink.warn), (" " + "─" * picture.width, ink.grid)]
    spread = ask - bid
    price = fixed(spread, view.price_decimals, places_of_step(view.price_decimals, view.tick_ticks))
    ticks = spread // view.tick_ticks
    bps = 20_000 * spread / (ask + bid) if ask + bid > 0 else 0.0
    share = imbalance(view)
    words = f"{picture.mark}{price} · {ticks:,}t · {bps:.2f}bp"
    lean = "" if share is None else f" · imb {per_cent_text(share)}"
    lean_style = ink.fg if share is None else ink.up if share >= 0 else ink.down
    return [
        ("── ", ink.grid),
        (words, ink.fg),
        (lean, lean_style),
        (" " + "─" * picture.width, ink.grid),
    ]


def imbalance(view: BookView) -> float | None:
    """Return bid minus ask size over their sum in the nearest rows; None where there is none."""
    bids = sum(lots for _, lots in view.bids[:IMBALANCE_ROWS])
    asks = sum(lots for _, lots in view.asks[:IMBALANCE_ROWS])
    return None if bids + asks == 0 else (bids - asks) / (bids + asks)
