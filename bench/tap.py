"""The wire of the live cases: what leaves for a venue's REST, timed where its first byte arrives.

A tap stands in front of the venue on loopback and passes everything on. Nothing of the engine is
changed for it.
"""

import re
import socket
import threading
import time
from contextlib import suppress
from typing import Final

from bench.side import LOCAL
from bench.told import Heard

READ_BYTES: Final = 1 << 16
KINDS: Final = {
    b"POST /fapi/v1/order": ("place", re.compile(rb"newClientOrderId=(\w+)")),
    b"DELETE /fapi/v1/order": ("cancel", re.compile(rb"origClientOrderId=(\w+)")),
    b"DELETE /fapi/v1/allOpenOrders": ("cancel", re.compile(rb"symbol=(\w+)")),
}
"""By how a request begins: what it is called, and where it says what it is about."""


class Tap(Heard):
    """The way to a venue at a port of this machine; its address goes where the venue's was."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._server = socket.create_server((LOCAL, 0))
        self.url = f"http://{LOCAL}:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take nobody in any more."""
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, suppress(OSError), socket.create_connection((LOCAL, self._port)) as far:
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_copy, args=(far, near), daemon=True).start()
            kind, began_ns, request = None, 0, b""
            while data := near.recv(READ_BYTES):
                begun = next((KINDS[one] for one in KINDS if data.startswith(one)), None)
                if begun is not None:
                    kind, began_ns, request = begun, time.monotonic_ns(), b""
                request += data  # Head and body of an order leave one after the other.
                if kind is not None and (name := kind[1].search(request)):
                    self.note(began_ns, kind[0], name[1].decode())
                    kind = None
                far.sendall(data)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(READ_BYTES):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)
