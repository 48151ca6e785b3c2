"""The judge: what must be true of engine, venue and disk, at every frame and at every rest.

It reckons by itself, from the frames that left, from the venue's own ledger and from what lies on
the disk; of the engine it believes nothing but what it shows.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol

import msgspec

from engine.execution.ledger import Ledger
from engine.execution.limits import RiskLimits
from engine.kernel.desk_views import risk_view
from engine.kernel.state import KernelState
from engine.model import facts as f
from engine.model.instrument import InstrumentId
from engine.model.numbers import NS_PER_S
from engine.model.orders import HAND, OrderIntent, Side
from storage.journal import SUFFIX, read_all
from storage.journal_format import Kind
from tests.fakes.files import FaultyFiles
from tests.sim.frames import Frame, Standing
from tests.sim.operator import SimOperator
from tests.sim.sim_venue import SimVenue, VenueLedger

HARD_NS: Final = 5 * NS_PER_S
"""A book is too old then (R4)."""
SLACK: Final = Decimal("1.02")
"""Prices move between the gate and the wire."""

_decode = msgspec.msgpack.Decoder(list[f.Fact]).decode


class SeenVenue(Protocol):
    """What the judge sees of a venue in the moment in which something leaves for it."""

    def standing(self) -> Iterator[Standing]:
        """Iterate over what is there and what is on its way there."""

    def nets(self) -> Mapping[InstrumentId, int]:
        """Return net positions in lots."""


class Violation(AssertionError):  # noqa: N818 - it says what happened
    """An invariant does not hold; the text begins with its number."""


def demand(is_so: bool, invariant: str, problem: str) -> None:
    """Raise a violation unless something is so."""
    if not is_so:
        raise Violation(f"{invariant}: {problem}")


# What lies on the disk.


class Recording(msgspec.Struct):
    """What one engine handed to its journal, a record per step."""

    durable_before: int = 0
    """The newest durable record when the engine began."""
    durable: int = 0
    """The same when it ended."""
    records: list[list[f.Fact]] = []
    open: list[f.Fact] = []
    """Of the step under way."""

    def close_record(self) -> None:
        """End the step."""
        if self.open:
            self.records.append(self.open)
            self.open = []

    def compare(self, kept: list[list[f.Fact]]) -> int:
        """The disk has what was handed over, in order, and all of it that was durable (I8, I9).

        Returns:
            How many records were lost, of which nobody was told.
        """
        demand(kept == self.records[: len(kept)], "I8", "the disk has other facts than were kept")
        durable = min(len(self.records), self.durable - self.durable_before)
        demand(len(kept) >= durable, "I9", f"{len(kept)} records are left of {durable} durable")
        return len(self.records) - len(kept)


class Told(msgspec.Struct):
    """What all journals of a folder say, read anew."""

    facts: list[f.Fact] = []
    runs: dict[str, list[list[f.Fact]]] = {}
    """The same by run, and record by record."""
    digest: str = ""
    """Of all facts folded from nothing."""
    intents: dict[str, f.OrderIntended] = {}
    replaces: dict[str, list[f.ReplaceRequested]] = {}


def read_journals(files: FaultyFiles, folder: Path) -> Told:
    """Fold all journals from the first fact on; every checkpoint must agree on the way (I8)."""
    ledger = Ledger()
    told = Told()
    for name, record in read_all(files, folder):
        if record.kind is Kind.CHECKPOINT:
            same = record.payload == ledger.to_bytes()
            demand(same, "I8", f"checkpoint {record.sequence} of {name} is not the facts before it")
        if record.kind is not Kind.FACTS:
            continue
        facts = _decode(record.payload)
        told.runs.setdefault(name.removesuffix(SUFFIX), []).append(facts)
        told.facts += facts
        for fact in facts:
            ledger.apply(fact)
            if isinstance(fact, f.OrderIntended):
                once = fact.client_order_id not in told.intents
                demand(once, "I2", f"{fact.client_order_id} was intended twice")
                told.intents[fact.client_order_id] = fact
            elif isinstance(fact, f.ReplaceRequested):
                told.replaces.setdefault(fact.client_order_id, []).append(fact)
    told.digest = ledger.digest()
    return told


def is_durable(files: FaultyFiles, folder: Path, needle: str) -> bool:
    """Whether something stands on the disk itself, and would if the power went now."""
    wanted = needle.encode()
    return any(
        wanted in content.disk for path, content in files._kept.items() if path.parent == folder
    )


# Frames, one by one and all together.


def content_agrees(frame: Frame, told: Told, operator: SimOperator) -> None:
    """I3: what left is what was intended, and what was intended is what a person asked for."""
    if frame.kind == "place":
        _placed_as_asked(frame, told, operator)
    elif frame.kind == "replace":
        _amended_as_asked(frame, told, operator)


def _placed_as_asked(frame: Frame, told: Told, operator: SimOperator) -> None:
    name = frame.client_order_id
    intended = told.intents.get(name)
    demand(intended is not None, "I2", f"{name} left and no journal knows of it")
    assert intended is not None
    spec = frame.spec
    assert spec is not None
    demand(intended.intent.spec == spec, "I3", f"{name} left as {spec}, not {intended}")
    expected = operator.expected.get(name)
    if expected is None:
        return
    limit = spec.limit_ticks if expected.limit_ticks is not None else None
    tif = spec.tif if expected.tif is not None else None
    sent = (spec.instrument_id, spec.side, spec.qty_lots, limit, tif)
    demand(sent == expected, "I3", f"{name} was asked as {expected}, and left as {sent}")


def _amended_as_asked(frame: Frame, told: Told, operator: SimOperator) -> None:
    name = frame.client_order_id
    wanted = (frame.limit, frame.lots)
    noted = [(one.limit_ticks, one.qty_lots) for one in told.replaces.get(name, [])]
    demand(wanted in noted, "I3", f"an amend of {name} to {wanted} left, the journal has {noted}")
    if name in told.intents and told.intents[name].intent.family:
        return  # Of a parent, which follows the price by itself.
    asked = operator.amended.get(name, set())
    fits = any(limit in (None, frame.limit) and lots in (None, frame.lots) for limit, lots in asked)
    demand(fits, "I3", f"an amend of {name} to {wanted} left, asked was {asked}")


def answered_once(told: Told) -> None:
    """R35: a strategy answers a candle once, whatever was restarted."""
    answers = [(fact.owner, fact.signal) for fact in told.facts if isinstance(fact, f.SignalActed)]
    twice = [answer for answer, times in Counter(answers).items() if times > 1]
    demand(not twice, "R35", f"answered again: {twice}")


# Limits, by the venue's truth.


def within_limits(frame: Frame, venue: SeenVenue, state: KernelState, limits: RiskLimits) -> None:
    """I5: with what leaves, position and orders of its instrument stay within the limits."""
    standing = list(venue.standing())
    spec = frame.spec
    if spec is None:  # An amend: of what the venue has, if it has it.
        same = (one.spec for one in standing if one.client_order_id == frame.client_order_id)
        spec = next(same, None)
    if spec is None or spec.is_reduce_only:
        return
    name, adds = spec.instrument_id, int(spec.qty_lots)
    sizes = {"buy": 0, "sell": 0}
    count = 1
    for client_order_id, other, lots, _ in standing:
        if client_order_id == frame.client_order_id:  # The one that is amended.
            adds += (frame.lots or 0) - other.qty_lots - spec.qty_lots + lots
        elif other.instrument_id == name:
            count += 1
            sizes[other.side] += 0 if other.is_reduce_only else lots
    sizes[spec.side] += adds
    most = limits.open_orders_per_instrument_max
    demand(count <= most, "I5", f"{count} orders in {name}, {most} are allowed")
    net = venue.nets().get(name, 0)
    worst = max(max(net, 0) + sizes["buy"], max(-net, 0) + sizes["sell"])
    worth = worst * _lot_value(state, name)
    allowed = limits.position_value_max
    demand(worth <= allowed * SLACK, "I5", f"{name} can come to {worth:.0f}, allowed {allowed}")


def _lot_value(state: KernelState, name: InstrumentId) -> Decimal:
    market = state.instruments[name]
    bid, ask = market.book.best_bid, market.book.best_ask
    ticks = market.last_ticks or 0
    if bid is not None and ask is not None:
        ticks = (bid[0] + ask[0]) // 2
    mid = Decimal(ticks).scaleb(-market.price_decimals)
    if market.mark is not None:
        mid = min(mid, market.mark.mark)
    return mid * (market.instrument.lot_size or Decimal(0))


# At rest.


def agrees_with_venue(ledger: Ledger, venue: VenueLedger) -> None:
    """I1: positions, money and fees of the engine are the venue's, exactly."""
    names = {*ledger.held(), *venue.nets}
    for name in sorted(names):
        net = ledger.net(name)
        known, true = net.lots, venue.nets.get(name, 0)
        demand(known == true, "I1", f"{name}: the engine has {known} lots, the venue {true}")
        paid, cost = net.cost - net.realised, venue.costs.get(name, 0)
        demand(paid == cost, "I1", f"{name}: the engine paid {paid}, the venue took {cost}")
    for currency, fee in venue.fees.items():
        paid_fee = ledger.fees.get(currency, Decimal(0))
        demand(paid_fee == fee, "I1", f"fees are {paid_fee} here and {fee} at the venue")


