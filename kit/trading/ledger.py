"""What a paper account is after its events: orders, fills, positions and money, by plain sums."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import singledispatchmethod
from math import nan
from typing import Literal, cast

from kit.clock import in_ist
from kit.evaluation.costs import Plan as Brokerage
from kit.evaluation.costs import order_charges
from kit.model import BookedOrder, Instrument, OpenPosition, OrderFill, OrderRequest, Product
from kit.trading import events
from kit.trading.events import Event

Kind = Literal["option", "future"]
PositionKey = tuple[str, Product]


@dataclass(slots=True)
class PaperOrder:
    """An order and what has become of it; `asked` is as it was placed, `request` as last changed.

    `ahead` is what is assumed to wait before it at its price, units; NaN: it has not joined a queue. `rests`
    says whether it has met a quote since it was placed or changed.
    """

    order_id: str
    asked: OrderRequest
    request: OrderRequest
    placed_at: datetime
    updated_at: datetime
    status: str
    reason: str = ""
    filled: int = 0
    value_inr: float = 0.0
    charges_inr: float = 0.0
    ahead: float = nan
    rests: bool = False

    @property
    def waits(self) -> bool:
        """Whether it can still be filled."""
        return self.status not in ("complete", "cancelled", "rejected")

    @property
    def left(self) -> int:
        """Units that wait."""
        return self.request.quantity - self.filled if self.waits else 0

    @property
    def sign(self) -> int:
        """+1 bought, -1 sold."""
        return 1 if self.request.side == "BUY" else -1

    def booked(self) -> BookedOrder:
        """Return it as the order book shows it."""
        asked, contract = self.request, self.request.contract
        return BookedOrder(
            order_id=self.order_id, unique_id=self.order_id, tag=asked.tag,
            exchange=contract.exchange, token=contract.token, symbol=contract.symbol,
            side=asked.side, order_type=asked.order_type, product=asked.product,
            validity=asked.validity, variety=asked.variety, quantity=asked.quantity,
            filled=self.filled, unfilled=asked.quantity - self.filled, lot_size=contract.lot_size,
            price_inr=asked.price_inr, trigger_price_inr=asked.trigger_price_inr,
            average_price_inr=self.value_inr / self.filled if self.filled else nan,
            status=self.status, reason=self.reason,
            placed_at=self.placed_at, updated_at=self.updated_at,
        )  # fmt: skip


@dataclass(slots=True)
class PaperPosition:
    """Units of one contract under one product, and the rupees they changed hands for."""

    contract: Instrument
    product: Product
    bought: int = 0
    sold: int = 0
    bought_inr: float = 0.0
    sold_inr: float = 0.0

    @property
    def net(self) -> int:
        """Units held."""
        return self.bought - self.sold

    @property
    def kind(self) -> Kind:
        """What the tables of charges call it."""
        return kind_of(self.contract)

    def worth(self, mark: float) -> float:
        """Return what it has earned if it were closed at a price, before charges, rupees."""
        return self.sold_inr - self.bought_inr + (self.net * mark if self.net else 0.0)

    def shown(self, mark: float) -> OpenPosition:
        """Return it as an account's list of positions shows it."""
        buy = self.bought_inr / self.bought if self.bought else 0.0
        sell = self.sold_inr / self.sold if self.sold else 0.0
        realised = min(self.bought, self.sold) * (sell - buy)
        contract = self.contract
        return OpenPosition(
            contract.exchange, contract.token, contract.symbol, self.product, contract.lot_size,
            self.bought, self.sold, buy, sell, mark, realised, self.worth(mark) - realised,
        )  # fmt: skip


def kind_of(contract: Instrument) -> Kind:
    """Return what the tables of charges call a contract."""
    return "option" if contract.right else "future"


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
    """

    capital_inr: float = 0.0
    brokerage: Brokerage = "flat"
    day: date | None = None
    orders: dict[str, PaperOrder] = field(default_factory=dict)
    executions: list[OrderFill] = field(default_factory=list)
    held: dict[PositionKey, PaperPosition] = field(default_factory=dict)
    marks: dict[str, float] = field(default_factory=dict)
    earlier_inr: float = 0.0
    charges_inr: float = 0.0
    dawn_inr: float = 0.0
    stopped: str = ""
    stopped_at: datetime | None = None
    taken: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)
    by_tag: dict[str, str] = field(default_factory=dict)
    settled: dict[str, events.PositionSettled] = field(default_factory=dict)

    @property
    def equity_inr(self) -> float:
        """Capital and profit, marked to the last known prices, after charges, rupees."""
        open_inr = sum(one.worth(self.marks.get(token, nan)) for (token, _), one in self.held.items())
        return self.capital_inr + self.earlier_inr + open_inr - self.charges_inr

    @property
    def cash_inr(self) -> float:
        """Rupees on the account: premiums paid are gone, premiums received are there."""
        flows = 0.0
        for (token, _), one in self.held.items():
            future = one.kind == "future"
            flows += one.shown(self.marks[token]).realised_inr if future else one.sold_inr - one.bought_inr
        return self.capital_inr + self.earlier_inr + flows - self.charges_inr

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
        for key in [key for key, one in self.held.items() if not one.net]:
            self.earlier_inr += self.held.pop(key).worth(nan)

    @apply.register
    def _(self, event: events.OrderTaken) -> None:
        order = event.order
        status = "rejected" if event.reason else "trigger pending" if order.is_stop else "open"
        if order.after_market and not event.reason:
            status = "after market order req received"
        made = PaperOrder(event.order_id, order, order, event.at, event.at, status, event.reason)
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
    def _(self, event: events.TradingStopped) -> None:
        self.stopped, self.stopped_at = event.why, event.at

    @apply.register
    def _(self, _event: events.TradingResumed) -> None:
        self.stopped = ""

    def _charge(self, order: PaperOrder, at: datetime) -> None:
        """Brokerage is of an order, however many fills it has."""
        side: Literal["buy", "sell"] = "buy" if order.request.side == "BUY" else "sell"
        plan, kind = self.brokerage, kind_of(order.request.contract)
        total = float(order_charges(order.value_inr, side, in_ist(at).date(), plan, kind).total)
        self.charges_inr += total - order.charges_inr
        order.charges_inr = total
