"""The candle backtest of `backtest_rules.md` §3, written to be read, not to be fast.

It drives the host that live trading uses, one candle after the other, and is what compiled loops
are compared with. Every step of the timeline is a method of `CandleRun`, in the document's order.
"""

import csv
import gzip
from collections.abc import Mapping, Sequence
from math import ceil, floor
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.model.numbers import NS_PER_MS
from engine.strategy.candle import (
    ENTER,
    FLAT,
    HOLD,
    LEAVE,
    REVERSE,
    CandleHost,
    Decision,
    Position,
)
from engine.strategy.columns import FloatCandle

NEAR = 1e-6
"""Keeps exact multiples of tick and lot in place, whatever the arithmetic."""


class Rules(msgspec.Struct, frozen=True):
    """The config of a spec."""

    initial: float
    tick: float
    lot: float
    taker_fee: float
    maker_fee: float
    slippage_bps: float
    min_notional: float
    funding: Mapping[str, float] | None = None


class Trade(NamedTuple):
    """One row of `trades`, in the order of `trade_columns`."""

    side: str
    qty: float
    entry_i: int
    entry_ts: int
    entry_px: float
    exit_i: int
    exit_ts: int
    exit_px: float
    reason: str
    fees: float
    funding: float
    pnl: float
    bars: int


class _Holding(msgspec.Struct):
    """The open position."""

    side: int
    qty: float
    entry_i: int
    entry: float
    stop: float | None
    target: float | None
    fees: float
    funding: float = 0.0


class _Pending(NamedTuple):
    """What was decided at the last close."""

    decision: Decision
    qty: float


