"""What is asked of a market: an order, with its numbers checked.

Words and constants are the broker's, so that a real account, the simulated exchange and a paper account
speak of one thing. An order that no exchange would take cannot be built: its numbers are checked here.

Source: SmartAPI documentation of 2026-08 (varieties, order types, products, statuses).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite, isnan, nan
from typing import Any, Literal, Self, get_args

from kit.arguments import instance
from kit.errors import InvalidOrder, SettingsError
from kit.model.instrument import Instrument

Side = Literal["BUY", "SELL"]
OrderType = Literal["LIMIT", "STOPLOSS_LIMIT", "MARKET", "STOPLOSS_MARKET"]
Product = Literal["CARRYFORWARD", "INTRADAY", "DELIVERY", "MARGIN"]
Validity = Literal["DAY", "IOC"]
Variety = Literal["NORMAL", "STOPLOSS", "AMO"]

LONGEST_TAG = 19  # AB4008: fewer than 20 characters


def new_tag() -> str:
    """Return a tag that no other order has: 80 bits of chance, 16 characters."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order to be placed, with its numbers checked; the same object is the same order.

    Parameters
    ----------
    contract : Instrument
        What is traded: one row of the instrument master.
    side : {"BUY", "SELL"}
        Which way.
    quantity : int
        Units, a multiple of the lot; see `in_lots`.
    price_inr : float
        Worst price, rupees, on the tick; NaN with MARKET and STOPLOSS_MARKET.
    order_type : {"LIMIT", "STOPLOSS_LIMIT", "MARKET", "STOPLOSS_MARKET"}, default "LIMIT"
        The last two name no price; the broker converts or refuses them.
    trigger_price_inr : float, optional
        At which a stop order becomes active, rupees, on the tick; NaN otherwise.
    product : {"CARRYFORWARD", "INTRADAY", "DELIVERY", "MARGIN"}, default "CARRYFORWARD"
        CARRYFORWARD is what options and futures are held in overnight, INTRADAY is squared off at the day's
        end, DELIVERY is of shares.
    validity : {"DAY", "IOC"}, default "DAY"
        IOC: what cannot be filled at once is cancelled.
    after_market : bool, default False
        Kept by the broker until the next open (AMO).
    tag : str, optional
        Names the order: placing it again under the same tag does not place it twice. At most 19 letters,
        digits, ``_`` and ``-``; default drawn afresh.

    Raises
    ------
    InvalidOrder
        Lot, tick, freeze quantity, prices or words do not fit; names the value and what would.
    """

    contract: Instrument
    side: Side
    quantity: int
    price_inr: float = nan
    order_type: OrderType = "LIMIT"
    trigger_price_inr: float = nan
    product: Product = "CARRYFORWARD"
    validity: Validity = "DAY"
    after_market: bool = False
    tag: str = field(default_factory=new_tag)

    def __post_init__(self) -> None:
        for name, known in _WORDS:
            if (said := getattr(self, name)) not in known:
                raise InvalidOrder(f"An order has no such {name}", said, f"It knows: {', '.join(known)}.")
        check_quantity(instance(self.contract, Instrument, "contract"), self.quantity)
        _check_prices(self)
        if self.validity == "IOC" and (self.after_market or self.is_stop):
            kind = "an after-market order" if self.after_market else "a stop order"
            raise InvalidOrder(f"IOC does not go with {kind}", self.order_type, "Use validity='DAY'.")
        if not re.fullmatch(r"[\w-]+", self.tag, re.ASCII) or len(self.tag) > LONGEST_TAG:
            remedy = f"Use 1 to {LONGEST_TAG} letters, digits, '_' and '-'."
            raise InvalidOrder("The tag of an order does not fit", self.tag, remedy)

    @classmethod
    def in_lots(
        cls, contract: Instrument, side: Side, lots: int, price_inr: float = nan, **rest: Any
    ) -> Self:
        """Build a request from lots instead of units; further arguments are those of the class."""
        if isinstance(lots, bool) or not isinstance(lots, int):
            raise InvalidOrder("An order is of whole lots", lots, "Write for instance 1.")
        return cls(contract, side, lots * contract.lot_size, price_inr, **rest)

    @property
    def lots(self) -> int:
        """Quantity in lots."""
        return self.quantity // self.contract.lot_size

    @property
    def is_stop(self) -> bool:
        """Whether it waits for its trigger price."""
        return self.order_type.startswith("STOPLOSS")

    @property
    def has_limit(self) -> bool:
        """Whether it names its worst price."""
        return self.order_type.endswith("LIMIT")

    @property
    def variety(self) -> Variety:
        """The broker's word for how it is handled."""
        return "AMO" if self.after_market else "STOPLOSS" if self.is_stop else "NORMAL"


