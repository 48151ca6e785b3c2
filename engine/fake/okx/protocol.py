"""What clients of OKX say over a websocket, and what they are told."""

from collections import deque
from typing import Final

import msgspec

from engine.fake.okx.frames import Arg
from engine.fake.streams import StreamSession
from engine.model.numbers import NS_PER_S

PING: Final = b"ping"
PONG: Final = b"pong"

REQUESTS_MAX: Final = 480
"""Of one connection in an hour."""
HOUR_NS: Final = 3_600 * NS_PER_S

PUBLIC: Final = frozenset(
    {"tickers", "trades", "books", "books5", "bbo-tbt", "mark-price", "index-tickers"}
    | {"funding-rate", "liquidation-orders", "open-interest", "instruments", "status"}
)
FOR_MEMBERS: Final = frozenset({"books-l2-tbt", "books50-l2-tbt"})


class Request(msgspec.Struct):
    """A message of a client."""

    op: str
    args: list[Arg] = []


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """A request that gets an error event."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.message = error_event(code, text)


def acknowledgement(op: str, arg: Arg) -> bytes:
    """Return what confirms one arg of a request."""
    return msgspec.json.encode({"event": op, "arg": arg, "connId": "fake"})


def error_event(code: str, text: str) -> bytes:
    """Return OKX's error form."""
    return msgspec.json.encode({"event": "error", "code": code, "msg": text})


def request_of(text: bytes) -> Request:
    """Read a message.

    Raises:
        Refusal: It is no request that the venue knows.
    """
    try:
        request = msgspec.json.decode(text, type=Request)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal("60012", "Illegal request: " + text[:80].decode("ascii", "replace")) from None
    if request.op not in {"subscribe", "unsubscribe"}:
        raise Refusal("60012", f"Invalid request: op {request.op}")
    if not request.args:
        raise Refusal("60013", "Invalid args")
    return request


def check_arg(arg: Arg, group: str, symbols: tuple[str, ...]) -> None:
    """Refuse what does not exist at an address.

    Raises:
        Refusal: The channel or its instrument is not there.
    """
    is_business = arg.channel == "trades-all" or "candle" in arg.channel
    if arg.channel in FOR_MEMBERS:
        raise Refusal("60011", "Please log in")
    if is_business and group != "business":
        raise Refusal("64001", "This channel has been migrated to the '/business' URL")
    if not is_business and (arg.channel not in PUBLIC or group != "public"):
        raise Refusal("60018", f"Wrong URL or channel:{arg.channel} doesn't exist")
    if arg.instId and arg.instId not in symbols:
        raise Refusal("60018", f"{arg.channel},instId:{arg.instId} doesn't exist")


class RequestCount:
    """How many requests each connection made within the last hour."""

    def __init__(self) -> None:
        self._times: dict[StreamSession, deque[int]] = {}

    def forget(self, session: StreamSession) -> None:
        """Let go of a connection that is gone."""
        self._times.pop(session, None)

    def check(self, session: StreamSession, now_ns: int) -> None:
        """Count one more request.

        Raises:
            Refusal: There were too many.
        """
        times = self._times.setdefault(session, deque(maxlen=REQUESTS_MAX))
        if len(times) == REQUESTS_MAX and now_ns - times[0] < HOUR_NS:
            raise Refusal("60014", "Requests too frequent")
        times.append(now_ns)
