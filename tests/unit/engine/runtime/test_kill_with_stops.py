"""A kill that takes along what protects is the only one that waits for a confirmation."""

import asyncio
from pathlib import Path

from engine.model.commands import EngageKill, ReleaseKill
from tests.unit.engine.runtime.test_host import SETTLE_S, Engine, simulated

STOPS_TOO = EngageKill("enough", with_stops=True)


def test_a_kill_that_takes_along_what_protects_latches_once_it_is_confirmed(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        engine.say(STOPS_TOO, confirm=1)
        await asyncio.sleep(SETTLE_S)
        assert (engine.guard.is_latched, engine.trading_state) == (False, "active")
        engine.say(STOPS_TOO, confirm=2)
        await asyncio.sleep(SETTLE_S)
        assert (engine.guard.is_latched, engine.trading_state) == (True, "killed")
        engine.say(ReleaseKill("go"))
        await asyncio.sleep(SETTLE_S)
        assert not engine.guard.is_latched

    simulated(tmp_path, scenario)
