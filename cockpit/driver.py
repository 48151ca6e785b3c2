"""The terminal driver: output that never waits, and an end when the terminal ends.

Textual's own writer hands over through a queue of 30 items whose `put` blocks: a terminal that
stops reading freezes the event loop, and with it the keyboard. Here the loop only ever leaves text
for a thread. What does not fit is dropped whole, and once the terminal reads again the screen is
asked to repaint everything, so that it shows the newest state and not a backlog.
"""

import asyncio
import codecs
import contextlib
import errno
import os
import selectors
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from cockpit.messages import LeaveAsked, TerminalCaughtUp, TerminalLost

WAITING_BYTES_MAX: Final = 64 * 1024
"""What may wait for a terminal; a frame larger than that passes only when nothing waits."""

CHUNK_BYTES: Final = 4_096
"""Written at a time: what a pseudo-terminal takes in one go."""

STOP_S: Final = 0.5
"""How long leaving waits for a terminal that does not read."""

READ_BYTES: Final = 4_096
POLL_S: Final = 0.1


class LatestWriter:
    """Writes to a file descriptor in a thread of its own; the caller never waits.

    Args:
        fileno: Where to write; stays open and is not closed here.
        caught_up: Called in the thread when all is written after something was dropped.
        lost: Called in the thread, once, when the other side is gone.
    """

    def __init__(
        self, fileno: int, caught_up: Callable[[], None], lost: Callable[[], None]
    ) -> None:
        self._fileno = fileno
        self._caught_up = caught_up
        self._lost = lost
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_writing = False
        self._has_dropped = False
        self._is_stopping = False
        self._is_lost = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="cockpit-output", daemon=True)

    @property
    def is_behind(self) -> bool:
        """Whether anything has not reached the terminal yet."""
        return self._is_writing or bool(self._waiting)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def write(self, text: str) -> None:
        """Leave text to be written; it is dropped whole when too much waits."""
        data = text.encode("utf-8", "replace")
        with self._changed:
            if self._is_lost:
                return
            if self._waiting_bytes and self._waiting_bytes + len(data) > WAITING_BYTES_MAX:
                self._has_dropped = True
                return
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            self._changed.notify()

    def forget(self) -> None:
        """Drop what waits; what is being written is finished, so that no sequence is torn."""
        with self._changed:
            self._waiting.clear()
            self._waiting_bytes = 0
            self._has_dropped = False

    def stop(self) -> None:
        """Write what waits and end; gives up on a terminal that does not read."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        while (data := self._take()) is not None:
            try:
                self._write_all(data)
            except OSError:
                self._give_up()
                return
            self._note_written(len(data))

    def _take(self) -> bytes | None:
        """Wait for the next piece; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_stopping)
            if not self._waiting:
                return None
            self._is_writing = True
            return self._waiting.popleft()

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                written = os.write(self._fileno, rest[:CHUNK_BYTES])
            except BlockingIOError:
                self._wait_until_writable()
                continue
            rest = rest[written:]

    def _wait_until_writable(self) -> None:
        """Wait where another program has made the shared terminal non-blocking."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._fileno, selectors.EVENT_WRITE)
            selector.select(POLL_S)

    def _note_written(self, size: int) -> None:
        with self._changed:
            self._is_writing = False
            self._waiting_bytes = max(0, self._waiting_bytes - size) if self._waiting else 0
            is_caught_up = self._has_dropped and not self._waiting
            if is_caught_up:
                self._has_dropped = False
        if is_caught_up:
            self._caught_up()

    def _give_up(self) -> None:
        with self._changed:
            self._is_lost = True
            self._is_writing = False
            self._waiting.clear()
            self._waiting_bytes = 0
        self._lost()


def terminal_fileno() -> int:
    """Return where the picture goes: whichever of the standard streams is a terminal.

    Textual always takes standard error, which people redirect to keep a log.
    """
    streams = (sys.__stdout__, sys.__stderr__, sys.__stdin__)
    filenos = [stream.fileno() for stream in streams if stream is not None]
    return next((fileno for fileno in filenos if os.isatty(fileno)), filenos[-1])


class CockpitDriver(LinuxDriver):
    """Textual's driver with the writer above, and an orderly end with the terminal's."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._writer: LatestWriter | None = None

    @property
    def is_behind(self) -> bool:
        """Whether the terminal has not taken everything yet: then no frame should be drawn."""
        return self._writer is not None and self._writer.is_behind

    def write(self, data: str) -> None:
        """Leave data for the terminal; never waits."""
        if self._writer is not None:
            self._writer.write(data)

    def start_application_mode(self) -> None:
        """Take the terminal."""
        self._writer = LatestWriter(
            terminal_fileno(),
            caught_up=lambda: self._tell(TerminalCaughtUp()),
            lost=lambda: self._tell(TerminalLost()),
        )
        self._writer.start()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._tell, TerminalLost())
        loop.add_signal_handler(signal.SIGTERM, self._tell, LeaveAsked())
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual's has no types.

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was; a backlog of frames does not stand in the way."""
        if self._writer is not None:
            self._writer.forget()
        super().stop_application_mode()

    def close(self) -> None:
        """End the threads; waits half a second at most."""
        for number in (signal.SIGHUP, signal.SIGTERM):
            self._loop.remove_signal_handler(number)
        if self._writer is not None:
            self._writer.stop()
        super().close()

    def run_input_thread(self) -> None:
        """Read keys until told to stop, or until there is nobody to press them."""
        parser = XTermParser(self._debug)
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(POLL_S):
                    data = self._read()
                    if data is None:
                        self._tell(TerminalLost())
                        return
                    for event in parser.feed(decode(data)):
                        self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)

    def _read(self) -> bytes | None:
        """Return what was typed, perhaps nothing; None when the terminal is gone."""
        try:
            return os.read(self.fileno, READ_BYTES) or None
        except OSError as error:
            return b"" if error.errno in (errno.EAGAIN, errno.EINTR) else None

    def _tell(self, message: Message) -> None:
        with contextlib.suppress(RuntimeError):  # The loop has ended: nobody is left to be told.
            self.send_message(message)
