"""Good-till-triggered rules: orders that the broker keeps until a price is reached.

Source: SmartAPI documentation of 2026-08.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from kit.errors import InvalidOrder
from kit.model.instrument import Instrument
from kit.model.order import Product, Side, check_price, check_quantity

RuleStatus = Literal["NEW", "CANCELLED", "ACTIVE", "SENTTOEXCHANGE", "FORALL"]


@dataclass(frozen=True, slots=True)
class GTTRule:
    """A good-till-triggered rule: an order that is placed once a price is reached; shares only.

    Parameters
    ----------
    contract : Instrument
        A share of NSE or BSE; the broker takes no others.
    side : {"BUY", "SELL"}
        Which way.
    quantity : int
        Units.
    price_inr, trigger_price_inr : float
        Limit of the order, and the price that places it, rupees.
    product : {"DELIVERY", "MARGIN"}, default "DELIVERY"
        How it is held.

    Raises
    ------
    InvalidOrder
        The contract is no share, or quantity, prices or words do not fit.
    """

    contract: Instrument
    side: Side
    quantity: int
    price_inr: float
    trigger_price_inr: float
    product: Product = "DELIVERY"

    def __post_init__(self) -> None:
        contract = self.contract
        if contract.exchange not in ("NSE", "BSE") or contract.kind:
            remedy = "The broker keeps GTT rules for shares of NSE and BSE only."
            raise InvalidOrder("No GTT rule can be of this contract", contract.symbol, remedy)
        if self.side not in get_args(Side) or self.product not in ("DELIVERY", "MARGIN"):
            remedy = "BUY or SELL, DELIVERY or MARGIN."
            raise InvalidOrder("A GTT rule has no such side or product", (self.side, self.product), remedy)
        check_quantity(contract, self.quantity)
        check_price(contract, self.price_inr)
        check_price(contract, self.trigger_price_inr, "trigger price")


@dataclass(frozen=True, slots=True)
class StoredGTTRule:
    """A GTT rule as the broker lists it.

    Parameters
    ----------
    rule_id : str
        Its name.
    status : str
        ``"NEW"``, ``"ACTIVE"``, ``"SENTTOEXCHANGE"``, ``"CANCELLED"`` and others.
    exchange, token, symbol, side, product : str
        As in `BookedOrder`.
    quantity : int
        Units.
    price_inr, trigger_price_inr : float
        Rupees.
    created_at, updated_at, expires_at : datetime or None
        Asia/Kolkata; None where the broker does not say.
    """

    rule_id: str
    status: str
    exchange: str
    token: str
    symbol: str
    side: Side
    product: Product
    quantity: int
    price_inr: float
    trigger_price_inr: float
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
