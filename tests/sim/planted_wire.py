"""Bugs on the way to a real venue that the simulation must find: gateway, evidence, reconcile.

What virtual time cannot show has plain tests: waits without jitter, and what is called fresh
because of pings, in `test_feed`, `test_freshness` and `test_feed_socket`; queues without a bound
in `test_inbox` and `docs/limits.md`; candles in a naive time zone in `test_candles`.
"""

import asyncio
from typing import Any, Final

import pytest

from engine.execution import reconcile as verdicts
from engine.ingest import book as books
from engine.kernel import evidence, protection, succession
from engine.kernel.succession import Moves
from engine.model.errors import VenueUnreachable
from engine.model.facts import CancelRejected, OrderRejected
from engine.model.market import InstrumentUpdated
from engine.model.orders import _BY_THE_GATE, ApprovedOrder
from engine.runtime.gateway import VenueGateway
from engine.runtime.private_stream import PrivateStream
from engine.runtime.trade_rest import Exchange, TradeRest
from engine.venues.binance.signing import Signer
from tests.sim.planted import Planted

AGAIN_S: Final = 0.2


def _may_leave() -> str:
    return ""


def _again(gateway: VenueGateway, name: str, new_name: str) -> None:
    """Send an order once more, perhaps under another name."""
    order = gateway._orders.orders.get(name)
    if order is not None:
        gateway.place(ApprovedOrder(new_name, order.intent, _BY_THE_GATE), _may_leave)


# The gateway.


def resend_under_new_name(patch: pytest.MonkeyPatch) -> None:
    """What was not answered is sent again as another order."""
    lose = VenueGateway._lose

    def planted(gateway: VenueGateway, name: str, reason: str) -> None:
        lose(gateway, name, reason)
        _again(gateway, name, name[:-1] + "z")

    patch.setattr(VenueGateway, "_lose", planted)


def place_after_refused_cancel(patch: pytest.MonkeyPatch) -> None:
    """A cancel that finds no order means that there never was one."""
    take = VenueGateway._take_answer

    def planted(gateway: VenueGateway, name: str, exchange: Exchange, rejected: Any) -> None:
        take(gateway, name, exchange, rejected)
        if isinstance(rejected, CancelRejected) and exchange.answer.verdict == "refused":
            _again(gateway, name, name)

    patch.setattr(VenueGateway, "_take_answer", planted)


def trust_latch_from_before_throttle(patch: pytest.MonkeyPatch) -> None:
    """The latch is read when an order begins to wait for its turn, and not when it leaves."""
    before = VenueGateway._before_leaving

    def planted(gateway: VenueGateway, may_leave: Any, due_ns: int, tell_sent: Any) -> Any:
        del may_leave
        return before(gateway, _may_leave, due_ns, tell_sent)

    patch.setattr(VenueGateway, "_before_leaving", planted)


def retry_after_kill(patch: pytest.MonkeyPatch) -> None:
    """What a kill held back is tried again a little later."""
    hold_back = VenueGateway._hold_back

    def planted(gateway: VenueGateway, name: str, reason: str) -> None:
        async def later() -> None:
            await asyncio.sleep(AGAIN_S)
            _again(gateway, name, name)

        if "kill" in reason:
            gateway._start(later(), "later")
        else:
            hold_back(gateway, name, reason)

    patch.setattr(VenueGateway, "_hold_back", planted)


def write_old_orders_in_new_steps(patch: pytest.MonkeyPatch) -> None:
    """The wire learns new steps before the ledger counts in them."""
    learn = VenueGateway.on_market

    def planted(gateway: VenueGateway, event: Any) -> None:
        learn(gateway, event)
        if isinstance(event, InstrumentUpdated):
            gateway._wire.learn(event.instrument)

    patch.setattr(VenueGateway, "on_market", planted)


def await_news_that_came(patch: pytest.MonkeyPatch) -> None:
    """What the stream told before the request was answered is waited for again."""
    expect = PrivateStream.expect_news

    def planted(stream: PrivateStream, left_ns: int) -> None:
        del left_ns
        expect(stream, 1 << 62)

    patch.setattr(PrivateStream, "expect_news", planted)


# Evidence.


def trust_first_not_found(patch: pytest.MonkeyPatch) -> None:
    """An order that is not found once was never accepted."""
    patch.setattr(evidence, "_is_absent", lambda *_: True)


