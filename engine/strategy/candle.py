"""Candle strategies: what they are told, what they may answer, and the host that asks them.

A strategy is a module with `Params`, `Row` and `decide`; `strategy.md` §1.1 is the recipe and
`mean_reversion.py` the example. `decide` is called here as plain Python, once per closed candle,
and compiled as it stands for backtests. That is why positions and decisions are tuples of numbers.
"""

from collections.abc import Callable
from math import isfinite, nan
from typing import Final, NamedTuple, Protocol

import msgspec

from engine.model.numbers import NS_PER_S
from engine.strategy.columns import FloatCandle, Plan, columns_of

BUY: Final = 1
SELL: Final = -1

HOLD: Final = 0
LEAVE: Final = 1
ENTER: Final = 2
REVERSE: Final = 3
QUOTE: Final = 4


class Position(NamedTuple):
    """The strategy's own position, as far as decisions need it."""

    side: int
    """1 long, -1 short, 0 none."""
    entry: float
    """Price of the entry fill; 0 without a position."""
    candles: int
    """Candles since the one in which it was entered."""


FLAT: Final = Position(0, 0.0, 0)


class Decision(NamedTuple):
    """What a strategy wants; comes from one of the makers below.

    Stop and target are distances from the entry fill, each in percent or in price; 0 means none.
    """

    kind: int
    side: int
    size: float
    """Share of equity."""
    stop_pct: float
    target_pct: float
    stop: float
    target: float
    bid: float
    ask: float


