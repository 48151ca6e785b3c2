"""I15: what a run decided follows from what came in, and from nothing else.

Events are kept as they were handled, in the form in which a recording has them; another kernel
that begins with the same ledger must come to the same facts, orders, candles and signals.
"""

from typing import Final

import msgspec

from engine.execution.ledger import Ledger
from engine.kernel.desk import DeskSetup
from engine.kernel.kernel import Kernel
from engine.kernel.state import KernelState
from engine.model.effects import Effect, PlaceOrder
from engine.model.envelope import Envelope, Event
from storage.recording_format import Made
from tests.sim.checkers import demand

_encoder: Final = msgspec.msgpack.Encoder()
_decode: Final = msgspec.msgpack.Decoder(Made).decode


def encoded(event: Event) -> bytes:
    """Return an event as a recording keeps it."""
    return _encoder.encode(Made(0, event))


def _plain(effect: Effect) -> object:
    """Return what two equal effects have in common."""
    if not isinstance(effect, PlaceOrder):
        return effect
    approved = effect.approved
    return approved.client_order_id, approved.intent, effect.is_flatten, effect.is_unjournalled


class Repeat:
    """Keeps what one engine is told, and runs it again.

    Args:
        setup: What it trades as.
        ledger: As it begins, in bytes.
    """

    def __init__(self, setup: DeskSetup, ledger: bytes) -> None:
        self._setup = setup
        self._ledger = ledger
        self._taken: list[tuple[int, str, Event | bytes]] = []
        self._effects: list[Effect] = []

    def take(self, sender: str, event: Event | bytes, at_ns: int) -> None:
        """Keep an event, as `encoded` or, of the market, as it is: a frame makes the same anew."""
        self._taken.append((at_ns, sender, event))

    def gave(self, effect: Effect) -> None:
        """Keep what followed."""
        self._effects.append(effect)

    def compare(self, kernel: Kernel) -> None:
        """Run it all again and demand that it comes to the same."""
        state = KernelState(self._setup)
        state.desk.ledger = Ledger.from_bytes(self._ledger)
        again = Kernel(state)
        effects = iter(self._effects)
        for seq, (at_ns, sender, kept) in enumerate(self._taken, 1):
            event = _decode(kept).event if isinstance(kept, bytes) else kept
            for effect in again.step(Envelope(seq, at_ns, sender, event)):
                first = next(effects, None)
                same = first is not None and _plain(effect) == _plain(first)
                demand(same, "I15", f"event {seq} led to {first}, and again to {effect}")
        demand(next(effects, None) is None, "I15", "a run again decides less")
        same = again.step_digest() == kernel.step_digest()
        demand(same, "I15", f"{len(self._taken)} events again lead to another state")
