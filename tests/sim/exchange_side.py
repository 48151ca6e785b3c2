"""The fake exchange as the other side: real gateway, real trade wire, a network in memory.

The exchange's own ledger is the judge's truth; what leaves is read from the requests, in the
moment in which their first byte does.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Final, Literal

import msgspec

from engine.execution.ledger import ID_PREFIX, Ledger
from engine.execution.ledger_orders import OrderRecord
from engine.execution.positions import Steps
from engine.fake.trading.auth import TEST_KEY, TEST_SECRET
from engine.fake.trading.exchange import ExchangeSettings, FakeExchange
from engine.fake.trading.hands import Hands
from engine.fake.trading.memory import MemoryTransport
from engine.fake.trading.mishaps import Mishaps, RestFaults, StreamFaults, exclusive_shares
from engine.fake.trading.records import VenueOrder
from engine.fake.trading.way import Way, venue_request
from engine.kernel.desk import DeskSetup
from engine.model.account import AccountReported
from engine.model.chance import Chance
from engine.model.instrument import InstrumentId, instrument_id, symbol_of
from engine.model.numbers import NS_PER_MS, NS_PER_S, QtyLots
from engine.model.orders import OrderSpec, Side
from engine.runtime.clock import Clock
from engine.runtime.gateway import GatewayParts, VenueGateway
from engine.runtime.host import EngineHost
from engine.runtime.trade_rest import TradePorts
from engine.venues.base import Endpoints
from engine.venues.binance.spec import FUTURES
from engine.venues.binance.trade_wire import BinanceTradeWire
from engine.venues.trading import Credentials, HttpCall
from tests.sim import exchange_checks as checks
from tests.sim.checkers import Told, demand
from tests.sim.clocks import MachineClock
from tests.sim.exchange_market import QUOTE, VENUE, ExchangeMarket
from tests.sim.exchange_network import SeenMishaps, SimTransport
from tests.sim.frames import Standing, lapses_ms, read_frame
from tests.sim.markets import Market
from tests.sim.profiles import LIMITS, MarketFaults, Mix, Upheaval
from tests.sim.sides import OnFrame
from tests.sim.upheavals import Upheavals

CASH: Final = Decimal(100_000)
AT: Final = Endpoints("http://127.0.0.1:1", "ws://127.0.0.1:1")
SKEW_MS: Final = 2_000
"""More than the clocks of engine and venue differ."""
STALL_NS: Final = 5 * NS_PER_S
"""A private stream that holds back its frames for longer is taken for stalled."""
REPORTED_NS: Final = 6 * NS_PER_S
"""What happened is in a report that was asked for so much later: it is no news any more."""
LINE_S: Final = 60
"""A connection on which nobody answered for so long is closed."""
HANDS: Final = "web_"
ANOTHER_ENGINES: Final = f"{ID_PREFIX}000zzzothers"
DARK_ACTS_MAX: Final = 3
OPEN_NS: Final = 2 * NS_PER_S
DAILY_SHARE: Final = 0.1
"""Up to so much meddling there is only what happens every day: fills and funding."""


class ExchangeSide:
    """The exchange, its market, and whoever else acts there."""

    def __init__(self, chance: Chance, mix: Mix, on_frame: OnFrame) -> None:
        self._chance = chance
        self._mix = mix
        self._on_frame = on_frame
        self._calm_ns = 0
        settings = ExchangeSettings(cash=CASH, asset=QUOTE, seed=chance.next_u64() >> 1)
        self.exchange = FakeExchange(settings)
        self._hands = Hands(self.exchange)
        self.seen: Counter[str] = Counter()
        self.seen["run that keeps orders"] += mix.on_exit == "keep"
        self.seen["run that flattens what is unprotected"] += mix.on_unprotected == "flatten"
        self.seen["venue whose stops go along"] += mix.trading.stops_go_along
        self._upheavals = Upheavals(mix.upheaval, self.exchange, self.seen)
        self._mishaps = SeenMishaps(mix.trading, Chance(chance.next_u64()), self.seen)
        self._transport: SimTransport | None = None
        self._way: Way | None = None
        self._gateway: VenueGateway | None = None
        self._now: Callable[[], int] = lambda: 0
        self._clock: MachineClock | None = None
        self._halted: list[InstrumentId] = []
        self._open_ns = 0
        """Since when the engine knows the account; 0 while it does not."""
        self._down_ns = 0
        self._others = 0
        self.has_strangers = False
        """Whether somebody else has traded or placed orders."""
        assert FUTURES.trade is not None
        self.setup = DeskSetup(
            venue=VENUE,
            account="sim",
            is_live=mix.is_live,
            currency=QUOTE,
            limits=LIMITS,
            on_restart=mix.on_restart,
            on_exit=mix.on_exit,
            on_unprotected=mix.on_unprotected,
            rules=FUTURES.trade.rules,
        )
        self.market: ExchangeMarket

    @property
    def allows_repairs(self) -> bool:
        """Whether anything may be lost."""
        mix, rest, stream = self._mix, self._mix.trading.rest, self._mix.trading.stream
        is_lossless = mix.market == MarketFaults() and mix.lives == 1 and not mix.sync_stall_share
        is_lossless &= not mix.leave_share
        is_lossless &= not (mix.clock.sleep_share or mix.clock.stop_share)  # It hears nothing.
        delays = RestFaults(travel_mean_s=rest.travel_mean_s)
        repeats = StreamFaults(delay_mean_s=stream.delay_mean_s, repeat_share=stream.repeat_share)
        return not (is_lossless and (rest, stream) == (delays, repeats)) or self.has_strangers

    def trade(self, market: Market, now_ns: int) -> None:
        """Let a market be traded here."""
        self.market = ExchangeMarket(market, self.exchange, self._wake, now_ns)

    def new_gateway(self, host: EngineHost, clock: Clock) -> VenueGateway:
        """Return the way of one engine to it."""
        assert isinstance(clock, MachineClock)
        self._clock, self._now = clock, clock.true.now_ns
        if not host.state.desk.ledger.currency:
            self._open_ns = 0
        self._way = Way(self.exchange, self._mishaps, self._now)

        def left(call: HttpCall) -> None:
            request = venue_request(call.method, call.url, call.headers, call.body)
            frame = read_frame(request, VENUE, self._now(), steps_of(host))
            if frame is not None:
                self._on_frame(frame)

        self._transport = SimTransport(self._way, self._now, left, self._connect_s)
        self._upheavals.begin()
        luck = Chance(self._chance.next_u64())
        ports = TradePorts(VENUE, new_wire(), clock, self._transport, luck)
        parts = GatewayParts(ports, host.state, host.report_all, host.start_task, host.keep)
        self._gateway = VenueGateway(parts)
        return self._gateway

    async def check_start(self, clock: MachineClock) -> None:
        """Ask what the key may do, as whoever starts an engine does."""
        if self._mix.upheaval == Upheaval():
            return
        now = clock.true.now_ns
        chance = self._upheavals.chance
        mishaps = Mishaps(self._mix.trading, Chance(chance.next_u64()))
        transport = MemoryTransport(Way(self.exchange, mishaps, now), now)
        luck = Chance(chance.next_u64())
        await self._upheavals.check_start(TradePorts(VENUE, new_wire(), clock, transport, luck))
        await transport.close()

    def _connect_s(self) -> float:
        mean_s = self._mix.connect_mean_s
        return self._chance.exponential(mean_s) if mean_s else 0.0

    def _wake(self) -> None:
        if self._transport is not None:
            self._transport.wake()

    # What happens there.

    def act(self, host: EngineHost, now_ns: int) -> None:
        """Let somebody else do something there, or not."""
        self._note_open(host, now_ns)
        self.upset(host, now_ns)
        if not self._is_open(now_ns) or not self._chance.happens(self._mix.meddling_share):
            return
        self.seen["act before the account was known"] += not self._open_ns
        self.exchange.advance(now_ns)
        name = self._chance.pick([instrument_id(VENUE, key) for key in self.exchange.desk.rules])
        if self._mix.meddling_share <= DAILY_SHARE:
            self._live_on(name, now_ns)
        elif symbol_of(name) == self._upheavals.delisted:
            pass  # It is traded no more.
        elif self._chance.happens(self._mix.restep_share):
            self.market.change_tick(name, now_ns)
        else:
            self._meddle(name, now_ns)
        self._wake()

    def upset(self, host: EngineHost, now_ns: int) -> None:
        """Let venue or owner turn much over, or not."""
        if self._mix.upheaval == Upheaval():
            return
        self._note_open(host, now_ns)
        if self._is_open(now_ns):
            self._turn_over(now_ns)

    def _turn_over(self, now_ns: int) -> None:
        self.exchange.advance(now_ns)
        self.has_strangers |= self._upheavals.act(now_ns, self.market)
        self._wake()

    def _note_open(self, host: EngineHost, now_ns: int) -> None:
        if not self._open_ns and host.state.desk.ledger.currency:
            self._open_ns = now_ns

    def _is_open(self, now_ns: int) -> bool:
        """Whether the engine knows the account, and its journal does, or others wait for neither.

        Most of them do: a lagging replica may tell half of what happened just before.
        """
        is_known = bool(self._open_ns) and now_ns - self._open_ns >= OPEN_NS
        return is_known or self._mix.has_early_strangers

    def _live_on(self, name: InstrumentId, now_ns: int) -> None:
        """Funding is due, or somebody trades with what rests."""
        orders = self.exchange.desk.open_orders(symbol_of(name))
        if orders and self._chance.happens(0.7):
            order = self._chance.pick(orders)
            self._hands.trade_with(order, self._chance.between(1, self._lots(order)), now_ns)
        else:
            self._hands.fund(symbol_of(name), Decimal("0.0001"), now_ns)

    def _meddle(self, name: InstrumentId, now_ns: int) -> None:
        """The venue or the account's owner acts behind the engine's back."""
        symbol, chance, hands = symbol_of(name), self._chance, self._hands
        orders = self.exchange.desk.open_orders(symbol)
        draw = chance.below(100)
        if draw < 35:
            self._live_on(name, now_ns)
        elif draw < 50 and orders:
            hands.cancel_by_venue(chance.pick(orders), now_ns)
        elif draw < 60 and orders:
            hands.cancel(chance.pick(orders), now_ns)
        elif draw < 70:
            self._halt(name, now_ns)
        elif draw < 78:
            hands.transfer(Decimal(chance.pick((-500, 250, 1000))), now_ns)
        elif draw < 81:
            self._trade_as_an_engine(symbol, now_ns)
        else:
            self.has_strangers = True
            self._trade_by_hand(symbol, now_ns)

    def _trade_by_hand(self, symbol: str, now_ns: int) -> None:
        chance, desk = self._chance, self.exchange.desk
        rules = desk.rules[symbol]
        mark = desk.marks.get(symbol)
        if mark is None or not rules.is_trading:
            return
        if chance.happens(0.3):
            self._hands.close(symbol, now_ns)
            return
        lots = max(1, int(Decimal(chance.between(100, 2_000)) / mark / rules.step))
        side: Literal["BUY", "SELL"] = chance.pick(("BUY", "SELL"))
        price = None
        if chance.happens(0.5):  # It rests.
            away = Decimal(chance.between(5, 30)) / 1_000
            share = 1 - away if side == "BUY" else 1 + away
            price = mark * share // rules.tick * rules.tick
        self._hands.place(symbol, side, lots * rules.step, now_ns, price)

    def _trade_as_an_engine(self, symbol: str, now_ns: int) -> None:
        """Somebody has started another engine for this account, which places an order (R124)."""
        rules, mark = self.exchange.desk.rules[symbol], self.exchange.desk.marks.get(symbol)
        if mark is None or not rules.is_trading:
            return
        self.has_strangers = True
        self.seen["order of another engine"] += 1
        price = mark * Decimal("0.97") // rules.tick * rules.tick
        lots = max(1, int(Decimal(500) / mark / rules.step))
        self._hands.place(symbol, "BUY", lots * rules.step, now_ns, price, name=self._new_name())

    def _new_name(self) -> str:
        """Return what an engine calls its order that has never heard of ours."""
        self._others += 1
        return f"{ANOTHER_ENGINES}{self._others:08}"

    def _halt(self, name: InstrumentId, now_ns: int) -> None:
        if symbol_of(name) == self._upheavals.delisted:
            return
        if name in self._halted:
            self._halted.remove(name)
        else:
            self._halted.append(name)
        self.market.set_trading(name, now_ns, is_trading=name not in self._halted)

    def calm(self, now_ns: int) -> None:
        """Let nothing go wrong from now on."""
        self._calm_ns = now_ns
        self._upheavals.calm()
        faults = self._mix.trading
        self._mishaps.faults = msgspec.structs.replace(
            faults,
            rest=RestFaults(travel_mean_s=faults.rest.travel_mean_s),
            stream=StreamFaults(delay_mean_s=min(faults.stream.delay_mean_s, 0.2)),
        )
        for name in list(self._halted):
            self._halt(name, now_ns)
        for order in self.exchange.desk.open_orders():
            if order.client_order_id.startswith((HANDS, ANOTHER_ENGINES)):
                self._hands.cancel(order, now_ns)
        assert self._way is not None
        for line in list(self._way._lines):
            if line._last_ns > now_ns + STALL_NS:
                line.close(1006)
        self._wake()

    def trouble(self, host: EngineHost, *, is_reported: bool) -> str:
        """Return what is on its way, or what the engine does not know yet."""
        assert self._way is not None
        frames = sum(len(line._frames) for line in self._way._lines)
        if self.exchange._arrivals or frames:
            return "something is on its way"
        desk = host.state.desk
        working = desk.ledger.working()
        waits = [
            *(f"{one.client_order_id} is {one.state}" for one in working if not is_settled(one)),
            *(f"{name} is in doubt" for name in desk.venue_side.doubts),
            *self._faults(host),
        ]
        assert self._clock is not None
        agreed_ns = self._clock.true_ns(desk.venue_side.agreed_ns or 0)
        if is_reported and agreed_ns < self._calm_ns + REPORTED_NS:
            waits.append("no report has told yet of all that happened")
        return "; ".join(waits)

    def _faults(self, host: EngineHost) -> Iterator[str]:
        """Iterate over what forbids orders and may not last; a refused key does (R111)."""
        side = host.state.desk.venue_side
        if not self._upheavals.is_key_refused:
            yield from side.faults(host.state.ts_ns)
            return
        yield from (one for one in side.faults(host.state.ts_ns) if one != side.rights_fault)
        is_told = self._mix.lives == 1 and not any(
            exclusive_shares(self._mix.trading.rest).values()
        )
        if is_told and not side.rights_fault:
            yield "the key was refused, and the engine goes on"

    def wake_up(self, slept_s: int) -> None:
        """Note that the machine has slept: what came meanwhile is there, or the line is dead."""
        assert self._way is not None
        if slept_s >= LINE_S:
            for line in list(self._way._lines):
                line.close(1006)
        self._wake()

    def go_down(self, now_ns: int) -> None:
        """Note that the engine died."""
        self._down_ns = now_ns
        if self._transport is not None:
            self._transport.hang_up()
        self._transport = self._way = None

    def check_left(self, host: EngineHost) -> None:
        """Demand that an orderly end left what it was to leave, where nothing was in its way."""
        rest, stream = self._mix.trading.rest, self._mix.trading.stream
        delays = StreamFaults(delay_mean_s=stream.delay_mean_s, repeat_share=stream.repeat_share)
        is_free = stream == delays and not any(exclusive_shares(rest).values())
        is_killed = host.state.desk.trading_state == "killed"
        if is_free and not is_killed and not self._upheavals.is_key_refused:
            checks.what_stays_stays(self.exchange, host.state.desk)
            self.seen["orderly end without faults"] += 1

    def pass_time(self, now_ns: int) -> int:
        """Go on without an engine; others may act meanwhile, at any moment of it."""
        may_act = self._is_open(now_ns) and self._mix.meddling_share > DAILY_SHARE
        acts = self._chance.between(0, DARK_ACTS_MAX) if may_act else 0
        for number in range(acts):
            moment_ns = self._down_ns + (now_ns - self._down_ns) * (number + 1) // (acts + 1)
            self.market.advance(moment_ns)
            name = self._chance.pick(list(self.exchange.desk.rules))
            self._meddle(instrument_id(VENUE, name), moment_ns)
            self._turn_over(moment_ns)
        self.market.advance(now_ns)
        return acts

    # What the judge sees.

    @property
    def listen_key(self) -> str:
        """What opens the private stream now; empty where nothing does."""
        return self.exchange.streams._key

    def standing(self) -> Iterator[Standing]:
        """Iterate over what is there and what is on its way there."""
        for order in self.exchange.desk.open_orders():
            yield Standing(order.client_order_id, self._spec(order), self._lots(order))
        for algo in self.exchange.algos.open_algos():
            steps = self._steps(algo.symbol)
            lots = QtyLots(int(algo.qty / steps.lot_size))
            name = instrument_id(VENUE, algo.symbol)
            side: Side = "buy" if algo.side == "BUY" else "sell"
            spec = OrderSpec(name, side, "stop", lots, is_reduce_only=algo.is_reduce_only)
            yield Standing(algo.client_algo_id, spec, lots)
        yield from self._travelling()

    def _travelling(self) -> Iterator[Standing]:
        """Iterate over new orders that will be taken when they arrive."""
        for _, _, one in self.exchange._arrivals:
            frame = read_frame(one.request, VENUE, 0, lambda name: self._steps(symbol_of(name)))
            if frame is not None and frame.kind == "place" and frame.spec is not None:
                venue_ms = (self._now() + self.exchange.skew_ns) // NS_PER_MS
                if venue_ms <= lapses_ms(one.request):
                    yield Standing(frame.client_order_id, frame.spec, frame.spec.qty_lots, False)

    def nets(self) -> Mapping[InstrumentId, int]:
        """Return net positions in lots."""
        return {
            instrument_id(VENUE, one.symbol): int(one.qty / self._steps(one.symbol).lot_size)
            for one in self.exchange.account.positions()
        }

    def lags(self) -> bool:
        """Whether the engine may rightly know of fewer fills, or of other orders, than happened."""
        return self.has_strangers

    def check_sound(self, told: Told) -> None:
        """Demand what holds for every order that ever was there."""
        checks.exchange_is_sound(self.exchange, told)

    def look(self, host: EngineHost) -> None:
        """Demand what holds at every moment."""
        checks.books_agree(self.market, host.state)

    def check_report(self, event: AccountReported) -> None:
        """Demand that a report holds all that was there long enough for every replica."""
        lag_ns = int(self._mix.trading.rest.lag_s_max * NS_PER_S) + 1
        assert self._clock is not None
        asked_ns = self._clock.true_ns(event.asked_ns)
        oldest_ms = (asked_ns - lag_ns + self.exchange.skew_ns) // NS_PER_MS
        checks.report_is_whole(self.exchange, event, oldest_ms - SKEW_MS)

    def check_calm(self, host: EngineHost) -> None:
        """Demand that nothing had to be repaired (I10)."""
        checks.nothing_was_repaired(host.state)

    def check_agrees(self, ledger: Ledger, *, is_exact: bool) -> None:
        """Demand that orders, positions and money are the same on both sides."""
        assert self._gateway is not None
        if not self.allows_repairs:  # Else an answer that never comes is waited for.
            checks.nothing_hangs(self._gateway)
        checks.orders_agree(self, ledger)
        checks.money_agrees(self.exchange, ledger, is_exact=is_exact)

    def _spec(self, order: VenueOrder) -> OrderSpec:
        steps = self._steps(order.symbol)
        limit = int(order.price / steps.tick_size) or None
        return OrderSpec(
            instrument_id(VENUE, order.symbol),
            "buy" if order.side == "BUY" else "sell",
            "market" if limit is None else "limit",
            QtyLots(int(order.qty / steps.lot_size)),
            limit,  # type: ignore[arg-type]  # whole ticks
            is_reduce_only=order.is_reduce_only or order.is_close_all,
        )

    def _lots(self, order: VenueOrder) -> int:
        left = order.qty - order.executed
        return int(left / self._steps(order.symbol).lot_size)

    def _steps(self, symbol: str) -> Steps:
        rules = self.exchange.desk.rules[symbol]
        return Steps(rules.tick, rules.step, QUOTE)


def new_wire() -> BinanceTradeWire:
    """Return how the exchange is spoken to with the account's key."""
    return BinanceTradeWire(AT, Credentials(TEST_KEY, TEST_SECRET))


def is_settled(order: OrderRecord) -> bool:
    """Whether nothing is awaited for an order that works."""
    return order.state in ("open", "partial")


def steps_of(host: EngineHost) -> Callable[[InstrumentId], Steps]:
    """Return how the engine counts an instrument, in which an order of its is to be read."""

    def find(name: InstrumentId) -> Steps:
        steps = host.state.desk.ledger.steps(name)
        demand(steps is not None, "I3", f"an order in {name} left whose steps nobody told")
        assert steps is not None
        return steps

    return find
