"""Parameters of a strategy: their ranges, and how settings and specs become a `Params`.

A `Params` holds numbers only, because compiled loops take nothing else. What people write is
turned into it here: the word of a choice becomes its index, and null becomes 0.0, which is "off".
"""

from collections.abc import Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import msgspec

from engine.model.errors import ConfigError
from engine.strategy.candle import StrategyModule, complaint


class Int(msgspec.Struct, frozen=True):
    """Whole numbers that a search tries; a person may set others."""

    low: int
    high: int
    step: int = 1


class Float(msgspec.Struct, frozen=True):
    """Numbers that a search tries; a person may set others."""

    low: float
    high: float
    step: float | Literal["log"]
    """From one to the next, or "log" where ratios count."""


class Choice:
    """Words, of which the parameter holds the index: a bool has the words of 0 and 1."""

    __slots__ = ("words",)

    def __init__(self, *words: str) -> None:
        self.words = words


class ParameterSpec(msgspec.Struct, frozen=True):
    """What there is to know of one parameter."""

    name: str
    type: type[int] | type[float] | type[bool]
    range: Int | Float | Choice
    unit: str
    default: float


def parameters_of(module: StrategyModule) -> tuple[ParameterSpec, ...]:
    """Return the parameters of a strategy in the order of its `Params`."""
    defaults = module.Params()
    hints = get_type_hints(module.Params, include_extras=True)
    parameters = []
    for (name, hint), default in zip(hints.items(), defaults, strict=True):
        assert get_origin(hint) is Annotated, f"{name} of Params has no range and unit"
        plain, searched, unit = get_args(hint)
        parameters.append(ParameterSpec(name, plain, searched, unit, default))
    return tuple(parameters)


def read_params(module: StrategyModule, values: Mapping[str, object]) -> tuple[float, ...]:
    """Return the `Params` that settings or a spec ask for; what they leave out is as declared.

    Raises:
        ConfigError: A name or a value that the strategy does not take, or not together.
    """
    specs = {spec.name: spec for spec in parameters_of(module)}
    for name in values:
        if name not in specs:
            near = get_close_matches(name, specs, 1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(specs)}."
            raise ConfigError(f"{module.ID} has no parameter {name}; {hint}")
    params = module.Params(**{name: _read(specs[name], value) for name, value in values.items()})
    if problem := complaint(module, params):
        raise ConfigError(f"{module.ID}: {problem}")
    return params


def words_of(module: StrategyModule, params: tuple[float, ...]) -> dict[str, float | str]:
    """Return parameters as people write them: choices by their words."""
    return {
        spec.name: spec.range.words[int(value)] if isinstance(spec.range, Choice) else value
        for spec, value in zip(parameters_of(module), params, strict=True)
    }


def _read(spec: ParameterSpec, value: object) -> float:
    number = _number(spec, value)
    if number is None:
        raise ConfigError(f"{spec.name} = {value!r}: {_expected(spec)} is expected")
    return number


def _number(spec: ParameterSpec, value: object) -> float | None:
    """Return the value in the declared type; None if it is none of that kind."""
    if isinstance(spec.range, Choice):
        return _index(spec, spec.range.words, value)
    if value is None and spec.type is float:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    if spec.type is float:
        return float(value)
    return int(value) if value == int(value) else None


def _index(spec: ParameterSpec, words: tuple[str, ...], value: object) -> float | None:
    if isinstance(value, str) and value in words:
        return spec.type(words.index(value))
    if type(value) is spec.type and 0 <= value < len(words):
        return spec.type(value)
    return None


def _expected(spec: ParameterSpec) -> str:
    if isinstance(spec.range, Choice):
        return " or ".join(spec.range.words)
    return "a whole number" if spec.type is int else "a number or null"
