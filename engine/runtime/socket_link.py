"""Opening and closing of a venue's websocket, each within a time."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final

from engine.model.errors import VenueUnreachable
from engine.runtime.transport import SocketLink, Transport

CONNECT_S: Final = 10
"""Connection, TLS, upgrade and the messages on open, together (R6)."""
HANG_UP_S: Final = 2


async def open_link(transport: Transport, url: str, on_open: Sequence[str]) -> SocketLink:
    """Return a websocket on which the first messages are sent.

    Raises:
        VenueUnreachable: It could not be opened; nothing of it is left.
    """
    try:
        async with AsyncExitStack() as stack, asyncio.timeout(CONNECT_S):
            link = await transport.connect(url)
            stack.push_async_callback(hang_up, link)
            for text in on_open:
                await link.send(text)
            stack.pop_all()
    except TimeoutError:
        raise VenueUnreachable(f"not open within {CONNECT_S} s") from None
    return link


async def hang_up(link: SocketLink) -> None:
    """Close a link that may be dead; how that goes makes no difference any more."""
    with suppress(TimeoutError, VenueUnreachable):
        async with asyncio.timeout(HANG_UP_S):
            await link.close()
