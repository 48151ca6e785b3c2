"""The same files give the same digest, anywhere; anything else gives another."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.research.replay import Capture
from engine.research.replay_report import replay_document
from tests.fakes.captures import Line, Recording, read_lines, write_lines


def digest(*paths: Path) -> str:
    return str(replay_document(Capture(paths), "test")["digest"])


def digests_of_processes(path: Path, seeds: Sequence[str]) -> set[str]:
    command = [sys.executable, "-m", "cockpit", "replay", str(path), "--no-ui", "--json"]
    running = [
        subprocess.Popen(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE
        )
        for seed in seeds
    ]
    return {json.loads(process.communicate(timeout=60)[0])["digest"] for process in running}


@pytest.mark.parametrize(
    ("name", "count"),
    [("binance_futures", 1_541), ("binance_spot_ethusdt_20240808", 4_000), ("okx", 439)],
)
def test_processes_with_other_hash_seeds_agree(
    name: str, count: int, shared_dir: Path, tmp_path: Path
):
    lines = read_lines(shared_dir / "captures" / f"{name}.jsonl.gz", count)
    path = write_lines(tmp_path / "cut.jsonl.gz", lines)

    assert len(digests_of_processes(path, ("1", "4711"))) == 1


@pytest.fixture
def few(shared_dir: Path) -> list[Line]:
    return read_lines(shared_dir / "captures" / "binance_futures.jsonl.gz", 400)


def test_compression_does_not_matter(few: list[Line], tmp_path: Path):
    paths = [write_lines(tmp_path / name, few) for name in ("a.jsonl", "b.jsonl.gz", "c.jsonl.zst")]

    assert len({digest(path) for path in paths}) == 1


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ('{"stream":"sushiusdt@depth@100ms"', '"]]}}'),
        ('{"stream":"ctkusdt@bookTicker"', '","T":'),
        ('{"stream":"ctkusdt@aggTrade"', '","f":'),
        ('{"stream":"ctkusdt@kline_1m"', '","h":'),
        ('{"lastUpdateId":', '"]]}'),
    ],
)
def test_one_byte_changes_it(begin: str, end: str, few: list[Line], tmp_path: Path):
    line = next(line for line in reversed(few) if line["raw"].startswith(begin))
    before = digest(write_lines(tmp_path / "before.jsonl", few))

    head, _, tail = line["raw"].rpartition(end)
    line["raw"] = f"{head[:-1]}{(int(head[-1]) + 1) % 10}{end}{tail}"

    assert digest(write_lines(tmp_path / "after.jsonl", few)) != before


def test_a_file_in_two_halves_is_the_whole_file(few: list[Line], tmp_path: Path):
    whole = write_lines(tmp_path / "whole.jsonl", few)
    even = write_lines(tmp_path / "even.jsonl.gz", few[::2])
    odd = write_lines(tmp_path / "odd.jsonl.zst", few[1::2])

    assert digest(even, odd) == digest(odd, even) == digest(whole)


@pytest.mark.parametrize(
    ("prices", "candle"),
    [
        (("100", "200"), ["100", "200.5", "100", "200.5", "4", 4]),
        (("200", "100"), ["200", "200.5", "100", "100.5", "4", 4]),
    ],
)
def test_at_equal_times_the_first_argument_comes_first(
    tmp_path: Path, prices: tuple[str, str], candle: list[object]
):
    paths = []
    for number, price in enumerate(prices, start=1):
        recording = Recording()
        recording.trade(price, "1", t=number)
        recording.trade(f"{price}.5", "1", t=number + 2)
        paths.append(recording.write(tmp_path, f"{price}.jsonl"))

    document = replay_document(Capture(paths), "test")

    assert document["symbols"]["ABCUSDT"]["candles_1m"][0][1:] == candle
