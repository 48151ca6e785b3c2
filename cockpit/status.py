"""`cockpit status` and the summary of `cockpit replay`: what an engine says, as text or JSON."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from cockpit.link import join
from engine.folder import DataFolder
from engine.model.numbers import NS_PER_MS
from engine.model.view import StatusView
from engine.port import Welcome

_Document = dict[str, Any]


def status_document(folder: DataFolder) -> _Document:
    """Ask the engine of a folder.

    Raises:
        PortClosed: None runs.
    """
    welcome, status = asyncio.run(_ask(folder))
    return {
        "running": True,
        "pid": welcome.pid,
        "version": welcome.version,
        "run_id": welcome.run_id,
        **msgspec.to_builtins(status),
    }


async def _ask(folder: DataFolder) -> tuple[Welcome, StatusView]:
    port = await join(folder.socket, "command")
    try:
        reply = await port.status()
    finally:
        await port.close()
    assert reply.status is not None, "an answer to Ask carries the status"
    return port.welcome, reply.status


def status_text(document: _Document, *, as_json: bool, folder: Path) -> str:
    """Return the status as one JSON document, or as lines for people."""
    if as_json:
        return msgspec.json.encode(document).decode()
    if not document["running"]:
        return f"no engine runs on {folder}"
    lines = [
        f"running: {document['mode']} on {document['venue']}, pid {document['pid']}, "
        f"{document['events_per_s']:.0f} events/s, {document['inbox_depth']} waiting",
        f"events {document['seq']}, bad frames {document['bad_frames']}, gaps {document['gaps']}",
    ]
    for feed in document["feeds"]:
        age = "no data yet" if feed["age_ns"] is None else f"{feed['age_ns'] // NS_PER_MS} ms old"
        reason = f", {feed['reason']}" if feed["reason"] else ""
        lines.append(f"feed {feed['name']}: {feed['state']}, {age}{reason}")
    return "\n".join(lines)


def replay_text(document: _Document, *, as_json: bool) -> str:
    """Return what a replay found as one JSON document, or as lines for people."""
    if as_json:
        return msgspec.json.encode(document).decode()
    lines = [
        f"{document['venue']}: {document['lines']} lines, {document['ws_seconds']:.0f} s, "
        f"{document['bad_frames']} bad frames, {document['bad_lines']} damaged lines"
        + (", the file ends torn" if document["is_torn"] else "")
    ]
    for symbol, found in document["symbols"].items():
        bid, ask = found["best_bid"], found["best_ask"]
        touch = f"{bid[0]} / {ask[0]}" if bid and ask else "no book"
        lines.append(
            f"{symbol}: book {found['book_state']}, {touch}, {found['depth_applied']} updates, "
            f"{len(found['gaps'])} gaps, {found['trades']} trades, "
            f"{len(found['candles_1m'])} one-minute candles"
        )
    lines.append(f"digest {document['digest']}")
    return "\n".join(lines)
