"""`cockpit replay --no-ui --json` as a process: one document, or one sentence and exit code 2."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from tests.fakes.captures import Recording, write_bytes

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"

BAD_FILES = {
    "empty": b"",
    "empty.gz": gzip.compress(b""),
    "picture.png": PNG * 50,
    "notes.txt": b"Dear diary,\ntoday was fine.\n",
    "array.json": b'[{"venue": "binance"}]',
    "header.gz": b"\x1f\x8b\x08\x00",
    "no venue": b'{"transport":"ws","raw":"","recv_ns":1}\n',
}


def replay(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cockpit", "replay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def refusal(*arguments: object) -> str:
    """Return the sentence with which a call was refused."""
    done = replay(*arguments, "--no-ui", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("cockpit: ")
    return sentence


def a_capture(folder: Path, venue: str = "binance_futures") -> Path:
    recording = Recording(venue)
    recording.snapshot(10)
    recording.trade("100.5", "1")
    return recording.write(folder, f"{venue}.jsonl")


def test_json_is_one_document_and_nothing_else(tmp_path: Path):
    done = replay(a_capture(tmp_path), "--no-ui", "--json")

    document, end = json.JSONDecoder().raw_decode(done.stdout)
    assert (done.stdout[end:], done.stderr, done.returncode) == ("\n", "", 0)
    assert document["symbols"]["ABCUSDT"]["trades"] == 1
    assert {"digest", "ledger_digest", "bad_frames"} <= document.keys()
    assert "scales" in document["symbols"]["ABCUSDT"]


def test_without_json_it_speaks_to_people(tmp_path: Path):
    done = replay(a_capture(tmp_path), "--no-ui")

    assert (done.stderr, done.returncode) == ("", 0)
    assert "ABCUSDT: book live, 100 / 101" in done.stdout


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_by_name(name: str, tmp_path: Path):
    path = tmp_path / name
    path.write_bytes(BAD_FILES[name])

    sentence = refusal(path)

    assert str(path) in sentence
    assert "the capture is empty" in sentence or "holds no captured frame" in sentence


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path):
    missing = tmp_path / "missing.jsonl"

    assert refusal(missing) == f"cockpit: {missing}: No such file or directory"
    assert refusal(tmp_path) == f"cockpit: {tmp_path} holds no recording"


def test_one_bad_file_among_good_ones_is_named(tmp_path: Path):
    missing = tmp_path / "missing.jsonl"

    assert str(missing) in refusal(a_capture(tmp_path), missing)


def test_a_venue_that_cannot_be_read_is_refused(tmp_path: Path):
    recording = Recording("nyse")
    recording.raw("{}")
    path = recording.write(tmp_path)

    assert refusal(path) == f"cockpit: {path}: recordings of venue 'nyse' cannot be read"


def test_two_venues_are_refused_in_one_file_and_in_two(tmp_path: Path):
    futures, spot = a_capture(tmp_path), a_capture(tmp_path, "binance")
    both = write_bytes(tmp_path / "both.jsonl.zst", futures.read_bytes() + spot.read_bytes())

    assert "one replay takes one venue" in refusal(futures, spot)
    assert "line 3 is of 'binance'" in refusal(both)


def test_a_torn_file_is_played_and_called_torn(tmp_path: Path):
    plain = a_capture(tmp_path).read_bytes()
    writer = zstandard.ZstdCompressor().compressobj()
    path = tmp_path / "torn"
    path.write_bytes(writer.compress(plain) + writer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))

    done = replay(path, "--no-ui", "--json")

    document = json.loads(done.stdout)
    assert (done.returncode, document["is_torn"], document["lines"]) == (0, True, 2)


@pytest.mark.parametrize("arguments", [["--no-ui", "--json"], ["x", "--json"], ["x", "--nonsense"]])
def test_wrong_usage_is_told(arguments: list[str]):
    done = replay(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert "Error: " in done.stderr
