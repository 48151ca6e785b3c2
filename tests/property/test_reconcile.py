"""A desk beside a truthful venue whose words get lost, come late, twice and in any order.

Whatever was lost, in the end the ledger is what the venue has, and asking once more changes
nothing.
"""

from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.model import account as a
from engine.model import facts as f
from engine.model.effects import QueryOrder, RequestReport, SendCancel
from engine.model.envelope import Event
from engine.model.orders import EXTERNAL, FINAL_STATES, HAND
from tests.builders import BTC, a_fill
from tests.unit.engine.kernel.live_desk import CASH, LiveDesk, a_live_desk, held, seen

PRICE = 1_010
FAULTS_S = 45
"""So long answers fail, and copies lag by up to five seconds less."""
QUIET_S = 150


class Truth:
    """One order as the venue has it."""

    def __init__(self, cid: str, side: str, lots: int, parts: list[int], end: str) -> None:
        self.cid, self.side, self.lots, self.end = cid, side, lots, end
        self.fills = [
            a_fill(cid, part, PRICE, trade_id=f"{cid}-{number}", instrument_id=BTC, side=side)
            for number, part in enumerate(parts)
        ]

    @property
    def filled(self) -> int:
        """Lots filled."""
        return sum(fill.qty_lots for fill in self.fills)

    @property
    def is_known(self) -> bool:
        """Whether it ever came to the venue."""
        return self.end != "never came"

    @property
    def state(self) -> str:
        """What the venue calls it."""
        if self.filled == self.lots:
            return "filled"
        return self.end

    def shown(self) -> a.OrderSeen:
        """Return it as the venue shows it."""
        return seen(self.cid, self.state, self.lots, self.filled, side=self.side)

    def words(self, now_ns: int) -> list[Event]:
        """Return what the private stream says of it."""
        if not self.is_known:
            return []
        words: list[Event] = [f.OrderAcked(now_ns, self.cid, f"v-{self.cid}"), *self.fills]
        if self.state == "canceled":
            words.append(f.OrderCanceled(now_ns, self.cid, "by the venue"))
        if self.state == "expired":
            words.append(f.OrderExpired(now_ns, self.cid, "by the venue"))
        return words


class Venue:
    """Answers what it is asked, sometimes badly, and never with a lie."""

    def __init__(self, truths: list[Truth], random: Random, lag_s: int) -> None:
        self.truths = {one.cid: one for one in truths}
        self.random = random
        self.lag_s = lag_s
        self.late: list[tuple[int, Event]] = []

    def shows(self, second: int) -> list[Truth]:
        """Return what its copies have by now."""
        known = [one for one in self.truths.values() if one.is_known]
        return known if second >= self.lag_s else []

    def take(self, desk: LiveDesk, second: int) -> None:
        """Answer everything that was asked for, with some delay."""
        for effect in desk.effects:
            answer: Event | None = None
            if isinstance(effect, SendCancel):
                self.cancel(desk, effect.client_order_id)
            elif isinstance(effect, QueryOrder):
                answer = self.answer(desk, effect.client_order_id, second)
            elif isinstance(effect, RequestReport):
                answer = self.report(desk, effect.number, second)
            if answer is not None:
                delay = self.random.randint(0, 3)
                self.late.append((second + delay, answer))
        due = [one for one in self.late if one[0] <= second]
        self.late = [one for one in self.late if one[0] > second]
        self.random.shuffle(due)
        desk.tells(*(event for _, event in due))

    def fails(self, second: int) -> bool:
        """Whether a query brings nothing."""
        return second < FAULTS_S and self.random.random() < 0.3

    def answer(self, desk: LiveDesk, cid: str, second: int) -> Event:
        """Return what is said of one order."""
        if self.fails(second):
            return a.QueryFailed(cid, "HTTP 503")
        found = [one for one in self.shows(second) if one.cid == cid]
        if not found:
            return a.OrderAnswered(cid, desk.now_ns, None)
        return a.OrderAnswered(cid, desk.now_ns, found[0].shown(), tuple(found[0].fills))

    def report(self, desk: LiveDesk, number: int, second: int) -> Event:
        """Return what is said of the account."""
        if self.fails(second):
            return a.ReportFailed(number, "HTTP 503")
        shown = self.shows(second)
        net = sum(one.filled if one.side == "buy" else -one.filled for one in shown)
        return a.AccountReported(
            number,
            desk.now_ns,
            0,
            tuple(one.shown() for one in shown if one.state in ("open", "partial")),
            tuple(fill for one in shown for fill in one.fills),
            (held(net, str(PRICE)),) if net else (),
            (a.BalanceSeen("USDT", CASH),),
        )

    def cancel(self, desk: LiveDesk, cid: str) -> None:
        """Cancel an order that works; perhaps nobody hears of it."""
        one = self.truths[cid]
        if one.state in ("open", "partial"):
            one.end = "canceled"
            if self.random.random() < 0.5:
                desk.tells(f.OrderCanceled(desk.now_ns, cid, "asked"))


