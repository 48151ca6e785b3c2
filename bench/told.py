"""The wire of the latency cases: what leaves the engine for the venue, seen on a loopback socket.

The paper venue lives in the engine's process. So that an order's first byte can be caught outside,
the engine of a bench also writes a word to a socket wherever it hands something to the venue.
"""

import socket
import threading
import time
from typing import Final, NamedTuple

from bench.side import LOCAL
from engine.kernel.state import KernelState
from engine.model.commands import OperatorCommand
from engine.model.effects import CommandResult
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import ApprovedOrder
from engine.runtime.clock import Clock
from engine.runtime.guard import MayLeave
from engine.runtime.host import EngineHost, RunPlan
from engine.runtime.paper_gateway import PaperGateway

KEPT_LOOK_S: Final = 0.0005
LEFT_S: Final = 5
READ_BYTES: Final = 1 << 16


class Teller:
    """Writes words to a listener at once."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((LOCAL, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def tell(self, *words: str) -> None:
        """Write one line."""
        self._socket.sendall(f"{' '.join(words)}\n".encode())

    def close(self) -> None:
        """Say no more."""
        self._socket.close()


class ToldGateway(PaperGateway):
    """The paper gateway; every message to the venue is told first."""

    def __init__(self, host: EngineHost, clock: Clock, teller: Teller) -> None:
        super().__init__(host.state, clock, host.report_all, seed=0)
        self._teller = teller

    def place(self, approved: ApprovedOrder, may_leave: MayLeave) -> None:
        """Send an order."""
        self._teller.tell("place", approved.client_order_id)
        super().place(approved, may_leave)

    def cancel(self, client_order_id: str) -> None:
        """Send a cancel."""
        self._teller.tell("cancel", client_order_id)
        super().cancel(client_order_id)

    def replace(
        self, client_order_id: str, limit: PriceTicks, qty: QtyLots, may_leave: MayLeave
    ) -> None:
        """Send an amend."""
        self._teller.tell("replace", client_order_id)
        super().replace(client_order_id, limit, qty, may_leave)


class ToldHost(EngineHost):
    """The engine's host; tells when a kill has latched, and when the latch is on the disk."""

    def __init__(self, plan: RunPlan, clock: Clock, state: KernelState, teller: Teller) -> None:
        super().__init__(plan, clock, state)
        self._clock_of_host = clock
        self._teller = teller

    def command(self, operator: str, command: OperatorCommand) -> bool:
        """Take an operator's line in."""
        was_latched = self.facts().is_latched
        is_taken = super().command(operator, command)
        if self.facts().is_latched and not was_latched:
            self._teller.tell("latched")
            self.start_task(self._tell_kept(), "tell kept")
        return is_taken

    def answer(self, result: CommandResult) -> None:
        """Tell an operator what became of a command."""
        super().answer(result)
        self._teller.tell("answered")

    async def _tell_kept(self) -> None:
        while not self.facts().is_latch_persisted:
            await self._clock_of_host.sleep(KEPT_LOOK_S)
        self._teller.tell("kept")


class Told(NamedTuple):
    """One line and when it was here."""

    ts_ns: int
    words: tuple[str, ...]


class Heard:
    """What was told, with the moment of its arrival."""

    def __init__(self) -> None:
        self._told: list[Told] = []
        self._changed = threading.Condition()

    def note(self, ts_ns: int, *words: str) -> None:
        """Take in one line."""
        with self._changed:
            self._told.append(Told(ts_ns, words))
            self._changed.notify_all()

    def first(self, word: str, since_ns: int, within_s: float) -> int | None:
        """Wait for the first line of this kind after a moment; returns when it came."""
        return self.times(word, since_ns, 1, within_s)[0]

    def times(self, word: str, since_ns: int, count: int, within_s: float) -> list[int | None]:
        """Wait for so many lines of this kind; returns when each came, None for those missing."""
        deadline = time.monotonic() + within_s
        with self._changed:
            while True:
                found = [
                    one.ts_ns
                    for one in self._told
                    if one.ts_ns >= since_ns and one.words[0] == word
                ]
                left = deadline - time.monotonic()
                if len(found) >= count or left <= 0:
                    return [*found, *[None] * (count - len(found))][:count]
                self._changed.wait(left)

    def names(self, word: str, since_ns: int) -> list[str]:
        """Return what the lines of this kind since a moment were about."""
        with self._changed:
            told = [one for one in self._told if one.ts_ns >= since_ns and one.words[0] == word]
        return [one.words[1] for one in told]

    def forget(self) -> None:
        """Drop what was told so far."""
        with self._changed:
            self._told.clear()


class Listener(Heard):
    """Takes in what one engine tells."""

    def __init__(self) -> None:
        super().__init__()
        self._server = socket.create_server((LOCAL, 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait until the one that tells has left, and stop listening."""
        self._thread.join(LEFT_S)
        self._server.close()

    def _listen(self) -> None:
        connection, _ = self._server.accept()
        rest = b""
        with connection:
            while data := connection.recv(READ_BYTES):
                now_ns = time.monotonic_ns()
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self.note(now_ns, *line.decode().split())
