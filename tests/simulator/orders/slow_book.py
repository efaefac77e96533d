"""The book of the slow exchange from `docs/simulator.md` alone: what an order meets in one second."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from functools import cache
from math import ceil, floor, inf, isnan
from typing import Any

import numpy as np

from kit.clock import IST, Segment, is_session, session
from kit.simulator.contracts import ListedContract
from kit.simulator.depth import level_sizes, levels
from kit.simulator.market import Market

OPEN, PENDING, NIGHT = "open", "trigger pending", "after market order req received"
PROTECTED = ((10, 0.05), (100, 0.03), (500, 0.02), (inf, 0.01))
Key = tuple[str, str]


@cache
def hours_of(day: date, segment: Segment) -> tuple[datetime, datetime]:
    """Return from when to when a segment trades."""
    if not is_session(day):
        return (datetime.combine(date.max, time(), IST),) * 2
    parts = session(day, segment).continuous
    return parts[0].open, parts[-1].close


@dataclass(eq=False)
class SlowOrder:
    """An order; `trigger` is 0 where it waits for none."""

    contract: ListedContract
    sign: int
    quantity: int
    limit: float
    trigger: float
    product: str
    is_ioc: bool = False
    status: str = OPEN
    turn: int = 0
    ahead: float = 0.0
    fills: list[tuple[float, int]] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Units that it still wants."""
        return self.quantity - sum(units for _, units in self.fills)

    @property
    def key(self) -> Key:
        """Contract and product."""
        return self.contract.token, self.product

    def fits(self, price: float) -> bool:
        """Tell whether it trades at a price."""
        return self.sign * (self.limit - price) > -1e-9


