"""Why a paper account does not take an order: the market, the kill switch, the contract, the money."""

from __future__ import annotations

from datetime import datetime

from kit.clock import is_open, next_open, square_off
from kit.errors import KitError, Rejected
from kit.model import OrderRequest
from kit.trading.closing import is_squared_off
from kit.trading.ledger import PaperLedger
from kit.trading.money import asked, spare_inr
from kit.trading.records import fits


def check_contract(order: OrderRequest) -> None:
    """Refuse what cannot be held at all, as the broker's interface does.

    Raises
    ------
    Rejected
        The contract is none of options, futures and shares, or is not held under the order's product.
    """
    contract = order.contract
    is_share = contract.expiry is None and contract.exchange in ("NSE", "BSE") and not contract.kind
    if not is_share and (contract.expiry is None or not (contract.right or "FUT" in contract.kind)):
        remedy = "A paper account trades options, futures and shares."
        raise Rejected("No order can be of this contract", contract.symbol, remedy)
    if not fits(contract, order.product):
        remedy = "Shares: DELIVERY, MARGIN or INTRADAY; options and futures: CARRYFORWARD or INTRADAY."
        raise Rejected(f"{contract.symbol} is not held under this product", order.product, remedy)


def reason_against(order: OrderRequest, ledger: PaperLedger, at: datetime, *, opened: bool = False) -> str:
    """Return why an order is rejected, with the remedy; empty where nothing speaks against it.

    Parameters
    ----------
    order : OrderRequest
        What is asked.
    ledger : PaperLedger
        The account.
    at : datetime
        The present, Asia/Kolkata.
    opened : bool, default False
        Whether the market is known to be open, as where a bar says so.
    """
    contract = order.contract
    if contract.expiry is not None and contract.expiry < at.date():
        return f"{contract.symbol} expired on {contract.expiry}. Take a later expiry."
    closing = _reduces(order, ledger)
    if not opened and (why := _against_the_hour(order, at, closing)):
        return why
    if order.product == "DELIVERY" and order.side == "SELL" and (why := _lacks_shares(order, ledger)):
        return why
    if ledger.stopped and not closing:
        return f"Trading is stopped: {ledger.stopped}. Call resume() to open positions again."
    return "" if closing else _short_of_money(order, ledger, at)


def _against_the_hour(order: OrderRequest, at: datetime, closing: bool) -> str:
    segment = order.contract.segment
    trading = is_open(at, segment)
    if order.after_market and trading:
        return "The market is open: an after-market order is for the time when it is closed."
    if not (trading or order.after_market):
        opens = next_open(at, segment)
        return f"The market is closed. It opens at {opens:%d %b %H:%M}; use validity='DAY' for then."
    if not closing and is_squared_off(order, at):
        return f"Since {square_off(at.date(), segment):%H:%M} INTRADAY is squared off. Use another product."
    return ""


def _lacks_shares(order: OrderRequest, ledger: PaperLedger) -> str:
    token, delivered = order.contract.token, ledger.shares.get(order.contract.token)
    today = ledger.held.get((token, "DELIVERY"))
    sold = _waits(order, ledger)
    has = (delivered.net if delivered else 0) + (today.net if today else 0) - sold
    return "" if has >= order.quantity else f"Holdings of {has} are not enough to sell {order.quantity}."


def _reduces(order: OrderRequest, ledger: PaperLedger) -> bool:
    """Whether it can only make what its product holds smaller, with the orders that wait before it."""
    held = ledger.held.get((order.contract.token, order.product))
    net, sign = held.net if held else 0, 1 if order.side == "BUY" else -1
    return net * sign < 0 and order.quantity + _waits(order, ledger) <= abs(net)


def _waits(order: OrderRequest, ledger: PaperLedger) -> int:
    """Return the units that wait on the same side of the contract under the same product."""
    what = (order.contract.token, order.product, order.side)
    asked = ((other.left, other.request) for other in ledger.waiting())
    return sum(left for left, one in asked if (one.contract.token, one.product, one.side) == what)


def _short_of_money(order: OrderRequest, ledger: PaperLedger, at: datetime) -> str:
    try:
        more = asked(order, order.quantity, ledger.marks)
        spare = spare_inr(ledger, [more], at.date())
    except KitError as error:
        return f"What it ties up is not known: {error}"
    if spare >= 0:
        return ""
    return f"Insufficient funds: {-spare:,.2f} rupees are missing. Trade less, or open with more capital_inr."
