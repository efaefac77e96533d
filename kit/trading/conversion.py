"""Moving what was traded today from one product to another."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from kit.clock import is_open, square_off
from kit.errors import Rejected
from kit.model import Product
from kit.model.order import check_lots
from kit.trading.ledger import PaperLedger
from kit.trading.money import spare_inr
from kit.trading.records import PaperPosition, PositionKey, fits


def conversion(ledger: PaperLedger, key: PositionKey, to: Product, quantity: int | None, at: datetime) -> int:
    """Return the units that a conversion moves: positive bought, negative sold.

    Parameters
    ----------
    ledger : PaperLedger
        The account.
    key : tuple of (str, str)
        Token and product of what is held.
    to : {"CARRYFORWARD", "INTRADAY", "DELIVERY", "MARGIN"}
        The other product.
    quantity : int or None
        Units; None: all that are held.
    at : datetime
        The present, Asia/Kolkata.

    Raises
    ------
    InvalidOrder
        A part of it is not whole lots.
    Rejected
        It cannot be.
    """
    here = ledger.held.get(key)
    if here is None or not here.net:
        raise Rejected("No such position is held", key, "Take it from positions().")
    if to == here.product or not fits(here.contract, to):
        raise Rejected(f"{here.contract.symbol} cannot be moved to this product", to, "Name another.")
    segment = here.contract.segment
    if to == "INTRADAY" and not (is_open(at, segment) and at < square_off(at.date(), segment)):
        raise Rejected("INTRADAY is over for this day", here.contract.symbol, "Keep it as it is.")
    today = here.bought - here.bought_before if here.net > 0 else here.sold - here.sold_before
    most, units = min(today, abs(here.net)), abs(here.net) if quantity is None else quantity
    if units != abs(here.net):
        check_lots(here.contract.symbol, here.contract.lot_size, units)
    if units > most:
        raise Rejected("Fewer units were traded today", units, f"At most {most} can be moved.")
    signed = units if here.net > 0 else -units
    missing = -_spare_after(ledger, here, signed, to, at.date())
    if missing > 0:
        raise Rejected("The funds fall short by", round(missing, 2), "Move less.")
    return signed


def _spare_after(ledger: PaperLedger, here: PaperPosition, units: int, to: Product, on: date) -> float:
    """Return the rupees that would be left; the ledger is what it was afterwards."""
    held = dict(ledger.held)
    tried = {key: replace(one) for key, one in held.items()}
    key = here.contract.token, to
    other = tried.setdefault(key, PaperPosition(here.contract, to))
    tried[here.contract.token, here.product].move(units, other)
    ledger.held = tried
    try:
        return spare_inr(ledger, (), on)
    finally:
        ledger.held = held
