"""What detectors notice becomes a signal that is kept, changed and published."""

from engine.kernel.state import SIGNALS_MAX, KernelState
from engine.kernel.whales import record
from engine.model.effects import Effect, Publish
from engine.model.market import ScalesWidened
from engine.model.signals import WhaleSignal
from tests.builders import BTC, ETH, FEED, Run, a_delta, a_live_kernel, a_trade, down

CROWD = "99x50 98x50 97x50 96x50"


def a_wall_kernel() -> Run:
    return a_live_kernel(f"100x50 {CROWD}", "101x50 102x50 103x50 104x50")


def ends(run: Run) -> list[tuple[str, str]]:
    return [(signal.status, signal.end) for signal in run.state.signals.values()]


def a_signal(signal_id: int, **changed: object) -> WhaleSignal:
    fields: dict = {
        "ts_ns": 1,
        "instrument_id": BTC,
        "type": "wall",
        "side": "bid",
        "price_low_ticks": 100,
        "price_high_ticks": 100,
        "notional_usd": 30_000.0,
        "confidence": 0.7,
        "evidence": {},
    }
    return WhaleSignal(signal_id, **(fields | changed))


def test_a_wall_is_published_when_it_comes_and_when_it_goes():
    run = a_wall_kernel()

    run.take(a_delta(11, bids="99x400"))
    (opened,) = run.asked(Publish)
    run.take(a_delta(12, bids="99x50"))
    (closed,) = run.asked(Publish)

    assert (opened.signal.status, opened.signal.price_low_ticks) == ("open", 99)
    assert closed.signal.signal_id == opened.signal.signal_id
    assert ends(run) == [("closed", "pulled")]
    assert run.state.signals_version == 2


def test_a_wall_that_was_hit_ends_filled():
    run = a_wall_kernel().take(a_delta(11, bids="99x400"))

    run.take(a_trade(99, 350, sells=True), a_delta(12, bids="99x50"))

    assert ends(run) == [("closed", "filled")]


def test_prints_outside_the_book_hit_nothing():
    run = a_wall_kernel().take(a_delta(11, bids="99x400"))

    run.take(a_trade(99, 350, sells=True, is_market=False), a_delta(12, bids="99x50"))

    assert ends(run) == [("closed", "pulled")]


def test_the_same_trade_of_the_other_stream_does_not_count_twice():
    run = a_wall_kernel().take(a_trade(101))

    run.take(
        a_delta(11, bids="99x400"),
        a_trade(99, 350, sells=True, stream="agg_trade"),
        a_delta(12, bids="99x50"),
    )

    assert ends(run) == [("closed", "pulled")]


def test_a_lost_book_ends_its_walls_without_a_verdict():
    run = a_wall_kernel().take(a_delta(11, bids="99x400"))

    run.take(a_delta(20))

    assert ends(run) == [("closed", "")]


def test_a_lost_connection_ends_its_walls_without_a_verdict():
    run = a_wall_kernel().take(a_delta(11, bids="99x400"))

    run.take(down(FEED))

    assert ends(run) == [("closed", "")]


def test_a_delta_that_was_not_applied_shows_the_detectors_nothing():
    run = a_live_kernel(f"100x50 99x400 {CROWD[6:]}", "101x50 102x50")

    # The trade's own delta is still to come; the repeat before it is no news of the book.
    run.take(a_delta(11), a_trade(99, 300, sells=True), a_delta(11), a_delta(12, bids="99x100"))

    assert ends(run) == []


def test_an_unknown_instrument_has_no_detectors():
    run = a_wall_kernel()

    run.take(a_delta(1, instrument_id=ETH), a_trade(instrument_id=ETH))

    assert run.state.unknown_instrument == 2


def test_finer_prices_are_those_of_signals_too():
    run = a_wall_kernel().take(a_delta(11, bids="99x400"))
    record(run.state, [a_signal(77, instrument_id=ETH)], [])

    run.take(ScalesWidened(BTC, 2, 0))

    ours, others = run.state.signals.values()
    assert (ours.price_low_ticks, ours.price_high_ticks) == (9_900, 9_900)
    assert (others.price_low_ticks, others.price_high_ticks) == (100, 100)


def test_only_so_many_signals_are_kept():
    state, effects = KernelState(), list[Effect]()

    record(state, [a_signal(number) for number in range(SIGNALS_MAX + 1)], effects)

    assert len(state.signals) == SIGNALS_MAX
    assert next(iter(state.signals)) == 1
    assert len(effects) == SIGNALS_MAX + 1
