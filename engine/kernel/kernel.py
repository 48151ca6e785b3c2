"""The kernel: one event in, effects out, nothing else anywhere changes state.

Live, paper, replay, backtest and simulation call the same `step`. It reads no clock, no random
source, no file and no socket; its own time is the envelope's.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec

from engine.kernel.routing import ROUTES
from engine.kernel.state import KernelState
from engine.model.effects import Effect
from engine.model.envelope import Envelope
from engine.model.errors import InvariantBroken


class Kernel:
    """The single writer of one run."""

    def __init__(self, state: KernelState | None = None) -> None:
        self.state = state or KernelState()
        self._encode: Callable[[object], bytes] = msgspec.msgpack.Encoder().encode

    def step(self, envelope: Envelope) -> Sequence[Effect]:
        """Handle one event to the end and return what the shells shall do.

        Raises:
            InvariantBroken: The sequence has a hole, or time runs backwards.
        """
        state = self.state
        if envelope.seq != state.seq + 1 or envelope.ts_ns < state.ts_ns:
            raise InvariantBroken(
                f"event {envelope.seq} at {envelope.ts_ns} after {state.seq} at {state.ts_ns}"
            )
        state.seq = envelope.seq
        state.ts_ns = envelope.ts_ns
        effects: list[Effect] = []
        event = envelope.event
        for handler in ROUTES[type(event)]:
            handler(state, envelope, event, effects)
        return effects

    def step_digest(self) -> str:
        """Return the hash of the whole state; equal digests mean equal runs."""
        return sha256(self._encode(self.state.digest_parts())).hexdigest()

    def ledger_digest(self) -> str:
        """Return the hash of what the journal alone restores."""
        return self.state.desk.ledger.digest()
