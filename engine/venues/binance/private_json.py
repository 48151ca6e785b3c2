"""JSON that moves money: each key once, and of the shape that the venue documents (R100, R107)."""

import json
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from engine.venues.scaling import UNREADABLE, unreadable

T = TypeVar("T")


class _RepeatedKeyError(ValueError):
    """A key occurs twice: which of the two values is meant, nobody can say."""


def strictly(body: str | bytes, shape: type[T]) -> T:
    """Decode JSON of a shape.

    Raises:
        VenuePayloadError: It is not, or one of its objects has a key twice.
    """
    try:
        text = body if isinstance(body, str) else body.decode()
        _KEYS_ONLY.decode(text)
        return msgspec.json.decode(text, type=shape)
    except (*UNREADABLE, ValueError) as error:
        raise unreadable(error, body) from error


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _RepeatedKeyError("a key occurs twice")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


_KEYS_ONLY: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=str, parse_int=str, parse_constant=_no_number
)
"""Sees every key, and makes no number of what may have a million digits."""
