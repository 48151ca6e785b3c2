"""Whatever is done to what a venue says of the account: refused, or news that the desk survives."""

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.errors import VenuePayloadError
from tests.builders import BTC, an_instrument
from tests.fakes.binance_trading import (
    a_trade_wire,
    algo_update,
    fill_update,
    order_update,
)
from tests.fakes.damage import digits_changed, integers, spoilt
from tests.unit.engine.kernel.live_desk import LiveDesk, a_live_desk

FEW = settings(max_examples=60)
TERMS = {"q": "5", "p": "1000"}
FILL = TERMS | {"l": "2", "z": "2", "L": "1000"}
MESSAGES = 6


class Account:
    """A desk with a wire of its venue, an order that rests and one that waits for an answer."""

    def __init__(self) -> None:
        self.wire: Any = a_trade_wire(an_instrument())
        self.desk: LiveDesk = a_live_desk()
        self.names = [self.desk.rests(lots=5), self.desk.sends(lots=5)]

    def frames(self, chance: Random) -> list[bytes]:
        """Return what its venue may say of an order of ours, and of others'."""
        name = chance.choice([*self.names, "web_1"])
        terms: dict[str, Any] = {"s": "BTCUSDT", "c": name, "S": "SELL"}
        algo: dict[str, Any] = {"s": "BTCUSDT", "caid": name, "q": "5", "tp": "990"}
        return [
            order_update(**TERMS, **terms),
            order_update(**TERMS, **terms, x="CANCELED", X="CANCELED"),
            order_update(**TERMS, **terms, x="EXPIRED", X="EXPIRED"),
            fill_update(**FILL, **terms, t=chance.randint(1, 9)),
            algo_update(**algo),
            algo_update(**algo, X="TRIGGERING"),
        ]

    def take(self, frame: bytes) -> bool:
        """Hand over a frame; return whether it was taken."""
        try:
            events = self.wire.receive(frame, self.desk.now_ns)
        except VenuePayloadError:
            return False
        for event in events:
            msgspec.msgpack.encode(event)
            assert all(-(2**63) <= number < 2**63 for number in integers(event))
            self.desk.tells(event)
        return True

    def agrees(self) -> None:
        """Check what is true whatever a venue says."""
        ledger = self.desk.ledger
        owners = sum(ledger.position(owner, BTC).lots for owner in ledger.owners(BTC))
        assert owners == ledger.net_lots(BTC)
        for order in ledger.orders.values():
            assert order.filled_lots >= 0
        assert len(ledger.digest()) == 64


def test_sound_news_is_taken():
    account, chance = Account(), Random(1)

    taken = [account.take(frame) for _ in range(8) for frame in account.frames(chance)]

    assert all(taken)
    assert account.desk.ledger.net_lots(BTC) < 0
    account.agrees()


@pytest.mark.parametrize("damage", [spoilt, digits_changed], ids=lambda one: one.__name__)
def test_damaged_news_of_the_account_changes_nothing_or_is_news(damage):
    outcomes = set()

    @FEW
    @given(seed=st.integers(0, 2**64))
    def check(seed: int) -> None:
        chance = Random(seed)
        account = Account()
        for _ in range(MESSAGES):
            frames = account.frames(chance)
            frame = chance.choice(frames)
            if chance.random() < 0.8:
                other = chance.choice(frames)
                frame = damage(frame, other, chance) if damage is spoilt else damage(frame, chance)
            outcomes.add(account.take(frame))
        account.agrees()

    check()

    assert outcomes == {True, False}
