"""What a paper account says of itself: money, books, positions, and what orders would take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime
from functools import wraps
from math import isnan
from threading import RLock
from typing import Concatenate, ParamSpec, TypeVar

from kit.backtest.plan import FillRules
from kit.clock import Clock, in_ist
from kit.errors import InvalidOrder, Rejected
from kit.evaluation.costs import order_charges
from kit.model import (
    AccountFunds,
    BookedOrder,
    ChargesEstimate,
    MarginEstimate,
    OpenPosition,
    OrderFill,
    OrderRequest,
    PlacedOrder,
    ShareHolding,
)
from kit.model.order import requests_of
from kit.shown import Showable, table
from kit.trading import money
from kit.trading.dealing import Dealing
from kit.trading.records import PaperOrder, kind_of

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="PaperStatement")


def _locked(read: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Let no quote come in while an account says how it stands."""

    @wraps(read)
    def guarded(account: S, /, *args: P.args, **named: P.kwargs) -> R:
        with account._lock:
            return read(account, *args, **named)

    return guarded


class PaperStatement(Showable):
    """The reading half of a paper account; nothing here changes it."""

    clock: Clock
    _dealing: Dealing
    _lock: RLock

    @property
    def fill_rules(self) -> FillRules:
        """At which prices its orders are filled."""
        return self._dealing.rules

    @property
    def day(self) -> date | None:
        """The session that it is in; None where nothing has happened yet."""
        return self._dealing.ledger.day

    @property
    def stopped(self) -> str:
        """Why the kill switch is thrown; empty where it is not."""
        return self._dealing.ledger.stopped

    @property
    @_locked
    def equity_inr(self) -> float:
        """Capital and profit, marked to the last known prices, after charges, rupees."""
        return self._dealing.ledger.equity_inr

    @property
    @_locked
    def pnl_inr(self) -> float:
        """Profit since it was opened, rupees, after charges."""
        return self._dealing.ledger.equity_inr - self._dealing.ledger.capital_inr

    @property
    @_locked
    def day_pnl_inr(self) -> float:
        """Profit of the session, rupees, after charges."""
        return self._dealing.ledger.equity_inr - self._dealing.ledger.dawn_inr

    @property
    def charges_inr(self) -> float:
        """Everything paid to broker, exchange and state so far, rupees."""
        return self._dealing.ledger.charges_inr

    @_locked
    def book(self, day: date | None = None) -> tuple[BookedOrder, ...]:
        """Return the orders of a day, oldest first; default the session that it is in."""
        wanted, orders = day or self.day, self._dealing.ledger.orders.values()
        return tuple(order.booked() for order in orders if order.placed_at.date() == wanted or order.waits)

    @_locked
    def fills(self, day: date | None = None) -> tuple[OrderFill, ...]:
        """Return the executions of a day (the trade book); default the session that it is in."""
        wanted = day or self.day
        return tuple(fill for fill in self._dealing.ledger.executions if fill.at.date() == wanted)

    @_locked
    def details(self, order: PlacedOrder | BookedOrder) -> BookedOrder:
        """Return one order as the book shows it now.

        Raises
        ------
        Rejected
            This account has no such order.
        """
        return self._found(order).booked()

    @_locked
    def find(self, tag: str) -> BookedOrder | None:
        """Return the order of a tag, of whatever day, or None where there is none."""
        order_id = self._dealing.ledger.by_tag.get(tag)
        return self._dealing.ledger.orders[order_id].booked() if order_id else None

    @_locked
    def positions(self) -> tuple[OpenPosition, ...]:
        """Return what is held and what was closed today, valued at the last known prices."""
        ledger = self._dealing.ledger
        return tuple(one.shown(ledger.marks[token]) for (token, _), one in ledger.held.items())

    @_locked
    def holdings(self) -> tuple[ShareHolding, ...]:
        """Return the shares that were delivered, valued at the last known prices."""
        ledger = self._dealing.ledger
        shown = [(one, one.shown(ledger.mark(one))) for one in ledger.shares.values()]
        return tuple(
            ShareHolding(
                one.contract.exchange, one.contract.token, one.contract.symbol, "", one.net,
                row.buy_average_inr, row.ltp_inr, row.unrealised_inr,
            )
            for one, row in shown
        )  # fmt: skip

    @_locked
    def funds(self) -> AccountFunds:
        """Return what it can spend: cash less the margin of what is held and what waits.

        Raises
        ------
        DataError
            A margin cannot be estimated: the level of an index is not known, or no rules are for the day.
        """
        return money.funds_of(self._dealing.ledger, self._now().date())

    @_locked
    def margin(self, orders: Iterable[OrderRequest]) -> MarginEstimate:
        """Return what orders would tie up together: their margin, and what is paid for options and shares.

        One without a price counts at the last price.

        Raises
        ------
        DataError
            A price or the level of an index is not known.
        """
        asked = requests_of(orders)
        for order in asked:
            self._dealing.value(order.contract)
        marks = self._dealing.ledger.marks
        parts = [money.asked(order, order.quantity, marks) for order in asked]
        found = money.margin_of(parts, marks, self._now().date())
        return replace(found, total_inr=max(0.0, found.total_inr + sum(part.paid_inr for part in parts)))

    @_locked
    def charges(self, orders: Iterable[OrderRequest]) -> ChargesEstimate:
        """Return what filled orders would cost today.

        Raises
        ------
        InvalidOrder
            One names no price.
        """
        asked = requests_of(orders)
        on = self._now().date()
        if unpriced := [order.contract.symbol for order in asked if isnan(order.price_inr)]:
            raise InvalidOrder("Charges need a price", unpriced[0], "Name one.")
        values = [order.price_inr * order.quantity for order in asked]
        plan = self._dealing.ledger.brokerage
        kinds = [kind_of(order.contract, order.product) for order in asked]
        parts = [
            order_charges(value, "buy" if order.side == "BUY" else "sell", on, plan, kind)
            for order, value, kind in zip(asked, values, kinds, strict=True)
        ]
        by_name = {said: sum(getattr(part, name) for part in parts) for name, said in _CHARGES.items()}
        return ChargesEstimate(sum(by_name.values()), sum(values), by_name)

    def _now(self) -> datetime:
        return in_ist(self.clock.now())

    def _found(self, order: PlacedOrder | BookedOrder) -> PaperOrder:
        known = getattr(order, "order_id", None)
        found = self._dealing.ledger.orders.get(known) if isinstance(known, str) else None
        if found is None:
            raise Rejected("This account has no such order", known or order, "Take it from book().")
        return found

    def _waiting(self, order: PlacedOrder | BookedOrder) -> PaperOrder:
        found = self._found(order)
        if not found.waits:
            raise Rejected("No part of this order is open", found.status, "See book().")
        return found

    @_locked
    def _figures(self) -> dict[str, object]:
        return {
            "Equity ₹": self.equity_inr,
            "P&L of the day ₹": self.day_pnl_inr,
            "P&L ₹": self.pnl_inr,
            "Charges ₹": self.charges_inr,
            "Orders waiting": len(self._dealing.ledger.waiting()),
            "Trading": self.stopped or "open",
        }

    @_locked
    def _details(self) -> list[str]:
        return [
            table([_held(one) for one in self.positions()], "Positions"),
            table([_ordered(one) for one in self.book()], "Orders of the day"),
        ]


