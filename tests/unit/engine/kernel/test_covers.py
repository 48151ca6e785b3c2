"""What stands behind a position, as the tag of its entry tells it to the journal."""

import pytest

from engine.kernel.covers import Exits, exits_of


def test_a_tag_tells_the_exits_again():
    exits = Exits(3.0, 5.0, 0.0, 12.25)

    assert exits.tag == "enter 3.0 5.0 0.0 12.25"
    assert exits_of(exits.tag) == exits


@pytest.mark.parametrize("tag", ["", "leave", "stop", "enter", "enter 3.0 5.0", "exit 1 2 3 4"])
def test_other_tags_tell_none(tag: str):
    assert exits_of(tag) is None


@pytest.mark.parametrize(
    ("exits", "has_stop"),
    [
        (Exits(stop_pct=3.0), True),
        (Exits(stop=12.0), True),
        (Exits(target_pct=5.0), False),
        (Exits(), False),
    ],
)
def test_a_target_is_no_stop(exits: Exits, has_stop: bool):
    assert exits.has_stop is has_stop
