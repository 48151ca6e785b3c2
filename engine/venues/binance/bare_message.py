"""Recorded messages of raw streams, brought into the form of a combined one.

A connection to `/ws/<stream>` sends payloads without the stream's name. The name is in the URL or
follows from the payload; only the URL tells a partial book of futures from a change of one.
"""

from typing import Final
from urllib.parse import unquote

import msgspec

COMBINED: Final = '{"stream":"'

KINDS: Final = {
    "depthUpdate": "depth",
    "bookTicker": "bookTicker",
    "trade": "trade",
    "aggTrade": "aggTrade",
    "markPriceUpdate": "markPrice",
}
"""Event type of a payload -> how the kind in its stream's name begins; klines apart."""


class _Interval(msgspec.Struct, frozen=True, gc=False):
    i: str = ""


class _Payload(msgspec.Struct, gc=False):
    """What tells the kind of a payload; only the best quotes of spot have no event type."""

    e: str = ""
    s: str = ""
    B: str | None = None
    A: str | None = None
    k: _Interval = _Interval()


def combined(raw: str, url: str) -> str:
    """Return a message with its stream's name in front; itself where it has one or needs none."""
    if raw.startswith(COMBINED):
        return raw
    names = unquote(url.partition("?")[0].partition("/ws/")[2]).split("/")
    name = _name(raw, [name for name in names if name])
    return f'{COMBINED}{name}","data":{raw}}}' if name else raw


def _name(raw: str, names: list[str]) -> str:
    only = names[0] if len(names) == 1 else ""
    if raw.startswith("[") or only.startswith("!"):
        return only
    try:
        payload = msgspec.json.decode(raw, type=_Payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    kind = _kind(payload)
    if not kind:
        return only if payload.e or '"lastUpdateId"' in raw else ""
    mine = f"{payload.s.lower()}@{kind}"
    if not mine.isprintable() or '"' in mine or "\\" in mine:
        return ""
    return next((name for name in names if name.startswith(mine)), mine)


def _kind(payload: _Payload) -> str:
    """Return the kind of stream, or nothing for those that are not read."""
    if not payload.s:
        return ""
    if payload.e == "kline":
        return f"kline_{payload.k.i}"
    is_quote = not payload.e and payload.B is not None and payload.A is not None
    return "bookTicker" if is_quote else KINDS.get(payload.e, "")
