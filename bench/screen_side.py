"""The screen of P11's hour: the real application on a socket, drawing as often as it is told.

`python -m bench.screen_side SOCKET FPS`.
"""

import asyncio
import sys
from pathlib import Path

from cockpit.app import CockpitApp
from cockpit.link import join


async def show(path: Path, fps: int) -> None:
    """Show the screen until its terminal or the engine is gone."""
    port = await join(path)
    try:
        await CockpitApp(port, port.welcome, fps=fps).run_async()
    finally:
        await port.close()


if __name__ == "__main__":
    asyncio.run(show(Path(sys.argv[1]), int(sys.argv[2])))
