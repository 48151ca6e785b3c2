"""The trading side of the screen: what its keys and its command line ask of the engine.

It makes commands and takes their answers; limits and levels are the engine's, and what became of
an order is told by the views.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from cockpit.format import dollars_text
from cockpit.grammar import GrammarError, Plan, after_kill, complete, parse
from cockpit.grammar_context import Context, context_of
from cockpit.grammar_words import plain
from cockpit.panes.newest import Newest
from cockpit.panes.risk import is_armed
from cockpit.panes.ticket import REPEAT_NS, TWICE_NS, Ticket
from engine.model.commands import (
    ARM_S,
    Arm,
    ClosePosition,
    Disarm,
    EngageKill,
    OperatorCommand,
    SubmitOrder,
)
from engine.model.instrument import symbol_of
from engine.model.orders import Side
from engine.model.view import BookView, OrderRow, ParentRow, PositionRow, StrategyRow
from engine.port import Reply

QUICK: Final = tuple(Decimal(n) for n in (50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000))
"""Amounts of money that one press of an order key is worth."""
QUICK_FIRST: Final = 3


class Desk:
    """Makes commands from lines and keys.

    Args:
        newest: What the engine said last.
        send: Sends a command to the engine.
        command_ids: Hands out numbers for commands.
    """

    def __init__(
        self,
        newest: Newest,
        send: Callable[[OperatorCommand], None],
        command_ids: Callable[[], int],
    ) -> None:
        self.ticket = Ticket(command_ids)
        self._newest = newest
        self._send = send
        self._quick = QUICK_FIRST
        self._order_key_ns = -REPEAT_NS
        self._arm_asked_ns: int | None = None
        self._direct: dict[int, tuple[str, Plan]] = {}
        self._flattening: int | None = None
        """The command of a `kill flatten`, whose second half follows its answer."""
        self._cursor_ticks: int | None = None

    @property
    def quick_words(self) -> str:
        """The quick size, for the title of the book."""
        return dollars_text(float(QUICK[self._quick]))

    def context(self) -> Context:
        """Return what a line may refer to now."""
        newest = self._newest
        return context_of(
            newest.status,
            newest.header,
            newest.book,
            newest.positions,
            newest.orders,
            focused=newest.instrument_id,
            cursor_ticks=self._cursor_ticks,
            quick=QUICK[self._quick],
            book_seq=newest.book_seq,
        )

    def tick(self, now_ns: int, cursor_ticks: int | None) -> None:
        """Read the line again and ask the engine about it, if that is due."""
        self._cursor_ticks = cursor_ticks
        if self._arm_asked_ns is not None and now_ns - self._arm_asked_ns > TWICE_NS:
            self._arm_asked_ns = None
            self.ticket.said = ("", True)
        if not self.ticket.text.strip():
            return
        self.ticket.read(parse(self.ticket.text, self.context()))
        command = self.ticket.due(now_ns)
        if command is not None:
            self._send(command)

    def enter(self, now_ns: int) -> None:
        """Take Enter on the command line."""
        command = self.ticket.enter(now_ns)
        if command is None:
            return
        if after_kill(command.actions):  # The engine takes the kill alone, and at once.
            self._flattening = command.command_id
        self._send(command)

    def complete(self, line: str) -> tuple[str, tuple[str, ...]]:
        """Return a line with its last word completed, and what it could go on with."""
        return complete(line, self.context())

    def take(self, reply: Reply, now_ns: int) -> str:
        """Take in an answer; returns the line that now asks for a confirmation, if one does.

        The word that arms is asked for at once; anything else begins with reading the line.
        """
        line, made = self._direct.pop(reply.command_id, ("", None))
        self.ticket.take(reply, now_ns)
        outcome = reply.outcome
        if reply.command_id == self._flattening and reply.accepted:
            self.flatten()
        if made is None or outcome is None or outcome.verdict != "needs_confirmation":
            return ""
        if outcome.level == 3 and isinstance(made.actions[0], Arm):
            self.ticket.confront(line, made, outcome, now_ns)
        return line

    # Keys.

    def line_of_key(
        self, side: Side, now_ns: int, *, best_ticks: int | None, clock_ns: int
    ) -> str | None:
        """Send the order of a ladder key, or return the line that is to be shown instead.

        Sent at once when armed and when the price does not cross; None when nothing is to be shown.
        """
        if self._is_repeat(now_ns):
            return None
        if self._cursor_ticks is None:
            return f"{side} q {'bid' if side == 'buy' else 'ask'} post"
        cursor = self._cursor_ticks
        crosses = best_ticks is None or (
            cursor >= best_ticks if side == "buy" else cursor <= best_ticks
        )
        return self._do_or_propose(f"{side} q @ cursor post", clock_ns, is_safe=not crosses)

    def line_of_join(self, side: Side, now_ns: int, *, clock_ns: int) -> str | None:
        """Join the best price of a side with a post-only order, or return the line to be shown."""
        if self._is_repeat(now_ns):
            return None
        best = "bid" if side == "buy" else "ask"
        return self._do_or_propose(f"{side} q @ {best} post", clock_ns, is_safe=True)

    def line_of_move(
        self, orders: list[OrderRow], book: BookView, step: int, now_ns: int, *, clock_ns: int
    ) -> str | None:
        """Move the one order given by so many of the venue's steps, or return the line instead."""
        if self._is_repeat(now_ns):
            return None
        units = orders[0].price_units if len(orders) == 1 else None
        if units is None:
            self.ticket.said = (f"{len(orders)} own orders there: `<` and `>` move one", False)
            return None
        wanted = units + step * book.tick_ticks
        best = book.best_ask_ticks if orders[0].side == "buy" else book.best_bid_ticks
        crosses = best is None or (wanted >= best if orders[0].side == "buy" else wanted <= best)
        price = plain(Decimal(wanted).scaleb(-book.price_decimals))
        line = f"amend {orders[0].short_id} @ {price}"
        return self._do_or_propose(line, clock_ns, is_safe=not crosses)

    def _is_repeat(self, now_ns: int) -> bool:
        """Whether an order key comes too soon after one to be meant; it is counted."""
        is_held = now_ns - self._order_key_ns < REPEAT_NS
        self._order_key_ns = now_ns
        if is_held:
            self.ticket.dropped += 1
            self.ticket.said = (f"{self.ticket.dropped} repeats of a key dropped", True)
        return is_held

    def _do_or_propose(self, line: str, clock_ns: int, *, is_safe: bool) -> str | None:
        """Carry a line out where it is armed and safe, else return it to be shown."""
        made = parse(line, self.context())
        if isinstance(made, GrammarError):
            self.ticket.said = (made.sentence, False)
            return None
        if not is_safe or not is_armed(self._newest.risk, clock_ns):
            return made.normal
        self._do(made.normal, made)
        return None

    def cancel(self, orders: list[OrderRow]) -> None:
        """Cancel these orders at once."""
        if not orders:
            self.ticket.said = ("no own order there", False)
            return
        self._cancel_named(row.short_id for row in orders)

    def cancel_parent(self, row: ParentRow) -> None:
        """End a parent order and cancel what works of it, at once."""
        self._cancel_named([row.parent_id])

    def _cancel_named(self, names: Iterable[str]) -> None:
        line = "cancel " + " ".join(names)
        made = parse(line, self.context())
        if isinstance(made, Plan):
            self._do(line, made)
        else:
            self.ticket.said = (made.sentence, False)

    def pause(self, row: StrategyRow | None) -> str | None:
        """Pause a strategy at once, or return the line that would resume it."""
        if row is None:
            self.ticket.said = ("no strategy under the cursor: j and k move it", False)
            return None
        is_active = row.state == "active"
        made = parse(strategy_line("pause" if is_active else "resume", row), self.context())
        if isinstance(made, GrammarError):
            self.ticket.said = (made.sentence, False)
            return None
        if not is_active:
            return made.normal
        self._do(made.normal, made)
        return None

    def line_of_reverse(self, row: PositionRow) -> str | None:
        """Return the line that turns all that is held of an instrument round, if that is something.

        The venue nets: a close takes from every owner.
        """
        net = self.context().net(row.instrument_id)
        if not net:
            told = (
                f"{row.name}: the positions of its owners cancel out, nothing is there to reverse"
            )
            self.ticket.said = (told, False)
            return None
        side = "sell" if net > 0 else "buy"
        return f"close {row.name} 100% mkt; {side} {plain(abs(net))} {row.name} mkt"

    def step_quick(self, step: int) -> None:
        """Go to the next larger or smaller quick size."""
        self._quick = max(0, min(len(QUICK) - 1, self._quick + step))

    def ask_to_arm(self, now_ns: int, clock_ns: int) -> None:
        """Ask for `y`, live for the word that the engine names.

        Where it is armed already the time begins anew at once.
        """
        status = self._newest.status
        is_live = status is not None and status.mode == "live"
        if is_live or is_armed(self._newest.risk, clock_ns):
            self._arm()
            return
        self._arm_asked_ns = now_ns
        self.ticket.said = (f"arm for {ARM_S // 60} minutes? y: yes, any other key: no", True)

    def answer_yes(self, now_ns: int) -> None:
        """Arm, if that was asked."""
        if self._arm_asked_ns is None or now_ns - self._arm_asked_ns > TWICE_NS:
            return
        self._arm_asked_ns = None
        self._arm()

    def _arm(self) -> None:
        self._do("arm", Plan((Arm(ARM_S),), f"arm {ARM_S}s", ()))

    def forget_question(self, key: str) -> None:
        """Take any key but `y` for a no."""
        if self._arm_asked_ns is not None and key not in ("y", "a"):
            self._arm_asked_ns = None
            self.ticket.said = ("", True)

    def disarm(self) -> None:
        """Disarm at once."""
        self._arm_asked_ns = None
        self._do("disarm", Plan((Disarm(),), "disarm", ()))

    def kill(self) -> int:
        """Send the kill; returns the number of the command."""
        command = self.ticket.command(Plan((EngageKill(),), "kill", ()), "kill", confirm=1)
        self._send(command)
        return command.command_id

    def flatten(self) -> int:
        """Ask to close every position; returns the number of the command."""
        flat = Plan((ClosePosition(),), "close all 100% mkt", ())
        command = self.ticket.command(flat, "flatten all", confirm=2)
        self._direct[command.command_id] = ("flatten all", flat)
        self._send(command)
        return command.command_id

    def _do(self, line: str, made: Plan) -> None:
        """Carry out a line at once, as one Enter would; the engine may ask for more."""
        assert all(
            not isinstance(action, SubmitOrder) or action.is_post_only for action in made.actions
        )
        command = self.ticket.direct(line, made)
        self._direct[command.command_id] = (line, made)
        self._send(command)


def protect_line(row: PositionRow) -> str:
    """Return the line that the take-profit key proposes: one per cent either way."""
    profit, loss = ("+", "-") if row.side == "long" else ("-", "+")
    name = row.name
    return f"tp {name} entry{profit}1%; sl {name} entry{loss}1%"


def strategy_line(verb: str, row: StrategyRow) -> str:
    """Return the line that pauses or resumes a strategy; its owner's name is `NAME@SYMBOL`."""
    return f"strat {verb} {row.name.partition('@')[0]} {symbol_of(row.instrument_id)}"


def amend_line(row: OrderRow) -> str:
    """Return the line that the edit key proposes: the order as it is."""
    price = f" @ {row.price}" if row.price else ""
    return f"amend {row.short_id}{price} size {plain(Decimal(row.size))}"
