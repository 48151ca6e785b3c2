"""What goes wrong between an engine and the exchange: shares as data, drawn one by one.

The same struct is written in a fault file of `cockpit fake-venue` and drawn by the simulator for
each of its seeds. By default nothing goes wrong.
"""

from typing import Final, Literal

import msgspec

from engine.fake.trading.answers import TEXTS
from engine.model.chance import Chance
from engine.model.numbers import NS_PER_S
from engine.venues.trading import HttpReply

Spoil = Literal[
    "",
    "5xx",
    "html",
    "truncated",
    "redirect",
    "error_with_200",
    "hostile",
    "forbidden",
    "limited",
    "banned",
]
"""How an answer differs from the exchange's."""

SPOILS: Final[tuple[Spoil, ...]] = (
    "5xx",
    "html",
    "truncated",
    "redirect",
    "error_with_200",
    "hostile",
)
REFUSALS: Final[tuple[Spoil, ...]] = ("forbidden", "limited", "banned")
"""Of something that stands before the exchange: nothing was done."""

UNLISTED: Final = -9_999
"""A code that no table has."""

STATUSES_5XX: Final = (500, 502, 503, 504)

HOSTILE: Final = "\x1b]52;c;Y2FuYXJ5\x07\x1b[2J\u202e\u200b[/b]{0}%s\r\n"
"""What a terminal, a log or a format would obey, if they were shown it as it is."""

HTML: Final = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


class RestFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of requests; shares are of all of them, 0 to 1, and exclude each other from the top."""

    unsent_share: float = 0.0
    """No connection: nothing of the request leaves."""
    lost_share: float = 0.0
    """The request leaves and never arrives."""
    unanswered_share: float = 0.0
    """It arrives and is done, and the answer is lost."""
    refused_share: float = 0.0
    """A firewall or a limit answers, and nothing was done: 403, 429, 418."""
    spoiled_share: float = 0.0
    """The answer is 5xx, HTML, cut, a redirect, an error with status 200 or a text that is hostile
    and repeats the request with its key; half of them were done."""
    slow_share: float = 0.0
    """The answer comes, but slowly."""
    late_share: float = 0.0
    """It travels long before it arrives, whatever else happens to it."""
    lagging_share: float = 0.0
    """Queries that a lagging replica answers."""
    travel_mean_s: float = 0.0
    """Of every request, each way, exponentially distributed."""
    late_s_max: float = 30.0
    slow_s_max: float = 60.0
    lag_s_max: float = 40.0


class StreamFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of private websockets; shares are of their frames."""

    drop_share: float = 0.0
    """It never comes, and those around it do."""
    repeat_share: float = 0.0
    close_share: float = 0.0
    """The connection ends in place of the frame."""
    stall_share: float = 0.0
    """From here on nothing comes for a while, and the connection looks well."""
    expire_share: float = 0.0
    """The listenKey ends instead; half of the times nobody is told."""
    unopened_share: float = 0.0
    """Of connections: they are not opened."""
    delay_mean_s: float = 0.0
    stall_s_max: float = 900.0


class TradingFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that goes wrong on the trading side of one run."""

    rest: RestFaults = RestFaults()
    stream: StreamFaults = StreamFaults()
    skew_s: float = 0.0
    """How far the venue's clock is ahead."""
    post_only_expires: bool = False
    """A post-only order that would take is accepted and expires, instead of being refused."""
    stops_go_along: bool = False
    """To cancel all of a symbol, by request or by a dead-man timer, covers conditional orders."""

    def shares(self) -> list[float]:
        """Return every share, and the sum of those that exclude each other."""
        found = [
            value
            for part in (self.rest, self.stream)
            for name, value in msgspec.structs.asdict(part).items()
            if name.endswith("_share")
        ]
        return [*found, sum(exclusive_shares(self.rest).values())]

    def seconds(self) -> list[float]:
        """Return every length of time, without its sign."""
        found = [
            value
            for part in (self.rest, self.stream)
            for name, value in msgspec.structs.asdict(part).items()
            if not name.endswith("_share")
        ]
        return [*found, abs(self.skew_s)]


NO_TRADING_FAULTS: Final = TradingFaults()


def exclusive_shares(faults: RestFaults) -> dict[str, float]:
    """Return what happens to a request instead of something else, and how often."""
    return {
        "unsent": faults.unsent_share,
        "lost": faults.lost_share,
        "unanswered": faults.unanswered_share,
        "refused": faults.refused_share,
        "spoiled": faults.spoiled_share,
        "slow": faults.slow_share,
    }


