"""The redactor: a secret reaches no sink, by whichever way it is logged (R112, R113)."""

import json
import logging
from pathlib import Path

import pytest
from loguru import logger

from engine.runtime.logs import hide_in_logs, start_logging
from engine.runtime.redactor import Redactor

KEY, SECRET = "canary-key-4711", "canary-secret-0815"
PEM = "-----BEGIN PRIVATE KEY-----\ncanarycanary+/=\n-----END PRIVATE KEY-----"


@pytest.fixture
def log(tmp_path: Path):
    path = tmp_path / "engine.jsonl"
    start_logging(path, to_stderr=True)
    hide_in_logs((KEY, SECRET, PEM))
    yield path
    logger.remove()
    logger.configure(patcher=lambda _: None)


def fail(word: str) -> None:
    secret = SECRET  # A local, which no traceback may show.
    try:
        raise ValueError(word)
    except ValueError as error:
        raise RuntimeError(f"{secret} is in it") from error


def test_no_secret_reaches_file_or_terminal(log: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logger.error("in the text {}", SECRET)
    logger.error(f"as a format {KEY} {{}}", SECRET)
    logger.bind(order="a").error("{!r}", {"secret": SECRET})
    logging.getLogger("library").warning("POST /order?signature=%s", "canary0123456789")
    try:
        fail(f"https://host/order?symbol=A&signature=canary1&x=1 {KEY}")
    except RuntimeError:
        logger.exception("failed")
    logger.error("{}", PEM.splitlines()[1])
    logger.complete()

    written = log.read_text() + capfd.readouterr().err
    assert "canary" not in written
    assert "***" in written
    assert "RuntimeError" in written


def test_a_record_is_one_line_of_json_with_its_traceback(log: Path) -> None:
    try:
        fail("why")
    except RuntimeError:
        logger.exception("failed {}", 7)
    logger.complete()

    (line,) = log.read_text().splitlines()
    record = json.loads(line)["record"]
    assert record["message"] == "failed 7"
    assert "ValueError: why" in record["extra"]["traceback"]


def test_what_a_library_fails_with_is_told_as_well_and_without_secrets(log: Path) -> None:
    try:
        fail("why")
    except RuntimeError:
        logging.getLogger("library").exception("it broke")
    logger.complete()

    record = json.loads(log.read_text())["record"]
    assert record["message"] == "library library it broke"
    assert "ValueError: why" in record["extra"]["traceback"]
    assert "canary" not in log.read_text()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a=1&signature=abc&b=2", "a=1&signature=***&b=2"),
        ("wss://x/private/ws?listenKey=AbC1", "wss://x/private/ws?listenKey=***"),
        ('{"listenKey": "AbC1"}', '{"listenKey": "***"}'),
        ("X-MBX-APIKEY: abc", "X-MBX-APIKEY: ***"),
        ("the signature of it", "the signature of it"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_whatever_its_value(text: str, clean: str) -> None:
    assert Redactor().clean(text) == clean


def test_short_values_hide_no_words_and_nothing_shows_the_values() -> None:
    redactor = Redactor(("a", SECRET))

    assert redactor.clean("a day") == "a day"
    assert SECRET not in repr(redactor)
