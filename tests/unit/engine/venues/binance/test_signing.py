"""What leaves is what was signed, for listed routes only, and no secret shows anywhere."""

import json
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from engine.model.errors import ConfigError
from engine.venues.binance.signing import Signer, encoded, require_own_stream
from engine.venues.trading import Credentials

FAPI = "https://fapi.binance.com"
ORDER = "/fapi/v1/order"
ROUTES = (("POST", ORDER), ("GET", ORDER), ("DELETE", ORDER))
SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
PEM = (
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
    "\n-----END PRIVATE KEY-----\n"
)
"""Test 1 of RFC 8032."""


def a_signer(origin: str = FAPI, secret: str = SECRET, kind: Any = "hmac-sha256") -> Signer:
    return Signer(Credentials("key-1", secret, kind), ((origin, ROUTES),))


@pytest.fixture(scope="module")
def vectors(shared_dir: Path) -> list[dict]:
    return json.loads((shared_dir / "vectors/binance_signing.json").read_text())["vectors"]


def ws_payload(vector: dict) -> str:
    params = {**vector["params"], "apiKey": vector["api_key"]}
    return "&".join(f"{name}={params[name]}" for name in sorted(params))


def test_every_published_vector_is_signed_alike(vectors: list[dict]):
    assert len(vectors) >= 14
    for vector in vectors:
        secret = vector.get("secret") or vector["ed25519_private_pem"]
        signer = a_signer(secret=secret, kind=vector["alg"])
        is_rest = vector["transport"] == "rest"
        payload = (
            encoded(vector["query"]) + encoded(vector["body"]) if is_rest else ws_payload(vector)
        )

        assert payload == vector.get("payload", payload), vector["id"]
        assert signer._sign(payload) == vector["signature"], vector["id"]


def test_rest_vectors_are_reproduced_whole(vectors: list[dict]):
    checked = 0
    for vector in vectors:
        sent = vector.get("query", []) + vector.get("body", [])
        is_ours = vector["transport"] == "rest" and sent[-1][0] == "timestamp"
        if not is_ours or (vector["query"] and vector["body"]):
            continue
        checked += 1
        route = (vector["method"], vector["path"])
        credentials = Credentials(vector["api_key"], vector["secret"])

        call = Signer(credentials, ((FAPI, (route,)),)).call(
            FAPI, route, sent[:-1], timestamp_ms=int(sent[-1][1])
        )

        text = vector["http_body"] or vector["url_query"]
        is_body = vector["method"] in {"POST", "PUT"}
        assert (call.body.decode() if is_body else urlsplit(call.url).query) == text
        assert call.headers["X-MBX-APIKEY"] == vector["api_key"]
    assert checked >= 8


def test_an_order_travels_in_the_body_and_a_cancel_in_the_address():
    params = [("symbol", "ABCUSDT")]

    post = a_signer().call(FAPI, ("POST", ORDER), params, timestamp_ms=5)
    delete = a_signer().call(FAPI, ("DELETE", ORDER), params, timestamp_ms=5)

    assert post.url == FAPI + ORDER
    assert post.body.startswith(b"symbol=ABCUSDT&timestamp=5&signature=")
    assert post.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert delete.url == f"{FAPI}{ORDER}?{post.body.decode()}"
    assert (delete.body, "Content-Type" in delete.headers) == (b"", False)


def test_a_signature_may_stand_alone_and_a_request_may_need_none():
    lone = a_signer().call(FAPI, ("GET", ORDER), (), timestamp_ms=5)
    plain = a_signer().call(FAPI, ("POST", ORDER), (), timestamp_ms=None)
    nameless = a_signer().call(FAPI, ("GET", ORDER), (), timestamp_ms=None, has_key=False)

    assert urlsplit(lone.url).query.startswith("timestamp=5&signature=")
    assert (plain.url, plain.body, plain.headers) == (FAPI + ORDER, b"", {"X-MBX-APIKEY": "key-1"})
    assert (nameless.url, nameless.headers) == (FAPI + ORDER, {})


def test_an_ed25519_signature_is_encoded_where_it_stands():
    call = a_signer(secret=PEM, kind="ed25519").call(FAPI, ("GET", ORDER), (), timestamp_ms=5)

    signature = urlsplit(call.url).query.partition("&signature=")[2]
    assert signature.endswith("%3D%3D")
    assert not set("+/=") & set(signature)


