"""One order as it is read: each word is taken by whoever knows it, in any order."""

import re
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from cockpit.grammar_context import Context, Market
from cockpit.grammar_words import (
    PRICE_WORDS,
    Fault,
    Level,
    Size,
    Word,
    Words,
    is_number,
    is_size,
    looks_like_number,
    market_of,
    number_of,
    plain,
    quoted,
    size_of,
    take_level,
)
from engine.model.commands import Action, TrailWish
from engine.model.orders import Side, TimeInForce
from engine.model.trails import ATR_CANDLES

FLAGS: Final = ("post", "reduce", "ioc", "fok", "gtc")
LIFETIMES: Final[dict[str, TimeInForce]] = {"ioc": "ioc", "fok": "fok", "gtc": "gtc"}
TAG_MAX: Final = 24

_TRAIL: Final = re.compile(
    r"(?P<number>[0-9.,]+)(?:(?P<unit>t|bp|%|atr)(?P<candles>(?<=atr)[0-9]{1,3})?)?", re.ASCII
)
SIDES: Final[dict[str, Side]] = {"buy": "buy", "b": "buy", "sell": "sell", "s": "sell"}


class Command(NamedTuple):
    """One command of a line: its actions and how it is written in full."""

    actions: tuple[Action, ...]
    normal: str
    price_at: int = -1
    size_at: int = -1


class Trail(NamedTuple):
    """How far behind the price a stop follows, as it was written."""

    wish: TrailWish
    normal: str
    at: int


class Draft:
    """What was said about one order so far."""

    def __init__(self, side: Side, words: Words) -> None:
        self.side: Side = side
        self.words = words
        self.market: Market | None = None
        self.size: Size | None = None
        self.price: Level | Literal["mkt"] | None = None
        self.price_at = -1
        self.flags: dict[str, int] = {}
        self.tag = ""
        self.bracket: dict[str, Level] = {}
        self.limit: Level | None = None
        self.trail: Trail | None = None


_Taker = Callable[[Draft, Word], bool]


def read(draft: Draft, takers: tuple[_Taker, ...], context: Context) -> None:
    """Read what follows the verb; what no taker knows is an instrument."""
    while (word := draft.words.peek()) is not None:
        if any(take(draft, word) for take in takers):
            continue
        if word.text in ("@", "at"):
            raise Fault(word.at, "one price is enough")
        if draft.market is not None:
            raise Fault(word.at, f"{quoted(word.typed)} does not belong here")
        draft.market = market_of(draft.words.take(), context)


def take_price(draft: Draft, word: Word) -> bool:
    """Take `@ level`, `bid` or `mkt`."""
    if word.text not in ("@", "at", *PRICE_WORDS):
        return False
    if draft.price is not None:
        raise Fault(word.at, "one price is enough")
    if word.text == "mkt":
        draft.words.take()
        draft.price, draft.price_at = "mkt", word.at
        return True
    if word.text in ("@", "at"):
        draft.words.take()
    if draft.words.take_if("mkt"):
        draft.price, draft.price_at = "mkt", word.at
        return True
    level = take_level(draft.words, quoted(word.text))
    draft.price, draft.price_at = level, level.at
    return True


def take_trigger(draft: Draft, word: Word) -> bool:
    """Take the price at which a stop acts."""
    if word.text == "mkt":
        raise Fault(word.at, "a stop acts at the market by itself; give its price: `@ 63000`")
    return take_price(draft, word)


def take_limit(draft: Draft, word: Word) -> bool:
    """Take the limit of a stop: `limit 62900`."""
    if word.text != "limit":
        return False
    if draft.limit is not None:
        raise Fault(word.at, "one limit is enough")
    draft.words.take()
    draft.words.take_if("@", "at")
    draft.limit = take_level(draft.words, "limit")
    return True


def take_flag(draft: Draft, word: Word) -> bool:
    """Take a flag or a tag."""
    if word.text == "tag":
        draft.words.take()
        tag = draft.words.peek()
        if tag is None or not tag.text.isidentifier() or len(tag.text) > TAG_MAX:
            at = draft.words.end if tag is None else tag.at
            raise Fault(at, f"tag needs one word of at most {TAG_MAX} letters and digits")
        draft.tag = draft.words.take().typed
        return True
    if word.text not in FLAGS:
        return False
    if word.text in draft.flags:
        raise Fault(word.at, f"{quoted(word.text)} is said twice")
    draft.words.take()
    draft.flags[word.text] = word.at
    return True


def take_bracket(draft: Draft, word: Word) -> bool:
    """Take `tp LEVEL`, `sl LEVEL` or `trail DIST`."""
    if word.text == "trail":
        if draft.trail is not None:
            raise Fault(word.at, "`trail` is said twice")
        draft.words.take()
        draft.trail = take_trail(draft.words)
        return True
    if word.text not in ("tp", "sl"):
        return False
    if word.text in draft.bracket:
        raise Fault(word.at, f"{quoted(word.text)} is said twice")
    draft.words.take()
    draft.words.take_if("@", "at")
    draft.bracket[word.text] = take_level(draft.words, word.text)
    return True


def take_trail(words: Words) -> Trail:
    """Take a distance: `25` in price, `50t`, `20bp`, `0.5%`, or `2atr` with `2atr20` of 20 candles.

    The range is that of closed candles of a minute.
    """
    word = words.peek()
    if word is None:
        raise Fault(words.end, "trail by how much? `50t`, `0.5%`, `25` in price, or `2atr`")
    words.take()
    found = _TRAIL.fullmatch(word.text)
    if found is None:
        told = "write `50t`, `20bp`, `0.5%`, `25` in price, or `2atr`"
        raise Fault(word.at, f"{quoted(word.typed)} is no distance: {told}")
    amount, unit = number_of(found["number"], word.at), found["unit"] or ""
    if amount <= 0:
        raise Fault(word.at, "a distance is above zero")
    candles = int(found["candles"] or ATR_CANDLES)
    kinds: dict[str, TrailWish] = {
        "": TrailWish("price", amount),
        "t": TrailWish("ticks", amount),
        "bp": TrailWish("percent", amount / 100),
        "%": TrailWish("percent", amount),
        "atr": TrailWish("atr", amount, candles),
    }
    shown = f"atr{candles}" if unit == "atr" else unit
    return Trail(kinds[unit], f"{plain(amount)}{shown}", word.at)


def take_size(draft: Draft, word: Word) -> bool:
    """Take a size; a second bare number is refused with both readings."""
    if not is_size(word.text):
        if looks_like_number(word.text) and draft.market is None and draft.size is None:
            return _take_odd_number(draft, word)
        return False
    if draft.size is not None:
        if is_number(word.text):
            raise Fault(
                word.at,
                f"price? write `@ {word.typed}` · size? remove {quoted(draft.size.typed)}",
            )
        raise Fault(word.at, f"one size is enough; {quoted(draft.size.typed)} is one")
    draft.size = size_of(draft.words.take())
    return True


def _take_odd_number(draft: Draft, word: Word) -> bool:
    """Refuse a badly written number with its own sentence, unless an instrument is called so."""
    if word.text[:1].isdigit() and any(letter.isalpha() for letter in word.text):
        return False
    size_of(word)
    return False
