"""Parameters of a request as Binance reads them: query string and body together."""

from decimal import Decimal, InvalidOperation
from typing import Final
from urllib.parse import parse_qsl

from engine.fake.trading.answers import Refusal, invalid, missing

NUMBER_LETTERS_MAX: Final = 20
"""Of a whole number; more cannot be one of Binance's."""

DECIMAL_LETTERS_MAX: Final = 40


class Params:
    """Names and values of one request.

    Args:
        query: As received, still encoded.
        body: The same.

    Raises:
        Refusal: A name comes twice, or the text cannot be read.
    """

    def __init__(self, query: str, body: bytes) -> None:
        try:
            text = body.decode("ascii")
            pairs = [
                pair
                for part in (query, text)
                for pair in parse_qsl(part, keep_blank_values=True, errors="strict")
            ]
        except (UnicodeDecodeError, ValueError) as error:
            raise Refusal(-1101, "The parameters cannot be read.") from error
        self._values = dict(pairs)
        if len(self._values) != len(pairs):
            raise Refusal(-1101, "Duplicate values for a parameter detected.")

    def has(self, name: str) -> bool:
        """Whether the parameter came with a value."""
        return bool(self._values.get(name))

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; without a default it must be there."""
        value = self._values.get(name)
        if value:
            return value
        if default is None:
            raise missing(name)
        return default

    def choice(self, name: str, choices: frozenset[str], code: int, default: str = "") -> str:
        """Return one of the choices; any other gets the code."""
        value = self.text(name, default or None)
        if value not in choices:
            raise Refusal(code)
        return value

    def number(self, name: str, default: int | None = None) -> int:
        """Return a whole number that is not negative."""
        value = self.text(name, None if default is None else str(default))
        if not (value.isascii() and value.isdigit() and len(value) <= NUMBER_LETTERS_MAX):
            text = (
                f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
            )
            raise Refusal(-1100, text)
        return int(value)

    def decimal(self, name: str) -> Decimal:
        """Return a number with a point; it must be there."""
        text = self.text(name)
        is_plain = text.isascii() and all(letter in "0123456789." for letter in text)
        if not is_plain or len(text) > DECIMAL_LETTERS_MAX:
            raise Refusal(-1100, f"Illegal characters found in parameter '{name}'.")
        try:
            return Decimal(text)
        except InvalidOperation as error:
            raise missing(name) from error

    def flag(self, name: str) -> bool:
        """Return a truth value, false where it was not sent."""
        value = self.text(name, "false").lower()
        if value not in {"true", "false"}:
            raise invalid(name)
        return value == "true"
