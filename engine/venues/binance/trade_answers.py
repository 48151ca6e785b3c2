"""The table of Binance's USD-M refusals: which of them prove that nothing was accepted (R25).

An answer is *refused* only with a status of 4xx and a code that is listed here for what was asked.
Whatever else is not a confirmation leaves the outcome *unknown*: every 5xx (also -1008, which often
comes with one), -1000, -1001, -1006, -1007, a duplicate client order id (the first one got there),
a code that nobody has listed, and what cannot be read at all. Nothing is decided by a text, except
that -2010 with the word "duplicate" is not listed.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from engine.model.errors import VenuePayloadError
from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.model.text import clean
from engine.venues.binance.private_json import strictly
from engine.venues.binance.trade_payloads import Failure
from engine.venues.scaling import excerpt
from engine.venues.trading import Purpose, Verdict

NOT_FOUND: Final = -2013
"""The venue shows no such order, which a lagging replica may say of one that it has (R24)."""

DUPLICATE_ID: Final = -4116
TOO_MANY_ORDERS: Final = -1015

_TIME: Final = frozenset({-1021, -5028})
"""The time of the signature is too old or ahead, as the API (-1021) or the matching engine (-5028)
judged it, both of them before it does anything."""

_KEY: Final = frozenset({-1002, -2014, -2015})
"""The key, its address or its rights."""

_PACE: Final = frozenset({-1003, -1008, TOO_MANY_ORDERS})
"""Turned away at the door: too much weight, too many orders, or overload by 4xx."""

_FORM: Final = frozenset(
    {
        *(-1013, -1014, -1020, -1022, -1023),
        *(-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1109, -1110, -1111, -1112),
        *(-1113, -1114, -1115, -1116, -1117, -1118, -1119, -1120, -1121, -1128, -1130, -1136),
    }
)
"""The request is not one that the API passes on."""

_DOOR: Final = _TIME | _KEY | _PACE | _FORM

_SIZE_AND_PRICE: Final = frozenset(
    {
        *(-4001, -4002, -4003, -4004, -4005, -4006, -4007, -4008, -4012, -4013, -4014, -4016),
        *(-4023, -4024, -4028, -4029, -4030, -4131, -4164, -4183, -4184),
    }
)
"""Filters of the instrument."""

_ACCOUNT: Final = frozenset(
    {
        *(-2018, -2019, -2022, -2023, -2024, -2025, -2026, -2027, -2028),
        *(-4044, -4045, -4050, -4051, -4061, -4109, -4118, -4140, -4141, -4192, -4202),
        *(-4400, -4401, -4402, -4403),
    }
)
"""Money, positions, rules of the account, and instruments that do not trade."""

_ORDER: Final = frozenset({-2010, -2020, -2021, -4015, -4120, -4142, -5021, -5022})
"""This order, now."""

_AMEND: Final = frozenset({-2011, NOT_FOUND, -5024, -5025, -5026, -5027, -5029, -5047})

_REFUSALS: Final[Mapping[Purpose, frozenset[int]]] = {
    "place": _DOOR | _SIZE_AND_PRICE | _ACCOUNT | _ORDER,
    # Not -5021 and -5022: an amend that would cross may also take the order off the book.
    "amend": _DOOR | _SIZE_AND_PRICE | _ACCOUNT | _AMEND,
    "cancel": _DOOR | {-2011, NOT_FOUND},
    "cancel_all": _DOOR,
    "clear": _DOOR | {-2011, NOT_FOUND},
    "dead_man": _DOOR,
}
"""What is not listed is a read: it changes nothing, and every readable 4xx refuses it."""

_WOULD_TRIGGER: Final = -2021

_LAPSES: Final = frozenset({_WOULD_TRIGGER, -5021, -5022})
"""The market was not where the order wanted it, to fill at once, to rest or to wait: it lapsed,
nobody failed."""

PAUSE_DEFAULT_NS: Final = 60 * NS_PER_S
"""The window of the weights, where the venue does not say how long."""

PAUSE_SHORT_NS: Final = NS_PER_S
"""After overload or too many orders, where the venue does not say how long."""

BAN_DEFAULT_NS: Final = 120 * NS_PER_S
"""The shortest ban that is documented; the longest is three days."""

PAUSE_S_MAX: Final = 7 * 86_400

_SECONDS: Final = re.compile(r"[1-9][0-9]{0,6}", re.ASCII)
"""Not zero: whoever is shut out and asks again at once is shut out for longer."""

_BANNED_UNTIL: Final = re.compile(r"banned until ([0-9]{13})(?![0-9])", re.ASCII)


class Ruling(msgspec.Struct, frozen=True):
    """What an answer that confirms nothing proves."""

    verdict: Verdict
    reason: str
    code: int = 0
    is_clock_off: bool = False
    is_key_bad: bool = False
    pause_ns: int = 0
    is_ban: bool = False

    @property
    def has_lapsed(self) -> bool:
        """Whether the order was refused because it could not fill at once, rest or wait."""
        return self.code in _LAPSES

    @property
    def is_passed(self) -> bool:
        """Whether it could not wait because the market has passed its trigger."""
        return self.code == _WOULD_TRIGGER


def ruling(
    purpose: Purpose, status: int, headers: Mapping[str, str], body: bytes, venue_ns: int
) -> Ruling:
    """Class an answer that is no confirmation."""
    failure = _failure(headers, body)
    code, said = (failure.code, failure.msg) if failure else (0, excerpt(body))
    is_ban = status == 418 or _BANNED_UNTIL.search(said) is not None
    return Ruling(
        _verdict(purpose, status, failure),
        clean(f"HTTP {status}, {code}: {said}" if failure else f"HTTP {status}: {said}", 200),
        code,
        is_clock_off=code in _TIME,
        is_key_bad=code in _KEY,
        pause_ns=_pause_ns(status, headers, code, said, venue_ns),
        is_ban=is_ban,
    )


def is_json(headers: Mapping[str, str]) -> bool:
    """Whether an answer says that it is JSON; one that says nothing is tried."""
    return "json" in headers.get("content-type", "json").lower()


def _failure(headers: Mapping[str, str], body: bytes) -> Failure | None:
    try:
        return strictly(body, Failure) if is_json(headers) else None
    except VenuePayloadError:
        return None


def _verdict(purpose: Purpose, status: int, failure: Failure | None) -> Verdict:
    if failure is None or not 400 <= status < 500 or status == 408:
        return "unknown"
    refusals = _REFUSALS.get(purpose)
    if refusals is None:
        return "refused"
    is_duplicate = failure.code == -2010 and "duplicate" in failure.msg.lower()
    return "refused" if failure.code in refusals and not is_duplicate else "unknown"


def _pause_ns(status: int, headers: Mapping[str, str], code: int, said: str, venue_ns: int) -> int:
    """Return how long nothing may be asked."""
    banned_until = _BANNED_UNTIL.search(said)
    asked_s = _SECONDS.fullmatch(headers.get("retry-after", ""))
    if asked_s is not None:
        wanted = int(asked_s[0]) * NS_PER_S
    elif banned_until is not None:
        wanted = max(int(banned_until[1]) * NS_PER_MS - venue_ns, PAUSE_SHORT_NS)
    elif status == 418:
        wanted = BAN_DEFAULT_NS
    elif code in {TOO_MANY_ORDERS, -1008}:
        wanted = PAUSE_SHORT_NS
    elif status == 429 or code == -1003:
        wanted = PAUSE_DEFAULT_NS
    else:
        return 0
    return min(wanted, PAUSE_S_MAX * NS_PER_S)
