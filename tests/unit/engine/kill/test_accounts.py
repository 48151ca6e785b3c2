"""Which accounts a kill is for, by the settings and by what the engine noted."""

from decimal import Decimal
from pathlib import Path

import pytest

from engine.accounts import note_account
from engine.folder import DataFolder, key_file
from engine.kill.accounts import Account, Sources, noted, unlike
from engine.model.errors import ConfigError
from engine.settings import load_settings
from engine.venues.base import Endpoints
from engine.venues.binance.spec import FUTURES
from engine.venues.binance.trade_wire import ENDPOINTS, VENUE

LIVE = '[venues.binance_futures]\nlive = true\nkey_file = "/k/file"\n'
AT = '[endpoints.binance_futures]\nrest = "http://127.0.0.1:1/"\n'


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no settings of this machine be read."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def sources(text: str, **environment: str) -> Sources:
    Path("some.toml").write_text(text)
    return Sources(Path("some.toml"), environment)


def test_what_is_traded_live_is_found_with_its_addresses_and_its_key():
    (account,) = sources(LIVE + AT + 'a_word_that_nobody_knows = "x"\n').accounts()

    where = Endpoints("http://127.0.0.1:1", ENDPOINTS.stream)
    assert account == Account(VENUE, where, Path("/k/file"), is_named=True)
    assert FUTURES.endpoints == ENDPOINTS


def test_without_words_for_them_addresses_and_key_are_the_usual_ones():
    (account,) = sources("[venues.binance_futures]\nlive = true").accounts()

    assert account == Account(VENUE, ENDPOINTS, key_file(VENUE), is_named=False)


@pytest.mark.parametrize("text", ["", "[venues.binance_futures]\nlive = false", "venues = 1"])
def test_what_is_not_live_is_left_alone(text: str):
    assert sources(text).accounts() == []


def test_variables_are_stronger_than_files():
    off = sources(LIVE, COCKPIT_VENUES__BINANCE_FUTURES__LIVE="false")
    on = sources("", cockpit_venues__binance_futures__live="True")

    assert off.accounts() == []
    assert len(on.accounts()) == 1


def test_a_stronger_file_hides_only_what_it_says():
    own = Path("config/cockpit-trader")
    own.mkdir(parents=True)
    (own / "cockpit.toml").write_text(LIVE)

    (account,) = sources(AT).accounts()

    assert account.endpoints.rest == "http://127.0.0.1:1"


def test_settings_that_are_none_are_refused():
    with pytest.raises(ConfigError, match="cannot be read"):
        sources("[")
    with pytest.raises(ConfigError, match="there is no settings file"):
        Sources(Path("other.toml"), {})


@pytest.mark.parametrize(
    ("said", "limit"), [("5000", 5_000), ('"off"', None), ("0", None), ("inf", None), ("-1", None)]
)
def test_limits_of_slices_come_from_the_risk_file(said: str, limit: int | None):
    Path("risk.toml").write_text(f"order_value_max = {said}")

    found = sources('risk_file = "risk.toml"').limit("order_value_max")

    assert found == (None if limit is None else Decimal(limit))


def test_a_risk_file_that_is_missing_says_nothing():
    assert sources("").limit("order_value_max") is None
    assert sources('risk_file = "none.toml"').limit("order_value_max") is None


def test_what_the_engine_noted_is_what_the_kill_reads(tmp_path: Path):
    Path("live.toml").write_text('venue = "binance_futures"\n' + LIVE + AT)
    folder = DataFolder(tmp_path)
    assert noted(folder) == []

    note_account(folder.live, load_settings(Path("live.toml"), {}))

    assert noted(folder) == sources(LIVE + AT).accounts()
    assert len(unlike(noted(folder) + noted(folder))) == 1


def test_an_account_with_a_key_in_this_folder_is_killed_once(tmp_path: Path):
    text = LIVE.replace("/k/file", "own.key")
    Path("live.toml").write_text('venue = "binance_futures"\n' + text)
    folder = DataFolder(tmp_path)

    note_account(folder.live, load_settings(Path("live.toml"), {}))

    assert len(unlike(noted(folder) + sources(text).accounts())) == 1


def test_the_note_is_for_its_user_alone_and_replaces_the_one_before(tmp_path: Path):
    Path("live.toml").write_text('venue = "binance_futures"\n' + LIVE)
    folder = DataFolder(tmp_path)
    folder.live.write_text("what was there before")

    note_account(folder.live, load_settings(Path("live.toml"), {}))

    assert len(noted(folder)) == 1
    assert folder.live.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"venue":1}'])
def test_a_note_that_cannot_be_read_is_a_problem(tmp_path: Path, text: str):
    folder = DataFolder(tmp_path)
    folder.live.write_text(text)

    with pytest.raises(ConfigError, match="cannot be read"):
        noted(folder)


def test_a_note_of_a_venue_that_nobody_knows_is_a_problem(tmp_path: Path):
    folder = DataFolder(tmp_path)
    folder.live.write_text(
        '{"venue":"moon","rest":"x","stream":"x","key_file":"x","is_named":true}'
    )

    with pytest.raises(ConfigError, match="'moon'"):
        noted(folder)


def test_a_note_that_cannot_be_written_ends_the_start(tmp_path: Path):
    Path("live.toml").write_text('venue = "binance_futures"\n' + LIVE)

    with pytest.raises(ConfigError, match="cannot be written"):
        note_account(tmp_path / "missing" / "live.json", load_settings(Path("live.toml"), {}))
