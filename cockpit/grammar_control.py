"""Commands that cancel, stop, arm and release."""

import re
from typing import Final

from msgspec.structs import replace

from cockpit.grammar_context import Context
from cockpit.grammar_draft import Command
from cockpit.grammar_orders import name_of, order_of
from cockpit.grammar_words import (
    Fault,
    Word,
    Words,
    focused_market,
    market_of,
    number_of,
    plain,
    quoted,
)
from engine.model.commands import (
    ARM_S,
    Accept,
    Action,
    Arm,
    CancelAll,
    CancelOrders,
    CancelParents,
    ClosePosition,
    Disarm,
    EngageKill,
    ReleaseKill,
    Resume,
    ResumeParent,
    SetLimit,
    SetReduceOnly,
    StartStrategy,
    StopStrategy,
    TakeOrders,
    UnwatchInstrument,
    WatchInstrument,
)
from engine.model.instrument import USD_QUOTES, symbol_of
from engine.model.orders import Side

ARM_S_MAX: Final = 86_400
REASON_MAX: Final = 200
SYMBOL_MAX: Final = 60
TIMEFRAMES: Final = {
    "1s": 1,
    "5s": 5,
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "1h": 3_600,
    "4h": 14_400,
    "1d": 86_400,
}
_DURATION: Final = re.compile(r"([0-9]{1,6})(s|m|h)", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600}
_NAME: Final = re.compile(r"[\w.:/-]{1,60}", re.ASCII)
WIDER: Final = ("stops", "external")
"""What `cancel all` takes along only if it is said: protective orders, and those made elsewhere."""


def cancel(words: Words, verb: Word, context: Context) -> Command:
    """Return `cancel all|bids|asks|last|id ...|symbol [stops] [external]`; an id is `o3`, `a1`."""
    word = words.peek()
    if word is None:
        raise Fault(words.end, "cancel what? all, bids, asks, last, an id such as o3, or a symbol")
    if word.text in ("bids", "asks"):
        return _cancel_side(words, context)
    if word.text == "last":
        words.take()
        words.finish()
        if not context.orders:
            raise Fault(word.at, "no order is working")
        last = context.orders[-1]
        return Command((CancelOrders((last.client_order_id,)),), f"cancel {last.short_id}")
    if word.text == "all":
        words.take()
        return _cancel_all(words, "all", CancelAll())
    is_order = word.text in context.parents or any(
        word.text == order.short_id.lower() for order in context.orders
    )
    if not is_order and context.matches(word.text):
        market = market_of(words.take(), context)
        return _cancel_all(words, name_of(market, context), CancelAll(market.instrument_id))
    return _cancel_named(words, context)


def _cancel_named(words: Words, context: Context) -> Command:
    """Return the cancels of orders and parents by their names."""
    orders, parents = [], []
    while (word := words.peek()) is not None:
        if word.text in context.parents:
            parents.append(words.take().text)
        else:
            orders.append(order_of(words.take(), context))
    actions: list[Action] = []
    if orders:
        actions.append(CancelOrders(tuple(dict.fromkeys(one.client_order_id for one in orders))))
    if parents:
        actions.append(CancelParents(tuple(dict.fromkeys(parents))))
    shown = " ".join(dict.fromkeys([*(one.short_id for one in orders), *parents]))
    return Command(tuple(actions), f"cancel {shown}")


def _cancel_side(words: Words, context: Context) -> Command:
    word = words.take()
    side: Side = "buy" if word.text == "bids" else "sell"
    following = words.peek()
    if following is not None and following.text not in WIDER:
        market = market_of(words.take(), context)
    else:
        market = focused_market(context, word.at)
    what = f"{word.text} {name_of(market, context)}"
    return _cancel_all(words, what, CancelAll(market.instrument_id, side))


def _cancel_all(words: Words, what: str, action: CancelAll) -> Command:
    said = set()
    while (word := words.take_if(*WIDER)) is not None:
        said.add(word.text)
    words.finish()
    action = replace(action, with_stops="stops" in said, with_external="external" in said)
    tail = "".join(f" {word}" for word in WIDER if word in said)
    return Command((action,), f"cancel {what}{tail}")


def kill(words: Words, verb: Word, context: Context) -> Command:
    """Return `kill [flatten]`, or `kill stops` that takes along what protects."""
    if words.take_if("flatten"):
        words.finish()
        return Command((EngageKill(), ClosePosition()), "kill flatten")
    with_stops = words.take_if("stops") is not None
    words.finish()
    return Command((EngageKill(with_stops=with_stops),), "kill stops" if with_stops else "kill")


def unkill(words: Words, verb: Word, context: Context) -> Command:
    """Return `unkill REASON`; the engine says whether the reason is needed."""
    first = words.peek()
    texts = []
    while words.peek() is not None:
        texts.append(words.take().typed)
    reason = " ".join(texts)
    if first is not None and len(reason) > REASON_MAX:
        raise Fault(first.at, f"a reason has at most {REASON_MAX} characters")
    return Command((ReleaseKill(reason),), f"unkill {reason}".rstrip())


def limit(words: Words, verb: Word, context: Context) -> Command:
    """Return `limit NAME NUMBER`, or `limit NAME file` for what the risk file says."""
    if words.peek() is None:
        raise Fault(words.end, "which limit? Its name in the risk file, then a number or `file`")
    name = words.take().text
    if words.take_if("file"):
        words.finish()
        return Command((SetLimit(name, None),), f"limit {name} file")
    word = words.peek()
    if word is None:
        raise Fault(words.end, "what shall it be? A number, or `file` for what the risk file says")
    words.take()
    words.finish()
    value = number_of(word.text, word.at)
    return Command((SetLimit(name, value),), f"limit {name} {plain(value)}")


