"""Trading at Binance USD-M futures: requests, signatures, answers and the private stream."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from engine.model.envelope import Event
from engine.model.errors import VenuePayloadError
from engine.model.instrument import Instrument, InstrumentId
from engine.model.numbers import NS_PER_MS, NS_PER_S, PriceTicks, QtyLots
from engine.model.orders import OrderIntent, OrderType
from engine.model.text import clean
from engine.venues.base import Endpoints
from engine.venues.binance import account_requests as account
from engine.venues.binance import kill_requests as kills
from engine.venues.binance import order_requests as orders
from engine.venues.binance.fill_pages import TRADES, FillPages, FillsPage
from engine.venues.binance.instruments import described
from engine.venues.binance.order_answers import OrderAnswers
from engine.venues.binance.order_names import OrderNames
from engine.venues.binance.payloads import ExchangeInfo, TimeAnswer
from engine.venues.binance.private_json import strictly
from engine.venues.binance.private_stream import PrivateStream, is_expired
from engine.venues.binance.signing import Route, Signer, require_own_stream
from engine.venues.binance.steps import Listing
from engine.venues.binance.trade_answers import is_json, ruling
from engine.venues.binance.trade_payloads import ListenKey
from engine.venues.scaling import decoded
from engine.venues.trading import (
    Credentials,
    HttpCall,
    OpenOrder,
    PrivatePlan,
    RateLimit,
    TradeAnswer,
    TradeRequest,
)

VENUE: Final = "binance_futures"
ENDPOINTS: Final = Endpoints(rest="https://fapi.binance.com", stream="wss://fstream.binance.com")

VALIDITY_MS: Final = 5_000
"""Life of a signed request: recvWindow (R24)."""

CANCEL_ALL_COVERS_STOPS: Final = True
"""Of conditional orders; nobody has confirmed that they stay, so the worse of both is assumed."""

KEEP_EVERY_NS: Final = 30 * 60 * NS_PER_S
STREAM_LIFE_NS: Final = (24 * 3_600 - 600) * NS_PER_S
"""The venue ends every connection after 24 hours; ten minutes earlier we do."""

LISTEN_KEY: Final = "/fapi/v1/listenKey"
TIME: Final = "/fapi/v1/time"
INFO: Final = "/fapi/v1/exchangeInfo"

LIMITS: Final = (
    RateLimit("weight_1m", "weight", 60 * NS_PER_S, 2_400),
    RateLimit("orders_10s", "orders", 10 * NS_PER_S, 300),
    RateLimit("orders_1m", "orders", 60 * NS_PER_S, 1_200),
)

_USED_WEIGHT: Final = "x-mbx-used-weight-1m"
_USED_ORDERS: Final = (
    ("orders_10s", "x-mbx-order-count-10s"),
    ("orders_1m", "x-mbx-order-count-1m"),
)
_COUNT_DIGITS_MAX: Final = 9

ROUTES: Final[tuple[Route, ...]] = (
    *(("POST", orders.ORDER), ("PUT", orders.ORDER), ("DELETE", orders.ORDER)),
    *(("GET", orders.ORDER), ("GET", TRADES), ("DELETE", orders.ALL_ORDERS)),
    *(("POST", orders.ALGO_ORDER), ("DELETE", orders.ALGO_ORDER), ("GET", orders.ALGO_ORDER)),
    *(("POST", orders.COUNTDOWN), ("GET", account.OPEN_ORDERS), ("GET", account.INCOME)),
    *(("GET", account.OPEN_ALGO_ORDERS), ("GET", account.POSITIONS), ("GET", account.BALANCES)),
    *(("POST", LISTEN_KEY), ("PUT", LISTEN_KEY), ("DELETE", LISTEN_KEY)),
    *(("GET", TIME), ("GET", INFO)),
)
"""All that may ever leave with the key: nothing of it moves money out of the account (R114)."""

RIGHTS_AT: Final[Mapping[str, str]] = {
    "https://fapi.binance.com": "https://api.binance.com",
    "https://demo-fapi.binance.com": "",
    "https://testnet.binancefuture.com": "",
}
"""Where the rights of a key are told; nowhere for test money, and on the same host by a fake."""


class BinanceTradeWire:
    """Trading for one account.

    Args:
        endpoints: Where the venue is.
        credentials: The account's key.

    Raises:
        ConfigError: The key cannot be what it says it is.
    """

    limits: Sequence[RateLimit] = LIMITS

    def __init__(self, endpoints: Endpoints, credentials: Credentials) -> None:
        self._rest = endpoints.rest
        self._stream_base = endpoints.stream
        self._rights_at = RIGHTS_AT.get(endpoints.rest, endpoints.rest)
        rights: tuple[Route, ...] = (("GET", account.RESTRICTIONS),)
        self._signer = Signer(credentials, ((self._rest, ROUTES), (self._rights_at, rights)))
        self._listing = Listing(VENUE)
        names = OrderNames()
        self._orders = orders.OrderRequests(self._listing, names)
        self._answers = OrderAnswers(self._listing, names)
        self._account = account.AccountRequests(VENUE, self._listing, names)
        self._fills = FillPages(self._listing, names)
        self._stream = PrivateStream(self._listing, names)

    def __repr__(self) -> str:
        """Return nothing that is secret."""
        return f"BinanceTradeWire({self._rest})"

    @property
    def ignored(self) -> Mapping[str, int]:
        """How many events of the private stream brought nothing, by kind."""
        return self._stream.ignored

    def learn(self, instrument: Instrument) -> None:
        """Take in the steps of an instrument that is watched."""
        self._listing.learn(instrument)

    def listing(self) -> TradeRequest:
        """Return the query of every instrument's steps."""
        return TradeRequest("listing", "GET", INFO, is_signed=False, is_read=True)

    def place(self, client_order_id: str, intent: OrderIntent) -> TradeRequest:
        """Return the request that places an order.

        Raises:
            UnsupportedByVenue: The venue has no such order; nothing may be sent.
        """
        return self._orders.place(client_order_id, intent)

    def amend(
        self, client_order_id: str, intent: OrderIntent, limit: PriceTicks, qty: QtyLots
    ) -> TradeRequest:
        """Return the request that changes price and whole size of an order.

        Raises:
            UnsupportedByVenue: It cannot be amended.
        """
        return self._orders.amend(client_order_id, intent, limit, qty)

    def cancel(
        self, client_order_id: str, instrument_id: InstrumentId, kind: OrderType
    ) -> TradeRequest:
        """Return the request that cancels an order."""
        return self._orders.cancel(client_order_id, instrument_id, kind)

    def cancel_all(self, instrument_id: InstrumentId) -> tuple[TradeRequest, ...]:
        """Return what cancels every plain order of an instrument, and perhaps conditional ones."""
        return (self._orders.cancel_all(instrument_id),)

    def query(
        self, client_order_id: str, instrument_id: InstrumentId, kind: OrderType
    ) -> TradeRequest:
        """Return the query of one order, whose last page has its row."""
        return self._orders.query(client_order_id, instrument_id, kind)

    def order_fills(self, instrument_id: InstrumentId, venue_order_id: str) -> TradeRequest:
        """Return the query of an order's fills."""
        steps = self._listing.write(instrument_id)
        return FillsPage("order_fills", steps.symbol, number=venue_order_id).request(steps)

    def report(
        self, since_ns: int, now_ns: int, cash_since_ns: int | None = None
    ) -> tuple[TradeRequest, ...]:
        """Return the queries that a whole report consists of."""
        return self._account.report(since_ns, now_ns, cash_since_ns)

    def dead_man(self, instrument_id: InstrumentId, after_ns: int) -> TradeRequest:
        """Return what sets the venue's dead-man timer."""
        return self._orders.dead_man(instrument_id, after_ns)

    def survey(self) -> tuple[TradeRequest, ...]:
        """Return the queries of all that is open and held."""
        return kills.SURVEY

    def clear(self, symbol: str) -> TradeRequest:
        """Return what cancels every plain order of a symbol; conditional ones stay."""
        return kills.clear(symbol)

    def cancel_open(self, order: OpenOrder) -> TradeRequest:
        """Return what cancels an order that a survey showed."""
        return kills.cancel_open(order)

    def fate(self, order: OpenOrder) -> TradeRequest:
        """Return the query of how an order stands; the row is the venue's word: `FILLED`."""
        return kills.fate(order)

    def rights(self) -> TradeRequest | None:
        """Return the query of what the key may do; None where test money is traded."""
        return account.rights_request(self._rights_at) if self._rights_at else None

    def time(self) -> TradeRequest:
        """Return the query of the venue's time."""
        return TradeRequest("time", "GET", TIME, is_signed=False, is_read=True)

    def venue_time_ns(self, body: bytes) -> int:
        """Read the answer to `time`.

        Raises:
            VenuePayloadError: It is not what the venue documents.
        """
        return strictly(body, TimeAnswer).serverTime * NS_PER_MS

    def open_stream(self) -> TradeRequest:
        """Return the request for the key of the private stream, which may be asked for again.

        Raises:
            ConfigError: The stream is where nobody may learn that key.
        """
        require_own_stream(self._stream_base)
        return TradeRequest("stream_open", "POST", LISTEN_KEY, is_signed=False, is_read=True)

    def stream_plan(self, body: bytes) -> PrivatePlan:
        """Return the private stream, from the answer to `open_stream`.

        Raises:
            VenuePayloadError: The answer is not what the venue documents.
        """
        try:
            key = strictly(body, ListenKey).listenKey
        except VenuePayloadError:
            # Without what it said: that may be a key, and this is logged.
            raise VenuePayloadError("no key of the private stream") from None
        return PrivatePlan(
            f"{self._stream_base}/private/ws?listenKey={key}",
            keep=TradeRequest("stream_keep", "PUT", LISTEN_KEY, is_signed=False, is_read=True),
            keep_every_ns=KEEP_EVERY_NS,
            life_ns=STREAM_LIFE_NS,
            close=TradeRequest("stream_close", "DELETE", LISTEN_KEY, is_signed=False),
        )

    def sign(self, request: TradeRequest, ts_ns: int) -> HttpCall:
        """Return the bytes of a request, for the venue's time at which it leaves.

        Raises:
            ConfigError: Host, method and path are not on the list of what may be signed (R114).
        """
        params = request.params
        if request.is_signed:
            params = (*params, ("recvWindow", str(VALIDITY_MS)))
        return self._signer.call(
            request.origin or self._rest,
            (request.method, request.path),
            params,
            timestamp_ms=ts_ns // NS_PER_MS if request.is_signed else None,
            has_key=request.purpose not in {"time", "listing"},
        )

    def decode(
        self,
        request: TradeRequest,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        ts_ns: int,
        ahead_ns: int = 0,
    ) -> TradeAnswer:
        """Class an answer; never raises: what cannot be read is unknown."""
        body = self._signer.hide(body)  # What a venue says is shown, and stays in the journal.
        if status == 200 and is_json(headers):
            try:
                answer = self._confirmed(request, body, ts_ns)
            except VenuePayloadError as error:
                answer = TradeAnswer("unknown", reason=clean(str(error), 200))
        else:
            venue_ns = ts_ns + ahead_ns
            found = ruling(request.purpose, status, headers, body, venue_ns)
            past = self._fills.past_absent(request, found, venue_ns)
            answer = past or self._answers.failed(request, found, ts_ns)
        return _with_use(answer, headers)

    def receive(self, frame: str | bytes, ts_ns: int) -> Sequence[Event]:
        """Decode one frame of the private stream.

        Raises:
            VenuePayloadError: It cannot be read; the account must be asked anew.
        """
        return self._stream.receive(frame, ts_ns)

    def is_expired(self, frame: str | bytes) -> bool:
        """Whether the venue says that this private stream ends and must be opened anew."""
        return is_expired(frame)

    def _confirmed(self, request: TradeRequest, body: bytes, ts_ns: int) -> TradeAnswer:
        """Read an answer by which the venue says yes.

        Raises:
            VenuePayloadError: It is not what the venue documents.
        """
        match request.purpose:
            case "place" | "amend" | "cancel" | "cancel_all" | "dead_man" | "order":
                return self._answers.read(request, body, ts_ns)
            case "order_fills" | "fills":
                return self._fills.read(request, body)
            case "open_orders" | "positions" | "balances" | "cash" | "rights":
                return self._account.read(request, body)
            case "survey":
                return kills.read(request, body)
            case "listing":
                return TradeAnswer("confirmed", rows=self._take_listing(body))
            case "stream_open":
                self.stream_plan(body)
            case "time":
                self.venue_time_ns(body)
        return TradeAnswer("confirmed")  # What a kept stream says is never used.

    def _take_listing(self, body: bytes) -> tuple[Instrument, ...]:
        """Take in and return the steps of all instruments but those that make no sense."""
        found: list[Instrument] = []
        for info in decoded(body, ExchangeInfo).symbols:
            with suppress(VenuePayloadError):  # What is of such a one cannot be read later, either.
                found.append(described(VENUE, info))
        for instrument in found:
            self._listing.describe(instrument)
        return tuple(found)


def _with_use(answer: TradeAnswer, headers: Mapping[str, str]) -> TradeAnswer:
    """Add how much of its limits the venue says is used."""
    weight = _count(headers, _USED_WEIGHT)
    counts = ((name, _count(headers, header)) for name, header in _USED_ORDERS)
    used = tuple((name, count) for name, count in counts if count is not None)
    if weight is None and not used:
        return answer
    return replace(answer, used_weight=weight, used_orders=used)


def _count(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    is_count = text.isascii() and text.isdigit() and len(text) <= _COUNT_DIGITS_MAX
    return int(text) if is_count else None
