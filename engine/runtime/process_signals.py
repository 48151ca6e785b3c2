"""What signals to its process mean to an engine."""

import asyncio
import signal
from typing import Final

from loguru import logger

from engine.runtime.host import EngineHost

KILL_SIGNAL: Final = "kill from a shell"
"""What SIGUSR1 means to people; a screen that gets no answer sends it, too, after its own word."""


def stop_on_signals(host: EngineHost) -> None:
    """Let TERM and INT begin an orderly stop, and let a second one hurry it."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, host.stop, f"signal {number.name}")


def obey_signals(host: EngineHost) -> None:
    """Let USR1 kill, besides; a terminal that hangs up changes nothing.

    One in which only the engine runs is no screen of it (D1), and a screen hears of its own.
    """
    stop_on_signals(host)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, host.kill, KILL_SIGNAL)
    loop.add_signal_handler(signal.SIGHUP, logger.warning, "terminal_lost, the engine goes on")