class CandleRun:
    """One backtest; the results are its fields.

    Args:
        host: New, and of the strategy and parameters to be tested.
        candles: All of them, without gaps.
        rules: Costs and steps.
    """

    def __init__(self, host: CandleHost, candles: Sequence[FloatCandle], rules: Rules) -> None:
        self.trades: list[Trade] = []
        self.skipped: list[int] = []
        self.equity: list[float] = []
        self.cash = rules.initial
        self._host = host
        self._candles = candles
        self._rules = rules
        self._holding: _Holding | None = None
        self._pending: _Pending | None = None
        for i in range(len(candles)):
            self._step(i)

    def _step(self, i: int) -> None:
        candle = self._candles[i]
        is_last = i == len(self._candles) - 1
        self._pay_funding(candle)
        self._execute_pending(i, candle)
        self._protect(i, candle)
        if is_last:
            self._exit_as_taker(i, candle.close, "end")
        self.equity.append(self.cash + self._open_profit(candle.close))
        row = self._host.update(candle)
        if isinstance(row, tuple) and not is_last:
            self._decide(i, candle)

    def _pay_funding(self, candle: FloatCandle) -> None:
        funding, holding = self._rules.funding, self._holding
        if funding is None or holding is None or candle.open_ns // NS_PER_MS % funding["every_ms"]:
            return
        paid = holding.side * holding.qty * candle.open * funding["rate"]
        self.cash -= paid
        holding.funding += paid

    def _execute_pending(self, i: int, candle: FloatCandle) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        decision = pending.decision
        if decision.kind in (LEAVE, REVERSE):
            self._exit_as_taker(i, candle.open, "reverse" if decision.kind == REVERSE else "signal")
        if decision.kind in (ENTER, REVERSE) and pending.qty > 0.0:
            self._enter(i, candle.open, pending)

    def _enter(self, i: int, price: float, pending: _Pending) -> None:
        side, decision = pending.decision.side, pending.decision
        entry = self._taker_price(price, side)
        fee = pending.qty * entry * self._rules.taker_fee
        self.cash -= fee
        stop = decision.stop or entry * decision.stop_pct / 100.0
        target = decision.target or entry * decision.target_pct / 100.0
        self._holding = _Holding(
            side,
            pending.qty,
            i,
            entry,
            self._away(entry, -side * stop) if stop else None,
            self._away(entry, side * target) if target else None,
            fee,
        )

    def _protect(self, i: int, candle: FloatCandle) -> None:
        holding = self._holding
        if holding is None:
            return
        side, stop, target = holding.side, holding.stop, holding.target
        worst, best = (candle.low, candle.high) if side > 0 else (candle.high, candle.low)
        if stop is not None and side * (candle.open - stop) <= 0.0 and holding.entry_i != i:
            self._exit_as_taker(i, candle.open, "stop_gap")
        elif stop is not None and side * (worst - stop) <= 0.0:
            self._exit_as_taker(i, stop, "stop")
        elif target is not None and self._is_through(best, target, side):
            self._exit(i, target, self._rules.maker_fee, "target")

    def _is_through(self, best: float, target: float, side: int) -> bool:
        """Whether the price went a whole tick beyond the target; a touch does not fill."""
        return side * (best - target) >= self._rules.tick * (1.0 - NEAR)

    def _decide(self, i: int, candle: FloatCandle) -> None:
        decision = self._host.decide(self._position(i))
        if decision.kind == HOLD:
            return
        qty = 0.0
        if decision.kind in (ENTER, REVERSE):
            lots = decision.size * self.equity[i] / candle.close / self._rules.lot
            qty = _clean(floor(lots + NEAR) * self._rules.lot)
            if qty == 0.0 or qty * candle.close < self._rules.min_notional:
                self.skipped.append(i)
                qty = 0.0
        self._pending = _Pending(decision, qty)

    def _position(self, i: int) -> Position:
        holding = self._holding
        return Position(holding.side, holding.entry, i - holding.entry_i) if holding else FLAT

    def _exit_as_taker(self, i: int, price: float, reason: str) -> None:
        if self._holding is not None:
            taken = self._taker_price(price, -self._holding.side)
            self._exit(i, taken, self._rules.taker_fee, reason)

    def _exit(self, i: int, price: float, fee_share: float, reason: str) -> None:
        holding = self._holding
        assert holding is not None
        self._holding = None
        fee = holding.qty * price * fee_share
        gross = holding.side * holding.qty * (price - holding.entry)
        self.cash += gross - fee
        fees = holding.fees + fee
        self.trades.append(
            Trade(
                "long" if holding.side > 0 else "short",
                holding.qty,
                holding.entry_i,
                self._candles[holding.entry_i].open_ns // NS_PER_MS,
                holding.entry,
                i,
                self._candles[i].open_ns // NS_PER_MS,
                price,
                reason,
                fees,
                holding.funding,
                gross - fees - holding.funding,
                i - holding.entry_i,
            )
        )

    def _open_profit(self, close: float) -> float:
        holding = self._holding
        return holding.side * holding.qty * (close - holding.entry) if holding else 0.0

    def _taker_price(self, price: float, side: int) -> float:
        slippage = self._rules.slippage_bps / 10_000.0
        return self._away(price * (1.0 + side * slippage), 0.0, upwards=side > 0)

    def _away(self, price: float, distance: float, *, upwards: bool | None = None) -> float:
        """Return the tick at a distance, rounded away from the price or as told."""
        ticks = (price + distance) / self._rules.tick
        if distance > 0.0 if upwards is None else upwards:
            return _clean(ceil(ticks - NEAR) * self._rules.tick)
        return _clean(floor(ticks + NEAR) * self._rules.tick)


def read_candles(path: Path, minutes: int = 1) -> list[FloatCandle]:
    """Return the candles of a file, `minutes` source candles to one; incomplete ones are left out.

    One of the file's candles is one unit, whatever its length.
    """
    with gzip.open(path, "rt") as file:
        rows = [
            FloatCandle(
                int(row["ts"]) * NS_PER_MS,
                *(float(row[name]) for name in ("open", "high", "low", "close", "volume")),
            )
            for row in csv.DictReader(file)
        ]
    if minutes == 1:
        return rows
    buckets: dict[int, list[FloatCandle]] = {}
    for row in rows:
        buckets.setdefault(row.open_ns // (minutes * 60_000 * NS_PER_MS), []).append(row)
    return [_merged(rows) for rows in buckets.values() if len(rows) == minutes]


def _merged(rows: list[FloatCandle]) -> FloatCandle:
    return FloatCandle(
        rows[0].open_ns,
        rows[0].open,
        max(row.high for row in rows),
        min(row.low for row in rows),
        rows[-1].close,
        sum(row.volume for row in rows),
    )


def _clean(price: float) -> float:
    return float(f"{price:.10g}")
