"""The fault file: what it may say, and what is said about a wrong one."""

from pathlib import Path

import pytest

from engine.fake.faults import ClockStep, DayCut, Disconnect, Drop, Faults, Stall, load_faults
from engine.model.errors import ConfigError


def loaded(folder: Path, text: str) -> Faults:
    path = folder / "faults.toml"
    path.write_text(text)
    return load_faults(path)


def test_every_fault_can_be_said(tmp_path: Path):
    faults = loaded(
        tmp_path,
        """
        drop_lines = [620]
        swap_lines = [[927, 931]]
        repeat_lines = [1056]
        refuse_snapshots = 2
        slow_snapshot_s = 1.5

        [[drop]]
        stream = "abcusdt@depth"
        share = 0.5

        [[disconnect_at_line]]
        line = 700
        code = 1001

        [[stall_at_line]]
        line = 800
        seconds = 3

        [[clock_step_at_line]]
        line = 810
        seconds = -3600

        [[day_cut_at_line]]
        line = 690
        notice_s = 2
        """,
    )

    assert faults == Faults(
        drop_lines=(620,),
        swap_lines=((927, 931),),
        repeat_lines=(1056,),
        refuse_snapshots=2,
        slow_snapshot_s=1.5,
        drop=(Drop(stream="abcusdt@depth", share=0.5),),
        disconnect_at_line=(Disconnect(700, 1001),),
        stall_at_line=(Stall(800, 3.0),),
        clock_step_at_line=(ClockStep(810, -3_600.0),),
        day_cut_at_line=(DayCut(690, 2.0),),
    )
    assert [fault.line for fault in faults.disturbances()] == [690, 700, 800, 810]
    assert faults.frame_lines() == {927, 931, 1056}
    assert faults.lines() == {620, 690, 700, 800, 810, 927, 931, 1056}


def test_an_empty_file_changes_nothing(tmp_path: Path):
    assert loaded(tmp_path, "") == Faults()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("drop_line = [1]", "there is no fault drop_line; did you mean drop_lines?"),
        ("[[drop]]\nsymbl = 'X'", "there is no fault drop.symbl; did you mean symbol?"),
        ("drop_lines = ['x']", r"Expected `int`, got `str` - at `\$.drop_lines\[0\]`"),
        ("drop_lines = [", "is not a TOML file"),
        ("drop_lines = [0]", "a line is counted from 1"),
        ("slow_snapshot_s = -1", "seconds lie between 0 and 86400"),
        ("slow_snapshot_s = nan", "seconds lie between"),
        ("[[clock_step_at_line]]\nline = 1\nseconds = -90_000", "seconds lie between"),
        ("[[day_cut_at_line]]\nline = 1\nnotice = 1", "day_cut_at_line.notice; did you mean"),
        ("refuse_snapshots = -1", "refuse_snapshots is not negative"),
        ("[[drop]]\nshare = 1.5", "a share lies between 0 and 1"),
        ("[[disconnect_at_line]]\nline = 1\ncode = 1005", "a close code is 1006, or one"),
        ("drop = 3", "Expected `array`"),
        ("drop = [3]", "Expected `object`"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, sentence: str):
    with pytest.raises(ConfigError, match=sentence):
        loaded(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"gone\.toml: No such file"):
        load_faults(tmp_path / "gone.toml")
