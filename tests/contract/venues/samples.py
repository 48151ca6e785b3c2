"""What each venue's wire is examined with: an answer of metadata, some frames, a book.

A new venue adds one entry; the suite in `test_market_wire.py` demands it.
"""

from typing import Final, NamedTuple

from tests.fakes.binance_wire import depth, exchange_info, frame, trade
from tests.fakes.captures import depth_data, kline_data, text, trade_data


class Sample(NamedTuple):
    """Messages of one venue, as it writes them, all of the first symbol unless they say else."""

    symbols: tuple[str, ...]
    """All that `metadata` lists; the first two differ in nothing but the name."""
    metadata: dict[str, str]
    """By purpose of the request, the answer to it."""
    frames: tuple[str, ...]
    """One of each stream that is subscribed to."""
    silent: tuple[str, ...]
    """Acknowledgements and the like."""
    finer: str
    """A frame with a number finer than the metadata's steps."""
    finer_broken: str
    """The same, but further on it is damaged."""
    snapshot: str
    candles: str
    typo: tuple[str, str]
    """A name that the venue does not list, and the one that was meant."""


def _binance(*, is_futures: bool) -> Sample:
    stamp = {"E": 1_001, "T": 1_000} if is_futures else {}
    quote = {"s": "ABCUSDT", "u": 9, "b": "99", "B": "1", "a": "101", "A": "1", **stamp}
    ids = (9, 12, 8) if is_futures else (11, 12)
    rows = [[at * 60_000, "1", "2", "1", "2", "3", 0, "4", 5, "0", "0", "0"] for at in (1, 2)]
    frames = [
        frame("abcusdt@depth@100ms", **depth_data(ids, "99x1.5", "101x2")),
        frame("abcusdt@bookTicker", **quote),
        trade(),
        frame("abcusdt@kline_1m", **kline_data("1m")),
    ]
    if is_futures:
        agg = trade_data("100", "1") | {"a": 1}
        mark = {"s": "ABCUSDT", "E": 1, "p": "100.123456", "T": 0}
        frames += [frame("abcusdt@aggTrade", **agg), frame("abcusdt@markPrice@1s", **mark)]
    return Sample(
        symbols=("ABCUSDT", "XYZUSDT"),
        metadata={"instruments": exchange_info("ABCUSDT", "XYZUSDT")},
        frames=tuple(frames),
        silent=('{"result":null,"id":1}',),
        finer=trade("100.0005", "1.00005"),
        finer_broken=depth(bids=[["1.00005", "1.00005"], ["-1", "1"]]),
        snapshot=text({"lastUpdateId": 10, "bids": [["99", "1"]], "asks": [["101", "1"]]}),
        candles=text(rows),
        typo=("ABCUSTD", "ABCUSDT"),
    )


SAMPLES: Final[dict[str, Sample]] = {
    "binance_futures": _binance(is_futures=True),
    "binance": _binance(is_futures=False),
}
