"""What each venue's wire is examined with: an answer of metadata, some frames, a book.

A new venue adds one entry; the suite in `test_market_wire.py` demands it.
"""

from typing import Final, NamedTuple

from tests.fakes import okx_wire as okx
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


def _okx() -> Sample:
    symbols = ("ABC-USDT-SWAP", "XYZ-USDT-SWAP")
    one = okx.linear(symbols[0])
    mark = {"instId": symbols[0], "instType": "SWAP", "markPx": "100.123456", "ts": "1"}
    funding = {"instId": symbols[0], "fundingRate": "-0.0001", "fundingTime": "28800000"}
    ack = {"event": "subscribe", "arg": {"channel": "books", "instId": symbols[0]}}
    damaged = okx.books((10, 12), bids="1.00005x1.00005 -1x1")
    return Sample(
        symbols=symbols,
        metadata={"instruments": okx.answer(one, okx.linear(symbols[1]))},
        frames=(
            okx.whole(10, "99x1 98x2", "101x2"),
            okx.books((10, 12), bids="99x1.5", asks="101x0"),
            okx.push("tickers", okx.ticker_row()),
            okx.push("trades", okx.trade_row()),
            okx.push("trades-all", okx.trade_row()),
            okx.push("candle1m", okx.candle_row(60_000)),
            okx.push("mark-price", mark),
            okx.push("funding-rate", funding),
        ),
        silent=("pong", text({**ack, "connId": "a4d3ae55"})),
        finer=okx.push("trades", okx.trade_row(px="100.0005", sz="1.00005")),
        finer_broken=damaged,
        snapshot=okx.answer(
            {"asks": okx.rows("101x1"), "bids": okx.rows("99x1"), "ts": "1", "seqId": 10}
        ),
        candles=okx.answer(okx.candle_row(120_000), okx.candle_row(60_000, "1")),
        typo=("ABC-USDT-SWPA", "ABC-USDT-SWAP"),
    )


SAMPLES: Final[dict[str, Sample]] = {
    "binance_futures": _binance(is_futures=True),
    "binance": _binance(is_futures=False),
    "okx": _okx(),
}
