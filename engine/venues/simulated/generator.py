"""The simulated market: everything that happens in its instruments, in order of time.

An event-time simulation: every participant's next act waits in one heap, so the events between two
moments are the same whether they are asked for at once or in a thousand slices. Only a caller who
stays away longer than `catch_up_ns` is not told every trade: the market then jumps close to the
present, tells the candles of what was left out and shows fresh books; the sequence numbers go on.
"""

from collections.abc import Sequence
from heapq import heapify, heapreplace
from typing import Final

from engine.model.envelope import Event
from engine.model.instrument import InstrumentId
from engine.model.market import BookSnapshot
from engine.model.numbers import NS_PER_S
from engine.venues.simulated.floor import Action, Floor, Temper
from engine.venues.simulated.instruments import find_instruments

CATCH_UP_S_MAX: Final = 60.0
"""Market time simulated in one call at intensity 1; proportionally less of a denser flow, so that
the work of a call has a bound."""
RESUME_S: Final = 1
"""How long before the present a jump ends; the rest is simulated as always."""


class SimulatedMarket:
    """A market that exists only here; pure and synchronous.

    Args:
        symbols: Instruments to open, names of the venue's table.
        seed: Same seed, same market.
        start_ns: When it opens, ns since 1970.
        intensity: Factor on the flow of orders; price moves keep their size.

    Raises:
        ConfigError: A symbol is not in the table.
    """

    def __init__(
        self, symbols: Sequence[str], seed: int, start_ns: int, intensity: float = 1.0
    ) -> None:
        assert intensity > 0
        self.catch_up_ns = int(CATCH_UP_S_MAX / max(1.0, intensity) * NS_PER_S)
        self._sink: list[Event] = []
        self._now_ns = start_ns
        self._floors: list[Floor] = []
        for number, instrument in enumerate(find_instruments(tuple(symbols))):
            temper = Temper(seed=seed, intensity=intensity, is_first=number == 0)
            self._floors.append(Floor(instrument, temper, start_ns, self._sink))
        self._heap: list[tuple[int, int]] = []
        self._actions: list[Action] = []
        for floor in self._floors:
            floor.open(start_ns)
        self._schedule(is_opening=True)
        self._opening = self._collect()

    def opening(self) -> list[Event]:
        """Return what the market shows first: instruments, history, books, marks."""
        return list(self._opening)

    def advance(self, now_ns: int) -> list[Event]:
        """Return everything that happened up to and including `now_ns`, in order of time."""
        if now_ns - self._now_ns > self.catch_up_ns:
            self._jump(now_ns - min(RESUME_S * NS_PER_S, self.catch_up_ns))
        heap, actions = self._heap, self._actions
        while heap and heap[0][0] <= now_ns:
            ts_ns, number = heap[0]
            heapreplace(heap, (actions[number](ts_ns), number))
        self._now_ns = max(self._now_ns, now_ns)
        return self._collect()

    def snapshot(self, instrument_id: InstrumentId) -> BookSnapshot | None:
        """Return an instrument's book as of its last delta; None for one that is not open."""
        for floor in self._floors:
            if floor.instrument.instrument_id == instrument_id:
                return floor.snapshot(self._now_ns)
        return None

    def _jump(self, to_ns: int) -> None:
        for floor in self._floors:
            floor.reopen(self._now_ns, to_ns)
        self._now_ns = to_ns
        self._schedule(is_opening=False)

    def _schedule(self, *, is_opening: bool) -> None:
        entries = [
            entry
            for floor in self._floors
            for entry in floor.actions(self._now_ns, is_opening=is_opening)
        ]
        # The number of an action decides between two of the same moment.
        self._actions = [action for _, action in entries]
        self._heap = [(due_ns, number) for number, (due_ns, _) in enumerate(entries)]
        heapify(self._heap)

    def _collect(self) -> list[Event]:
        events = list(self._sink)
        self._sink.clear()
        return events
