"""A random person at the keys: orders, cancels, amends, kills and releases, all from the seed.

What was asked for is remembered, so that the judge can say of every order whether a person asked
for just that.
"""

import asyncio
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final, NamedTuple

from engine.execution.ledger_orders import OrderRecord
from engine.kernel.desk import Desk
from engine.kernel.state import InstrumentState
from engine.model import commands as c
from engine.model.chance import Chance
from engine.model.effects import CommandResult
from engine.model.instrument import InstrumentId
from engine.model.orders import OrderType, Side, TimeInForce
from engine.runtime.host import EngineHost

NAME: Final = "operator:1"
STRATEGY: Final = "mean_reversion"


class Expected(NamedTuple):
    """What an order must look like: as asked, in the venue's steps, by a reckoning of its own."""

    instrument_id: InstrumentId
    side: Side
    lots: int
    limit_ticks: int | None
    """None for a market order, whose limit is the collar's affair."""
    tif: TimeInForce | None


class Asked(NamedTuple):
    """One command on its way."""

    command: c.OperatorCommand
    kills_before: int


class SimOperator:
    """Gives commands and hears what became of them; outlives engines, as people do."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._host: EngineHost | None = None
        self._number = 0
        self._waiting: dict[int, Asked] = {}
        self._unconfirmed: list[CommandResult] = []
        self.kills = 0
        self.expected: dict[str, Expected] = {}
        self.amended: dict[str, set[tuple[int | None, int | None]]] = {}
        """Limits and sizes that amends asked for, by order; None is as it was."""
        self.promised: list[str] = []
        """Lines that the engine said it had accepted, and that are durable therefore."""
        self.on_command: Callable[[c.OperatorCommand], None] = lambda command: None
        self.on_outcome: Callable[[Asked, c.CommandOutcome], None] = lambda asked, outcome: None

    def sit_down(self, host: EngineHost) -> None:
        """Begin with another engine; nobody answers what the last one was asked."""
        self._host = host
        self._waiting.clear()
        self._unconfirmed.clear()

    def stand_up(self) -> None:
        """The engine is gone."""
        self._host = None

    # What goes out.

    def act(self) -> None:
        """Do something, or several things at once."""
        if self._unconfirmed and self._chance.happens(0.7):
            self._confirm(self._unconfirmed.pop(0))
            return
        if self._chance.happens(0.4) and self._make_ready():
            return
        lost = [one for one in self._desk_orders().values() if one.state == "unknown"]
        if lost and self._chance.happens(0.5):
            spec = self._chance.pick(lost).spec
            self._order_much(spec.instrument_id, spec.side)
            return
        draw = self._chance.below(100)
        if draw < 15:
            self._order_much(self._chance.pick(self._ids()), self._pick_side())
        elif draw < 20:
            self._kill_amid()
        elif draw < 23:
            self._send(self._order(), self._order())
        elif draw < 27:
            command = self._send(self._order())
            self._give(command)  # A line repeated, under its own number.
        elif draw < 30:
            self._send(self._some_action(), is_dry=True)
        else:
            self._send(self._some_action())

    def _make_ready(self) -> bool:
        """Undo what keeps orders from leaving; returns whether there was anything."""
        assert self._host is not None
        desk = self._desk()
        if desk.trading_state == "killed":
            if desk.ledger.held() and self._chance.happens(0.5):
                self._send(c.ClosePosition(), confirm=2)
            self._send(c.ReleaseKill("it is over"), confirm=3, word=desk.setup.account)
        elif desk.trading_state != "active":
            ways_up: tuple[c.Action, ...] = (c.Resume(), c.Accept("restart"))
            self._send(self._chance.pick(ways_up), confirm=3, word="all")
        elif not desk.is_armed(self._host.state.ts_ns):
            self._send(c.Arm(900), confirm=1)
        else:
            return False
        return True

    def _order_much(self, name: InstrumentId, side: Side) -> None:
        """Send orders of which a few are too much, faster than a disk writes."""
        for _ in range(self._chance.between(2, 5)):
            self._send(self._big_order(name, side), confirm=2)

    def _kill_amid(self) -> None:
        """Kill when orders are on their way, perhaps with a release and an order behind."""
        for _ in range(self._chance.between(1, 3)):
            self._send(self._order(), confirm=2)
        delay_s = self._chance.exponential(self._chance.pick((0.0001, 0.001, 0.01)))
        if self._chance.happens(0.8):
            asyncio.get_running_loop().call_later(delay_s, self.kill, "amid orders")
            return
        self.kill("amid orders")
        if self._chance.happens(0.5):
            self._send(c.ReleaseKill("a mistake"), confirm=3, word="paper")
            self._send(self._order(), confirm=2)

    def start_strategy(self, instrument_id: InstrumentId) -> None:
        """Have the strategy run, whether it does or not."""
        self._send(c.StartStrategy(STRATEGY, instrument_id, 60), confirm=1)

    def close_half(self) -> None:
        """Close half of everything by hand."""
        self._send(c.ClosePosition(share=Decimal("0.5")), confirm=3)

    def calm_down(self) -> None:
        """Cancel everything: the end of a run."""
        self._send(c.CancelAll(with_stops=True, with_external=True), confirm=3)

    def kill(self, reason: str) -> None:
        """Kill, now, if anybody is there to hear it."""
        if self._host is not None:
            self._send(c.EngageKill(reason), confirm=0)

    def _some_action(self) -> c.Action:
        draw = self._chance.below(100)
        if draw < 45:
            return self._order()
        if draw < 57:
            return c.CancelOrders(self._some_orders(2))
        if draw < 68:
            return self._amend()
        if draw < 72:
            side: Side | None = self._chance.pick(("buy", "sell", None))
            return c.CancelAll(self._pick_id(), side, with_stops=self._chance.happens(0.3))
        if draw < 79:
            share = self._chance.pick((Decimal(1), Decimal("0.5"), Decimal("0.33")))
            return c.ClosePosition(self._pick_id(), share)
        return self._act_of_desk(draw)

    def _act_of_desk(self, draw: int) -> c.Action:
        instrument_id = self._chance.pick(self._ids())
        acts: tuple[tuple[int, c.Action], ...] = (
            (82, c.Arm(self._chance.pick((1, 5, 900)))),
            (83, c.Disarm()),
            (86, c.EngageKill("a bad moment")),
            (95, c.ReleaseKill("it is over")),
            (96, c.SetReduceOnly()),
            (98, c.Resume()),
            (100, c.StartStrategy(STRATEGY, instrument_id, 60)),
        )
        return next(act for below, act in acts if draw < below)

    def _confirm(self, result: CommandResult) -> None:
        asked = self._waiting[result.command_id]
        self._send(*asked.command.actions, confirm=result.outcome.level, word=result.outcome.word)

    def _send(
        self,
        *actions: c.Action,
        confirm: c.ConfirmLevel | None = None,
        word: str = "",
        is_dry: bool = False,
    ) -> c.OperatorCommand:
        self._number += 1
        level: c.ConfirmLevel = self._chance.pick((0, 2, 3)) if confirm is None else confirm
        line = f"{self._number}: {actions[0].__class__.__name__}"
        command = c.OperatorCommand(self._number, NAME, line, actions, level, word, is_dry)
        self._give(command)
        return command

    def _give(self, command: c.OperatorCommand) -> None:
        assert self._host is not None
        self.on_command(command)
        self._waiting[command.command_id] = Asked(command, self.kills)
        if not command.is_dry and any(isinstance(one, c.EngageKill) for one in command.actions):
            self.kills += 1
        for action in command.actions:
            if isinstance(action, c.AmendOrder):
                self._expect_amend(action)
        self._host.command(NAME, command)

    # What comes back.

    def hear(self, result: CommandResult) -> None:
        """Take in what became of a command."""
        asked = self._waiting.get(result.command_id)
        if asked is None or asked.command.is_dry:
            return
        outcome = result.outcome
        self.on_outcome(asked, outcome)
        if outcome.verdict == "needs_confirmation":
            self._unconfirmed.append(result)
        if outcome.verdict != "accepted":
            return
        if not any("not in the journal yet" in sentence for sentence in outcome.sentences):
            self.promised.append(asked.command.line)
        orders = [one for one in asked.command.actions if isinstance(one, c.SubmitOrder)]
        if len(orders) == len(outcome.client_order_ids):
            for client_order_id, order in zip(outcome.client_order_ids, orders, strict=True):
                self.expected[client_order_id] = self._expect(order)

    def _expect(self, order: c.SubmitOrder) -> Expected:
        instrument = self._market(order.instrument_id).instrument
        assert instrument.lot_size is not None
        lots = int((order.size / instrument.lot_size).to_integral_value(ROUND_FLOOR))
        limit = self._limit(order.instrument_id, order.side, order.price)
        tif = None if order.type == "market" else order.tif
        return Expected(order.instrument_id, order.side, lots, limit, tif)

    def _limit(self, instrument_id: InstrumentId, side: Side, price: Decimal | None) -> int | None:
        if price is None:
            return None
        steps = self._desk().ledger.steps(instrument_id)  # The venue's may be newer by now.
        assert steps is not None
        tick = steps.tick_size
        to_the_safe_side = ROUND_FLOOR if side == "buy" else ROUND_CEILING
        return int((price / tick).to_integral_value(to_the_safe_side))

    def _expect_amend(self, action: c.AmendOrder) -> None:
        order = self._desk_orders().get(action.client_order_id)
        if order is None:
            return
        spec = order.spec
        lot = self._market(spec.instrument_id).instrument.lot_size
        assert lot is not None
        lots = None
        if action.size is not None:
            lots = int((action.size / lot).to_integral_value(ROUND_FLOOR))
        limit = self._limit(spec.instrument_id, spec.side, action.price)
        self.amended.setdefault(action.client_order_id, set()).add((limit, lots))

    # What there is to choose from.

    def _order(self) -> c.SubmitOrder:
        chance = self._chance
        name = chance.pick(self._ids())
        side = self._pick_side()
        size = self._size(name, Decimal(chance.pick(("50", "500", "3000", "9000"))))
        draw = chance.below(100)
        if draw < 25:
            return c.SubmitOrder(name, side, "market", size, is_reduce_only=chance.happens(0.2))
        if draw < 35:
            return self._protection(name, side, size)
        price = self._price(name, side)
        is_post_only = chance.happens(0.2)
        if is_post_only and chance.happens(0.7):  # So near that the market may be there first.
            price = self._mid(name)
        tif: TimeInForce = "gtc" if is_post_only else chance.pick(("gtc", "gtc", "ioc", "fok"))
        is_reduce_only = chance.happens(0.15)
        return c.SubmitOrder(
            name,
            side,
            "limit",
            size,
            price,
            tif=tif,
            is_post_only=is_post_only,
            is_reduce_only=is_reduce_only,
        )

    def _protection(self, name: InstrumentId, side: Side, size: Decimal) -> c.SubmitOrder:
        """Protect what is held, if anything is; near enough to be reached."""
        net = self._desk().ledger.net_lots(name)
        lot = self._market(name).instrument.lot_size
        assert lot is not None
        if net:
            side, size = ("sell" if net > 0 else "buy"), abs(net) * lot
        kind: OrderType = self._chance.pick(("stop", "stop", "take_profit"))
        away = Decimal(self._chance.pick((0, 0, 1, 8))) / 10_000
        is_above = (side == "buy") == (kind == "stop")
        trigger = self._mid(name) * (1 + away if is_above else 1 - away)
        return c.SubmitOrder(
            name,
            side,
            kind,
            size,
            trigger=trigger.quantize(Decimal("0.001")),
            is_reduce_only=True,
            is_protective=True,
        )

    def _big_order(self, name: InstrumentId, side: Side) -> c.SubmitOrder:
        """Of a size of which three or four are allowed."""
        worth = Decimal(self._chance.between(11_000, 18_000))
        far = Decimal(self._chance.between(100, 300)) / 10_000
        price = self._mid(name) * (1 - far if side == "buy" else 1 + far)
        size = self._size(name, worth)
        return c.SubmitOrder(name, side, "limit", size, price.quantize(Decimal("0.01")))

    def _amend(self) -> c.Action:
        orders = self._some_orders(1)
        order = self._desk_orders().get(orders[0]) if orders else None
        if order is None or order.spec.limit_ticks is None:
            return self._order()
        name = order.spec.instrument_id
        price = size = None
        if self._chance.happens(0.6):
            price = self._price(name, order.spec.side)
        if price is None or self._chance.happens(0.5):
            size = self._size(name, Decimal(self._chance.pick(("400", "2000", "8000"))))
        return c.AmendOrder(order.client_order_id, price, size)

    def _size(self, name: InstrumentId, worth: Decimal) -> Decimal:
        """Return a size of about this worth, of whole lots or with some dust."""
        lot = self._market(name).instrument.lot_size
        assert lot is not None
        lots = max(1, int(worth / self._mid(name) / lot))
        lots = self._chance.between(max(1, lots // 2), lots)
        dust = lot * self._chance.below(100) / 100 if self._chance.happens(0.3) else Decimal(0)
        return lot * lots + dust

    def _price(self, name: InstrumentId, side: Side) -> Decimal:
        """Return a price behind the market, in it, or through it."""
        away = Decimal(self._chance.between(-8, 30)) / 10_000
        if self._chance.happens(0.3):
            away = Decimal(self._chance.between(100, 900)) / 10_000
        price = self._mid(name) * (1 - away if side == "buy" else 1 + away)
        tick = self._market(name).instrument.tick_size
        assert tick is not None
        ticks = int(price / tick)
        return ticks * tick + (tick / 3 if self._chance.happens(0.3) else Decimal(0))

    def _mid(self, name: InstrumentId) -> Decimal:
        market = self._market(name)
        bid, ask = market.book.best_bid, market.book.best_ask
        ticks = market.last_ticks or 1
        if bid is not None and ask is not None:
            ticks = (bid[0] + ask[0]) // 2
        return Decimal(ticks).scaleb(-market.price_decimals)

    def _some_orders(self, most: int) -> tuple[str, ...]:
        known = self._desk_orders()
        working = [key for key, order in known.items() if not order.is_final]
        names: Sequence[str] = working or list(known)
        if not names:
            return ()
        return tuple(self._chance.pick(names) for _ in range(self._chance.between(1, most)))

    def _pick_side(self) -> Side:
        return self._chance.pick(("buy", "sell"))

    def _pick_id(self) -> InstrumentId:
        return self._chance.pick((*self._ids(), InstrumentId("")))

    def _ids(self) -> Sequence[InstrumentId]:
        assert self._host is not None
        return list(self._host.state.instruments)

    def _market(self, name: InstrumentId) -> InstrumentState:
        assert self._host is not None
        return self._host.state.instruments[name]

    def _desk_orders(self) -> dict[str, OrderRecord]:
        return self._desk().ledger.orders

    def _desk(self) -> Desk:
        assert self._host is not None
        return self._host.state.desk
