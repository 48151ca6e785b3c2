"""What a start finds and asks, and what a screen that goes away leaves behind."""

import asyncio
import signal
from pathlib import Path

import pytest

from engine.folder import DataFolder
from engine.model.commands import StartStrategy
from tests.e2e.engines import cockpit, headless
from tests.e2e.traders import BTC, an_order, trader

SEED = ("--seed", "7")


async def holding(folder: Path) -> None:
    """Start a strategy and take a position."""
    async with trader(folder) as client:
        await client.book()
        await client.must(StartStrategy("mean_reversion", BTC))
        await client.must(an_order("buy", "0.05"))
        await client.until(lambda: client.positions == {"BTC-PERP": "long 0.050"}, "the position")


def left_by_a_crash(folder: Path) -> None:
    """Let an engine with a position and a strategy die without a word."""
    with headless(folder, *SEED) as process:
        asyncio.run(holding(folder))
        process.send_signal(signal.SIGKILL)
        process.wait()
    DataFolder(folder).socket.unlink(missing_ok=True)


def test_after_a_crash_trading_only_reduces_until_a_shell_accepts_it(tmp_path: Path) -> None:
    left_by_a_crash(tmp_path)

    with headless(tmp_path, *SEED):

        async def judge() -> tuple[str, str, str]:
            async with trader(tmp_path) as client:
                await client.book()
                await client.until(lambda: client.risk is not None, "the trading state")
                assert client.risk is not None
                found, reason = client.risk.trading_state, client.risk.trading_reason
                more = await client.do(an_order("buy", "0.05"))
                return found, reason, more.verdict

        assert asyncio.run(judge()) == ("reduce_only", "restart after a crash", "refused")

        asked = cockpit("do", "accept restart", data_dir=tmp_path)
        assert asked.code == 2
        done = cockpit("do", "accept restart", "--confirm", "2", data_dir=tmp_path)
        assert (done.code, done.err) == (0, "")

        async def goes_on() -> None:
            async with trader(tmp_path) as client:
                await client.must(an_order("buy", "0.06"))

        asyncio.run(goes_on())


@pytest.mark.parametrize("policy", ["resume", "halted"])
def test_the_settings_answer_for_a_start_that_nobody_watches(
    tmp_path: Path, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCKPIT_ON_RESTART", policy)
    left_by_a_crash(tmp_path)

    with headless(tmp_path, *SEED):

        async def found() -> tuple[str, list[str]]:
            async with trader(tmp_path) as client:
                await client.book()
                await client.until(lambda: client.risk is not None, "the trading state")
                assert client.risk is not None
                return client.risk.trading_state, [row.name for row in client.risk.strategies]

        state, strategies = asyncio.run(found())

    assert state == ("active" if policy == "resume" else "halted")
    assert bool(strategies) == (policy == "resume")


def test_an_answer_that_nothing_asked_for_is_refused(tmp_path: Path) -> None:
    with headless(tmp_path, *SEED):
        assert cockpit("do", "accept restart", "--confirm", "2", data_dir=tmp_path).code == 1
