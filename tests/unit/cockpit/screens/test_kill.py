"""The kill key's memory: presses, repeats, answers."""

from cockpit.screens.kill import KillSwitch
from engine.model.commands import CommandOutcome

MS = 1_000_000


def test_a_press_is_told_once_however_long_the_key_is_held():
    switch = KillSwitch()

    told = [switch.press(t * MS, is_latched=False) for t in (0, 30, 60, 90, 399)]

    assert told == [True, False, False, False, False]


def test_a_press_that_did_not_latch_is_told_again():
    switch = KillSwitch()
    switch.press(0, is_latched=False)

    assert switch.press(500 * MS, is_latched=False)


def test_a_press_is_told_even_where_a_kill_is_shown_already():
    switch = KillSwitch()

    assert switch.press(0, is_latched=True)
    assert not switch.press(399 * MS, is_latched=True)
    assert switch.press(1_000 * MS, is_latched=True)


def test_the_banner_stands_until_the_engine_has_answered():
    switch = KillSwitch()
    switch.press(0, is_latched=False)
    switch.note_sent(7)

    assert switch.is_up(60_000 * MS, is_latched=False)
    assert switch.take(7, CommandOutcome("accepted")) == "kill"
    assert not switch.is_up(60_000 * MS, is_latched=False)
    assert switch.is_up(60_000 * MS, is_latched=True)


def test_the_question_opens_after_a_quiet_second_press_only():
    switch = KillSwitch()
    switch.press(0, is_latched=False)
    switch.press(500 * MS, is_latched=True)

    assert not switch.is_asking(899 * MS)
    assert switch.is_asking(900 * MS)
    assert not switch.confirms(1_000 * MS)
    assert switch.confirms(1_150 * MS)
    switch.withdraw()
    assert not switch.confirms(1_200 * MS)


def test_an_answer_to_something_else_is_left_alone():
    switch = KillSwitch()
    switch.note_sent(7)
    switch.note_flatten(8)

    assert switch.take(9, CommandOutcome("accepted")) == ""
    assert switch.take(8, CommandOutcome("refused", ("no",))) == "flatten"
    assert switch.flatten_words == "flatten refused: no"
