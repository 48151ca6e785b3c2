"""Frames of Binance's private stream, as it documents them."""

from decimal import Decimal

import msgspec

from engine.fake.trading.answers import money_text, plain_text
from engine.fake.trading.records import AlgoOrder, Position, VenueOrder, VenueTrade


def order_frame(
    order: VenueOrder, execution: str, ms: int, trade: VenueTrade | None = None
) -> bytes:
    """Return an ORDER_TRADE_UPDATE.

    Args:
        order: As it is after what happened.
        execution: What happened: NEW, TRADE, CANCELED, EXPIRED, AMENDMENT or CALCULATED.
        ms: The venue's time.
        trade: The fill, if it is one.
    """
    body: dict[str, object] = {
        "s": order.symbol,
        "c": order.client_order_id,
        "S": order.side,
        "o": order.type,
        "f": order.tif,
        "q": plain_text(order.qty),
        "p": plain_text(order.price),
        "ap": money_text(order.average_price),
        "sp": plain_text(order.trigger_price),
        "x": execution,
        "X": order.status,
        "i": order.order_id,
        "l": plain_text(trade.qty) if trade else "0",
        "z": plain_text(order.executed),
        "L": plain_text(trade.price) if trade else "0",
        "T": ms,
        "t": trade.trade_id if trade else 0,
        "b": "0",
        "a": "0",
        "m": trade.is_maker if trade else False,
        "R": order.is_reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": order.original_type or order.type,
        "ps": "BOTH",
        "cp": order.is_close_all,
        "rp": money_text(trade.realized) if trade else "0",
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": "EXPIRE_MAKER",
        "pm": "NONE",
        "gtd": order.good_till_ms,
        "er": order.expiry_reason,
    }
    if trade is not None and trade.fee:
        body["N"], body["n"] = trade.asset, money_text(trade.fee)
    return _frame({"e": "ORDER_TRADE_UPDATE", "E": ms, "T": ms, "o": body})


def trade_lite_frame(order: VenueOrder, trade: VenueTrade, ms: int) -> bytes:
    """Return a TRADE_LITE: the same fill, told first and with less."""
    return _frame(
        {
            "e": "TRADE_LITE",
            "E": ms,
            "T": ms,
            "s": order.symbol,
            "q": plain_text(order.qty),
            "p": plain_text(order.price),
            "m": trade.is_maker,
            "c": order.client_order_id,
            "S": order.side,
            "L": plain_text(trade.price),
            "l": plain_text(trade.qty),
            "t": trade.trade_id,
            "i": order.order_id,
        }
    )


def account_frame(
    reason: str, asset: str, cash: Decimal, change: Decimal, position: Position | None, ms: int
) -> bytes:
    """Return an ACCOUNT_UPDATE with what changed.

    Args:
        reason: ORDER, FUNDING_FEE, DEPOSIT, WITHDRAW and so on.
        asset: The currency.
        cash: All of it, afterwards.
        change: By how much it changed, without profit and fee of trades.
        position: The one that changed, if one did.
        ms: The venue's time.
    """
    balance = {
        "a": asset,
        "wb": money_text(cash),
        "cw": money_text(cash),
        "bc": money_text(change),
    }
    changed = [] if position is None else [_position(position)]
    body = {"m": reason, "B": [balance], "P": changed}
    return _frame({"e": "ACCOUNT_UPDATE", "E": ms, "T": ms, "a": body})


def config_frame(symbol: str, leverage: int, ms: int) -> bytes:
    """Return an ACCOUNT_CONFIG_UPDATE: a symbol has another leverage."""
    return _frame(
        {"e": "ACCOUNT_CONFIG_UPDATE", "E": ms, "T": ms, "ac": {"s": symbol, "l": leverage}}
    )


def algo_frame(algo: AlgoOrder, ms: int) -> bytes:
    """Return an ALGO_UPDATE."""
    body = {
        "caid": algo.client_algo_id,
        "aid": algo.algo_id,
        "at": "CONDITIONAL",
        "o": algo.type,
        "s": algo.symbol,
        "S": algo.side,
        "ps": "BOTH",
        "f": algo.tif,
        "q": plain_text(algo.qty),
        "X": algo.status,
        "ai": str(algo.actual_order_id) if algo.actual_order_id else "",
        "ap": money_text(algo.average_price),
        "aq": plain_text(algo.executed),
        "act": "0",
        "tp": plain_text(algo.trigger_price),
        "p": plain_text(algo.price),
        "V": "EXPIRE_MAKER",
        "wt": algo.working_type,
        "pm": "NONE",
        "cp": algo.is_close_all,
        "pP": False,
        "R": algo.is_reduce_only,
        "tt": algo.triggered_ms,
        "gtd": 0,
        "rm": algo.reason,
        "ia": algo.extreme > 0 or not algo.callback_rate,
    }
    return _frame({"e": "ALGO_UPDATE", "T": ms, "E": ms, "o": body})


def expired_frame(listen_key: str, ms: int) -> bytes:
    """Return the last frame of a stream whose listenKey is over."""
    return _frame({"e": "listenKeyExpired", "E": ms, "listenKey": listen_key})


def _position(position: Position) -> dict[str, object]:
    return {
        "s": position.symbol,
        "pa": plain_text(position.qty),
        "ep": money_text(position.entry_price),
        "bep": money_text(position.entry_price),
        "cr": "0",
        "up": "0",
        "mt": "cross",
        "iw": "0",
        "ps": "BOTH",
    }


def _frame(tree: dict[str, object]) -> bytes:
    return msgspec.json.encode(tree)
