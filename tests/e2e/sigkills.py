"""SIGKILL at any moment of a program that trades live at the fake venue over real sockets.

    python -m tests.e2e.sigkills --count 200

Several machines at once, each with a venue, an account and a data folder of its own. A trader gives
orders as fast as they are answered; the engine is killed at a moment that nobody has chosen and
started anew on what is there. What the venue accepted and booked is the truth at the end.

Within a minute of its start an engine lets nothing leave that adds risk, because it cannot know yet
how fast the market moves: most lives only reduce, and every so often one is long enough to add.
"""

import argparse
import asyncio
import re
import signal
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

from engine.execution.ledger import Ledger
from engine.fake.trading.hands import Hands
from engine.folder import DataFolder
from engine.model.chance import Chance
from engine.model.commands import (
    Action,
    AmendOrder,
    Arm,
    CancelAll,
    CancelOrders,
    ClosePosition,
    SubmitOrder,
)
from engine.model.errors import PortClosed
from engine.model.facts import Fact, OrderFilled, OrderIntended
from engine.model.instrument import InstrumentId
from engine.runtime.host import RunPlan
from engine.runtime.recovery import recover_ledger
from tests.e2e.live_site import ACCOUNT, LIMITS, SYMBOL, VENUE, Site, a_site
from tests.e2e.test_crash import (
    check_fills_kept,
    check_nothing_lost,
    digest_from_the_beginning,
    facts_of,
)
from tests.e2e.traders import Trader, trader

ABC = InstrumentId(f"{VENUE}:{SYMBOL}")
PLAN = RunPlan(mode="live", venue=VENUE, run_id="test", version="test")
PLAN.account = ACCOUNT
MONEY = Decimal(10_000_000)
WORKING_MAX = 12
LOTS = 300
"""As much as one order adds; the book offers 500."""
HELD_MAX = 6_000
LONG_S = 70
"""So long must a life be to add risk."""
LONG_EVERY = 25
LONG_PAUSE_S = 0.1
"""Between its orders, or it would use up what the gate lets through in ten minutes."""
LIFE_S = 30
"""Of a market, for every kill that is asked for: more than it takes."""
AGREED = "the account agrees with the venue's"
AGREED_S = 180
"""An order that was on its way when the engine was killed is unknown for most of a minute: a copy
of the venue's may lag."""
REPORT_S = 45
"""Within this the venue is asked anew, also for the funding that it took last."""
PATIENT_SHARE = 0.12
"""Of the lives that wait for that; the others reduce with what is unknown."""

WIDE = {
    "order_value_max": "1000000",
    "position_value_max": "10000000",
    "gross_value_max": "10000000",
    "net_value_max": "10000000",
    "orders_per_10min_max": "1999",
    "daily_loss_share_max": "0.9",
    "drawdown_share_max": "0.9",
    "position_loss_share_max": "0.9",
    "duplicate_window_s": "0",
    "unknown_orders_per_instrument_max": "50",
    "unknown_age_s_max": "3600",
    "failures_max": "100000",
}
"""Limits that a trader in a hurry does not run into."""


def wide_limits() -> str:
    """Return a risk file with them."""
    text = LIMITS
    for name, value in WIDE.items():
        text, found = re.subn(f"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
        assert found == 1, name
    return text


def fold(folder: Path) -> Ledger:
    """Fold as a start does: the newest run onto its checkpoint."""
    return recover_ledger(DataFolder(folder), PLAN)[0]


# A trader in a hurry.


def sell(size: int, price: str | None = None, **changed: object) -> SubmitOrder:
    """Return an order that takes from a long position."""
    limit = None if price is None else Decimal(price)
    fields: dict = {"type": "limit" if limit else "market"} | changed
    return SubmitOrder(ABC, "sell", fields.pop("type"), Decimal(size), limit, **fields)


def buy(size: int, price: str) -> SubmitOrder:
    """Return an order that adds."""
    return SubmitOrder(ABC, "buy", "limit", Decimal(size), Decimal(price))


def an_action(client: Trader, chance: Chance, held: int) -> Action:
    """Return what the trader wants now."""
    if len(client.working) > WORKING_MAX:
        return CancelAll(with_stops=True)
    size = chance.between(1, 5)
    stop = {"trigger": Decimal(90), "is_reduce_only": True, "is_protective": True}
    found: list[Action] = [
        sell(size, "100.0"),
        sell(size, "100.5", is_post_only=True),
        sell(size, f"10{chance.between(2, 4)}.{chance.below(10)}"),
        sell(size, None, type="stop", **stop),
        ClosePosition(ABC, share=Decimal("0.001")),
        buy(size, f"99.{chance.below(10)}"),
    ]
    if held < HELD_MAX:
        found.append(buy(LOTS, "101.0"))
    plain = [row for row in client.working if row.state in ("open", "part") and row.price]
    if plain:
        price = Decimal(f"10{chance.between(1, 4)}.{chance.below(10)}")
        found += [
            CancelOrders((chance.pick(plain).client_order_id,)),
            AmendOrder(chance.pick(plain).client_order_id, price),
        ]
    return chance.pick(found)


async def trade(client: Trader, chance: Chance, site: Site, pause_s: float) -> None:
    """Give one order, cancel or amend after the other, each when the last is answered."""
    await client.do(Arm(3_600), word=ACCOUNT)
    while True:
        held = int(site.exchange.account.position(SYMBOL).qty)
        await client.do(an_action(client, chance, held))
        await asyncio.sleep(pause_s)


class Score:
    """What was put at risk, so that a run that risks nothing is seen."""

    def __init__(self) -> None:
        self.kills = 0
        self.accepted = 0
        self.underway: Counter[str] = Counter()
        """Orders by the state in which the engine's last view showed them when it was killed."""
        self.facts: dict[Path, list[Fact]] = {}

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.kills} kills, {self.accepted} commands accepted, {dict(self.underway)}"


