"""A slow paper account from `docs/paper.md` alone: every rupee by adding up fills."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from math import ceil, floor, inf, isnan, nan
from random import Random
from typing import Literal

from kit.backtest.plan import QuoteFills
from kit.clock import square_off
from kit.evaluation.costs import order_charges
from kit.facts import fact
from kit.model import Instrument, OrderRequest
from kit.model.tick import Tick


class SlowOrder:
    """An order: `ahead` is what is before it at its price; None where that is not to be seen."""

    def __init__(self, turn: int, request: OrderRequest, day: date, number: int) -> None:
        self.day, self.name = day, f"{day:%y%m%d}{number:06d}"
        self.turn, self.request, self.token = turn, request, request.contract.token
        self.sign = 1 if request.side == "BUY" else -1
        self.left, self.price, self.trigger = request.quantity, request.price_inr, request.trigger_price_inr
        self.status = "trigger pending" if request.is_stop else "open"
        self.filled, self.value, self.ahead = 0, 0.0, None
        self.has_arrived = False

    @property
    def kind(self) -> Literal["option", "future"]:
        """What the tables of charges call it."""
        return "option" if self.request.contract.right else "future"

    @property
    def key(self) -> tuple[str, str]:
        """Contract and product."""
        return self.token, self.request.product

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
        self.ltp, self.volume, self.at = tick.ltp, tick.volume, tick.at
        self.name = f"{tick.at_ms} {tick.sequence}"
        self.touch = {1: tick.asks[0].price, -1: tick.bids[0].price}
        self.shown = {1: tick.asks[0].quantity, -1: tick.bids[0].quantity}
        known = before is not None and before.at.date() == tick.at.date()
        self.size, traded = dict(self.shown), tick.volume - before.volume if known else 0
        self.traded = {1: traded, -1: traded}

    @property
    def mid(self) -> float:
        """What it values a contract at."""
        return (self.touch[1] + self.touch[-1]) / 2


class SlowAccount:
    """Options and futures, with money enough for all of them."""

    def __init__(self, now: datetime, how: QuoteFills, slip: tuple[str, float], loss_inr: float) -> None:
        self.now, self.how, self.slip, self.loss_inr = now, how, slip, loss_inr
        self.orders: list[SlowOrder] = []
        self.quotes: dict[str, SlowQuote] = {}
        self.marks: dict[str, float] = {}
        self.contracts: dict[str, Instrument] = {}
        self.settled: list[tuple[str, str, int, float]] = []  # token, product, units sold and their rupees
        self.over: dict[tuple[str, str], dict[int, tuple[int, float]]] = {}  # closed on earlier days
        self.keys: dict[tuple[str, str], None] = {}  # what is held, the first filled first
        self.turns, self.stopped, self.dawn_inr, self.tax_inr = 0, "", 0.0, 0.0

    def see(self, tick: Tick) -> None:
        """Let waiting orders meet a quote, then square off, then look at the day's loss."""
        self.now = tick.at
        self.quotes[tick.token] = quote = SlowQuote(tick, self.quotes.get(tick.token))
        self.marks[tick.token] = quote.mid
        waiting = [one for one in self.orders if one.waits and one.token == tick.token]
        for order in sorted(waiting, key=lambda one: one.rank):
            self._meet(order, quote)
        if self.now >= square_off(self.now.date()):
            intraday = [one for one in self.orders if one.waits and one.request.product == "INTRADAY"]
            for order in intraday:
                order.status = "open" if order.request.order_type == "MARKET" else "cancelled"
            closing = {one.key for one in intraday if one.waits}
            nets = [one for one in self.nets() if one[1] == "INTRADAY" and (one[0], one[1]) not in closing]
            self._close(nets)
        if self.pnl_inr - self.dawn_inr <= -self.loss_inr and not self.stopped:
            self.stop("loss")

    def place(self, request: OrderRequest, *, forced: bool = False) -> SlowOrder:
        """Let an order meet the newest quote, if that is of this minute; or reject it."""
        self.turns += 1
        order = SlowOrder(self.turns, request, self.now.date(), len(self.orders) + 1)
        self.contracts[order.token] = request.contract
        if not forced and self._refuses(order):
            order.status = "rejected"
        self.orders.append(order)
        if order.waits and (quote := self.quotes.get(order.token)):
            self.marks[order.token] = quote.mid
            self._meet(order, quote)
        if order.waits and request.validity == "IOC":
            order.status = "cancelled"
        return order

    def _refuses(self, order: SlowOrder) -> bool:
        """Tell whether it is stopped, or late for INTRADAY, and this makes no position smaller."""
        net = sum(units for *key, units in self.nets() if tuple(key) == order.key)
        mine = [one for one in self.orders if one.waits and one.key == order.key]
        asked = order.left + sum(one.left for one in mine if one.sign == order.sign)
        if net * order.sign < 0 and asked <= abs(net):
            return False
        late = order.request.product == "INTRADAY" and self.now >= square_off(self.now.date())
        return bool(self.stopped) or late

    def stop(self, why: str) -> None:
        """Throw the kill switch."""
        for order in [one for one in self.orders if one.waits]:
            order.status = "cancelled"
        self.stopped = why
        self._close(self.nets())

    def _close(self, nets: list[tuple[str, str, int]]) -> None:
        for token, product, net in nets:
            side = "SELL" if net > 0 else "BUY"
            for done in range(0, abs(net), most := self.contracts[token].freeze_quantity or abs(net)):
                units = min(most, abs(net) - done)
                contract = self.contracts[token]
                request = OrderRequest(contract, side, units, order_type="MARKET", product=product)
                self.place(request, forced=True)

    def begin_day(self, now: datetime, level: float) -> None:
        """End the day's orders, close what is INTRADAY at its last price, settle what has expired."""
        last = self.turns
        self.quotes.clear()
        self._close([one for one in self.nets() if one[1] == "INTRADAY"])
        for order in [one for one in self.orders if one.waits and one.turn > last]:
            self._fill(order, order.left, self.marks[order.token])
        for order in [one for one in self.orders if one.waits]:
            order.status = "cancelled"
        for token, product, net in self.nets():
            if (contract := self.contracts[token]).expiry < now.date():
                worth = self._worth(contract, level)
                self.settled.append((token, product, net, net * worth))
                if contract.right and net > 0:
                    self.tax_inr += (
                        float(fact("charges", contract.expiry, item="stt_exercise")["value"]) * net * worth
                    )
        held = {(token, product): sides for token, product, sides in self.held()}
        self.over = {key: sides for key, sides in held.items() if sides[1][0] == sides[-1][0]}
        self.keys = {key: None for key in self.keys if key not in self.over}
        self.now, self.dawn_inr = now, self.pnl_inr
        self.stopped = "" if self.stopped == "loss" else self.stopped

    def _worth(self, contract: Instrument, level: float) -> float:
        inside = level - contract.strike if contract.right == "CE" else contract.strike - level
        return max(0.0, inside) if contract.right else level

    def modify(self, order: SlowOrder, quantity: int, price: float) -> None:
        """Let a changed order arrive anew, behind all others."""
        self.turns += 1
        order.turn, order.left = self.turns, quantity - order.filled
        order.has_arrived, order.ahead = False, None
        order.price = order.price if isnan(price) else price
        if quote := self.quotes.get(order.token):
            self._meet(order, quote)

    def restart(self) -> None:
        """Quotes and places in queues are not remembered."""
        self.quotes.clear()
        for order in self.orders:
            order.ahead, order.has_arrived = None, order.status == "open"

    def _meet(self, order: SlowOrder, quote: SlowQuote) -> None:
        if (self.now - quote.at).total_seconds() > 60:
            return
        if order.status == "trigger pending":
            if order.sign * (quote.ltp - order.trigger) < 0:
                return
            order.status = "open"
        limit, touch, size = order.price, quote.touch[order.sign], quote.size
        if self.how.model == "through" and not isnan(limit):
            if order.has_arrived and order.sign * (limit - quote.ltp) > 1e-9:
                self._pass(order, quote, whole_lots(order, quote.traded[order.sign]))
        elif got := self._at_mid(order, quote):
            size[order.sign] -= got[0]
            self._fill(order, got[0], self._worse(order, got[1], quote))
        elif isnan(limit) or order.sign * (limit - touch) >= -1e-9:
            got = whole_lots(order, size[order.sign])
            size[order.sign] -= got
            rests = order.has_arrived and not isnan(limit)
            self._fill(order, got, limit if rests else self._worse(order, touch, quote))
        elif order.has_arrived:
            self._queue(order, quote)
        if order.ahead is None and not isnan(limit):
            order.ahead = self._joined(order, quote)
        order.has_arrived = True

    def _fill(self, order: SlowOrder, units: int, price: float) -> None:
        if units:
            self.keys.setdefault(order.key)
        order.filled, order.left = order.filled + units, order.left - units
        order.value += units * price
        order.status = "open" if order.left else "complete"

    def _queue(self, order: SlowOrder, quote: SlowQuote) -> None:
        beyond, traded = order.sign * (order.price - quote.ltp), quote.traded[order.sign]
        if beyond > 1e-9 and traded:
            order.ahead = 0.0 if whole_lots(order, traded) else order.ahead
        elif beyond < -1e-9 or order.ahead is None:
            return
        else:
            order.ahead, traded = max(0.0, order.ahead - traded), traded - order.ahead
        self._pass(order, quote, whole_lots(order, traded))

    def _pass(self, order: SlowOrder, quote: SlowQuote, units: int) -> None:
        quote.traded[order.sign] -= units
        self._fill(order, units, order.price)

    def _at_mid(self, order: SlowOrder, quote: SlowQuote) -> tuple[int, float] | None:
        """Return units and the mid, to the tick against us, where the seeded chance gives it."""
        ticks = round(quote.mid / 0.05, 6)
        price = round((ceil(ticks) if order.sign > 0 else floor(ticks)) * 0.05, 2)
        chance = Random(f"{self.how.seed} {order.name} {quote.name}").random()
        misses = self.how.model != "mid" or chance >= self.how.chance
        if misses or order.sign * (order.price - price) < -1e-9:  # NaN: no limit
            return None
        units = whole_lots(order, quote.size[order.sign])
        return (units, price) if units else None

    def _worse(self, order: SlowOrder, price: float, quote: SlowQuote) -> float:
        """Return a price after slippage, to the nearest tick, never beyond the limit."""
        kind, amount = self.slip
        more = {"ticks": 0.05 * amount, "percent": price * amount / 100,
                "bar_range": amount * (quote.touch[1] - quote.touch[-1])}[kind]  # fmt: skip
        worse = round(max(1, floor(round((price + order.sign * more) / 0.05, 6) + 0.5)) * 0.05, 2)
        return worse if isnan(order.price) else order.sign * min(order.sign * worse, order.sign * order.price)

    def _joined(self, order: SlowOrder, quote: SlowQuote) -> float | None:
        improves = order.sign * (order.price - quote.touch[-order.sign])
        if abs(improves) < 1e-9:
            return self.how.ahead * quote.shown[-order.sign]
        return 0.0 if improves > 0 else None

    def held(self) -> Iterator[tuple[str, str, dict[int, tuple[int, float]]]]:
        """Yield token, product, and units and rupees bought (1) and sold (-1) of what was traded."""
        for token, product in [*self.keys, *(key for key in self.over if key not in self.keys)]:
            sides = {1: [0, 0.0], -1: [0, 0.0]}
            mine = [one for one in self.orders if one.key == (token, product)]
            for sign, units, value in [
                *((one.sign, one.filled, one.value) for one in mine),
                *((-1 if net > 0 else 1, abs(net), abs(value)) for name, under, net, value in self.settled
                  if (name, under) == (token, product)),
            ]:  # fmt: skip
                sides[sign] = [sides[sign][0] + units, sides[sign][1] + value]
            yield token, product, {sign: (units, value) for sign, (units, value) in sides.items()}

    def nets(self) -> list[tuple[str, str, int]]:
        """Return token, product and units of what is held."""
        return [
            (*key, sides[1][0] - sides[-1][0]) for *key, sides in self.held() if sides[1][0] != sides[-1][0]
        ]

    @property
    def charges_inr(self) -> float:
        """Those of each order's whole turnover."""
        sides = {1: "buy", -1: "sell"}
        return self.tax_inr + sum(
            order_charges(one.value, sides[one.sign], one.day, "flat", one.kind).total
            for one in self.orders
            if one.filled
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


def average(units: int, value: float) -> float:
    """Return a mean price; NaN where there is none."""
    return value / units if units else nan
