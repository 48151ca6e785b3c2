"""What a venue says is kept by a recording word for word, so that a live run can be run again."""

from decimal import Decimal

import msgspec
import pytest

from engine.kernel.desk import DeskSetup
from engine.model import account as a
from engine.model import facts as f
from engine.model.envelope import Event
from engine.model.numbers import PriceTicks, QtyLots
from tests.builders import BTC, a_fill, at
from tests.order_facts import an_intent

SEEN = a.OrderSeen(
    "a", "v", BTC, "buy", "limit", "partial", QtyLots(5), 2, PriceTicks(100), updated_ns=at(1)
)

EVENTS = [
    a.OrderAnswered("a", at(0), SEEN, (a_fill("a", fee=Decimal("0.1")),)),
    a.OrderAnswered("a", at(0), None),
    a.QueryFailed("a", "HTTP 503"),
    a.AccountReported(
        3,
        at(0),
        0,
        (SEEN,),
        (a_fill("a", instrument_id=BTC, side="buy"),),
        (a.PositionSeen(BTC, -3, Decimal("100.5")),),
        (a.BalanceSeen("USDT", Decimal("1.50")),),
        (a.CashSeen(at(0), "m1", "funding", "USDT", Decimal(-1), BTC),),
    ),
    a.ReportFailed(3, "HTTP 503"),
    a.PrivateUp("test"),
    a.PrivateDown("test", "closed", at(0)),
    a.DeadManSet(BTC, at(60_000)),
    a.DeadManFailed(BTC, "HTTP 503"),
    a.RateUsed("test", 80, at(0), "HTTP 429"),
    a.RightsSeen("test", True, None),
    a.MarginChanged("test", is_call=True),
    a.CashSeen(at(0), "m1", "transfer", "USDT", Decimal(5)),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_word_of_a_venue_survives_a_recording(event):
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event


def test_the_rules_of_a_venue_survive_with_the_setup():
    setup = DeskSetup(rules=a.TradeRules(5, 45, True, False, 60, True))

    assert msgspec.json.decode(msgspec.json.encode(setup), type=DeskSetup) == setup


def test_every_fact_that_reports_add_survives_the_journal():
    facts = [
        f.OrderAdopted(at(0), "web", "v", an_intent(), 2),
        f.PositionAdopted(at(0), BTC, -3, Decimal("100.5")),
        f.CashMoved(at(0), "m1", "transfer", "USDT", Decimal(5)),
        f.FundingPaid(at(0), BTC, Decimal(1), "m2"),
        f.AccountConfirmed(at(1), at(0)),
        f.BalanceDiffered(at(0), "USDT", Decimal(1), Decimal(2)),
    ]

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(facts), type=list[f.Fact]) == facts
