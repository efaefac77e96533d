"""Matching: what an order gets from the exchange's seeded book, second by second.

An order that arrives takes what is shown beyond its price, best price first, each level at its own price.
What is left waits behind what is shown at its price (`ExchangeOrder.ahead`). It is filled at its own price
when the other side's best price comes to it, by as much as is shown there; and while its price is the best of
its side, by half of what trades, once those ahead of it have had theirs. Nothing is given out twice in one
second, and of several own orders the better price, then the older one, is served first. Own orders do not
meet each other.

The book is a pure function of seed and second; it does not move when it is taken from. Half of what trades
hits each side: an assumption.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np

from kit.clock import IST, session
from kit.simulator.contracts import TICK, ListedContract
from kit.simulator.depth import LEVELS, level_sizes, levels
from kit.simulator.market import Market
from kit.simulator.orders.order import CANCELLED, OPEN, PENDING, ExchangeOrder, Execution
from kit.simulator.tape import Course

# What a price is protected by, as a fraction of it, by the last price: an assumption of the exchange here;
# brokers publish bands of this order (market price protection).
_PROTECTION = ((10.0, 0.05), (100.0, 0.03), (500.0, 0.02), (float("inf"), 0.01))


def at_second(second: int) -> datetime:
    """Return epoch seconds as exchange time."""
    return datetime.fromtimestamp(second, IST)


class Matcher:
    """Serves orders from the seeded book and remembers what it gave out.

    Parameters
    ----------
    market : Market
        Whose book.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._given: Counter[tuple[Any, ...]] = Counter()

    def forget(self) -> None:
        """Forget what was given out: another day begins."""
        self._given.clear()

    def course(self, contract: ListedContract, first_s: int, last_s: int) -> Course | None:
        """Return what a contract shows from second to second, both included, while it trades; else None."""
        day = at_second(last_s).date()
        parts = session(day, "derivatives" if contract.expiry else "cash").continuous
        ends = [(int(part.open.timestamp()), int(part.close.timestamp())) for part in parts]
        spans = [np.arange(max(first_s, opens), min(last_s + 1, closes)) for opens, closes in ends]
        seconds = np.concatenate(spans)
        return self._market.course(contract, day, seconds) if seconds.size else None

    def protected(self, order: ExchangeOrder, second: int) -> float:
        """Return the limit that stands in for none: the other side's best price and a margin, on the tick."""
        seen = self.course(order.contract, second, second)
        if seen is None:
            return 0.0
        ltp = float(seen.ltp[0])
        share = next(share for most, share in _PROTECTION if ltp < most)
        best = float((seen.ask if order.is_buy else seen.bid)[0]) or ltp
        ticks = best * (1 + order.sign * share) / TICK
        return float(max(np.ceil(ticks) if order.is_buy else np.floor(ticks), 1)) / round(1 / TICK)

    def arrive(self, order: ExchangeOrder, second: int) -> list[Execution]:
        """Let an open order take what it can reach; what is left waits, or ends where it may not."""
        seen = self.course(order.contract, second, second)
        fills = [] if seen is None else list(self._taken(order, seen, 0))
        if order.left and order.duration == "IOC":
            order.end(CANCELLED, "", at_second(second))
        elif order.left and seen is not None:
            order.ahead = self._waiting(order, seen)
        return fills

    def go_on(self, order: ExchangeOrder, first_s: int, last_s: int) -> list[Execution]:
        """Let a waiting order have what comes to it from one second to another, both included."""
        seen = self.course(order.contract, first_s - 1, last_s)
        if seen is None:
            return []
        start, fills = _at(seen, first_s), list[Execution]()
        if order.status == PENDING:
            found = _triggered(order, seen, first_s)
            if found is None:
                return []
            start, fills = found + 1, self.trigger(order, int(seen.at_s[found]))
        return fills + (list(self._served(order, seen, start)) if order.status == OPEN else [])

    def trigger(self, order: ExchangeOrder, second: int) -> list[Execution]:
        """Turn a stop order into an open one, with a protected limit where it named none."""
        if order.kind == "STOPLOSS_MARKET":
            order.price = self.protected(order, second)
        order.status, order.updated = OPEN, at_second(second)
        return self.arrive(order, second)

    def is_triggered(self, order: ExchangeOrder, second: int) -> bool:
        """Tell whether the last price is already beyond a stop order's trigger."""
        seen = self.course(order.contract, second, second)
        return seen is not None and _triggered(order, seen) is not None

    def _taken(self, order: ExchangeOrder, seen: Course, number: int) -> Iterator[Execution]:
        """Take from the levels of the other side that the order reaches, each at its own price."""
        second, key = int(seen.at_s[number]), (order.contract.token, order.side)
        for place, level in enumerate(self._levels(order, seen, number, other=True)):
            if not order.left or not level["quantity"] or not order.reaches(level["price"]):
                return
            yield from self._give(order, second, level["quantity"], level["price"], (*key, place, second))

    def _served(self, order: ExchangeOrder, seen: Course, start: int) -> Iterator[Execution]:
        """Fill a waiting order at its own price while time goes on."""
        same, other = (seen.bid, seen.ask) if order.is_buy else (seen.ask, seen.bid)
        at_best = (same <= order.price if order.is_buy else same >= order.price) & (other > 0)
        half = np.floor(seen.volume / 2 / order.contract.lot) * order.contract.lot
        flow = np.diff(half, prepend=half[:1]).astype(int)
        for number in (np.flatnonzero(at_best[start:]) + start).tolist():
            second, key = int(seen.at_s[number]), (order.contract.token, order.side)
            if order.reaches(float(other[number])):
                for fill in self._taken(order, seen, number):
                    order.paid += fill.quantity * (order.price - fill.price)  # it waited: its own price
                    yield fill._replace(price=order.price)
            else:
                if same[number] != order.price:
                    order.ahead = 0  # nobody is at its price any more
                came = int(flow[number])
                first = min(came, order.ahead or 0)
                order.ahead = (order.ahead or 0) - first
                yield from self._give(order, second, came, order.price, (*key, "flow", second), first)
            if not order.left:
                return

    def _give(
        self,
        order: ExchangeOrder,
        second: int,
        shown: int,
        price: float,
        key: tuple[Any, ...],
        others: int = 0,
    ) -> Iterator[Execution]:
        """Give out of what is shown what nobody has had yet, in whole lots."""
        lot = order.contract.lot
        free = max(0, shown - others - self._given[key])
        quantity = min(order.left, free // lot * lot)
        if quantity:
            self._given[key] += quantity
            yield order.fill(second, quantity, price)

    def _levels(self, order: ExchangeOrder, seen: Course, number: int, other: bool) -> list[dict[str, Any]]:
        contract, second = order.contract, int(seen.at_s[number])
        sizes = level_sizes(self._market.seed, [contract], at_second(second))[0]
        if order.is_buy == other:
            return levels(float(seen.ask[number]), TICK, contract.lot, sizes[LEVELS:])
        return levels(float(seen.bid[number]), -TICK, contract.lot, sizes[:LEVELS])

    def _waiting(self, order: ExchangeOrder, seen: Course) -> int:
        """Return what is shown at an order's own price; deeper down, as much as at the last level."""
        shown = self._levels(order, seen, 0, other=False)
        best = shown[0]["price"]
        if not best or (order.price > best if order.is_buy else order.price < best):
            return 0
        place = min(round(abs(order.price - best) / TICK), LEVELS - 1)
        return int(shown[place]["quantity"])


def _at(seen: Course, second: int) -> int:
    return int(np.searchsorted(seen.at_s, second))


def _triggered(order: ExchangeOrder, seen: Course, since: int = 0) -> int | None:
    """Return the place of the first second at which the last price is at or beyond the trigger."""
    start = _at(seen, since)
    ltp = seen.ltp[start:]
    found = np.flatnonzero(ltp >= order.trigger if order.is_buy else ltp <= order.trigger)
    return int(found[0]) + start if found.size else None
