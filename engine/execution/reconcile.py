"""What a venue's report means beside the ledger: verdicts, never changes (R40 to R45).

All of it is pure. What was filled is a fact wherever it is told; that an order or a position is
there, or is not, is only what the venue showed at some moment, and is asked again where it is in
doubt (R43).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, assert_never

import msgspec

from engine.execution.holdings import MONEY_STEP, Holding
from engine.execution.ledger import Ledger, is_engines
from engine.execution.ledger_orders import OrderRecord
from engine.execution.positions import EXACT, Steps, is_sane, signed_lots, total
from engine.model import facts as f
from engine.model.account import (
    BY_VENUE_ID,
    AccountReported,
    BalanceSeen,
    CashSeen,
    OrderSeen,
    PositionSeen,
)
from engine.model.instrument import InstrumentId
from engine.model.numbers import NS_PER_S
from engine.model.orders import EXTERNAL, OrderIntent, OrderSpec

SETTLED_NS: Final = 5 * NS_PER_S
"""What changed more recently before a report is not judged by it (R43)."""

ROUNDING: Final = Decimal("0.01")
"""A difference of cash below a cent comes from digits; it is told, and changes no limit."""

OPEN: Final = ("open", "partial")

SHOWN: Final = (*OPEN, "unclear")
"""Of a report: what it lists is there, whatever is said of it."""


def name_of(seen: OrderSeen) -> str:
    """Return the id that an order has in the ledger."""
    return seen.client_order_id or BY_VENUE_ID + seen.venue_order_id


# One order.


def news_of(order: OrderRecord, seen: OrderSeen, ts_ns: int) -> tuple[f.OrderReport, ...]:
    """Return what brings an order to what the venue shows of it; its fills are booked already."""
    if order.is_final or seen.state == "unclear":
        return ()
    cid, reason = order.client_order_id, seen.reason or "as the venue shows it"
    match seen.state:
        case "rejected":
            return (f.OrderRejected(ts_ns, cid, reason),)
        case "canceled":
            return (f.OrderCanceled(ts_ns, cid, reason),)
        case "expired":
            return (f.OrderExpired(ts_ns, cid, reason),)
        case "filled":
            return _filled(order, seen, ts_ns)
        case "open" | "partial":
            return _working(order, seen, ts_ns)
        case _:
            assert_never(seen.state)


def _filled(order: OrderRecord, seen: OrderSeen, ts_ns: int) -> tuple[f.OrderReport, ...]:
    """Return what ends an order of which the venue has filled all, though it is less than ours.

    It was amended, or made smaller by the venue, as a reduce-only order larger than the position.
    """
    cid = order.client_order_id
    terms: tuple[f.OrderReport, ...] = _terms(order, seen, ts_ns)
    size = seen.qty_lots if terms else order.spec.qty_lots
    if not terms and order.asked_qty_lots is not None:
        terms = (f.ReplaceRejected(ts_ns, cid, "it was filled before"),)
    if size <= order.filled_lots:
        return terms
    return (*terms, f.OrderExpired(ts_ns, cid, "the venue calls it filled"))


def _working(order: OrderRecord, seen: OrderSeen, ts_ns: int) -> tuple[f.OrderReport, ...]:
    """Return what an order comes to that works at the venue."""
    cid = order.client_order_id
    news: list[f.OrderReport] = []
    terms = _terms(order, seen, ts_ns)
    if not terms and order.asked_qty_lots is not None:
        news.append(f.ReplaceRejected(ts_ns, cid, "the venue has it as it was"))
    if order.state not in (*OPEN, "pending_cancel"):
        news.append(f.OrderAcked(ts_ns, cid, seen.venue_order_id))
    return (*news, *terms)


def _terms(order: OrderRecord, seen: OrderSeen, ts_ns: int) -> tuple[f.OrderReport, ...]:
    """Return the change of price and size that we have not heard of; none where they are the same.

    Only what rests at a price can be amended.
    """
    spec, limit = order.spec, seen.limit_ticks
    if limit is None or (limit, seen.qty_lots) == (spec.limit_ticks, spec.qty_lots):
        return ()
    return (f.OrderReplaced(ts_ns, order.client_order_id, limit, seen.qty_lots),)


# A whole report.


def missing_fills(ledger: Ledger, fills: Iterable[f.OrderFilled]) -> list[f.OrderFilled]:
    """Return the fills that are not booked yet, each once, in order of time.

    What was filled before the account was opened is in what it began with.
    """
    since = (fill for fill in fills if fill.ts_ns >= ledger.since_ns)
    new = dict.fromkeys(fill for fill in since if not ledger.is_booked(fill))
    return sorted(new, key=lambda fill: (fill.ts_ns, fill.trade_id))


def cash_facts(
    ledger: Ledger, cash: Iterable[CashSeen], ts_ns: int
) -> list[f.FundingPaid | f.CashMoved]:
    """Return the movements of money that are not counted yet, and not in the opening."""
    found: list[f.FundingPaid | f.CashMoved] = []
    for seen in cash:
        if seen.ts_ns < ledger.since_ns or ledger.is_moved(seen.kind, seen.movement_id):
            continue
        name, steps = seen.instrument_id, None
        if seen.kind == "funding" and name is not None:
            steps = ledger.steps(name)
        if (
            name is not None
            and steps is not None
            and (steps.quote or seen.currency) == seen.currency
        ):
            paid = f.FundingPaid(ts_ns, name, -seen.amount, seen.movement_id, seen.ts_ns)
            found.append(paid)
        else:
            moved = (seen.movement_id, seen.kind, seen.currency, seen.amount, seen.ts_ns)
            found.append(f.CashMoved(ts_ns, *moved))
    return found


def strangers(ledger: Ledger, report: AccountReported, ts_ns: int) -> list[f.OrderAdopted]:
    """Return the working orders that the ledger never knew (R34)."""
    return [
        adopted(seen, OrderIntent(spec_of(seen), EXTERNAL, tag="made elsewhere"), ts_ns)
        for seen in report.orders
        if seen.state in SHOWN
        and seen.filled_lots < seen.qty_lots
        and name_of(seen) not in ledger.orders
    ]


def others_engines(ledger: Ledger, report: AccountReported) -> tuple[str, ...]:
    """Return the working orders that an engine placed, but none of those whose journal is ours."""
    return tuple(
        seen.client_order_id
        for seen in report.orders
        if seen.state in SHOWN
        and is_engines(seen.client_order_id)
        and _is_not_ours(ledger, seen.client_order_id)
    )


def _is_not_ours(ledger: Ledger, client_order_id: str) -> bool:
    order = ledger.orders.get(client_order_id)
    return order is None or order.intent.owner == EXTERNAL


def unclear(report: AccountReported) -> tuple[OrderSeen, ...]:
    """Return the listed orders of which the venue says what nobody has described (R25)."""
    return tuple(seen for seen in report.orders if seen.state == "unclear")


def adopted(seen: OrderSeen, intent: OrderIntent, ts_ns: int) -> f.OrderAdopted:
    """Return that an order works which we did not count."""
    return f.OrderAdopted(ts_ns, name_of(seen), seen.venue_order_id, intent, seen.filled_lots)


def spec_of(seen: OrderSeen) -> OrderSpec:
    """Return what an order asks for, as the venue shows it."""
    return OrderSpec(
        seen.instrument_id,
        seen.side,
        seen.type,
        seen.qty_lots,
        limit_ticks=seen.limit_ticks,
        trigger_ticks=seen.trigger_ticks,
        is_reduce_only=seen.is_reduce_only,
    )


def doubtful(ledger: Ledger, report: AccountReported, changed_ns: Mapping[str, int]) -> list[str]:
    """Return the orders that must be asked for singly, because the report shows them otherwise.

    Args:
        ledger: What we know.
        report: What the venue showed.
        changed_ns: When each order changed last; one that has not left is missing.
    """
    shown = {name_of(seen): seen for seen in report.orders if seen.state in SHOWN}
    found = []
    for cid, order in ledger.orders.items():
        seen, newest_ns = shown.get(cid), changed_ns.get(cid)
        if newest_ns is None or newest_ns >= report.asked_ns - SETTLED_NS:
            continue
        is_gone = seen is None and not order.is_final
        if is_gone or (seen is not None and (order.is_final or _is_other(order, seen))):
            found.append(cid)
    return found


def _is_other(order: OrderRecord, seen: OrderSeen) -> bool:
    """Whether a working order is not as we know it."""
    is_filled_otherwise = is_short_of(order, seen) or is_counted_otherwise(order, seen)
    return order.state == "unknown" or is_filled_otherwise or bool(_terms(order, seen, 0))


def is_short_of(order: OrderRecord, seen: OrderSeen) -> bool:
    """Whether an order of ours misses a fill that the venue counts."""
    return order.intent.owner != EXTERNAL and seen.filled_lots > order.filled_lots


def is_counted_otherwise(order: OrderRecord, seen: OrderSeen) -> bool:
    """Whether more or less of an order made elsewhere is filled than we count."""
    return order.intent.owner == EXTERNAL and seen.filled_lots != order.filled_lots


def differences(
    ledger: Ledger, positions: Iterable[PositionSeen]
) -> dict[InstrumentId, PositionSeen]:
    """Return the positions that are not the ledger's; one that is not listed is flat."""
    shown = {seen.instrument_id: seen for seen in positions}
    for name in ledger.held():
        shown.setdefault(name, PositionSeen(name, 0, Decimal(0)))
    return {
        name: seen for name, seen in sorted(shown.items()) if seen.lots != ledger.net_lots(name)
    }


