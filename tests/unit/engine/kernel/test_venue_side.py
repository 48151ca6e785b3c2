"""What a run knows of the venue's side is part of what decides."""

import pytest

from engine.model import account as a
from engine.model import facts as f
from tests.builders import BTC, at
from tests.unit.engine.kernel.live_desk import a_live_desk, held


@pytest.mark.parametrize(
    "event",
    [
        a.PrivateUp("test"),
        a.PrivateDown("test", "closed", at(0)),
        a.RateUsed("test", 50),
        a.RightsSeen("test", True, True),
        f.OrderAcked(at(0), "stranger", "v"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_is_told_of_it_is_in_the_digest(event):
    one, other = a_live_desk(), a_live_desk()
    assert one.side.digest_parts() == other.side.digest_parts()

    one.tells(event)
    other.state.seq += 1

    assert one.side.digest_parts() != other.side.digest_parts()
    assert one.kernel.step_digest() != other.kernel.step_digest()


def test_a_mismatch_and_a_timer_are_in_the_digest_too():
    desk = a_live_desk()
    before = desk.side.digest_parts()
    desk.waits_for_report()
    waiting = desk.side.digest_parts()

    desk.reports(positions=[held(2)])

    assert len({repr(parts) for parts in (before, waiting, desk.side.digest_parts())}) == 3
    assert desk.kernel.step_digest()
    assert BTC in desk.side.mismatches
