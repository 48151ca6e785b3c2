"""Damage to a capture is found at the very line where the rules first fail, and never forgotten."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from engine.research.replay import Capture
from engine.research.replay_report import document_of
from storage.recording import CapturedFrame
from tests.fakes.captures import CAPTURES, damaged
from tests.replay.conftest import Clean, Frames
from tests.replay.watching import WatchedReplay, judged

GetCapture = Callable[[str], Capture]

CASES = [
    (path.name.removesuffix(".mutations.json"), case)
    for path in sorted(CAPTURES.glob("*.mutations.json"))
    for case in json.loads(path.read_text())["mutations"]
]

WHOLE = 10**9
CUTS = {
    "binance_futures": 2_000,
    "binance_futures_btcusdt_20240808": 6_000,
    "binance_spot_ethusdt_20240808": 6_000,
}
"""Lines of each capture that the random damage is done to."""


def mutated(frames: Sequence[CapturedFrame], case: dict[str, Any]) -> list[CapturedFrame]:
    drop, repeat = case.get("drop_lines", ()), case.get("repeat_lines", ())
    return list(damaged(frames, drop, case.get("swap_lines", ()), repeat))


@pytest.mark.parametrize(
    ("name", "case"),
    CASES,
    ids=lambda value: dict(value).get("name", "") if isinstance(value, dict) else value,
)
def test_a_described_mutation_is_detected_where_it_must_be(
    name: str, case: dict[str, Any], capture: GetCapture, frames: Frames, clean: Clean
):
    expected = case["expected"]
    symbol, detection = expected["symbol"], expected["first_detection"]
    broken = mutated(frames(name, WHOLE), case)

    document = document_of(capture(name), broken, "test")
    watched = WatchedReplay(capture(name), broken)

    found = document["symbols"][symbol]
    others = {key: value for key, value in document["symbols"].items() if key != symbol}
    undamaged = {key: value for key, value in clean(name)["symbols"].items() if key != symbol}
    assert next(iter(found["gaps"]), None) == detection
    assert others == undamaged
    if detection is None and expected["book_live_at_end"]:
        assert found["sha256_all"] == clean(name)["symbols"][symbol]["sha256_all"]
        return
    assert symbol not in (watched.revived if detection else watched.lived)
    assert (found["best_bid"], found["best_ask"]) == (None, None)
    assert (found["bid_levels"], found["ask_levels"]) == (0, 0)


def a_mutation(chance: Random, lines: Sequence[int]) -> dict[str, Any]:
    kind = chance.choice(("drop_lines", "swap_lines", "repeat_lines"))
    at = chance.randrange(len(lines) - 6)
    if kind == "swap_lines":
        return {kind: [[lines[at], lines[at + chance.randint(1, 5)]]]}
    run = range(at, at + chance.choice((1, 1, 1, 2, 5)))
    return {kind: [lines[number] for number in run]}


def depth_lines(frames: Sequence[CapturedFrame], symbol: str) -> list[int]:
    begin = f'{{"stream":"{symbol.lower()}@depth'
    return [frame.line for frame in frames if frame.raw.startswith(begin)]


def of_books(frames: Sequence[CapturedFrame]) -> list[CapturedFrame]:
    """Leave out what no rule of sequence looks at, so that more damage fits into a second."""
    return [frame for frame in frames if frame.transport == "http" or "@depth" in frame.raw[:60]]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", CUTS)
def test_random_damage_is_detected_as_an_independent_oracle_says(
    name: str, seed: int, capture: GetCapture, frames: Frames
):
    chance = Random(f"{name} {seed}")
    intact = of_books(frames(name, CUTS[name]))
    venue, symbols = capture(name).spec.name, sorted(symbols_of(intact))
    untouched = WatchedReplay(capture(name), intact)

    for _ in range(5):
        symbol = chance.choice(symbols)
        case = a_mutation(chance, depth_lines(intact, symbol))
        broken = mutated(intact, case)

        oracle = judged(venue, symbol, broken)
        watched = WatchedReplay(capture(name), broken)

        assert watched.first_detection.get(symbol) == oracle.detection, case
        assert (symbol in watched.lived) == oracle.was_live, case
        assert not watched.revived, case
        for other in symbols:
            if other != symbol:
                assert watched.market(other) == untouched.market(other), case


def symbols_of(frames: Sequence[CapturedFrame]) -> set[str]:
    return {
        frame.url.partition("symbol=")[2].partition("&")[0]
        for frame in frames
        if "/depth" in frame.url
    }


def test_the_random_damage_is_of_every_outcome(capture: GetCapture, frames: Frames):
    outcomes = set()

    for name in ("binance_futures", "binance_spot_ethusdt_20240808"):
        chance = Random(1)
        intact = of_books(frames(name, 1_541))
        for _ in range(60):
            symbol = chance.choice(sorted(symbols_of(intact)))
            case = a_mutation(chance, depth_lines(intact, symbol)[:40])
            detection = judged(capture(name).spec.name, symbol, mutated(intact, case)).detection
            outcomes.add((name, next(iter(case)), detection and detection["kind"]))

    assert ("binance_futures", "repeat_lines", "sequence") in outcomes
    assert ("binance_futures", "drop_lines", None) in outcomes
    assert ("binance_futures", "drop_lines", "first_event_not_bridging") in outcomes
    assert ("binance_spot_ethusdt_20240808", "repeat_lines", None) in outcomes
    assert ("binance_spot_ethusdt_20240808", "swap_lines", "sequence") in outcomes


@pytest.mark.parametrize("name", CUTS)
def test_without_its_snapshot_a_book_never_lives(name: str, capture: GetCapture, frames: Frames):
    intact = of_books(frames(name, CUTS[name]))
    symbol = min(symbols_of(intact))
    line = next(one.line for one in intact if f"symbol={symbol}&" in one.url and one.url)

    watched = WatchedReplay(capture(name), damaged(intact, drop=[line]))

    assert symbol not in watched.first_detection
    assert symbol not in watched.lived