def adoption(ledger: Ledger, seen: PositionSeen, ts_ns: int) -> f.PositionAdopted | None:
    """Return what makes the ledger's net position the venue's; None where nothing values it.

    What opens has the venue's price of entry, what adds the price by which both cost the same.
    What closes has ours: nobody knows the profit, and the cash shows it.
    """
    net = ledger.net(seen.instrument_id)
    steps = ledger.steps(seen.instrument_id)
    lots = seen.lots - net.lots
    if steps is None:
        return None
    own = steps.average_price(net)
    is_closing = own is not None and abs(seen.lots) < abs(net.lots) and seen.lots * net.lots >= 0
    price = seen.entry_price
    if is_closing and own is not None:  # An average may have no end.
        price = own.quantize(MONEY_STEP, context=EXACT)
    elif own is not None and lots * net.lots > 0 and is_sane(price):
        price = _price_of_rest(seen, net.lots, own)
    if not is_sane(price) or price < 0:
        return None
    return f.PositionAdopted(ts_ns, seen.instrument_id, lots, price, seen.updated_ns)


def _price_of_rest(seen: PositionSeen, lots: int, own: Decimal) -> Decimal:
    """Return what the lots beyond ours were bought or sold at, if the average is the venue's.

    Where nothing near it comes of that, one of both is of another moment, and the average holds.
    """
    costs = (
        EXACT.multiply(Decimal(seen.lots), seen.entry_price),
        EXACT.multiply(Decimal(-lots), own),
    )
    price = EXACT.divide(EXACT.add(*costs), Decimal(seen.lots - lots))
    is_near = seen.entry_price / 2 < price < seen.entry_price * 2
    return price.quantize(MONEY_STEP, context=EXACT) if is_near else seen.entry_price


