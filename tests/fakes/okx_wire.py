"""OKX's wire as tests hold it, and messages as the venue writes them."""

from collections.abc import Sequence
from typing import Any, Final

from engine.model.envelope import Event
from engine.model.instrument import InstrumentId
from engine.model.market import InstrumentUpdated
from engine.venues.base import Endpoints
from engine.venues.okx.market_wire import OkxMarketWire
from tests.fakes.captures import text

ENDPOINTS: Final = Endpoints(rest="https://rest.test", stream="wss://stream.test")
SWAP: Final = "ABC-USDT-SWAP"
ABC: Final = InstrumentId(f"okx:{SWAP}")


def a_wire(*items: dict[str, Any]) -> OkxMarketWire:
    """Return a wire; with instruments, one that listed and chose them."""
    wire = OkxMarketWire(ENDPOINTS)
    if items:
        tell(wire, *items)
        wire.choose([item["instId"] for item in items])
    return wire


def tell(wire: OkxMarketWire, *items: dict[str, Any]) -> Sequence[Event]:
    """Answer the request for a list of instruments."""
    return wire.receive_answer(wire.metadata_requests()[0], 200, answer(*items), 0)


def answer(*data: object, code: str = "0", msg: str = "") -> str:
    """Return an answer of REST."""
    return text({"code": code, "data": data, "msg": msg})


def spot(symbol: str = "ABC-USDT", **more: str) -> dict[str, str]:
    """Return one instrument of spot, with a tick of 0.01 and a lot of 0.001."""
    base, _, quote = symbol.partition("-")
    item = {"instId": symbol, "instType": "SPOT", "state": "live", "ctVal": "", "ctMult": ""}
    item |= {"baseCcy": base, "quoteCcy": quote, "settleCcy": "", "ctType": "", "ctValCcy": ""}
    return item | {"tickSz": "0.01", "lotSz": "0.001", "minSz": "0.01", "instIdCode": "7"} | more


def linear(symbol: str = SWAP, **more: str) -> dict[str, str]:
    """Return a linear perpetual of 0.01 a contract, in lots of 0.1 contracts."""
    base, quote, _ = symbol.split("-")
    item = {"instId": symbol, "instType": "SWAP", "state": "live", "baseCcy": "", "quoteCcy": ""}
    item |= {"ctType": "linear", "ctVal": "0.01", "ctMult": "1", "ctValCcy": base}
    return item | {"settleCcy": quote, "tickSz": "0.1", "lotSz": "0.1"} | more


def inverse(symbol: str = "ABC-USD-SWAP", **more: str) -> dict[str, str]:
    """Return an inverse perpetual of 100 dollars a contract."""
    base = symbol.partition("-")[0]
    item = {"instId": symbol, "instType": "SWAP", "state": "live", "baseCcy": "", "quoteCcy": ""}
    item |= {"ctType": "inverse", "ctVal": "100", "ctMult": "1", "ctValCcy": "USD"}
    return item | {"settleCcy": base, "tickSz": "0.1", "lotSz": "1"} | more


def push(channel: str, *data: object, symbol: str = SWAP, **more: object) -> str:
    """Return a message of a channel."""
    return text({"arg": {"channel": channel, "instId": symbol}, **more, "data": data})


def rows(words: str) -> list[list[str]]:
    """Return `"100x5 99x3"` as the venue's rows of a book."""
    return [[*word.split("x"), "0", "1"] for word in words.split()]


def books(
    ids: tuple[int, int] | None,
    bids: str = "",
    asks: str = "",
    *,
    symbol: str = SWAP,
    action: str = "update",
    checksum: int = 0,
) -> str:
    """Return changes of a book; `ids` are prevSeqId and seqId, None those of old."""
    data: dict[str, object] = {"asks": rows(asks), "bids": rows(bids), "ts": "1001"}
    data["checksum"] = checksum
    if ids is not None:
        data |= {"prevSeqId": ids[0], "seqId": ids[1]}
    return push("books", data, symbol=symbol, action=action)


def whole(seq: int | None, bids: str = "100x5", asks: str = "101x5", **more: Any) -> str:
    """Return a whole book of the stream."""
    ids = None if seq is None else (-1, seq)
    return books(ids, bids, asks, action="snapshot", **more)


def trade_row(symbol: str = SWAP, **more: str) -> dict[str, str]:
    """Return one print; `more` replaces fields."""
    row = {"instId": symbol, "tradeId": "7", "px": "100.5", "sz": "2", "side": "buy"}
    return row | {"ts": "1002", "count": "1"} | more


def ticker_row(symbol: str = SWAP, **more: str) -> dict[str, str]:
    """Return one ticker; `more` replaces fields."""
    row = {"instType": "SWAP", "instId": symbol, "last": "100", "lastSz": "1", "vol24h": "9"}
    row |= {"bidPx": "99.5", "bidSz": "1", "askPx": "100.5", "askSz": "2"}
    return row | {"ts": "1003"} | more


def candle_row(open_ms: int, confirm: str = "0", volume: str = "3") -> list[str]:
    """Return one candle."""
    return [str(open_ms), "1", "3", "0.5", "2", volume, "0.03", "0.06", confirm]


def said(wire: OkxMarketWire, message: str | bytes, ts_ns: int = 0) -> list[Any]:
    """Return what a message says, announcements left out."""
    found = wire.receive(message, ts_ns)
    return [event for event in found if not isinstance(event, InstrumentUpdated)]
