"""What the host shows the paper venue of the market."""

import asyncio
from pathlib import Path

from engine.model.facts import OrderFilled
from tests.builders import FEED, a_trade
from tests.unit.engine.runtime.test_host import BUY, SETTLE_S, Engine, facts_of, simulated


def test_a_trade_that_comes_twice_fills_no_paper_order_twice(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        engine.say(BUY)
        await asyncio.sleep(SETTLE_S)
        for trade_id in (7, 7, 7):
            engine.host.put(FEED, [a_trade(90, 1, sells=True, trade_id=trade_id)])
        await asyncio.sleep(SETTLE_S)
        assert engine.ledger.net_lots(BUY.instrument_id) == 1

        engine.host.put(FEED, [a_trade(90, 1, sells=True, trade_id=8)])
        await asyncio.sleep(SETTLE_S)
        assert engine.ledger.net_lots(BUY.instrument_id) == 2

    recovered = simulated(tmp_path, scenario)
    assert sum(isinstance(fact, OrderFilled) for fact in facts_of(recovered)) == 2
