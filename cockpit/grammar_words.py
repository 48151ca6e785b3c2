"""Words of a line: numbers, sizes, price levels, instruments, each with its place.

Numbers are plain decimals and never pass through a binary float. Whatever cannot be read is a
`Fault` with the place of the offending character; `cockpit.grammar.parse` turns it into a value.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Final, Literal, NamedTuple

from cockpit.grammar_context import CHOICES_MAX, Context, Market
from engine.model.orders import Side

WHOLE_DIGITS_MAX: Final = 15
DECIMALS_MAX: Final = 12
QUOTED_MAX: Final = 24
"""Characters of a word that a sentence repeats."""

REFERENCES: Final = ("bid", "ask", "mid", "last", "mark", "entry", "cursor")
PRICE_WORDS: Final = ("mkt", "bid", "ask", "mid")

_TOKEN: Final = re.compile(r"[;@]|[^\s;@]+")
_NUMBER: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
_PLAIN: Final = re.compile(_NUMBER, re.ASCII)
_EXPONENT: Final = re.compile(r"[0-9.,]+e[+-]?[0-9]+", re.ASCII | re.IGNORECASE)
_LEVEL: Final = re.compile(
    rf"(?P<ref>[a-z]*)(?P<sign>[+-])(?P<dist>{_NUMBER})(?P<unit>t|bp|%)?", re.ASCII
)
_NO_NUMBERS: Final = frozenset({"nan", "inf", "infinity", "-inf", "+inf"})


class Fault(Exception):  # noqa: N818 - what the parser says, not a failure of it
    """A line cannot be read; carries the place and the sentence."""

    def __init__(self, at: int, sentence: str) -> None:
        self.at = at
        self.sentence = sentence
        super().__init__(sentence)


class Word(NamedTuple):
    """One word of a line, in lower case, and where it begins."""

    text: str
    at: int
    typed: str


class Words:
    """The words of one command, taken from the left."""

    def __init__(self, words: Sequence[Word], end: int) -> None:
        self._words = list(words)
        self._next = 0
        self.end = end
        """Where something that is missing would stand."""

    def peek(self) -> Word | None:
        """Return the next word, if there is one."""
        return self._words[self._next] if self._next < len(self._words) else None

    def take(self) -> Word:
        """Take the next word."""
        word = self._words[self._next]
        self._next += 1
        return word

    def take_if(self, *texts: str) -> Word | None:
        """Take the next word if it is one of these."""
        word = self.peek()
        return self.take() if word is not None and word.text in texts else None

    def finish(self) -> None:
        """Refuse what is left over."""
        word = self.peek()
        if word is not None:
            raise Fault(word.at, f"{quoted(word.typed)} does not belong here")


def words_of(line: str) -> list[Word]:
    """Return all words; `;` and `@` stand alone."""
    return [
        Word(found.group().lower(), found.start(), found.group()) for found in _TOKEN.finditer(line)
    ]


def quoted(text: str) -> str:
    """Return a word as a sentence repeats it."""
    return f"`{text if len(text) <= QUOTED_MAX else text[: QUOTED_MAX - 1] + '…'}`"


def plain(number: Decimal) -> str:
    """Return a decimal as people write it: no exponent, no needless zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# Numbers.


def is_number(text: str) -> bool:
    """Whether a word is a plain number."""
    return _PLAIN.fullmatch(text) is not None


def looks_like_number(text: str) -> bool:
    """Whether a word was meant as a number, well or badly written."""
    return text[:1] in "0123456789.,$+-" or text.endswith(("%", "$")) or text in _NO_NUMBERS


def number_of(text: str, at: int) -> Decimal:
    """Return a plain, unsigned number; `64,210.5` may have its thousands separated."""
    if not is_number(text):
        raise Fault(*_no_number(text, at))
    whole, _, fraction = text.replace(",", "").partition(".")
    if len(whole.lstrip("0")) > WHOLE_DIGITS_MAX or len(fraction) > DECIMALS_MAX:
        raise Fault(
            at, f"{quoted(text)}: at most {WHOLE_DIGITS_MAX} digits and {DECIMALS_MAX} decimals"
        )
    return Decimal(f"{whole or '0'}.{fraction or '0'}")


def _no_number(text: str, at: int) -> tuple[int, str]:
    if text in _NO_NUMBERS:
        return at, f"{quoted(text)} is not a number"
    if _EXPONENT.fullmatch(text):
        return at, f"{quoted(text)}: write the number in full, exponents are not taken"
    if text[:1] in "+-":
        return at, f"{quoted(text)}: no sign here; buy and sell say the direction"
    if "," in text:
        hint = text.replace(",", ".") if text.count(",") == 1 and "." not in text else "64,210.5"
        return (
            at + text.index(","),
            f"a comma only separates thousands; the decimal mark is a point: {quoted(hint)}",
        )
    return at, f"{quoted(text)} is not a plain number"


# Sizes.


class Size(NamedTuple):
    """How much, before it is known of what."""

    kind: Literal["base", "quote", "share", "position", "quick"]
    number: Decimal
    at: int
    typed: str


def is_size(text: str) -> bool:
    """Whether a word is a size."""
    bare = text.removeprefix("$") if text.startswith("$") else text.removesuffix("$")
    return text in ("pos", "q") or is_number(bare) or is_number(text.removesuffix("%"))


