"""The trading side of a venue that plays a capture: the played market meets the client's orders."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from engine.execution.paper import PaperMarket
from engine.fake.binance_frames import Delta, Mark, Print
from engine.fake.faults import CLOSE_ABNORMAL
from engine.fake.rest import HttpAnswer, HttpCall, Reply
from engine.fake.streams import StreamSession
from engine.fake.text_book import TextBook
from engine.fake.trading.exchange import ExchangeSettings, FakeExchange, VenueRequest
from engine.fake.trading.filters import read_rules
from engine.fake.trading.hands import Hands
from engine.fake.trading.mishaps import Mishaps, TradingFaults
from engine.fake.trading.tick_book import TickBook
from engine.fake.trading.way import PrivateLine, Way
from engine.model.chance import Chance
from engine.model.numbers import NS_PER_S
from engine.venues.trading import HttpReply

OWN_MARKET_PATHS: Final = frozenset({"/fapi/v1/ping", "/fapi/v1/time", "/fapi/v1/exchangeInfo"})
"""Answered by the desk of the market, from the capture."""


class TradingMount:
    """One exchange behind a played venue.

    Args:
        exchange_info: Of the capture.
        books: The true book of every symbol that is played.
        faults: What goes wrong on the way.
        seed: Of what goes wrong, and of listenKeys.
    """

    def __init__(
        self,
        exchange_info: bytes,
        books: Mapping[str, TextBook],
        faults: TradingFaults,
        seed: int,
    ) -> None:
        self.exchange = FakeExchange(ExchangeSettings(seed=seed))
        self.exchange.has_steady_minutes = True
        self._faults = faults
        self._now_ns = 0
        self._way = Way(self.exchange, Mishaps(faults, Chance(seed)), lambda: self._now_ns)
        self._lines: dict[StreamSession, PrivateLine] = {}
        self._books: dict[str, TickBook] = {}
        self._hands = Hands(self.exchange)
        self._funding: dict[str, Mark] = {}
        """Newest mark price of each symbol: its rate is paid at the moment that it names."""
        self._kinds: dict[str, str] = {}
        """Which of the two streams of trades counts; a capture may hold both."""
        for symbol, rules in read_rules(exchange_info).items():
            if symbol in books:
                book = self._books[symbol] = TickBook(books[symbol], rules.tick, rules.step)
                market = PaperMarket(book, 1, 1, rules.tick, rules.step, rules.quote)
                self.exchange.list_symbol(rules, market)

    # Time

    @property
    def next_due_ns(self) -> int | None:
        """When `advance` has something to do, by the server's clock."""
        return self._way.next_due_ns

    def tick(self, now_ns: int, clock_ns: int) -> None:
        """Note the server's time, and what the venue's clock shows."""
        self._now_ns = now_ns
        self.exchange.skew_ns = clock_ns - now_ns + int(self._faults.skew_s * NS_PER_S)

    def advance(self) -> None:
        """Let happen what is due."""
        self._way.advance()

    # The market

    def see_delta(self, symbol: str, delta: Delta) -> None:
        """Take in a change of a book that its source has taken in."""
        book = self._books.get(symbol)
        if book is not None and book.follow(delta):
            self.exchange.on_book(symbol, self._now_ns)

    def see_trade(self, symbol: str, kind: str, trade: Print) -> None:
        """Take in a print of the tape."""
        book = self._books.get(symbol)
        if book is not None and self._kinds.setdefault(symbol, kind) == kind:
            ticks, lots = book.ticks(trade.price), book.lots(trade.size)
            self.exchange.on_trade(symbol, ticks, lots, self._now_ns)

    def see_mark(self, symbol: str, mark: Mark) -> None:
        """Take in a mark price; funding is settled with the first one after its moment."""
        if symbol not in self._books:
            return
        self.exchange.on_mark(symbol, Decimal(mark.mark), self._now_ns)
        due = self._funding.get(symbol, mark)
        if 0 < due.next_funding_ms <= mark.event_ms:
            self._hands.fund(symbol, Decimal(due.rate), self._now_ns)
        self._funding[symbol] = mark

    # Clients

    def serves(self, call: HttpCall) -> bool:
        """Whether a request is for the account."""
        return call.path not in OWN_MARKET_PATHS and self.exchange.serves(call.method, call.path)

    def used_weight(self, weight: int) -> int:
        """Count the weight of a request to the desk of the market; return all of the minute."""
        return self.exchange.limits.add_weight(weight, self._now_ns)

    def request(self, call: HttpCall, reply: Reply) -> None:
        """Answer a request, now, later or never."""
        fate = self._way.draw(call.method)
        if not fate.is_sent:
            return  # It has come, so much is too late; it shall at least do nothing.
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in call.headers}
        request = VenueRequest(
            method=call.method,
            path=call.path,
            query=call.raw_query,
            headers=headers,
            body=call.body,
        )
        self._way.request(request, fate, _sender(reply))
        self._way.advance()

    def open(self, session: StreamSession) -> None:
        """Open a private websocket; one that cannot be opened just now is ended at once."""
        outlet = session.outlet
        line = self._way.open(session.address.names[0], outlet.send_text, outlet.close)
        if line is None:
            outlet.close(CLOSE_ABNORMAL)
        else:
            self._lines[session] = line

    def close(self, session: StreamSession) -> None:
        """Forget a websocket that is gone, if it is a private one."""
        line = self._lines.pop(session, None)
        if line is not None:
            self._way.close(line)


def _sender(reply: Reply) -> Callable[[HttpReply | None], None]:
    """Return what sends an answer of the exchange, once; a broken connection is never answered."""

    def send(answer: HttpReply | None) -> None:
        if answer is not None:
            headers = dict(answer.headers)
            kind = headers.pop("content-type", "application/json;charset=UTF-8")
            reply(HttpAnswer(answer.status, answer.body, tuple(headers.items()), kind))

    return send
