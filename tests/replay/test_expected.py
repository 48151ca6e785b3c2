"""A replay finds what the independent oracle found, key for key."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.captures import CAPTURES
from tests.replay.conftest import Clean

ENDING = ".expected.json"
NAMES = sorted(path.name.removesuffix(ENDING) for path in CAPTURES.glob(f"*{ENDING}"))


def differences(expected: object, found: object, where: str = "$") -> Iterator[str]:
    """Name every place where `found` lacks or contradicts what is expected."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if key in found:
                yield from differences(value, found[key], f"{where}.{key}")
            else:
                yield f"{where}.{key}: missing"
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{where}: {len(found)} entries instead of {len(expected)}"
        for at, (one, other) in enumerate(zip(expected, found, strict=False)):
            yield from differences(one, other, f"{where}[{at}]")
    elif expected != found or type(expected) is not type(found):
        yield f"{where}: {found!r} instead of {expected!r}"


@pytest.mark.parametrize("name", NAMES or ["binance_futures"])
def test_a_replay_gives_the_expected_document(name: str, shared_dir: Path, clean: Clean):
    expected = json.loads((shared_dir / "captures" / f"{name}.expected.json").read_text())

    found = json.loads(json.dumps(clean(name)))

    told = list(differences(expected, found))
    assert not told, "\n" + "\n".join(told[:40])
    assert found["symbols"].keys() == expected["symbols"].keys()
    assert (found["bad_frames"], found["bad_lines"], found["is_torn"]) == (0, 0, False)


def test_the_comparison_finds_what_differs():
    expected = {"a": 1, "b": [1, {"c": None}], "d": "x", "e": 1}
    found = {"a": True, "b": [1, {"c": 0}, 2], "d": "x"}

    told = list(differences(expected, found))

    assert told == [
        "$.a: True instead of 1",
        "$.b: 3 entries instead of 2",
        "$.b[1].c: 0 instead of None",
        "$.e: missing",
    ]
