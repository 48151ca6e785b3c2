"""A day of an account as its venue tells it, asked for from outside of a running engine.

It only reads: no lock is taken and nothing is changed at the venue, so that an engine may go on
trading the account meanwhile. Both share the venue's rate limits.
"""

from collections.abc import Mapping
from typing import Final

from engine.execution.ledger_account import DAY_NS
from engine.execution.positions import Steps
from engine.execution.statement import statement_of
from engine.execution.statement_check import VenueHistory, differences
from engine.keys import account_name
from engine.model.account import BalanceSeen, CashSeen
from engine.model.errors import ConfigError
from engine.model.facts import OrderFilled
from engine.model.instrument import Instrument, InstrumentId
from engine.model.numbers import NS_PER_S
from engine.runtime.statement_report import CheckedStatement, JournalBooks, checked_statement
from engine.runtime.trade_rest import TradePorts, asking
from engine.venues.trading import Credentials

WANTED: Final = ("fills", "cash", "balances")

PATIENCE_NS: Final = 120 * NS_PER_S
"""Nobody waits for an order here: the rate budget may fill up again."""
PAGES_MAX: Final = 50_000
"""A venue may name the order of a fill only when it is asked for that order."""


def require_same_account(venue: str, credentials: Credentials, account: str) -> None:
    """Refuse a key that is not of the account whose journal is read.

    Raises:
        ConfigError: It is of another one.
    """
    own = f"{venue}/{account_name(credentials)}"
    if own != account:
        raise ConfigError(f"the key is of {own}, and the journal is of {account}")


async def venue_history(
    ports: TradePorts, steps: Mapping[InstrumentId, Steps], day: int
) -> VenueHistory:
    """Ask a venue for the fills and movements of a day, and for the cash as it is now.

    Args:
        ports: The way to the venue.
        steps: Of every instrument that was traded.
        day: Counted from 1970-01-01 UTC.

    Raises:
        VenueUnreachable: It did not tell all of it.
    """
    for name, one in steps.items():
        known = Instrument(name, "previous_id", tick_size=one.tick_size, lot_size=one.lot_size)
        ports.wire.learn(known)
    rows: list[object] = []
    async with asking(ports) as rest:
        for request in ports.wire.report(day * DAY_NS, ports.clock.now_ns()):
            if request.purpose in WANTED:
                found, _ = await rest.rows(request, pages_max=PAGES_MAX, patience_ns=PATIENCE_NS)
                rows += found
    return VenueHistory(
        fills=tuple(row for row in rows if isinstance(row, OrderFilled)),
        cash=tuple(row for row in rows if isinstance(row, CashSeen)),
        balances=tuple(row for row in rows if isinstance(row, BalanceSeen)),
    )


async def statement_beside(read: JournalBooks, day: int, ports: TradePorts) -> CheckedStatement:
    """Return a day's statement with every difference from the venue's own history.

    Raises:
        VenueUnreachable: The venue did not tell all of it.
    """
    try:
        history = await venue_history(ports, read.books.ledger.all_steps, day)
    finally:
        await ports.transport.close()
    statement = statement_of(read.books, day)
    return checked_statement(read, day, differences(read.books, statement, history))
