"""The language of the command line: total, exact, and no order without a price word."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from cockpit.grammar import LINE_MAX, VERBS, GrammarError, Plan, complete, parse
from cockpit.grammar_context import Context, Held, Market, Working
from engine.model.commands import SubmitOrder
from engine.model.instrument import InstrumentId

BTC = InstrumentId("simulated:BTC-PERP")
ETH = InstrumentId("simulated:ETH-PERP")
CONTEXT = Context(
    markets=(
        Market(
            BTC,
            "BTC-PERP",
            Decimal("0.5"),
            3,
            Decimal(64_210),
            Decimal("64210.5"),
            Decimal("64210.5"),
            Decimal("64209.8"),
        ),
        Market(ETH, "ETH-PERP", Decimal("0.01"), last=Decimal("3120.4")),
    ),
    focused=BTC,
    positions=(
        Held(BTC, "hand", Decimal("0.5"), Decimal(64_010)),
        Held(ETH, "hand", Decimal(-4), Decimal("3121.2")),
    ),
    orders=(
        Working("c1", "o1", BTC, "buy", Decimal("0.5")),
        Working("c2", "o2", BTC, "sell", Decimal("0.5")),
    ),
    parents=("a1", "a2"),
    cursor=Decimal(64_200),
    quick=Decimal(500),
    book_seq=7,
)
EMPTY = Context()

PRICES = {"@", "at", "mkt", "bid", "ask", "mid"}
WORDS = (
    *VERBS,
    *("0.5", "64,210.5", "64210", "$500", "500$", "25%", "pos", "q", "0", "1e5", "nan", "0,5"),
    *("@", "at", "mkt", "bid", "ask", "mid", "last", "mark", "entry", "cursor", "bid+1t", "-2bp"),
    *("post", "reduce", "ioc", "fok", "gtc", "tag", "x", "tp", "sl", "limit", "size", "+", "-1%"),
    *("btc", "eth-perp", "all", "bids", "stops", "o1", "o9", "start", "stop", "15m", ";", ";;"),
    *("a1", "63800..64200", "bid-1%..bid", "x10", "x0", "flat", "lin", "geo", "1.5", "over", "30m"),
    *("jitter", "20%", "show", "0.1", "for", "max", "10t", "then", "trail", "50t", "2atr", "2atr9"),
)

words = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
lines = words | st.text(max_size=60) | st.tuples(words, st.text(max_size=8)).map("".join)


@given(lines, st.sampled_from([CONTEXT, EMPTY]))
def test_any_line_is_a_plan_or_an_error_with_a_place(line: str, context: Context):
    made = parse(line, context)

    if isinstance(made, GrammarError):
        assert 0 <= made.position <= min(len(line), LINE_MAX)
        assert made.sentence
    else:
        assert len(made.places) == len(made.actions) > 0
    assert parse(line, context) == made


@given(lines)
def test_the_line_in_full_means_the_same(line: str):
    made = parse(line, CONTEXT)

    if isinstance(made, Plan):
        again = parse(made.normal, CONTEXT)
        assert isinstance(again, Plan), made.normal
        assert again.actions == made.actions
        assert again.normal == made.normal


@given(lines)
def test_no_order_without_a_price_word(line: str):
    for part in line.split(";"):
        made = parse(part, CONTEXT)
        if isinstance(made, Plan) and isinstance(made.actions[0], SubmitOrder):
            is_protection = part.split()[0].lower() in ("tp", "sl")
            spoken = set(part.lower().replace("@", " @ ").split())
            assert is_protection or any(
                word in PRICES or word.startswith(("bid", "ask", "mid")) for word in spoken
            ), part


@given(st.decimals("0.000000000001", "999999999999999", places=12, allow_nan=False))
def test_numbers_are_exact(number: Decimal):
    made = parse(f"buy {number:f} @ {number:f}", CONTEXT)

    assert isinstance(made, Plan)
    order = made.actions[0]
    assert isinstance(order, SubmitOrder)
    assert order.size == order.price == number


@given(lines)
def test_completion_only_ever_adds(line: str):
    completed, _ = complete(line, CONTEXT)

    assert len(completed) >= len(line)
