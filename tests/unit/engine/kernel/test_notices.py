"""Lines for people."""

from engine.kernel.notices import say
from engine.kernel.state import NOTICES_MAX, KernelState
from engine.model.effects import Effect, Notify
from engine.model.signals import Notice


def test_a_line_goes_into_the_log_and_out_to_the_shells():
    state, effects = KernelState(), list[Effect]()
    state.ts_ns = 7

    say(state, effects, "warning", "feed", "gone")

    notice = Notice(7, "warning", "feed", "gone", count=1)
    assert list(state.notices) == [notice]
    assert effects == [Notify(notice)]
    assert state.notices_version == 1


def test_the_same_line_again_counts_up_and_takes_the_newer_time():
    state, effects = KernelState(), list[Effect]()
    say(state, effects, "warning", "feed", "gone")
    state.ts_ns = 9

    say(state, effects, "warning", "feed", "gone")

    assert list(state.notices) == [Notice(9, "warning", "feed", "gone", count=2)]
    assert state.notices_version == 2


def test_another_line_or_another_source_is_a_line_of_its_own():
    state, effects = KernelState(), list[Effect]()

    for source, text in [("a", "gone"), ("b", "gone"), ("b", "back"), ("a", "gone")]:
        say(state, effects, "info", source, text)

    assert [notice.count for notice in state.notices] == [1, 1, 1, 1]


def test_the_log_is_bounded():
    state, effects = KernelState(), list[Effect]()

    for number in range(NOTICES_MAX + 1):
        say(state, effects, "info", "a", str(number))

    assert len(state.notices) == NOTICES_MAX
    assert state.notices[0].text == "1"
