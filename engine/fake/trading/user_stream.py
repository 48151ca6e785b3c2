"""The private stream: listenKeys and their lives, and who hears what happens to the account."""

from collections.abc import Callable
from typing import Final

from engine.fake.trading.answers import Refusal
from engine.fake.trading.user_frames import expired_frame
from engine.model.chance import Chance
from engine.model.numbers import NS_PER_MS, NS_PER_S

KEY_LIFE_NS: Final = 3_600 * NS_PER_S
SOCKET_LIFE_NS: Final = 24 * 3_600 * NS_PER_S
KEY_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
KEY_LENGTH: Final = 64


class UserStream:
    """One open private websocket.

    Args:
        listen_key: As its address says; one that does not exist stays silent for ever.
        send: Takes each frame, at once.
        shut: Ends the connection, with a code.
        opened_ns: When.
    """

    __slots__ = ("_send", "_shut", "listen_key", "opened_ns")

    def __init__(
        self,
        listen_key: str,
        send: Callable[[bytes], None],
        shut: Callable[[int], None],
        opened_ns: int,
    ) -> None:
        self.listen_key = listen_key
        self.opened_ns = opened_ns
        self._send = send
        self._shut = shut

    def send(self, frame: bytes) -> None:
        """Tell it something."""
        self._send(frame)

    def shut(self, code: int) -> None:
        """End the connection."""
        self._shut(code)


class UserStreams:
    """All private websockets of the account, and its listenKey.

    Args:
        chance: Draws the letters of keys.
    """

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._key = ""
        self._until_ns = 0
        self._streams: dict[UserStream, None] = {}
        self.frames_told = 0
        """Frames that happened, whether or not anybody listened."""

    @property
    def streams(self) -> list[UserStream]:
        """Open websockets, oldest first."""
        return list(self._streams)

    @property
    def key(self) -> str:
        """The listenKey that is alive; empty for none."""
        return self._key

    @property
    def next_due_ns(self) -> int | None:
        """When a key or a websocket ends by its age."""
        dues = [stream.opened_ns + SOCKET_LIFE_NS for stream in self._streams]
        dues += [self._until_ns] if self._key else []
        return min(dues, default=None)

    def create(self, now_ns: int) -> str:
        """Return the listenKey: the one that is alive, for another hour, or a new one."""
        if not self._key:
            letters = (self._chance.pick(KEY_LETTERS) for _ in range(KEY_LENGTH))
            self._key = "".join(letters)
        self._until_ns = now_ns + KEY_LIFE_NS
        return self._key

    def keep(self, now_ns: int) -> str:
        """Let the key live for another hour.

        Raises:
            Refusal: There is none.
        """
        if not self._key:
            raise Refusal(-1125)
        self._until_ns = now_ns + KEY_LIFE_NS
        return self._key

    def expire(self, now_ms: int, *, is_loud: bool) -> None:
        """End the key; its websockets stay open and hear nothing more."""
        key, self._key = self._key, ""
        for stream in self.streams if is_loud else ():
            if stream.listen_key == key:
                stream.send(expired_frame(key, now_ms))

    def open(self, stream: UserStream) -> None:
        """Take in a websocket."""
        self._streams[stream] = None

    def close(self, stream: UserStream) -> None:
        """Forget a websocket; the second time does nothing."""
        self._streams.pop(stream, None)

    def shut_all(self, code: int) -> None:
        """End every websocket."""
        for stream in self.streams:
            self.close(stream)
            stream.shut(code)

    def tell(self, frame: bytes) -> None:
        """Send a frame to everybody who listens with the living key."""
        self.frames_told += 1
        for stream in self.streams:
            if self._key and stream.listen_key == self._key:
                stream.send(frame)

    def advance(self, now_ns: int) -> None:
        """End what is too old."""
        if self._key and now_ns >= self._until_ns:
            self.expire(now_ns // NS_PER_MS, is_loud=True)
        for stream in self.streams:
            if now_ns >= stream.opened_ns + SOCKET_LIFE_NS:
                self.close(stream)
                stream.shut(1001)
