"""What came of orders: their rows in the order book, their fills, and the positions that they left.

The forms are the same for the broker's account, the simulated exchange's and a paper account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import nan

from kit.model.order import OrderType, Product, Side, Validity, Variety

FINAL = frozenset({"complete", "cancelled", "rejected"})


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """The names of an order that was taken; what became of it stands in the order book.

    Parameters
    ----------
    order_id, unique_id : str
        The broker's two names of it.
    tag : str
        The request's.
    variety : {"NORMAL", "STOPLOSS", "AMO"}
        How it is handled.
    """

    order_id: str
    unique_id: str
    tag: str
    variety: Variety


@dataclass(frozen=True, slots=True)
class BookedOrder:
    """An order as the order book shows it.

    Parameters
    ----------
    order_id, unique_id : str
        The broker's two names of it.
    tag : str
        The request's; empty where it had none.
    exchange, token, symbol : str
        What is traded.
    side, order_type, product, validity, variety : str
        As in `OrderRequest`.
    quantity, filled, unfilled : int
        Units; of `unfilled` nothing more comes once the order is over.
    lot_size : int
        Units in one lot.
    price_inr, trigger_price_inr, average_price_inr : float
        Limit, trigger and mean price of the fills, rupees; NaN where there is none.
    status : str
        The broker's word: ``"open"``, ``"trigger pending"``, ``"complete"``, ``"cancelled"``, ``"rejected"``,
        ``"after market order req received"`` and others.
    reason : str
        The broker's own words, why it was rejected for instance; empty where there are none.
    placed_at, updated_at : datetime or None
        Asia/Kolkata; None where the book does not say.
    exchange_order_id : str
        Empty until the exchange has it.
    """

    order_id: str
    unique_id: str
    tag: str
    exchange: str
    token: str
    symbol: str
    side: Side
    order_type: OrderType
    product: Product
    validity: Validity
    variety: Variety
    quantity: int
    filled: int
    unfilled: int
    lot_size: int
    price_inr: float
    trigger_price_inr: float
    average_price_inr: float
    status: str
    reason: str = ""
    placed_at: datetime | None = None
    updated_at: datetime | None = None
    exchange_order_id: str = ""

    @property
    def is_final(self) -> bool:
        """Whether nothing more will come of it: complete, cancelled or rejected."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class OrderFill:
    """One execution of an order, a row of the trade book.

    Parameters
    ----------
    fill_id, order_id : str
        The execution's name, and its order's.
    exchange, symbol : str
        What was traded; the broker's trade book names no token.
    side, product : str
        As in `OrderRequest`.
    quantity : int
        Units.
    price_inr : float
        Rupees a unit.
    at : datetime
        Asia/Kolkata.
    """

    fill_id: str
    order_id: str
    exchange: str
    symbol: str
    side: Side
    product: Product
    quantity: int
    price_inr: float
    at: datetime

    @property
    def value_inr(self) -> float:
        """Rupees that changed hands."""
        return self.quantity * self.price_inr


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """What an account holds of one contract under one product, with today's closed rows still listed.

    Parameters
    ----------
    exchange, token, symbol, product : str
        What is held, and how.
    lot_size : int
        Units in one lot.
    bought, sold : int
        Units of today and carried over.
    buy_average_inr, sell_average_inr : float
        Mean prices, rupees; 0 where nothing was bought or sold.
    ltp_inr : float
        Last price, rupees; NaN where the broker does not say.
    realised_inr, unrealised_inr : float
        Profit of what is closed and of what is held, rupees; NaN where the broker does not say.
    """

    exchange: str
    token: str
    symbol: str
    product: Product
    lot_size: int
    bought: int
    sold: int
    buy_average_inr: float
    sell_average_inr: float
    ltp_inr: float = nan
    realised_inr: float = nan
    unrealised_inr: float = nan

    @property
    def net(self) -> int:
        """Units held: positive bought, negative sold, 0 closed."""
        return self.bought - self.sold

    @property
    def net_lots(self) -> float:
        """Lots held; a fraction where the lot has changed since."""
        return self.net / self.lot_size

    @property
    def pnl_inr(self) -> float:
        """Profit, closed and open, rupees; NaN where either is not known."""
        return self.realised_inr + self.unrealised_inr