_CHARGES = {  # as the broker's calculator calls them
    "brokerage": "Angel One Brokerage",
    "exchange": "Exchange Transaction Charges",
    "stamp": "Stamp Duty",
    "sebi": "SEBI Fees",
    "stt": "Security Transaction Tax",
    "gst": "GST",
}


def _held(one: OpenPosition) -> dict[str, object]:
    """Return what a reader looks for in a position, few enough to find room beside each other."""
    return {
        "contract": one.symbol, "product": one.product, "held": one.net, "lots": one.net_lots,
        "bought at ₹": one.buy_average_inr if one.bought else None,
        "sold at ₹": one.sell_average_inr if one.sold else None, "LTP ₹": one.ltp_inr,
        "closed P&L ₹": one.realised_inr, "open P&L ₹": one.unrealised_inr,
    }  # fmt: skip


def _ordered(one: BookedOrder) -> dict[str, object]:
    """Return what a reader looks for in an order."""
    return {
        "order": one.order_id, "contract": one.symbol, "side": one.side, "type": one.order_type,
        "ordered": one.quantity, "filled": one.filled, "limit ₹": one.price_inr or None,
        "trigger ₹": one.trigger_price_inr or None, "average ₹": one.average_price_inr or None,
        "status": one.status, "reason": one.reason,
    }  # fmt: skip
