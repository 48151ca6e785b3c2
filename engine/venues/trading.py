"""What a venue provides for trading: requests to sign, answers to class, a private stream to read.

A trade wire never opens anything and never tries again. It builds a request from an order, signs
it for the moment in which it leaves, and says of every answer whether it proves anything (R25).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from engine.model.envelope import Event
from engine.model.instrument import Instrument, InstrumentId
from engine.model.numbers import PriceTicks, QtyLots
from engine.model.orders import OrderIntent, OrderType

Purpose = Literal[
    "place",
    "amend",
    "cancel",
    "cancel_all",
    "order",
    "order_fills",
    "open_orders",
    "fills",
    "positions",
    "balances",
    "cash",
    "dead_man",
    "rights",
    "time",
    "stream_open",
    "stream_keep",
    "stream_close",
    "listing",
    "survey",
    "clear",
]

Verdict = Literal["confirmed", "refused", "unknown"]
"""Only a venue's own rules prove that something was refused; all else is unknown (R25)."""


class Credentials(msgspec.Struct, frozen=True):
    """A key of one account; nothing that is printed or raised shows it."""

    key: str
    secret: str
    kind: Literal["hmac-sha256", "ed25519"] = "hmac-sha256"

    def __repr__(self) -> str:
        """Return nothing that is secret."""
        return "Credentials(***)"


class TradeRequest(msgspec.Struct, frozen=True):
    """One request, not yet signed.

    `weight` and `order_count` are its costs in the venue's rate limits. `params` are in the order
    in which they are sent, values as text, not encoded. What is not `is_read` is sent once, ever.
    `origin` is the base URL it goes to where that is not the trading one.
    """

    purpose: Purpose
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    params: tuple[tuple[str, str], ...] = ()
    weight: int = 1
    order_count: int = 0
    is_signed: bool = True
    is_read: bool = False
    client_order_id: str = ""
    instrument_id: InstrumentId = InstrumentId("")
    origin: str = ""
    context: str = ""
    """For the wire itself: what it must know to read the answer."""


class HttpCall(msgspec.Struct, frozen=True):
    """A request as its bytes leave; never logged."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""

    def __repr__(self) -> str:
        """Return nothing that is signed."""
        return f"HttpCall({self.method} {self.url.partition('?')[0]})"


class HttpReply(msgspec.Struct, frozen=True):
    """An answer as it came; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Return nothing that it says: it may be the key of a stream."""
        return f"HttpReply({self.status})"


class TradeAnswer(msgspec.Struct, frozen=True):
    """What an answer proves.

    `events` follow from it: order reports of a place, amend or cancel, and for queries what was
    seen, as `engine.model.account` names it (`rows`). `next_page` asks for what the answer did not
    hold. `is_clock_off` says that the venue refused the time of the request, `is_key_bad` that it
    refused the key. `pause_ns` is how long the venue wants to hear nothing, `is_ban` whether it
    has shut us out.
    """

    verdict: Verdict
    events: tuple[Event, ...] = ()
    rows: tuple[object, ...] = ()
    reason: str = ""
    next_page: TradeRequest | None = None
    is_clock_off: bool = False
    is_key_bad: bool = False
    pause_ns: int = 0
    is_ban: bool = False
    used_weight: int | None = None
    """By the venue's own count in the current window, where it tells."""
    used_orders: tuple[tuple[str, int], ...] = ()
    """The same of its order limits: name of the limit and count."""


class OpenOrder(msgspec.Struct, frozen=True):
    """An open order in the venue's own words: a kill need know nothing of its instrument."""

    symbol: str
    order_id: str
    """The venue's; of one that is conditional among those."""
    client_order_id: str
    is_buy: bool
    is_conditional: bool = False
    is_reduce_only: bool = False


class HeldPosition(msgspec.Struct, frozen=True):
    """A position in the venue's own words: signed, in units of the base currency."""

    symbol: str
    qty: Decimal
    mark: Decimal | None = None
    liquidation: Decimal | None = None
    """Price at which the venue closes it; None where it tells none."""


class RateLimit(msgspec.Struct, frozen=True):
    """One of a venue's limits: so much in a window that begins at multiples of its length."""

    name: str
    kind: Literal["weight", "orders"]
    window_ns: int
    limit: int


class PrivatePlan(msgspec.Struct, frozen=True):
    """How the private stream is opened and kept.

    `url` is complete; `on_open` are sent once it is open. `keep` is asked every `keep_every_ns`.
    It is renewed by another one, first open and then close, before it is `life_ns` old (R8).
    `close` is asked at a clean end, so that nothing is left that would open it.
    """

    url: str
    on_open: tuple[str, ...] = ()
    keep: TradeRequest | None = None
    keep_every_ns: int = 0
    life_ns: int = 0
    close: TradeRequest | None = None

    def __repr__(self) -> str:
        """Return nothing that opens the stream."""
        return f"PrivatePlan({self.url.partition('?')[0]})"


