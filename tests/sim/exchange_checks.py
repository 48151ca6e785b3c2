"""What the judge demands of engine and exchange, by the exchange's own ledger."""

from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Final

from engine.execution.ledger import Ledger
from engine.execution.positions import total
from engine.fake.trading.exchange import FakeExchange
from engine.kernel.desk import Desk
from engine.kernel.state import KernelState
from engine.model import facts as f
from engine.model.account import AccountReported
from engine.model.instrument import InstrumentId, instrument_id, symbol_of
from engine.model.orders import EXTERNAL
from engine.runtime.gateway import VenueGateway
from tests.sim.checkers import Told, demand
from tests.sim.checkers import orders_agree as both_agree
from tests.sim.exchange_market import QUOTE, VENUE, ExchangeMarket

if TYPE_CHECKING:
    from tests.sim.exchange_side import ExchangeSide

CENT: Final = Decimal("0.01")
DIGITS: Final = Decimal("1E-6")
"""A hundred partial closes, each rounded by half of the last digit that the venue keeps."""
LEVELS: Final = 10
"""Compared of each side."""


def exchange_is_sound(exchange: FakeExchange, told: Told) -> None:
    """I2, I3, I7, I13: orders are intended first, accepted once, and flip nothing."""
    for name, times in exchange.placed.items():
        demand(times == 1, "I2", f"{name} was accepted {times} times")
        demand(name in told.intents, "I2", f"{name} was accepted and no journal knows of it")
    for fact in told.facts:
        if isinstance(fact, f.OrderRejected):
            name = fact.client_order_id
            never = name not in exchange.placed
            demand(never, "R24", f"{name} was accepted, and is called rejected: {fact.reason}")
    limits = exchange.limits
    demand(not limits.refusals, "I13", f"the venue refused {limits.refusals} times for its limits")
    demand(not limits.bans, "I13", "the venue shut us out")
    _flips_nothing(exchange)


def _flips_nothing(exchange: FakeExchange) -> None:
    held: dict[str, Decimal] = {}
    reduces = {order.order_id for order in exchange.desk.all_orders() if order.is_reduce_only}
    for trade in exchange.account.trades:
        before = held.get(trade.symbol, Decimal(0))
        signed = trade.qty if trade.side == "BUY" else -trade.qty
        held[trade.symbol] = before + signed
        if trade.order_id in reduces:
            shrinks = before * signed < 0 and abs(signed) <= abs(before)
            demand(shrinks, "I7", f"{trade.client_order_id} turned a position")


def report_is_whole(exchange: FakeExchange, event: AccountReported, oldest_ms: int) -> None:
    """R41: what was there all the time is in every report; a failed query finds nothing empty."""
    listed = {symbol_of(one.instrument_id) for one in event.positions}
    for one in exchange.account.positions():
        is_old = one.qty and one.updated_ms < oldest_ms
        demand(not is_old or one.symbol in listed, "R41", f"no position of {one.symbol} reported")
    demand(bool(event.balances), "R41", "no cash is reported")


def books_agree(market: ExchangeMarket, state: KernelState) -> None:
    """I6: a book that is called live shows what the venue's shows, at the same change."""
    for name, true in market.books.items():
        mine = state.instruments.get(name)
        if mine is None or mine.book.state != "live" or mine.book.last_seq != true.last_seq:
            continue
        for is_bid in (True, False):
            here = list(islice(mine.book.levels(is_bid=is_bid), LEVELS))
            there = list(islice(true.levels(is_bid=is_bid), LEVELS))
            demand(here == there, "I6", f"{name} shows {here}, and has {there}")


def nothing_hangs(gateway: VenueGateway) -> None:
    """I11: at rest nothing that was begun waits for its end."""
    left = (gateway._leaving, dict(gateway._canceling), list(gateway._asking))
    demand(left == (0, {}, []), "I11", f"orders, cancels and questions under way: {left}")


def nothing_was_repaired(state: KernelState) -> None:
    """I10: where nothing is lost, streams and answers alone keep the engine's books."""
    desk = state.desk
    notes = [f"{one.source}: {one.text}" for one in state.notices if one.source == "reconcile"]
    demand(not desk.venue_side.repairs, "I10", f"{desk.venue_side.repairs} repairs: {notes}")
    ledger = desk.ledger
    told = ledger.contradiction_notes
    demand(not ledger.contradictions, "I10", f"the venue contradicted itself, or us: {told}")


def what_stays_stays(exchange: FakeExchange, desk: Desk) -> None:
    """R133: after an orderly end our orders are gone, or no timer of ours takes what stays."""
    ours = {name for name, one in desk.ledger.orders.items() if one.intent.owner != EXTERNAL}
    left = [one for one in exchange.desk.open_orders() if one.client_order_id in ours]
    if desk.setup.on_exit == "cancel":
        orders = desk.ledger.orders
        names = [one.client_order_id for one in left]
        stray = [name for name in names if not orders[name].intent.is_protective]
        demand(not stray, "R133", f"the run ended in good order, and the venue has {stray}")
    kept = {one.symbol for one in left}
    if exchange.stops_go_along:
        kept |= {one.symbol for one in exchange.algos.open_algos() if one.client_algo_id in ours}
    armed = sorted(kept & {*exchange.countdowns})
    demand(not armed, "R133", f"a dead-man timer will take what stays of {armed}")


def orders_agree(side: "ExchangeSide", ledger: Ledger) -> None:
    """At rest both sides have the same orders."""
    there = {one.client_order_id: one.left_lots for one in side.standing() if one.is_there}
    both_agree(ledger, there)


def money_agrees(exchange: FakeExchange, ledger: Ledger, *, is_exact: bool) -> None:
    """I1: positions, what they cost, money, fees and funding are the venue's to the last digit."""
    account = exchange.account
    symbols = {one.symbol for one in account.positions()}
    names: list[InstrumentId] = [instrument_id(VENUE, symbol) for symbol in sorted(symbols)]
    open_cost = Decimal(0)
    for name in names:
        steps = ledger.steps(name)
        assert steps is not None
        net, seen = ledger.net(name), account.position(name.partition(":")[2])
        known = net.lots * steps.lot_size
        demand(known == seen.qty, "I1", f"{name}: the engine has {known}, the venue {seen.qty}")
        open_cost += net.cost * steps.unit - seen.cost
    strangers = [name for name in ledger.held() if name not in names]
    demand(not strangers, "I1", f"the engine holds {strangers}, the venue nothing of it")
    if not ledger.currency:
        demand(not account.trades, "I1", "the account was never opened, and traded")
        return
    paid = ledger.fees.get(QUOTE, Decimal(0))
    ours, theirs = ledger.settled_cash, account.cash
    assert ours is not None
    told = f"the engine's cash is {ours}, the venue's {theirs}, cost {open_cost}; fees {paid}"
    most = Decimal(0)
    if open_cost:  # Told in another order, partial closes are rounded at other places.
        most = DIGITS
    if not is_exact:
        most = CENT
    demand(abs(total((ours, -open_cost, -theirs))) <= most, "I1", told)
