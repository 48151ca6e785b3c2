"""Commands whose orders the engine works through by itself: scale, twap, ice, chase.

None of them goes beyond a price that was written or that the preview shows: a twap without a limit
and the end of a chase take from the market, which their words say.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from cockpit.grammar_context import Context, Market
from cockpit.grammar_draft import SIDES, Command, Draft, read, take_flag, take_price, take_size
from cockpit.grammar_orders import base_size, name_of, reduces, seen_in, size_said
from cockpit.grammar_words import (
    Fault,
    Level,
    Pricing,
    Word,
    Words,
    focused_market,
    level_of,
    number_of,
    plain,
    price_of,
    quoted,
    size_of,
    take_level,
)
from engine.model.commands import StartChase, StartIceberg, StartScale, StartTwap
from engine.model.parents import ChaseEnd, ScaleShape

CHASE_S: Final = 60
CHASE_MAX: Final = Decimal("0.2")
"""Per cent that a chase follows where nothing else is said."""

_COUNT: Final = re.compile(r"x([0-9]{1,4})", re.ASCII)
_DURATION: Final = re.compile(r"([0-9]{1,6})(s|m|h|d)", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DIST: Final = re.compile(r"(?P<number>[0-9.,]+)(?P<unit>t|bp|%)?", re.ASCII)
_SHAPES: Final[dict[str, ScaleShape]] = {"flat": "flat", "lin": "lin", "geo": "geo"}
_ENDS: Final[dict[str, ChaseEnd]] = {"mkt": "mkt", "stop": "stop"}


class ParentDraft(Draft):
    """What was said about a parent besides what is said about every order."""

    levels: tuple[Level, Level] | None = None
    count = 0
    shape: ScaleShape = "flat"
    shape_at = -1
    ratio = Decimal(1)
    duration_s = 0
    jitter: Decimal | None = None
    worst: Level | None = None
    then: ChaseEnd | None = None
    show: Decimal | None = None


_Take = Callable[[ParentDraft, Word], None]


def scale(words: Words, verb: Word, context: Context) -> Command:
    """Return `scale buy 2 btc 63800..64200 x10 [flat|lin|geo 1.5] [post] [reduce]`."""
    draft = _begun(words, verb, "scale buy 2 63800..64200 x10")
    _read(
        draft, context, {"": _take_range, "x": _take_count, **dict.fromkeys(_SHAPES, _take_shape)}
    )
    market = draft.market or focused_market(context, verb.at)
    size = size_said(draft, market)
    if draft.levels is None:
        raise Fault(words.end, "between which prices? `63800..64200`")
    if not draft.count:
        raise Fault(words.end, "how many orders? `x10`")
    pricing = Pricing(context, market, draft.side, market.bid)
    first, last = (price_of(level, pricing) for level in draft.levels)
    lots = base_size(size, draft, pricing._replace(start=(first + last) / 2))
    action = StartScale(
        market.instrument_id,
        draft.side,
        lots,
        first,
        last,
        draft.count,
        draft.shape,
        draft.ratio,
        is_post_only="post" in draft.flags,
        is_reduce_only=reduces(draft),
        tag=draft.tag,
        book_seq=seen_in(context, market),
    )
    shape = f"geo {plain(draft.ratio)}" if draft.shape == "geo" else draft.shape
    what = f"{plain(first)}..{plain(last)} x{draft.count} {shape}"
    normal = _normal("scale", draft, market, context, lots, what)
    return Command((action,), normal, draft.levels[0].at, size.at)


def twap(words: Words, verb: Word, context: Context) -> Command:
    """Return `twap sell 3 eth over 30m x30 [jitter 20%] [limit 3100] [reduce]`."""
    draft = _begun(words, verb, "twap sell 3 over 30m x30")
    takers: dict[str, _Take] = {
        "over": _take_duration,
        "x": _take_count,
        "jitter": _take_jitter,
        "limit": _take_limit,
    }
    _read(draft, context, takers, refused=("post",))
    market = draft.market or focused_market(context, verb.at)
    size = size_said(draft, market)
    if not draft.duration_s:
        raise Fault(words.end, "over which time? `over 30m`")
    if not draft.count:
        raise Fault(words.end, "in how many slices? `x30`")
    best = market.ask if draft.side == "buy" else market.bid
    pricing = Pricing(context, market, draft.side, best)
    limit = None if draft.limit is None else price_of(draft.limit, pricing)
    lots = base_size(size, draft, pricing._replace(start=limit or best))
    jitter = draft.jitter or Decimal(0)
    action = StartTwap(
        market.instrument_id,
        draft.side,
        lots,
        draft.duration_s,
        draft.count,
        jitter,
        limit,
        is_reduce_only=reduces(draft),
        tag=draft.tag,
        book_seq=seen_in(context, market),
    )
    what = f"over {draft.duration_s}s x{draft.count}"
    what += f" jitter {plain(jitter)}%" if jitter else ""
    what += "" if limit is None else f" limit {plain(limit)}"
    normal = _normal("twap", draft, market, context, lots, what)
    return Command((action,), normal, -1 if draft.limit is None else draft.limit.at, size.at)


def iceberg(words: Words, verb: Word, context: Context) -> Command:
    """Return `ice buy 2 btc @ 64000 show 0.1 [post] [reduce]`."""
    draft = _begun(words, verb, "ice buy 2 @ 64000 show 0.1")
    _read(draft, context, {"show": _take_show}, has_price=True)
    market = draft.market or focused_market(context, verb.at)
    size = size_said(draft, market)
    if draft.price is None or draft.price == "mkt":
        raise Fault(words.end, "at which price? add `@ 64000`, bid, ask or mid")
    if draft.show is None:
        raise Fault(words.end, "how much of it at a time? `show 0.1`")
    joined = market.bid if draft.side == "buy" else market.ask
    pricing = Pricing(context, market, draft.side, joined)
    price = price_of(draft.price, pricing)
    lots = base_size(size, draft, pricing._replace(start=price))
    action = StartIceberg(
        market.instrument_id,
        draft.side,
        lots,
        price,
        draft.show,
        is_post_only="post" in draft.flags,
        is_reduce_only=reduces(draft),
        tag=draft.tag,
        book_seq=seen_in(context, market),
    )
    what = f"@ {plain(price)} show {plain(draft.show)}"
    normal = _normal("ice", draft, market, context, lots, what)
    return Command((action,), normal, draft.price_at, size.at)


def chase(words: Words, verb: Word, context: Context) -> Command:
    """Return `chase buy 0.5 [for 60s] [max 0.2%] [then mkt|stop] [reduce]`."""
    draft = _begun(words, verb, "chase buy 0.5 for 60s max 0.2%")
    takers: dict[str, _Take] = {"for": _take_duration, "max": _take_worst, "then": _take_end}
    _read(draft, context, takers, refused=("post",))
    market = draft.market or focused_market(context, verb.at)
    size = size_said(draft, market)
    best = market.bid if draft.side == "buy" else market.ask
    pricing = Pricing(context, market, draft.side, best)
    worst = price_of(draft.worst or _away(draft, verb.at, CHASE_MAX, "%"), pricing)
    lots = base_size(size, draft, pricing)
    duration_s, then = draft.duration_s or CHASE_S, draft.then or "stop"
    action = StartChase(
        market.instrument_id,
        draft.side,
        lots,
        worst,
        duration_s,
        then,
        is_reduce_only=reduces(draft),
        tag=draft.tag,
        book_seq=seen_in(context, market),
    )
    away = abs(worst - best) if best is not None else Decimal(0)
    what = f"for {duration_s}s max {plain(away)} then {then}"
    return Command((action,), _normal("chase", draft, market, context, lots, what), -1, size.at)


# Reading.


def _begun(words: Words, verb: Word, example: str) -> ParentDraft:
    said = words.take_if(*SIDES)
    if said is None:
        raise Fault(words.end, f"{verb.text} needs a side: `{example}`")
    return ParentDraft(SIDES[said.text], words)


def _read(
    draft: ParentDraft,
    context: Context,
    takers: dict[str, _Take],
    *,
    has_price: bool = False,
    refused: tuple[str, ...] = (),
) -> None:
    """Read words by the takers' own first words; `x` is that of a count, nothing of a range."""

    def take(one: Draft, word: Word) -> bool:
        assert isinstance(one, ParentDraft)
        name = word.text
        if "x" in takers and _COUNT.fullmatch(name):
            name = "x"
        elif "" in takers and ".." in name:
            name = ""
        if name not in takers:
            return False
        takers[name](one, word)
        return True

    prices = (take_price,) if has_price else ()
    read(draft, (take, *prices, take_flag, take_size), context)
    for flag in ("ioc", "fok", "gtc", *refused):
        if flag in draft.flags:
            raise Fault(draft.flags[flag], f"{flag} does not go with this command")


