"""What the account holds of each contract under each product, and what it made of it."""

from __future__ import annotations

from dataclasses import dataclass

from kit.simulator.contracts import ListedContract
from kit.simulator.orders.order import Execution

Key = tuple[str, str]  # token and product


@dataclass(eq=False, slots=True)
class HeldContract:
    """One contract under one product: what was carried over, and what today's executions did.

    Parameters
    ----------
    contract : ListedContract
        What is held.
    product : str
        The broker's word.
    carried : int
        Units from earlier days: positive bought, negative sold.
    carried_price : float
        At which they were had, rupees.
    bought, sold : int
        Units of today.
    paid, received : float
        Rupees of today.
    """

    contract: ListedContract
    product: str
    carried: int = 0
    carried_price: float = 0.0
    bought: int = 0
    sold: int = 0
    paid: float = 0.0
    received: float = 0.0

    @property
    def net(self) -> int:
        """Units held: positive bought, negative sold."""
        return self.carried + self.bought - self.sold

    @property
    def is_paid(self) -> bool:
        """Whether its price is paid when it is bought: options and delivered shares; else it needs margin."""
        return self.contract.kind == "OPTION" or self.product == "DELIVERY"

    def totals(self) -> tuple[int, float, int, float]:
        """Return units and rupees bought, units and rupees sold, carried over included."""
        value = self.carried * self.carried_price
        bought, sold = self.bought + max(self.carried, 0), self.sold + max(-self.carried, 0)
        return bought, self.paid + max(value, 0), sold, self.received + max(-value, 0)

    @property
    def average(self) -> float:
        """Mean price of the side that is held, rupees; 0 where nothing is."""
        bought, paid, sold, received = self.totals()
        if not self.net:
            return 0.0
        return paid / bought if self.net > 0 else received / sold

    @property
    def realised(self) -> float:
        """Profit of what was bought and sold, rupees."""
        bought, paid, sold, received = self.totals()
        both = min(bought, sold)
        return both * (received / sold - paid / bought) if both else 0.0

    @property
    def moved(self) -> float:
        """Rupees that today's executions moved into the account."""
        return self.received - self.paid if self.is_paid else self.realised

    def unrealised(self, ltp: float) -> float:
        """Return the profit of what is held at a price, rupees."""
        return self.net * (ltp - self.average)

    def apply(self, fill: Execution) -> float:
        """Book an execution and return the rupees that it moves into the account."""
        before, value = self.moved, fill.quantity * fill.price
        if fill.order.is_buy:
            self.bought, self.paid = self.bought + fill.quantity, self.paid + value
        else:
            self.sold, self.received = self.sold + fill.quantity, self.received + value
        return self.moved - before

    def carry(self) -> None:
        """Turn what is held into what was carried over."""
        self.carried, self.carried_price = self.net, self.average
        self.bought = self.sold = 0
        self.paid = self.received = 0.0

    def move(self, units: int, to: HeldContract) -> None:
        """Move units bought (or, negative, sold) today to another product, at their mean price."""
        if units > 0:
            value = self.paid / self.bought * units
            self.bought, self.paid = self.bought - units, self.paid - value
            to.bought, to.paid = to.bought + units, to.paid + value
        else:
            value = self.received / self.sold * -units
            self.sold, self.received = self.sold + units, self.received - value
            to.sold, to.received = to.sold - units, to.received + value
