"""Orders, changes and rules as the broker wants to be asked: everything as text, prices to the paisa."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import inf, isnan
from typing import Any

from kit.arguments import real
from kit.errors import InvalidOrder
from kit.model import BookedOrder, GTTRule, OpenPosition, OrderRequest, Product, StoredGTTRule
from kit.model.order import check_lots, requests_of


def placed(order: OrderRequest) -> dict[str, str]:
    """Return the body that places an order."""
    contract = order.contract
    return {
        "variety": order.variety,
        "tradingsymbol": contract.symbol,
        "symboltoken": contract.token,
        "transactiontype": order.side,
        "exchange": contract.exchange,
        "ordertype": order.order_type,
        "producttype": order.product,
        "duration": order.validity,
        "price": _inr(order.price_inr),
        "triggerprice": _inr(order.trigger_price_inr),
        "squareoff": "0",
        "stoploss": "0",
        "quantity": str(order.quantity),
        "ordertag": order.tag,
        "scripconsent": "yes",
    }


def modified(order: BookedOrder, changes: Mapping[str, Any]) -> dict[str, str]:
    """Return the body that changes an order.

    Raises
    ------
    InvalidOrder
        The quantity is not whole lots beyond what is filled, a price is not positive, or the order has none.
    """
    for name, has in (
        ("price_inr", order.order_type.endswith("LIMIT")),
        ("trigger_price_inr", order.order_type.startswith("STOPLOSS")),
    ):
        if name in changes and not (has and 0 < real(changes[name]) < inf):
            remedy = "Name one in rupees, above zero." if has else "Leave it out."
            raise InvalidOrder(f"A {order.order_type} order has no such {name}", changes[name], remedy)
    order = replace(order, **changes)
    check_lots(order.symbol, order.lot_size, order.quantity)
    if order.quantity <= order.filled:
        remedy = "Ask for more, or cancel the rest."
        raise InvalidOrder("So many units are filled already", order.filled, remedy)
    return {
        "variety": order.variety,
        "orderid": order.order_id,
        "tradingsymbol": order.symbol,
        "symboltoken": order.token,
        "exchange": order.exchange,
        "ordertype": order.order_type,
        "producttype": order.product,
        "duration": order.validity,
        "price": _inr(order.price_inr),
        "triggerprice": _inr(order.trigger_price_inr),
        "quantity": str(order.quantity),
    }


def converted(position: OpenPosition, to: Product, quantity: int | None) -> dict[str, str]:
    """Return the body that moves units of a position to another product.

    Raises
    ------
    InvalidOrder
        A part of it is not whole lots.
    """
    if quantity is not None and quantity != abs(position.net):
        check_lots(position.symbol, position.lot_size, quantity)
    return {
        "exchange": position.exchange,
        "symboltoken": position.token,
        "tradingsymbol": position.symbol,
        "oldproducttype": position.product,
        "newproducttype": to,
        "transactiontype": "BUY" if position.net >= 0 else "SELL",
        "quantity": str(abs(position.net) if quantity is None else quantity),
        "type": "DAY",
    }


def margin(orders: Iterable[OrderRequest]) -> dict[str, Any]:
    """Return the question what orders would tie up; one without a price counts at the last price."""
    return {
        "positions": [
            {
                "exchange": order.contract.exchange,
                "qty": order.quantity,
                "price": 0 if isnan(order.price_inr) else order.price_inr,
                "productType": order.product,
                "token": order.contract.token,
                "tradeType": order.side,
                "orderType": order.order_type,
            }
            for order in requests_of(orders)
        ]
    }


def charges(orders: Iterable[OrderRequest]) -> dict[str, Any]:
    """Return the question what filled orders would cost.

    Raises
    ------
    InvalidOrder
        One names no price.
    """
    rows = []
    for order in requests_of(orders):
        if isnan(order.price_inr):
            raise InvalidOrder("Charges need a price", order.order_type, "Estimate a limit order.")
        rows.append(
            {
                "product_type": order.product,
                "transaction_type": order.side,
                "quantity": str(order.quantity),
                "price": _inr(order.price_inr),
                "exchange": order.contract.exchange,
                "symbol_name": order.contract.symbol,
                "token": order.contract.token,
            }
        )
    return {"orders": rows}


def rule(wanted: GTTRule) -> dict[str, str]:
    """Return the body that keeps a rule."""
    contract = wanted.contract
    return {
        "tradingsymbol": contract.symbol,
        "symboltoken": contract.token,
        "exchange": contract.exchange,
        "transactiontype": wanted.side,
        "producttype": wanted.product,
        "price": _inr(wanted.price_inr),
        "qty": str(wanted.quantity),
        "triggerprice": _inr(wanted.trigger_price_inr),
        "disclosedqty": "0",
    }


def changed_rule(stored: StoredGTTRule) -> dict[str, str]:
    """Return the body that makes a rule what it is here.

    Raises
    ------
    InvalidOrder
        The quantity is no positive whole number, or a price is not positive.
    """
    check_lots(stored.symbol, 1, stored.quantity)
    for price_inr in (stored.price_inr, stored.trigger_price_inr):
        if not 0 < real(price_inr) < inf:
            raise InvalidOrder("A rule has no such price", price_inr, "Name one in rupees, above zero.")
    return {
        "id": stored.rule_id,
        "symboltoken": stored.token,
        "exchange": stored.exchange,
        "price": _inr(stored.price_inr),
        "qty": str(stored.quantity),
        "triggerprice": _inr(stored.trigger_price_inr),
        "disclosedqty": "0",
    }


def _inr(price_inr: float) -> str:
    return "0" if isnan(price_inr) else f"{price_inr:.2f}"