TRUTHS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 6),
        st.lists(st.integers(1, 3), max_size=3),
        st.sampled_from(["open", "canceled", "expired", "never came", "elsewhere"]),
    ),
    min_size=1,
    max_size=4,
)


def begun(drawn: list, random: Random, lag_s: int) -> tuple[LiveDesk, Venue]:
    """Return a desk that has sent its orders, and the venue that dealt with them."""
    desk = a_live_desk()
    truths = []
    for number, (side, lots, parts, end) in enumerate(drawn):
        fitting = [] if end == "never came" else parts
        while sum(fitting) > lots:
            fitting = fitting[:-1]
        is_elsewhere = end == "elsewhere"
        cid = f"web_{number}" if is_elsewhere else desk.sends(side, lots, PRICE)
        truths.append(Truth(cid, side, lots, fitting, "open" if is_elsewhere else end))
    return desk, Venue(truths, random, lag_s)


def run(desk: LiveDesk, venue: Venue, words: list[tuple[int, Event]], seconds: int) -> None:
    """Let time pass, with the words of the stream at their seconds."""
    for second in range(seconds):
        desk.wait(1_000)
        venue.take(desk, second)
        desk.tells(*(word for at_s, word in words if at_s == second))


def assert_true(desk: LiveDesk, venue: Venue) -> None:
    """Check that the ledger is what the venue has."""
    net = 0
    for one in venue.truths.values():
        order = desk.ledger.orders.get(one.cid)
        net += one.filled if one.side == "buy" else -one.filled
        if order is None:  # It ended elsewhere before anybody saw it work.
            assert one.state not in ("open", "partial")
            continue
        assert order.is_final == (one.state not in ("open", "partial"))
        assert order.state in FINAL_STATES or order.state in ("open", "partial")
        if order.intent.owner != EXTERNAL:
            assert order.filled_lots == one.filled
        assert order.remaining_lots == (0 if order.is_final else one.lots - one.filled)
    owners = desk.ledger.owners(BTC)
    assert desk.ledger.net_lots(BTC) == net
    assert sum(desk.ledger.position(owner, BTC).lots for owner in owners) == net  # I16
    assert not desk.side.doubts
    assert not desk.side.mismatches
    assert desk.ledger.trading_state(BTC, HAND) != "halted"


@settings(max_examples=40, deadline=None)
@given(TRUTHS, st.randoms(use_true_random=False), st.integers(0, FAULTS_S - 5))
@example([("buy", 2, [], "open")], Random(0), 30)
@example([("buy", 2, [], "open")], Random(1), 30)
@example([("buy", 2, [], "open"), ("sell", 3, [1], "elsewhere")], Random(2), 30)
@example([("sell", 3, [1, 1], "canceled"), ("buy", 3, [2], "open")], Random(3), 20)
def test_whatever_is_lost_the_ledger_ends_as_the_venue_has_it(drawn: list, random, lag_s: int):
    desk, venue = begun(drawn, random, lag_s)
    words = [word for one in venue.truths.values() for word in one.words(desk.now_ns)]
    words += random.sample(words, random.randint(0, len(words)))
    heard = [(random.randint(0, 20), word) for word in words if random.random() < 0.5]

    run(desk, venue, heard, QUIET_S)

    assert_true(desk, venue)
    assert desk.side.agreed_ns is not None
    before = desk.ledger.orders, desk.ledger.net_lots(BTC), desk.side.repairs
    digest = repr((before, desk.ledger.cash("USDT")))
    run(desk, Venue(list(venue.truths.values()), random, 0), [], 60)
    assert repr((before, desk.ledger.cash("USDT"))) == digest
    assert desk.side.repairs == before[2]


@settings(max_examples=25, deadline=None)
@given(TRUTHS, st.randoms(use_true_random=False))
def test_any_order_of_news_and_answers_gives_the_same_positions(drawn: list, random):
    nets = set()
    for _ in range(2):
        desk, venue = begun(drawn, random, 0)
        words = [word for one in venue.truths.values() for word in one.words(desk.now_ns)]
        heard = [(random.randint(0, 20), word) for word in words]
        run(desk, venue, heard, QUIET_S)
        assert_true(desk, venue)
        nets.add((desk.ledger.net_lots(BTC), desk.ledger.net(BTC).cost))

    assert len({net for net, _ in nets}) == 1


@settings(max_examples=40, deadline=None)
@given(TRUTHS, st.randoms(use_true_random=False))
def test_a_report_that_failed_or_comes_again_changes_nothing(drawn: list, random):
    desk, venue = begun(drawn, random, 0)
    number = desk.waits_for_report()
    report = venue.report(desk, number, FAULTS_S)
    desk.tells(a.ReportFailed(number, "HTTP 503"))
    before = desk.kernel.ledger_digest()
    assert isinstance(report, a.AccountReported)
    desk.tells(report)
    assert desk.kernel.ledger_digest() == before

    number = desk.waits_for_report()
    desk.tells(again := venue.report(desk, number, FAULTS_S))
    once = desk.kernel.ledger_digest()
    desk.tells(again)

    assert desk.kernel.ledger_digest() == once
    assert desk.ledger.settled_cash is not None
