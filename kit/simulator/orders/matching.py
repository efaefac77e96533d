"""Matching: what an order gets from the exchange's seeded book and from other orders, second by second.

An order that arrives takes what is shown beyond its price, best price first, each level at its own price; an
own order that waits on the other side is part of that book, before what is shown at its price where nobody
stood ahead of it, else behind. What is left waits behind what is shown at its price (`ExchangeOrder.ahead`).
It is filled at its own price when the other side's best price comes to it, by as much as is shown there; and
while its price is the best of its side, by half of what trades, once those ahead of it have had theirs.
Nothing is given out twice: see `kit.simulator.orders.taken`. Of several own orders the better price, then the
older one, is served first.

The book is a pure function of seed and second but for what was taken from it. Half of what trades hits each
side: an assumption.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from kit.clock import IST, session
from kit.simulator.contracts import ListedContract
from kit.simulator.depth import LEVELS, level_sizes, levels
from kit.simulator.market import Market
from kit.simulator.orders.order import CANCELLED, OPEN, PENDING, REJECTED, ExchangeOrder, Execution
from kit.simulator.orders.protection import beyond, market_limit
from kit.simulator.orders.taken import TakenSizes
from kit.simulator.tape import Course


def at_second(second: int) -> datetime:
    """Return epoch seconds as exchange time."""
    return datetime.fromtimestamp(second, IST)


class Offer(NamedTuple):
    """What an order may take on the other side: of a level that is shown, or of an own order."""

    price: float
    turn: float
    units: int
    own: ExchangeOrder | None = None


class Matcher:
    """Serves orders from the book and remembers what it gave out.

    Parameters
    ----------
    market : Market
        Whose book.

    Attributes
    ----------
    taken : TakenSizes
        What is not in the seeded book any more.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._turns = count(1)
        self._given: Counter[tuple[str, str, int]] = Counter()  # of what traded, by the second
        self.taken = TakenSizes(self.course)

    def forget(self) -> None:
        """Forget what was given out: another day begins."""
        self._given.clear()
        self.taken.forget()

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
        best = float((seen.ask if order.is_buy else seen.bid)[0])
        return market_limit(order, float(seen.ltp[0]), best, at_second(second).date())

    def refuses(self, order: ExchangeOrder, second: int) -> str:
        """Return why the price of an order that reaches the book is not taken; empty where it is."""
        seen = self.course(order.contract, second, second)
        return "" if seen is None else beyond(order, float(seen.ltp[0]), at_second(second).date())

    def arrive(self, order: ExchangeOrder, second: int, book: Sequence[ExchangeOrder]) -> list[Execution]:
        """Let an open order take what it can reach; what is left waits, or ends where it may not.

        A limit beyond the price protection is rejected.

        Parameters
        ----------
        order : ExchangeOrder
            Which.
        second : int
            When, epoch seconds.
        book : sequence of ExchangeOrder
            All own orders.
        """
        order.turn = next(self._turns)
        if why := self.refuses(order, second):
            order.end(REJECTED, why, at_second(second))
            return []
        seen = self.course(order.contract, second, second)
        fills = [] if seen is None else list(self._crossed(order, seen, 0, book))
        if order.left and order.duration == "IOC":
            order.end(CANCELLED, "", at_second(second))
        elif order.left and seen is not None:
            order.ahead = self._waiting(order, seen)
        return fills

    def go_on(self, book: Sequence[ExchangeOrder], first_s: int, last_s: int) -> list[Execution]:
        """Let waiting orders have what comes to them from one second to another, both included.

        What happens earlier happens first; within a second the book first, then the stops that it triggers,
        and of each the better price, then the older order.
        """
        waiting: list[_Event] = []
        for place, order in enumerate(book):
            start_s = max(first_s, int(order.placed.timestamp()) + 1)
            if order.status in (OPEN, PENDING) and start_s <= last_s:
                seen = self.course(order.contract, start_s - 1, last_s)
                if seen is not None:
                    waiting += _next(WaitingOrder(order, seen, place), _at(seen, start_s))
        heapify(waiting)
        fills: list[Execution] = []
        while waiting:
            *_, number, one = heappop(waiting)
            second = int(one.seen.at_s[number])
            if one.order.status == PENDING:
                fills += self.trigger(one.order, second, book)
                one.watch()
            elif one.order.status == OPEN:
                fills += self._served(one, number)
            for event in _next(one, number + 1):
                heappush(waiting, event)
        return fills

    def trigger(self, order: ExchangeOrder, second: int, book: Sequence[ExchangeOrder]) -> list[Execution]:
        """Turn a stop order into an open one, with a protected limit where it named none."""
        if order.kind == "STOPLOSS_MARKET":
            order.price = self.protected(order, second)
        order.status, order.updated, order.triggered = OPEN, at_second(second), True
        return self.arrive(order, second, book)

    def is_triggered(self, order: ExchangeOrder, second: int) -> bool:
        """Tell whether the last price is already beyond a stop order's trigger."""
        seen = self.course(order.contract, second, second)
        return seen is not None and bool(_triggers(order, seen).any())

    def _crossed(
        self,
        order: ExchangeOrder,
        seen: Course,
        number: int,
        book: Sequence[ExchangeOrder],
        waited: bool = False,
    ) -> Iterator[Execution]:
        """Take from the other side what the order reaches, each offer at its own price, or at the order's."""
        second, lot = int(seen.at_s[number]), order.contract.lot
        offers = self._offers(order, seen, number, book)
        for price, _, units, own in sorted(offers, key=lambda one: (order.sign * one.price, one.turn)):
            if not order.left or not order.reaches(price):
                return
            if quantity := min(order.left, own.left if own else units) // lot * lot:
                yield order.fill(second, quantity, order.price if waited else price)
                if own:
                    yield own.fill(second, quantity, price)
                    continue
                self.taken.add(order.contract, not order.is_buy, price, quantity, second)
                for mine in _own(order, book):
                    if mine.price == price:
                        mine.ahead = max(0, (mine.ahead or 0) - quantity)

    def _served(self, one: WaitingOrder, number: int) -> Iterator[Execution]:
        """Fill a waiting order at its own price in one second."""
        order, second = one.order, int(one.seen.at_s[number])
        came, lot, key = int(one.flow[number]), order.contract.lot, (order.contract.token, order.side, second)
        if order.reaches(float(one.other[number])):
            yield from self._crossed(order, one.seen, number, (), waited=True)
            if order.left:
                self._given[key] += came  # it is before every worse price, and nothing trades past it
            return
        if one.same[number] != order.price:
            order.ahead = 0  # nobody is at its price any more
        first = min(came, order.ahead or 0)
        order.ahead = (order.ahead or 0) - first
        free = max(0, came - first - self._given[key])
        if quantity := min(order.left, free // lot * lot):
            self._given[key] += quantity
            yield order.fill(second, quantity, order.price)

    def _offers(
        self, order: ExchangeOrder, seen: Course, number: int, book: Sequence[ExchangeOrder]
    ) -> Iterator[Offer]:
        """Yield the other side: the seeded book, less what was taken, the own orders each in its turn."""
        gone = self.taken.pass_to(order.contract, not order.is_buy, int(seen.at_s[number]))
        shown = {level["price"]: max(0, level["quantity"] - gone.get(level["price"], 0))
                 for level in self._levels(order, seen, number, other=True) if level["quantity"]}  # fmt: skip
        for own in _own(order, book):
            before = min(own.ahead or 0, shown.get(own.price, 0))
            if before:
                shown[own.price] -= before
                yield Offer(own.price, own.turn - 0.5, before)
            yield Offer(own.price, own.turn, own.left, own)
        yield from (Offer(price, float("inf"), units) for price, units in shown.items())

    def _levels(self, order: ExchangeOrder, seen: Course, number: int, other: bool) -> list[dict[str, Any]]:
        contract, second = order.contract, int(seen.at_s[number])
        sizes = level_sizes(self._market.seed, [contract], at_second(second))[0]
        if order.is_buy == other:
            return levels(float(seen.ask[number]), contract.tick, contract.lot, sizes[LEVELS:])
        return levels(float(seen.bid[number]), -contract.tick, contract.lot, sizes[:LEVELS])

    def _waiting(self, order: ExchangeOrder, seen: Course) -> int:
        """Return what is shown at an order's own price; deeper down, as much as the seed has last."""
        shown = self._levels(order, seen, 0, other=False)
        best = shown[0]["price"]
        if not best or (order.price > best if order.is_buy else order.price < best):
            return 0
        level = shown[min(round(abs(order.price - best) / order.contract.tick), LEVELS - 1)]
        gone = self.taken.pass_to(order.contract, order.is_buy, int(seen.at_s[0])).get(order.price, 0)
        return max(0, int(level["quantity"]) - gone)


class WaitingOrder:
    """An own order and what its contract shows while it waits.

    Parameters
    ----------
    order : ExchangeOrder
        Open, or pending its trigger.
    seen : Course
        Of its contract, from the second before the first that counts.
    place : int
        In the book.
    """

    def __init__(self, order: ExchangeOrder, seen: Course, place: int) -> None:
        self.order, self.seen, self.place = order, seen, place
        self.same, self.other = (seen.bid, seen.ask) if order.is_buy else (seen.ask, seen.bid)
        half = np.floor(seen.volume / 2 / order.contract.lot) * order.contract.lot
        self.flow = np.diff(half, prepend=half[:1]).astype(int)
        self.watch()

    def watch(self) -> None:
        """Look again at which seconds something comes to it: its trigger, or its price."""
        order = self.order
        if order.status == PENDING:
            comes = _triggers(order, self.seen)
        else:
            comes = (self.same <= order.price if order.is_buy else self.same >= order.price) & (
                self.other > 0
            )
        self.numbers = np.flatnonzero(comes)

    def number_from(self, start: int) -> int | None:
        """Return the place of the first such second from a place on."""
        at = int(np.searchsorted(self.numbers, start))
        return int(self.numbers[at]) if at < self.numbers.size else None


# Second, stops last, worse price last, age, place in the book, its place in the course.
_Event = tuple[int, bool, float, int, int, int, WaitingOrder]


def _next(one: WaitingOrder, start: int) -> list[_Event]:
    """Return the next second at which something comes to an order that still works, if any does."""
    order, number = one.order, one.number_from(start)
    if number is None or order.status not in (OPEN, PENDING):
        return []
    is_stop = order.status == PENDING
    worse = 0.0 if is_stop else -order.sign * order.price
    return [(int(one.seen.at_s[number]), is_stop, worse, order.turn, one.place, number, one)]


def _own(order: ExchangeOrder, book: Sequence[ExchangeOrder]) -> list[ExchangeOrder]:
    """Return the own orders that wait on the other side, older ones first."""
    found = [one for one in book if one.status == OPEN and one.contract.token == order.contract.token]
    return sorted((one for one in found if one.side != order.side), key=lambda one: one.turn)


def _at(seen: Course, second: int) -> int:
    return int(np.searchsorted(seen.at_s, second))


def _triggers(order: ExchangeOrder, seen: Course) -> Any:
    """Tell of each second whether the last price is at or beyond the trigger."""
    return seen.ltp >= order.trigger if order.is_buy else seen.ltp <= order.trigger
