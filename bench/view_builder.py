"""What a screen costs the engine: views of its panes, built and encoded when they changed."""

from collections import deque
from collections.abc import Iterator, Sequence

from engine.kernel.state import KernelState
from engine.kernel.views import RunFacts, Wish, build, mark_of
from engine.model.view import PaneName
from engine.port import ViewFrame, encode_frame


class ViewBuilder:
    """One screen, as the engine's side of the port has it.

    Args:
        panes: What is shown.
        wish: What is looked at.
        epoch: Of the engine's greeting; a screen leaves views of an older one.
    """

    def __init__(self, panes: Sequence[PaneName], wish: Wish, epoch: int = 1) -> None:
        self.built = 0
        self._panes = panes
        self._wish = wish
        self._epoch = epoch
        self._marks: dict[PaneName, object] = {}

    def frames(self, state: KernelState, now_ns: int, facts: RunFacts) -> Iterator[bytes]:
        """Iterate over the encoded views of the panes that changed since the last time."""
        for pane in self._panes:
            mark = mark_of(pane, state, self._wish, now_ns)
            if pane in self._marks and mark == self._marks[pane]:
                continue
            view = build(pane, state, self._wish, now_ns, facts)
            if view is not None:
                self._marks[pane] = mark
                self.built += 1
                yield encode_frame(ViewFrame(pane, self._epoch, state.seq, now_ns, view))

    def build(self, state: KernelState, now_ns: int, facts: RunFacts) -> None:
        """Build and encode what changed, for nobody."""
        deque(self.frames(state, now_ns, facts), maxlen=0)
