"""Text from outside may say anything; none of it may act, hide or push."""

import unicodedata
from collections.abc import Callable

from msgspec.structs import replace
from textual import events

from engine.model.commands import CommandOutcome, OperatorCommand
from engine.model.view import LogView
from tests.ui.scenes import (
    a_feed,
    a_killed_risk,
    a_notice,
    a_position,
    a_status,
    a_strategy,
    a_whale,
    a_whales,
    an_order,
    some_orders,
    some_positions,
)
from tests.ui.stage import M, Stage, stage

HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\x1b[31m",
    "\x9b31m\x9d0;owned\x9c",
    "\u202egnp.exe\u202c \u2066x\u2069",
    "a\u200bb\u200dc\ufeffd\u00ade",
    "\uff37\uff29\uff24\uff25 \U0001f4a3 \u5e01\u5b89",
    "z\u0300\u0301\u0302\u0303\u0304algo",
    "line\nbreak\r\n\ttab\x00\x7f",
    "[bold red]markup[/] [@click=app.exit]x[/]",
)
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Zl", "Zp"}


async def hostile(at: Stage, text: str) -> None:
    """Say this text wherever an engine can say one."""
    feed = a_feed(name=text, state="down", reason=text, retry_in_ns=1)
    status = a_status(venue=text, feeds=(feed,))
    rows = tuple(replace(row, name=text) for row in status.instruments)
    await at.feed(
        status=replace(status, instruments=rows),
        book=replace(at.market.book(at.watch), state="invalid", note=text),
        whales=replace(a_whales(), rows=(a_whale(instrument_id=f"x:{text}"),)),
        log=LogView((a_notice(source=text, text=text), a_notice(level="error", text=text))),
        positions=some_positions(rows=(a_position(name=text, owner=text),), currency=text),
        orders=some_orders(
            working=(an_order(name=text, short_id=text, flags=text, state=text, owner=text),)
        ),
        risk=a_killed_risk(
            kill_report=(text,),
            trading_reason=text,
            trading_state=text,
            strategies=(a_strategy(name=text, state=text, last_stop=text),),
        ),
    )


async def test_no_hostile_text_gets_out():
    async with stage(M) as at:
        for text in HOSTILE:
            await hostile(at, text)
            check(at.text())


async def test_no_hostile_text_gets_out_of_a_dialog():
    everything = "".join(HOSTILE)
    async with stage(M, mode="paper", venue=everything) as at:
        await hostile(at, everything)
        for key in ("full_stop", "q", "question_mark"):
            await at.press(key)
            check(at.text())
            await at.press("escape")


def saying(text: str) -> Callable[[OperatorCommand], CommandOutcome]:
    """Return an engine that says this about every command."""

    def judge(command: OperatorCommand) -> CommandOutcome:
        return CommandOutcome(
            "refused" if command.is_dry else "needs_confirmation", (text,), 3, text
        )

    return judge


async def test_no_hostile_text_gets_out_of_the_command_line():
    async with stage(M) as at:
        for text in HOSTILE:
            at.port.judge = saying(text)
            await hostile(at, text)
            await at.press("9", "colon", "ctrl+u", *"disarm")
            at.app.post_message(events.Paste(text))
            await at.drawn()
            check(at.text())
            await at.press("ctrl+u", *"disarm", "enter")
            check(at.text())
            at.now_ns += 1_000_000_000
            await at.press("x", "enter", "escape", "escape")
            check(at.text())


def check(text: str) -> None:
    for character in text.replace("\n", ""):
        assert unicodedata.category(character) not in FORBIDDEN, repr(character)
        assert unicodedata.east_asian_width(character) not in "FW", repr(character)
    assert all(len(row) == M[0] for row in text.splitlines())
