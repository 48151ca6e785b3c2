"""What a run knows of the venue's side is part of what decides."""

import pytest

from engine.kernel.desk import moment_of
from engine.model import account as a
from engine.model import facts as f
from engine.model.effects import RequestReport
from tests.builders import BTC, at
from tests.unit.engine.kernel.live_desk import a_live_desk, held, seen


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


def test_the_end_of_the_last_doubt_waits_for_no_allowance():
    desk = a_live_desk()
    cid = desk.sends()
    desk.wait(2_000).tells(a.RateUsed("test", 99))
    desk.waits_for_report()
    desk.reports()

    desk.wait(250).answers(cid, seen(cid, "canceled"))
    assert desk.wait(500).asked(RequestReport) == []
    assert len(desk.wait(250).asked(RequestReport)) == 1
    desk.reports()

    assert desk.side.agreed_ns == desk.now_ns


def test_the_end_of_a_doubt_that_was_none_of_an_unknown_order_waits_as_all_else_does():
    """A copy that lags shows what has ended: the account is compared again, but not in a loop."""
    desk = a_live_desk()
    cid = desk.rests()
    desk.tells(f.OrderCanceled(desk.now_ns, cid, "asked"), a.PrivateDown("test", "closed", at(0)))
    desk.wait(20_000).tells(a.PrivateUp("test"), a.RateUsed("test", 99))
    desk.waits_for_report()
    desk.reports(seen(cid))
    assert list(desk.side.doubts) == [cid]

    desk.wait(250).answers(cid, seen(cid, "canceled"))

    assert (desk.side.doubts, desk.side.agreed_ns) == ({}, None)
    assert desk.wait(5_000).asked(RequestReport) == []


# Another engine (R124).


def an_engines_id(number: int = 0) -> str:
    """Return an id as an engine gives it, but none of a test's."""
    return f"ck000007abcdef{number:08}"


def test_another_engine_on_the_account_forbids_new_risk_until_its_orders_are_gone():
    desk = a_live_desk()
    desk.waits_for_report()
    desk.reports(seen(an_engines_id()), seen(an_engines_id(1)))
    told = f"another engine trades this account: end it, then cancel its order {an_engines_id()}"

    assert f"{told} and 1 more" in moment_of(desk.desk, {}, desk.now_ns).faults
    assert any(one.startswith(f"{told} and 1 more; no order") for one in desk.said)

    desk.waits_for_report()
    desk.reports(seen(an_engines_id()))
    assert told in moment_of(desk.desk, {}, desk.now_ns).faults
    assert sum("another engine" in one for one in desk.said) == 1

    desk.waits_for_report()
    desk.reports()
    assert not any("another engine" in one for one in moment_of(desk.desk, {}, desk.now_ns).faults)