@pytest.mark.parametrize("route", [("PUT", ORDER), ("POST", "/sapi/v1/capital/withdraw/apply")])
def test_what_is_not_listed_is_not_signed(route: tuple[str, str]):
    with pytest.raises(ConfigError, match="nothing may be signed for"):
        a_signer().call(FAPI, route, (), timestamp_ms=5)


def test_another_host_than_the_listed_is_not_signed_for():
    with pytest.raises(ConfigError, match="nothing may be signed for"):
        a_signer().call("https://api.binance.com", ("GET", ORDER), (), timestamp_ms=5)


@pytest.mark.parametrize(
    "origin",
    [
        "http://fapi.binance.com",
        "https://fapi.binance.com.evil.example",
        "https://evil.example",
        "https://fapi.binance.com@evil.example",
        "https://evil@fapi.binance.com",
        "https://fapi.binance.com/evil",
        "https://fapi.binance.com?x=1",
        "https://fapi.binance.com#x",
        "https://fapi.binance.com:port",
        "https://[",
        "ftp://127.0.0.1",
        "http://127.0.0.1.evil.example",
        "http://evil@127.0.0.1",
        "",
    ],
)
def test_no_evil_base_url_gets_a_signature(origin: str):
    with pytest.raises(ConfigError, match="no https address") as refused:
        a_signer(origin).call(origin, ("GET", ORDER), (), timestamp_ms=5)

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "origin",
    [
        *("http://127.0.0.1:8080", "https://localhost:1", "http://[::1]:2"),
        *("https://demo-fapi.binance.com", "https://fapi.binance.com:443"),
    ],
)
def test_a_fake_on_this_machine_and_test_money_are_signed_for(origin: str):
    call = a_signer(origin).call(origin, ("GET", ORDER), (), timestamp_ms=5)

    assert call.url.startswith(f"{origin}{ORDER}?timestamp=5&signature=")


@pytest.mark.parametrize(
    "origin",
    [
        "ws://fstream.binance.com",
        "https://fstream.binance.com",
        "wss://fapi.binance.com",
        "wss://fstream.binance.com.evil.example",
        "wss://fstream.binance.com@evil.example",
        "wss://evil@fstream.binance.com",
        "wss://fstream.binance.com/evil",
        "ws://127.0.0.1.evil.example",
        "http://127.0.0.1",
        "",
    ],
)
def test_no_evil_address_gets_the_private_stream(origin: str):
    with pytest.raises(ConfigError, match="no private stream may be at"):
        require_own_stream(origin)


@pytest.mark.parametrize(
    "origin",
    ["wss://fstream.binance.com", "wss://fstream.binancefuture.com", "ws://127.0.0.1:8080"],
)
def test_a_fake_on_this_machine_and_test_money_have_private_streams(origin: str):
    require_own_stream(origin)


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("", "secret"),
        Credentials("new\nline", "secret"),
        Credentials("schlüssel", "secret"),
        Credentials("key", ""),
        Credentials("key", SECRET, "ed25519"),
        Credentials("key", PEM.replace("MC4CAQ", "!!!!!!"), "ed25519"),
        Credentials("key", PEM.replace("MC4CAQ", "MC4CAA"), "ed25519"),
        Credentials("key", PEM.replace("PRIVATE", "PUBLIC"), "ed25519"),
        Credentials("key", PEM.replace("rn9g", ""), "ed25519"),
    ],
)
def test_a_key_that_is_none_is_refused_in_words_without_it(credentials: Credentials):
    with pytest.raises(ConfigError, match="of binance_futures") as refused:
        Signer(credentials, ())

    shown = "".join(traceback.format_exception(refused.value))
    assert credentials.secret == "" or credentials.secret not in shown
    assert "nWGxne" not in shown


@pytest.mark.parametrize(("secret", "kind"), [(SECRET, "hmac-sha256"), (PEM, "ed25519")])
def test_nothing_that_is_printed_shows_a_secret(secret: str, kind: Any):
    credentials = Credentials("key-1", secret, kind)
    signer = Signer(credentials, ((FAPI, ROUTES),))
    call = signer.call(FAPI, ("GET", ORDER), (("a", "b"),), timestamp_ms=5)

    shown = f"{credentials!r} {credentials} {signer!r} {signer._sign!r} {call!r}"

    assert secret not in shown
    assert "key-1" not in shown
    assert "signature" not in shown
    assert not hasattr(signer, "__dict__")
