"""Connections that a venue ends after a day, announced where it has a word for that."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from engine.fake.streams import StreamSession

CLOSE_AWAY: Final = 1001


class Farewells:
    """Whose end was announced, the earliest first.

    Args:
        word: What is said before; nothing where the venue just hangs up.
    """

    def __init__(self, word: bytes) -> None:
        self._word = word
        self._leaving: deque[tuple[int, StreamSession]] = deque()

    @property
    def next_due_ns(self) -> int | None:
        """When the next one ends."""
        return self._leaving[0][0] if self._leaving else None

    def announce(self, sessions: Sequence[StreamSession], now_ns: int, notice_ns: int) -> None:
        """Tell these that they will be ended."""
        for session in sessions:
            if self._word:
                session.outlet.send_text(self._word)
            self._leaving.append((now_ns + (notice_ns if self._word else 0), session))

    def end_due(self, now_ns: int) -> list[StreamSession]:
        """End those whose time is over, and return them."""
        ended: list[StreamSession] = []
        while self._leaving and self._leaving[0][0] <= now_ns:
            _, session = self._leaving.popleft()
            session.outlet.close(CLOSE_AWAY, "Connections end after a day")
            ended.append(session)
        return ended
