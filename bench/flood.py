"""A venue's websockets, passed on with the frames of a crowd between their own.

`python -m bench.flood PORT` stands in front of the venue at that port of this machine. Prints its
own port; a line `RATE COUNT` on standard input lets it add so many frames a second to each
connection of books, so many altogether at most, and anything else ends it. Bytes of the venue pass
untouched and in order: frames are only added between two of them, once it has answered the client.
A client that does not read slows it down and loses nothing.
"""

import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Final

from bench.busy_market import Crowd
from bench.side import LOCAL, ours
from engine.model.numbers import NS_PER_MS, NS_PER_S

TICK_S: Final = 0.002
"""Between two looks at what is due."""
BEHIND_NS: Final = 100 * NS_PER_MS
"""What a client was too slow for is not made up for beyond so much."""
READ_BYTES: Final = 1 << 16
BOOKS: Final = b"GET /public/"
"""How a connection begins to which frames are added."""
HEAD_END: Final = b"\r\n\r\n"
TEXT: Final = 0x81
"""First byte of a text frame that is whole."""


class Flood:
    """The way to the process; its address goes where the venue's was."""

    def __init__(self, port: int, orders: IO[str]) -> None:
        self.url = f"ws://{LOCAL}:{port}"
        self._orders = orders

    def pour(self, per_s: int, count: int) -> None:
        """Add so many frames a second from now on, until there were so many."""
        self._orders.write(f"{per_s} {count}\n")
        self._orders.flush()


@contextmanager
def a_flood(port: int) -> Iterator[Flood]:
    """Run one in a process of its own, in front of the venue at this port."""
    command = ours("bench.flood", str(port))
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Flood(int(process.stdout.readline()), process.stdin)
        finally:
            process.terminate()


class Pace:
    """How much is due; shared by all connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._per_s = self._left = 0
        self._since_ns = 0

    def order(self, per_s: int, count: int, now_ns: int) -> None:
        """Begin anew."""
        with self._lock:
            self._per_s, self._left, self._since_ns = per_s, count, now_ns

    def take(self, now_ns: int) -> int:
        """Return how many frames are due, which are then no longer."""
        with self._lock:
            if not self._left:
                return 0
            self._since_ns = max(self._since_ns, now_ns - BEHIND_NS)
            count = min((now_ns - self._since_ns) * self._per_s // NS_PER_S, self._left)
            if count:
                self._since_ns += count * NS_PER_S // self._per_s
                self._left -= count
            return count


class Whole:
    """Cuts what a venue sends behind the last frame that is whole."""

    def __init__(self) -> None:
        self.has_spoken = False
        """Whether a frame has come."""
        self._is_head_over = False
        self._rest = b""

    def cut(self, data: bytes) -> bytes:
        """Return what may be passed on now; the beginning of a frame waits for its end."""
        data, end = self._rest + data, 0
        if not self._is_head_over:
            end = data.find(HEAD_END) + len(HEAD_END)
            self._is_head_over = end >= len(HEAD_END)
            end = end if self._is_head_over else 0
        while self._is_head_over and (size := _frame_size(data, end)) <= len(data) - end:
            self.has_spoken = True
            end += size
        self._rest = data[end:]
        return data[:end]


def _frame_size(data: bytes, at: int) -> int:
    """Return the size of the frame that begins here, as a server sends it: without a mask."""
    head = data[at : at + 10]
    if len(head) < 2:
        return len(data) + 1
    short = head[1]
    if short < 126:
        return 2 + short
    width = 2 if short == 126 else 8
    if len(head) < 2 + width:
        return len(data) + 1
    return 2 + width + int.from_bytes(head[2 : 2 + width], "big")


def framed(payload: bytes) -> bytes:
    """Return a text frame of a server, of less than 64 KiB."""
    size = len(payload)
    if size < 126:
        return bytes((TEXT, size)) + payload
    return bytes((TEXT, 126)) + size.to_bytes(2, "big") + payload


def _up(near: socket.socket, far: socket.socket, begun: bytes) -> None:
    """Pass on what the client says."""
    with suppress(OSError):
        while begun:
            far.sendall(begun)
            begun = near.recv(READ_BYTES)
    _end(near, far)


def _down(near: socket.socket, far: socket.socket, pace: Pace | None) -> None:
    """Pass on what the venue says, and what is due between its frames."""
    whole, crowd = Whole(), Crowd()
    with suppress(OSError):
        while True:
            readable, _, _ = select.select([far], [], [], None if pace is None else TICK_S)
            if readable:
                data = far.recv(READ_BYTES)
                if not data:
                    break
                near.sendall(data if pace is None else whole.cut(data))
            if pace is not None and whole.has_spoken and (count := pace.take(time.monotonic_ns())):
                ms = time.time_ns() // NS_PER_MS
                near.sendall(b"".join(map(framed, crowd.frames(count, ms))))
    _end(near, far)


def _end(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _serve(near: socket.socket, port: int, pace: Pace) -> None:
    with near, suppress(OSError), socket.create_connection((LOCAL, port)) as far:
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = near.recv(READ_BYTES)
        shared = pace if begun.startswith(BOOKS) else None
        rising = threading.Thread(target=_up, args=(near, far, begun), daemon=True)
        rising.start()
        _down(near, far, shared)
        rising.join()


def _accept(server: socket.socket, port: int, pace: Pace) -> None:
    while True:
        near, _ = server.accept()
        threading.Thread(target=_serve, args=(near, port, pace), daemon=True).start()


def main() -> None:
    """Serve until told to end."""
    pace = Pace()
    with socket.create_server((LOCAL, 0)) as server:
        print(server.getsockname()[1], flush=True)
        accepting = threading.Thread(
            target=_accept, args=(server, int(sys.argv[1]), pace), daemon=True
        )
        accepting.start()
        for line in sys.stdin:
            per_s, count = map(int, line.split())
            pace.order(per_s, count, time.monotonic_ns())


if __name__ == "__main__":
    main()