_WORDS = (
    ("side", get_args(Side)),
    ("order_type", get_args(OrderType)),
    ("product", get_args(Product)),
    ("validity", get_args(Validity)),
)


def requests_of(orders: Iterable[OrderRequest]) -> list[OrderRequest]:
    """Return the orders of a list.

    Raises
    ------
    SettingsError
        It is none, or something in it is no order.
    """
    if not isinstance(orders, Iterable):
        raise SettingsError("orders must be a list, not", type(orders).__name__, "Write [order].")
    return [instance(order, OrderRequest, "orders") for order in orders]


def check_quantity(contract: Instrument, quantity: int) -> None:
    """Refuse units that are no whole lots, or more than the exchange takes in one order.

    Raises
    ------
    InvalidOrder
        Names the quantity and the nearest that fits.
    """
    check_lots(contract.symbol, contract.lot_size, quantity)
    lot, most = contract.lot_size, contract.freeze_quantity
    if most and quantity > most:
        remedy = f"Use several orders of at most {most // lot * lot} units."
        raise InvalidOrder(f"{contract.symbol} is frozen beyond {most} units in one order", quantity, remedy)


def check_lots(symbol: str, lot: int, quantity: int) -> None:
    """Refuse units that are no positive multiple of the lot.

    Raises
    ------
    InvalidOrder
        Names the quantity and the nearest that fits.
    """
    if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity <= 0:
        raise InvalidOrder("An order needs a positive number of units", quantity, "Sell with side='SELL'.")
    if quantity % lot:
        near = max(lot, round(quantity / lot) * lot)
        raise InvalidOrder(f"{symbol} trades in lots of {lot} units", quantity, f"Use for instance {near}.")


def check_price(contract: Instrument, price_inr: float, what: str = "price") -> None:
    """Refuse a price that is not finite, not positive or not on the contract's tick.

    Raises
    ------
    InvalidOrder
        Names the price and the nearest that fits.
    """
    if isinstance(price_inr, bool) or not isinstance(price_inr, int | float) or not isfinite(price_inr):
        raise InvalidOrder(f"The {what} must be a finite number of rupees", price_inr, "Name one.")
    if price_inr <= 0:
        raise InvalidOrder(f"The {what} must be above zero", price_inr, "Name one in rupees.")
    tick = contract.tick_size
    if tick > 0 and abs(price_inr - round(price_inr / tick) * tick) > 1e-6:
        near = round(max(1, round(price_inr / tick)) * tick, 4)
        raise InvalidOrder(
            f"The {what} is not on the tick of {tick:g} rupees", price_inr, f"The nearest is {near:g}."
        )


def _check_prices(order: OrderRequest) -> None:
    wanted = (
        ("price", order.price_inr, order.has_limit),
        ("trigger price", order.trigger_price_inr, order.is_stop),
    )
    for what, price_inr, needed in wanted:
        if needed:
            check_price(order.contract, price_inr, what)
        elif not (isinstance(price_inr, float) and isnan(price_inr)):
            raise InvalidOrder(f"A {order.order_type} order has no {what}", price_inr, "Leave it out.")
    limit, trigger = order.price_inr, order.trigger_price_inr
    if order.is_stop and order.has_limit and (limit < trigger if order.side == "BUY" else limit > trigger):
        way = "at or above" if order.side == "BUY" else "at or below"
        raise InvalidOrder(
            f"A stop {order.side} needs its price {way} its trigger", (limit, trigger), "Swap."
        )
