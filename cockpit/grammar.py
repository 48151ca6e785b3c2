"""The language of the command line: a line becomes actions, or an error with its place.

Pure and total: the same line and context give the same answer, and any line gives one. Nothing
here judges money or limits; the engine does.
"""

import difflib
from collections.abc import Callable
from decimal import Context as Arithmetic
from decimal import DecimalException, localcontext
from typing import Final

import msgspec

from cockpit.grammar_context import Context
from cockpit.grammar_control import (
    accept,
    arm,
    cancel,
    disarm,
    kill,
    limit,
    resume,
    strategy,
    subscribe,
    take,
    unkill,
    unsubscribe,
)
from cockpit.grammar_draft import FLAGS, SIDES, Command
from cockpit.grammar_orders import amend, close, protect, stop, trade, trail
from cockpit.grammar_parents import chase, iceberg, scale, twap
from cockpit.grammar_words import PRICE_WORDS, REFERENCES, Fault, Word, Words, quoted, words_of
from engine.model.commands import Action, EngageKill

LINE_MAX: Final = 1_000
"""Characters of a line; more was pasted by mistake."""

CHAIN_MAX: Final = 10
"""Commands in one line."""

EXACT: Final = Arithmetic(prec=80)
"""No product or sum of the numbers allowed here is ever rounded."""

VERBS: Final[dict[str, Callable[[Words, Word, Context], Command]]] = {
    "buy": trade,
    "b": trade,
    "sell": trade,
    "s": trade,
    "stop": stop,
    "tp": protect,
    "sl": protect,
    "trail": trail,
    "scale": scale,
    "twap": twap,
    "ice": iceberg,
    "chase": chase,
    "cancel": cancel,
    "amend": amend,
    "close": close,
    "flatten": close,
    "kill": kill,
    "unkill": unkill,
    "arm": arm,
    "disarm": disarm,
    "resume": resume,
    "limit": limit,
    "strat": strategy,
    "sub": subscribe,
    "unsub": unsubscribe,
    "take": take,
    "accept": accept,
}

_FOLLOWING: Final = (
    *FLAGS,
    *PRICE_WORDS,
    *REFERENCES,
    "tp",
    "sl",
    "trail",
    "limit",
    "size",
    "pos",
    "tag",
)
_OF_PARENTS: Final = {
    "scale": ("flat", "lin", "geo", "post"),
    "twap": ("over", "jitter", "limit"),
    "ice": (*PRICE_WORDS, "show", "post"),
    "chase": ("for", "max", "then"),
}
_CANCELLED: Final = ("all", "bids", "asks", "last", "stops", "external")


class Places(msgspec.Struct, frozen=True):
    """Where in the line an action's price and size stand; -1 where they do not."""

    price: int
    size: int


class Plan(msgspec.Struct, frozen=True):
    """What a line asks for, in order; `normal` is the same line written in full."""

    actions: tuple[Action, ...]
    normal: str
    places: tuple[Places, ...]


def after_kill(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """Return what a line asks for beside a kill; nothing where it asks for none."""
    rest = tuple(action for action in actions if not isinstance(action, EngageKill))
    return rest if len(rest) < len(actions) else ()


class GrammarError(msgspec.Struct, frozen=True):
    """Why a line cannot be read, and where."""

    position: int
    sentence: str


def parse(line: str, context: Context) -> Plan | GrammarError:
    """Return the plan of a line, or what is wrong with it."""
    if len(line) > LINE_MAX:
        return GrammarError(LINE_MAX, f"{len(line):,} characters; a line has at most {LINE_MAX:,}")
    try:
        with localcontext(EXACT):
            commands = [_command(words, context) for words in _segments(line)]
    except Fault as fault:
        return GrammarError(min(fault.at, len(line)), fault.sentence)
    except DecimalException:
        return GrammarError(0, "a number of this line is beyond all bounds")
    return Plan(
        tuple(action for command in commands for action in command.actions),
        "; ".join(command.normal for command in commands),
        tuple(
            Places(command.price_at, command.size_at)
            for command in commands
            for _ in command.actions
        ),
    )


def _segments(line: str) -> list[Words]:
    segments: list[Words] = []
    current: list[Word] = []
    for word in words_of(line):
        if word.text == ";":
            if not current:
                raise Fault(word.at, "there is no command before this `;`")
            segments.append(Words(current, word.at))
            current = []
        else:
            current.append(word)
    if current or not segments:
        segments.append(Words(current, len(line.rstrip())))
    if len(segments) > CHAIN_MAX:
        raise Fault(segments[CHAIN_MAX - 1].end, f"at most {CHAIN_MAX} commands in one line")
    return segments


def _command(words: Words, context: Context) -> Command:
    verb = words.peek()
    if verb is None:
        raise Fault(0, "type a command, such as `buy 0.5 @ bid post`; ? shows the keys")
    handler = VERBS.get(verb.text)
    if handler is None:
        near = difflib.get_close_matches(verb.text, VERBS, n=1)
        hint = f"did you mean {near[0]}?" if near else "there are " + ", ".join(_long_verbs())
        raise Fault(verb.at, f"{quoted(verb.typed)} is no command; {hint}")
    words.take()
    return handler(words, verb, context)


def _long_verbs() -> list[str]:
    return [verb for verb in VERBS if len(verb) > 1]


def complete(line: str, context: Context) -> tuple[str, tuple[str, ...]]:
    """Return the line with its last word completed as far as it is certain, and the choices."""
    start = max(line.rfind(mark) for mark in " ;@") + 1
    word = line[start:].lower()
    before = line[:start].rpartition(";")[2].split()
    found = [choice for choice in _choices(before, context) if choice.lower().startswith(word)]
    if not found or (not word and len(found) > 1):
        return line, tuple(found)
    if len(found) == 1:
        return f"{line[:start]}{found[0]} ", ()
    shared = _shared([choice.lower() for choice in found])
    whole = found[0][: len(shared)] if len(shared) > len(word) else line[start:]
    return line[:start] + whole, tuple(found)


def _choices(before: list[str], context: Context) -> list[str]:
    """Return what may stand here: a verb, else names, ids and words of the command."""
    if not before:
        return _long_verbs()
    names = [market.name for market in context.markets]
    ids = [order.short_id for order in context.orders]
    is_second = len(before) == 1
    choices = {
        "cancel": [*_CANCELLED, *ids, *context.parents, *names],
        "amend": ids if is_second else ["size"],
        "strat": ["start", "stop", "pause", "resume"] if is_second else names,
        "resume": ["all", *context.parents, *names],
        **{verb: ["all", *names, *REFERENCES] for verb in ("close", "flatten", "tp", "sl")},
        **{
            parent: [*SIDES, *names, *words, "reduce", "tag"]
            for parent, words in _OF_PARENTS.items()
        },
    }
    return choices.get(before[0].lower(), [*names, *dict.fromkeys(_FOLLOWING)])


def _shared(texts: list[str]) -> str:
    first, last = min(texts), max(texts)
    length = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:length]