def _take_range(draft: ParentDraft, word: Word) -> None:
    if draft.levels is not None:
        raise Fault(word.at, "one range is enough")
    draft.words.take()
    low, _, high = word.text.partition("..")
    if not low or not high:
        raise Fault(word.at, "a range is written without blanks: `63800..64200`")
    draft.levels = (level_of(low, word.at), level_of(high, word.at + len(low) + 2))


def _take_count(draft: ParentDraft, word: Word) -> None:
    if draft.count:
        raise Fault(word.at, "one number of orders is enough")
    draft.words.take()
    draft.count = int(word.text[1:])
    if not draft.count:
        raise Fault(word.at, "a number of orders is above zero")


def _take_shape(draft: ParentDraft, word: Word) -> None:
    if draft.shape_at >= 0:
        raise Fault(word.at, "one shape is enough")
    draft.words.take()
    draft.shape, draft.shape_at = _SHAPES[word.text], word.at
    if draft.shape != "geo":
        return
    ratio = _following(draft, word, "1.5")
    draft.ratio = number_of(ratio.text, ratio.at)


def _take_duration(draft: ParentDraft, word: Word) -> None:
    if draft.duration_s:
        raise Fault(word.at, f"{quoted(word.text)} is said twice")
    draft.words.take()
    said = _following(draft, word, "30m")
    found = _DURATION.fullmatch(said.text)
    draft.duration_s = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not draft.duration_s:
        raise Fault(said.at, f"{quoted(said.typed)} is no time: `90s`, `30m`, `2h`")


