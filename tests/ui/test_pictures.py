"""A few pictures; the words on them are asserted elsewhere."""

import pytest
from pytest_textual_snapshot import SVGImageExtension  # type: ignore[import-untyped]  # it has no types
from syrupy.assertion import SnapshotAssertion

from tests.ui.scenes import a_killed_risk
from tests.ui.stage import L, M, S, stage


@pytest.fixture
def as_it_did(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Return the picture kept for this test; `--snapshot-update` keeps another one."""
    return snapshot.use_extension(SVGImageExtension)


@pytest.mark.parametrize("size", [S, M, L], ids=["small", "medium", "large"])
async def test_the_screen_looks_as_it_did(as_it_did: SnapshotAssertion, size: tuple[int, int]):
    async with stage(size) as at:
        await at.feed()
        await at.feed()

        assert at.app.picture() == as_it_did


async def test_a_lost_engine_looks_as_it_did(as_it_did: SnapshotAssertion):
    async with stage(S) as at:
        await at.feed()
        await at.wait(7.0)

        assert at.app.picture() == as_it_did


async def test_a_kill_looks_as_it_did(as_it_did: SnapshotAssertion):
    async with stage(M) as at:
        await at.feed()
        await at.feed(risk=a_killed_risk())

        assert at.app.picture() == as_it_did