class TradeWire(Protocol):
    """Trading at one venue for one account.

    Every method is synchronous and touches nothing outside; `ts_ns` is the venue's time as we
    reckon it, where something is signed, else ours.
    """

    limits: Sequence[RateLimit]

    def learn(self, instrument: Instrument) -> None:
        """Take in the steps of an instrument that is watched."""

    def listing(self) -> TradeRequest | None:
        """Return the query of every instrument's steps; None where they are not needed.

        Its answer, whose `rows` are `Instrument`, is taken in: from then on orders and positions of
        any of them can be read, and canceled. A report asks for fills of the watched ones only.
        """

    def place(self, client_order_id: str, intent: OrderIntent) -> TradeRequest:
        """Return the request that places an order.

        Raises:
            UnsupportedByVenue: The venue has no such order; nothing may be sent.
        """

    def amend(
        self, client_order_id: str, intent: OrderIntent, limit: PriceTicks, qty: QtyLots
    ) -> TradeRequest:
        """Return the request that changes price and whole size of an order.

        Raises:
            UnsupportedByVenue: It cannot be amended.
        """

    def cancel(
        self, client_order_id: str, instrument_id: InstrumentId, kind: OrderType
    ) -> TradeRequest:
        """Return the request that cancels an order."""

    def cancel_all(self, instrument_id: InstrumentId) -> tuple[TradeRequest, ...]:
        """Return what cancels every plain order of an instrument; conditional ones stay."""

    def query(
        self, client_order_id: str, instrument_id: InstrumentId, kind: OrderType
    ) -> TradeRequest:
        """Return the query of one order; its `rows` are one `OrderSeen`, or none if it is absent.

        A plain "not found" is `confirmed` with no rows: what it proves is not the wire's business.
        """

    def order_fills(self, instrument_id: InstrumentId, venue_order_id: str) -> TradeRequest:
        """Return the query of an order's fills; `rows` are `OrderFilled`."""

    def report(
        self, since_ns: int, now_ns: int, cash_since_ns: int | None = None
    ) -> tuple[TradeRequest, ...]:
        """Return the queries that a whole report consists of, each followed to its last page.

        Fills and cash are those since a time; of cash it may be another one.

        Their `rows` are `OrderSeen` (open ones), `OrderFilled`, `PositionSeen`, `BalanceSeen` and
        `CashSeen`.
        """

    def dead_man(self, instrument_id: InstrumentId, after_ns: int) -> TradeRequest | None:
        """Return what sets the venue's dead-man timer; None where it has none."""

    def survey(self) -> tuple[TradeRequest, ...]:
        """Return the queries of all that is open and held, whatever instrument it is of.

        Their `rows` are `OpenOrder` and `HeldPosition`; plain orders come first.
        """

    def clear(self, symbol: str) -> TradeRequest:
        """Return what cancels every plain order of a symbol, also of one that nobody watches."""

    def cancel_open(self, order: OpenOrder) -> TradeRequest:
        """Return what cancels an order that a survey showed."""

    def fate(self, order: OpenOrder) -> TradeRequest:
        """Return the query of how such an order stands; its row is `FILLED` where it is filled."""

    def rights(self) -> TradeRequest | None:
        """Return the query of what the key may do; None where the venue does not tell."""

    def time(self) -> TradeRequest:
        """Return the query of the venue's time."""

    def venue_time_ns(self, body: bytes) -> int:
        """Read the answer to `time`.

        Raises:
            VenuePayloadError: It is not what the venue documents.
        """

    def open_stream(self) -> TradeRequest | None:
        """Return what must be asked before the private stream can be opened; None for nothing.

        Raises:
            ConfigError: The stream is at an address that is not trusted with it.
        """

    def stream_plan(self, body: bytes) -> PrivatePlan:
        """Return the private stream, from the answer to `open_stream` (empty where None).

        Raises:
            VenuePayloadError: The answer is not what the venue documents.
        """

    def sign(self, request: TradeRequest, ts_ns: int) -> HttpCall:
        """Return the bytes of a request, for the venue's time at which it leaves.

        Raises:
            ConfigError: Host, method and path are not on the list of what may be signed (R114).
        """

    def decode(
        self,
        request: TradeRequest,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        ts_ns: int,
        ahead_ns: int = 0,
    ) -> TradeAnswer:
        """Class an answer; never raises: what cannot be read is unknown.

        `ahead_ns` is how far the venue's clock is ahead of ours: an answer tells of its own times.
        """

    def receive(self, frame: str | bytes, ts_ns: int) -> Sequence[Event]:
        """Decode one frame of the private stream.

        Raises:
            VenuePayloadError: It cannot be read; the account must be asked anew.
        """

    def is_expired(self, frame: str | bytes) -> bool:
        """Whether the venue says that this private stream ends and must be opened anew."""
