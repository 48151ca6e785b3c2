"""The judge: what must be true of engine, venue and disk, at every frame and at every rest.

It reckons by itself, from the frames that left, from the venue's own ledger and from what lies on
the disk; of the engine it believes nothing but what it shows.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from engine.execution.ledger import Ledger
from engine.execution.limits import RiskLimits
from engine.execution.paper import PaperVenue
from engine.kernel.desk_views import risk_view
from engine.kernel.state import KernelState
from engine.model import facts as f
from engine.model.instrument import InstrumentId
from engine.model.orders import OrderIntent
from storage.journal import SUFFIX, read_all
from storage.journal_format import Kind
from tests.fakes.files import FaultyFiles
from tests.sim.operator import SimOperator
from tests.sim.sim_venue import Frame, SimVenue, VenueLedger

SLACK: Final = Decimal("1.02")
"""Prices move between the gate and the wire."""

_decode = msgspec.msgpack.Decoder(list[f.Fact]).decode


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
    assert frame.intent is not None
    demand(intended.intent == frame.intent, "I3", f"{name} left as {frame.intent}, not {intended}")
    expected = operator.expected.get(name)
    if expected is None:
        return
    spec = frame.intent.spec
    limit = spec.limit_ticks if expected.limit_ticks is not None else None
    tif = spec.tif if expected.tif is not None else None
    sent = (spec.instrument_id, spec.side, spec.qty_lots, limit, tif)
    demand(sent == expected, "I3", f"{name} was asked as {expected}, and left as {sent}")


def _amended_as_asked(frame: Frame, told: Told, operator: SimOperator) -> None:
    name = frame.client_order_id
    wanted = (frame.limit, frame.lots)
    noted = [(one.limit_ticks, one.qty_lots) for one in told.replaces.get(name, [])]
    demand(wanted in noted, "I3", f"an amend of {name} to {wanted} left, the journal has {noted}")
    asked = operator.amended.get(name, set())
    fits = any(limit in (None, frame.limit) and lots in (None, frame.lots) for limit, lots in asked)
    demand(fits, "I3", f"an amend of {name} to {wanted} left, asked was {asked}")


def answered_once(told: Told) -> None:
    """R35: a strategy answers a candle once, whatever was restarted."""
    answers = [(fact.owner, fact.signal) for fact in told.facts if isinstance(fact, f.SignalActed)]
    twice = [answer for answer, times in Counter(answers).items() if times > 1]
    demand(not twice, "R35", f"answered again: {twice}")


# Limits, by the venue's truth.


def within_limits(frame: Frame, venue: PaperVenue, state: KernelState, limits: RiskLimits) -> None:
    """I5: with what leaves, position and orders of its instrument stay within the limits."""
    assert frame.intent is not None
    spec = frame.intent.spec
    if spec.is_reduce_only:
        return
    name, adds = spec.instrument_id, int(spec.qty_lots)
    sizes = {"buy": 0, "sell": 0}
    count = 1
    for client_order_id, intent, lots in orders_at(venue):
        other = intent.spec
        if client_order_id == frame.client_order_id:  # The one that is amended.
            adds += (frame.lots or 0) - other.qty_lots - spec.qty_lots + lots
        elif other.instrument_id == name:
            count += 1
            sizes[other.side] += 0 if other.is_reduce_only else lots
    sizes[spec.side] += adds
    most = limits.open_orders_per_instrument_max
    demand(count <= most, "I5", f"{count} orders in {name}, {most} are allowed")
    net = nets_at(venue).get(name, 0)
    worst = max(max(net, 0) + sizes["buy"], max(-net, 0) + sizes["sell"])
    worth = worst * _lot_value(state, name)
    allowed = limits.position_value_max
    demand(worth <= allowed * SLACK, "I5", f"{name} can come to {worth:.0f}, allowed {allowed}")


def orders_at(venue: PaperVenue) -> Iterator[tuple[str, OrderIntent, int]]:
    """Iterate over what a venue has and what is on its way there, with the lots that may fill."""
    for name, order in venue.orders.items():
        yield name, order.intent, order.left_lots
    for name, intent in venue._placing.items():
        yield name, intent, intent.spec.qty_lots


def nets_at(venue: PaperVenue) -> Mapping[InstrumentId, int]:
    """Return the positions by which a venue clips reduce-only orders."""
    return venue._nets or {}


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
    """I1: positions are the sum over the journal's fills, each counted once."""
    nets: dict[str, int] = {}
    costs: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for fact in told.facts:
        if not isinstance(fact, f.OrderFilled) or fact.client_order_id not in told.intents:
            continue
        spec = told.intents[fact.client_order_id].intent.spec
        if (fact.trade_id, spec.side) in seen:
            continue
        seen.add((fact.trade_id, spec.side))
        signed = fact.qty_lots if spec.side == "buy" else -fact.qty_lots
        nets[spec.instrument_id] = nets.get(spec.instrument_id, 0) + signed
        costs[spec.instrument_id] = costs.get(spec.instrument_id, 0) + signed * fact.price_ticks
    for name in sorted({*ledger.held(), *nets}):
        net = ledger.net(InstrumentId(name))
        known, sum_of = net.lots, nets.get(name, 0)
        demand(known == sum_of, "I1", f"{name}: {known} lots, but fills of {sum_of}")
        paid, cost = net.cost - net.realised, costs.get(name, 0)
        demand(paid == cost, "I1", f"{name}: paid {paid}, but fills for {cost}")


def virtual_is_net(state: KernelState) -> None:
    """I16: what the owners hold adds up to what the venue has."""
    ledger = state.desk.ledger
    for name in ledger.held():
        parts = {owner: ledger.position(owner, name).lots for owner in ledger.owners(name)}
        net = ledger.net_lots(name)
        demand(sum(parts.values()) == net, "I16", f"{name}: {parts} is not {net}")


def agrees_with_paper(ledger: Ledger, venue: PaperVenue) -> None:
    """I1: the paper venue, which took its positions over from the ledger, still has the same."""
    nets = nets_at(venue)
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


def orders_agree(state: KernelState, venue: PaperVenue) -> None:
    """At rest nothing is unknown or pending, and both sides have the same orders."""
    working = state.desk.ledger.working()
    for order in working:
        name = order.client_order_id
        is_settled = order.state in ("open", "partial")
        demand(is_settled, "liveness", f"{name} is still {order.state} ({order.reason})")
    here = {one.client_order_id: one.spec.qty_lots - one.filled_lots for one in working}
    there = {name: order.left_lots for name, order in venue.orders.items()}
    demand(here == there, "liveness", f"the engine has {here}, the venue {there}")


def verified_is_true(state: KernelState, venue: PaperVenue) -> None:
    """I4: VERIFIED is said only when the venue has nothing left that does not protect."""
    if state.desk.trading_state != "killed":
        return
    view = risk_view(state, is_latched=True, is_persisted=True, is_journal_ok=True)
    report = " ".join(view.kill_report)
    if "VERIFIED" not in report or "NOT VERIFIED" in report:
        return
    left = [name for name, intent, _ in orders_at(venue) if not intent.is_protective]
    demand(not left, "I4", f"VERIFIED, and the venue has {left}")


def promises_kept(promised: Iterable[str], told: Told) -> None:
    """I9: what was acknowledged to a person is in the journal."""
    lines = {fact.line for fact in told.facts if isinstance(fact, f.CommandHandled)}
    lost = [line for line in promised if line not in lines]
    demand(not lost, "I9", f"acknowledged and forgotten: {lost}")
