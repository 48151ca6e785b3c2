"""Lines of parents and trails: what they become, and how each mistake is told."""

from decimal import Decimal

import pytest

from cockpit.grammar import GrammarError, complete, parse
from engine.model import commands as c
from tests.property.test_grammar import BTC, CONTEXT, ETH

D = Decimal


@pytest.mark.parametrize(
    ("line", "action"),
    [
        (
            "scale buy 2 63800..64200 x10 geo 1.5 post tag dip",
            c.StartScale(
                BTC,
                "buy",
                D(2),
                D(63_800),
                D(64_200),
                10,
                "geo",
                D("1.5"),
                is_post_only=True,
                tag="dip",
                book_seq=7,
            ),
        ),
        (
            "twap sell 3 eth over 30m x30 jitter 20% limit 3100 reduce",
            c.StartTwap(ETH, "sell", D(3), 1_800, 30, D(20), D(3_100), is_reduce_only=True),
        ),
        (
            "ice buy 2 @ 64000 show 0.1",
            c.StartIceberg(BTC, "buy", D(2), D(64_000), D("0.1"), book_seq=7),
        ),
        (
            "chase buy 0.5 for 2m max 1% then mkt",
            c.StartChase(BTC, "buy", D("0.5"), D(64_852), 120, "mkt", book_seq=7),
        ),
        ("chase sell 0.5", c.StartChase(BTC, "sell", D("0.5"), D("64082.5"), 60, book_seq=7)),
        ("trail 50t", c.SetTrail(BTC, c.TrailWish("ticks", D(50)))),
        ("trail 25", c.SetTrail(BTC, c.TrailWish("price", D(25)))),
        ("trail 20bp", c.SetTrail(BTC, c.TrailWish("percent", D("0.2")))),
        ("trail eth 2.5atr20", c.SetTrail(ETH, c.TrailWish("atr", D("2.5"), 20))),
        ("cancel a1 a2 a1", c.CancelParents(("a1", "a2"))),
        ("resume a2", c.ResumeParent("a2")),
    ],
)
def test_a_line_becomes_its_action(line: str, action: object):
    made = parse(line, CONTEXT)

    assert not isinstance(made, GrammarError), made
    assert made.actions == (action,)


def test_orders_and_parents_are_cancelled_in_one_line():
    made = parse("cancel o1 a1", CONTEXT)

    assert not isinstance(made, GrammarError)
    assert made.actions == (c.CancelOrders(("c1",)), c.CancelParents(("a1",)))


def test_an_entry_takes_its_trail_along():
    made = parse("buy 0.5 @ 64210 tp 65000 trail 0.5%", CONTEXT)

    assert not isinstance(made, GrammarError)
    (entry,) = made.actions
    assert isinstance(entry, c.SubmitOrder)
    assert (entry.target, entry.trail) == (D(65_000), c.TrailWish("percent", D("0.5")))


@pytest.mark.parametrize(
    ("line", "position", "told"),
    [
        ("scale", 5, "scale needs a side: `scale buy 2 63800..64200 x10`"),
        ("scale buy", 9, "how much BTC-PERP?"),
        ("scale buy 1", 11, "between which prices? `63800..64200`"),
        ("scale buy 1 1..2", 16, "how many orders? `x10`"),
        ("scale buy 1 63800.. x3", 12, "a range is written without blanks: `63800..64200`"),
        ("scale buy 1 1..2 x0", 17, "a number of orders is above zero"),
        ("scale buy 1 1..2 3..4", 17, "one range is enough"),
        ("scale buy 1 1..2 x3 x4", 20, "one number of orders is enough"),
        ("scale buy 1 1..2 flat lin", 22, "one shape is enough"),
        ("scale buy 1 1..2 geo", 20, "geo needs more: `geo 1.5`"),
        ("scale buy 1 1..2 geo a", 21, "`a` is not a plain number"),
        ("scale buy 1 1..2 x3 ioc", 20, "ioc does not go with this command"),
        ("scale buy 1 1..2e x3", 15, "`2e` is not a plain number"),
        ("twap sell 1 x3", 14, "over which time? `over 30m`"),
        ("twap sell 1 over 1m", 19, "in how many slices? `x30`"),
        ("twap sell 1 over x3", 17, "`x3` is no time: `90s`, `30m`, `2h`"),
        ("twap sell 1 over 0s x3", 17, "`0s` is no time: `90s`, `30m`, `2h`"),
        ("twap sell 1 over 1m over 2m", 20, "`over` is said twice"),
        ("twap sell 1 over", 16, "over needs more: `over 30m`"),
        ("twap sell 1 jitter 1% jitter 2%", 22, "`jitter` is said twice"),
        ("twap sell 1 over 1m x3 post", 23, "post does not go with this command"),
        ("twap sell 1 limit 3 limit 4", 20, "one limit is enough"),
        ("ice buy 1", 9, "at which price? add `@ 64000`, bid, ask or mid"),
        ("ice buy 1 mkt show 1", 20, "at which price? add `@ 64000`, bid, ask or mid"),
        ("ice buy 1 @ 3", 13, "how much of it at a time? `show 0.1`"),
        ("ice buy 1 @ 3 show 10%", 19, "what an iceberg shows is a number of units"),
        ("ice buy 1 show 1 show 2", 17, "`show` is said twice"),
        ("chase buy 1 max x", 16, "`x` is no distance: `10t`, `5bp`, `0.2%`, `12.5`"),
        ("chase buy 1 max 1t max 2t", 19, "`max` is said twice"),
        ("chase buy 1 then x", 17, "a chase ends `then stop` or `then mkt`"),
        ("chase buy 1 then mkt then stop", 21, "`then` is said twice"),
        ("chase buy 1 eth", 0, "the bid of ETH-PERP is not on this screen"),
        ("trail", 5, "trail by how much?"),
        ("trail btc", 9, "trail by how much?"),
        ("trail 5x", 6, "`5x` is no distance"),
        ("trail 5t20", 6, "`5t20` is no distance"),
        ("trail 0t", 6, "a distance is above zero"),
        ("trail 5t 6t", 9, "`6t` does not belong here"),
        ("buy 1 @ 1 trail 5t trail 6t", 19, "`trail` is said twice"),
        ("buy 1 @ 1 reduce trail 5t", 25, "a reducing order opens nothing"),
        ("cancel a9", 7, "`a9` is not a working order; working: o1, o2"),
    ],
)
def test_a_mistake_is_told_at_its_place(line: str, position: int, told: str):
    made = parse(line, CONTEXT)

    assert isinstance(made, GrammarError), made
    assert made.position == position
    assert made.sentence.startswith(told)


def test_completion_knows_the_words_and_the_parents():
    assert complete("cancel a", CONTEXT) == ("cancel a", ("all", "asks", "a1", "a2"))
    assert complete("resume a", CONTEXT)[1] == ("all", "a1", "a2")
    assert complete("twap buy 1 ov", CONTEXT) == ("twap buy 1 over ", ())
