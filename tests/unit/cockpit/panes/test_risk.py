"""The risk pane: what needs a person comes first, and a strategy says what it waits for."""

from cockpit.panes.palette import DARK
from cockpit.panes.risk import risk_lines
from engine.model.numbers import NS_PER_S
from engine.model.view import RiskView
from tests.builders import START_NS
from tests.ui.scenes import a_risk, a_strategy


def told(view: RiskView) -> list[str]:
    lines = risk_lines(view, START_NS, DARK)
    return ["".join(text for text, _ in line).strip() for line in lines]


def test_alarms_stand_right_below_the_state():
    lines = told(a_risk(alarms=("UNPROTECTED BTC: no stop for 1 of +1 of grid@BTC",)))

    assert lines[0].startswith("state")
    assert lines[1] == "UNPROTECTED BTC: no stop for 1 of +1 of grid@BTC"


def test_a_bad_journal_is_told():
    assert "NOT JOURNALLED: nothing that adds risk leaves" in told(a_risk(is_journal_ok=False))


def test_a_look_back_shows_how_far_it_is_and_when_it_is_ready():
    row = a_strategy(have=12, need=20, ready_ns=START_NS + 8 * 3_600 * NS_PER_S)

    assert any("have 12/20, ready in 08:00:00" in line for line in told(a_risk(strategies=(row,))))


def test_a_look_back_that_is_complete_says_nothing_of_time():
    lines = told(a_risk(strategies=(a_strategy(have=20, need=20),)))

    assert any(line.endswith("have 20/20") for line in lines)
