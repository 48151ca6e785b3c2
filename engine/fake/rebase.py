"""A recorded capture moved to another time: for rehearsals in which the venue's clock is right."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from engine.fake.capture_scan import CaptureScan
from engine.model.numbers import NS_PER_MS, NS_PER_S
from storage.recording import CapturedFrame, CaptureReader

MINUTE_NS: Final = 60 * NS_PER_S
"""Times move by whole minutes, so that candles stay candles."""

TIMES: Final = ("E", "T")
"""Of a message and of a whole book; what else counts milliseconds is one level deeper."""

DEEPER_TIMES: Final = {"k": ("t", "T"), "o": ("T",)}
"""Of klines and of liquidations."""


def rebased(scan: CaptureScan, opens_ns: int) -> tuple[CaptureScan, Iterator[CapturedFrame]]:
    """Return a capture and its lines as if it began within the minute after a moment.

    One that began within the minute before stays as it is: it goes on.
    """
    late_ns = opens_ns - scan.first_ns
    by_ns = 0 if 0 <= late_ns < MINUTE_NS else -(-late_ns // MINUTE_NS) * MINUTE_NS
    moved = msgspec.structs.replace(
        scan,
        first_ns=scan.first_ns + by_ns,
        last_ns=scan.last_ns + by_ns,
        frames={line: shifted(raw, by_ns // NS_PER_MS) for line, raw in scan.frames.items()},
    )
    return moved, _frames(scan, by_ns)


def _frames(scan: CaptureScan, by_ns: int) -> Iterator[CapturedFrame]:
    for frame in CaptureReader(scan.path):
        raw = shifted(frame.raw, by_ns // NS_PER_MS)
        yield msgspec.structs.replace(frame, ts_ns=frame.ts_ns + by_ns, raw=raw)


def shifted(raw: str, by_ms: int) -> str:
    """Return a message with its times moved; what cannot be read stays as it is."""
    try:
        message = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return raw
    payload = message.get("data", message) if isinstance(message, dict) else None
    if not isinstance(payload, dict):
        return raw
    _move(payload, TIMES, by_ms)
    for name, times in DEEPER_TIMES.items():
        inner = payload.get(name)
        if isinstance(inner, dict):
            _move(inner, times, by_ms)
    return msgspec.json.encode(message).decode()


def _move(fields: dict[str, Any], names: tuple[str, ...], by_ms: int) -> None:
    for name in names:
        if isinstance(fields.get(name), int):
            fields[name] += by_ms
