"""Seeded past: candles of every timeframe that fit into one another and end where trading begins.

Coarse candles are made up only where no finer ones reach; from there on they are the finer ones
added up. So each timeframe has about the same number of candles and no two contradict each other.
"""

from collections.abc import Sequence
from math import exp, sqrt
from typing import Final

import msgspec

from engine.model.chance import Chance
from engine.model.market import Candle
from engine.model.numbers import NS_PER_S
from engine.venues.simulated.draws import normal
from engine.venues.simulated.fair_value import YEAR_S
from engine.venues.simulated.instruments import SimulatedInstrument

TIMEFRAMES_S: Final = (60, 300, 900, 3_600, 14_400, 86_400)
CANDLES_PER_TIMEFRAME: Final = 300
SKIPPED_MINUTES_MAX: Final = 1_500
"""Minutes told about a stretch that was slept through: a day and an hour, the newest ones."""

VOLUME_USD_PER_S: Final = 55_000.0
TRADES_PER_S: Final = 60.0
"""What the simulated flow amounts to at activity 1 (measured), so that the past looks like it."""
WILDNESS_MEMORY: Final = 0.95
"""Share of the last candle's wildness in the next one's: quiet and wild times come in clusters."""


class History(msgspec.Struct, frozen=True):
    """Closed candles, oldest first within a timeframe, and those under way at the start."""

    closed: tuple[Candle, ...]
    under_way: tuple[Candle, ...]


