"""A gateway of a process that stood still, or of a machine that slept, between two of its moves."""

import asyncio

import pytest

from engine.model import facts as f
from engine.model.envelope import WallClockMoved
from engine.model.market import ClockMeasured
from engine.model.numbers import NS_PER_S
from engine.runtime.gateway import LEAVE_NS
from tests.unit.engine.runtime.gateway_desk import SOON_S, Desk, simulated


def stand_still(desk: Desk, length_ns: int) -> None:
    """Let time pass in which the loop does nothing."""
    desk.clock._start_ns += length_ns


@pytest.mark.parametrize(("still_ns", "leaves"), [(LEAVE_NS, True), (LEAVE_NS + 1, False)])
def test_an_order_that_stood_before_the_door_for_too_long_never_leaves(
    still_ns: int, leaves: bool
) -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        desk.place("a", lots=3, price=95)
        stand_still(desk, still_ns)
        await asyncio.sleep(0)
        await asyncio.sleep(SOON_S)

        assert bool(desk.exchange.placed) == leaves
        assert [one.reason for one in desk.heard(f.OrderRejected)] == (
            [] if leaves else ["it could not leave within 2 s"]
        )

    simulated(scenario)


def test_nor_does_an_amend() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await desk.rest_order("a")
        desk.replace("a", 96, 3)
        stand_still(desk, LEAVE_NS + 1)
        await asyncio.sleep(SOON_S)

        assert [one.reason for one in desk.heard(f.ReplaceRejected)] == [
            "it could not leave within 2 s"
        ]

    simulated(scenario)


def test_after_a_sleep_the_clock_of_the_venue_is_measured_at_once() -> None:
    async def scenario(desk: Desk) -> None:
        await desk.begin()
        await asyncio.sleep(2)
        before = len(desk.heard(ClockMeasured))

        desk.exchange.skew_ns = 600 * NS_PER_S
        desk.gateway.on_market(WallClockMoved(600 * NS_PER_S, 600 * NS_PER_S))
        await asyncio.sleep(2)

        (measured,) = desk.heard(ClockMeasured)[before:]
        assert measured.offset_ns // NS_PER_S in {599, 600}

    simulated(scenario)
