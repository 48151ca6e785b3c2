"""What a fake venue is to the connections and to the server that carry it."""

from typing import Final, Protocol

from engine.fake.depth_desk import Counters
from engine.fake.rest import HttpCall, Reply
from engine.fake.streams import StreamAddress, StreamOutlet, StreamSession
from engine.fake.text_book import BookPicture

CLOSE_POLICY: Final = 1008


class Venue(Protocol):
    """One capture, played to any number of clients; time is an argument."""

    counters: Counters

    @property
    def venue(self) -> str:
        """Name of the venue, as recordings have it."""

    @property
    def is_finished(self) -> bool:
        """Whether the last line was played."""

    def start(self) -> None:
        """Play whether or not anybody listens."""

    def next_due_ns(self, *, can_play: bool) -> int | None:
        """Return when there is work for `advance` or `play_line`; None while clients are quiet."""

    def advance(self, now_ns: int) -> None:
        """Do everything that is due, except to play."""

    def play_line(self, now_ns: int) -> bool:
        """Play one line if one is due; return whether there may be another."""

    def book(self, symbol: str) -> BookPicture:
        """Return the true book of a symbol of the capture, all levels."""

    def close(self) -> None:
        """Leave the capture file."""

    def stream_address(self, target: str) -> StreamAddress | None:
        """Read the target of a websocket's handshake; None where the venue has nothing."""

    def open_stream(
        self, address: StreamAddress, outlet: StreamOutlet, now_ns: int
    ) -> StreamSession:
        """Take in a websocket."""

    def close_stream(self, session: StreamSession) -> None:
        """Forget a websocket that is gone; the second time does nothing."""

    def on_text(self, session: StreamSession, text: bytes, now_ns: int) -> None:
        """Answer a message of a client."""

    def on_pong(self, session: StreamSession, now_ns: int) -> None:
        """Note that a client lives."""

    def request(self, call: HttpCall, reply: Reply, now_ns: int) -> None:
        """Answer a request; `reply` is called exactly once, for a book perhaps later."""
