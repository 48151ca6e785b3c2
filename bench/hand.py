"""A hand on the engine's port without a screen: gives commands and waits for their outcomes."""

import socket
import time
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from engine.model.commands import Action, CommandOutcome, OperatorCommand, SubmitOrder
from engine.model.instrument import InstrumentId
from engine.port import (
    SCHEMA,
    ClientMessage,
    Command,
    EngineMessage,
    Hello,
    Reply,
    decode_engine,
    encode_frame,
)

ANSWER_S: Final = 10
PATIENCE_S: Final = 180
AGAIN_S: Final = 0.5
BTC: Final = InstrumentId("simulated:BTC-PERP")
SIZE: Final = "0.01"


class Hand:
    """One client; every call waits.

    Args:
        path: The engine's socket.
    """

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_S)
        self._socket.connect(str(path))
        self._number = 0
        self._send(Hello(SCHEMA, "command"))
        self._receive()

    def send(self, *actions: Action, word: str = "") -> int:
        """Give a command, confirmed; returns the moment before."""
        self._number += 1
        command = OperatorCommand(self._number, "", "bench", actions, 3, word)
        message = Command(command)
        before_ns = time.monotonic_ns()
        self._send(message)
        return before_ns

    def outcome(self) -> CommandOutcome:
        """Wait for what became of the last command."""
        while True:
            message = self._receive()
            if isinstance(message, Reply) and message.command_id == self._number:
                assert message.outcome is not None, message
                return message.outcome

    def must(self, *actions: Action, word: str = "") -> CommandOutcome:
        """Give a command and have it accepted."""
        self.send(*actions, word=word)
        outcome = self.outcome()
        assert outcome.verdict == "accepted", outcome
        return outcome

    def insist(self, *actions: Action, word: str = "") -> CommandOutcome:
        """Give a command until it is accepted: an engine may still have to learn something."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self.send(*actions, word=word)
            outcome = self.outcome()
            if outcome.verdict == "accepted":
                return outcome
            assert time.monotonic() < deadline, outcome
            time.sleep(AGAIN_S)

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def _send(self, message: ClientMessage) -> None:
        self._socket.sendall(encode_frame(message))

    def _receive(self) -> EngineMessage:
        length = int.from_bytes(self._exactly(4), "big")
        return decode_engine(self._exactly(length))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self._socket.recv(count - len(data))
        return data


class Ticket(NamedTuple):
    """Orders that rest: each round another price, because the gate refuses the same one again."""

    instrument_id: InstrumentId = BTC
    word: str = "btc"
    size: str = SIZE
    price: Decimal = Decimal(58_000)
    """Far behind the market."""
    step: Decimal = Decimal(1)
    prices: int = 1_000
    """How many there are."""

    def resting(self, number: int) -> SubmitOrder:
        """Return the order of a round."""
        return SubmitOrder(
            self.instrument_id,
            "buy",
            "limit",
            Decimal(self.size),
            self.price + number * self.step,
            is_post_only=True,
        )

    def line(self, number: int) -> str:
        """Return the same as people type it."""
        return f"buy {self.size} {self.word} @ {self.price + number * self.step} post"
