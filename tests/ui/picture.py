"""Writes a picture of a made-up market: `python -m tests.ui.picture OUT.svg [WxH]`."""

import asyncio
import sys
from pathlib import Path

from tests.ui.stage import M, stage

STEPS = 40


async def take(size: tuple[int, int]) -> str:
    """Return the screen after the market has moved a while, as SVG."""
    async with stage(size) as at:
        for _ in range(STEPS):
            at.market.step()
        await at.feed()
        await at.feed()
        return at.app.picture()


def main() -> None:
    """Write the picture."""
    size = M
    if len(sys.argv) > 2:
        width, height = sys.argv[2].split("x")
        size = (int(width), int(height))
    Path(sys.argv[1]).write_text(asyncio.run(take(size)), encoding="utf-8")


if __name__ == "__main__":
    main()
