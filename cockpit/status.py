"""`cockpit status` and the summary of `cockpit replay`: what an engine says, as text or JSON."""

import asyncio
from pathlib import Path
from typing import Any, Final

import msgspec

from cockpit.format import clock_text, date_text
from cockpit.health import Kind, is_current, problems
from cockpit.link import join
from engine.folder import DataFolder
from engine.model.numbers import NS_PER_MS
from engine.model.view import FeedView, HealthView
from engine.port import Reply, Welcome

_Document = dict[str, Any]

EXIT_CODES: Final[dict[Kind, int]] = {"other": 1, "journal": 5, "stopped": 7}
"""Of `status --health`; the highest counts."""


def status_document(folder: DataFolder) -> _Document:
    """Ask the engine of a folder.

    Raises:
        PortClosed: None runs.
    """
    welcome, reply = asyncio.run(_ask(folder))
    assert reply.status is not None, "an answer to Ask carries the status"
    return {**_of_run(welcome), **msgspec.to_builtins(reply.status)}


def health_document(folder: DataFolder) -> _Document:
    """Ask the engine of a folder whether it is well.

    Raises:
        PortClosed: None runs.
    """
    welcome, reply = asyncio.run(_ask(folder))
    assert reply.health is not None, "an answer to Ask carries the health"
    return {**_of_run(welcome), **judged(reply.health)}


def judged(view: HealthView) -> _Document:
    """Return the health with its verdict, the problems in words, and the exit code."""
    found = problems(view)
    codes = [EXIT_CODES[one.kind] for one in found]
    return {
        "healthy": not found,
        "exit_code": max(codes, default=0),
        "problems": [one.sentence for one in found],
        **msgspec.to_builtins(view),
    }


def _of_run(welcome: Welcome) -> _Document:
    return {
        "running": True,
        "pid": welcome.pid,
        "version": welcome.version,
        "run_id": welcome.run_id,
    }


async def _ask(folder: DataFolder) -> tuple[Welcome, Reply]:
    port = await join(folder.socket, "command")
    try:
        return port.welcome, await port.status()
    finally:
        await port.close()


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
    if document["trade_gaps"]:
        lines.append(f"trades stayed missing {document['trade_gaps']} times")
    if document["trades_repeated"]:
        lines.append(f"{document['trades_repeated']} trades came again and were dropped")
    if document["clock_offset_ns"] is not None:
        lines.append(f"the venue's clock is {document['clock_offset_ns'] // NS_PER_MS} ms ahead")
    if document["recording"]:
        lines.append(document["recording"])
    for feed in document["feeds"]:
        age = "no data yet" if feed["age_ns"] is None else f"{feed['age_ns'] // NS_PER_MS} ms old"
        reason = f", {feed['reason']}" if feed["reason"] else ""
        lines.append(f"feed {feed['name']}: {feed['state']}, {age}{reason}")
    return "\n".join(lines)


def health_text(document: _Document, *, as_json: bool, folder: Path) -> str:
    """Return the health as one JSON document, or as lines for people, problems first."""
    if as_json:
        return msgspec.json.encode(document).decode()
    if not document["running"]:
        return f"no engine runs on {folder}"
    view = msgspec.convert(document, HealthView)
    good = sum(is_current(book) for book in view.books)
    latch = "off"
    if view.is_latched:
        latch = "engaged" if view.is_latch_persisted else "engaged, not on disk"
    recorder = view.recording or ("ok" if view.is_recording else "off")
    lines = ["healthy" if document["healthy"] else "not healthy:"]
    lines += [f"  {sentence}" for sentence in document["problems"]]
    lines += [_feed_line(feed) for feed in view.feeds]
    lines += [
        f"books: {good} of {len(view.books)} live and fresh",
        f"trading {view.trading_state}, kill latch {latch}",
        f"journal {'ok' if view.is_journal_ok else 'NOT WRITTEN'}, recorder {recorder}",
        f"inbox: {view.inbox_depth} waiting; {_stall_text(view)}",
        f"screens: {len(view.screens)}, orders are given by {view.holder or 'nobody'}",
    ]
    if view.part_failures:
        lines.append(f"parts of the engine failed {view.part_failures} times, see the log")
    if view.repairs:
        lines.append(f"{view.repairs} times the venue's answers repaired what nobody had told of")
    if view.contradictions:
        lines.append(f"{view.contradictions} reports contradicted what was known, see the log")
    if view.clock_offset_ns is not None:
        lines.append(f"the venue's clock is {view.clock_offset_ns // NS_PER_MS} ms ahead")
    return "\n".join(lines)


def _feed_line(feed: FeedView) -> str:
    age = "no data yet" if feed.age_ns is None else f"{feed.age_ns // NS_PER_MS} ms old"
    lag = "unknown" if feed.lag_ns is None else f"{feed.lag_ns // NS_PER_MS} ms"
    return f"feed {feed.name}: {feed.state}, {age}, {feed.reconnects} reconnects, lag {lag}"


def _stall_text(view: HealthView) -> str:
    if not view.loop_stalls:
        return "the engine never stood still"
    last = f"{view.loop_stall_ns // NS_PER_MS} ms at {clock_text(view.loop_stall_at_ns)} UTC"
    return f"the engine stood still {view.loop_stalls} times, last {last}"


def run_text(document: _Document, *, as_json: bool) -> str:
    """Return what came of running a run again as one JSON document, or as lines for people."""
    if as_json:
        return msgspec.json.encode(document).decode()
    reached = f"event {document['seq']}"
    if document["seq"]:
        reached += f" ({date_text(document['ts_ns'])} {clock_text(document['ts_ns'])} UTC)"
    lines = [
        f"run {document['run']} on {document['venue'] or 'no venue'}: {document['state']}",
        f"{document['digests']} digests and {document['facts']} journal records equal; "
        f"came to {reached}",
    ]
    if document["sentence"]:
        lines.append(f"from there on it cannot be repeated: {document['sentence']}")
    lines.append(f"digest {document['digest']}")
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