def size_of(word: Word) -> Size:
    """Return the size that a word says."""
    text, at = word.text, word.at
    if text == "pos":
        return Size("position", Decimal(1), at, word.typed)
    if text == "q":
        return Size("quick", Decimal(0), at, word.typed)
    if text.startswith("$"):
        size = Size("quote", number_of(text[1:], at + 1), at, word.typed)
    elif text.endswith("$"):
        size = Size("quote", number_of(text[:-1], at), at, word.typed)
    elif text.endswith("%"):
        size = Size("share", number_of(text[:-1], at) / 100, at, word.typed)
    else:
        size = Size("base", number_of(text, at), at, word.typed)
    if size.number <= 0:
        raise Fault(at, "a size is above zero")
    if size.kind == "share" and size.number > 1:
        raise Fault(at, "more than 100% of a position cannot be taken off")
    return size


# Prices.


class Level(NamedTuple):
    """A price as it was written: a number, or a reference with a distance."""

    at: int
    number: Decimal | None = None
    ref: str = ""
    sign: int = 0
    dist: Decimal = Decimal(0)
    unit: str = ""


def take_level(words: Words, what: str) -> Level:
    """Take a price level: `64210`, `bid`, `mark-0.5%`, `cursor + 1t`, `+10`."""
    word = words.peek()
    if word is None:
        raise Fault(words.end, f"{what} needs a price: a number, or bid, ask, mark, entry+1%")
    words.take()
    text = word.text
    following = words.peek()
    if text in REFERENCES and following is not None and following.text[:1] in "+-":
        text += words.take().text
    if text[-1:] in "+-" and words.peek() is not None:
        text += words.take().text
    return level_of(text, word.at)


def level_of(text: str, at: int) -> Level:
    """Return the price level that one word says."""
    if text in REFERENCES:
        return Level(at, ref=text)
    found = _LEVEL.fullmatch(text)
    if found is None:
        if text[:1].isalpha() and text not in _NO_NUMBERS:
            raise Fault(at, f"{quoted(text)} is no price; references are {', '.join(REFERENCES)}")
        number = number_of(text, at)
        if number <= 0:
            raise Fault(at, "a price is above zero")
        return Level(at, number=number)
    if found["ref"] and found["ref"] not in REFERENCES:
        raise Fault(at, f"{quoted(found['ref'])} is no price; use {', '.join(REFERENCES)}")
    return Level(
        at,
        ref=found["ref"],
        sign=1 if found["sign"] == "+" else -1,
        dist=number_of(found["dist"], at + found.start("dist")),
        unit=found["unit"] or "",
    )


class Pricing(NamedTuple):
    """What a level is resolved against."""

    context: Context
    market: Market
    side: Side
    start: Decimal | None
    """Where a bare `+` or `-` distance begins."""
    entry: Decimal | None = None


def price_of(level: Level, pricing: Pricing) -> Decimal:
    """Return the price; one that is not written out is rounded to a tick, to the safe side."""
    if level.number is not None:
        return level.number
    base = _reference(level, pricing)
    tick = pricing.market.tick
    dist = {
        "": level.dist,
        "t": level.dist * tick,
        "bp": base * level.dist / 10_000,
        "%": base * level.dist / 100,
    }[level.unit]
    rounding = ROUND_FLOOR if pricing.side == "buy" else ROUND_CEILING
    price = ((base + level.sign * dist) / tick).to_integral_value(rounding) * tick
    if price <= 0:
        raise Fault(level.at, f"that is {plain(price)}; a price is above zero")
    return price


def _reference(level: Level, pricing: Pricing) -> Decimal:
    market = pricing.market
    if level.ref == "mid":
        mid = None if market.bid is None or market.ask is None else (market.bid + market.ask) / 2
        known = mid
    else:
        known = {
            "": pricing.start,
            "bid": market.bid,
            "ask": market.ask,
            "last": market.last,
            "mark": market.mark,
            "entry": pricing.entry or pricing.context.entry(market.instrument_id),
            "cursor": pricing.context.cursor,
        }[level.ref]
    if known is None:
        raise Fault(level.at, _unknown(level.ref or "price to start from", pricing))
    return known


def _unknown(ref: str, pricing: Pricing) -> str:
    name = pricing.market.name
    if pricing.market.instrument_id != pricing.context.focused and ref not in ("entry", "cursor"):
        return f"the {ref} of {name} is not on this screen; look at it, or give a number"
    if ref == "cursor":
        return "the ladder has no cursor; j and k show it"
    return f"no {ref} of {name} is known now; give a number"


# Instruments.


def market_of(word: Word, context: Context) -> Market:
    """Return the one instrument that a word means."""
    found = context.matches(word.text)
    if len(found) == 1:
        return found[0]
    if found:
        names = [market.name for market in found]
        if len(set(names)) < len(names):
            names = [market.instrument_id for market in found]
        more = "" if len(names) <= CHOICES_MAX else f" and {len(names) - CHOICES_MAX} more"
        raise Fault(word.at, f"{quoted(word.typed)} may be {', '.join(names[:CHOICES_MAX])}{more}")
    if looks_like_number(word.text):
        raise Fault(*_no_number(word.text, word.at))
    raise Fault(
        word.at, f"{quoted(word.typed)} is neither an instrument nor a word of this command"
    )


def focused_market(context: Context, at: int) -> Market:
    """Return the instrument that is looked at."""
    market = context.market(context.focused)
    if market is None:
        raise Fault(at, "no instrument is looked at yet; name one")
    return market


def rounded_down(number: Decimal, decimals: int) -> Decimal:
    """Return a size cut to that many decimals."""
    return number.quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN)
