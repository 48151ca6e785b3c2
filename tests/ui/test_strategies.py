"""The key that pauses and resumes a strategy in the risk pane."""

from engine.model.commands import CommandOutcome, Resume, SetReduceOnly
from engine.model.view import RiskView
from tests.ui.scenes import ETH, a_risk, a_strategy
from tests.ui.stage import L, M, stage

BTC_SCOPE = "strategy:momentum@BTC-PERP"
ETH_SCOPE = "strategy:momentum@ETH-PERP"


def two() -> RiskView:
    first = a_strategy(name="momentum@BTC-PERP")
    return a_risk(strategies=(first, a_strategy(name="momentum@ETH-PERP", instrument_id=ETH)))


async def test_the_only_strategy_is_paused_at_once_wherever_the_cursor_is():
    async with stage(M) as at:
        await at.press("9")
        await at.feed()
        await at.press("p")

        assert "▸◆ momentum" in at.pane("risk")
        assert [command.actions for command in at.port.meant] == [(SetReduceOnly(BTC_SCOPE),)]


async def test_of_several_the_marked_one_is_paused():
    async with stage(L) as at:
        await at.feed(risk=two())
        await at.press("9", *"jjjjjj")
        marked = at.pane("risk")
        await at.press("p")

        assert "▸◆ momentum@ETH-PERP" in marked
        assert "▸◆ momentum@BTC-PERP" not in marked
        assert [command.actions for command in at.port.meant] == [(SetReduceOnly(ETH_SCOPE),)]


async def test_off_the_strategies_nothing_is_paused():
    async with stage(L) as at:
        await at.feed(risk=two())
        await at.press("9", "p")

        assert at.port.meant == []
        assert "no strategy under the cursor" in at.text()


async def test_without_a_strategy_nothing_is_paused():
    async with stage(L) as at:
        await at.feed(risk=a_risk(strategies=()))
        await at.press("9", "p")

        assert at.port.meant == []


async def test_a_paused_one_is_only_resumed_by_a_line_that_is_read():
    async with stage(M) as at:
        at.port.judge = lambda _: CommandOutcome("needs_confirmation", (), 3, BTC_SCOPE)
        await at.press("9")
        await at.feed(risk=a_risk(strategies=(a_strategy(state="reduce_only"),)))
        await at.press("p")

        assert at.port.meant == []
        assert "strat resume momentum BTC-PERP" in at.text()
        assert all(command.actions == (Resume(BTC_SCOPE),) for command in at.port.commands)


async def test_in_another_pane_the_key_pauses_nothing():
    async with stage(L) as at:
        await at.feed()
        await at.press("1", "p")

        assert at.port.meant == []
