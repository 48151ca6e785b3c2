"""Binance's rate limits: windows of the UTC clock, counts in headers, bans of those who go on."""

from typing import Final

import msgspec

from engine.fake.trading.answers import Refusal
from engine.model.numbers import NS_PER_MS, NS_PER_S

MINUTE_NS: Final = 60 * NS_PER_S
DEAF_AFTER: Final = 10
"""So many requests in a window that is used up are answered with 429; then comes a ban."""

BAN_NS: Final = 120 * NS_PER_S
BAN_NS_MAX: Final = 3 * 24 * 3600 * NS_PER_S


class LimitRules(msgspec.Struct, frozen=True):
    """How much is allowed; the defaults are those of USD-M futures."""

    weight_per_minute: int = 2_400
    orders_per_minute: int = 1_200
    orders_per_10_s: int = 300


class _Window:
    """One counter that starts anew at multiples of its length."""

    def __init__(self, length_ns: int, limit: int) -> None:
        self.length_ns = length_ns
        self.limit = limit
        self.used = 0
        self._number = 0

    def roll(self, now_ns: int) -> None:
        number = now_ns // self.length_ns
        if number != self._number:
            self._number, self.used = number, 0

    def left_s(self, now_ns: int) -> int:
        """Return the seconds until it starts anew, rounded up."""
        return -(-(self.length_ns - now_ns % self.length_ns) // NS_PER_S)


class RateCounters:
    """What one address and one account have used, and whether the address is shut out."""

    def __init__(self, rules: LimitRules) -> None:
        self._weight = _Window(MINUTE_NS, rules.weight_per_minute)
        self._minute = _Window(MINUTE_NS, rules.orders_per_minute)
        self._short = _Window(10 * NS_PER_S, rules.orders_per_10_s)
        self._deaf = _Window(MINUTE_NS, DEAF_AFTER)
        self._ban_ns = BAN_NS
        self.banned_until_ns = 0
        self.bans = 0
        """How often the address was shut out."""
        self.refusals = 0
        """How often 429 was answered."""

    def charge(self, weight: int, orders: int, now_ns: int) -> None:
        """Count a request; refuse it where a limit is used up."""
        if now_ns < self.banned_until_ns:
            raise self._banned(now_ns)
        for window in (self._weight, self._minute, self._short, self._deaf):
            window.roll(now_ns)
        self._weight.used += weight
        if self._weight.used > self._weight.limit:
            text = f"Too many requests; current limit is {self._weight.limit} requests per minute."
            self._refuse(-1003, text, self._weight, now_ns)
        for window in (self._minute, self._short) if orders else ():
            if window.used + orders > window.limit:
                seconds = window.length_ns // NS_PER_S
                text = f"Too many new orders; current limit is {window.limit} per {seconds} s."
                self._refuse(-1015, text, window, now_ns)
        self._minute.used += orders
        self._short.used += orders

    def add_weight(self, weight: int, now_ns: int) -> int:
        """Count what the same address has asked elsewhere; return all that it has used."""
        self._weight.roll(now_ns)
        self._weight.used += weight
        return self._weight.used

    def headers(self, *, with_orders: bool) -> dict[str, str]:
        """Return the counts as every answer says them."""
        said = {"x-mbx-used-weight-1m": str(self._weight.used)}
        if with_orders:
            said["x-mbx-order-count-10s"] = str(self._short.used)
            said["x-mbx-order-count-1m"] = str(self._minute.used)
        return said

    def ban(self, length_ns: int, now_ns: int) -> None:
        """Shut the address out, as the venue does for reasons of its own."""
        self.bans += 1
        self.banned_until_ns = now_ns + length_ns

    def _refuse(self, code: int, text: str, window: _Window, now_ns: int) -> None:
        self.refusals += 1
        self._deaf.used += 1
        if self._deaf.used > self._deaf.limit:
            self.ban(self._ban_ns, now_ns)
            self._ban_ns = min(2 * self._ban_ns, BAN_NS_MAX)
            raise self._banned(now_ns)
        raise Refusal(code, text, 429, {"retry-after": str(window.left_s(now_ns))})

    def _banned(self, now_ns: int) -> Refusal:
        seconds = -(-(self.banned_until_ns - now_ns) // NS_PER_S)
        until_ms = self.banned_until_ns // NS_PER_MS
        text = f"Way too many requests; IP(127.0.0.1) banned until {until_ms}."
        return Refusal(-1003, text, 418, {"retry-after": str(seconds)})
