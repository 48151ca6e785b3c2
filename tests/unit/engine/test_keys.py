"""Keys of accounts: where they may come from, and that no sentence shows them (R110)."""

import os
from pathlib import Path

import pytest

from engine.keys import account_name, read_credentials
from engine.model.errors import ConfigError
from engine.venues.trading import Credentials

VENUE = "binance_futures"
KEY, SECRET = "canary-key-4711", "canary-secret-0815"
NAMES = "COCKPIT_KEY_BINANCE_FUTURES", "COCKPIT_SECRET_BINANCE_FUTURES"
TEXT = f'key = "{KEY}"\nsecret = "{SECRET}"\n'
PEM = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / f"{VENUE}.key"
    write(path, TEXT)
    return path


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text)
    path.chmod(mode)


def read(file: Path, environment: dict[str, str] | None = None, *, is_named=False) -> Credentials:
    return read_credentials(
        VENUE, file, {} if environment is None else environment, is_named=is_named
    )


def refused(file: Path, environment: dict[str, str] | None = None, *, is_named=False) -> str:
    with pytest.raises(ConfigError) as raised:
        read(file, environment, is_named=is_named)
    text = f"{raised.value} {raised.value.__cause__!r} {raised.value.__context__!r}"
    assert KEY not in str(raised.value)
    assert SECRET not in str(raised.value)
    assert "canary" not in text or raised.value.__suppress_context__
    return str(raised.value)


def test_a_private_file_gives_the_key(file: Path) -> None:
    assert read(file) == Credentials(KEY, SECRET)


def test_a_secret_in_pem_is_an_ed25519_key(file: Path) -> None:
    write(file, f'key = "{KEY}"\nsecret = """\n{PEM}\n"""\n')

    assert read(file) == Credentials(KEY, PEM, "ed25519")


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o602, 0o777])
def test_a_file_that_others_could_open_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)

    assert "chmod 600" in refused(file)


def test_a_link_or_a_pipe_is_refused(file: Path, tmp_path: Path) -> None:
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(file)
    os.mkfifo(pipe, 0o600)

    assert "cannot be read" in refused(link)
    assert "no plain file" in refused(pipe)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f'key = "{KEY}"',
        f'key = "{KEY}"\nsecret = 7',
        f'key = ""\nsecret = "{SECRET}"',
        f'key = "a b"\nsecret = "{SECRET}"',
        f"{TEXT}other = 1",
        f'key = "{KEY}',
        f'secret = "{SECRET}" "',
    ],
)
def test_a_file_that_is_not_a_key_and_a_secret_is_refused(file: Path, text: str) -> None:
    write(file, text)

    assert str(file) in refused(file)


def test_a_file_that_is_far_too_large_is_refused(file: Path) -> None:
    write(file, TEXT + "#" * 20_000)

    assert "above" in refused(file)


def test_a_named_file_must_be_there_also_where_the_environment_has_a_key(tmp_path: Path) -> None:
    environment = dict(zip(NAMES, (KEY, SECRET), strict=True))

    assert "there is no key file" in refused(tmp_path / "none", environment, is_named=True)
    assert environment == {}


def test_without_a_file_the_environment_gives_the_key_and_keeps_none(tmp_path: Path) -> None:
    environment = {**dict(zip(NAMES, (KEY, SECRET), strict=True)), "HOME": "/"}

    assert read(tmp_path / "none", environment) == Credentials(KEY, SECRET)
    assert environment == {"HOME": "/"}


def test_a_file_that_nobody_may_look_for_is_not_taken_for_missing(tmp_path: Path) -> None:
    environment = dict(zip(NAMES, (KEY, SECRET), strict=True))

    assert "cannot be read" in refused(tmp_path / ("n" * 300), environment)
    assert environment == {}


def test_a_file_in_place_of_its_folder_is_no_key_file(file: Path) -> None:
    assert "there is no key for" in refused(file / "below")


def test_the_file_is_stronger_and_the_environment_keeps_no_key_either_way(file: Path) -> None:
    environment = dict(zip(NAMES, ("other", "other"), strict=True))

    assert read(file, environment).key == KEY
    assert environment == {}


def test_without_any_key_a_sentence_says_where_one_is_looked_for(tmp_path: Path) -> None:
    said = refused(tmp_path / "none", {NAMES[0]: KEY})

    assert str(tmp_path / "none") in said
    assert all(name in said for name in NAMES)


def test_the_name_of_an_account_is_that_of_its_key_and_does_not_tell_it() -> None:
    name = account_name(Credentials(KEY, SECRET))

    assert name == account_name(Credentials(KEY, "another"))
    assert name != account_name(Credentials(KEY + "x", SECRET))
    assert name.isalnum()
    assert len(name) == 10
    assert KEY[:6] not in name
