"""Who asks, when, and whether he holds the secret: what Binance checks before anything else."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

import msgspec

from engine.fake.trading.answers import Refusal
from engine.fake.trading.params import Params

TEST_KEY: Final = "cockpit-fake-venue-key-" + "not-secret-" * 3 + "00000000"
TEST_SECRET: Final = "cockpit-fake-venue-secret-" + "not-secret-" * 3 + "00000"
"""Of the fake venue only; printed when it starts, because whoever tries it needs them."""

KEY_LETTERS: Final = 64
KEY_REFUSED: Final = -2015
RECV_WINDOW_MS: Final = 5_000
RECV_WINDOW_MS_MAX: Final = 60_000
AHEAD_MS_MAX: Final = 1_000


class KeyRights(msgspec.Struct, frozen=True):
    """What the key may do; the venue's user changes it by hand."""

    may_trade: bool = True
    may_withdraw: bool = False
    is_revoked: bool = False


def check_key(headers: Mapping[str, str], key: str, rights: KeyRights) -> None:
    """Refuse another key than the account's.

    Args:
        headers: Of the request; names in any case.
        key: The account's.
        rights: What it may do.
    """
    sent = next((value for name, value in headers.items() if name.lower() == "x-mbx-apikey"), "")
    if len(sent) != KEY_LETTERS or not sent.isascii():
        raise Refusal(-2014, status=401)
    if sent != key or rights.is_revoked:
        raise Refusal(KEY_REFUSED, status=401)


def check_signature(secret: str, query: str, body: bytes) -> None:
    """Refuse what was not signed: the text is query and body exactly as received.

    The signature is the last parameter of the one in which it comes.
    """
    text = body.decode("ascii", "replace")
    if "signature=" in query:
        query, sent = _without_signature(query)
    else:
        text, sent = _without_signature(text)
    if not sent:
        raise Refusal(
            -1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed."
        )
    right = hmac.new(secret.encode(), (query + text).encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(right, sent.lower()):
        raise Refusal(-1022)


def check_time(params: Params, now_ms: int) -> int:
    """Refuse what is too late or from the future; return until when it may be done, in ms."""
    sent_ms = params.number("timestamp")
    window_ms = params.number("recvWindow", RECV_WINDOW_MS)
    if window_ms > RECV_WINDOW_MS_MAX:
        raise Refusal(-1130, "recvWindow must be less than 60000")
    if sent_ms >= now_ms + AHEAD_MS_MAX:
        raise Refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - sent_ms > window_ms:
        raise Refusal(-1021)
    return sent_ms + window_ms


def _without_signature(text: str) -> tuple[str, str]:
    """Return the text before the last parameter and the value of it, if it is the signature."""
    head, _, last = text.rpartition("&")
    name, _, value = last.partition("=")
    return (head, value) if name == "signature" and value.isascii() else (text, "")
