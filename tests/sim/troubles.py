"""What befalls the disk of a seed, for a while."""

from typing import Final

from engine.model.chance import Chance
from tests.fakes.files import ENDLESS, FAILING, NO_SPACE, FaultyFiles
from tests.sim.profiles import DiskFaults

FAILING_OPERATIONS: Final = ("append", "sync", "rename", "truncate")
ROUNDS_MAX: Final = 6


class DiskTrouble:
    """Fills the disk up, or lets operations fail, and gives it back after some steps.

    Args:
        faults: How often.
        files: The disk.
    """

    def __init__(self, faults: DiskFaults, files: FaultyFiles) -> None:
        self._faults = faults
        self._files = files
        self._rounds_full = 0

    def act(self, chance: Chance) -> None:
        """Begin or end some trouble, or not."""
        if self._rounds_full:
            self._rounds_full -= 1
            if not self._rounds_full:
                self._files.space = ENDLESS
            return
        if not self._faults.trouble_share or not chance.happens(self._faults.trouble_share):
            return
        if chance.happens(0.4):
            self._files.space = chance.below(300)
            self._rounds_full = chance.between(1, ROUNDS_MAX)
            return
        problem = chance.pick((FAILING, NO_SPACE))
        times = chance.between(1, ROUNDS_MAX)
        self._files.fail(chance.pick(FAILING_OPERATIONS), 1, problem, times)

    def calm(self) -> None:
        """Give the disk back for good."""
        self._rounds_full = 0
        self._files.space = ENDLESS
        self._files._faults.clear()
