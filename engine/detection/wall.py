"""Wall: one order far above the threshold comes to rest at one price.

A level that grew by `add` in one delta is a wall when `add * price` reaches the threshold, the
level holds at least 1 % of all notional within 5 % of mid, and `add` is at least four times the
median level. `add = new - old + executed`, executed being what traded at that price since the
delta before: so one order is seen even while the level is being hit.

Share and median come from a profile of the book that is at most `PROFILE_NS` old: they move
slowly, while scanning thousands of levels for every candidate would cost more than the book.
"""

from collections.abc import Callable, Sequence
from math import log2
from typing import Final

import msgspec

from engine.detection.base import BookReader, Scales, Setting, confidence
from engine.model.market import Trade
from engine.model.numbers import NS_PER_S
from engine.model.signals import SignalEnd, SignalStatus, WhaleSignal

SHARE_MIN: Final = 0.01
SHARE_FULL: Final = 0.05
"""Share at which that part of the evidence is complete."""
MEDIAN_TIMES_MIN: Final = 4.0
AROUND_MID_SHARE: Final = 0.05
PROFILE_NS: Final = 1 * NS_PER_S
MEDIAN_SAMPLE: Final = 256
"""The median is taken of about as many levels, evenly spread: sorting all would cost most."""
STANDING_MAX: Final = 64
"""Walls followed at once; beyond, the oldest is let go as it stands."""
COOL_DOWN_NS: Final = 10 * NS_PER_S
"""A price that had a wall makes no second one so soon: flicker is one behaviour."""
COOLING_MAX: Final = 256
EXECUTED_MAX: Final = 1_024
"""Prices remembered between two deltas; only where trades come and deltas do not are there more."""
GONE_SHARE: Final = 0.5
"""A wall that lost more than this of its size is over."""


class _Profile(msgspec.Struct, frozen=True):
    """What an ordinary level is, in `ticks * lots`."""

    ts_ns: int
    total: int
    median: int


class _Standing(msgspec.Struct):
    """A wall that was reported and not yet ended."""

    signal: WhaleSignal
    is_bid: bool
    price_ticks: int
    size_lots: int
    executed_lots: int = 0


class _Executed(msgspec.Struct):
    """What traded against a level since the last delta, and the level's size before."""

    old_lots: int
    lots: int = 0


