"""What a recorded message of OKX is, for those who count them."""

import msgspec


class _Arg(msgspec.Struct, frozen=True, gc=False):
    channel: str = ""
    instId: str = ""  # noqa: N815 - the venue's name


class _Message(msgspec.Struct, gc=False):
    arg: _Arg = _Arg()
    action: str = ""
    event: str = ""


def kind_of(raw: str) -> tuple[str, str]:
    """Return symbol and kind of a message; without a symbol where it belongs to none."""
    try:
        message = msgspec.json.decode(raw, type=_Message)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "", "ws_other"
    if message.event:
        return "", f"event_{message.event}"
    if not (message.arg.channel and message.arg.instId):
        return "", f"ws {message.arg.channel}" if message.arg.channel else "ws_other"
    kind = f"{message.arg.channel}_{message.action}" if message.action else message.arg.channel
    return message.arg.instId, kind
