"""What the gate is told of a market: the venue's steps, made from the decoding scale."""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from engine.execution.market_reference import MarketReference
from engine.ingest.health import freshness
from engine.kernel.freshness import book_freshness, trade_freshness
from engine.kernel.state import InstrumentState, KernelState
from engine.model.market import Freshness
from engine.model.numbers import PriceTicks, QtyLots

TRADES_LOOKED_AT: Final = 500
RECENT: Final[tuple[Freshness, ...]] = ("fresh", "slow")
TRADES_FOR_MEDIAN: Final = 50
"""Fewer trades have no typical size."""


def reference_of(
    market: InstrumentState, judged: Freshness, *, is_reviewed: bool = True
) -> MarketReference:
    """Return what the gate is told of an instrument's market.

    Args:
        market: The instrument.
        judged: How fresh its book is.
        is_reviewed: Whether an order in it is judged. Without, it is there for its prices, and
            the median trade is left out: that costs ten times all the rest.
    """
    step = market.tick_ticks
    bid, ask = market.book.best_bid, market.book.best_ask
    last = market.last_ticks
    return MarketReference(
        instrument=market.instrument,
        book_state=market.book.state,
        freshness=judged,
        book_seq=market.book.last_seq,
        bid_ticks=PriceTicks(bid[0] // step) if bid else None,
        ask_ticks=PriceTicks(-(-ask[0] // step)) if ask else None,
        last_ticks=PriceTicks(_nearest(last, step)) if last is not None else None,
        mark_ticks=_mark_ticks(market),
        median_trade_lots=_median_lots(market) if is_reviewed else None,
    )


def reference_now(
    state: KernelState, market: InstrumentState, *, is_reviewed: bool = False
) -> MarketReference:
    """Return what the gate is told of an instrument's market now, each price judged by its age."""
    now_ns = state.ts_ns
    reference = reference_of(market, book_freshness(state, market, now_ns), is_reviewed=is_reviewed)
    mark_age_ns = now_ns - market.mark_ns if market.mark_ns else None
    return replace(
        reference,
        move_60s=market.tape.move_60s(now_ns) if is_reviewed else None,
        is_last_recent=trade_freshness(state, market, now_ns) in RECENT,
        is_mark_recent=freshness("mark", mark_age_ns) in RECENT,
    )


def lot_units(market: InstrumentState) -> int:
    """Return one lot of the venue on the decoding scale; 1 where it is unknown."""
    lot = market.instrument.lot_size
    return 1 if lot is None else max(1, int(lot * Decimal(10) ** market.qty_decimals))


def _nearest(units: int, step: int) -> int:
    return (2 * units + step) // (2 * step)


def _mark_ticks(market: InstrumentState) -> PriceTicks | None:
    tick = market.instrument.tick_size
    if market.mark is None or tick is None:
        return None
    return PriceTicks(int((market.mark.mark / tick).to_integral_value()))


def _median_lots(market: InstrumentState) -> QtyLots | None:
    sizes = sorted(trade.qty_lots for trade in market.tape.newest(TRADES_LOOKED_AT))
    if len(sizes) < TRADES_FOR_MEDIAN:
        return None
    return QtyLots(max(1, sizes[len(sizes) // 2] // lot_units(market)))
