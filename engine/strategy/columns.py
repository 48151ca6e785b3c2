"""What the fields of a `Row` may stand for: fields of the candle, indicators, and earlier values.

A declaration names parameters of its strategy (`Sma("n")`) or carries the number itself
(`Sma(20)`). With the parameters of a run it becomes a `Plan`: which indicator, made with which
numbers, fed with which fields of the candle, how many candles ago. Equal plans share one indicator.
There is no index anywhere, so nothing later can be read.
"""

from collections.abc import Callable
from typing import Annotated, ClassVar, Final, NamedTuple, Protocol, get_origin, get_type_hints

import msgspec

from engine.strategy import indicators
from engine.strategy.indicators import Indicator

Parameter = str | int
"""Name of a whole-numbered parameter of the strategy, or the number itself."""


class FloatCandle(NamedTuple):
    """A closed candle as strategies see it, with the floats that the store keeps (D3)."""

    open_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Plan(msgspec.Struct, frozen=True):
    """A column with its numbers filled in."""

    indicator: Callable[..., Indicator]
    numbers: tuple[int, ...] = ()
    inputs: tuple[int, ...] = ()
    """Positions in `FloatCandle`, in the order of the indicator's arguments."""
    lag: int = 0
    """How many candles ago."""

    def make(self) -> Indicator:
        """Return a new indicator."""
        return self.indicator(*self.numbers)

    def feed(self, indicator: Indicator, candle: FloatCandle) -> float | None:
        """Hand an indicator what it needs of a candle and return its value."""
        return indicator.update(*[candle[position] for position in self.inputs])


class Column(Protocol):
    """What a field of a `Row` is annotated with."""

    def plan(self, params: tuple[float, ...]) -> Plan:
        """Return what to compute with these parameters."""


class Field(msgspec.Struct, frozen=True):
    """A field of the candle."""

    position: int

    def plan(self, params: tuple[float, ...]) -> Plan:
        """Return the field as it is."""
        del params
        return Plan(indicators.Latest, (), (self.position,))


OPEN: Final = Field(1)
HIGH: Final = Field(2)
LOW: Final = Field(3)
CLOSE: Final = Field(4)
VOLUME: Final = Field(5)


class Sliding(msgspec.Struct, frozen=True):
    """What the columns below share: an indicator over the last `n` values of one field."""

    n: Parameter
    of: Field = CLOSE

    indicator: ClassVar[Callable[..., Indicator]]

    def plan(self, params: tuple[float, ...]) -> Plan:
        """Return what to compute with these parameters."""
        return Plan(type(self).indicator, _numbers(params, self.n), (self.of.position,))


class Sma(Sliding, frozen=True):
    """Mean of the last `n` candles; `Sma("n", VOLUME)` is the mean volume."""

    indicator = indicators.Sma


class Ema(Sliding, frozen=True):
    """Exponential average over `n` candles."""

    indicator = indicators.Ema


class Wma(Sliding, frozen=True):
    """Linearly weighted mean of the last `n` candles."""

    indicator = indicators.Wma


class Std(Sliding, frozen=True):
    """Population standard deviation of the last `n` candles; exactly 0 on a flat market."""

    indicator = indicators.Std


class Rsi(Sliding, frozen=True):
    """Relative strength over `n` changes, 0 to 100."""

    indicator = indicators.Rsi


class Lowest(Sliding, frozen=True):
    """Lowest of the last `n` candles, the newest among them."""

    of: Field = LOW

    indicator = indicators.RollingMin


class Highest(Sliding, frozen=True):
    """Highest of the last `n` candles, the newest among them."""

    of: Field = HIGH

    indicator = indicators.RollingMax


class Atr(msgspec.Struct, frozen=True):
    """Average true range over `n` candles, in price."""

    n: Parameter

    def plan(self, params: tuple[float, ...]) -> Plan:
        """Return what to compute with these parameters."""
        inputs = (HIGH.position, LOW.position, CLOSE.position)
        return Plan(indicators.Atr, _numbers(params, self.n), inputs)


class Macd(msgspec.Struct, frozen=True):
    """Fast minus slow exponential average of the closes."""

    fast: Parameter
    slow: Parameter

    def plan(self, params: tuple[float, ...]) -> Plan:
        """Return what to compute with these parameters."""
        numbers = _numbers(params, self.fast, self.slow)
        return Plan(indicators.Macd, numbers, (CLOSE.position,))


class MacdSignal(msgspec.Struct, frozen=True):
    """Exponential average of the MACD."""

    fast: Parameter
    slow: Parameter
    signal: Parameter

    def plan(self, params: tuple[float, ...]) -> Plan:
        """Return what to compute with these parameters."""
        numbers = _numbers(params, self.fast, self.slow, self.signal)
        return Plan(indicators.MacdSignal, numbers, (CLOSE.position,))


class Vwap(msgspec.Struct, frozen=True):
    """Mean typical price of the last `n` candles by volume; NaN while none traded."""

    n: Parameter

    def plan(self, params: tuple[float, ...]) -> Plan:
        """Return what to compute with these parameters."""
        inputs = (HIGH.position, LOW.position, CLOSE.position, VOLUME.position)
        return Plan(indicators.Vwap, _numbers(params, self.n), inputs)


class DayVwap(msgspec.Struct, frozen=True):
    """Mean typical price by volume since 00:00 UTC; NaN until something traded."""

    def plan(self, params: tuple[float, ...]) -> Plan:
        """Return what to compute, whatever the parameters."""
        del params
        inputs = (0, HIGH.position, LOW.position, CLOSE.position, VOLUME.position)
        return Plan(indicators.DayVwap, (), inputs)


class Before(msgspec.Struct, frozen=True):
    """What a column was one candle earlier."""

    column: Column

    def plan(self, params: tuple[float, ...]) -> Plan:
        """Return the column's own plan, one candle later."""
        plan = self.column.plan(params)
        return msgspec.structs.replace(plan, lag=plan.lag + 1)


def columns_of(row_type: Callable[..., tuple[float, ...]]) -> dict[str, Column]:
    """Return the fields of a `Row` with the column each is annotated with."""
    columns = {}
    for name, hint in get_type_hints(row_type, include_extras=True).items():
        assert get_origin(hint) is Annotated, f"{name} of Row stands for no column"
        assert hint.__origin__ is float, f"{name} of Row is not a float"
        columns[name] = hint.__metadata__[0]
    return columns


def _numbers(params: tuple[float, ...], *wanted: Parameter) -> tuple[int, ...]:
    numbers = []
    for one in wanted:
        number = getattr(params, one) if isinstance(one, str) else one
        assert type(number) is int, f"{one} = {number} is not a whole number"
        assert number > 0, f"{one} = {number} is no number of candles"
        numbers.append(number)
    return tuple(numbers)
