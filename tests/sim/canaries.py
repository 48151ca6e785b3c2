"""I12: what is secret, and what would act on a screen, reaches no log, notice, view or journal.

The secrets are those that the engine trades with here: its key, its secret, every listenKey that
the venue gave it, and every signature. What is hostile comes in answers of the venue (`HOSTILE`).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec
from loguru import logger

from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.mishaps import HOSTILE
from engine.kernel.views import Wish, build
from engine.model.instrument import InstrumentId
from engine.model.view import PaneName
from engine.runtime.host import EngineHost
from engine.runtime.logs import hide_in_logs
from tests.fakes.files import FaultyFiles
from tests.sim.checkers import demand

if TYPE_CHECKING:
    from loguru import Message

SECRETS: Final = (TEST_KEY, TEST_SECRET)
PANES: Final[tuple[PaneName, ...]] = (
    "status",
    "log",
    "positions",
    "orders",
    "risk",
    "watch",
    "health",
)
_SIGNED: Final = re.compile(r"signature=[0-9a-f]{8}")
_ACTS: Final = HOSTILE[:4].encode()
"""Bytes at which a terminal would act."""


class Canaries:
    """Remembers what must come nowhere, and hears everything that is told."""

    def __init__(self) -> None:
        self._secrets = dict.fromkeys(SECRETS)
        self._problem = ""
        """The first; raised at the next look, because a log may not end what it tells of."""
        self.heard = 0
        """Texts; a judge who hears nothing proves nothing."""

    def keep(self, secret: str) -> None:
        """Take in another secret; none is none."""
        if secret:
            self._secrets[secret] = None

    def hear(self, text: str, where: str) -> None:
        """Note if a text holds what must not be in it."""
        self.heard += 1
        if any(secret in text for secret in self._secrets) or _SIGNED.search(text):
            self._note(f"a secret is in {where}: {text[:300]}")
        elif not text.isprintable():
            self._note(f"{where} would act on a screen: {text[:300]!r}")

    def look(self, host: EngineHost) -> None:
        """Look at everything that a screen is sent, and demand that all is well so far."""
        state, facts = host.state, host.facts()
        first = next(iter(state.instruments), InstrumentId(""))
        wish = Wish(first, 60, 10, 1, 10, 10)
        for pane in PANES:
            view = build(pane, state, wish, state.ts_ns, facts)
            for text in _texts(msgspec.to_builtins(view)):
                self.hear(text, f"the view {pane}")
        self.check()

    def check(self) -> None:
        """Demand that nothing was found."""
        demand(not self._problem, "I12", self._problem)

    def search(self, files: FaultyFiles) -> None:
        """Demand that no file holds any of it."""
        for path, content in files._kept.items():
            data = bytes(content.disk)
            leaked = [secret for secret in self._secrets if secret.encode() in data]
            demand(not leaked, "I12", f"a secret is in {path.name}")
            demand(_ACTS not in data, "I12", f"{path.name} would act on a screen")
            signed = _SIGNED.search(data.decode("latin-1"))
            demand(signed is None, "I12", f"a signature is in {path.name}")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take every log line in place of a file, behind the redactor of the real program."""
        logger.remove()
        logger.enable("engine")
        hide_in_logs(SECRETS)
        sink = logger.add(self._take_log, level="INFO", format="{message}")
        try:
            yield
        finally:
            logger.remove(sink)
            logger.configure(patcher=lambda _: None)

    def _take_log(self, message: "Message") -> None:
        self.hear(message.record["message"], "the log")
        self.hear(" ".join(message.record["extra"].get("traceback", "").split()), "the log")

    def _note(self, problem: str) -> None:
        self._problem = self._problem or problem


def _texts(value: object) -> Iterator[str]:
    """Yield every text in plain values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(key)
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
