"""`cockpit do LINE`: the command line's language from a shell.

A shell has no second Enter: a line that asks for a confirmation prints its plan and is not carried
out until it comes again with the level that was asked.
"""

import asyncio
import secrets
from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec

from cockpit.format import order_text, safe
from cockpit.grammar import GrammarError, Plan, after_kill, parse
from cockpit.grammar_context import Context, context_of
from cockpit.grammar_words import words_of
from cockpit.link import SocketPort, join
from engine.folder import DataFolder
from engine.model.commands import CommandOutcome, ConfirmLevel, OperatorCommand
from engine.model.errors import PortClosed
from engine.model.instrument import InstrumentId
from engine.model.view import (
    BookView,
    HeaderView,
    OrdersView,
    PaneName,
    PositionsView,
    StatusView,
    View,
)
from engine.port import Reply, ViewFrame, Watch

OPERATOR: Final = "shell"
EXIT_DONE: Final = 0
EXIT_REFUSED: Final = 1
EXIT_NOT_CONFIRMED: Final = 2
"""Also for a line that cannot be read."""

ANSWER_S: Final = 5.0
VIEWS_S: Final = 2.0
PANES: Final[tuple[PaneName, ...]] = ("status", "header", "book", "positions", "orders")
LEVELS: Final = {f"{prefix}{level}": level for level in range(4) for prefix in ("", "c", "C")}


class Done(NamedTuple):
    """What to print and how to end."""

    text: str
    exit_code: int


def level_of(text: str | None) -> int | None:
    """Return the confirmation level that `--confirm` names: `2` or `C2`; None for another word."""
    return None if text is None else LEVELS.get(text.strip())


def do_line(folder: DataFolder, line: str, confirm: str | None, *, as_json: bool) -> Done:
    """Carry out a line on the engine of a folder, or say what it would do.

    Raises:
        PortClosed: No engine runs there, or it did not answer in time.
    """
    return asyncio.run(_do(folder, line, confirm, as_json))


async def _do(folder: DataFolder, line: str, confirm: str | None, as_json: bool) -> Done:
    port = await join(folder.socket, "command")
    try:
        async with asyncio.timeout(2 * VIEWS_S + 2 * ANSWER_S):
            context = await look(port, line)
            plan = parse(line, context)
            if isinstance(plan, GrammarError):
                return _unreadable(line, plan, as_json)
            return await _carry_out(port, (line, plan), confirm, as_json)
    except TimeoutError as error:
        raise PortClosed("the engine did not answer in time") from error
    finally:
        await port.close()


async def _carry_out(
    port: SocketPort, said: tuple[str, Plan], confirm: str | None, as_json: bool
) -> Done:
    """Ask what the line would need, and carry it out if that was given."""
    line, plan = said
    trial = await ask(port, command_of(line, plan, is_dry=True))
    if trial.verdict == "refused":
        return Done(_report(line, plan, trial, as_json), EXIT_REFUSED)
    is_word = trial.level == 3 and trial.word != "" and confirm == trial.word
    if trial.level > 0 and level_of(confirm) != trial.level and not is_word:
        asked = msgspec.structs.replace(trial, verdict="needs_confirmation")
        return Done(_report(line, plan, asked, as_json), EXIT_NOT_CONFIRMED)
    meant = command_of(line, plan, confirm=trial.level, word=trial.word)
    outcome = await ask(port, meant)
    rest = after_kill(plan.actions)
    if outcome.verdict == "accepted" and rest:  # The engine takes the kill alone, and at once.
        after = msgspec.structs.replace(plan, actions=rest, normal="killed; then flatten")
        return await _carry_out(port, (line, after), confirm, as_json)
    exit_code = {
        "accepted": EXIT_DONE,
        "refused": EXIT_REFUSED,
        "needs_confirmation": EXIT_NOT_CONFIRMED,
    }[outcome.verdict]
    return Done(_report(line, plan, outcome, as_json), exit_code)


