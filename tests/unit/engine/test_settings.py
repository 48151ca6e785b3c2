"""Settings: which source wins, and what is said about a mistake."""

from pathlib import Path

import pytest

from engine.model.errors import ConfigError
from engine.settings import load_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def a_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "named.toml"
    path.write_text(text)
    return path


def test_with_nothing_said_the_market_is_simulated() -> None:
    assert load_settings(None, {}).venue == "simulated"


def test_a_flag_beats_the_environment_which_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = a_file(tmp_path, 'venue = "binance"\nseed = 1\ninstruments = ["A"]\n')
    monkeypatch.setenv("COCKPIT_VENUE", "binance_futures")
    monkeypatch.setenv("COCKPIT_SEED", "2")

    settings = load_settings(file, {"seed": 3, "instruments": None})

    assert (settings.venue, settings.seed) == ("binance_futures", 3)
    assert settings.instruments == ("A",)


def test_the_local_file_beats_that_of_the_user(tmp_path: Path) -> None:
    user = tmp_path / "config" / "cockpit-trader"
    user.mkdir(parents=True)
    (user / "cockpit.toml").write_text('venue = "binance"\nseed = 5\n')
    (tmp_path / "cockpit.toml").write_text('venue = "binance_futures"\n')

    settings = load_settings(None, {})

    assert (settings.venue, settings.seed) == ("binance_futures", 5)


def test_endpoints_can_point_a_venue_elsewhere(tmp_path: Path) -> None:
    file = a_file(tmp_path, '[endpoints.binance]\nrest = "http://127.0.0.1:9001"\n')

    endpoints = load_settings(file, {}).endpoints["binance"]

    assert endpoints.rest == "http://127.0.0.1:9001"
    assert endpoints.stream is None


def test_a_venue_is_traded_live_only_where_the_settings_say_so(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('[venues.binance_futures]\nlive = true\nkey_file = "/k"\n')

    assert load_settings(None, {}).venues == {}
    account = load_settings(file, {}).venues["binance_futures"]
    assert account.live
    assert account.key_file == Path("/k")


def test_keys_in_the_environment_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COCKPIT_KEY_BINANCE_FUTURES", "canary")
    monkeypatch.setenv("COCKPIT_SECRET_BINANCE_FUTURES", "canary")

    assert "canary" not in repr(load_settings(None, {}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('venu = "binance"', "did you mean 'venue'"),
        ('[endpoints.binance]\nrset = "http://x"', "did you mean 'rest'"),
        ('seed = "many"', "setting 'seed'"),
        ('[endpoints.binance]\nstream = "http://x"', "stream"),
        ("venue = ", "cannot be read"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_settings(a_file(tmp_path, text), {})


def test_a_named_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no settings file .*missing\.toml"):
        load_settings(tmp_path / "missing.toml", {})


def test_a_local_file_of_somebody_else_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cockpit.toml").write_text('venue = "binance"\n')
    monkeypatch.setattr("os.getuid", lambda: 12_345)

    with pytest.raises(ConfigError, match="another user"):
        load_settings(None, {})


def test_a_folder_that_cannot_be_looked_into_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ("n" * 300)))

    with pytest.raises(ConfigError, match="cannot be looked for"):
        load_settings(None, {})
