"""Orders that close what is held: by the kill switch, and of INTRADAY at the end of the day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kit.clock import is_open, square_off
from kit.model import OrderRequest
from kit.trading.ledger import PaperLedger
from kit.trading.records import PaperPosition


def closable(ledger: PaperLedger) -> list[PaperPosition]:
    """Return what is held; shares that were delivered together with what was done to them today."""
    found = [one for one in ledger.held.values() if one.kind != "delivery"]
    for token in {token for token, product in ledger.held if product == "DELIVERY"} | set(ledger.shares):
        parts = [one for one in (ledger.shares.get(token), ledger.held.get((token, "DELIVERY"))) if one]
        whole = PaperPosition(parts[0].contract, "DELIVERY")
        for part in parts:
            whole.join(part)
        found.append(whole)
    return found


def closers(one: PaperPosition, *, after_market: bool) -> Iterator[OrderRequest]:
    """Yield the orders that close a position, none larger than the exchange takes."""
    contract, left = one.contract, abs(one.net)
    most = contract.freeze_quantity // contract.lot_size * contract.lot_size or left
    while left > 0:
        units = min(left, most)
        left -= units
        yield OrderRequest(
            contract, "SELL" if one.net > 0 else "BUY", units,
            order_type="MARKET", product=one.product, after_market=after_market,
        )  # fmt: skip


def is_squared_off(order: OrderRequest, at: datetime) -> bool:
    """Tell whether an order is of the day only and the broker closes such positions already."""
    segment = order.contract.segment
    return order.product == "INTRADAY" and is_open(at, segment) and at >= square_off(at.date(), segment)
