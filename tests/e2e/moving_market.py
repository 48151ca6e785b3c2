"""A market whose price moves though its quotes do not tell, and somebody who is exposed to it."""

from pathlib import Path

from engine.model.facts import OrderIntended
from engine.model.instrument import InstrumentId
from engine.model.orders import OrderIntent, OrderSpec
from engine.runtime.host import EngineHost
from tests.fakes.captures import STEP_NS, Recording

TENTHS = 800
"""How long the market lives, in tenths of a second."""
MOVED = {"bids": "100.0x0 99.0x0 110.0x5", "asks": "101.0x0 102.0x0 111.0x5"}
QUOTE = {"e": "bookTicker", "s": "ABCUSDT", "u": 10}
OLD_PRICES = {"b": "100.0", "B": "5", "a": "101.0", "A": "5"}


def a_moving_market(folder: Path, venue: str, moves_at: int = TENTHS) -> Path:
    """Record a market whose price rises by a tenth at so many tenths of a second, if at all."""
    recording = Recording(venue)
    recording.snapshot(10, bids="100.0x5 99.0x5", asks="101.0x5 102.0x5")
    for tenth in range(TENTHS):
        number = 10 + tenth
        recording.depth((number, number, number - 1), **(MOVED if tenth == moves_at else {}))
        recording.stream("abcusdt@bookTicker", QUOTE | OLD_PRICES)
    for number, line in enumerate(recording.lines):
        line["recv_ns"] = recording.lines[0]["recv_ns"] + number // 2 * STEP_NS
    return recording.write(folder)


def expose(host: EngineHost, instrument: InstrumentId) -> None:
    """Let an order rest, past the gate."""
    ledger = host.state.desk.ledger
    spec = OrderSpec(instrument, "buy", "limit", 1, limit_ticks=1)  # type: ignore[arg-type]  # plain numbers
    ledger.apply(
        OrderIntended(host.state.ts_ns, ledger.next_client_order_id(), OrderIntent(spec), 1)
    )
