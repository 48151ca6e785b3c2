"""Which handlers an event passes, and in which order: the whole control flow on one page.

Within one step: market state first, then detection. Handlers run to the end, wait for nothing and
raise nothing foreseeable; what they want done outside they append to the effects.
"""

from collections.abc import Callable
from typing import Any, Final

from engine.kernel import (
    account,
    alarms,
    brackets,
    cancels,
    closing,
    day_end,
    dead_man,
    ending,
    evidence,
    feeds,
    freshness,
    killing,
    market,
    missed_trades,
    near_limits,
    operator,
    order_news,
    pace,
    parents,
    protection,
    reconcile,
    rejections,
    restart,
    screens,
    second_source,
    sights,
    strategies,
    trails,
    watching,
    whales,
)
from engine.kernel.state import KernelState
from engine.model import account as a
from engine.model import commands as c
from engine.model import envelope as e
from engine.model import market as m
from engine.model.effects import Effect

Handler = Callable[[KernelState, e.Envelope, Any, list[Effect]], None]
"""State, envelope, its event, effects. `Any`: each handler names its own event type."""

ROUTES: Final[dict[type[object], tuple[Handler, ...]]] = {
    # the market
    m.BookDelta: (feeds.note_data, market.on_delta, whales.on_book),
    m.BookSnapshot: (feeds.note_data, market.on_snapshot),
    m.Trade: (feeds.note_data, market.on_trade, missed_trades.on_trade, whales.on_trade),
    m.BestQuote: (feeds.note_data, market.on_quote),
    m.MarkPrice: (feeds.note_data, market.on_mark_price),
    m.Candle: (feeds.note_data, market.on_candle),
    # what is known about instruments
    m.InstrumentUpdated: (market.on_instrument, account.on_instrument, restart.on_instrument),
    m.ScalesWidened: (market.on_scales,),
    # connections
    m.FeedUp: (feeds.on_up, missed_trades.on_up),
    m.FeedDown: (feeds.on_down, market.on_feed_down, missed_trades.on_down),
    m.FrameRefused: (feeds.on_refused,),
    m.StreamSilent: (feeds.on_silent,),
    m.SubscriptionRefused: (watching.on_refused,),
    m.ClockMeasured: (feeds.on_clock,),
    # what was asked for, because a stream may be wrong or was gone
    m.SecondQuote: (second_source.on_quote,),
    m.TradesFetched: (missed_trades.on_fetched,),
    m.TradesMissed: (missed_trades.on_missed,),
    # our orders, and those who give them
    c.OperatorCommand: (operator.on_command,),
    e.ScreenJoined: (screens.on_joined,),
    e.ScreenLeft: (screens.on_left,),
    # the engine itself
    e.LoopLagged: (pace.on_lag,),
    e.PartFailed: (pace.on_part_failed,),
    e.DiskSeen: (pace.on_disk,),
    e.WallClockMoved: (pace.on_wall_clock,),
    # what a gateway tells of single orders; the same follows from answers
    **order_news.ORDER_ROUTES,
    # what a venue says of the account, by its stream and when it is asked
    a.OrderAnswered: (evidence.on_answered, sights.on_answered),
    a.QueryFailed: (evidence.on_failed,),
    a.AccountReported: (killing.on_reported, reconcile.on_reported, sights.on_reported),
    a.ReportFailed: (reconcile.on_report_failed,),
    a.PrivateUp: (reconcile.on_private_up,),
    a.PrivateDown: (reconcile.on_private_down,),
    a.RateUsed: (reconcile.on_rate,),
    a.RightsSeen: (reconcile.on_rights,),
    a.MarginChanged: (reconcile.on_margin,),
    a.CashSeen: (reconcile.on_cash,),
    a.DeadManSet: (dead_man.on_set,),
    a.DeadManFailed: (dead_man.on_failed,),
    e.StorageDegraded: (account.on_storage,),
    e.StorageRestored: (account.on_storage,),
    # time and the run itself
    e.TimerFired: (
        market.on_timer,
        missed_trades.on_timer,
        second_source.on_timer,
        account.on_timer,
        killing.on_timer,
        sights.on_timer,
        evidence.on_timer,
        reconcile.on_timer,
        day_end.on_timer,
        rejections.on_timer,
        near_limits.on_timer,
        cancels.on_timer,
        closing.on_timer,
        strategies.on_timer,
        protection.on_timer,
        alarms.on_timer,
        screens.on_timer,
        trails.on_timer,
        brackets.on_timer,
        parents.on_timer,
        dead_man.on_timer,
        freshness.on_timer,
    ),
    e.RunEnding: (ending.on_run_ending,),
    e.RunStarted: (
        feeds.on_run_started,
        market.on_run_started,
        second_source.on_run_started,
        alarms.on_run_started,
        reconcile.on_run_started,
        screens.on_run_started,
        restart.on_run_started,
        account.on_run_started,
    ),
}
