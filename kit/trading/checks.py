"""Why a paper account does not take an order: the market, the kill switch, the contract, the money."""

from __future__ import annotations

from datetime import datetime

from kit.clock import is_open, next_open
from kit.errors import KitError
from kit.model import OrderRequest
from kit.trading.ledger import PaperLedger
from kit.trading.money import asked, spare_inr


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
    if contract.expiry is None or not (contract.right or "FUT" in contract.kind):
        return f"A paper account trades options and futures: {contract.symbol} is neither."
    if contract.expiry < at.date():
        return f"{contract.symbol} expired on {contract.expiry}. Take a later expiry."
    if not (opened or order.after_market or is_open(at)):
        return f"The market is closed. It opens at {next_open(at):%d %b %H:%M}; until then use after_market."
    closing = _reduces(order, ledger)
    if ledger.stopped and not closing:
        return f"Trading is stopped: {ledger.stopped}. Call resume() to open positions again."
    return "" if closing else _short_of_money(order, ledger, at)


def _reduces(order: OrderRequest, ledger: PaperLedger) -> bool:
    """Whether it can only make what is held smaller, with the orders that wait before it."""
    net, sign = ledger.net(order.contract.token), 1 if order.side == "BUY" else -1
    same = sum(
        other.left for other in ledger.waiting()
        if other.request.contract.token == order.contract.token and other.request.side == order.side
    )  # fmt: skip
    return net * sign < 0 and order.quantity + same <= abs(net)


def _short_of_money(order: OrderRequest, ledger: PaperLedger, at: datetime) -> str:
    try:
        more = asked(order, order.quantity, ledger.marks)
        spare = spare_inr(ledger, [more], at.date())
    except KitError as error:
        return f"What it ties up is not known: {error}"
    if spare >= 0:
        return ""
    return f"Insufficient funds: {-spare:,.2f} rupees are missing. Trade less, or open with more capital_inr."
