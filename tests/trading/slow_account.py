"""A slow paper account from `docs/paper.md` alone: the `touch` model, every rupee by adding up fills."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from math import inf, isnan, nan

from kit.evaluation.costs import order_charges
from kit.model import OrderRequest
from kit.model.tick import Tick


class SlowOrder:
    """An order: `ahead` is what is before it at its price; None where that is not to be seen."""

    def __init__(self, turn: int, request: OrderRequest) -> None:
        self.turn, self.request, self.token = turn, request, request.contract.token
        self.sign = 1 if request.side == "BUY" else -1
        self.left, self.price, self.trigger = request.quantity, request.price_inr, request.trigger_price_inr
        self.status = "trigger pending" if request.is_stop else "open"
        self.filled, self.value, self.ahead = 0, 0.0, None
        self.has_arrived = False

    @property
    def waits(self) -> bool:
        """Whether it can still be filled."""
        return self.status in ("open", "trigger pending")

    @property
    def rank(self) -> tuple[float, int]:
        """No limit first, then the better price, then the older."""
        return (-inf if isnan(self.price) else -self.sign * self.price), self.turn


class SlowQuote:
    """A quote: shown, and what our own orders have left of it."""

    def __init__(self, tick: Tick, before: SlowQuote | None) -> None:
        self.ltp, self.volume = tick.ltp, tick.volume
        self.touch = {1: tick.asks[0].price, -1: tick.bids[0].price}
        self.shown = {1: tick.asks[0].quantity, -1: tick.bids[0].quantity}
        self.size, traded = dict(self.shown), tick.volume - before.volume if before else 0
        self.traded = {1: traded, -1: traded}

    @property
    def mid(self) -> float:
        """What it values a contract at."""
        return (self.touch[1] + self.touch[-1]) / 2


class SlowAccount:
    """Options only, with money enough for all of them."""

    def __init__(self, day: date, ahead: float, slip_ticks: int, loss_inr: float) -> None:
        self.day, self.ahead, self.slip, self.loss_inr = day, ahead, slip_ticks * 0.05, loss_inr
        self.orders: list[SlowOrder] = []
        self.quotes: dict[str, SlowQuote] = {}
        self.marks: dict[str, float] = {}
        self.turns, self.is_stopped = 0, False

    def see(self, tick: Tick) -> None:
        """Let waiting orders meet a quote."""
        self.quotes[tick.token] = quote = SlowQuote(tick, self.quotes.get(tick.token))
        self.marks[tick.token] = quote.mid
        waiting = [one for one in self.orders if one.waits and one.token == tick.token]
        for order in sorted(waiting, key=lambda one: one.rank):
            self._meet(order, quote)
        if self.pnl_inr <= -self.loss_inr:
            self.is_stopped = True

    def place(self, request: OrderRequest) -> SlowOrder:
        """Let an order meet the newest quote."""
        self.turns += 1
        order = SlowOrder(self.turns, request)
        self.orders.append(order)
        self._meet(order, self.quotes[order.token])
        if order.waits and request.validity == "IOC":
            order.status = "cancelled"
        return order

    def modify(self, order: SlowOrder, quantity: int, price: float) -> None:
        """Let a changed order arrive anew, behind all others."""
        self.turns += 1
        order.turn, order.left = self.turns, quantity - order.filled
        order.has_arrived, order.ahead = False, None
        order.price = order.price if isnan(price) else price
        self._meet(order, self.quotes[order.token])

    def restart(self) -> None:
        """Quotes and places in queues are not remembered."""
        self.quotes.clear()
        for order in self.orders:
            order.ahead, order.has_arrived = None, order.status == "open"

    def _meet(self, order: SlowOrder, quote: SlowQuote) -> None:
        if order.status == "trigger pending":
            if order.sign * (quote.ltp - order.trigger) < 0:
                return
            order.status = "open"
        limit, touch, size = order.price, quote.touch[order.sign], quote.size
        if isnan(limit) or order.sign * (limit - touch) >= -1e-9:
            got = whole_lots(order, size[order.sign])
            size[order.sign] -= got
            worse = round(touch + order.sign * self.slip, 2)
            if not isnan(limit):
                worse = (
                    limit if order.has_arrived else order.sign * min(order.sign * worse, order.sign * limit)
                )
            fill(order, got, worse)
        elif order.has_arrived:
            self._queue(order, quote)
        if order.ahead is None and not isnan(limit):
            order.ahead = self._joined(order, quote)
        order.has_arrived = True

    def _queue(self, order: SlowOrder, quote: SlowQuote) -> None:
        beyond, traded = order.sign * (order.price - quote.ltp), quote.traded[order.sign]
        if beyond > 1e-9 and traded:
            order.ahead = 0.0 if whole_lots(order, traded) else order.ahead
        elif beyond < -1e-9 or order.ahead is None:
            return
        else:
            order.ahead, traded = max(0.0, order.ahead - traded), traded - order.ahead
        got = whole_lots(order, traded)
        quote.traded[order.sign] -= got
        fill(order, got, order.price)

    def _joined(self, order: SlowOrder, quote: SlowQuote) -> float | None:
        improves = order.sign * (order.price - quote.touch[-order.sign])
        if abs(improves) < 1e-9:
            return self.ahead * quote.shown[-order.sign]
        return 0.0 if improves > 0 else None

    def held(self) -> Iterator[tuple[str, str, dict[int, tuple[int, float]]]]:
        """Yield token, product, and units and rupees bought (1) and sold (-1) of what was traded."""
        keys = dict.fromkeys((one.token, one.request.product) for one in self.orders if one.filled)
        for token, product in keys:
            sides = {}
            for sign in (1, -1):
                mine = [
                    one
                    for one in self.orders
                    if (one.token, one.request.product, one.sign) == (token, product, sign)
                ]
                sides[sign] = sum(one.filled for one in mine), sum(one.value for one in mine)
            yield token, product, sides

    @property
    def charges_inr(self) -> float:
        """Those of each order's whole turnover."""
        sides = {1: "buy", -1: "sell"}
        return sum(
            order_charges(one.value, sides[one.sign], self.day).total for one in self.orders if one.filled
        )

    @property
    def pnl_inr(self) -> float:
        """What the fills brought and what is held is worth, after charges."""
        gross = sum(
            sides[-1][1] - sides[1][1] + (sides[1][0] - sides[-1][0]) * self.marks[token]
            for token, _, sides in self.held()
        )
        return gross - self.charges_inr


def whole_lots(order: SlowOrder, units: float) -> int:
    """Return how much of some units an order can have."""
    lot = order.request.contract.lot_size
    return int(max(0.0, min(order.left, units)) // lot) * lot


def fill(order: SlowOrder, units: int, price: float) -> None:
    """Give an order some units."""
    order.filled, order.left = order.filled + units, order.left - units
    order.value += units * price
    order.status = "open" if order.left else "complete"


def average(units: int, value: float) -> float:
    """Return a mean price; NaN where there is none."""
    return value / units if units else nan
