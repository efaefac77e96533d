"""What a paper account is after its events: orders, fills, positions, rules and money, by plain sums."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import singledispatchmethod
from math import nan
from typing import Literal, cast

from kit.clock import in_ist
from kit.evaluation.costs import Plan as Brokerage
from kit.evaluation.costs import order_charges
from kit.model import OrderFill
from kit.trading import events
from kit.trading.events import Event
from kit.trading.records import AMO, PaperOrder, PaperPosition, PaperRule, PositionKey, kind_of


@dataclass
class PaperLedger:
    """An account as its events have made it.

    Parameters
    ----------
    capital_inr : float
        With what it began, rupees.
    brokerage : str
        Plan of `kit.evaluation.costs`.
    day : date or None
        The session that its latest event is of.
    orders : dict of str to PaperOrder
        By order id, oldest first, of all days.
    executions : list of OrderFill
        Of all days, oldest first.
    held : dict
        Positions by token and product, with those that were closed today.
    shares : dict of str to PaperPosition
        What was delivered on earlier days, by token.
    rules : dict of str to PaperRule
        GTT rules by their id, oldest first.
    marks : dict of str to float
        Last known price, rupees: of contracts by token, of what they are written on by name.
    earlier_inr : float
        Profit of positions that were closed on earlier days, before charges.
    charges_inr : float
        All charges.
    dawn_inr : float
        Equity when the session began.
    stopped : str
        Why the kill switch is thrown; empty where it is not.
    stopped_at : datetime or None
        When it was thrown last.
    taken : dict of (str, str) to (str, float)
        The quote that was last taken from, by token and side, and how many units it has left.
    by_tag : dict of str to str
        Order id by tag.
    settled : dict of str to PositionSettled
        How contracts that expired were settled, by token.
    turns : int
        How often an order was placed or changed.
    """

    capital_inr: float = 0.0
    brokerage: Brokerage = "flat"
    day: date | None = None
    orders: dict[str, PaperOrder] = field(default_factory=dict)
    executions: list[OrderFill] = field(default_factory=list)
    held: dict[PositionKey, PaperPosition] = field(default_factory=dict)
    shares: dict[str, PaperPosition] = field(default_factory=dict)
    rules: dict[str, PaperRule] = field(default_factory=dict)
    marks: dict[str, float] = field(default_factory=dict)
    earlier_inr: float = 0.0
    charges_inr: float = 0.0
    dawn_inr: float = 0.0
    stopped: str = ""
    stopped_at: datetime | None = None
    taken: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)
    by_tag: dict[str, str] = field(default_factory=dict)
    settled: dict[str, events.PositionSettled] = field(default_factory=dict)
    turns: int = 0

    @property
    def equity_inr(self) -> float:
        """Capital and profit, marked to the last known prices, after charges, rupees."""
        open_inr = sum(one.worth(self.mark(one)) for one in (*self.held.values(), *self.shares.values()))
        return self.capital_inr + self.earlier_inr + open_inr - self.charges_inr

    @property
    def cash_inr(self) -> float:
        """Rupees on the account: premiums paid are gone, premiums received are there."""
        flows = 0.0
        for one in (*self.held.values(), *self.shares.values()):
            paid = one.sold_inr - one.bought_inr
            flows += paid if one.is_paid else one.shown(self.mark(one)).realised_inr
        return self.capital_inr + self.earlier_inr + flows - self.charges_inr

    def mark(self, one: PaperPosition) -> float:
        """Return the last known price of what is held, rupees; NaN where none is known."""
        return self.marks.get(one.contract.token, nan)

    def waiting(self) -> list[PaperOrder]:
        """Return the orders that can still be filled, oldest first."""
        return [order for order in self.orders.values() if order.waits]

    def net(self, token: str) -> int:
        """Return the units held of a contract, over all products."""
        return sum(one.net for (held, _), one in self.held.items() if held == token)

    @singledispatchmethod
    def apply(self, event: Event) -> None:
        """Let one more event have happened."""
        raise TypeError(f"{type(event).__name__} is no event of an account")

    @apply.register
    def _(self, event: events.AccountOpened) -> None:
        self.capital_inr, self.brokerage = event.capital_inr, cast(Brokerage, event.brokerage)
        self.dawn_inr = event.capital_inr

    @apply.register
    def _(self, event: events.PricesMarked) -> None:
        self.marks.update(event.marks)

    @apply.register
    def _(self, event: events.DayBegan) -> None:
        self.day, self.dawn_inr = in_ist(event.at).date(), self.equity_inr
        for key, one in list(self.held.items()):
            one.bought_before, one.sold_before = one.bought, one.sold
            if one.kind == "delivery":
                delivered = self.shares.setdefault(key[0], PaperPosition(one.contract, one.product))
                delivered.join(self.held.pop(key))
            elif not one.net:
                self.earlier_inr += self.held.pop(key).worth(nan)
        for token in [token for token, one in self.shares.items() if not one.net]:
            self.earlier_inr += self.shares.pop(token).worth(nan)

    @apply.register
    def _(self, event: events.OrderTaken) -> None:
        order = event.order
        status = "rejected" if event.reason else "trigger pending" if order.is_stop else "open"
        kept = replace(order, after_market=True) if event.kept else order
        if kept.after_market and not event.reason:
            status = AMO
        made = PaperOrder(event.order_id, order, kept, event.at, event.at, status, event.reason)
        made.turn = self._next_turn()
        self.orders[event.order_id] = made
        self.by_tag[order.tag] = event.order_id

    @apply.register
    def _(self, event: events.OrderChanged) -> None:
        order = self.orders[event.order_id]
        order.request = replace(
            order.request, quantity=event.quantity, price_inr=event.price_inr,
            trigger_price_inr=event.trigger_price_inr,
        )  # fmt: skip
        order.updated_at, order.ahead, order.rests = event.at, nan, False  # it goes to the back
        order.turn = self._next_turn()
        if order.filled == event.quantity:
            order.status = "complete"

    @apply.register
    def _(self, event: events.OrderTriggered) -> None:
        order = self.orders[event.order_id]
        order.status, order.updated_at = "open", event.at

    @apply.register
    def _(self, event: events.OrderEnded) -> None:
        order = self.orders[event.order_id]
        order.status, order.reason, order.updated_at = "cancelled", event.reason, event.at

    @apply.register
    def _(self, event: events.OrderFilled) -> None:
        order = self.orders[event.order_id]
        asked, contract, value = order.request, order.request.contract, event.quantity * event.price_inr
        order.filled += event.quantity
        order.value_inr += value
        order.updated_at = event.at
        order.status = "open" if order.filled < asked.quantity else "complete"
        self._charge(order, event.at)
        one = self.held.setdefault((contract.token, asked.product), PaperPosition(contract, asked.product))
        if asked.side == "BUY":
            one.bought, one.bought_inr = one.bought + event.quantity, one.bought_inr + value
        else:
            one.sold, one.sold_inr = one.sold + event.quantity, one.sold_inr + value
        self.marks.setdefault(contract.token, event.price_inr)
        if event.quote:
            self.taken[contract.token, asked.side] = event.quote, event.size_left
        self.executions.append(OrderFill(
            str(len(self.executions) + 1), order.order_id, contract.exchange, contract.symbol,
            asked.side, asked.product, event.quantity, event.price_inr, event.at,
        ))  # fmt: skip

    @apply.register
    def _(self, event: events.PositionSettled) -> None:
        one = self.held[event.token, event.product]
        units = abs(one.net)
        value = units * event.price_inr
        if one.net > 0:
            one.sold, one.sold_inr = one.bought, one.sold_inr + value
        else:
            one.bought, one.bought_inr = one.sold, one.bought_inr + value
        self.charges_inr += event.tax_inr * units
        self.settled[event.token] = event

    @apply.register
    def _(self, event: events.PositionConverted) -> None:
        here = self.held[event.token, event.product]
        there = self.held.setdefault((event.token, event.to), PaperPosition(here.contract, event.to))
        here.move(event.units, there)
        if not (here.bought or here.sold):
            del self.held[event.token, event.product]

    @apply.register
    def _(self, event: events.RuleKept) -> None:
        rule_id, rule = event.rule_id, event.rule
        self.rules[rule_id] = PaperRule(rule_id, rule, event.above, event.at, event.at)

    @apply.register
    def _(self, event: events.RuleChanged) -> None:
        kept = self.rules[event.rule_id]
        kept.rule, kept.above, kept.updated_at = event.rule, event.above, event.at

    @apply.register
    def _(self, event: events.RuleEnded) -> None:
        kept = self.rules[event.rule_id]
        kept.status, kept.updated_at = event.status, event.at

    @apply.register
    def _(self, event: events.TradingStopped) -> None:
        # a replay's orders may be ahead of the account's clock
        done = [order.updated_at for order in self.orders.values()]
        self.stopped, self.stopped_at = event.why, max([event.at, *done])

    @apply.register
    def _(self, _event: events.TradingResumed) -> None:
        self.stopped = ""

    def _next_turn(self) -> int:
        self.turns += 1
        return self.turns

    def _charge(self, order: PaperOrder, at: datetime) -> None:
        """Brokerage is of an order, however many fills it has."""
        side: Literal["buy", "sell"] = "buy" if order.request.side == "BUY" else "sell"
        plan, kind = self.brokerage, kind_of(order.request.contract, order.request.product)
        total = float(order_charges(order.value_inr, side, in_ist(at).date(), plan, kind).total)
        self.charges_inr += total - order.charges_inr
        order.charges_inr = total
