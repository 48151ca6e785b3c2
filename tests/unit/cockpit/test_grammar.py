"""The command line's language: accepted lines in full, refused ones with caret and sentence."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from cockpit.grammar import GrammarError, Plan, complete, parse
from engine.model.commands import (
    Accept,
    AmendOrder,
    Arm,
    CancelAll,
    CancelOrders,
    ClosePosition,
    Disarm,
    EngageKill,
    ReleaseKill,
    Resume,
    SetLimit,
    SetReduceOnly,
    StartStrategy,
    StopStrategy,
    SubmitOrder,
)
from tests.property.test_grammar import BTC, CONTEXT, ETH

USDC = replace(CONTEXT.markets[0], instrument_id="simulated:BTC-USDC", name="BTC-USDC")
AMBIGUOUS = replace(CONTEXT, markets=(*CONTEXT.markets, USDC))


def plan(line: str) -> Plan:
    made = parse(line, CONTEXT)
    assert isinstance(made, Plan), made
    return made


@pytest.mark.parametrize(
    ("line", "normal"),
    [
        (
            "buy 0.5 btc @ 64210 post tp 65000 sl 63000",
            "buy 0.5 BTC-PERP @ 64210 post tp 65000 sl 63000",
        ),
        ("sell 25% mkt reduce", "sell 0.125 BTC-PERP mkt reduce"),
        ("b $500 @ bid", "buy 0.007 BTC-PERP @ 64210"),
        ("b 500$ bid", "buy 0.007 BTC-PERP @ 64210"),
        ("s q @ cursor+1t post", "sell 0.007 BTC-PERP @ 64200.5 post"),
        ("buy 0.5 at 64,210.5", "buy 0.5 BTC-PERP @ 64210.5"),
        ("BUY 0.5 BTC-PERP MID", "buy 0.5 BTC-PERP @ 64210"),
        ("sell 0.5 mid", "sell 0.5 BTC-PERP @ 64210.5"),
        ("buy 1 @ mark - 1%", "buy 1 BTC-PERP @ 63567.5"),
        ("buy 1 @ last+10bp ioc", "buy 1 BTC-PERP @ 64274.5 ioc"),
        ("buy 1 @ -2t", "buy 1 BTC-PERP @ 64209"),
        ("sell 1 @ +0.5", "sell 1 BTC-PERP @ 64211"),
        ("buy 1 eth @ 3000 tag swing", "buy 1 ETH-PERP @ 3000 tag swing"),
        ("buy 1 @ 64000 tp +1% sl -1%", "buy 1 BTC-PERP @ 64000 tp 64640 sl 63360"),
        ("stop sell pos @ 63000 limit 62900", "stop sell 0.5 BTC-PERP @ 63000 limit 62900 reduce"),
        ("stop buy 1 @ 65000", "stop buy 1 BTC-PERP @ 65000"),
        ("tp 65000", "tp BTC-PERP @ 65000"),
        ("sl eth entry+1%", "sl ETH-PERP @ 3152.41"),
        ("sub kPEPE-PERP", "sub kPEPE-PERP"),
        ("unsub", "unsub BTC-PERP"),
        ("unsub eth", "unsub ETH-PERP"),
        ("cancel all", "cancel all"),
        ("cancel all stops", "cancel all stops"),
        ("cancel asks", "cancel asks BTC-PERP"),
        ("cancel bids eth", "cancel bids ETH-PERP"),
        ("cancel last", "cancel o2"),
        ("cancel o1 o2", "cancel o1 o2"),
        ("cancel eth stops", "cancel ETH-PERP stops"),
        ("amend o1 @ bid - 2t size 0.3", "amend o1 @ 64209 size 0.3"),
        ("close", "close BTC-PERP 100% mkt"),
        ("close eth 25% @ 3100", "close ETH-PERP 25% @ 3100"),
        ("close all", "close all 100% mkt"),
        ("flatten eth", "close ETH-PERP 100% mkt"),
        ("cancel a1", "cancel a1"),
        ("cancel o1 A2", "cancel o1 a2"),
        ("resume a1", "resume a1"),
        ("trail 50t", "trail BTC-PERP 50t"),
        ("trail eth 0.5%", "trail ETH-PERP 0.5%"),
        ("trail 20bp", "trail BTC-PERP 20bp"),
        ("trail 25.5", "trail BTC-PERP 25.5"),
        ("trail 2atr", "trail BTC-PERP 2atr14"),
        ("trail 1.5atr20", "trail BTC-PERP 1.5atr20"),
        ("buy 1 @ 64000 sl 63000 trail 2%", "buy 1 BTC-PERP @ 64000 sl 63000 trail 2%"),
        (
            "scale buy 2 btc 63800..64200 x10 flat post",
            "scale buy 2 BTC-PERP 63800..64200 x10 flat post",
        ),
        ("scale sell 2 ask..ask+1% x4 lin", "scale sell 2 BTC-PERP 64210.5..64853 x4 lin"),
        (
            "scale buy 2 eth 3000..3100 x4 geo 1.5 tag dip",
            "scale buy 2 ETH-PERP 3000..3100 x4 geo 1.5 tag dip",
        ),
        (
            "scale sell pos 65000..66000 x5",
            "scale sell 0.5 BTC-PERP 65000..66000 x5 flat reduce",
        ),
        (
            "twap sell 3 eth over 30m x30 jitter 20% limit 3100",
            "twap sell 3 ETH-PERP over 1800s x30 jitter 20% limit 3100",
        ),
        ("twap buy $5000 over 1h x10", "twap buy 0.077 BTC-PERP over 3600s x10"),
        ("ice buy 2 @ 64000 show 0.1 post", "ice buy 2 BTC-PERP @ 64000 show 0.1 post"),
        (
            "chase buy 0.5 for 60s max 0.2% then stop",
            "chase buy 0.5 BTC-PERP for 60s max 128 then stop",
        ),
        ("chase sell 0.5 max 10t", "chase sell 0.5 BTC-PERP for 60s max 5 then stop"),
        ("chase buy 0.5 then mkt", "chase buy 0.5 BTC-PERP for 60s max 128 then mkt"),
        ("kill", "kill"),
        ("kill flatten", "kill flatten"),
        ("kill stops", "kill stops"),
        ("unkill Feed mended", "unkill Feed mended"),
        ("arm", "arm 900s"),
        ("arm 30m", "arm 1800s"),
        ("disarm", "disarm"),
        ("limit order_value_max 1,500.50", "limit order_value_max 1500.5"),
        ("limit leverage_max file", "limit leverage_max file"),
        ("accept restart", "accept restart"),
        ("accept difference eth", "accept difference ETH-PERP"),
        ("accept difference usdt", "accept difference USDT"),
        ("resume", "resume all"),
        ("resume momentum", "resume momentum"),
        ("strat start momentum eth 5m", "strat start momentum ETH-PERP 5m"),
        ("strat stop momentum", "strat stop momentum BTC-PERP"),
        ("strat pause momentum", "strat pause momentum BTC-PERP"),
        ("cancel asks; close 50% @ ask", "cancel asks BTC-PERP; close BTC-PERP 50% @ 64210.5"),
    ],
)
def test_a_line_is_written_in_full(line: str, normal: str):
    assert plan(line).normal == normal


@pytest.mark.parametrize(
    ("line", "position", "sentence"),
    [
        ("", 0, "type a command"),
        ("bye", 0, "`bye` is no command; did you mean buy?"),
        ("buy 0.5 64210", 8, "price? write `@ 64210` · size? remove `0.5`"),
        ("buy 0.5", 7, "at which price?"),
        ("buy btc-perp @ 1", 16, "how much BTC-PERP?"),
        ("buy 0,5 @ 1", 5, "the decimal mark is a point: `0.5`"),
        ("buy 1 @ 64.210,5", 14, "a comma only separates thousands"),
        ("buy 1e5 @ 1", 4, "exponents are not taken"),
        ("buy nan @ 1", 4, "`nan` is not a number"),
        ("buy 1 @ inf", 8, "`inf` is not a number"),
        ("buy -1 @ 1", 4, "no sign here"),
        ("buy 0 @ 1", 4, "a size is above zero"),
        ("buy 1 @ 0", 8, "a price is above zero"),
        ("buy 1_000 @ 1", 4, "not a plain number"),
        ("buy 1 @ ²", 8, "not a plain number"),
        ("buy 0.5 wibble @ 1", 8, "neither an instrument nor a word"),
        ("buy 25% mkt", 4, "add reduce"),
        ("buy 25% mkt reduce", 4, "is long 0.5; buy would add to it"),
        ("sell 150% mkt reduce", 5, "more than 100%"),
        ("buy 1 mkt post", 10, "cannot be post-only"),
        ("buy 1 @ 1 ioc fok", 14, "exclude each other"),
        ("buy 1 @ 1 post post", 15, "said twice"),
        ("buy 1 @ 1 @ 2", 10, "one price is enough"),
        ("buy 1 eth @ bid", 12, "the bid of ETH-PERP is not on this screen"),
        ("buy 1 @ 64000 tp 63000", 17, "stands above it"),
        ("buy 1 @ 64000 sl 65000", 17, "stands below it"),
        ("buy 123456789012345678 @ 1", 4, "at most 15 digits"),
        ("stop sell 1", 11, "at which price does it act?"),
        ("stop sell 1 mkt", 12, "acts at the market by itself"),
        ("tp", 2, "needs a price"),
        ("cancel", 6, "cancel what?"),
        ("cancel o9", 7, "working: o1, o2"),
        ("amend o1", 8, "to what?"),
        ("close all @ 1", 12, "one price does not fit all"),
        ("arm 99h", 4, "at most 24h"),
        ("strat", 5, "strat start NAME"),
        ("accept", 6, "accept what?"),
        ("accept difference", 17, "of which instrument?"),
        ("accept <b>", 7, "is nothing that a start asks"),
        (";buy", 0, "no command before"),
        ("x" * 10_000, 1_000, "10,000 characters"),
    ],
)
def test_a_line_that_cannot_be_read_says_where_and_why(line: str, position: int, sentence: str):
    made = parse(line, CONTEXT)

    assert isinstance(made, GrammarError), made
    assert (made.position, sentence in made.sentence) == (position, True), made


def test_an_ambiguous_prefix_lists_the_choices():
    made = parse("buy 0.5 btc @ 1", AMBIGUOUS)

    assert made == GrammarError(8, "`btc` may be BTC-PERP, BTC-USDC")
    assert isinstance(parse("buy 0.5 btc-u @ 1", AMBIGUOUS), Plan)


def test_a_bracket_goes_with_its_entry():
    (entry,) = plan("buy 0.5 @ 64210 tp 65000 sl 63000").actions
    (half,) = plan("sell 0.5 @ 64210 sl 65000").actions

    assert isinstance(entry, SubmitOrder)
    assert (entry.stop, entry.target) == (Decimal(63_000), Decimal(65_000))
    assert (entry.type, entry.is_protective, entry.is_reduce_only) == ("limit", False, False)
    assert isinstance(half, SubmitOrder)
    assert (half.stop, half.target) == (Decimal(65_000), None)


def test_the_book_that_was_looked_at_goes_with_the_order_of_its_instrument_only():
    assert plan("buy 1 @ 1").actions[0].book_seq == 7  # type: ignore[union-attr]  # it was read
    assert plan("buy 1 eth @ 1").actions[0].book_seq == 0  # type: ignore[union-attr]  # it was read


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("cancel all stops", CancelAll(with_stops=True)),
        ("cancel all external", CancelAll(with_external=True)),
        ("cancel bids external stops", CancelAll(BTC, "buy", with_stops=True, with_external=True)),
        ("cancel bids", CancelAll(BTC, "buy")),
        ("cancel o2", CancelOrders(("c2",))),
        ("amend o1 size 0.3", AmendOrder("c1", None, Decimal("0.3"))),
        ("close 25%", ClosePosition(BTC, Decimal("0.25"))),
        ("flatten all", ClosePosition()),
        ("arm 1h", Arm(3_600)),
        ("disarm", Disarm()),
        ("limit leverage_max 1.5", SetLimit("leverage_max", Decimal("1.5"))),
        ("limit leverage_max file", SetLimit("leverage_max", None)),
        ("accept restart", Accept("restart")),
        ("accept difference eth", Accept(f"difference {ETH}")),
        ("accept difference USDT", Accept("difference USDT")),
        ("kill", EngageKill()),
        ("kill stops", EngageKill(with_stops=True)),
        ("unkill all well", ReleaseKill("all well")),
        ("resume btc-perp", Resume(BTC)),
        ("strat start momentum 15m eth", StartStrategy("momentum", ETH, 900)),
        ("strat stop momentum eth", StopStrategy("momentum", ETH)),
        ("strat pause momentum eth", SetReduceOnly("strategy:momentum@ETH-PERP")),
        ("strat resume momentum eth", Resume("strategy:momentum@ETH-PERP")),
    ],
)
def test_a_line_becomes_its_action(line: str, action: object):
    assert plan(line).actions == (action,)


def test_unknown_positions_are_not_taken_for_none():
    unknown = replace(CONTEXT, positions=None)
    none = replace(CONTEXT, positions=())

    assert "not known yet" in parse("close", unknown).sentence  # type: ignore[union-attr]  # it was not read
    assert "no open position in BTC-PERP" in parse("close", none).sentence  # type: ignore[union-attr]  # it was not read


def test_completion_goes_as_far_as_it_is_certain():
    assert complete("amen", CONTEXT) == ("amend ", ())
    assert complete("buy 0.5 et", CONTEXT) == ("buy 0.5 ETH-PERP ", ())
    assert complete("cancel o", CONTEXT) == ("cancel o", ("o1", "o2"))
    assert complete("amend ", CONTEXT) == ("amend ", ("o1", "o2"))
    assert complete("disarm; strat sta", CONTEXT) == ("disarm; strat start ", ())
    assert complete("", CONTEXT)[0] == ""
