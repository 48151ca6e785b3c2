"""Keys of accounts: from a file of the user's alone, else from the environment, and nowhere else.

A key never comes from the command line or the settings, and is in no message (R110).
"""

import os
import stat
import tomllib
from collections.abc import MutableMapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from loguru import logger

from engine.model.errors import ConfigError
from engine.venues.trading import Credentials

BYTES_MAX: Final = 16 * 1024
FOREIGN_BITS: Final = 0o077
NAME_LETTERS: Final = 10
PEM: Final = "-----BEGIN"


def read_credentials(
    venue: str, file: Path, environment: MutableMapping[str, str], *, is_named: bool
) -> Credentials:
    """Read the key of a venue's account.

    The environment holds no key afterwards, whether it was needed or not.

    Args:
        venue: Its name, also in the names of the variables.
        file: Where the key is kept.
        environment: The process's own.
        is_named: Whether the settings name the file: then it must be there.

    Raises:
        ConfigError: There is no key, or others could have read or written it.
    """
    names = [f"COCKPIT_{word}_{venue.upper()}" for word in ("KEY", "SECRET")]
    key, secret = (environment.pop(name, "") for name in names)
    if is_named or _may_be_there(file):
        return _from_file(file)
    if key and secret:
        logger.warning("key_from_environment {}: a file is safer, {}", venue, file)
        return _credentials(key, secret, "the environment")
    raise ConfigError(
        f"there is no key for {venue}: write `key` and `secret` into {file} (chmod 600), "
        f"or set {' and '.join(names)}"
    )


def account_name(credentials: Credentials) -> str:
    """Return a name for the account of a key that does not tell the key."""
    return sha256(f"cockpit account {credentials.key}".encode()).hexdigest()[:NAME_LETTERS]


def _may_be_there(path: Path) -> bool:
    """Whether something bears that name; who may not look shall hear so when it is opened."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _from_file(path: Path) -> Credentials:
    try:
        text = _private_text(path)
    except FileNotFoundError as error:
        raise ConfigError(f"there is no key file {path}") from error
    except OSError as error:
        raise ConfigError(f"key file {path} cannot be read: {error.strerror}") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        # Without the parser's word: it quotes the line.
        raise ConfigError(f"key file {path} is not TOML with `key` and `secret`") from None
    unknown = sorted(set(document) - {"key", "secret"})
    values = [document.get(name) for name in ("key", "secret")]
    key, secret = (value if isinstance(value, str) else "" for value in values)
    if unknown or not key or not secret:
        raise ConfigError(f"key file {path} must hold `key` and `secret` as texts, nothing else")
    return _credentials(key, secret, f"key file {path}")


def _private_text(path: Path) -> str:
    """Return the text of a file that nobody else can have read or written."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"key file {path} is no plain file")
        if status.st_uid != os.getuid():
            raise ConfigError(f"key file {path} belongs to another user")
        if status.st_mode & FOREIGN_BITS:
            raise ConfigError(f"key file {path} is open to others: chmod 600 {path}")
        if status.st_size > BYTES_MAX:
            raise ConfigError(f"key file {path} is above {BYTES_MAX} bytes")
        return os.read(file, BYTES_MAX).decode("utf-8", "replace")
    finally:
        os.close(file)


def _credentials(key: str, secret: str, where: str) -> Credentials:
    key, secret = key.strip(), secret.strip()
    if not key or any(letter.isspace() or not letter.isprintable() for letter in key):
        raise ConfigError(f"the key in {where} is empty or holds blanks")
    return Credentials(key, secret, "ed25519" if secret.startswith(PEM) else "hmac-sha256")
