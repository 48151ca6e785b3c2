"""Times of the simulation: the true one, and what the engine's machine takes for it.

The machine's wall clock is off, and is set between two lives; it runs a little too fast or too
slow; the machine sleeps, and monotonic time stands still with it; the process is stopped, and
time goes on without it.
"""

import asyncio
from typing import Final

from engine.model.chance import Chance
from engine.model.numbers import NS_PER_S
from engine.runtime.clock import LoopClock
from tests.sim.profiles import ClockFaults

STEPS_S: Final = (-3_600, -60, 60, 3_600)
"""By so much somebody sets the wall clock."""
SLEEPS_S: Final = (1, 5, 60, 600)
LONG_SLEEPS_S: Final = (1, 60, 600, 3_600)
"""Of seeds whose market costs little."""
STOPS_S: Final = (1, 3, 15, 60)


class TrueClock(LoopClock):
    """The time by which market and venue live; it goes on while the machine sleeps."""

    def __init__(self, start_ns: int) -> None:
        super().__init__(start_ns)
        self.slept_ns = 0

    def now_ns(self) -> int:
        """Return the true time."""
        return super().now_ns() + self.slept_ns


class MachineClock:
    """What an engine has for engine time.

    Args:
        true: The time in truth.
        off_ns: How far the wall clock was ahead when the engine was started.
        drift_ppm: By how much monotonic time runs too fast.
    """

    def __init__(self, true: TrueClock, off_ns: int, drift_ppm: int) -> None:
        self.true = true
        self._start_ns = true.now_ns()
        self._off_ns = off_ns
        self._drift_ppm = drift_ppm
        self._sleeps: list[tuple[int, int]] = []
        """Engine time of each sleep, and its length."""

    def now_ns(self) -> int:
        """Return engine time."""
        return self._engine_ns(self.true.now_ns() - self.true.slept_ns)

    def wall_drift_ns(self) -> int:
        """Return how far the wall clock is ahead of engine time: the sleeps were not counted."""
        return self.true.slept_ns

    async def sleep(self, seconds: float) -> None:
        """Wait on the loop."""
        await asyncio.sleep(seconds)

    def true_ns(self, engine_ns: int) -> int:
        """Return when it was in truth that the engine had this time."""
        passed_ns = engine_ns - self._start_ns - self._off_ns
        awake_ns = passed_ns * 1_000_000 // (1_000_000 + self._drift_ppm)
        slept_ns = sum(length for at_ns, length in self._sleeps if at_ns < engine_ns)
        return self._start_ns + awake_ns + slept_ns

    def away_ns(self) -> int:
        """Return how far engine time is from the true time, in either direction."""
        return abs(self.now_ns() - self.true.now_ns())

    def fall_asleep(self, length_ns: int) -> None:
        """Let the machine sleep; on Linux its monotonic clock stands still meanwhile."""
        self._sleeps.append((self.now_ns(), length_ns))
        self.true.slept_ns += length_ns

    def _engine_ns(self, awake_ns: int) -> int:
        passed_ns = awake_ns - self._start_ns
        return self._start_ns + self._off_ns + passed_ns + passed_ns * self._drift_ppm // 1_000_000


class ClockTrouble:
    """What befalls the clocks of a seed, in all its lives.

    Args:
        faults: How often.
        chance: From what.
        sleeps_s: Draws how long the machine sleeps.
    """

    def __init__(self, faults: ClockFaults, chance: Chance, sleeps_s: tuple[int, ...]) -> None:
        self._faults = faults
        self._chance = chance
        self._sleeps_s = sleeps_s
        self._off_s = faults.off_s

    def new_clock(self, now_ns: int) -> MachineClock:
        """Return the clock of another engine."""
        true = TrueClock(now_ns)
        return MachineClock(true, int(self._off_s * NS_PER_S), self._faults.drift_ppm)

    def set_wall(self) -> bool:
        """Between two lives: somebody sets the wall clock, or not; returns whether he did."""
        if not self._happens(self._faults.step_share):
            return False
        self._off_s = self._faults.off_s + self._chance.pick(STEPS_S)
        return True

    def set_right(self) -> None:
        """Set the wall clock as right as it ever is here."""
        self._off_s = self._faults.off_s

    def sleep_s(self) -> int:
        """Draw for how long the machine sleeps now; 0 for not at all."""
        if not self._happens(self._faults.sleep_share):
            return 0
        return self._chance.pick(self._sleeps_s)

    def stop_s(self) -> int:
        """Draw for how long the process is stopped now; 0 for not at all."""
        return self._chance.pick(STOPS_S) if self._happens(self._faults.stop_share) else 0

    def _happens(self, share: float) -> bool:
        return share > 0 and self._chance.happens(share)
