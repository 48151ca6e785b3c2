"""The first look through a capture."""

import json
from pathlib import Path

import pytest

from engine.fake.capture_scan import scan_capture
from engine.fake.faults import NO_FAULTS, Disconnect, Faults
from engine.model.errors import ConfigError
from tests.unit.engine.fake.captures import T0_NS, Recording, a_recording


def test_what_a_capture_holds(tmp_path: Path):
    scan = scan_capture(a_recording().write(tmp_path), NO_FAULTS)

    assert (scan.venue, scan.lines, scan.symbols) == ("binance_futures", 6, ("ABCUSDT",))
    assert (scan.first_ns, scan.last_ns) == (T0_NS, T0_NS + 500_000_000)
    assert scan.snapshots == {"ABCUSDT": 1}


@pytest.mark.parametrize("venue", ["binance_futures", "binance"])
def test_metadata_is_made_from_the_finest_numbers_without_trailing_zeros(
    tmp_path: Path, venue: str
):
    scan = scan_capture(a_recording(venue).write(tmp_path), NO_FAULTS)

    info = json.loads(scan.exchange_info)
    symbol = info["symbols"][0]
    filters = {item["filterType"]: item for item in symbol["filters"]}
    assert not scan.is_info_recorded
    assert (symbol["symbol"], symbol["baseAsset"], symbol["quoteAsset"]) == (
        *("ABCUSDT", "ABC"),
        "USDT",
    )
    assert filters["PRICE_FILTER"]["tickSize"] == "0.1"
    assert filters["LOT_SIZE"]["stepSize"] == "0.01"


def test_recorded_metadata_is_kept_byte_for_byte(tmp_path: Path):
    recording = a_recording()
    line = recording.http("exchangeInfo", {"symbols": [], "odd": "\u00e9"})

    scan = scan_capture(recording.write(tmp_path), NO_FAULTS)

    assert scan.is_info_recorded
    assert scan.exchange_info == recording.raws[line - 1].encode()


def test_quotes_and_unknown_messages_are_no_obstacle(tmp_path: Path):
    recording = Recording()
    recording.stream("xyz@bookTicker", {"b": "1.25", "B": "1", "a": "1.5", "A": "0.001"})
    recording.stream("xyz@oddity", {"b": "1.12345"})
    recording.bare({"result": None, "id": 1})
    recording.add(transport="mark", raw="whatever")
    recording.stream("!ticker@arr", {})

    info = json.loads(scan_capture(recording.write(tmp_path), NO_FAULTS).exchange_info)

    assert [item["symbol"] for item in info["symbols"]] == ["XYZ"]
    assert info["symbols"][0]["filters"][0]["tickSize"] == "0.01"
    assert info["symbols"][0]["filters"][1]["stepSize"] == "0.001"


def refusal(path: Path, faults: Faults = NO_FAULTS) -> str:
    with pytest.raises(ConfigError) as caught:
        scan_capture(path, faults)
    return str(caught.value)


def test_what_is_no_capture_of_binance_is_refused_with_a_sentence(tmp_path: Path):
    path = tmp_path / "file"

    assert "No such file" in refusal(path)

    path.write_text("hello\n")
    assert "holds no captured frame" in refusal(path)

    path.write_text("")
    assert "is empty" in refusal(path)

    recording = Recording("okx")
    recording.bare({})
    assert "a capture of okx; the fake Binance plays binance_futures and binance" in refusal(
        recording.write(tmp_path)
    )


def test_two_venues_in_one_file_are_refused(tmp_path: Path):
    recording = a_recording()
    recording.venue = "binance"
    recording.bare({})

    assert "line 7 is of binance, those before of binance_futures" in refusal(
        recording.write(tmp_path)
    )


def test_faults_must_fit_the_capture(tmp_path: Path):
    path = a_recording().write(tmp_path)

    assert "line 7, but the capture ends at line 6" in refusal(path, Faults(drop_lines=(7,)))
    assert "line 9" in refusal(path, Faults(disconnect_at_line=(Disconnect(9),)))
    assert "line 2, which is no message" in refusal(path, Faults(repeat_lines=(2,)))