def hold() -> Decision:
    """Change nothing."""
    return Decision(HOLD, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def leave() -> Decision:
    """Close the position."""
    return Decision(LEAVE, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def enter(
    side: int,
    size: float,
    stop_pct: float = 0.0,
    target_pct: float = 0.0,
    stop: float = 0.0,
    target: float = 0.0,
) -> Decision:
    """Open a position of a share of equity."""
    # Compiled, `1` and `1.0` are two types, and all paths of `decide` must return the same.
    return Decision(
        ENTER,
        int(side),
        float(size),
        float(stop_pct),
        float(target_pct),
        float(stop),
        float(target),
        0.0,
        0.0,
    )


def reverse(
    side: int,
    size: float,
    stop_pct: float = 0.0,
    target_pct: float = 0.0,
    stop: float = 0.0,
    target: float = 0.0,
) -> Decision:
    """Close the position and open one of the other side, `side`."""
    return Decision(
        REVERSE,
        int(side),
        float(size),
        float(stop_pct),
        float(target_pct),
        float(stop),
        float(target),
        0.0,
        0.0,
    )


def quote(bid: float, ask: float, size: float) -> Decision:
    """Rest an order at each of two prices; 0 leaves that side out."""
    return Decision(QUOTE, 0, float(size), 0.0, 0.0, 0.0, 0.0, float(bid), float(ask))


class Condition(NamedTuple):
    """One reason for or against the next step of a strategy."""

    name: str
    value: float
    threshold: float
    holds: bool


class StrategyModule(Protocol):
    """What the module of a candle strategy must have.

    It may have `check(params) -> str`, what is wrong with the parameters if anything is;
    `conditions(row, position, params)`, all of which hold exactly when `decide` acts; and
    `HELPERS`, the functions of its own that `decide` calls.
    """

    @property
    def ID(self) -> str:  # noqa: N802 - constants and classes of a module keep their case
        """Stable name."""

    @property
    def VERSION(self) -> int:  # noqa: N802
        """Changes with every change of a decision."""

    @property
    def Params(self) -> Callable[..., tuple[float, ...]]:  # noqa: N802
        """NamedTuple of what can be set."""

    @property
    def Row(self) -> Callable[..., tuple[float, ...]]:  # noqa: N802
        """NamedTuple of what is looked at."""

    @property
    def decide(self) -> Callable[..., Decision]:
        """`decide(row, position, params)`, in the subset that compiles."""


class Gap(msgspec.Struct, frozen=True):
    """A candle that was not taken, because those before it are missing."""

    missing: int
    expected_open_ns: int
    open_ns: int

    def __str__(self) -> str:
        candles = "candle is" if self.missing == 1 else "candles are"
        return f"{self.missing} {candles} missing before this one"


class HostState(msgspec.Struct, forbid_unknown_fields=True):
    """What a host remembers; the first four fields say for whom."""

    strategy_id: str
    version: int
    timeframe_s: int
    params: list[float]
    have: int
    open_ns: int
    values: list[list[float | None]]
    indicators: list[dict[str, object]]


class CandleHost:
    """Runs one candle strategy on one instrument: indicators, look-back, decisions.

    Args:
        module: The strategy.
        params: An instance of its `Params` that its `check` agrees with.
        timeframe_s: Length of a candle in seconds.
    """

    def __init__(self, module: StrategyModule, params: tuple[float, ...], timeframe_s: int) -> None:
        assert timeframe_s > 0
        assert not (problem := complaint(module, params)), problem
        self.module = module
        self.params = params
        self.timeframe_s = timeframe_s
        columns = columns_of(module.Row)
        wanted = [column.plan(params) for column in columns.values()]
        unlagged = [msgspec.structs.replace(plan, lag=0) for plan in wanted]
        self._plans = list(dict.fromkeys(unlagged))
        self._indicators = [plan.make() for plan in self._plans]
        self._places = [
            (plan.lag, self._plans.index(base)) for plan, base in zip(wanted, unlagged, strict=True)
        ]
        self._values: list[list[float | None]] = []
        """Values of all indicators, one list per candle, the newest first."""
        self._depth = 1 + max(plan.lag for plan in wanted)
        self._need = 1 + max(_first_index(plan) for plan in wanted)
        self._have = 0
        self._open_ns = 0
        self.row: tuple[float, ...] | None = None

    @property
    def need(self) -> int:
        """Candles that it takes to the first decision."""
        return self._need

    @property
    def have(self) -> int:
        """Candles taken so far, up to those needed."""
        return min(self._have, self._need)

    @property
    def next_open_ns(self) -> int | None:
        """When the candle begins that comes next; None if any may."""
        return self._open_ns + self.timeframe_s * NS_PER_S if self._have else None

    def update(self, candle: FloatCandle) -> tuple[float, ...] | Gap | None:
        """Take in one closed candle.

        Returns:
            The row to decide on, once there are enough candles. Otherwise None: for one candle
            more of the look-back, and for a candle that was had before, which changes nothing.
            Or the gap, if it is not the next one; then it was not taken.
        """
        length_ns = self.timeframe_s * NS_PER_S
        expected_ns = self.next_open_ns
        if expected_ns is not None:
            if candle.open_ns < expected_ns:
                return None
            missing, off_ns = divmod(candle.open_ns - expected_ns, length_ns)
            assert not off_ns, f"candle at {candle.open_ns} ns is of another timeframe"
            if missing:
                return Gap(missing, expected_ns, candle.open_ns)
        self._take(candle)
        if self._have >= self._need:
            self.row = self._new_row()
        return self.row

    def decide(self, position: Position) -> Decision:
        """Ask the strategy about the newest row."""
        assert self.row is not None, f"{self.module.ID} has {self.have} of {self.need} candles"
        decision = self.module.decide(self.row, position, self.params)
        assert _is_sound(decision), f"{self.module.ID} decided {decision}"
        return decision

    def conditions(self, position: Position) -> tuple[Condition, ...]:
        """Return why the strategy acts on the newest row, or what keeps it from it."""
        explain = getattr(self.module, "conditions", None)
        if self.row is None or explain is None:
            return ()
        explained: tuple[Condition, ...] = explain(self.row, position, self.params)
        return explained

    def state(self) -> object:
        """Return everything that decides what happens next, as plain values."""
        state = self._identified()
        state.have = self._have
        state.open_ns = self._open_ns
        state.values = self._values
        state.indicators = [msgspec.to_builtins(indicator) for indicator in self._indicators]
        return msgspec.to_builtins(state)

    def restore(self, saved: object) -> bool:
        """Go on from a state.

        Returns:
            False, and nothing changed, if it is that of another strategy, version, timeframe or
            set of parameters, or of another form; the look-back is then filled anew.
        """
        try:
            state = msgspec.convert(saved, HostState)
            indicators = [
                msgspec.convert(one, type(indicator))
                for one, indicator in zip(state.indicators, self._indicators, strict=True)
            ]
        except (msgspec.ValidationError, ValueError):
            return False
        # Equal both ways: else a field that came or went with a release would start as empty.
        if not self._is_mine(state) or [*map(msgspec.to_builtins, indicators)] != state.indicators:
            return False
        self._indicators = indicators
        self._values = state.values
        self._have = state.have
        self._open_ns = state.open_ns
        self.row = self._new_row() if self._have >= self._need else None
        return True

    def _take(self, candle: FloatCandle) -> None:
        total = candle.open + candle.high + candle.low + candle.close + candle.volume
        assert isfinite(total), f"candle at {candle.open_ns} ns holds no plain numbers"
        pairs = zip(self._plans, self._indicators, strict=True)
        self._values.insert(0, [plan.feed(indicator, candle) for plan, indicator in pairs])
        del self._values[self._depth :]
        self._have += 1
        self._open_ns = candle.open_ns

    def _new_row(self) -> tuple[float, ...]:
        values = [self._values[lag][index] for lag, index in self._places]
        # Every comparison with NaN is false, and false means to do nothing.
        return self.module.Row(*[nan if value is None else value for value in values])

    def _identified(self) -> HostState:
        module = self.module
        params = [float(number) for number in self.params]
        return HostState(module.ID, module.VERSION, self.timeframe_s, params, 0, 0, [], [])

    def _is_mine(self, state: HostState) -> bool:
        mine = self._identified()
        return (mine.strategy_id, mine.version, mine.timeframe_s, mine.params) == (
            state.strategy_id,
            state.version,
            state.timeframe_s,
            state.params,
        )


def complaint(module: StrategyModule, params: tuple[float, ...]) -> str:
    """Return what a strategy has against its parameters; nothing if it takes them."""
    check = getattr(module, "check", None)
    return check(params) if check is not None else ""


def _first_index(plan: Plan) -> int:
    return plan.make().first_index + plan.lag


def _is_sound(decision: Decision) -> bool:
    """Whether an order can be made of it: a NaN in a stop would be no stop at all."""
    if decision.kind in (HOLD, LEAVE):
        return True
    if not (decision.size > 0.0 and all(isfinite(x) and x >= 0.0 for x in decision[2:])):
        return False
    if decision.kind == QUOTE:
        return True
    is_doubled = decision.stop_pct * decision.stop or decision.target_pct * decision.target
    return decision.side in (BUY, SELL) and not is_doubled