class RequestFate(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one request."""

    is_sent: bool = True
    is_arriving: bool = True
    is_answered: bool = True
    there_ns: int = 0
    back_ns: int = 0
    lag_ns: int = 0
    spoil: Spoil = ""
    breaks_ns: int = 0
    """An unanswered one's connection breaks after so long; 0: it never does."""


class FrameFate(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one frame, and what follows."""

    delay_ns: int = 0
    times: int = 1
    stall_ns: int = 0
    close_code: int = 0
    expires: Literal["", "loud", "silent"] = ""


class Mishaps:
    """Draws what goes wrong.

    Args:
        faults: How often.
        chance: From what.
    """

    def __init__(self, faults: TradingFaults, chance: Chance) -> None:
        self.faults = faults
        self._chance = chance

    def request(self, *, is_query: bool) -> RequestFate:
        """Draw the fate of a request."""
        chance, faults = self._chance, self.faults.rest
        there_ns = self._exponential_ns(faults.travel_mean_s)
        if self._happens(faults.late_share):
            there_ns += self._below_ns(faults.late_s_max)
        is_lagging = is_query and self._happens(faults.lagging_share)
        fate = RequestFate(
            there_ns=there_ns,
            back_ns=self._exponential_ns(faults.travel_mean_s),
            lag_ns=self._below_ns(faults.lag_s_max) if is_lagging else 0,
        )
        draw = chance.uniform()
        for case, share in exclusive_shares(faults).items():
            if draw < share:
                return self._hit(fate, case)
            draw -= share
        return fate

    def frame(self) -> FrameFate:
        """Draw the fate of a frame."""
        chance, faults = self._chance, self.faults.stream
        stall_ns = self._below_ns(faults.stall_s_max) if self._happens(faults.stall_share) else 0
        expires: Literal["", "loud", "silent"] = ""
        if self._happens(faults.expire_share):
            expires = "loud" if chance.happens(0.5) else "silent"
        times = 0 if self._happens(faults.drop_share) else 1 + self._happens(faults.repeat_share)
        return FrameFate(
            delay_ns=self._exponential_ns(faults.delay_mean_s),
            times=times,
            stall_ns=stall_ns,
            close_code=chance.pick((1000, 1001, 1006, 1012))
            if self._happens(faults.close_share)
            else 0,
            expires=expires,
        )

    def opens(self) -> bool:
        """Draw whether a websocket is opened."""
        return not self._happens(self.faults.stream.unopened_share)

    def spoiled(self, reply: HttpReply, spoil: Spoil, echo: str = "") -> HttpReply:
        """Return what arrives in place of an answer.

        Args:
            reply: The answer.
            spoil: How it is changed.
            echo: What somebody on the way repeats of the request.
        """
        if spoil == "":
            return reply
        if spoil == "truncated":
            return HttpReply(reply.status, reply.headers, reply.body[: len(reply.body) // 2])
        if spoil == "5xx":
            return _error(self._chance.pick(STATUSES_5XX), self._chance.pick((-1000, -1007)), {})
        if spoil == "error_with_200":
            return _error(200, self._chance.pick((-1000, -1007)), {})
        if spoil == "hostile":
            body = msgspec.json.encode({"code": UNLISTED, "msg": HOSTILE + echo})
            return HttpReply(self._chance.pick((400, 503)), {}, body)
        return _FIXED[spoil]

    def _hit(self, fate: RequestFate, case: str) -> RequestFate:
        chance = self._chance
        breaks_ns = chance.below(30 * NS_PER_S) + 1 if chance.happens(0.5) else 0
        change: dict[str, object] = {}
        match case:
            case "unsent":
                change = {"is_sent": False}
            case "lost":
                change = {"is_arriving": False, "is_answered": False, "breaks_ns": breaks_ns}
            case "unanswered":
                change = {"is_answered": False, "breaks_ns": breaks_ns}
            case "refused":
                change = {"is_arriving": False, "spoil": chance.pick(REFUSALS)}
            case "spoiled":
                change = {"is_arriving": chance.happens(0.5), "spoil": chance.pick(SPOILS)}
            case "slow":
                slow_ns = self._below_ns(self.faults.rest.slow_s_max)
                change = {"back_ns": fate.back_ns + slow_ns}
        return msgspec.structs.replace(fate, **change)

    def _happens(self, share: float) -> bool:
        return share > 0 and self._chance.happens(share)

    def _below_ns(self, seconds: float) -> int:
        return self._chance.below(int(seconds * NS_PER_S) + 1)

    def _exponential_ns(self, mean_s: float) -> int:
        return int(self._chance.exponential(mean_s) * NS_PER_S) if mean_s else 0


def _error(status: int, code: int, headers: dict[str, str]) -> HttpReply:
    text = TEXTS.get(code, "Too many requests.")
    body = msgspec.json.encode({"code": code, "msg": text})
    return HttpReply(status, headers, body)


_FIXED: Final[dict[Spoil, HttpReply]] = {
    "html": HttpReply(200, {"content-type": "text/html"}, HTML),
    "redirect": HttpReply(302, {"location": "https://example.invalid/"}, b""),
    "forbidden": HttpReply(403, {"content-type": "text/html"}, HTML),
    "limited": _error(429, -1003, {"retry-after": "5"}),
    "banned": _error(418, -1003, {"retry-after": "120"}),
}
