"""A slow exchange from `docs/simulator.md` alone: every second one by one, every order for itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from math import inf, nan
from typing import get_args

from kit.clock import IST, Segment, is_session
from kit.simulator.contracts import ListedContract
from kit.simulator.market import Market
from tests.simulator.orders.slow_book import NIGHT, OPEN, PENDING, Key, SlowBook, SlowOrder, hours_of, in_turn


@dataclass(eq=False)
class SlowRule:
    """A GTT rule: its order, and whether the last price has to rise to the trigger."""

    order: SlowOrder
    trigger: float
    rises: bool
    status: str = "NEW"


class SlowExchange(SlowBook):
    """An account with money for everything."""

    def __init__(self, market: Market, now: datetime) -> None:
        super().__init__(market, now)
        self.rules: list[SlowRule] = []
        self.carried: Counter[Key] = Counter()
        self.shares: Counter[str] = Counter()

    def net(self, key: Key) -> int:
        """Return the units held."""
        return self.held.get(key, Counter())[1] - self.held.get(key, Counter())[-1]

    def place(self, order: SlowOrder, *, is_amo: bool = False, band: tuple[float, float] = (0, inf)) -> None:
        """Take an order, or reject it."""
        contract, trades = order.contract, self.trades(order.contract)
        self.contracts[contract.token] = contract
        self.orders.append(order)
        hour = is_amo if trades else order.is_ioc and not is_amo
        late = trades and order.product == "INTRADAY" and not self.takes_intraday(contract)
        if hour or late or not self._fits(order, band):
            order.status = "rejected"
        elif trades:
            self.arrive(order)
        else:
            order.status = NIGHT

    def takes_intraday(self, contract: ListedContract) -> bool:
        """Tell whether INTRADAY is not squared off yet."""
        return self.trades(contract) and self.now < self.hours(contract)[1] - timedelta(minutes=15)

    def move(self, token: str, old: str, new: str, units: int) -> None:
        """Move units of today, sold ones negative, to another product."""
        sign = 1 if units > 0 else -1
        self.held[token, old][sign] -= abs(units)
        self.held.setdefault((token, new), Counter())[sign] += abs(units)

    def modify(self, order: SlowOrder, quantity: int, limit: float, band: tuple[float, float]) -> None:
        """Let a changed order arrive anew, where the change fits."""
        before = order.quantity, order.limit
        order.quantity, order.limit = quantity, limit
        if not self._fits(order, band) or (order.status == OPEN and not self.near_enough(order)):
            order.quantity, order.limit = before
        elif order.status != NIGHT:
            self.arrive(order)

    def _fits(self, order: SlowOrder, band: tuple[float, float]) -> bool:
        contract = order.contract
        for price in (order.limit, order.trigger):
            ticks = price / contract.tick
            if price > 0 and (abs(ticks - round(ticks)) > 1e-6 or not band[0] <= price <= band[1]):
                return False
        if order.product == "DELIVERY" and order.sign < 0 and self._has(order) < order.left:
            return False
        return order.quantity % contract.lot == 0 and (not contract.expiry or order.quantity <= 600)

    def _has(self, order: SlowOrder) -> int:
        others = [one for one in self.orders if one is not order and one.key == order.key and one.sign < 0]
        asked = sum(one.left for one in others if one.status in (OPEN, PENDING, NIGHT))
        return self.net(order.key) + self.shares[order.contract.token] - asked

    def until(self, now: datetime) -> None:
        """Let every second pass; where nothing waits only the whole minutes, on which all hours lie."""
        end = int(now.timestamp())
        while self.second < end:
            waits = any(one.status in (OPEN, PENDING) for one in self.orders) or any(self.taken.values())
            rules = any(one.status == "NEW" and self.trades(one.order.contract) for one in self.rules)
            self.second = self.second + 1 if waits or rules else min(end, self.second // 60 * 60 + 60)
            self.now = datetime.fromtimestamp(self.second, IST)
            self._pass()

    def _pass(self) -> None:
        """Within a second: orders, the better price first, then rules, then what the hour brings."""
        if self.now.time() == time():
            self._begin_day()
        if not is_session(self.now.date()):
            return
        self.pass_levels()
        working = [one for one in self.orders if one.status in (OPEN, PENDING) and self.trades(one.contract)]
        given: Counter[tuple[str, int]] = Counter()
        for order in sorted(working, key=in_turn):
            if order.status == PENDING:
                self.arrive(order)
            elif order.status == OPEN:
                self.serve(order, given)
        for rule in [one for one in self.rules if one.status == "NEW" and self.trades(one.order.contract)]:
            away = self.seen(rule.order.contract)[0] - rule.trigger
            if away >= 0 if rule.rises else away <= 0:
                rule.status = "SENTTOEXCHANGE"
                self.place(rule.order)
        for segment in get_args(Segment):
            self._hour(segment)

    def _begin_day(self) -> None:
        self.orders = [one for one in self.orders if one.status == NIGHT]
        self.taken.clear()
        for token, product in self.held:
            if product == "DELIVERY":
                self.shares[token] += self.net((token, product))
        kept = [key for key in self.held if self.net(key) and key[1] != "DELIVERY"]
        self.held = {key: Counter({1: self.net(key)}) for key in kept}
        self.carried = Counter({key: sides[1] for key, sides in self.held.items()})

    def _hour(self, segment: Segment) -> None:
        """Send the night's orders, square off, end the day's orders and settle what expires."""
        mine = [one for one in self.orders if (one.contract.expiry is None) is (segment == "cash")]
        opens, closes = hours_of(self.now.date(), segment)
        if self.now == opens:
            for order in [one for one in mine if one.status == NIGHT]:
                self.arrive(order)
                if order.contract.expiry and order.contract.expiry < self.now.date():
                    order.status = "rejected"
        if self.now == closes - timedelta(minutes=15):
            _end([one for one in mine if one.product == "INTRADAY"])
            for key in [one for one in self.held if one[1] == "INTRADAY"]:
                if (self.contracts[key[0]].expiry is None) is (segment == "cash"):
                    self._square_off(self.contracts[key[0]], self.net(key))
        if self.now == closes:
            _end(mine)
            for key, sides in self.held.items():
                if self.contracts[key[0]].expiry == self.now.date() and segment != "cash":
                    self._settle(self.contracts[key[0]], self.net(key), sides)

    def _settle(self, contract: ListedContract, net: int, sides: Counter[int]) -> None:
        level = self.market.spot(self.now)
        over = level - contract.strike if contract.right == "CE" else contract.strike - level
        self.spent -= net * (round(max(0.0, over), 2) if contract.right else level)
        sides[-1 if net > 0 else 1] += abs(net)

    def _square_off(self, contract: ListedContract, net: int) -> None:
        most = 600 if contract.expiry else abs(net)
        for done in range(0, abs(net), most or 1):
            units = min(most, abs(net) - done)
            order = SlowOrder(contract, -1 if net > 0 else 1, units, nan, 0.0, "INTRADAY")
            self.orders.append(order)
            self.arrive(order)


def _end(orders: Sequence[SlowOrder]) -> None:
    for order in orders:
        order.status = "cancelled" if order.status in (OPEN, PENDING) else order.status