class WallDetector:
    """The wall rule for one instrument."""

    def __init__(self, setting: Setting, scales: Scales, next_id: Callable[[], int]) -> None:
        self._setting = setting
        self._units_per_usd = scales.units_per_quote
        self._threshold = int(setting.threshold_usd * self._units_per_usd)
        self._next_id = next_id
        self._executed: dict[tuple[bool, int], _Executed] = {}
        self._standing: dict[tuple[bool, int], _Standing] = {}
        self._cooling: dict[tuple[bool, int], int] = {}
        self._profile: _Profile | None = None

    @property
    def addition_floor_usd(self) -> float:
        """Only additions of at least the threshold can make a wall."""
        return self._setting.threshold_usd

    def on_trade(self, trade: Trade, book: BookReader, ts_ns: int) -> Sequence[WhaleSignal]:
        """Add up what was executed against a level since the last delta."""
        del ts_ns
        is_bid = not trade.buyer_is_taker
        key = (is_bid, trade.price_ticks)
        executed = self._executed.get(key)
        if executed is None:
            if book.state != "live" or len(self._executed) >= EXECUTED_MAX:
                return ()
            executed = _Executed(book.size_at(trade.price_ticks, is_bid=is_bid))
            self._executed[key] = executed
        executed.lots += trade.qty_lots
        return ()

    def on_book(self, book: BookReader, ts_ns: int) -> Sequence[WhaleSignal]:
        """Look at levels that grew, and at the walls that stand."""
        if not (book.additions or self._executed or self._standing):
            return ()
        signals: list[WhaleSignal] = []
        if self._standing:
            self._follow(book, ts_ns, signals)
        least = self._share_floor(ts_ns)
        for addition in book.additions:
            price = addition.price_ticks
            if addition.new_lots * price < least or (addition.is_bid, price) in self._executed:
                continue
            grown = addition.new_lots - addition.old_lots
            self._consider(book, addition.is_bid, price, grown, ts_ns, signals)
        for (is_bid, price), executed in self._executed.items():
            size = book.size_at(price, is_bid=is_bid)
            grown = size - executed.old_lots + executed.lots
            if size:
                self._consider(book, is_bid, price, min(grown, size), ts_ns, signals)
        self._executed.clear()
        return signals

    def on_book_lost(self, ts_ns: int) -> Sequence[WhaleSignal]:
        """Forget the walls without a verdict: what became of them is unknown."""
        ended = [_ended(standing, ts_ns, "") for standing in self._standing.values()]
        self._standing.clear()
        self._executed.clear()
        self._profile = None
        return ended

    def rescale(self, scales: Scales, price_factor: int, qty_factor: int) -> None:
        """Count finer ticks and lots from now on."""
        self._units_per_usd = scales.units_per_quote
        self._threshold = int(self._setting.threshold_usd * self._units_per_usd)
        if self._profile is not None:
            factor = price_factor * qty_factor
            before = self._profile
            self._profile = _Profile(before.ts_ns, before.total * factor, before.median * factor)
        self._executed = {
            (is_bid, price * price_factor): _Executed(
                one.old_lots * qty_factor, one.lots * qty_factor
            )
            for (is_bid, price), one in self._executed.items()
        }
        self._cooling = {
            (is_bid, price * price_factor): until
            for (is_bid, price), until in self._cooling.items()
        }
        for standing in self._standing.values():
            standing.price_ticks *= price_factor
            standing.size_lots *= qty_factor
            standing.executed_lots *= qty_factor
            standing.signal = msgspec.structs.replace(
                standing.signal,
                price_low_ticks=standing.price_ticks,
                price_high_ticks=standing.price_ticks,
            )
        self._standing = {(s.is_bid, s.price_ticks): s for s in self._standing.values()}

    def digest_parts(self) -> object:
        """Return everything that decides what happens next, as plain values; sums as text."""
        profile = self._profile
        return (
            [(key, one.old_lots, str(one.lots)) for key, one in self._executed.items()],
            [
                (one.signal, one.is_bid, one.price_ticks, one.size_lots, str(one.executed_lots))
                for one in self._standing.values()
            ],
            list(self._cooling.items()),
            (profile.ts_ns, str(profile.total), str(profile.median)) if profile else None,
        )

    def _consider(
        self,
        book: BookReader,
        is_bid: bool,
        price: int,
        grown: int,
        ts_ns: int,
        signals: list[WhaleSignal],
    ) -> None:
        notional = grown * price
        key = (is_bid, price)
        if notional < self._threshold or key in self._standing:
            return
        if self._cooling.get(key, 0) > ts_ns:
            return
        size = book.size_at(price, is_bid=is_bid)
        profile = self._profiled(book, ts_ns)
        share = size * price / max(profile.total, 1)
        if share < SHARE_MIN or notional < MEDIAN_TIMES_MIN * profile.median:
            return
        if not _is_near(book, price):
            return
        excess = log2(notional / self._threshold) / 3
        signal = WhaleSignal(
            signal_id=self._next_id(),
            ts_ns=ts_ns,
            instrument_id=self._setting.instrument.instrument_id,
            type="wall",
            side="bid" if is_bid else "ask",
            price_low_ticks=price,
            price_high_ticks=price,
            notional_usd=notional / self._units_per_usd,
            confidence=confidence((excess, 1.0), (share / SHARE_FULL, 1.0)),
            evidence={"excess": excess, "share": share},
            opened_ns=ts_ns,
        )
        if len(self._standing) >= STANDING_MAX:
            del self._standing[next(iter(self._standing))]
        self._standing[key] = _Standing(signal, is_bid, price, size)
        signals.append(signal)

    def _follow(self, book: BookReader, ts_ns: int, signals: list[WhaleSignal]) -> None:
        over: list[tuple[bool, int]] = []
        for key, standing in self._standing.items():
            executed = self._executed.get(key)
            if executed is not None:
                standing.executed_lots += executed.lots
            size = book.size_at(standing.price_ticks, is_bid=standing.is_bid)
            if size > standing.size_lots * GONE_SHARE:
                continue
            lost = standing.size_lots - size
            is_filled = standing.executed_lots >= lost * GONE_SHARE
            signals.append(_ended(standing, ts_ns, "filled" if is_filled else "pulled"))
            over.append(key)
        for key in over:
            del self._standing[key]
            self._cooling[key] = ts_ns + COOL_DOWN_NS
            if len(self._cooling) > COOLING_MAX:
                del self._cooling[next(iter(self._cooling))]

    def _profiled(self, book: BookReader, ts_ns: int) -> _Profile:
        profile = self._profile
        if profile is None or ts_ns - profile.ts_ns >= PROFILE_NS:
            profile = self._profile = _profile_of(book, ts_ns)
        return profile

    def _share_floor(self, ts_ns: int) -> int:
        """Return the notional below which no level has its share; 0 without a fresh profile.

        Nearly every addition is below it, and a call for each would cost more than the rule.
        """
        profile = self._profile
        if profile is None or ts_ns - profile.ts_ns >= PROFILE_NS:
            return 0
        return int(profile.total * SHARE_MIN)


def _profile_of(book: BookReader, ts_ns: int) -> _Profile:
    sample = sorted(
        notional
        for is_bid in (True, False)
        for notional in book.notionals(
            is_bid=is_bid, around_mid_share=AROUND_MID_SHARE, limit=MEDIAN_SAMPLE // 2
        )
    )
    median = sample[len(sample) // 2] if sample else 0
    return _Profile(ts_ns, book.notional_around(AROUND_MID_SHARE), median)


def _is_near(book: BookReader, price: int) -> bool:
    mid = book.mid_ticks
    return mid is not None and abs(price - mid) <= mid * AROUND_MID_SHARE


def _ended(standing: _Standing, ts_ns: int, end: SignalEnd) -> WhaleSignal:
    status: SignalStatus = "closed"
    return msgspec.structs.replace(standing.signal, ts_ns=ts_ns, status=status, end=end)
