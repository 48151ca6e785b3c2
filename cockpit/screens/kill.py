"""The kill key: one press kills, a second one asks, a key held down does neither again.

Pure state with the clock passed in. It never decides whether the engine is killed: that is what
the engine's view says.
"""

from typing import Final

from engine.model.commands import CommandOutcome

KEYS: Final = ("f12", "ctrl+backslash")
"""Taken before any binding, so that no keymap, field or dialog can take them away."""

QUIET_NS: Final = 400_000_000
"""A second press counts after so long without any; a key held down never pauses so long."""
SETTLE_NS: Final = 250_000_000
"""An Enter sooner after the question than this was not meant for it."""
ANSWER_S: Final = 0.3
"""Without an answer for so long the engine is sent a signal as well."""
SHOWN_NS: Final = 5_000_000_000
"""For so long the banner stands after a press, whatever the engine says."""


class KillSwitch:
    """What the kill keys have done so far."""

    def __init__(self) -> None:
        self.sent_ns: int | None = None
        """When the last press was sent."""
        self.answer: CommandOutcome | None = None
        self.is_signalled = False
        self.flatten_words = ""
        """What became of flattening."""
        self._command_id = 0
        self._flatten_id = 0
        self._key_ns = -QUIET_NS
        self._asked_ns: int | None = None

    def press(self, now_ns: int, *, is_latched: bool) -> bool:
        """Take a kill key; returns whether the engine is to be told now.

        It is told also where the screen shows a kill already: what is shown may be old, and the
        engine takes the second kill for what it is.
        """
        is_up = self.is_up(now_ns, is_latched=is_latched)
        is_held = now_ns - self._key_ns < QUIET_NS
        self._key_ns = now_ns
        if is_held:
            if self._asked_ns is not None and not self.is_asking(now_ns):
                self._asked_ns = None
            return False
        if is_up:
            self._asked_ns = now_ns
            self.flatten_words = ""
        self.sent_ns = now_ns
        self.answer = None
        self.is_signalled = False
        return True

    def note_sent(self, command_id: int) -> None:
        """Remember under which number the engine was told."""
        self._command_id = command_id

    def note_flatten(self, command_id: int) -> None:
        """Remember under which number flattening was asked for."""
        self._flatten_id = command_id
        self.flatten_words = "flatten sent"
        self._asked_ns = None

    def take(self, command_id: int, outcome: CommandOutcome) -> str:
        """Take in an answer; returns what it was about, if it was about this."""
        if command_id == self._command_id:
            self._command_id = 0
            self.answer = outcome
            return "kill"
        if command_id == self._flatten_id:
            self._flatten_id = 0
            words = " · ".join(outcome.sentences)
            verdict = outcome.verdict.replace("_", " ")
            self.flatten_words = f"flatten {verdict}" + (f": {words}" if words else "")
            return "flatten"
        return ""

    @property
    def is_answered(self) -> bool:
        """Whether the engine has answered the last press."""
        return self.answer is not None

    def is_up(self, now_ns: int, *, is_latched: bool) -> bool:
        """Whether the banner stands."""
        if is_latched:
            return True
        return self.sent_ns is not None and (
            not self.is_answered or now_ns - self.sent_ns < SHOWN_NS
        )

    def is_asking(self, now_ns: int) -> bool:
        """Whether the question about flattening stands."""
        return self._asked_ns is not None and now_ns - self._asked_ns >= QUIET_NS

    def confirms(self, now_ns: int) -> bool:
        """Whether an Enter now is an answer to the question."""
        asked_ns = self._asked_ns
        return asked_ns is not None and now_ns - asked_ns >= QUIET_NS + SETTLE_NS

    def withdraw(self) -> None:
        """Close the question; the kill stays."""
        self._asked_ns = None
