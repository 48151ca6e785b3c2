"""The conversation about one line: read, previewed, confirmed, sent, answered.

Pure state with the clock passed in. A line is sent only as it was previewed: what Enter confirms
is what the engine said about exactly this text. What became of its orders is for the views to say.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal

from msgspec.structs import replace

from cockpit.grammar import GrammarError, Plan
from engine.model.commands import (
    CancelAll,
    CancelOrders,
    CommandOutcome,
    ConfirmLevel,
    Disarm,
    EngageKill,
    OperatorCommand,
    SubmitOrder,
)
from engine.port import Reply

OPERATOR: Final = "screen"
DRY_NS: Final = 100_000_000
"""At most ten previews a second."""
AGAIN_NS: Final = 1_000_000_000
"""How often a preview is renewed while its line stands: money and prices move."""
REPEAT_NS: Final = 300_000_000
"""Enter again sooner than this is the same Enter."""
TWICE_NS: Final = 3_000_000_000
"""For so long the first Enter of two counts."""
ANSWER_NS: Final = 2_000_000_000
"""A command without an answer for so long may or may not have been taken."""
HISTORY_MAX: Final = 200
TEXT_MAX: Final = 12_000
"""What is kept of a paste, so that the sentence about its length can be said."""

SAFE_ACTIONS: Final = (EngageKill, Disarm, CancelOrders, CancelAll)
"""Need no preview: they take risk away, and the engine asks where it wants more."""

Stage = Literal["editing", "twice", "word", "sent"]


class Ticket:
    """One line and what is known about it.

    Args:
        command_ids: Hands out numbers for commands.
    """

    def __init__(self, command_ids: Callable[[], int]) -> None:
        self._command_ids = command_ids
        self.text = ""
        self.stage: Stage = "editing"
        self.plan: Plan | GrammarError | None = None
        self.outcome: CommandOutcome | None = None
        """What the engine said about this text."""
        self.said: tuple[str, bool] = ("", True)
        """The last word about a command that was sent, and whether it is a good one."""
        self.followed: tuple[str, ...] = ()
        """Client order ids of the last command, for the views to tell about."""
        self.typed_word = ""
        self.dropped = 0
        """Enters that came too soon to be meant."""
        self.history: list[str] = []
        self.carried_out: list[str] = []
        """The lines of this screen alone."""
        self._previewed: Plan | None = None
        self._frozen: Plan | None = None
        self._asked: Plan | None = None
        self._dry_id = 0
        self._dry_ns = -AGAIN_NS
        self.stage_ns = 0
        self._sent_id = 0
        self._enter_ns = -TWICE_NS
        self._lines_pasted = 1
        self._at_history = 0
        self._sought: tuple[str, str] = ("", "")
        """What is searched for, and the line that was found for it."""

    # The text.

    def edit(self, text: str) -> None:
        """Replace the text; what was known about the old one is forgotten."""
        text = text[:TEXT_MAX]
        if text == self.text and self.stage != "twice":
            return
        self.text = text
        self.stage = "editing"
        self.plan = self.outcome = self._previewed = self._asked = self._frozen = None
        self._dry_id = 0
        self.typed_word = ""
        self.said = ("", True)
        self.followed = ()
        if not text:
            self._lines_pasted = 1

    def paste(self, before: str, pasted: str, after: str) -> str:
        """Put a paste into the text; its line ends separate commands and carry nothing out.

        Returns:
            What stands before the cursor now.
        """
        lines = [line.strip() for line in pasted.splitlines() if line.strip()]
        before += "; ".join(lines)
        self.edit(before + after)
        self._lines_pasted = max(self._lines_pasted, len(lines))
        return self.text[: len(before)]

    def recall(self, step: int) -> None:
        """Go to an older (-1) or newer (1) line of the history."""
        at = self._at_history + step
        if not 0 <= at <= len(self.history):
            return
        self._at_history = at
        self.edit(self.history[at] if at < len(self.history) else "")

    def use_history(self, lines: Sequence[str]) -> None:
        """Begin with the lines of earlier screens, oldest first."""
        self.history = list(lines)[-HISTORY_MAX:]
        self._at_history = len(self.history)

    def search(self) -> None:
        """Go to the next older line that holds what was typed."""
        sought, found = self._sought
        if not found or self.text != found:
            sought, self._at_history = self.text, len(self.history)
        for at in range(self._at_history - 1, -1, -1):
            line = self.history[at]
            if sought.lower() in line.lower() and line != self.text:
                self._at_history, self._sought = at, (sought, line)
                self.edit(line)
                return
        self.said = (f"no older line with {sought}" if sought else "no older line", False)

    def leave(self) -> None:
        """Step back from a confirmation; the text stays."""
        if self.stage in ("twice", "word"):
            self.stage = "editing"
            self.typed_word, self.said = "", ("", True)

    @property
    def previewed(self) -> Plan | None:
        """What the outcome is about, and what Enter would carry out.

        A later reading of the same text may have other prices in it.
        """
        return self._previewed if self.stage == "editing" else self._frozen

    # The preview.

    @property
    def level(self) -> int:
        """The confirmation level of this line; several pasted lines are confirmed twice."""
        asked = 0 if self.outcome is None else self.outcome.level
        return max(asked, 2) if self._lines_pasted > 1 else asked

    def read(self, plan: Plan | GrammarError | None) -> None:
        """Take in what the text means now."""
        if self.stage == "editing":
            self.plan = plan
            if not isinstance(plan, Plan):
                self.outcome = self._previewed = None

    def due(self, now_ns: int) -> OperatorCommand | None:
        """Return the dry command to send now, if one is due."""
        self._expire(now_ns)
        plan = self.plan
        if self.stage != "editing" or not isinstance(plan, Plan):
            return None
        waited_ns = now_ns - self._dry_ns
        is_same = self._asked is not None and _is_same(plan, self._asked)
        if waited_ns < (AGAIN_NS if is_same else DRY_NS):
            return None
        self._dry_ns = now_ns
        self._asked = plan
        command = self.command(plan, self.text, is_dry=True)
        self._dry_id = command.command_id
        return command

    def _expire(self, now_ns: int) -> None:
        if self.stage == "twice" and now_ns - self.stage_ns > TWICE_NS:
            self.stage = "editing"
        if self.stage == "sent" and now_ns - self.stage_ns > ANSWER_NS:
            self.stage = "editing"
            self.said = ("no answer: it may have been taken; look at the orders first", False)
            self.outcome = self._previewed = None

    # Enter.

    def enter(self, now_ns: int) -> OperatorCommand | None:
        """Return the command to send, if this Enter sends one."""
        is_repeat = now_ns - self._enter_ns < REPEAT_NS
        self._enter_ns = now_ns
        self._expire(now_ns)
        if is_repeat:
            self.dropped += 1
            return None
        if self.stage == "twice":
            return self._send(now_ns, 2)
        if self.stage == "word":
            return self._enter_word(now_ns)
        if self.stage == "sent" or not isinstance(self.plan, Plan):
            return None
        is_safe = all(isinstance(action, SAFE_ACTIONS) for action in self.plan.actions)
        if is_safe and self._lines_pasted == 1:
            self._frozen = self.plan
            return self._send(now_ns, 1)
        return self._enter_previewed(now_ns)

    def _enter_previewed(self, now_ns: int) -> OperatorCommand | None:
        if self._previewed is None or self.outcome is None:
            self.said = ("not previewed yet: read it, then press Enter", False)
            return None
        if self.outcome.verdict == "refused":
            return None
        self._frozen = self._previewed
        if self.level <= 1:
            return self._send(now_ns, 1)
        self._ask(now_ns)
        return None

    def confront(self, text: str, plan: Plan, outcome: CommandOutcome, now_ns: int) -> None:
        """Ask at once for the confirmation that the command of a key needs."""
        self.edit(text)
        self.plan = self._previewed = self._frozen = plan
        self.outcome, self.said = outcome, ("", True)
        self._ask(now_ns)

    def _ask(self, now_ns: int) -> None:
        self.stage = "word" if self.level == 3 else "twice"
        self.stage_ns = now_ns
        self.typed_word = ""

    def _enter_word(self, now_ns: int) -> OperatorCommand | None:
        wanted = "" if self.outcome is None else self.outcome.word
        if self.typed_word.strip() != wanted:
            self.said = (f"that is not {wanted}", False)
            return None
        return self._send(now_ns, 3)

    def _send(self, now_ns: int, level: ConfirmLevel) -> OperatorCommand:
        assert self._frozen is not None
        word = self.typed_word.strip() if level == 3 else ""
        command = self.command(self._frozen, self.text, confirm=level, word=word)
        self._sent_id = command.command_id
        self.stage, self.stage_ns = "sent", now_ns
        self.said = ("sent", True)
        return command

    def direct(self, text: str, plan: Plan) -> OperatorCommand:
        """Return the command of a key that carries out its line at once, as one Enter would."""
        command = self.command(plan, text, confirm=1)
        self._sent_id = command.command_id
        self.followed = ()
        self.said = ("sent", True)
        return command

    def command(
        self,
        plan: Plan,
        line: str,
        *,
        confirm: ConfirmLevel = 0,
        word: str = "",
        is_dry: bool = False,
    ) -> OperatorCommand:
        """Return a command under a number of its own."""
        return OperatorCommand(
            command_id=self._command_ids(),
            operator=OPERATOR,
            line=line,
            actions=plan.actions,
            confirm=confirm,
            word=word,
            is_dry=is_dry,
        )

    # Answers.

    def take(self, reply: Reply, now_ns: int) -> bool:
        """Take in an answer; returns whether it was about this ticket."""
        outcome = reply.outcome or CommandOutcome(
            "accepted" if reply.accepted else "refused", (reply.text,) if reply.text else ()
        )
        if reply.command_id == self._dry_id and self.stage == "editing":
            self.outcome, self._previewed = outcome, self._asked
            return True
        if reply.command_id != self._sent_id:
            return False
        self._sent_id = 0
        if self.stage == "sent":
            self._take_answer(outcome, now_ns)
        else:
            self._note(outcome)
        return True

    def _take_answer(self, outcome: CommandOutcome, now_ns: int) -> None:
        """Take in the answer to the line that stands here."""
        self.stage = "editing"
        self.outcome, self._previewed = outcome, self._frozen
        if outcome.verdict == "needs_confirmation":
            self.said = ("", True)
            self._ask(now_ns)
        elif outcome.verdict == "refused":
            self._note(outcome)
            self._dry_ns = now_ns  # The reason stays a while before the preview comes back.
        else:
            self.remember(self.text)
            self.edit("")
            self._note(outcome)

    def _note(self, outcome: CommandOutcome) -> None:
        words = " · ".join(outcome.sentences)
        if outcome.verdict == "accepted":
            self.said = (words or "accepted", True)
            self.followed = outcome.client_order_ids
        elif outcome.verdict == "refused":
            self.said = (f"refused: {words or 'no reason given'}", False)
        else:
            self.said = (words or "this asks for a confirmation", False)

    def remember(self, line: str) -> None:
        """Keep a line that was carried out."""
        if line.strip() and (not self.history or self.history[-1] != line):
            self.history.append(line)
            del self.history[:-HISTORY_MAX]
            self.carried_out.append(line)
            del self.carried_out[:-HISTORY_MAX]
        self._at_history = len(self.history)


def _is_same(plan: Plan, other: Plan) -> bool:
    """Whether two plans ask for the same, whatever version of the book they were made from."""
    return [_bare(action) for action in plan.actions] == [_bare(action) for action in other.actions]


def _bare(action: object) -> object:
    return replace(action, book_seq=0) if isinstance(action, SubmitOrder) else action
