"""What a seed has met: a simulation that never comes to the hard places proves nothing.

The journals tell most of it; what they cannot know, such as how an engine died, the world adds.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from engine.model import account as a
from engine.model import facts as f
from engine.model.envelope import StorageDegraded
from engine.model.orders import OrderIntent

WORDS: Final[dict[type[object], str]] = {
    f.OrderIntended: "order approved",
    f.OrderDenied: "order denied by the gate",
    f.OrderSent: "order sent",
    f.OrderAcked: "order acknowledged",
    f.OrderUnknown: "order unknown",
    f.OrderFilled: "fill",
    f.OrderCanceled: "order canceled",
    f.OrderExpired: "order expired",
    f.CancelRejected: "cancel refused by the venue",
    f.OrderReplaced: "order amended",
    f.ReplaceRejected: "amend refused",
    f.SignalActed: "candle answered by a strategy",
    f.OrderAdopted: "order made elsewhere",
    f.FundingPaid: "funding paid",
    f.CashMoved: "money moved",
    f.AccountConfirmed: "account confirmed",
}

AT_A_VENUE: Final = (
    "order made elsewhere",
    "funding paid",
    "money moved",
    "account confirmed",
)

FAMILY_WORDS: Final[dict[type[object], str]] = {
    f.ParentStarted: "parent started",
    f.ParentPaused: "parent paused",
    f.ParentResumed: "parent resumed",
    f.ParentEnded: "parent ended",
    f.TrailSet: "trail set",
    f.TrailMoved: "trail moved",
    f.TrailEnded: "trail ended",
}

EVENT_WORDS: Final[dict[type[object], str]] = {
    a.PrivateDown: "private stream lost",
    a.ReportFailed: "report failed",
    a.QueryFailed: "query failed",
    StorageDegraded: "disk in trouble",
}
"""What no journal tells."""

NEVER_SENT: Final = ("never sent", "guard:", "never reached", "never came")

TRADING: Final = (
    *(word for word in WORDS.values() if word not in AT_A_VENUE),
    "order of a strategy",
    "order that only reduces",
    "protective order",
    "protective order filled",
    "close while killed",
    "order refused by the venue",
    "order refused by the guard for the kill switch",
    "order refused for a late disk",
    "order filled in parts",
    "fill after its order's end",
    "fill told twice",
    "killed",
    "released",
)

DYING: Final = (
    "crash at a file operation",
    "crash at an await",
    "crash with orders on their way",
    "crash while killed",
    "crash before trading began",
    "death of the process alone",
    "start that is killed at once",
    "order that never came to the venue",
    "records lost that nobody was told of",
    "restart on the paper venue",
)

FAMILIES: Final = ("order approved", "fill", "order amended", *FAMILY_WORDS.values())

WIRED: Final = ("order approved", "fill", "order canceled", "killed", "account confirmed")
LOSSY: Final = (
    *("private stream lost", "report failed", "query failed", "order unknown"),
    *("machine asleep", "process stopped", "clock away", "private frame lost", "hostile answer"),
    "alarm",
)
OTHERS: Final = (
    *("order made elsewhere", "funding paid", "money moved"),
    *("act before the account was known", "order of another engine"),
)
UPHEAVALS: Final = (
    *("position liquidated", "instrument delisted", "leverage changed"),
    *("key revoked", "start with a key that may withdraw"),
)
SURROUNDED: Final = ("position liquidated with orders around it",)
UNUSUAL: Final = (
    *("run that keeps orders", "run that flattens what is unprotected"),
    *("venue whose stops go along", "orderly end amid everything"),
)
BAD_DISK: Final = ("disk in trouble", "order refused for a late disk")
DEADLY: Final = (
    *("crash at a file operation", "crash at an await"),
    *("act while no engine lived", "wall clock set"),
)

EXPECTED: Final = {
    "CLEAN": TRADING + WIRED,
    "NET": WIRED + LOSSY + UNUSUAL,
    "VENUE": WIRED + OTHERS + UPHEAVALS + UNUSUAL + SURROUNDED,
    "DISK": WIRED + BAD_DISK,
    "CRASH": TRADING + DYING + WIRED,
    "PARENTS": FAMILIES,
    "CHAOS": WIRED + LOSSY + OTHERS + UPHEAVALS + BAD_DISK + DEADLY,
    "LIVENESS": WIRED + LOSSY + OTHERS + UPHEAVALS + BAD_DISK,
}
"""What the seeds of a profile in `make check` must meet, each at least once."""


def situations(facts: Iterable[f.Fact]) -> Counter[str]:
    """Count what the facts of all runs tell."""
    seen: Counter[str] = Counter()
    filled: Counter[str] = Counter()
    trades: set[tuple[str, str]] = set()
    ended: set[str] = set()
    protective: set[str] = set()
    trading_state = "active"
    for fact in facts:
        word = WORDS.get(type(fact)) or FAMILY_WORDS.get(type(fact))
        if word is not None:
            seen[word] += 1
        match fact:
            case f.OrderIntended():
                seen.update(_kinds(fact.intent))
                seen["close while killed"] += trading_state == "killed"
                if fact.intent.is_protective:
                    protective.add(fact.client_order_id)
            case f.OrderFilled():
                key = fact.client_order_id, fact.trade_id
                is_new = key not in trades
                trades.add(key)
                filled[fact.client_order_id] += is_new
                seen["fill told twice"] += not is_new
                seen["fill after its order's end"] += is_new and fact.client_order_id in ended
                seen["protective order filled"] += is_new and fact.client_order_id in protective
            case f.OrderCanceled() | f.OrderExpired():
                ended.add(fact.client_order_id)
            case f.OrderRejected():
                seen[_refusal(fact.reason)] += 1
            case f.TradingStateSet(scope="all"):
                trading_state = fact.state
                seen["killed"] += fact.state == "killed"
                seen["released"] += fact.state == "active"
            case _:
                continue
    seen["order filled in parts"] = sum(times > 1 for times in filled.values())
    return seen


def _kinds(intent: OrderIntent) -> list[str]:
    kinds = {
        "order of a strategy": bool(intent.signal),
        "order that only reduces": intent.spec.is_reduce_only,
        "protective order": intent.is_protective,
    }
    return [kind for kind, is_so in kinds.items() if is_so]


def _refusal(reason: str) -> str:
    if "kill switch" in reason:
        return "order refused by the guard for the kill switch"
    if "not on the disk" in reason:
        return "order refused for a late disk"
    if any(words in reason for words in NEVER_SENT):
        return "order that never came to the venue"
    return "order refused by the venue"