async def one_life(site: Site, chance: Chance, score: Score, *, is_long: bool) -> None:
    """Start on what is there, trade, die, and account for all that was told."""
    await site.start()
    async with trader(site.data, instrument_id=ABC) as client:
        if is_long or chance.happens(PATIENT_SHARE):
            await agreed(client)
        if chance.happens(0.9):  # Else it may be killed before it has shown anything.
            await client.until(lambda: "orders" in client.views, "the orders")
        trading = asyncio.ensure_future(trade(client, chance, site, LONG_PAUSE_S * is_long))
        await asyncio.wait([trading], timeout=LONG_S * is_long + chance.between(0, 3_000) / 1_000)
        assert site.process is not None
        site.process.send_signal(signal.SIGKILL)
        await client.until(lambda: client.is_lost, "the end")
        trading.cancel()
        ended = await asyncio.gather(trading, return_exceptions=True)
        assert isinstance(ended[0], PortClosed | asyncio.CancelledError), ended
    await site.end(signal.SIGKILL)
    DataFolder(site.data).socket.unlink(missing_ok=True)
    score.kills += 1
    score.accepted += len(client.accepted)
    score.underway += Counter(row.state for row in client.working)
    await asyncio.to_thread(check_told, client, site.data)


async def agreed(client: Trader) -> None:
    """Wait until the engine has settled with the venue what the life before left."""
    async with asyncio.timeout(AGREED_S):
        while AGREED not in client.log:  # noqa: ASYNC110 - a view comes when it comes
            await asyncio.sleep(0.05)


DISK_TROUBLE = "the disk does not answer"


def check_told(client: Trader, folder: Path) -> None:
    """See that all that a life told is in the journal, with every fill.

    Where the disk did not answer, which a loaded machine brings about, the life has said so, and
    what it showed from then on need not be on the disk (R83): the venue tells it again.
    """
    facts = facts_of(folder)
    ledger = fold(folder)
    assert ledger.digest() == digest_from_the_beginning(facts)
    check_nothing_lost(client, facts)
    if DISK_TROUBLE not in client.log:
        check_fills_kept(client, facts, lots_per_unit=1)


async def settle(site: Site) -> None:
    """Start once more, let nothing work, and stop in good order when the account agrees."""
    await site.start()
    async with trader(site.data, instrument_id=ABC) as client:
        await agreed(client)
        await client.until(lambda: "orders" in client.views, "the orders")
        await client.must(CancelAll(with_stops=True))
        await client.until(lambda: not client.working, "no order that works")
        assert site.open_ids() == []
        while site.exchange.account.position(SYMBOL).qty:  # The book takes 500 at once.
            await client.do(ClosePosition(ABC))
            await asyncio.sleep(0.2)
        await client.until(lambda: client.positions == {}, "no position")
        await asyncio.sleep(REPORT_S)
    await site.end()


def check_ledgers(site: Site) -> None:
    """See that no order went twice, and that our ledger is the venue's."""
    exchange, facts, ledger = site.exchange, facts_of(site.data), fold(site.data)
    assert set(exchange.placed.values()) == {1}, Counter(exchange.placed.values())
    intended = [fact.client_order_id for fact in facts if isinstance(fact, OrderIntended)]
    assert len(intended) == len(set(intended))
    assert set(exchange.placed) <= set(intended)
    ours = {
        (fact.trade_id, fact.client_order_id, fact.qty_lots)
        for fact in facts
        if isinstance(fact, OrderFilled)
    }
    ids = {trade.order_id: trade.client_order_id for trade in exchange.account.trades}
    theirs = {
        (str(one.trade_id), ids[one.order_id], int(one.qty)) for one in exchange.account.trades
    }
    assert ours == theirs, (ours - theirs, theirs - ours)
    assert ledger.net_lots(ABC) == exchange.account.position(SYMBOL).qty
    cash = exchange.account.cash
    assert ledger.settled_cash == cash, (ledger.settled_cash, cash)
    assert ledger.fees["USDT"] == -exchange.account.total("COMMISSION")
    assert ledger.working() == []
    assert ledger.duplicate_fills == 0


async def run(folder: Path, count: int, seed: int, score: Score) -> None:
    """Kill one machine's engine so often, and compare the ledgers at the end."""
    chance = Chance(seed)
    tenths = 10 * (count * LIFE_S + (count // LONG_EVERY + 2) * LONG_S)
    async with a_site(folder, limits=wide_limits(), tenths=tenths) as site:
        Hands(site.exchange).transfer(MONEY, time.time_ns())
        for number in range(count):
            await one_life(site, chance, score, is_long=number % LONG_EVERY == 0)
        await settle(site)
        await asyncio.to_thread(check_ledgers, site)


async def run_all(folder: Path, count: int, sites: int, seed: int) -> Score:
    """Run several machines at once."""
    score = Score()
    async with asyncio.TaskGroup() as group:
        for site in range(sites):
            place = folder / str(site)
            place.mkdir()
            share = count // sites + (site < count % sites)
            group.create_task(run(place, share, seed + site, score))
    return score


def main() -> None:
    """Run from a shell."""
    parser = argparse.ArgumentParser(description="SIGKILLs of the program while it trades live")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sigkills") as folder:
        score = asyncio.run(run_all(Path(folder), asked.count, asked.sites, asked.seed))
    took = time.monotonic() - began
    print(f"{score}; nothing lost, nothing twice, ledgers equal; {took:.0f} s")  # noqa: T201 - what was asked for


if __name__ == "__main__":
    main()
