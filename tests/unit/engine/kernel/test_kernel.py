"""The kernel: one numbered event in, effects out, and a digest that two runs share."""

import os
import subprocess
import sys

import pytest

from engine.kernel.kernel import Kernel
from engine.kernel.state import KernelState
from engine.model.commands import CancelAll, EngageKill
from engine.model.envelope import Envelope, RunStarted
from engine.model.errors import InvariantBroken
from engine.model.market import ScalesWidened
from tests.builders import (
    BTC,
    FEED,
    Run,
    Trader,
    a_candle,
    a_delta,
    a_fill,
    a_kernel,
    a_live_kernel,
    a_mark,
    a_quote,
    a_snapshot,
    a_trade,
    a_trader,
    buy,
    down,
    sell,
)

STARTED = RunStarted("run-1", "0.1")


def a_lively_run() -> Run:
    """A run in which something of every kind happens, twice with the same time."""
    run = a_live_kernel("100x900 99x800", "101x700 102x600")
    run.take(a_delta(11, bids="98x800"), a_trade(101, 3), a_mark(), a_candle())
    run.wait(300).take(a_quote("100x900", "101x1", 12), a_delta(12, asks="101x1"))
    run.wait(700).take(a_trade(100, 2, sells=True, ms=900), a_delta(13, bids="100x898"))
    run.take(ScalesWidened(BTC, 1, 2), a_delta(14, 14, bids="1000x88000"))
    run.take(a_delta(20), down())
    return run.wait(5_000)


def test_an_event_is_numbered_one_above_the_one_before():
    kernel = Kernel()
    kernel.step(Envelope(1, 100, "engine", STARTED))

    for seq in (1, 3):
        with pytest.raises(InvariantBroken):
            kernel.step(Envelope(seq, 100, "engine", STARTED))
    assert kernel.state.seq == 1


def test_time_may_stand_still_but_not_run_backwards():
    kernel = Kernel()
    kernel.step(Envelope(1, 100, "engine", STARTED))
    kernel.step(Envelope(2, 100, FEED, a_trade()))

    with pytest.raises(InvariantBroken, match="event 3 at 99 after 2 at 100"):
        kernel.step(Envelope(3, 99, FEED, a_trade()))


def test_a_kernel_goes_on_from_the_state_it_is_given():
    state = KernelState()
    Kernel(state).step(Envelope(1, 100, "engine", STARTED))

    Kernel(state).step(Envelope(2, 100, FEED, a_trade()))

    assert state.seq == 2


def test_the_same_events_give_the_same_digest():
    assert a_lively_run().kernel.step_digest() == a_lively_run().kernel.step_digest()


@pytest.mark.parametrize(
    "event",
    [
        a_delta(11),
        a_snapshot(seq=12),
        a_trade(),
        a_quote(),
        a_mark(),
        a_candle(),
        ScalesWidened(BTC, 1, 0),
        down(),
    ],
    ids=lambda event: type(event).__name__,
)
def test_every_event_shows_in_the_digest(event):
    before = a_live_kernel().take(STARTED).kernel.step_digest()

    assert a_live_kernel().take(event).kernel.step_digest() != before


def test_sums_beyond_64_bits_have_a_digest():
    run = a_kernel().take(*(a_trade(2**61, 2**61) for _ in range(9)))

    assert run.kernel.step_digest()


def test_the_digest_does_not_depend_on_the_process():
    """Hashes of text differ between processes; nothing that counts may follow them."""
    program = "from tests.unit.engine.kernel.test_kernel import a_lively_run as run\n"
    program += "print(run().kernel.step_digest())"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert found == {a_lively_run().kernel.step_digest() + "\n"}


def test_market_data_does_not_touch_the_ledger():
    assert a_lively_run().kernel.ledger_digest() == a_kernel().kernel.ledger_digest()


def a_trading_run() -> Trader:
    """A run in which somebody trades."""
    trader = a_trader().holds(5)
    trader.do(buy(2, 990), sell(1, 1_015))
    trader.take(a_fill(trader.newest.client_order_id, 1, 1_015))
    trader.do(CancelAll())
    trader.say(EngageKill())
    return trader


def test_the_same_commands_give_the_same_digests_and_the_same_effects():
    one, other = a_trading_run(), a_trading_run()

    assert one.kernel.step_digest() == other.kernel.step_digest()
    assert one.kernel.ledger_digest() == other.kernel.ledger_digest()
    assert one.facts == other.facts


def test_commands_show_in_both_digests():
    trader = a_trader()
    before = trader.kernel.step_digest(), trader.kernel.ledger_digest()

    trader.do(buy(1))

    assert trader.kernel.step_digest() != before[0]
    assert trader.kernel.ledger_digest() != before[1]