def agrees_with_fills(ledger: Ledger, told: Told) -> None:
    """I1: positions are the sum over the journal's fills, each counted once.

    What they cost is compared where an instrument never changed its steps and fills are all that
    there is.
    """
    nets: dict[InstrumentId, int] = {}
    costs: dict[InstrumentId, int] = {}
    seen: set[tuple[str, str, str]] = set()
    whole_ns: dict[InstrumentId, int] = {}
    for fact in told.facts:
        if isinstance(fact, f.PositionAdopted):
            nets[fact.instrument_id] = nets.get(fact.instrument_id, 0) + fact.lots
            until_ns = max(fact.until_ns, whole_ns.get(fact.instrument_id, 0))
            whole_ns[fact.instrument_id] = until_ns
        if not isinstance(fact, f.OrderFilled):
            continue
        name, side = _what_was_filled(fact, told)
        if (name, fact.trade_id, side) in seen:
            continue
        seen.add((name, fact.trade_id, side))
        if fact.ts_ns <= whole_ns.get(name, 0):
            continue  # The position that was adopted has it.
        signed = fact.qty_lots if side == "buy" else -fact.qty_lots
        nets[name] = nets.get(name, 0) + signed
        costs[name] = costs.get(name, 0) + signed * fact.price_ticks
    others = (f.InstrumentKnown, f.PositionAdopted)
    stepped = Counter(one.instrument_id for one in told.facts if isinstance(one, others))
    for name in sorted({*ledger.held(), *nets}):
        net = ledger.net(name)
        known, sum_of = net.lots, nets.get(name, 0)
        demand(known == sum_of, "I1", f"{name}: {known} lots, but fills of {sum_of}")
        paid, cost = net.cost - net.realised, costs.get(name, 0)
        if stepped[name] <= 1:
            demand(paid == cost, "I1", f"{name}: paid {paid}, but fills for {cost}")


