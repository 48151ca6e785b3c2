"""A venue on loopback that answers whoever subscribes to a book with all its frames at once.

`python -m bench.burst_venue FRAMES`, a file of `bench.stream`. Prints its port, then serves until
it is told to end. The frames are put into the protocol's form before anybody connects and leave as
fast as the socket takes them: the client never waits for the venue.
"""

import json
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from bench.side import LOCAL, ours, read_frames

READ_BYTES: Final = 1 << 16
PIECE: Final = 500
"""Frames sent between two looks at what the client says: a pong must not come within a frame."""
BOOK: Final = "@depth"
"""In the name of a stream that is asked for, by a message or in the address."""


@contextmanager
def a_burst_venue(frames: str) -> Iterator[int]:
    """Run the venue in a process of its own; gives its port."""
    command = ours("bench.burst_venue", frames)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def serve(client: socket.socket, burst: Sequence[bytes]) -> None:
    """Speak with one client until it leaves; pings are answered amid the burst."""
    protocol = ServerProtocol()
    left: Iterator[bytes] = iter(())
    # A client that has seen the last frame need not say goodbye.
    with client, suppress(ConnectionError):
        while True:
            piece = next(left, b"")
            client.sendall(piece)
            if piece and not _has_said_something(client):
                continue
            data = client.recv(READ_BYTES)
            protocol.receive_data(data)
            asked = "".join(_answered(protocol))
            client.sendall(b"".join(protocol.data_to_send()))
            if not data or protocol.close_expected():
                return
            if BOOK in asked:
                left = iter(burst)


def _has_said_something(client: socket.socket) -> bool:
    readable, _, _ = select.select([client], [], [], 0)
    return bool(readable)


def _answered(protocol: ServerProtocol) -> Iterator[str]:
    """Answer what came; iterates over what was asked for."""
    for event in protocol.events_received():
        if isinstance(event, Request):
            protocol.send_response(protocol.accept(event))
            yield event.path
        elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
            text = bytes(event.data).decode()
            answer = {"result": None, "id": json.loads(text)["id"]}
            protocol.send_text(json.dumps(answer).encode())
            yield text


def main() -> None:
    """Serve."""
    _, frames, _ = read_frames(sys.argv[1])
    ready = [Frame(Opcode.TEXT, frame).serialize(mask=False) for frame in frames]
    burst = [b"".join(ready[at : at + PIECE]) for at in range(0, len(ready), PIECE)]
    with socket.create_server((LOCAL, 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            client, _ = server.accept()
            threading.Thread(target=serve, args=(client, burst), daemon=True).start()


if __name__ == "__main__":
    main()
