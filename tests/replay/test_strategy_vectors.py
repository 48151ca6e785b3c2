"""Indicators and candle strategies against the reference vectors.

The vectors hold 42 backtests; those of a strategy are run as soon as the registry has it.
"""

import json
from pathlib import Path

import pytest

from engine.model.numbers import NS_PER_MS, NS_PER_S
from engine.strategy import indicators
from engine.strategy.candle import CandleHost
from engine.strategy.params import read_params
from engine.strategy.registry import STRATEGIES
from tests.fakes.candle_run import CandleRun, Rules, read_candles

TEXT_COLUMNS = ("side", "reason", "entry_i", "exit_i", "entry_ts", "exit_ts", "bars")


@pytest.fixture(scope="module")
def vectors(shared_dir: Path) -> Path:
    return shared_dir / "vectors"


@pytest.fixture(scope="module")
def backtests(vectors: Path) -> dict:
    return json.loads((vectors / "backtest_dev.json").read_text())


@pytest.fixture(scope="module")
def columns(vectors: Path) -> dict:
    return json.loads((vectors / "indicators.json").read_text())


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda spec: spec.name)
def test_a_strategy_trades_as_the_vectors_say(strategy, vectors: Path, backtests: dict):
    cases = [case for case in backtests["cases"] if case["strategy"] == strategy.name]
    assert cases

    for case in cases:
        result = run(strategy.module, case, vectors)

        assert_same_trades(result, case, backtests["tolerance"])
        assert result.skipped == case["skipped"], case["id"]
        assert_same_equity(result, case, backtests["tolerance"])


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda spec: spec.name)
def test_a_strategy_warms_up_as_the_vectors_say(strategy, backtests: dict):
    for case in backtests["cases"]:
        if case["strategy"] == strategy.name:
            params = read_params(strategy.module, case["params"])
            assert CandleHost(strategy.module, params, 60).need == case["warmup"], case["id"]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("sma_20", lambda: indicators.Sma(20)),
        ("ema_20", lambda: indicators.Ema(20)),
        ("rsi_14", lambda: indicators.Rsi(14)),
        ("stdev_20", lambda: indicators.Std(20)),
        ("macd_12_26_9", lambda: indicators.Macd(12, 26)),
        ("macd_signal_12_26_9", lambda: indicators.MacdSignal(12, 26, 9)),
    ],
)
def test_indicators_of_closes_equal_the_reference(name: str, make, columns: dict):
    for series in columns["series"]:
        indicator = make()
        values = [indicator.update(bar[4]) for bar in series["bars"]]

        assert_same_column(values, series["ref"][name], columns["tolerance"])
        assert [value is None for value in values].index(False) == indicator.first_index


@pytest.mark.parametrize("name", ["sma_20", "ema_20", "rsi_14", "stdev_20"])
def test_indicators_of_edge_cases_equal_the_reference(name: str, columns: dict):
    makers = {
        "sma_20": indicators.Sma,
        "ema_20": indicators.Ema,
        "rsi_14": indicators.Rsi,
        "stdev_20": indicators.Std,
    }
    for edge in columns["edge"]:
        indicator = makers[name](int(name.partition("_")[2]))
        values = [indicator.update(close) for close in edge["close"]]

        assert_same_column(values, edge[name], columns["tolerance"])


def test_bands_and_histogram_equal_the_reference(columns: dict):
    for series in columns["series"]:
        bollinger, signal = indicators.Bollinger(20, 2.0), indicators.MacdSignal(12, 26, 9)
        bands, histogram = [], []
        for bar in series["bars"]:
            bands.append(bollinger.update(bar[4]) or (None, None, None))
            signal.update(bar[4])
            histogram.append(signal.histogram)

        names = ("bb_lower_20_2", "bb_mid_20_2", "bb_upper_20_2")
        for name, values in zip(names, zip(*bands, strict=True), strict=True):
            assert_same_column(values, series["ref"][name], columns["tolerance"])
        assert_same_column(histogram, series["ref"]["macd_hist_12_26_9"], columns["tolerance"])


def test_indicators_of_whole_candles_equal_the_reference(columns: dict):
    for series in columns["series"]:
        atr, vwap, day = indicators.Atr(14), indicators.Vwap(20), indicators.DayVwap()
        values: dict[str, list] = {"atr_14": [], "vwap_20": [], "vwap_utc_day": []}
        for ts_ms, _, high, low, close, volume in series["bars"]:
            values["atr_14"].append(atr.update(high, low, close))
            values["vwap_20"].append(vwap.update(high, low, close, volume))
            values["vwap_utc_day"].append(day.update(ts_ms * NS_PER_MS, high, low, close, volume))

        for name, column in values.items():
            assert_same_column(column, series["ref"][name], columns["tolerance"])


def run(module, case: dict, vectors: Path) -> CandleRun:
    candles = read_candles(vectors / case["bars"], case["resample"])
    assert len(candles) == case["n_bars"]
    timeframe_s = (candles[1].open_ns - candles[0].open_ns) // NS_PER_S
    host = CandleHost(module, read_params(module, case["params"]), timeframe_s)
    return CandleRun(host, candles, Rules(**case["config"]))


def assert_same_trades(result: CandleRun, case: dict, tolerance: dict) -> None:
    assert len(result.trades) == len(case["trades"]), case["id"]
    for trade, values in zip(result.trades, case["trades"], strict=True):
        expected = dict(zip(case["trade_columns"], values, strict=True))
        for name, value in expected.items():
            where = f"{case['id']} entered at {expected['entry_i']}: {name}"
            ours = getattr(trade, name)
            if name in TEXT_COLUMNS:
                assert ours == value, where
            elif name in ("entry_px", "exit_px", "qty"):
                assert ours == pytest.approx(value, rel=0, abs=tolerance["price"]), where
            else:
                assert ours == pytest.approx(value, rel=tolerance["money_rel"]), where


def assert_same_equity(result: CandleRun, case: dict, tolerance: dict) -> None:
    money_rel = tolerance["money_rel"]
    for i, equity in case["equity_sample"]:
        assert result.equity[i] == pytest.approx(equity, rel=money_rel), f"{case['id']} at {i}"
    final = case["metrics"]["final_equity"]
    assert result.equity[-1] == pytest.approx(final, rel=money_rel), case["id"]
    fees = sum(trade.fees for trade in result.trades)
    assert fees == pytest.approx(case["metrics"]["fees"], rel=money_rel), case["id"]


def assert_same_column(values, reference: list[float | None], tolerance: dict) -> None:
    """Equal within the tolerance, and defined from exactly the same candle on."""
    assert len(values) == len(reference)
    for i, (value, expected) in enumerate(zip(values, reference, strict=True)):
        assert (value is None) == (expected is None), f"at {i}: {value} for {expected}"
        if expected is not None:
            near = pytest.approx(expected, rel=tolerance["rel"], abs=tolerance["abs"])
            assert value == near, f"at {i}"