def resume(words: Words, verb: Word, context: Context) -> Command:
    """Return `resume [scope]`, or `resume a1` for a parent order."""
    word = words.peek()
    if word is not None and word.text in context.parents:
        words.take()
        words.finish()
        return Command((ResumeParent(word.text),), f"resume {word.text}")
    scope = _scope(words, context)
    return Command((Resume(scope),), f"resume {scope}")


def _scope(words: Words, context: Context) -> str:
    if words.peek() is None:
        return "all"
    word = words.take()
    words.finish()
    if _NAME.fullmatch(word.typed) is None:
        raise Fault(word.at, "a scope is all, an instrument, a venue or a strategy")
    named = [m for m in context.matches(word.text) if m.name.lower() == word.text]
    return named[0].instrument_id if len(named) == 1 else word.typed


def arm(words: Words, verb: Word, context: Context) -> Command:
    """Return `arm [15m]`."""
    duration_s = ARM_S
    if words.peek() is not None:
        word = words.take()
        found = _DURATION.fullmatch(word.text)
        duration_s = int(found[1]) * _SECONDS[found[2]] if found else 0
        if not 0 < duration_s <= ARM_S_MAX:
            raise Fault(word.at, f"{quoted(word.typed)}: for how long? 15m, 900s, at most 24h")
    words.finish()
    return Command((Arm(duration_s),), f"arm {duration_s}s")


def disarm(words: Words, verb: Word, context: Context) -> Command:
    """Return `disarm`."""
    words.finish()
    return Command((Disarm(),), "disarm")


def take(words: Words, verb: Word, context: Context) -> Command:
    """Return `take`: this screen gives the orders from now on."""
    words.finish()
    return Command((TakeOrders(),), "take")


def accept(words: Words, verb: Word, context: Context) -> Command:
    """Return `accept restart|difference SYMBOL|CURRENCY`: the answer to what the engine asked."""
    if words.peek() is None:
        raise Fault(words.end, "accept what? restart, or difference and a symbol")
    word = words.take()
    if word.text == "difference":
        if words.peek() is None:
            raise Fault(words.end, "accept the difference of which instrument? or USDT: the cash")
        named = words.take()
        currency = named.text.upper()
        if currency in USD_QUOTES:
            words.finish()
            return Command((Accept(f"difference {currency}"),), f"accept difference {currency}")
        market = market_of(named, context)
        words.finish()
        what = f"difference {market.instrument_id}"
        return Command((Accept(what),), f"accept difference {name_of(market, context)}")
    words.finish()
    if _NAME.fullmatch(word.typed) is None:
        raise Fault(word.at, f"{quoted(word.typed)} is nothing that a start asks: restart")
    return Command((Accept(word.text),), f"accept {word.text}")


def strategy(words: Words, verb: Word, context: Context) -> Command:
    """Return `strat start NAME [sym] [timeframe]` or `strat stop|pause|resume NAME [sym]`."""
    said = words.take_if("start", "stop", "pause", "resume")
    if said is None:
        at = words.end if (word := words.peek()) is None else word.at
        raise Fault(at, "strat start NAME [symbol], or stop, pause or resume instead of start")
    name = words.peek()
    if name is None:
        raise Fault(words.end, "which strategy? its name is in pane 9")
    if _NAME.fullmatch(name.typed) is None:
        raise Fault(name.at, f"{quoted(name.typed)} is no name of a strategy")
    words.take()
    timeframe = words.take_if(*TIMEFRAMES) if said.text == "start" else None
    word = words.peek()
    market = focused_market(context, verb.at) if word is None else market_of(words.take(), context)
    if timeframe is None and said.text == "start":
        timeframe = words.take_if(*TIMEFRAMES)
    words.finish()
    normal = f"strat {said.text} {name.typed} {name_of(market, context)}"
    if said.text == "stop":
        return Command((StopStrategy(name.typed, market.instrument_id),), normal)
    scope = f"strategy:{name.typed}@{symbol_of(market.instrument_id)}"
    if said.text == "pause":
        return Command((SetReduceOnly(scope),), normal)
    if said.text == "resume":
        return Command((Resume(scope),), normal)
    seconds = 0 if timeframe is None else TIMEFRAMES[timeframe.text]
    normal += "" if timeframe is None else f" {timeframe.text}"
    return Command((StartStrategy(name.typed, market.instrument_id, seconds),), normal)


def subscribe(words: Words, verb: Word, context: Context) -> Command:
    """Return `sub SYMBOL`, by the venue's own name: it is none of those that are known here."""
    if words.peek() is None:
        raise Fault(words.end, "sub what? the venue's name of an instrument")
    word = words.take()
    words.finish()
    if len(word.typed) > SYMBOL_MAX or not word.typed.isprintable():
        raise Fault(word.at, f"{quoted(word.typed)} is no name of an instrument")
    return Command((WatchInstrument(word.typed),), f"sub {word.typed}")


def unsubscribe(words: Words, verb: Word, context: Context) -> Command:
    """Return `unsub [sym]`."""
    word = words.peek()
    market = focused_market(context, verb.at) if word is None else market_of(words.take(), context)
    words.finish()
    name = name_of(market, context)
    return Command((UnwatchInstrument(market.instrument_id),), f"unsub {name}")