def _take_jitter(draft: ParentDraft, word: Word) -> None:
    if draft.jitter is not None:
        raise Fault(word.at, "`jitter` is said twice")
    draft.words.take()
    said = _following(draft, word, "20%")
    draft.jitter = number_of(said.text.removesuffix("%"), said.at)


def _take_limit(draft: ParentDraft, word: Word) -> None:
    if draft.limit is not None:
        raise Fault(word.at, "one limit is enough")
    draft.words.take()
    draft.words.take_if("@", "at")
    draft.limit = take_level(draft.words, "limit")


def _take_worst(draft: ParentDraft, word: Word) -> None:
    if draft.worst is not None:
        raise Fault(word.at, "`max` is said twice")
    draft.words.take()
    said = _following(draft, word, "0.2%")
    found = _DIST.fullmatch(said.text)
    if found is None:
        raise Fault(said.at, f"{quoted(said.typed)} is no distance: `10t`, `5bp`, `0.2%`, `12.5`")
    dist = number_of(found["number"], said.at)
    draft.worst = _away(draft, said.at, dist, found["unit"] or "")


def _take_end(draft: ParentDraft, word: Word) -> None:
    if draft.then is not None:
        raise Fault(word.at, "`then` is said twice")
    draft.words.take()
    said = _following(draft, word, "stop")
    if said.text not in _ENDS:
        raise Fault(said.at, "a chase ends `then stop` or `then mkt`")
    draft.then = _ENDS[said.text]


def _take_show(draft: ParentDraft, word: Word) -> None:
    if draft.show is not None:
        raise Fault(word.at, "`show` is said twice")
    draft.words.take()
    size = size_of(_following(draft, word, "0.1"))
    if size.kind != "base":
        raise Fault(size.at, "what an iceberg shows is a number of units")
    draft.show = size.number


def _following(draft: ParentDraft, word: Word, example: str) -> Word:
    """Take the word that must follow."""
    if draft.words.peek() is None:
        raise Fault(draft.words.end, f"{word.text} needs more: `{word.text} {example}`")
    return draft.words.take()


def _away(draft: ParentDraft, at: int, dist: Decimal, unit: str) -> Level:
    """Return the price so far beyond the best one of the side."""
    is_buy = draft.side == "buy"
    return Level(at, ref="bid" if is_buy else "ask", sign=1 if is_buy else -1, dist=dist, unit=unit)


def _normal(
    verb: str, draft: ParentDraft, market: Market, context: Context, lots: Decimal, what: str
) -> str:
    words = [verb, draft.side, plain(lots), name_of(market, context), what]
    words += ["post"] if "post" in draft.flags else []
    words += ["reduce"] if reduces(draft) else []
    words += [f"tag {draft.tag}"] if draft.tag else []
    return " ".join(words)
