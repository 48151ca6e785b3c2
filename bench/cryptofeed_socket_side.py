"""The peer's side of P3: cryptofeed's own connection, handler and event loop on the same socket.

`python -m bench.cryptofeed_socket_side PORT LAST_ID FILE`; the file holds the snapshot. Runs in
`.venv-peers`. Its connection takes encrypted addresses alone, so it is told the real one after it
is made; everything else is as its feed handler has it.
"""

import asyncio
import sys
from decimal import Decimal
from importlib.metadata import version
from time import process_time_ns

import uvloop  # type: ignore[import-not-found]  # a peer's
from cryptofeed.connection import WSAsyncConn  # type: ignore[import-not-found]  # a peer
from cryptofeed.connection_handler import (  # type: ignore[import-not-found]  # a peer
    ConnectionHandler,
)

from bench.cryptofeed_side import INSTRUMENT, Side
from bench.plain_book import outcome
from bench.side import LOCAL, read_frames, report, settle

LOOK_S = 0.01
STREAM = "stream?streams=btcusdt@depth@100ms"


async def measure(port: int, last_id: int, snapshot: bytes) -> None:
    """Measure once and print the line."""
    side = Side((snapshot, [], []))
    feed = side.feed
    options = feed.websocket_endpoints[0].options
    connection = WSAsyncConn("wss://encrypted", "bench", **options)
    connection.address = f"ws://{LOCAL}:{port}/{STREAM}"
    handler = ConnectionHandler(
        connection, feed.subscribe, feed.message_handler, feed.authenticate, retries=0
    )
    settle()
    before_ns = process_time_ns()
    handler.start(asyncio.get_running_loop())
    while feed.last_update_id.get(INSTRUMENT) != last_id:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(LOOK_S)
    cpu_ns = process_time_ns() - before_ns
    book = feed._l2_book[INSTRUMENT].book  # noqa: SLF001 - the peer keeps it there
    handler.running = False
    await connection.close()
    report(
        cpu_s=cpu_ns / 1e9,
        outcome=outcome(book.bids.to_dict(), book.asks.to_dict(), last_id, [], Decimal(0)),
        versions={
            name: version(name) for name in ("cryptofeed", "yapic.json", "order-book", "uvloop")
        },
    )


if __name__ == "__main__":
    frames = read_frames(sys.argv[3])
    uvloop.install()
    asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2]), frames[0]))