def _caught_up(
    seen: PositionSeen, fills: Iterable[f.OrderFilled], steps: Steps | None
) -> PositionSeen:
    """Return a position with the fills that came after it; the copies of a venue differ in age."""
    if not seen.updated_ns or steps is None:
        return seen
    now = Holding(Decimal(seen.lots), EXACT.multiply(Decimal(seen.lots), seen.entry_price))
    for fill in fills:
        if fill.instrument_id != seen.instrument_id or fill.side is None:
            continue
        if fill.ts_ns > seen.updated_ns:
            lots = Decimal(signed_lots(fill.side, fill.qty_lots))
            now.take(lots, EXACT.multiply(lots, steps.fill_price(fill)))
    price = (
        EXACT.divide(now.cost, now.qty).quantize(MONEY_STEP, context=EXACT)
        if now.qty
        else seen.entry_price
    )
    return msgspec.structs.replace(seen, lots=int(now.qty), entry_price=price)


def cost_apart(ledger: Ledger, positions: Iterable[PositionSeen]) -> Decimal:
    """Return what open positions cost the venue beyond what they cost here.

    Fills that are told in another order than they were made in realise more or less meanwhile; when
    the position is closed both have realised the same.
    """
    apart = [Decimal(0)]
    for seen in positions:
        steps, ours = ledger.steps(seen.instrument_id), ledger.holding(seen.instrument_id)
        if steps is None or ours is None or not ledger.is_at_par(steps.quote):
            continue
        qty = EXACT.multiply(Decimal(seen.lots), steps.lot_size)
        if ours.qty == qty:
            apart += [EXACT.multiply(qty, seen.entry_price), -ours.cost]
    return total(apart)


