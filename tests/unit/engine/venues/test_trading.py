"""Nothing that passes between a wire and its shell shows a secret when it is printed."""

import pytest

from engine.venues.trading import Credentials, HttpCall, HttpReply, PrivatePlan

SECRET = "2b5eb11e18796d12d88f13dc27dbbd02"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Credentials(SECRET, SECRET), "Credentials(***)"),
        (
            HttpCall("GET", f"https://x.test/a?signature={SECRET}", {"K": SECRET}, SECRET.encode()),
            "HttpCall(GET https://x.test/a)",
        ),
        (HttpReply(200, {}, SECRET.encode()), "HttpReply(200)"),
        (PrivatePlan(f"wss://x.test/ws?listenKey={SECRET}"), "PrivatePlan(wss://x.test/ws)"),
    ],
)
def test_a_printed_value_shows_no_secret(value: object, shown: str):
    assert (repr(value), str(value), f"{value}") == (shown, shown, shown)
    assert SECRET not in repr([value])