def command_of(
    line: str, plan: Plan, *, confirm: ConfirmLevel = 0, word: str = "", is_dry: bool = False
) -> OperatorCommand:
    """Return the command of a plan, under a number that no other program uses."""
    return OperatorCommand(
        command_id=secrets.randbits(62),
        operator=OPERATOR,
        line=line,
        actions=plan.actions,
        confirm=confirm,
        word=word,
        is_dry=is_dry,
    )


async def ask(port: SocketPort, command: OperatorCommand) -> CommandOutcome:
    """Send a command and wait for its outcome."""
    port.command(command)
    async with asyncio.timeout(ANSWER_S):
        while True:
            message = await port.receive()
            if isinstance(message, Reply) and message.command_id == command.command_id:
                if message.outcome is not None:
                    return message.outcome
                return CommandOutcome(
                    "accepted" if message.accepted else "refused",
                    (message.text,) if message.text else (),
                )


async def look(port: SocketPort, line: str) -> Context:
    """Return what the engine's views say about the instrument that a line names, or the first."""
    context = await _look_at(port, InstrumentId(""))
    named = _named(line, context)
    return context if named in ("", context.focused) else await _look_at(port, named)


async def _look_at(port: SocketPort, instrument_id: InstrumentId) -> Context:
    port.watch(Watch(panes=PANES, instrument_id=instrument_id, book_rows=1))
    views: dict[str, View] = {}
    with suppress(TimeoutError):  # What is not there by then is said to be unknown.
        async with asyncio.timeout(VIEWS_S):
            while len(views) < len(PANES):
                message = await port.receive()
                if isinstance(message, ViewFrame) and _is_of(message.view, instrument_id):
                    views[message.pane] = message.view
    status, header, book = views.get("status"), views.get("header"), views.get("book")
    positions, orders = views.get("positions"), views.get("orders")
    header = header if isinstance(header, HeaderView) else None
    return context_of(
        status if isinstance(status, StatusView) else None,
        header,
        book if isinstance(book, BookView) else None,
        positions if isinstance(positions, PositionsView) else None,
        orders if isinstance(orders, OrdersView) else None,
        focused=instrument_id or (header.instrument_id if header else InstrumentId("")),
    )


def _is_of(view: View, instrument_id: InstrumentId) -> bool:
    """Whether a view is of the instrument asked for, or of none in particular."""
    shown = getattr(view, "instrument_id", instrument_id)
    return not instrument_id or shown == instrument_id


def _named(line: str, context: Context) -> InstrumentId:
    """Return the instrument that a line names, if it names exactly one."""
    found = {
        matches[0].instrument_id
        for word in words_of(line)
        if len(word.text) > 1 and len(matches := context.matches(word.text)) == 1
    }
    return next(iter(found)) if len(found) == 1 else InstrumentId("")


# What is printed.


def _unreadable(line: str, error: GrammarError, as_json: bool) -> Done:
    if as_json:
        document = {"line": line, "verdict": "unreadable", **msgspec.to_builtins(error)}
        return Done(msgspec.json.encode(document).decode(), EXIT_NOT_CONFIRMED)
    if len(line) > 200 or not line.isprintable():
        return Done(error.sentence, EXIT_NOT_CONFIRMED)
    return Done(f"{line}\n{' ' * error.position}^ {error.sentence}", EXIT_NOT_CONFIRMED)


def _report(line: str, plan: Plan, outcome: CommandOutcome, as_json: bool) -> str:
    if as_json:
        document: dict[str, Any] = {
            "line": line,
            "normal": plan.normal,
            **msgspec.to_builtins(outcome),
        }
        return msgspec.json.encode(document).decode()
    lines = [plan.normal]
    lines += [f"  {number}. {order_text(order)}" for number, order in enumerate(outcome.orders, 1)]
    lines += [f"  {sentence}" for sentence in outcome.sentences]
    if outcome.verdict == "needs_confirmation":
        word = f" and stands for typing {outcome.word!r}" if outcome.word else ""
        lines.append(f"nothing was done: this asks for --confirm {outcome.level}{word}")
    elif outcome.verdict == "refused":
        lines.append("refused: nothing was done")
    else:
        ids = ", ".join(outcome.client_order_ids)
        lines.append("accepted" + (f": {ids}" if ids else ""))
    return "\n".join(safe(text) for text in lines)
