"""What a recorded message of Binance is, for those who count them."""

from engine.venues.binance.bare_message import COMBINED


def kind_of(raw: str) -> tuple[str, str]:
    """Return symbol and kind of a message in combined form; no symbol where it belongs to none."""
    if not raw.startswith(COMBINED):
        return "", "ws_other"
    stream = raw[len(COMBINED) : raw.find('"', len(COMBINED))]
    symbol, _, kind = stream.partition("@")
    if symbol.startswith("!"):
        return "", f"ws {stream}"
    return (symbol.upper(), kind.partition("@")[0]) if kind else ("", "ws_other")
