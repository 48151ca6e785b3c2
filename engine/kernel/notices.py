"""Lines for people: one way to say something, with repeats folded."""

import msgspec

from engine.kernel.state import KernelState
from engine.model.effects import Effect, Notify
from engine.model.signals import Notice, NoticeLevel


def say(
    state: KernelState, effects: list[Effect], level: NoticeLevel, source: str, text: str
) -> None:
    """Put a line into the log pane and hand it to the shells; the same line again counts up."""
    notice = Notice(state.ts_ns, level, source, text)
    last = state.notices[-1] if state.notices else None
    if last is not None and (last.source, last.text) == (source, text):
        notice = msgspec.structs.replace(notice, count=last.count + 1)
        state.notices[-1] = notice
    else:
        state.notices.append(notice)
    state.notices_version += 1
    effects.append(Notify(notice))
