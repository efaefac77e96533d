"""An order as the exchange holds it, and what of it was executed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from kit.simulator.contracts import ListedContract

OPEN, PENDING, AMO = "open", "trigger pending", "after market order req received"
COMPLETE, CANCELLED, REJECTED = "complete", "cancelled", "rejected"


class Execution(NamedTuple):
    """So many units of an order at a price.

    Parameters
    ----------
    order : ExchangeOrder
        Whose.
    at_s : int
        Epoch seconds.
    quantity : int
        Units.
    price : float
        Rupees.
    """

    order: ExchangeOrder
    at_s: int
    quantity: int
    price: float


@dataclass(eq=False, slots=True)
class ExchangeOrder:
    """One order; its status, fills and place in the queue change.

    Parameters
    ----------
    number : str
        The broker's order id.
    contract : ListedContract
        What is traded.
    side, kind, product, duration, variety : str
        The broker's words; `kind` is its ``ordertype``.
    quantity : int
        Units.
    price, trigger : float
        Rupees; 0 where there is none.
    tag : str
        The caller's.
    placed : datetime
        Asia/Kolkata.
    ahead : int or None
        Units that came before it at its price; None while it has no place in the queue.
    turn : int
        Its place among own orders: who arrived earlier has a lower one.
    triggered : bool
        Whether it is a stop order whose trigger was reached: it is a limit order since.
    blocked : float
        Rupees set aside for it.
    """

    number: str
    contract: ListedContract
    side: str
    kind: str
    product: str
    duration: str
    variety: str
    quantity: int
    price: float
    trigger: float
    tag: str
    placed: datetime
    status: str = OPEN
    text: str = ""
    filled: int = 0
    paid: float = 0.0
    ahead: int | None = None
    turn: int = 0
    triggered: bool = False
    blocked: float = 0.0
    updated: datetime | None = None
    unique: str = field(default_factory=lambda: str(uuid4()))

    @property
    def is_buy(self) -> bool:
        """Whether it buys."""
        return self.side == "BUY"

    @property
    def sign(self) -> int:
        """1 bought, -1 sold."""
        return 1 if self.is_buy else -1

    @property
    def left(self) -> int:
        """Units that are not filled."""
        return self.quantity - self.filled

    @property
    def is_working(self) -> bool:
        """Whether anything may yet come of it."""
        return self.status in (OPEN, PENDING, AMO)

    @property
    def average(self) -> float:
        """Mean price of what is filled, rupees; 0 before."""
        return self.paid / self.filled if self.filled else 0.0

    def reaches(self, price: float) -> bool:
        """Tell whether it would trade at a price."""
        return self.price >= price if self.is_buy else self.price <= price

    def fill(self, at_s: int, quantity: int, price: float) -> Execution:
        """Book an execution; what is set aside for it is needed no more."""
        self.blocked *= 1 - quantity / self.left
        self.filled += quantity
        self.paid += quantity * price
        if not self.left:
            self.status = COMPLETE
        return Execution(self, at_s, quantity, price)

    def end(self, status: str, text: str, at: datetime) -> None:
        """Cancel or reject what is left."""
        self.status, self.text, self.updated, self.blocked = status, text, at, 0.0
