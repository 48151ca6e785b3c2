"""The played market meets the client's orders: books in ticks, prints, marks and funding."""

from decimal import Decimal

from engine.fake.binance_frames import Delta, Mark, Print, Snapshot
from engine.fake.text_book import TextBook
from engine.fake.trading.mishaps import TradingFaults
from engine.fake.trading.mount import TradingMount
from engine.fake.trading.tick_book import TickBook
from engine.model.instrument import InstrumentId
from tests.fakes.venue_client import START_NS, VenueClient

BTC = InstrumentId("binance_futures:BTCUSDT")


def a_delta(last_id: int, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> Delta:
    return Delta("BTCUSDT", last_id, last_id, bids, asks, previous_id=last_id - 1)


def a_source() -> TextBook:
    source = TextBook("BTCUSDT")
    source.load(Snapshot(1, [("99.9", "2"), ("99.8", "1")], [("100.1", "2"), ("100.2", "1")]))
    return source


def a_mount(source: TextBook) -> TradingMount:
    client = VenueClient()
    client.ask_openly("GET", "/fapi/v1/exchangeInfo")
    mount = TradingMount(client.last.body, {"BTCUSDT": source}, TradingFaults(), 1)
    mount.tick(START_NS, START_NS)
    return mount


def follow(mount: TradingMount, source: TextBook, delta: Delta) -> None:
    source.apply(delta)
    mount.see_delta("BTCUSDT", delta)


def test_a_book_follows_its_source_level_by_level():
    source = a_source()
    book = TickBook(source, Decimal("0.1"), Decimal("0.001"))
    for delta in (
        a_delta(2, [("99.9", "3")], []),
        a_delta(3, [("99.9", "0"), ("99.7", "5")], [("100.0", "1.5")]),
    ):
        source.apply(delta)
        assert book.follow(delta)

    assert list(book.levels(is_bid=True)) == [(998, 1_000), (997, 5_000)]
    assert list(book.levels(is_bid=False)) == [(1_000, 1_500), (1_001, 2_000), (1_002, 1_000)]
    assert book.size_at(997, is_bid=True) == 5_000


def test_a_book_with_a_hole_is_none_until_it_is_whole_again():
    source = a_source()
    book = TickBook(source, Decimal("0.1"), Decimal("0.001"))
    late = a_delta(9, [("99.9", "3")], [])
    source.apply(late)
    was_live = book.follow(late)

    source.load(Snapshot(20, [("50", "1")], [("51", "1")]))
    source.apply(a_delta(21, [], []))

    assert not was_live
    assert book.follow(a_delta(21, [], []))
    assert list(book.levels(is_bid=True)) == [(500, 1_000)]


def test_prints_of_one_stream_fill_and_those_of_the_other_do_not_count_again():
    source = a_source()
    mount = a_mount(source)
    follow(mount, source, a_delta(2, [], []))
    client = VenueClient()
    client.exchange = mount.exchange
    client.place("a", price="99.9", qty="1")
    trade = Print("99.9", "2.5", START_NS // 10**6, True, single_id=1)

    mount.see_trade("BTCUSDT", "trade", trade)
    mount.see_trade("BTCUSDT", "aggTrade", trade)
    mount.see_trade("NOPE", "trade", trade)

    assert mount.exchange.account.position("BTCUSDT").qty == Decimal("0.5")


def test_funding_is_paid_once_when_its_moment_has_passed():
    source = a_source()
    mount = a_mount(source)
    follow(mount, source, a_delta(2, [], []))
    client = VenueClient()
    client.exchange = mount.exchange
    client.place("a", qty="1")

    for event_ms, due_ms in ((900, 1_000), (1_000, 2_000), (1_100, 2_000)):
        mount.see_mark("BTCUSDT", Mark(event_ms, "100", due_ms, rate="0.0001"))
    mount.see_mark("NOPE", Mark(1, "1"))

    assert mount.exchange.account.total("FUNDING_FEE") == Decimal("-0.01")
    assert mount.exchange.desk.reference("BTCUSDT", is_buy=True) == 100
    assert mount.exchange.desk.floor.best(BTC, is_bid=True) == (999, 2_000)
