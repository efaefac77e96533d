"""One message of a market stream in rupees and units, whoever sent it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import nan
from typing import Literal, NamedTuple, Self

from kit.clock import IST

StreamMode = Literal["LTP", "QUOTE", "SNAPQUOTE", "DEPTH"]
_EPOCH = datetime(1970, 1, 1, 5, 30, tzinfo=IST)


class DepthLevel(NamedTuple):
    """What waits at one price.

    Parameters
    ----------
    price : float
        Rupees.
    quantity : float
        Units.
    orders : int
        How many orders they are.
    """

    price: float
    quantity: float
    orders: int


@dataclass(frozen=True, slots=True)
class Tick:
    """One message of a market stream; what its mode does not carry is NaN or empty.

    Parameters
    ----------
    mode : {"LTP", "QUOTE", "SNAPQUOTE", "DEPTH"}
        What was subscribed.
    exchange, token : str
        For instance ``"NFO"`` and the broker's token.
    sequence : int
        The exchange's number of the message; 0 for an index and in depth.
    at_ms : int
        The exchange's time, epoch milliseconds.
    ltp : float
        Last traded price, rupees; NaN where nothing has traded, and in depth.
    last_qty, volume, buy_qty, sell_qty, oi : float
        Units: of the last trade, of the day, waiting to buy and to sell, open interest.
    average, open, high, low, previous_close : float
        Rupees, of the day.
    traded_at_ms : int
        When it last traded, epoch milliseconds; 0 where the mode does not say.
    lower_limit, upper_limit, low_52w, high_52w : float
        Rupees; NaN where there is none.
    bids, asks : tuple of DepthLevel
        Best first; prices at which nobody quotes are left out.
    symbol : str
        Trading symbol, where whoever subscribed said it.
    """

    mode: StreamMode
    exchange: str
    token: str
    sequence: int
    at_ms: int
    ltp: float
    last_qty: float = nan
    average: float = nan
    volume: float = nan
    buy_qty: float = nan
    sell_qty: float = nan
    open: float = nan
    high: float = nan
    low: float = nan
    previous_close: float = nan
    traded_at_ms: int = 0
    oi: float = nan
    bids: tuple[DepthLevel, ...] = ()
    asks: tuple[DepthLevel, ...] = ()
    upper_limit: float = nan
    lower_limit: float = nan
    high_52w: float = nan
    low_52w: float = nan
    symbol: str = ""

    @property
    def at(self) -> datetime:
        """The exchange's time, in Asia/Kolkata."""
        return _EPOCH + timedelta(milliseconds=self.at_ms)

    @property
    def bid(self) -> float:
        """The best bid, rupees; NaN where nobody bids."""
        return self.bids[0].price if self.bids else nan

    @property
    def ask(self) -> float:
        """The best ask, rupees; NaN where nobody asks."""
        return self.asks[0].price if self.asks else nan

    def named(self, symbol: str) -> Self:
        """Return the same tick with its trading symbol."""
        return replace(self, symbol=symbol)
