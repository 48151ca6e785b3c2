"""Streaming indicators: one number in per candle, one out, at a cost that does not grow.

Definitions are those of `backtest_rules.md` §4. Until `first_index` values were seen, counted from
0, there is no value. All that an indicator remembers are its fields, plain numbers and lists of
them, so a checkpoint needs no code of its own. Vector forms elsewhere repeat the same operations in
the same order: both give the same bits.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import msgspec

from engine.model.numbers import NS_PER_S
from engine.strategy.sums import (
    CompensatedSum,
    Exponential,
    Extreme,
    Run,
    Spread,
    Wilder,
    Window,
    WindowSum,
)

DAY_NS: Final = 86_400 * NS_PER_S
SPLIT: Final = 134_217_729.0
"""2**27 + 1: splits a float into two halves of 26 bits (Veltkamp), whose products are exact."""


class Indicator(Protocol):
    """What the host of a strategy needs of an indicator."""

    @property
    def value(self) -> float | None:
        """The newest value; None while there is none."""

    @property
    def first_index(self) -> int:
        """Updates before the one that gives the first value."""

    @property
    def update(self) -> Callable[..., float | None]:
        """Takes in the fields of one candle and returns the new value."""


class Single(msgspec.Struct, kw_only=True):
    """The field that all indicators of one number share."""

    value: float | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


class Latest(Single):
    """The number itself."""

    @property
    def first_index(self) -> int:
        """There from the start."""
        return 0

    def update(self, x: float) -> float | None:
        """Keep it."""
        self.value = x
        return x


class Sma(Single):
    """Mean of the last `n`."""

    n: int
    sum: WindowSum = msgspec.field(default_factory=WindowSum)

    @property
    def first_index(self) -> int:
        """Needs a full window."""
        return self.n - 1

    def update(self, x: float) -> float | None:
        """Slide the window by one."""
        total = self.sum.update(x, self.n)
        self.value = None if total is None else total / self.n
        return self.value


class Ema(Single):
    """Exponential average, seeded with the mean of the first `n`."""

    n: int
    average: Exponential = msgspec.field(default_factory=Exponential)

    @property
    def first_index(self) -> int:
        """The seed is the first value."""
        return self.n - 1

    def update(self, x: float) -> float | None:
        """Follow the newest number."""
        self.value = self.average.update(x, self.n)
        return self.value


class Wma(Single):
    """Mean of the last `n`, weighted `n` for the newest down to 1."""

    n: int
    window: Window = msgspec.field(default_factory=Window)
    plain: CompensatedSum = msgspec.field(default_factory=CompensatedSum)
    weighted: CompensatedSum = msgspec.field(default_factory=CompensatedSum)

    @property
    def first_index(self) -> int:
        """Needs a full window."""
        return self.n - 1

    def update(self, x: float) -> float | None:
        """Slide the window by one: everything in it loses its plain sum once."""
        leaving = self.window.push(x, self.n)
        weight = len(self.window.values)
        if leaving is not None:
            self.weighted.add(-self.plain.high)
            self.weighted.add(-self.plain.low)
            self.plain.add(-leaving)
        self.plain.add(x)
        # A rounded product would be carried along for ever, since it leaves in exact steps.
        half = x * SPLIT - (x * SPLIT - x)
        self.weighted.add(weight * half)
        self.weighted.add(weight * (x - half))
        if weight == self.n:
            self.value = self.weighted.value / (self.n * (self.n + 1) // 2)
        return self.value


class Std(Single):
    """Population standard deviation of the last `n`; exactly 0 when they are equal."""

    n: int
    spread: Spread = msgspec.field(default_factory=Spread)

    @property
    def first_index(self) -> int:
        """Needs a full window."""
        return self.n - 1

    def update(self, x: float) -> float | None:
        """Slide the window by one."""
        self.value = self.spread.update(x, self.n)
        return self.value


class Bands(NamedTuple):
    """Mean, and `k` deviations to either side."""

    lower: float
    middle: float
    upper: float


class Bollinger(msgspec.Struct):
    """Mean of the last `n` with bands `k` population deviations away."""

    n: int
    k: float
    mean: WindowSum = msgspec.field(default_factory=WindowSum)
    spread: Spread = msgspec.field(default_factory=Spread)
    value: Bands | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    @property
    def first_index(self) -> int:
        """Needs a full window."""
        return self.n - 1

    def update(self, x: float) -> Bands | None:
        """Slide the window by one."""
        total = self.mean.update(x, self.n)
        deviation = self.spread.update(x, self.n)
        if total is not None and deviation is not None:
            middle, width = total / self.n, self.k * deviation
            self.value = Bands(middle - width, middle, middle + width)
        return self.value


class RollingMin(Single):
    """Smallest of the last `n`."""

    n: int
    extreme: Extreme = msgspec.field(default_factory=Extreme)

    @property
    def first_index(self) -> int:
        """Needs a full window."""
        return self.n - 1

    def update(self, x: float) -> float | None:
        """Slide the window by one."""
        largest_negative = self.extreme.update(-x, self.n)
        self.value = None if largest_negative is None else -largest_negative
        return self.value


class RollingMax(Single):
    """Largest of the last `n`."""

    n: int
    extreme: Extreme = msgspec.field(default_factory=Extreme)

    @property
    def first_index(self) -> int:
        """Needs a full window."""
        return self.n - 1

    def update(self, x: float) -> float | None:
        """Slide the window by one."""
        self.value = self.extreme.update(x, self.n)
        return self.value


class Rsi(Single):
    """Relative strength after Wilder, 0 to 100; 50 when nothing ever moved."""

    n: int
    gains: Wilder = msgspec.field(default_factory=Wilder)
    losses: Wilder = msgspec.field(default_factory=Wilder)
    last: float | None = None

    @property
    def first_index(self) -> int:
        """Needs `n` changes, and so one number more."""
        return self.n

    def update(self, x: float) -> float | None:
        """Count one change as gain or loss."""
        last, self.last = self.last, x
        if last is None:
            return None
        change = x - last
        gain = self.gains.update(max(change, 0.0), self.n)
        loss = self.losses.update(max(-change, 0.0), self.n)
        if gain is not None and loss is not None:
            moved = gain + loss
            self.value = 50.0 if moved == 0.0 else 100.0 * gain / moved
        return self.value


class Atr(Single):
    """Average true range after Wilder, in price."""

    n: int
    average: Wilder = msgspec.field(default_factory=Wilder)
    last_close: float | None = None

    @property
    def first_index(self) -> int:
        """Needs `n` ranges, the first of which needs a close before it."""
        return self.n

    def update(self, high: float, low: float, close: float) -> float | None:
        """Take in the range of one candle, gaps to the close before included."""
        last, self.last_close = self.last_close, close
        if last is None:
            return None
        true_range = max(high - low, abs(high - last), abs(low - last))
        self.value = self.average.update(true_range, self.n)
        return self.value


class Macd(Single):
    """Fast exponential average minus the slow one, both from the first number on."""

    fast: int
    slow: int
    fast_average: Exponential = msgspec.field(default_factory=Exponential)
    slow_average: Exponential = msgspec.field(default_factory=Exponential)

    @property
    def first_index(self) -> int:
        """Needs both averages."""
        return max(self.fast, self.slow) - 1

    def update(self, x: float) -> float | None:
        """Follow the newest number with both."""
        fast = self.fast_average.update(x, self.fast)
        slow = self.slow_average.update(x, self.slow)
        self.value = None if fast is None or slow is None else fast - slow
        return self.value


class MacdSignal(Single):
    """Exponential average of the MACD."""

    fast: int
    slow: int
    signal: int
    fast_average: Exponential = msgspec.field(default_factory=Exponential)
    slow_average: Exponential = msgspec.field(default_factory=Exponential)
    average: Exponential = msgspec.field(default_factory=Exponential)
    histogram: float | None = None
    """MACD minus its signal."""

    @property
    def first_index(self) -> int:
        """Needs `signal` values of the MACD."""
        return max(self.fast, self.slow) + self.signal - 2

    def update(self, x: float) -> float | None:
        """Follow the newest MACD."""
        fast = self.fast_average.update(x, self.fast)
        slow = self.slow_average.update(x, self.slow)
        if fast is not None and slow is not None:
            self.value = self.average.update(fast - slow, self.signal)
            self.histogram = None if self.value is None else fast - slow - self.value
        return self.value


class Vwap(Single):
    """Mean typical price of the last `n` candles by volume; undefined while none traded."""

    n: int
    notional: WindowSum = msgspec.field(default_factory=WindowSum)
    volume: WindowSum = msgspec.field(default_factory=WindowSum)
    run: Run = msgspec.field(default_factory=Run)

    @property
    def first_index(self) -> int:
        """Needs a full window."""
        return self.n - 1

    def update(self, high: float, low: float, close: float, volume: float) -> float | None:
        """Slide the window by one."""
        equal_count = self.run.update(volume)
        notionals = self.notional.update((high + low + close) / 3.0 * volume, self.n)
        volumes = self.volume.update(volume, self.n)
        # Asked of the volumes themselves: a sum may keep a trace of what has left it.
        is_silent = volume == 0.0 and equal_count >= self.n
        if notionals is None or volumes is None or is_silent or volumes <= 0.0:
            self.value = None
        else:
            self.value = notionals / volumes
        return self.value


class DayVwap(Single):
    """Mean typical price by volume since 00:00 UTC; undefined until something traded."""

    day: int = -1
    notional: CompensatedSum = msgspec.field(default_factory=CompensatedSum)
    volume: CompensatedSum = msgspec.field(default_factory=CompensatedSum)

    @property
    def first_index(self) -> int:
        """There from the start."""
        return 0

    def update(
        self, open_ns: int, high: float, low: float, close: float, volume: float
    ) -> float | None:
        """Add one candle to its day; the first of another day begins anew."""
        day = open_ns // DAY_NS
        if day != self.day:
            self.day = day
            self.notional = CompensatedSum()
            self.volume = CompensatedSum()
        self.notional.add((high + low + close) / 3.0 * volume)
        self.volume.add(volume)
        volumes: float = self.volume.value
        self.value = self.notional.value / volumes if volumes > 0.0 else None
        return self.value
