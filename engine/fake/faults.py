"""What a fake venue does wrong on purpose, and the file that says so.

A fault names lines of the undamaged capture, counted from 1; numbers keep their meaning whatever
else is dropped. A fault changes what clients receive, never what the venue knows.
"""

import math
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.fake.trading.mishaps import RestFaults, StreamFaults, TradingFaults
from engine.model.errors import ConfigError

CLOSE_ABNORMAL: Final = 1006
"""Not a code that can be sent: the connection ends without a close frame."""

SECONDS_MAX: Final = 86_400.0


class Drop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Frames of one stream, one symbol or all that never reach a client."""

    stream: str = ""
    """As recorded or as subscribed, `btcusdt@depth`; empty means any."""
    symbol: str = ""
    from_line: int = 1
    to_line: int = 2**62
    share: float = 1.0
    """How many of them, 0 to 1; which ones follows from the seed."""


class Disconnect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sockets that the venue closes just before it would send this line."""

    line: int
    code: int = CLOSE_ABNORMAL
    path: str = ""
    """`public` or `market` closes only the sockets there."""


class Stall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Silence of all streams before this line; sockets stay open and pings are answered."""

    line: int
    seconds: float


class ClockStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The time that the venue tells jumps before this line, ahead or back; frames keep theirs."""

    line: int
    seconds: float


class DayCut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All sockets end before this line, as if they were a day old.

    A venue that has a word for it (Binance spot, OKX) says so and ends them later; until then it
    goes on sending.
    """

    line: int
    notice_s: float = 10.0


Disturbance = Disconnect | Stall | ClockStep | DayCut
"""What happens before a line and has nothing to do with what that line says."""


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that goes wrong in one run; by default nothing does."""

    drop_lines: tuple[int, ...] = ()
    """Frames never sent; of a recorded snapshot the first request for it fails with 503."""
    swap_lines: tuple[tuple[int, int], ...] = ()
    """Each of the two frames is sent in the other's place."""
    repeat_lines: tuple[int, ...] = ()
    """Frames sent twice in a row."""
    drop: tuple[Drop, ...] = ()
    disconnect_at_line: tuple[Disconnect, ...] = ()
    stall_at_line: tuple[Stall, ...] = ()
    clock_step_at_line: tuple[ClockStep, ...] = ()
    day_cut_at_line: tuple[DayCut, ...] = ()
    refuse_snapshots: int = 0
    """So many requests for a book, the first ones, are answered with 503."""
    slow_snapshot_s: float = 0.0
    """Each answer with a book leaves so much later than it was made."""
    no_stream_snapshots: bool = False
    """OKX opens no stream of a book with a whole one, as it announced; only requests bring one."""
    trading: TradingFaults = TradingFaults()
    """Of requests for orders and of the private stream; Binance's futures only."""

    def frame_lines(self) -> frozenset[int]:
        """Return the lines whose frame is sent in another place or twice."""
        swapped = {line for pair in self.swap_lines for line in pair}
        return frozenset(swapped.union(self.repeat_lines))

    def lines(self) -> frozenset[int]:
        """Return every line that must exist in the capture."""
        disturbed = [fault.line for fault in self.disturbances()]
        return self.frame_lines().union(self.drop_lines, disturbed)

    def disturbances(self) -> list[Disturbance]:
        """Return what happens between lines, in the order of lines."""
        found: list[Disturbance] = [
            *self.stall_at_line,
            *self.clock_step_at_line,
            *self.day_cut_at_line,
            *self.disconnect_at_line,
        ]
        return sorted(found, key=lambda fault: fault.line)


NO_FAULTS: Final = Faults()


def load_faults(path: Path) -> Faults:
    """Read a TOML file of faults.

    Raises:
        ConfigError: It cannot be read, a key is unknown, or a value makes no sense.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}") from error
    _refuse_unknown_keys(path, tree)
    try:
        faults = msgspec.convert(tree, Faults)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error
    _refuse_nonsense(path, faults)
    return faults


def _refuse_unknown_keys(path: Path, tree: dict[str, Any]) -> None:
    _refuse_unknown(path, "", tree, Faults)
    for key, shape in (
        ("drop", Drop),
        ("disconnect_at_line", Disconnect),
        ("stall_at_line", Stall),
        ("clock_step_at_line", ClockStep),
        ("day_cut_at_line", DayCut),
    ):
        tables = tree.get(key)
        for table in tables if isinstance(tables, list) else ():
            if isinstance(table, dict):
                _refuse_unknown(path, f"{key}.", table, shape)
    trading = tree.get("trading")
    if isinstance(trading, dict):
        _refuse_unknown(path, "trading.", trading, TradingFaults)
        for key, part in (("rest", RestFaults), ("stream", StreamFaults)):
            if isinstance(table := trading.get(key), dict):
                _refuse_unknown(path, f"trading.{key}.", table, part)


def _refuse_unknown(
    path: Path, prefix: str, table: dict[str, Any], shape: type[msgspec.Struct]
) -> None:
    known = shape.__struct_fields__
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise ConfigError(f"{path}: there is no fault {prefix}{key}; did you mean {near}?")


def _refuse_nonsense(path: Path, faults: Faults) -> None:
    seconds = [
        faults.slow_snapshot_s,
        *(fault.seconds for fault in faults.stall_at_line),
        *(abs(fault.seconds) for fault in faults.clock_step_at_line),
        *(fault.notice_s for fault in faults.day_cut_at_line),
        *faults.trading.seconds(),
    ]
    codes = [fault.code for fault in faults.disconnect_at_line]
    problems = {
        "a line is counted from 1": all(line >= 1 for line in faults.lines()),
        f"seconds lie between 0 and {SECONDS_MAX:g}": all(
            math.isfinite(length) and 0 <= length <= SECONDS_MAX for length in seconds
        ),
        "refuse_snapshots is not negative": faults.refuse_snapshots >= 0,
        "a share lies between 0 and 1": all(
            0 <= share <= 1
            for share in (*(drop.share for drop in faults.drop), *faults.trading.shares())
        ),
        "a close code is 1006, or one that a venue may send (1000 to 1003, 1007 to 1014, "
        "3000 to 4999)": all(_is_close_code(code) for code in codes),
    }
    for rule, is_kept in problems.items():
        if not is_kept:
            raise ConfigError(f"{path}: {rule}")


def _is_close_code(code: int) -> bool:
    return 1000 <= code <= 1003 or 1006 <= code <= 1014 or 3000 <= code <= 4999
