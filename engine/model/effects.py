"""What the kernel asks the shells to do: the only outputs of a step."""

import msgspec

from engine.model.instrument import InstrumentId
from engine.model.signals import Notice, WhaleSignal


class RequestSnapshot(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Fetch the whole book of an instrument."""

    instrument_id: InstrumentId


class SetTimer(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Send `TimerFired` with this key at `due_ns`; replaces a timer of the same key."""

    key: str
    due_ns: int


class Notify(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Tell people."""

    notice: Notice


class Publish(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Hand a signal to whoever listens outside the kernel."""

    signal: WhaleSignal


Effect = RequestSnapshot | SetTimer | Notify | Publish