def _what_was_filled(fact: f.OrderFilled, told: Told) -> tuple[InstrumentId, Side]:
    """Return instrument and side of a fill; the venue says them of an order made elsewhere."""
    if fact.instrument_id is not None and fact.side is not None:
        return fact.instrument_id, fact.side
    intended = told.intents.get(fact.client_order_id)
    demand(intended is not None, "I1", f"nobody knows what {fact.client_order_id} filled")
    assert intended is not None
    return intended.intent.spec.instrument_id, intended.intent.spec.side


def virtual_is_net(state: KernelState) -> None:
    """I16: what the owners hold adds up to what the venue has."""
    ledger = state.desk.ledger
    for name in ledger.held():
        parts = {owner: ledger.position(owner, name).lots for owner in ledger.owners(name)}
        net = ledger.net_lots(name)
        demand(sum(parts.values()) == net, "I16", f"{name}: {parts} is not {net}")


def agrees_with_paper(ledger: Ledger, nets: Mapping[InstrumentId, int]) -> None:
    """I1: the paper venue, which took its positions over from the ledger, still has the same."""
    for name in sorted({*ledger.held(), *nets}):
        known, true = ledger.net_lots(name), nets.get(name, 0)
        demand(known == true, "I1", f"{name}: the engine has {known} lots, the venue {true}")


