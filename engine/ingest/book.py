"""L2 book of one instrument from snapshot and deltas, and the proof that nothing is missing.

A book is *waiting* until a snapshot and the buffered deltas join, *live* while every delta joins
the one before, and *invalid* from the call that finds a gap on. A book that is not live has no
levels: there is nothing in it that could be taken for the market.

Sources of the rules: Binance "How to manage a local order book correctly", futures and spot; OKX
"Order book channel" with its notes on `seqId` and `prevSeqId`. They are in `continuity.py`.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Final, Literal

import msgspec

from engine.ingest.continuity import is_old, joins
from engine.model.instrument import SequenceRule
from engine.model.market import Addition, BookDelta, BookSnapshot, BookState, Level
from engine.model.numbers import NS_PER_MS, UNITS_MAX

BUFFERED_MAX: Final = 10_000
"""Deltas kept while a snapshot is awaited; beyond, the oldest goes and the next snapshot joins
later or not at all."""

CROSSED_NS_MAX: Final = 250 * NS_PER_MS
"""A book crossed for longer is wrong (R3); shorter, events of two sides overtook each other."""

AHEAD_MAX: Final = 20
"""Linked deltas that a snapshot by request may be ahead of, beside those that waited for it: two
seconds of a stream at 100 ms. More, and it was numbered before the venue began anew."""

SPARE_PLACES: Final = 1_024
"""Empty places that a side may keep beside as many as it has levels."""

NO_FLOOR: Final = UNITS_MAX * UNITS_MAX
"""Addition floor that no level reaches."""


GapKind = Literal["sequence", "first_event_not_bridging", "checksum", "update_before_snapshot"]


class Verdict(Enum):
    """What became of a delta or a snapshot."""

    APPLIED = "applied"
    STALE = "stale"
    BUFFERED = "buffered"
    GAP = "gap"
    BROKEN = "broken"
    """The levels contradict themselves: an empty side, or crossed for too long."""


class Gap(msgspec.Struct, frozen=True, gc=False):
    """Where continuity was lost.

    For `sequence`, `expected` is the id that had to come; for `first_event_not_bridging` it is
    the snapshot's.
    """

    kind: GapKind
    expected: int
    first_seq: int
    last_seq: int
    prev_seq: int


_NOTES: Final[dict[GapKind, str]] = {
    "sequence": "sequence gap",
    "first_event_not_bridging": "sequence gap",
    "checksum": "checksum differs",
    "update_before_snapshot": "update before its snapshot",
}


class _Side:
    """Sizes by price, the prices in order with the best one last, and the sum of all notionals.

    A price whose level went keeps its place with size 0 unless it was the best: most levels come
    back, and taking places out and in would cost more than everything else a delta does.
    """

    __slots__ = ("is_bid", "keys", "notional", "places_max", "sign", "sizes")

    def __init__(self, *, is_bid: bool) -> None:
        self.is_bid = is_bid
        self.sign = 1 if is_bid else -1
        self.fill(())

    def fill(self, levels: Sequence[Level]) -> None:
        self.sizes: dict[int, int] = dict(levels)
        self.keys: list[int] = sorted(self.sign * price for price in self.sizes)
        self.notional = sum(price * size for price, size in self.sizes.items())
        self.places_max = 2 * len(self.keys) + SPARE_PLACES

    def widen(self, price_factor: int, qty_factor: int) -> None:
        # Empty places stay: they decide which levels a sample of many holds.
        self.sizes = {price * price_factor: size * qty_factor for price, size in self.sizes.items()}
        self.keys = [key * price_factor for key in self.keys]
        self.notional *= price_factor * qty_factor

    def places(self) -> list[Level]:
        return [(self.sign * key, self.sizes[self.sign * key]) for key in self.keys]

    def levels(self) -> Iterator[Level]:
        sizes, sign = self.sizes, self.sign
        for key in reversed(self.keys):
            price = sign * key
            if size := sizes[price]:
                yield price, size

    def tidy(self) -> None:
        """Make the last place one with a level; start anew when too many places are empty."""
        sizes, keys, sign = self.sizes, self.keys, self.sign
        while keys and not sizes[sign * keys[-1]]:
            del sizes[sign * keys.pop()]
        if len(keys) > self.places_max:
            self.fill(list(self.levels()))


class Book:
    """Levels of both sides, the sequence rule and the counters.

    Args:
        rule: How the venue's deltas join.
        on_applied: Called after each single applied delta, also those from the buffer; for
            judges that compare every state.
        checksum_of: Reckons what a delta or a snapshot with a checksum is compared with.
    """

    def __init__(
        self,
        rule: SequenceRule,
        on_applied: Callable[["Book"], None] | None = None,
        checksum_of: Callable[["Book"], int] | None = None,
    ) -> None:
        self.rule = rule
        self.on_applied = on_applied
        self.checksum_of = checksum_of
        self.state: BookState = "waiting"
        self.note = "waiting for the first update"
        self.last_seq = 0
        self.joined = False
        """Whether a delta was applied since the snapshot."""
        self.crossed_since_ns = 0
        self.addition_floor = NO_FLOOR
        self.additions: list[Addition] = []
        self.last_gap: Gap | None = None
        self.snapshots = 0
        self.applied = 0
        self.dropped_stale = 0
        self.buffered_total = 0
        self.gaps = 0
        self.crossed = 0
        self.broken = 0
        self.checksums_equal = 0
        self.checksums_unequal = 0
        self._ahead_left = 0
        self._bids = _Side(is_bid=True)
        self._asks = _Side(is_bid=False)
        self._buffer: deque[BookDelta] = deque(maxlen=BUFFERED_MAX)
        self._pushed_out = 0

    @property
    def best_bid(self) -> Level | None:
        """Highest bid with its size."""
        if not self._bids.keys:
            return None
        price = self._bids.keys[-1]
        return price, self._bids.sizes[price]

    @property
    def best_ask(self) -> Level | None:
        """Lowest ask with its size."""
        if not self._asks.keys:
            return None
        price = -self._asks.keys[-1]
        return price, self._asks.sizes[price]

    @property
    def mid_ticks(self) -> float | None:
        """Half way between best bid and best ask."""
        if not (self._bids.keys and self._asks.keys):
            return None
        return (self._bids.keys[-1] - self._asks.keys[-1]) / 2

    @property
    def bid_levels(self) -> int:
        """Number of bid prices."""
        return sum(1 for _ in self._bids.levels())

    @property
    def ask_levels(self) -> int:
        """Number of ask prices."""
        return sum(1 for _ in self._asks.levels())

    def levels(self, *, is_bid: bool) -> Iterator[Level]:
        """Iterate over one side, best first."""
        return (self._bids if is_bid else self._asks).levels()

    def size_at(self, price_ticks: int, *, is_bid: bool) -> int:
        """Return the lots at a price; 0 where there is no level."""
        return (self._bids if is_bid else self._asks).sizes.get(price_ticks, 0)

    def notional_around(self, share: float) -> int:
        """Return the sum of `ticks * lots` of all levels within a share of mid."""
        sides = ((side, self._first_within(side, share)) for side in (self._bids, self._asks))
        return sum(side.notional - sum(_notionals(side, side.keys[:at])) for side, at in sides)

    def notionals(self, *, is_bid: bool, around_mid_share: float, limit: int) -> list[int]:
        """Return `ticks * lots` of levels within a share of mid, best last.

        Of more than `limit` it returns at most as many, evenly spread.
        """
        side = self._bids if is_bid else self._asks
        first = self._first_within(side, around_mid_share)
        step = -(-(len(side.keys) - first) // limit) or 1
        return _notionals(side, side.keys[first::step])

    def apply_snapshot(self, snapshot: BookSnapshot, ts_ns: int) -> Verdict:
        """Take in a whole book and every buffered delta that follows it.

        One by request that tells a live book nothing new changes nothing. One that does not join
        the buffered deltas leaves the book invalid; another one is needed. One that came with the
        stream begins it anew: whatever came before is over.
        """
        if snapshot.is_streamed:
            self.dropped_stale += len(self._buffer)
            self._buffer.clear()
        elif self.state == "live" and snapshot.last_seq <= self.last_seq:
            return Verdict.STALE
        self.snapshots += 1
        self._bids.fill(snapshot.bids)
        self._asks.fill(snapshot.asks)
        self.last_seq = snapshot.last_seq
        self.joined = False
        self.crossed_since_ns = 0
        self.additions.clear()
        self.state = "live"
        self.note = ""
        if any(size <= 0 for size in (*self._bids.sizes.values(), *self._asks.sizes.values())):
            return self._break("a level of no size")
        if self._check(ts_ns) is Verdict.BROKEN:
            return Verdict.BROKEN
        if snapshot.checksum and not self._adds_up(snapshot.checksum):
            return self._break("checksum differs")
        self._ahead_left = 0 if snapshot.is_streamed else AHEAD_MAX + len(self._buffer)
        waiting = self._buffer
        self._buffer = deque(maxlen=BUFFERED_MAX)
        # What the bound pushed out came before all that is left.
        self.dropped_stale += self._pushed_out
        self._pushed_out = 0
        while waiting:
            verdict = self.apply(waiting.popleft(), ts_ns)
            if verdict is Verdict.GAP or verdict is Verdict.BROKEN:
                self._buffer.extend(waiting)
                return verdict
        return Verdict.APPLIED

    def apply(self, delta: BookDelta, ts_ns: int) -> Verdict:
        """Apply one delta at engine time `ts_ns`, or say why not."""
        if self.state != "live":
            if self.state == "waiting" and self.rule == "linked_ids":
                return self._lose(delta, "update_before_snapshot")
            if self.state == "waiting":
                self.note = "waiting for a snapshot"
            self._keep(delta)
            return Verdict.BUFFERED
        self.additions.clear()
        rule, last_seq = self.rule, self.last_seq
        is_strict = self._ahead_left <= 0 if rule == "linked_ids" else self.joined
        if is_old(rule, delta, last_seq, is_strict):
            self.dropped_stale += 1
            self._ahead_left -= 1
            return Verdict.STALE
        if not joins(rule, delta, last_seq, is_strict):
            return self._lose(delta, "sequence" if is_strict else "first_event_not_bridging")
        self._apply_levels(self._bids, delta.bids)
        self._apply_levels(self._asks, delta.asks)
        self.last_seq = delta.last_seq
        self.joined = True
        self._ahead_left = 0
        self.applied += 1
        if delta.checksum and not self._adds_up(delta.checksum):
            return self._lose(delta, "checksum")
        if self.on_applied is not None:
            self.on_applied(self)
        return self._check(ts_ns)

    def check_crossed(self, ts_ns: int) -> Verdict:
        """Break a book that stays crossed although nothing more comes."""
        if self.crossed_since_ns and ts_ns - self.crossed_since_ns > CROSSED_NS_MAX:
            return self._break("bid and ask crossed")
        return Verdict.APPLIED

    def invalidate(self, note: str) -> None:
        """Throw the levels away; deltas are buffered until the next snapshot."""
        self.state = "invalid"
        self.note = note
        self.joined = False
        self.crossed_since_ns = 0
        self._bids.fill(())
        self._asks.fill(())
        self._buffer.clear()
        self._pushed_out = 0
        self.additions.clear()

    def widen(self, price_factor: int, qty_factor: int) -> None:
        """Count finer ticks and lots from now on; every level keeps its price and size."""
        self._bids.widen(price_factor, qty_factor)
        self._asks.widen(price_factor, qty_factor)
        self._buffer = deque(
            (_widened(delta, price_factor, qty_factor) for delta in self._buffer),
            maxlen=BUFFERED_MAX,
        )
        self.additions.clear()

    def digest_parts(self) -> tuple[object, ...]:
        """Return everything that decides what happens next, as plain values."""
        return (
            self.state,
            self.note,
            self.last_seq,
            self.joined,
            self.crossed_since_ns,
            self._bids.places(),
            self._asks.places(),
            list(self._buffer),
            (self.snapshots, self.applied, self.dropped_stale, self.buffered_total),
            (self.gaps, self.crossed, self.broken),
            (self.checksums_equal, self.checksums_unequal, self._ahead_left),
        )

    def _adds_up(self, checksum: int) -> bool:
        if self.checksum_of is None:
            return True
        is_equal = self.checksum_of(self) == checksum
        self.checksums_equal += is_equal
        self.checksums_unequal += not is_equal
        return is_equal

    def _lose(self, delta: BookDelta, kind: GapKind) -> Verdict:
        expected = self.last_seq
        if self.joined and self.rule == "contiguous_ids":
            expected += 1
        self.last_gap = Gap(
            kind=kind,
            expected=expected,
            first_seq=delta.first_seq,
            last_seq=delta.last_seq,
            prev_seq=delta.prev_seq,
        )
        self.gaps += 1
        self.invalidate(_NOTES[kind])
        self._keep(delta)
        return Verdict.GAP

    def _keep(self, delta: BookDelta) -> None:
        if self.rule == "linked_ids":
            if not delta.last_seq:
                return  # Without ids it can join no snapshot but the one streamed before it.
            if delta.last_seq < delta.prev_seq:
                self._buffer.clear()  # Numbers begin anew: what came before joins nothing.
                return
        self.buffered_total += 1
        self._pushed_out += len(self._buffer) == BUFFERED_MAX
        self._buffer.append(delta)

    def _apply_levels(self, side: _Side, levels: Sequence[Level]) -> None:
        sizes, keys, sign, floor = side.sizes, side.keys, side.sign, self.addition_floor
        notional = 0
        for price, size in levels:
            old = sizes.get(price)
            if old is None:
                if not size:
                    continue
                insort(keys, sign * price)
                old = 0
            sizes[price] = size
            grown = (size - old) * price
            notional += grown
            if grown >= floor:
                self.additions.append(Addition(side.is_bid, price, old, size))
        side.notional += notional
        side.tidy()

    def _first_within(self, side: _Side, share: float) -> int:
        """Return where in a side's prices those within a share of mid begin."""
        mid = self.mid_ticks
        if mid is None:
            return 0
        return bisect_left(side.keys, side.sign * mid * (1 - side.sign * share))

    def _check(self, ts_ns: int) -> Verdict:
        bids, asks = self._bids.keys, self._asks.keys
        if not (bids and asks):
            return self._break("a side is empty")
        if bids[-1] < -asks[-1]:
            self.crossed_since_ns = 0
            return Verdict.APPLIED
        self.crossed += 1
        if not self.crossed_since_ns:
            self.crossed_since_ns = ts_ns
        return self.check_crossed(ts_ns)

    def _break(self, note: str) -> Verdict:
        self.broken += 1
        self.invalidate(note)
        return Verdict.BROKEN


def _notionals(side: _Side, keys: Sequence[int]) -> list[int]:
    sizes, sign = side.sizes, side.sign
    return [size * sign * key for key in keys if (size := sizes[sign * key])]


def _widened(delta: BookDelta, price_factor: int, qty_factor: int) -> BookDelta:
    return msgspec.structs.replace(
        delta,
        bids=[(price * price_factor, size * qty_factor) for price, size in delta.bids],
        asks=[(price * price_factor, size * qty_factor) for price, size in delta.asks],
    )
