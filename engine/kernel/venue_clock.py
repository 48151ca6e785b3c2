"""How the venue's clock goes beside ours: what it tells bears its own times."""

from engine.kernel.state import KernelState


def ahead_ns(state: KernelState) -> int:
    """Return how far the clock of the venue that is traded at is ahead; 0 where nobody knows."""
    clock = state.clocks.get(state.desk.setup.venue)
    return 0 if clock is None else clock.offset_ns
