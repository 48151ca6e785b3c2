"""Real books of OKX with their checksums: each adds up, and one flipped level never does (R2)."""

from copy import deepcopy
from functools import partial
from itertools import islice
from random import Random

import msgspec

from engine.ingest.book import Book, Verdict
from engine.ingest.checksum import LEVELS, checksum_of
from engine.model.market import BookDelta, BookSnapshot, InstrumentUpdated
from engine.venues.okx.market_wire import OkxMarketWire
from tests.fakes.okx_wire import ENDPOINTS
from tests.replay.conftest import Frames

FLIPS_PER_BOOK = 4


def flipped(delta: BookDelta, after: Book, chance: Random) -> BookDelta:
    """Return the delta with one lot more at a level that the checksum covers afterwards."""
    is_bid = chance.random() < 0.5
    price, size = chance.choice(list(islice(after.levels(is_bid=is_bid), LEVELS)))
    side = "bids" if is_bid else "asks"
    levels = [*getattr(delta, side), (price, size + 1)]
    return msgspec.structs.replace(delta, **{side: levels})


def test_every_book_adds_up_and_no_flipped_one_does(frames: Frames):
    wire, chance = OkxMarketWire(ENDPOINTS), Random(1)
    books: dict[str, Book] = {}
    scales: dict[str, tuple[int, int]] = {}
    true = flips = found = 0

    for frame in frames("okx", 439):
        request = wire.recorded_request(frame.url) if frame.transport == "http" else None
        if request is not None:
            wire.receive_answer(request, 200, frame.raw, frame.ts_ns)
        events = wire.receive(frame.raw, frame.ts_ns) if frame.direction == "in" else ()
        for event in events:
            if isinstance(event, InstrumentUpdated):
                scales[event.instrument.instrument_id] = event.price_decimals, event.qty_decimals
            elif isinstance(event, BookSnapshot):
                prices, sizes = scales[event.instrument_id]
                judge = partial(
                    checksum_of, price_decimals=prices, qty_decimals=sizes, contract_size=None
                )
                book = books[event.instrument_id] = Book("linked_ids", checksum_of=judge)
                true += book.apply_snapshot(event, frame.ts_ns) is Verdict.APPLIED
            elif isinstance(event, BookDelta):
                book = books[event.instrument_id]
                others = [deepcopy(book) for _ in range(FLIPS_PER_BOOK)]
                true += book.apply(event, frame.ts_ns) is Verdict.APPLIED
                for other in others:
                    flips += 1
                    found += (
                        other.apply(flipped(event, book, chance), frame.ts_ns) is Verdict.GAP
                        and other.state == "invalid"
                    )

    assert true == 290
    assert found == flips > 1_000