# Reconcile.


def take_error_for_empty(patch: pytest.MonkeyPatch) -> None:
    """A query that failed has found nothing."""
    rows = TradeRest.rows

    async def planted(rest: TradeRest, request: Any) -> tuple[list[object], int]:
        try:
            return await rows(rest, request)
        except VenueUnreachable:
            return [], rest._clock.now_ns()

    patch.setattr(TradeRest, "rows", planted)


def overlook_fills_of_reports(patch: pytest.MonkeyPatch) -> None:
    """A report's fills are not looked at."""
    patch.setattr(verdicts, "missing_fills", lambda ledger, fills: [])


def keep_closed_positions(patch: pytest.MonkeyPatch) -> None:
    """Positions are never compared: what was closed elsewhere is still there."""
    patch.setattr(verdicts, "differences", lambda ledger, positions: {})
    patch.setattr(verdicts, "missing_fills", lambda ledger, fills: [])


# Protection and data.


def leave_stop_as_it_is(patch: pytest.MonkeyPatch) -> None:
    """A stop keeps its size whatever becomes of the position."""
    moves = succession.moves

    def planted(state: Any, lots: int, current: Any, late: Any, **rest: Any) -> Moves:
        return Moves() if current and lots else moves(state, lots, current, late, **rest)

    patch.setattr(protection, "moves", planted)


def overlook_gaps(patch: pytest.MonkeyPatch) -> None:
    """Every change of a book is taken for the next one."""
    patch.setattr(books, "joins", lambda *_: True)


def call_lost_orders_rejected(patch: pytest.MonkeyPatch) -> None:
    """An order without an answer was refused."""

    def planted(gateway: VenueGateway, name: str, reason: str) -> None:
        now_ns = gateway._clock.now_ns()
        gateway._put((OrderRejected(now_ns, name, reason),))

    patch.setattr(VenueGateway, "_lose", planted)


def raise_an_alarm_at_every_look(patch: pytest.MonkeyPatch) -> None:
    """Nobody remembers that people were told of an unknown order."""
    alarm = evidence._raise_alarm

    def planted(state: Any, order: Any, doubt: Any, effects: Any) -> None:
        doubt.is_alarmed = False
        alarm(state, order, doubt, effects)

    patch.setattr(evidence, "_raise_alarm", planted)


def say_nothing_of_unknown_orders(patch: pytest.MonkeyPatch) -> None:
    """An order of unknown fate is asked for, and nobody is told."""
    patch.setattr(evidence, "_raise_alarm", lambda *_: None)


def show_what_a_proxy_repeats(patch: pytest.MonkeyPatch) -> None:
    """What an answer says is shown as it came, with the key in it."""
    patch.setattr(Signer, "hide", lambda signer, answer: answer)


WIRED: Final = (
    Planted("resend-under-new-name", resend_under_new_name, "NET", "I2", 6),
    Planted("refused-cancel-places-again", place_after_refused_cancel, "CLEAN", "I4", 10),
    Planted("latch-not-read-after-throttle", trust_latch_from_before_throttle, "CLEAN", "I4", 10),
    Planted("retry-after-kill", retry_after_kill, "CLEAN", "I4", 10),
    Planted("old-orders-in-new-steps", write_old_orders_in_new_steps, "VENUE", "I3", 18),
    Planted("news-waited-for-again", await_news_that_came, "CLEAN", "I10", 2),
    Planted("not-found-once", trust_first_not_found, "CHAOS", "R24", 7),
    Planted("error-taken-for-empty", take_error_for_empty, "CHAOS", "R41", 1),
    Planted("reconcile-without-fills", overlook_fills_of_reports, "CHAOS", "liveness", 15),
    Planted("closed-position-kept", keep_closed_positions, "CHAOS", "I14", 10),
    Planted("stop-not-resized", leave_stop_as_it_is, "CLEAN", "I7", 2),
    Planted("gap-ignored", overlook_gaps, "NET", "I6", 11),
    Planted("lost-order-called-rejected", call_lost_orders_rejected, "NET", "R24", 1),
    Planted("alarm-at-every-look", raise_an_alarm_at_every_look, "NET", "I14", 6),
    Planted("unknown-orders-not-told", say_nothing_of_unknown_orders, "NET", "I14", 6),
    Planted("key-of-an-answer-shown", show_what_a_proxy_repeats, "NET", "I12", 1),
)