class HistoryMaker:
    """Makes up the past of one instrument.

    Args:
        chance: Draws of the past alone.
        instrument: Whose past it is.
    """

    def __init__(self, chance: Chance, instrument: SimulatedInstrument) -> None:
        self._chance = chance
        self._instrument = instrument
        self._log_wildness = 0.0
        usd_per_lot = float(instrument.lot) * float(instrument.tick) * instrument.price_ticks
        self._lots_per_s = VOLUME_USD_PER_S * instrument.activity / usd_per_lot

    def up_to(self, start_ns: int, price_ticks: int) -> History:
        """Return about 300 candles of each timeframe; the newest ends at the given price."""
        opens_s, end_s = _grid(start_ns // NS_PER_S)
        closed: list[list[Candle]] = []
        price = price_ticks
        finer: list[Candle] = []
        for timeframe_s, open_s, covered_s in zip(
            TIMEFRAMES_S, opens_s, [end_s, *opens_s], strict=False
        ):
            made_up = self._backwards(timeframe_s, open_s, covered_s, price)
            finer = made_up + _summed_whole(finer, timeframe_s)
            closed.append(finer)
            price = finer[0].open_ticks // self._instrument.tick_units
        return History(
            closed=tuple(candle for candles in closed for candle in candles),
            under_way=self._under_way(closed, end_s, price_ticks),
        )

    def between(
        self, from_ns: int, to_ns: int, from_ticks: int, to_ticks: int
    ) -> tuple[Candle, ...]:
        """Return candles of whole periods between two moments, on the way between two prices."""
        minute_ns = 60 * NS_PER_S
        end_ns = to_ns - to_ns % minute_ns
        count = min((end_ns - from_ns) // minute_ns, SKIPPED_MINUTES_MAX)
        minutes: list[Candle] = []
        price = from_ticks
        for left in range(count, 0, -1):
            drift = (to_ticks - price) // left
            sway = 0 if left == 1 else int(self._sigma(60) * price * normal(self._chance))
            close = max(1, price + drift + sway)
            minutes.append(self._candle(60, end_ns - left * minute_ns, price, close))
            price = close
        told = list(minutes)
        finer = minutes
        for timeframe_s in TIMEFRAMES_S[1:]:
            finer = _summed_whole(finer, timeframe_s)
            told += finer
        return tuple(told)

    def _backwards(
        self, timeframe_s: int, from_s: int, to_s: int, close_ticks: int
    ) -> list[Candle]:
        candles: list[Candle] = []
        for open_s in range(to_s - timeframe_s, from_s - 1, -timeframe_s):
            self._log_wildness *= WILDNESS_MEMORY
            self._log_wildness += 0.12 * normal(self._chance)
            change = self._sigma(timeframe_s) * normal(self._chance)
            open_ticks = max(1, int(close_ticks * exp(-change)))
            candles.append(self._candle(timeframe_s, open_s * NS_PER_S, open_ticks, close_ticks))
            close_ticks = open_ticks
        candles.reverse()
        return candles

    def _under_way(
        self, closed: Sequence[Sequence[Candle]], end_s: int, price_ticks: int
    ) -> tuple[Candle, ...]:
        """Add up, for each timeframe, what is closed of the next finer one since it began."""
        tick = self._instrument.tick_units
        flat = Candle(
            instrument_id=self._instrument.instrument_id,
            timeframe_s=60,
            open_ns=end_s * NS_PER_S,
            open_ticks=price_ticks * tick,
            high_ticks=price_ticks * tick,
            low_ticks=price_ticks * tick,
            close_ticks=price_ticks * tick,
            volume_lots=0,
            trade_count=0,
            is_closed=False,
        )
        candles = [flat]
        for timeframe_s, finer in zip(TIMEFRAMES_S[1:], closed, strict=False):
            open_ns = (end_s - end_s % timeframe_s) * NS_PER_S
            parts = [candle for candle in finer if candle.open_ns >= open_ns]
            candles.append(_summed([*parts, candles[-1]], timeframe_s, open_ns, is_closed=False))
        return tuple(candles)

    def _sigma(self, timeframe_s: int) -> float:
        share = sqrt(timeframe_s / YEAR_S)
        return self._instrument.volatility * share * exp(self._log_wildness)

    def _candle(self, timeframe_s: int, open_ns: int, open_ticks: int, close_ticks: int) -> Candle:
        chance = self._chance
        tick, lot = self._instrument.tick_units, self._instrument.lot_units
        reach = 0.4 * self._sigma(timeframe_s) * close_ticks
        high = max(open_ticks, close_ticks) + int(reach * abs(normal(chance)))
        low = min(open_ticks, close_ticks) - int(reach * abs(normal(chance)))
        busy = exp(0.5 * self._log_wildness + 0.35 * normal(chance)) * timeframe_s
        volume = max(1, int(self._lots_per_s * busy))
        trades = max(1, int(TRADES_PER_S * self._instrument.activity * busy))
        return Candle(
            instrument_id=self._instrument.instrument_id,
            timeframe_s=timeframe_s,
            open_ns=open_ns,
            open_ticks=open_ticks * tick,
            high_ticks=high * tick,
            low_ticks=max(1, low) * tick,
            close_ticks=close_ticks * tick,
            volume_lots=volume * lot,
            trade_count=trades,
            is_closed=True,
        )


def _grid(start_s: int) -> tuple[list[int], int]:
    """Return where each timeframe's candles begin, and where the finest ones end.

    Each beginning is moved back to a period of the next coarser timeframe, so that coarse candles
    are either all made up or all added up.
    """
    end_s = start_s - start_s % TIMEFRAMES_S[0]
    opens_s: list[int] = []
    for timeframe_s, coarser_s in zip(
        TIMEFRAMES_S, (*TIMEFRAMES_S[1:], TIMEFRAMES_S[-1]), strict=True
    ):
        open_s = start_s - start_s % timeframe_s - CANDLES_PER_TIMEFRAME * timeframe_s
        opens_s.append(open_s - open_s % coarser_s)
    return opens_s, end_s


def _summed_whole(finer: Sequence[Candle], timeframe_s: int) -> list[Candle]:
    """Add up the candles of each period that they cover wholly."""
    by_open: dict[int, list[Candle]] = {}
    length_ns = timeframe_s * NS_PER_S
    for candle in finer:
        by_open.setdefault(candle.open_ns - candle.open_ns % length_ns, []).append(candle)
    return [
        _summed(parts, timeframe_s, open_ns, is_closed=True)
        for open_ns, parts in by_open.items()
        if len(parts) * parts[0].timeframe_s == timeframe_s
    ]


def _summed(parts: Sequence[Candle], timeframe_s: int, open_ns: int, *, is_closed: bool) -> Candle:
    return Candle(
        instrument_id=parts[0].instrument_id,
        timeframe_s=timeframe_s,
        open_ns=open_ns,
        open_ticks=parts[0].open_ticks,
        high_ticks=max(part.high_ticks for part in parts),
        low_ticks=min(part.low_ticks for part in parts),
        close_ticks=parts[-1].close_ticks,
        volume_lots=sum(part.volume_lots for part in parts),
        trade_count=sum(part.trade_count for part in parts),
        is_closed=is_closed,
    )
