"""SIGKILLs of the whole program while it trades live; `python -m tests.e2e.sigkills` does more."""

from pathlib import Path

import pytest

from tests.e2e.sigkills import run_all

KILLS, SITES = 8, 2


@pytest.mark.slow
async def test_a_sigkill_while_it_trades_live_loses_nothing_and_repeats_nothing(
    tmp_path: Path,
) -> None:
    score = await run_all(tmp_path, KILLS, SITES, seed=5)

    assert score.kills == KILLS
    assert score.accepted > KILLS
