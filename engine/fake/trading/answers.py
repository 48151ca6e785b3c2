"""Binance's answers: refusals with their codes and texts, and numbers as it writes them.

Written apart from the wire of `engine.venues`, so that the two can be judged by each other.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import msgspec

from engine.venues.trading import HttpReply

MONEY_STEP: Final = Decimal("0.00000001")
"""Money is written, and booked, to so much and no further."""

TEXTS: Final[Mapping[int, str]] = {
    -1000: "An unknown error occurred while processing the request.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; "
    "execution status unknown.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1101: "Too many parameters sent for this endpoint.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -2010: "NEW_ORDER_REJECTED",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2019: "Margin is insufficient.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -2025: "Reach max open order limit.",
    -4003: "Quantity less than or equal to zero.",
    -4004: "Quantity less than min quantity.",
    -4005: "Quantity greater than max quantity.",
    -4013: "Price less than min price.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id is not valid.",
    -4016: "Price is higher than mark price multiplier cap.",
    -4023: "Qty not increased by step size.",
    -4024: "Price is lower than mark price multiplier floor.",
    -4061: "Order's position side does not match user's setting.",
    -4116: "ClientOrderId is duplicated.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints "
    "instead.",
    -4140: "Invalid symbol status for opening position.",
    -5021: "Due to the order could not be filled immediately, the FOK order has been rejected. "
    "The order will not be recorded in the order history.",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected. "
    "The order will not be recorded in the order history.",
    -5024: "Symbol is not in trading status. Order amendment is not permitted.",
    -5025: "Only limit order is supported.",
    -5026: "Exceed maximum modify order limit.",
    -5027: "No need to modify the order.",
    -5028: "Timestamp for this request is outside of the ME recvWindow.",
}


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """A request that gets Binance's error form.

    Args:
        code: Binance's.
        text: None for the documented one of the code.
        status: Of HTTP.
        headers: Further ones, names in lower case.
    """

    def __init__(
        self,
        code: int,
        text: str | None = None,
        status: int = 400,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        self.text = TEXTS[code] if text is None else text
        self.status = status
        self.headers = dict(headers or {})
        super().__init__(f"{code}: {self.text}")

    def reply(self) -> HttpReply:
        """Return it as it is sent."""
        body = msgspec.json.encode({"code": self.code, "msg": self.text})
        return HttpReply(self.status, self.headers, body)


def missing(name: str) -> Refusal:
    """Return the refusal of a request without a parameter that it needs."""
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return Refusal(-1102, text)


def invalid(name: str) -> Refusal:
    """Return the refusal of a parameter's value."""
    return Refusal(-1130, f"Data sent for parameter '{name}' is not valid.")


def money_text(value: Decimal) -> str:
    """Write an amount with eight places, as Binance does."""
    return f"{value.quantize(MONEY_STEP, ROUND_HALF_UP):f}"


def plain_text(value: Decimal) -> str:
    """Write a price or size as it is kept, without an exponent."""
    return f"{value:f}"


def money(value: Decimal) -> Decimal:
    """Round an amount to what the venue books."""
    return value.quantize(MONEY_STEP, ROUND_HALF_UP)
