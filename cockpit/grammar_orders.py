"""Commands that make or change orders: buy, sell, stop, tp, sl, amend, close, flatten.

None of them becomes an order without an explicit price word; `close` and `flatten` say in their
normal form that they go to the market.
"""

from decimal import Decimal

from msgspec.structs import replace

from cockpit.grammar_context import Context, Market, Working
from cockpit.grammar_draft import (
    FLAGS,
    LIFETIMES,
    SIDES,
    Command,
    Draft,
    read,
    take_bracket,
    take_flag,
    take_limit,
    take_price,
    take_size,
    take_trail,
    take_trigger,
)
from cockpit.grammar_words import (
    Fault,
    Level,
    Pricing,
    Size,
    Word,
    Words,
    focused_market,
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
from engine.model.commands import AmendOrder, ClosePosition, SetTrail, SubmitOrder
from engine.model.instrument import InstrumentId
from engine.model.orders import Side, TimeInForce


def trade(words: Words, verb: Word, context: Context) -> Command:
    """Return `buy` or `sell`, with the protective orders of its bracket."""
    draft = Draft(SIDES[verb.text], words)
    read(draft, (take_price, take_flag, take_bracket, take_size), context)
    market = draft.market or focused_market(context, verb.at)
    size = size_said(draft, market)
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
    lots = base_size(size, draft, Pricing(context, market, draft.side, limit or best))
    order = SubmitOrder(
        market.instrument_id,
        draft.side,
        "market" if limit is None else "limit",
        lots,
        price=limit,
        tif=_lifetime(draft),
        is_post_only="post" in draft.flags,
        is_reduce_only=reduces(draft),
        tag=draft.tag,
        book_seq=seen_in(context, market),
    )
    order = _bracketed(draft, order, Pricing(context, market, draft.side, limit or best))
    where = "mkt" if limit is None else f"@ {plain(limit)}"
    normal = f"{draft.side} {plain(lots)} {name_of(market, context)} {where}{_tail(draft)}"
    normal += "" if order.target is None else f" tp {plain(order.target)}"
    normal += "" if order.stop is None else f" sl {plain(order.stop)}"
    normal += "" if draft.trail is None else f" trail {draft.trail.normal}"
    return Command((order,), normal, draft.price_at, size.at)


def stop(words: Words, verb: Word, context: Context) -> Command:
    """Return `stop sell pos @ 63000 [limit 62900]`; protective where it reduces."""
    said = words.take_if(*SIDES)
    if said is None:
        raise Fault(words.end, "stop needs a side: `stop sell pos @ 63000`")
    draft = Draft(SIDES[said.text], words)
    read(draft, (take_trigger, take_flag, take_limit, take_size), context)
    market = draft.market or focused_market(context, verb.at)
    size = size_said(draft, market)
    if draft.price is None or draft.price == "mkt":
        raise Fault(words.end, "at which price does it act? add `@ 63000`")
    if "post" in draft.flags:
        raise Fault(draft.flags["post"], "a stop takes what is there; post does not go with it")
    _check_flags(draft, is_market=False)
    pricing = Pricing(context, market, draft.side, market.last)
    trigger = price_of(draft.price, pricing)
    limit = None if draft.limit is None else price_of(draft.limit, pricing._replace(start=trigger))
    lots = base_size(size, draft, pricing._replace(start=trigger))
    order = SubmitOrder(
        market.instrument_id,
        draft.side,
        "stop",
        lots,
        price=limit,
        trigger=trigger,
        tif=_lifetime(draft),
        is_reduce_only=reduces(draft),
        is_protective=reduces(draft),
        tag=draft.tag,
        book_seq=seen_in(context, market),
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
    net = position_of(market, context, verb.at)
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
        book_seq=seen_in(context, market),
    )
    normal = f"{verb.text} {name_of(market, context)} @ {plain(trigger)}"
    return Command((order,), normal, level.at, verb.at)


def trail(words: Words, verb: Word, context: Context) -> Command:
    """Return `trail [symbol] DIST`: a stop for the whole position that follows the price."""
    first = words.peek()
    market = focused_market(context, verb.at)
    if first is not None and not looks_like_number(first.text):
        market = market_of(words.take(), context)
    position_of(market, context, verb.at)
    dist = take_trail(words)
    words.finish()
    normal = f"trail {name_of(market, context)} {dist.normal}"
    return Command((SetTrail(market.instrument_id, dist.wish),), normal, dist.at, verb.at)


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
    draft = Draft("sell", words)
    is_all = words.take_if("all") is not None
    takers = (take_price, take_size) if verb.text == "close" else ()
    read(draft, takers, context)
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
    net = position_of(market, context, verb.at)
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


# Putting together.


def size_said(draft: Draft, market: Market) -> Size:
    """Return the size that was said."""
    if draft.size is not None:
        return draft.size
    raise Fault(
        draft.words.end,
        f"how much {market.name}? `0.5`, `$500`, `q`, or `pos` and `25%` with reduce",
    )


def base_size(size: Size, draft: Draft, pricing: Pricing) -> Decimal:
    """Return the size in units of the instrument, cut downwards where it had to be computed."""
    market, context = pricing.market, pricing.context
    if size.kind == "base":
        return size.number
    if size.kind in ("quote", "quick"):
        amount = size.number if size.kind == "quote" else context.quick
        if amount is None:
            raise Fault(size.at, "there is no quick size here; give a number")
        if pricing.start is None:
            raise Fault(
                size.at,
                f"no price of {market.name} is on this screen to make units of money; "
                "look at it, or give a size in units",
            )
        scale = Decimal(10) ** market.size_decimals
        units = amount * scale // pricing.start / scale
        if units <= 0:
            raise Fault(size.at, f"{quoted(size.typed)} buys less than the smallest size")
        return units
    return _share_of_position(size, draft, market, context)


def _share_of_position(size: Size, draft: Draft, market: Market, context: Context) -> Decimal:
    if size.kind == "share" and "reduce" not in draft.flags:
        raise Fault(
            size.at,
            "% without reduce would mean free margin, which is not offered; add reduce, or give "
            "a size",
        )
    net = position_of(market, context, size.at)
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


def position_of(market: Market, context: Context, at: int) -> Decimal:
    """Return the net position; there must be one."""
    net = context.net(market.instrument_id)
    if net is None:
        raise Fault(at, "the positions are not known yet")
    if net == 0:
        raise Fault(at, f"there is no open position in {market.name}")
    return net


def reduces(draft: Draft) -> bool:
    """Whether it may only reduce: said, or because it is the position itself."""
    return "reduce" in draft.flags or (draft.size is not None and draft.size.kind == "position")


def _check_flags(draft: Draft, *, is_market: bool) -> None:
    lives = [flag for flag in draft.flags if flag in LIFETIMES]
    if len(lives) > 1:
        raise Fault(draft.flags[lives[1]], f"{lives[0]} and {lives[1]} exclude each other")
    if "post" in draft.flags:
        at = draft.flags["post"]
        if is_market:
            raise Fault(at, "an order at the market cannot be post-only")
        if lives and lives[0] != "gtc":
            raise Fault(at, f"post and {lives[0]} exclude each other")
    if (draft.bracket or draft.trail is not None) and reduces(draft):
        raise Fault(draft.words.end, "a reducing order opens nothing that tp or sl could protect")


def _lifetime(draft: Draft) -> TimeInForce:
    return next((LIFETIMES[flag] for flag in draft.flags if flag in LIFETIMES), "gtc")


def _tail(draft: Draft) -> str:
    words: list[str] = [flag for flag in FLAGS if flag in draft.flags and flag != "gtc"]
    if reduces(draft) and "reduce" not in words:
        words.append("reduce")
    if draft.tag:
        words.append(f"tag {draft.tag}")
    return "".join(f" {word}" for word in words)


def _bracketed(draft: Draft, order: SubmitOrder, pricing: Pricing) -> SubmitOrder:
    """Return the order with the triggers that protect what it fills."""
    side: Side = "sell" if order.side == "buy" else "buy"
    triggers: dict[str, Decimal] = {}
    for word, level in draft.bracket.items():
        trigger = price_of(level, pricing._replace(side=side, entry=pricing.start))
        _check_bracket(word, trigger, level, order, pricing)
        triggers[word] = trigger
    trail = None if draft.trail is None else draft.trail.wish
    return replace(order, stop=triggers.get("sl"), target=triggers.get("tp"), trail=trail)


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
            level.at,
            f"{word} of a {order.side} at {plain(start)} stands {where} it, not at "
            f"{plain(trigger)}",
        )


def seen_in(context: Context, market: Market) -> int:
    """Return the version of the book that the person looked at, if it was this one's."""
    return context.book_seq if market.instrument_id == context.focused else 0


def name_of(market: Market, context: Context) -> str:
    """Return how an instrument is written so that it is found again."""
    is_plain = market.name and not is_size(market.name.lower()) and ";" not in market.name
    if is_plain and context.matches(market.name) == (market,):
        return market.name
    return market.instrument_id
