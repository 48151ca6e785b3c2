"""A fact changes the ledger and goes to the journal, both or neither."""

from engine.kernel.recording import record
from engine.model.effects import Effect, Record
from engine.model.facts import TradingStateSet
from tests.builders import a_trader, at


def test_what_changes_the_ledger_is_kept():
    trader = a_trader()
    fact = TradingStateSet(at(0), "all", "halted", "a test")
    effects: list[Effect] = []
    version = trader.desk.version

    record(trader.state, effects, fact)

    assert effects == [Record(fact)]
    assert trader.desk.trading_state == "halted"
    assert trader.desk.version == version + 1