def venue_cash(ledger: Ledger, balances: Iterable[BalanceSeen]) -> Decimal:
    """Return the venue's cash in the account's currency and those at par with it."""
    return total(one.amount for one in balances if ledger.is_at_par(one.currency))


def free_margin_share(balances: Iterable[BalanceSeen]) -> Decimal | None:
    """Return how much of the margin is free, in the currency in which that is least.

    None where the venue does not tell it of each.
    """
    shares = [_free_share(one) for one in balances]
    known = [share for share in shares if share is not None]
    return min(known) if known and len(known) == len(shares) else None


def _free_share(seen: BalanceSeen) -> Decimal | None:
    if seen.margin is None or seen.free is None:
        return None
    return max(seen.free, Decimal(0)) / seen.margin if seen.margin > 0 else Decimal(0)


def moved_ns(report: AccountReported) -> int:
    """Return the venue's time of the newest thing that a report shows to have moved money."""
    fills, cash = (fill.ts_ns for fill in report.fills), (one.ts_ns for one in report.cash)
    held = (one.updated_ns for one in report.positions)
    money = (one.updated_ns for one in report.balances)
    return max((*fills, *cash, *held, *money), default=0)


def opening(ledger: Ledger, report: AccountReported, currency: str, ts_ns: int) -> list[f.Fact]:
    """Return what begins a ledger that knows no account yet: its money and what is held (R34).

    Fills and movements of the report are in its balances already; the money is such that with all
    of them counted it is the venue's, but for what positions cost it beyond what they cost here.
    """
    trial = ledger.copied()
    trial.apply(f.AccountOpened(ts_ns, currency, Decimal(0), report.since_ns))
    facts: list[f.Fact] = []
    for fact in (*missing_fills(trial, report.fills), *cash_facts(trial, report.cash, ts_ns)):
        trial.apply(fact)
        facts.append(fact)
    positions = [
        _caught_up(seen, report.fills, trial.steps(seen.instrument_id)) for seen in report.positions
    ]
    for seen in differences(trial, positions).values():
        held = adoption(trial, seen, ts_ns)
        if held is not None:
            trial.apply(held)
            facts.append(held)
    made = trial.booked_cash or Decimal(0)
    apart = cost_apart(trial, positions)
    theirs = venue_cash(trial, report.balances)
    equity = total((theirs, -made, -apart if abs(apart) >= ROUNDING else Decimal(0)))
    return [f.AccountOpened(ts_ns, currency, equity, report.since_ns), *facts]
