"""Commands that make or change orders: buy, sell, stop, tp, sl, amend, close, flatten.

None of them becomes an order without an explicit price word; `close` and `flatten` say in their
normal form that they go to the market.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from cockpit.grammar_context import Context, Market, Working
from cockpit.grammar_words import (
    PRICE_WORDS,
    Fault,
    Level,
    Pricing,
    Size,
    Word,
    Words,
    focused_market,
    is_number,
    is_size,
    looks_like_number,
    market_of,
    plain,
    price_of,
    quoted,
    rounded_down,
    size_of,
    take_level,
)
from engine.model.commands import Action, AmendOrder, ClosePosition, SubmitOrder
from engine.model.instrument import InstrumentId
from engine.model.orders import Side, TimeInForce

FLAGS: Final = ("post", "reduce", "ioc", "fok", "gtc")
LIFETIMES: Final[dict[str, TimeInForce]] = {"ioc": "ioc", "fok": "fok", "gtc": "gtc"}
TAG_MAX: Final = 24
SIDES: Final[dict[str, Side]] = {"buy": "buy", "b": "buy", "sell": "sell", "s": "sell"}


class Command(NamedTuple):
    """One command of a line: its actions and how it is written in full."""

    actions: tuple[Action, ...]
    normal: str
    price_at: int = -1
    size_at: int = -1


class _Draft:
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


def trade(words: Words, verb: Word, context: Context) -> Command:
    """Return `buy` or `sell`, with the protective orders of its bracket."""
    draft = _Draft(SIDES[verb.text], words)
    _read(draft, (_take_price, _take_flag, _take_bracket, _take_size), context)
    market = draft.market or focused_market(context, verb.at)
    size = _size(draft, market, context)
    price = draft.price
    if price is None:
        raise Fault(
            words.end, "at which price? add `@ 64210.5`, bid, ask, mid, or mkt for the market"
        )
    _check_flags(draft, is_market=price == "mkt")
    best = market.ask if draft.side == "buy" else market.bid
    limit = None
    if price != "mkt":
        joined = market.bid if draft.side == "buy" else market.ask
        limit = price_of(price, Pricing(context, market, draft.side, joined))
    lots = _base_size(size, draft, Pricing(context, market, draft.side, limit or best))
    order = SubmitOrder(
        market.instrument_id,
        draft.side,
        "market" if limit is None else "limit",
        lots,
        price=limit,
        tif=_lifetime(draft),
        is_post_only="post" in draft.flags,
        is_reduce_only=_reduces(draft),
        tag=draft.tag,
        book_seq=_seen(context, market),
    )
    brackets = _brackets(draft, order, Pricing(context, market, draft.side, limit or best))
    where = "mkt" if limit is None else f"@ {plain(limit)}"
    normal = f"{draft.side} {plain(lots)} {name_of(market, context)} {where}{_tail(draft)}"
    for action in brackets:
        assert action.trigger is not None
        normal += f" {'sl' if action.type == 'stop' else 'tp'} {plain(action.trigger)}"
    return Command((order, *brackets), normal, draft.price_at, size.at)


def stop(words: Words, verb: Word, context: Context) -> Command:
    """Return `stop sell pos @ 63000 [limit 62900]`; protective where it reduces."""
    said = words.take_if(*SIDES)
    if said is None:
        raise Fault(words.end, "stop needs a side: `stop sell pos @ 63000`")
    draft = _Draft(SIDES[said.text], words)
    _read(draft, (_take_trigger, _take_flag, _take_limit, _take_size), context)
    market = draft.market or focused_market(context, verb.at)
    size = _size(draft, market, context)
    if draft.price is None or draft.price == "mkt":
        raise Fault(words.end, "at which price does it act? add `@ 63000`")
    if "post" in draft.flags:
        raise Fault(draft.flags["post"], "a stop takes what is there; post does not go with it")
    _check_flags(draft, is_market=False)
    pricing = Pricing(context, market, draft.side, market.last)
    trigger = price_of(draft.price, pricing)
    limit = None if draft.limit is None else price_of(draft.limit, pricing._replace(start=trigger))
    lots = _base_size(size, draft, pricing._replace(start=trigger))
    order = SubmitOrder(
        market.instrument_id,
        draft.side,
        "stop",
        lots,
        price=limit,
        trigger=trigger,
        tif=_lifetime(draft),
        is_reduce_only=_reduces(draft),
        is_protective=_reduces(draft),
        tag=draft.tag,
        book_seq=_seen(context, market),
    )
    limited = "" if limit is None else f" limit {plain(limit)}"
    normal = (
        f"stop {draft.side} {plain(lots)} {name_of(market, context)} @ {plain(trigger)}"
        f"{limited}{_tail(draft)}"
    )
    return Command((order,), normal, draft.price_at, size.at)


def protect(words: Words, verb: Word, context: Context) -> Command:
    """Return `tp LEVEL` or `sl LEVEL` for the whole position."""
    market = focused_market(context, verb.at)
    first = words.peek()
    if first is not None and first.text != "@" and context.matches(first.text):
        market = market_of(words.take(), context)
    words.take_if("@", "at")
    net = _position(market, context, verb.at)
    side: Side = "sell" if net > 0 else "buy"
    level = take_level(words, verb.text)
    words.finish()
    entry = context.entry(market.instrument_id)
    trigger = price_of(level, Pricing(context, market, side, entry))
    order = SubmitOrder(
        market.instrument_id,
        side,
        "stop" if verb.text == "sl" else "take_profit",
        abs(net),
        trigger=trigger,
        is_reduce_only=True,
        is_protective=True,
        book_seq=_seen(context, market),
    )
    normal = f"{verb.text} {name_of(market, context)} @ {plain(trigger)}"
    return Command((order,), normal, level.at, verb.at)


def amend(words: Words, verb: Word, context: Context) -> Command:
    """Return `amend o3 [@ level] [size s]`."""
    if words.peek() is None:
        raise Fault(words.end, "which order? `amend o3 @ 64200`")
    order = order_of(words.take(), context)
    market = context.market(order.instrument_id)
    if market is None:
        raise Fault(verb.at, f"the instrument of {order.short_id} is not known")
    price = size = None
    price_at = size_at = -1
    while (word := words.peek()) is not None:
        if price is None and words.take_if("@", "at"):
            level = take_level(words, "@")
            price_at = level.at
            joined = market.bid if order.side == "buy" else market.ask
            price = price_of(level, Pricing(context, market, order.side, joined))
        elif size is None and words.take_if("size"):
            size, size_at = _amended_size(words)
        else:
            raise Fault(word.at, f"{quoted(word.typed)}: write `@ 64200`, `size 0.5`, or both")
    if price is None and size is None:
        raise Fault(words.end, "to what? `@ 64200`, `size 0.5`, or both")
    normal = f"amend {order.short_id}"
    normal += "" if price is None else f" @ {plain(price)}"
    normal += "" if size is None else f" size {plain(size)}"
    action = AmendOrder(order.client_order_id, price, size)
    return Command((action,), normal, price_at, size_at)


def _amended_size(words: Words) -> tuple[Decimal, int]:
    word = words.peek()
    if word is None:
        raise Fault(words.end, "size needs a number")
    size = size_of(words.take())
    if size.kind != "base":
        raise Fault(size.at, "the size of an order is a number of units")
    return size.number, size.at


def close(words: Words, verb: Word, context: Context) -> Command:
    """Return `close [symbol|all] [25%] [price]`, or `flatten [symbol|all]`."""
    draft = _Draft("sell", words)
    is_all = words.take_if("all") is not None
    takers = (_take_price, _take_size) if verb.text == "close" else ()
    _read(draft, takers, context)
    share = Decimal(1)
    if draft.size is not None:
        if draft.size.kind not in ("share", "position"):
            raise Fault(draft.size.at, "close takes a share of the position, such as 25%")
        share = draft.size.number
    limit = draft.price if draft.price != "mkt" else None
    per_cent = f"{plain(share * 100)}%"
    size_at = -1 if draft.size is None else draft.size.at
    if is_all:
        if draft.market is not None:
            raise Fault(verb.at, "either all or one instrument")
        if limit is not None:
            raise Fault(limit.at, "one price does not fit all instruments; close all goes at mkt")
        action = ClosePosition(InstrumentId(""), share)
        return Command((action,), f"close all {per_cent} mkt", size_at=size_at)
    market = draft.market or focused_market(context, verb.at)
    net = _position(market, context, verb.at)
    price = None
    if limit is not None:
        side: Side = "sell" if net > 0 else "buy"
        start = market.ask if side == "sell" else market.bid
        price = price_of(limit, Pricing(context, market, side, start))
    where = "mkt" if price is None else f"@ {plain(price)}"
    normal = f"close {name_of(market, context)} {per_cent} {where}"
    action = ClosePosition(market.instrument_id, share, price)
    return Command((action,), normal, draft.price_at, size_at)


def order_of(word: Word, context: Context) -> Working:
    """Return the working order of a short id."""
    for order in context.orders:
        if word.text in (order.short_id.lower(), order.client_order_id.lower()):
            return order
    ids = ", ".join(order.short_id for order in context.orders[:8]) or "none"
    raise Fault(word.at, f"{quoted(word.typed)} is not a working order; working: {ids}")


# Reading, in any order.

_Taker = Callable[[_Draft, Word], bool]


def _read(draft: _Draft, takers: tuple[_Taker, ...], context: Context) -> None:
    """Read what follows the verb; what no taker knows is an instrument."""
    while (word := draft.words.peek()) is not None:
        if any(take(draft, word) for take in takers):
            continue
        if word.text in ("@", "at"):
            raise Fault(word.at, "one price is enough")
        if draft.market is not None:
            raise Fault(word.at, f"{quoted(word.typed)} does not belong here")
        draft.market = market_of(draft.words.take(), context)


def _take_price(draft: _Draft, word: Word) -> bool:
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


def _take_trigger(draft: _Draft, word: Word) -> bool:
    if word.text == "mkt":
        raise Fault(word.at, "a stop acts at the market by itself; give its price: `@ 63000`")
    return _take_price(draft, word)


def _take_limit(draft: _Draft, word: Word) -> bool:
    if word.text != "limit":
        return False
    if draft.limit is not None:
        raise Fault(word.at, "one limit is enough")
    draft.words.take()
    draft.words.take_if("@", "at")
    draft.limit = take_level(draft.words, "limit")
    return True


def _take_flag(draft: _Draft, word: Word) -> bool:
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


def _take_bracket(draft: _Draft, word: Word) -> bool:
    if word.text not in ("tp", "sl"):
        return False
    if word.text in draft.bracket:
        raise Fault(word.at, f"{quoted(word.text)} is said twice")
    draft.words.take()
    draft.words.take_if("@", "at")
    draft.bracket[word.text] = take_level(draft.words, word.text)
    return True


def _take_size(draft: _Draft, word: Word) -> bool:
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


def _take_odd_number(draft: _Draft, word: Word) -> bool:
    """Refuse a badly written number with its own sentence, unless an instrument is called so."""
    if word.text[:1].isdigit() and any(letter.isalpha() for letter in word.text):
        return False
    size_of(word)
    return False


# Putting together.


def _size(draft: _Draft, market: Market, context: Context) -> Size:
    if draft.size is not None:
        return draft.size
    del context
    raise Fault(
        draft.words.end,
        f"how much {market.name}? `0.5`, `$500`, `q`, or `pos` and `25%` with reduce",
    )


def _base_size(size: Size, draft: _Draft, pricing: Pricing) -> Decimal:
    """Return the size in units of the instrument, cut downwards where it had to be computed."""
    market, context = pricing.market, pricing.context
    if size.kind == "base":
        return size.number
    if size.kind in ("quote", "quick"):
        amount = size.number if size.kind == "quote" else context.quick
        if amount is None:
            raise Fault(size.at, "there is no quick size here; give a number")
        if pricing.start is None:
            raise Fault(size.at, f"no price of {market.name} is known to make units of money")
        scale = Decimal(10) ** market.size_decimals
        units = amount * scale // pricing.start / scale
        if units <= 0:
            raise Fault(size.at, f"{quoted(size.typed)} buys less than the smallest size")
        return units
    return _share_of_position(size, draft, market, context)


def _share_of_position(size: Size, draft: _Draft, market: Market, context: Context) -> Decimal:
    if size.kind == "share" and "reduce" not in draft.flags:
        raise Fault(
            size.at,
            "% without reduce would mean free margin, which is not offered; add reduce, or give "
            "a size",
        )
    net = _position(market, context, size.at)
    if (net > 0) == (draft.side == "buy"):
        held = "long" if net > 0 else "short"
        raise Fault(
            size.at, f"{market.name} is {held} {plain(abs(net))}; {draft.side} would add to it"
        )
    if size.kind == "position":
        return abs(net)
    share = rounded_down(abs(net) * size.number, market.size_decimals)
    if share <= 0:
        raise Fault(size.at, f"{quoted(size.typed)} of {plain(abs(net))} is nothing")
    return share


def _position(market: Market, context: Context, at: int) -> Decimal:
    net = context.net(market.instrument_id)
    if net is None:
        raise Fault(at, "the positions are not known yet")
    if net == 0:
        raise Fault(at, f"there is no open position in {market.name}")
    return net


def _reduces(draft: _Draft) -> bool:
    """Whether it may only reduce: said, or because it is the position itself."""
    return "reduce" in draft.flags or (draft.size is not None and draft.size.kind == "position")


def _check_flags(draft: _Draft, *, is_market: bool) -> None:
    lives = [flag for flag in draft.flags if flag in LIFETIMES]
    if len(lives) > 1:
        raise Fault(draft.flags[lives[1]], f"{lives[0]} and {lives[1]} exclude each other")
    if "post" in draft.flags:
        at = draft.flags["post"]
        if is_market:
            raise Fault(at, "an order at the market cannot be post-only")
        if lives and lives[0] != "gtc":
            raise Fault(at, f"post and {lives[0]} exclude each other")
    if draft.bracket and _reduces(draft):
        raise Fault(draft.words.end, "a reducing order opens nothing that tp or sl could protect")


def _lifetime(draft: _Draft) -> TimeInForce:
    return next((LIFETIMES[flag] for flag in draft.flags if flag in LIFETIMES), "gtc")


def _tail(draft: _Draft) -> str:
    words = [flag for flag in FLAGS if flag in draft.flags and flag != "gtc"]
    if _reduces(draft) and "reduce" not in words:
        words.append("reduce")
    if draft.tag:
        words.append(f"tag {draft.tag}")
    return "".join(f" {word}" for word in words)


def _brackets(draft: _Draft, order: SubmitOrder, pricing: Pricing) -> tuple[SubmitOrder, ...]:
    """Return the protective orders of a new position, the stop before the profit."""
    side: Side = "sell" if order.side == "buy" else "buy"
    protective = []
    for word in ("tp", "sl"):
        level = draft.bracket.get(word)
        if level is None:
            continue
        trigger = price_of(level, pricing._replace(side=side, entry=pricing.start))
        _check_bracket(word, trigger, level, order, pricing)
        protective.append(
            SubmitOrder(
                order.instrument_id,
                side,
                "stop" if word == "sl" else "take_profit",
                order.size,
                trigger=trigger,
                is_reduce_only=True,
                is_protective=True,
                tag=order.tag,
                book_seq=order.book_seq,
            )
        )
    return tuple(protective)


def _check_bracket(
    word: str, trigger: Decimal, level: Level, order: SubmitOrder, pricing: Pricing
) -> None:
    start = pricing.start
    if start is None:
        return
    is_above = (word == "tp") == (order.side == "buy")
    if trigger == start or (trigger > start) != is_above:
        where = "above" if is_above else "below"
        raise Fault(
            level.at, f"{word} of a {order.side} at {plain(start)} stands {where} it, not at "
            f"{plain(trigger)}"
        )


def _seen(context: Context, market: Market) -> int:
    """Return the version of the book that the person looked at, if it was this one's."""
    return context.book_seq if market.instrument_id == context.focused else 0


def name_of(market: Market, context: Context) -> str:
    """Return how an instrument is written so that it is found again."""
    is_plain = market.name and not is_size(market.name.lower()) and ";" not in market.name
    if is_plain and context.matches(market.name) == (market,):
        return market.name
    return market.instrument_id