def venue_is_sound(venue: SimVenue, told: Told) -> None:
    """I2, I3, I7: orders are intended first, accepted once, filled to their size, and flip none."""
    for name, times in venue.ledger.accepted.items():
        demand(times == 1, "I2", f"{name} was accepted {times} times")
        demand(name in told.intents, "I2", f"{name} was accepted and no journal knows of it")
    for name, lots in venue.ledger.filled.items():
        size = venue.specs[name].qty_lots
        demand(lots <= size, "I3", f"{name} of {size} lots was filled with {lots}")
    flips = venue.ledger.flips
    demand(not flips, "I7", f"reduce-only orders turned a position: {flips}")


def orders_agree(ledger: Ledger, there: Mapping[str, int]) -> None:
    """At rest nothing is unknown or pending, and both sides have the same orders."""
    working = ledger.working()
    for order in working:
        name = order.client_order_id
        is_settled = order.state in ("open", "partial")
        demand(is_settled, "liveness", f"{name} is still {order.state} ({order.reason})")
    here = {one.client_order_id: one.spec.qty_lots - one.filled_lots for one in working}
    demand(here == there, "liveness", f"the engine has {here}, the venue {there}")


def protection_fits(state: KernelState) -> None:
    """I7: at rest no stop protects more than there is, and none what is not there."""
    excess = protection_excess(state)
    demand(not excess, "I7", f"protection is larger than what is held: {excess}")


def protection_excess(state: KernelState) -> dict[tuple[str, InstrumentId, str, Side], int]:
    """Return by how much the protective orders of strategies exceed their positions, by kind."""
    ledger = state.desk.ledger
    sizes: dict[tuple[str, InstrumentId, str, Side], int] = {}
    for order in ledger.working():
        intent, spec = order.intent, order.spec
        if intent.is_protective and spec.is_reduce_only and intent.owner != HAND:
            key = intent.owner, spec.instrument_id, spec.type, spec.side
            sizes[key] = sizes.get(key, 0) + order.remaining_lots
    found = {}
    for (owner, name, kind, side), lots in sizes.items():
        held = ledger.position(owner, name).lots * (1 if side == "sell" else -1)
        if lots > max(held, 0):
            found[owner, name, kind, side] = lots - max(held, 0)
    return found


def is_based_on_a_book(state: KernelState, intent: OrderIntent, behind_ns: int) -> None:
    """I6: what may add risk is approved by a live book that the venue had just now.

    Args:
        state: Has the book.
        intent: Was approved.
        behind_ns: For how long the venue has had a newer one; a quiet book may be old.
    """
    if intent.spec.is_reduce_only:
        return
    market = state.instruments[intent.spec.instrument_id]
    is_live = market.book.state == "live"
    demand(is_live, "I6", f"an order was approved by a book that is {market.book.state}")
    demand(behind_ns <= HARD_NS, "I6", f"an order was approved by a book {behind_ns} ns behind")


def verified_is_true(state: KernelState, venue: SeenVenue) -> None:
    """I4: VERIFIED is said only when the venue has nothing left that does not protect."""
    if state.desk.trading_state != "killed":
        return
    view = risk_view(state, is_latched=True, is_persisted=True, is_journal_ok=True)
    report = " ".join(view.kill_report)
    if "VERIFIED" not in report or "NOT VERIFIED" in report:
        return
    orders = state.desk.ledger.orders
    there = [one.client_order_id for one in venue.standing() if one.is_there]
    left = [name for name in there if name in orders and not orders[name].intent.is_protective]
    demand(not left, "I4", f"VERIFIED, and the venue has {left}")


def promises_kept(promised: Iterable[str], told: Told) -> None:
    """I9: what was acknowledged to a person is in the journal."""
    lines = {fact.line for fact in told.facts if isinstance(fact, f.CommandHandled)}
    lost = [line for line in promised if line not in lines]
    demand(not lost, "I9", f"acknowledged and forgotten: {lost}")