class SlowBook:
    """Own orders in the market's book; units bought (1) and sold (-1) by contract and product."""

    def __init__(self, market: Market, now: datetime) -> None:
        self.market, self.now, self.second, self.turns = market, now, int(now.timestamp()), 0
        self.orders: list[SlowOrder] = []
        self.contracts: dict[str, ListedContract] = {}
        self.held: dict[Key, Counter[int]] = {}
        self.spent = 0.0
        self.taken: dict[tuple[str, int], Counter[float]] = {}
        self._days: dict[tuple[str, date], tuple[int, Any]] = {}

    def hours(self, contract: ListedContract) -> tuple[datetime, datetime]:
        """Return when it trades on this day."""
        return hours_of(self.now.date(), "derivatives" if contract.expiry else "cash")

    def seen(self, contract: ListedContract, back: int = 0) -> tuple[float, float, float, float]:
        """Return last price, bid, ask and units traded of a second."""
        key, (opens, closes) = (contract.token, self.now.date()), self.hours(contract)
        if key not in self._days:
            at_s = np.arange(int(opens.timestamp()), int(closes.timestamp()))
            day = self.market.course(contract, key[1], at_s)
            self._days[key] = int(at_s[0]), np.array([day.ltp, day.bid, day.ask, day.volume]).T
        begin, rows = self._days[key]
        return tuple(rows[max(self.second - back - begin, 0)].tolist())

    def shown(self, contract: ListedContract, sign: int, whole: bool = False) -> list[tuple[float, int]]:
        """Return the levels that a buyer (1) or a seller (-1) takes from, less what was taken, or whole."""
        _, bid, ask, _ = self.seen(contract)
        sizes = level_sizes(7, [contract], self.now)[0]
        best, part = (ask, sizes[5:]) if sign > 0 else (bid, sizes[:5])
        rows = levels(best, sign * contract.tick, contract.lot, part)
        gone = Counter() if whole else self.taken.setdefault((contract.token, sign), Counter())
        return [(row["price"], max(0, row["quantity"] - gone[row["price"]])) for row in rows if row["price"]]

    def trades(self, contract: ListedContract) -> bool:
        """Tell whether a contract trades in this second."""
        opens, closes = self.hours(contract)
        return opens <= self.now < closes

    def arrive(self, order: SlowOrder) -> None:
        """Let an order meet the book of this second, and wait where it may."""
        self.turns += 1
        order.turn, order.status = self.turns, OPEN
        if order.trigger and order.sign * (self.seen(order.contract)[0] - order.trigger) < 0:
            order.status = PENDING
            return
        order.trigger = 0.0
        if isnan(order.limit):
            order.limit = self._protected(order)
        if not self.near_enough(order):
            order.status = "rejected"
            return
        met = sorted(self._against(order), key=lambda one: (order.sign * one[0], one[1]))
        for price, _, units, own in met:
            if (got := min(order.left, units)) and order.fits(price):
                self._fill(order, price, got)
                self._fill(own, price, got) if own else self._take(order, price, got)
        if order.left and order.is_ioc:
            order.status = "cancelled"
        elif rows := self.shown(order.contract, -order.sign):
            deep = round(order.sign * (rows[0][0] - order.limit) / order.contract.tick)
            if deep >= len(rows):  # below what is shown nothing was taken: the last level as it was
                order.ahead = self.shown(order.contract, -order.sign, whole=True)[-1][1]
            else:
                order.ahead = rows[deep][1] if deep >= 0 else 0.0

    def _against(self, order: SlowOrder) -> list[tuple[float, float, int, SlowOrder | None]]:
        """Return who is met: price, turn, units; at a price those of the market who were there before us."""
        rows, found = dict(self.shown(order.contract, order.sign)), []
        for own in self._waiting(order.contract, -order.sign):
            before = int(min(own.ahead, rows.get(own.limit, 0)))
            found += [(own.limit, own.turn - 0.5, before, None), (own.limit, own.turn, own.left, own)]
            if before:
                rows[own.limit] -= before
        return found + [(price, np.inf, units, None) for price, units in rows.items()]

    def near_enough(self, order: SlowOrder) -> bool:
        """Tell whether a limit of an option is within the price protection: 20 rupees up to 50, else 40 %."""
        ltp = self.seen(order.contract)[0]
        apart = 20 if ltp <= 50 else 0.4 * ltp
        return order.contract.right not in ("CE", "PE") or order.sign * (order.limit - ltp) <= apart + 1e-9

    def _protected(self, order: SlowOrder) -> float:
        ltp, bid, ask, _ = self.seen(order.contract)
        share, tick = next(share for most, share in PROTECTED if ltp < most), order.contract.tick
        ticks = ((ask if order.sign > 0 else bid) or ltp) * (1 + order.sign * share) / tick
        ticks = max(1, ceil(ticks) if order.sign > 0 else floor(ticks))
        while not self.near_enough(replace(order, limit=ticks * tick)):
            ticks -= order.sign
        return round(ticks * tick, 2)

    def _waiting(self, contract: ListedContract, sign: int) -> list[SlowOrder]:
        mine = [one for one in self.orders if one.status == OPEN and one.contract.token == contract.token]
        return sorted(
            (one for one in mine if one.sign == sign), key=lambda one: (-sign * one.limit, one.turn)
        )

    def _take(self, order: SlowOrder, price: float, units: int) -> None:
        self.taken.setdefault((order.contract.token, order.sign), Counter())[price] += units
        for own in self._waiting(order.contract, -order.sign):
            own.ahead = max(0.0, own.ahead - units) if own.limit == price else own.ahead

    def _fill(self, order: SlowOrder, price: float, units: int) -> None:
        order.fills.append((price, units))
        self.held.setdefault(order.key, Counter())[order.sign] += units
        self.spent += order.sign * units * price
        order.status = order.status if order.left else "complete"

    def pass_levels(self) -> None:
        """Forget what was taken of levels that are not among the five any more."""
        for (token, sign), gone in self.taken.items():
            if self.trades(contract := self.contracts[token]):
                best = self.seen(contract)[2 if sign > 0 else 1]
                for price in [one for one in gone if not -0.5 < sign * (one - best) / contract.tick < 4.5]:
                    del gone[price]

    def serve(self, order: SlowOrder, given: Counter[tuple[str, int]]) -> None:
        """Give a waiting order what comes to it in this second, at its own price."""
        contract, sign = order.contract, order.sign
        _, bid, ask, volume = self.seen(contract)
        near, far = (bid, ask) if sign > 0 else (ask, bid)
        halves = [one / 2 // contract.lot * contract.lot for one in (self.seen(contract, 1)[3], volume)]
        flow = halves[1] - halves[0]
        if far and order.fits(far):
            for price, units in self.shown(contract, sign):
                if order.fits(price) and (got := min(units, order.left)):
                    self._fill(order, order.limit, got)
                    self._take(order, price, got)
            given[contract.token, sign] += flow if order.left else 0
        elif far and order.fits(near):
            past = min(order.ahead if order.limit == near else 0.0, flow)
            order.ahead = order.ahead - past if order.limit == near else 0.0
            free = max(0.0, flow - past - given[contract.token, sign])
            if got := int(min(order.left, free) // contract.lot * contract.lot):
                given[contract.token, sign] += got
                self._fill(order, order.limit, got)


def in_turn(order: SlowOrder) -> tuple[bool, float, int]:
    """Order the book before the stops, the better price before the worse, the older before the younger."""
    is_stop = order.status == PENDING
    return is_stop, 0.0 if is_stop else -order.sign * order.limit, order.turn
