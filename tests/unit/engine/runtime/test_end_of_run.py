"""What stays at the venue on purpose when a run ends is not taken away by the timer of that run."""

import asyncio

import pytest
from msgspec.structs import replace

from engine.kernel.desk import OnExit
from engine.model.numbers import NS_PER_S
from engine.runtime.host import EXIT_S
from engine.runtime.virtual_loop import run
from tests.unit.engine.kernel.live_desk import RULES
from tests.unit.engine.runtime.gateway_desk import SYMBOL
from tests.unit.engine.runtime.test_broken_run import Market, Site

LIFE_S = 120
TIMED = replace(RULES, dead_man_ns=LIFE_S * NS_PER_S)


def ended(on_exit: OnExit, silent_s: float = 0) -> Site:
    """End a run whose timers are armed, at a venue that does not hear of timers for so long."""

    async def main() -> Site:
        site = Site(on_exit)
        desk = site.host.state.desk
        desk.setup = replace(desk.setup, rules=TIMED)
        running = asyncio.ensure_future(site.host.run(Market(site.host), ()))
        await site.trades()
        await asyncio.sleep(1)
        assert list(site.exchange.countdowns) == [SYMBOL]
        site.network.dead = "countdown" if silent_s else ""
        site.host.stop("a test")
        await asyncio.sleep(silent_s)
        site.network.dead = ""
        await running
        await site.network.close()
        return site

    return run(main)


@pytest.mark.parametrize(("on_exit", "bids"), [("keep", [2]), ("cancel", [])])
def test_an_orderly_end_disarms_the_timers(on_exit: OnExit, bids: list[int]):
    site = ended(on_exit)
    assert (site.bids(), site.stops(), site.exchange.countdowns) == (bids, [5], {})

    site.exchange.advance(site.clock.now_ns() + 2 * LIFE_S * NS_PER_S)

    assert (site.bids(), site.stops()) == (bids, [5])


def test_a_timer_that_cannot_be_disarmed_at_first_is_asked_to_end_again():
    assert ended("keep", silent_s=3).exchange.countdowns == {}


def test_a_timer_that_cannot_be_disarmed_keeps_nobody_for_ever():
    site = ended("keep", silent_s=EXIT_S + 1)

    assert list(site.exchange.countdowns) == [SYMBOL]
