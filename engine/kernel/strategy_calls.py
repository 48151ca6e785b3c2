"""Calls of strategies: what they decide, and why. One that fails ends nothing but itself."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from engine.strategy.candle import CandleHost, Decision, Position

ConditionText = tuple[str, str, str, bool]
"""Name, value, threshold, whether it holds."""

_Answer = TypeVar("_Answer")


class Failed(NamedTuple):
    """What a strategy raised instead of an answer."""

    error: str
    told: str


def decided(host: CandleHost, position: Position) -> Decision | Failed:
    """Ask what to do about the newest candle."""
    return _contained(lambda: host.decide(position))


def explained(host: CandleHost, position: Position) -> tuple[ConditionText, ...] | Failed:
    """Ask why it acts next, or what keeps it from it; nothing before the look-back is complete."""
    return _contained(
        lambda: tuple(
            (str(one.name), f"{one.value:.6g}", f"{one.threshold:.6g}", bool(one.holds))
            for one in host.conditions(position)
        )
    )


def _contained(ask: Callable[[], _Answer]) -> _Answer | Failed:
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - a strategy's failure ends nothing but itself
        name = type(error).__name__
        return Failed(name, f"{name}: {error}")
