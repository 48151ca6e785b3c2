"""Sums that slide over a window without drifting, and averages that are seeded with one.

Equal windows must give equal means, whatever came before them, because ties decide trades. So a
running sum keeps what rounding lost in a second float: it equals `math.fsum` of its window while
the window's numbers span less than 2**106 from the smallest digit to the sum.

Each part is handed its length on every update and keeps nothing but what it has seen.
"""

from math import sqrt

import msgspec


class CompensatedSum(msgspec.Struct):
    """A running sum in two floats."""

    high: float = 0.0
    low: float = 0.0

    @property
    def value(self) -> float:
        """The sum, rounded once."""
        return self.high + self.low

    def add(self, x: float) -> None:
        """Add one number; to take one out again, add its negative."""
        # Knuth's TwoSum: `total` plus the two differences is exactly `high + x`.
        total = self.high + x
        added = total - self.high
        self.low += (self.high - (total - added)) + (x - added)
        self.high = total


class Window(msgspec.Struct):
    """The last values, in a ring."""

    values: list[float] = []
    at: int = 0
    """Where the next value goes once the ring is full: 0 after every `n` values."""

    def push(self, x: float, n: int) -> float | None:
        """Keep one value; return the one that leaves, if any does."""
        if len(self.values) < n:
            self.values.append(x)
            return None
        leaving = self.values[self.at]
        self.values[self.at] = x
        self.at = (self.at + 1) % n
        return leaving


class WindowSum(msgspec.Struct):
    """Sum of the last values."""

    window: Window = msgspec.field(default_factory=Window)
    total: CompensatedSum = msgspec.field(default_factory=CompensatedSum)

    def update(self, x: float, n: int) -> float | None:
        """Take in one value; return the sum of the last `n` once there are as many."""
        leaving = self.window.push(x, n)
        self.total.add(x)
        if leaving is not None:
            self.total.add(-leaving)
        return self.total.value if len(self.window.values) == n else None


class Run(msgspec.Struct):
    """How often the newest value came in a row."""

    value: float | None = None
    length: int = 0

    def update(self, x: float) -> int:
        """Take in one value and return how many equal ones end with it."""
        self.length = self.length + 1 if x == self.value else 1
        self.value = x
        return self.length


class Spread(msgspec.Struct):
    """Population standard deviation of the last values.

    What is summed are differences to a reference that is itself in the window: the newest value,
    chosen again every `n` updates. So a high price costs no digits of a small deviation.
    """

    window: Window = msgspec.field(default_factory=Window)
    run: Run = msgspec.field(default_factory=Run)
    reference: float = 0.0
    differences: CompensatedSum = msgspec.field(default_factory=CompensatedSum)
    squares: CompensatedSum = msgspec.field(default_factory=CompensatedSum)

    def update(self, x: float, n: int) -> float | None:
        """Take in one value; return the deviation of the last `n` once there are as many."""
        leaving = self.window.push(x, n)
        equal_count = self.run.update(x)
        if len(self.window.values) < n:
            return None
        if leaving is None or self.window.at == 0:
            self._renew(x)
        else:
            self._add(x, 1.0)
            self._add(leaving, -1.0)
        if equal_count >= n:
            return 0.0
        mean_difference: float = self.differences.value / n
        variance = (self.squares.value - self.differences.value * mean_difference) / n
        return sqrt(max(variance, 0.0))

    def _renew(self, reference: float) -> None:
        self.reference = reference
        self.differences = CompensatedSum()
        self.squares = CompensatedSum()
        for x in self.window.values:
            self._add(x, 1.0)

    def _add(self, x: float, sign: float) -> None:
        difference = x - self.reference
        self.differences.add(sign * difference)
        self.squares.add(sign * (difference * difference))


class Extreme(msgspec.Struct):
    """Largest of the last values: a queue of those that may still become it, falling."""

    seen: int = 0
    places: list[int] = []
    values: list[float] = []

    def update(self, x: float, n: int) -> float | None:
        """Take in one value; return the largest of the last `n` once there are as many."""
        places, values = self.places, self.values
        while values and values[-1] <= x:
            places.pop()
            values.pop()
        places.append(self.seen)
        values.append(x)
        if places[0] <= self.seen - n:
            # Moves the few that are left; a deque would be no plain value for a checkpoint.
            del places[0], values[0]
        self.seen += 1
        return values[0] if self.seen >= n else None


class Exponential(msgspec.Struct):
    """Average that follows by `2 / (n + 1)` of the distance, seeded with the mean of the first."""

    seen: int = 0
    seed: CompensatedSum = msgspec.field(default_factory=CompensatedSum)
    value: float = 0.0

    def update(self, x: float, n: int) -> float | None:
        """Take in one value; return the average once there were `n`."""
        if self.seen >= n:
            self.value += 2.0 / (n + 1) * (x - self.value)
            return self.value
        self.seed.add(x)
        self.seen += 1
        self.value = self.seed.value / n
        return self.value if self.seen == n else None


class Wilder(msgspec.Struct):
    """Average that weighs its past `n - 1` to 1, seeded with the mean of the first."""

    seen: int = 0
    seed: CompensatedSum = msgspec.field(default_factory=CompensatedSum)
    value: float = 0.0

    def update(self, x: float, n: int) -> float | None:
        """Take in one value; return the average once there were `n`."""
        if self.seen >= n:
            self.value = (self.value * (n - 1) + x) / n
            return self.value
        self.seed.add(x)
        self.seen += 1
        self.value = self.seed.value / n
        return self.value if self.seen == n else None
