"""The conversation about a line, without a screen."""

from itertools import count

from cockpit.grammar import parse
from cockpit.panes.ticket import Ticket
from engine.model.commands import CommandOutcome, OperatorCommand
from engine.port import Reply
from tests.property.test_grammar import CONTEXT

S = 1_000_000_000


class Talk:
    """A ticket, a clock, and an engine that says what it is told to."""

    def __init__(self, line: str, **outcome: object) -> None:
        self.now_ns = 10 * S
        self.ticket = Ticket(count(1).__next__)
        self.ticket.edit(line)
        self.preview(**outcome)

    def preview(self, **outcome: object) -> OperatorCommand | None:
        """Read the text and ask, if that is due; the engine answers so."""
        self.ticket.read(parse(self.ticket.text, CONTEXT))
        asked = self.ticket.due(self.now_ns)
        if asked is not None and outcome:
            self.answer(asked, **outcome)
        return asked

    def answer(self, command: OperatorCommand, **outcome: object) -> None:
        """Let the engine answer a command."""
        fields: dict = {"verdict": "accepted"} | outcome
        said = CommandOutcome(**fields)
        reply = Reply(command.command_id, said.verdict == "accepted", "", None, said)
        assert self.ticket.take(reply, self.now_ns)

    def enter(self, after_ns: int = S) -> OperatorCommand | None:
        """Press Enter after a while."""
        self.now_ns += after_ns
        return self.ticket.enter(self.now_ns)


def test_a_preview_is_renewed_once_a_second_but_not_while_confirming():
    talk = Talk("sell 1 mkt", level=2)

    assert talk.preview() is None
    talk.now_ns += S
    assert talk.preview(level=2) is not None
    talk.enter(0)
    talk.now_ns += 2 * S
    assert talk.preview() is None


def test_what_is_confirmed_is_what_was_previewed():
    talk = Talk("sell 1 @ bid", level=2)
    talk.enter()

    sent = talk.enter()

    assert sent is not None
    assert sent.confirm == 2
    assert not sent.is_dry


def test_an_answer_to_an_older_text_is_not_taken_for_this_one():
    talk = Talk("buy 1 @ bid")
    asked = talk.ticket._dry_id
    talk.ticket.edit("buy 100 @ bid")

    reply = Reply(asked, True, "", None, CommandOutcome("accepted"))

    assert not talk.ticket.take(reply, talk.now_ns)
    assert talk.enter() is None


def test_an_engine_that_asks_for_more_than_it_said_is_asked_again():
    talk = Talk("buy 1 @ bid", level=1)
    sent = talk.enter()
    assert sent is not None

    talk.answer(sent, verdict="needs_confirmation", level=3, word="1")

    assert talk.ticket.stage == "word"
    talk.ticket.typed_word = "1"
    again = talk.enter()
    assert again is not None
    assert (again.confirm, again.word) == (3, "1")


def test_a_refusal_keeps_the_text():
    talk = Talk("buy 1 @ bid", level=1)
    sent = talk.enter()
    assert sent is not None

    talk.answer(sent, verdict="refused", sentences=("over the limit",))

    assert talk.ticket.text == "buy 1 @ bid"
    assert talk.ticket.said == ("refused: over the limit", False)


def test_a_refused_preview_is_not_sent():
    talk = Talk("buy 1 @ bid", verdict="refused", sentences=("no",))

    assert talk.enter() is None


def test_what_takes_risk_away_needs_no_preview():
    for line in ("kill", "disarm", "cancel all", "cancel o1"):
        talk = Talk(line)
        sent = talk.enter()
        assert sent is not None, line
        assert not sent.is_dry


def test_an_accepted_line_goes_to_the_history():
    talk = Talk("buy 1 @ bid", level=1)
    sent = talk.enter()
    assert sent is not None
    talk.answer(sent, client_order_ids=("c9",))

    assert talk.ticket.text == ""
    assert talk.ticket.followed == ("c9",)
    talk.ticket.recall(-1)
    assert talk.ticket.text == "buy 1 @ bid"
    talk.ticket.recall(1)
    assert talk.ticket.text == ""


def test_pasted_lines_are_one_line_confirmed_twice():
    talk = Talk("")
    talk.ticket.paste("", "cancel all\r\n\n  buy 1 @ bid\n", "")
    talk.preview(level=1)

    assert talk.ticket.text == "cancel all; buy 1 @ bid"
    assert talk.enter() is None
    sent = talk.enter()
    assert sent is not None
    assert len(sent.actions) == 2


def test_a_search_goes_to_older_lines_that_hold_what_was_typed():
    ticket = Ticket(count(1).__next__)
    ticket.use_history(["buy 1 @ bid", "cancel all", "BUY 2 @ ask", "arm"])
    ticket.edit("buy")

    found = []
    for _ in range(3):
        ticket.search()
        found.append(ticket.text)

    assert found == ["BUY 2 @ ask", "buy 1 @ bid", "buy 1 @ bid"]
    assert ticket.said == ("no older line with buy", False)


def test_another_text_begins_another_search():
    ticket = Ticket(count(1).__next__)
    ticket.use_history(["cancel all", "buy 1 @ bid"])
    ticket.edit("buy")
    ticket.search()

    ticket.edit("canc")
    ticket.search()

    assert ticket.text == "cancel all"
