"""Shapes of Binance's USD-M trading answers and private events; field names are the venue's.

Unknown fields are ignored. A field without a default must be there: without it nothing is proven.
"""

from typing import Annotated, Literal

import msgspec

Ms = Annotated[int, msgspec.Meta(ge=0, le=2**43)]
"""Milliseconds since 1970, to the year 2248."""

Number = Annotated[int, msgspec.Meta(ge=1, le=2**62)]
"""Of an order, a trade or a movement."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Text = Annotated[str, msgspec.Meta(max_length=64)]

Side = Literal["BUY", "SELL"]
OrderKind = Name
"""Orders made elsewhere may be of any kind."""
AnyStatus = Name
"""In what was asked for: one that nobody has described makes one order unclear, and no more."""
OrderStatus = Literal[
    "NEW",
    "PARTIALLY_FILLED",
    "FILLED",
    "CANCELED",
    "EXPIRED",
    "EXPIRED_IN_MATCH",
    "REJECTED",
]
AlgoStatus = Literal[
    "NEW", "TRIGGERING", "TRIGGERED", "FINISHED", "CANCELED", "EXPIRED", "REJECTED"
]
Execution = Literal[
    "NEW",
    "TRADE",
    "CANCELED",
    "EXPIRED",
    "CALCULATED",
    "AMENDMENT",
    "TRADE_PREVENTION",
    "REJECTED",
]


class Failure(msgspec.Struct, gc=False):
    """Body of an error."""

    code: int
    msg: str = ""


class OrderAnswer(msgspec.Struct, gc=False):
    """Answer to place, amend, cancel and query, and a row of openOrders."""

    symbol: Name
    orderId: Number  # noqa: N815 - the venue's name
    clientOrderId: Name  # noqa: N815
    status: AnyStatus
    side: Side
    type: OrderKind
    origQty: str  # noqa: N815
    executedQty: str  # noqa: N815
    price: str = "0"
    stopPrice: str = ""  # noqa: N815
    reduceOnly: bool = False  # noqa: N815
    updateTime: Ms = 0  # noqa: N815


class AlgoAnswer(msgspec.Struct, gc=False):
    """Answer to place and query of a conditional order, and a row of openAlgoOrders."""

    algoId: Number  # noqa: N815 - the venue's name
    clientAlgoId: Name  # noqa: N815
    symbol: Name
    side: Side
    orderType: OrderKind  # noqa: N815
    algoStatus: AnyStatus  # noqa: N815
    quantity: str = ""
    price: str = ""
    triggerPrice: str = ""  # noqa: N815
    reduceOnly: bool = False  # noqa: N815
    closePosition: bool = False  # noqa: N815
    actualOrderId: str | int | None = None  # noqa: N815
    """Empty or zero before it is triggered."""
    updateTime: Ms = 0  # noqa: N815


class AlgoCanceled(msgspec.Struct, gc=False):
    """Answer to the cancel of a conditional order; the code is sent as text."""

    algoId: Number  # noqa: N815 - the venue's name
    clientAlgoId: Name  # noqa: N815
    code: str | int


class Done(msgspec.Struct, gc=False):
    """Answer to the cancel of all orders."""

    code: Literal[200]


class Countdown(msgspec.Struct, gc=False):
    """Answer to the dead-man timer."""

    symbol: Name
    countdownTime: str | int  # noqa: N815 - the venue's name


class TradeRow(msgspec.Struct, gc=False):
    """One row of userTrades."""

    symbol: Name
    id: Number
    orderId: Number  # noqa: N815 - the venue's name
    side: Side
    price: str
    qty: str
    commission: str
    commissionAsset: Text  # noqa: N815
    time: Ms
    maker: bool


class PositionRow(msgspec.Struct, gc=False):
    """One row of positionRisk, version 3: only what is held, or has orders."""

    symbol: Name
    positionSide: str  # noqa: N815 - the venue's name
    positionAmt: str  # noqa: N815
    entryPrice: str  # noqa: N815
    markPrice: str = ""  # noqa: N815
    liquidationPrice: str = ""  # noqa: N815
    updateTime: Ms = 0  # noqa: N815


class BalanceRow(msgspec.Struct, gc=False):
    """One row of balance, version 3."""

    asset: Name
    balance: str
    crossWalletBalance: str = ""  # noqa: N815 - the venue's name
    crossUnPnl: str = ""  # noqa: N815
    availableBalance: str = ""  # noqa: N815
    updateTime: Ms = 0  # noqa: N815


class IncomeRow(msgspec.Struct, gc=False):
    """One row of income."""

    incomeType: Name  # noqa: N815 - the venue's name
    income: str
    asset: Name
    time: Ms
    tranId: int | Annotated[str, msgspec.Meta(max_length=64)]  # noqa: N815
    symbol: Text | None = ""


class Restrictions(msgspec.Struct, gc=False):
    """Answer of apiRestrictions."""

    enableFutures: bool  # noqa: N815 - the venue's name
    enableWithdrawals: bool  # noqa: N815
    enableInternalTransfer: bool  # noqa: N815
    permitsUniversalTransfer: bool  # noqa: N815


class ListenKey(msgspec.Struct, gc=False):
    """Answer to the opening of the private stream."""

    listenKey: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{16,256}\\Z")]  # noqa: N815


class StreamHead(msgspec.Struct, gc=False):
    """What every private event begins with."""

    e: Name


class StreamOrder(msgspec.Struct, gc=False):
    """The order inside ORDER_TRADE_UPDATE; `N` and `n` are left out where there is no fee."""

    s: Name
    c: Name
    S: Side
    o: OrderKind
    q: str
    p: str
    x: Execution
    X: OrderStatus
    i: Number
    l: str  # noqa: E741 - the venue's name
    z: str
    L: str
    T: Ms
    sp: str = ""
    t: Annotated[int, msgspec.Meta(ge=-1, le=2**62)] = 0
    n: str = "0"
    N: Text | None = ""
    m: bool = False
    R: bool = False
    er: str | int = ""


class OrderTradeUpdate(msgspec.Struct, gc=False):
    """ORDER_TRADE_UPDATE."""

    T: Ms
    o: StreamOrder


class StreamAlgo(msgspec.Struct, gc=False):
    """The conditional order inside ALGO_UPDATE; `ai` is what it became when it was triggered."""

    caid: Name
    aid: Number
    s: Name
    S: Side
    o: OrderKind
    X: AlgoStatus
    q: str = ""
    p: str = ""
    tp: str = ""
    ai: str | int | None = None
    R: bool = False
    rm: str = ""


class AlgoUpdate(msgspec.Struct, gc=False):
    """ALGO_UPDATE."""

    T: Ms
    o: StreamAlgo
