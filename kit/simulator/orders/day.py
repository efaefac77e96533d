"""What time does to an account: after-market orders, matching, square-off, the close, expiry, another day.

Nothing happens between two requests: whoever asks lets everything happen that was due since the last one, in
order. The market is a function of time, so it comes to the same. A clock that was set back begins anew there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from functools import partial

from kit.clock import IST, Segment, is_session, session, sessions, square_off
from kit.simulator.orders import checks
from kit.simulator.orders.account import SimulatedAccount
from kit.simulator.orders.gtt import GTTRules
from kit.simulator.orders.order import AMO, OPEN, PENDING, REJECTED, ExchangeOrder, Execution
from kit.simulator.orders.positions import HeldContract
from kit.simulator.orders.words import words

_SEGMENTS: tuple[Segment, ...] = ("cash", "derivatives")
_Milestone = tuple[datetime, Callable[[], None]]


class TradingTime:
    """Lets an account's time pass.

    Parameters
    ----------
    account : SimulatedAccount
        Whose.
    rules : GTTRules
        Its rules.
    """

    def __init__(self, account: SimulatedAccount, rules: GTTRules) -> None:
        self._account = account
        self._rules = rules

    def advance(self, now: datetime) -> None:
        """Let everything happen that is due."""
        account = self._account
        if now < account.seen:
            account.seen = now
            account.matcher.forget()
        for at, happen in self._milestones(account.seen, now):
            self._match(account.seen, at)
            happen()
            account.seen = at
        self._match(account.seen, now)
        account.seen = now

    def _milestones(self, after: datetime, until: datetime) -> Iterator[_Milestone]:
        """Yield what is due after a moment, up to and with another, in order."""
        day = after.date()
        due: list[_Milestone] = []
        for number in range((until.date() - day).days):
            midnight = datetime.combine(day + timedelta(number + 1), time(), IST)
            due.append((midnight, self._begin_day))
        for on in sessions(day, until.date()):
            for segment in _SEGMENTS:
                parts = session(on, segment).continuous
                opens, ends, closes = parts[0].open, square_off(on, segment), parts[-1].close
                due.append((opens, partial(self._open, segment, opens)))
                due.append((ends, partial(self._square_off, segment, ends)))
                due.append((closes, partial(self._close, segment, closes)))
        yield from sorted((one for one in due if after < one[0] <= until), key=lambda one: one[0])

    def _match(self, after: datetime, until: datetime) -> None:
        """Let waiting orders have what comes to them, and rules place theirs at their second."""
        first_s, last_s = int(after.timestamp()) + 1, int(until.timestamp())
        if first_s > last_s or not is_session(until.date()):
            return
        for at_s, rule in self._rules.due(self._account.matcher, first_s, last_s):
            self._go_on(first_s, at_s)
            first_s = at_s + 1
            self._rules.fire(rule, self._account, at_s)
        self._go_on(first_s, last_s)

    def _go_on(self, first_s: int, last_s: int) -> None:
        if first_s <= last_s:
            account = self._account
            account.book(account.matcher.go_on(account.orders, first_s, last_s))

    def _of(self, segment: Segment) -> list[ExchangeOrder]:
        return [order for order in self._account.orders if order.contract.segment == segment]

    def _open(self, segment: Segment, at: datetime) -> None:
        """Send the after-market orders of a segment to the exchange."""
        for order in self._of(segment):
            if order.status == AMO and order.contract.expiry and order.contract.expiry < at.date():
                order.end(REJECTED, words("expired"), at)
            elif order.status == AMO:
                order.placed = at
                self._account.release(order, at)

    def _square_off(self, segment: Segment, at: datetime) -> None:
        """Close what is held for the day only, in orders that the exchange takes."""
        account, squared = self._account, words("squared_off")
        intraday = [order for order in self._of(segment) if order.product == "INTRADAY"]
        account.cancel((order for order in intraday if order.status != AMO), at, squared)
        for held in self._held(segment):
            if held.product == "INTRADAY" and held.net:
                lot, most = held.contract.lot, checks.freeze_quantity(held.contract, at)
                side, whole = "SELL" if held.net > 0 else "BUY", abs(held.net)  # `net` shrinks meanwhile
                size = max(lot, most // lot * lot) if most else whole
                for done in range(0, whole, size):
                    account.enter(held.contract, side, "INTRADAY", min(size, whole - done), at, squared)

    def _close(self, segment: Segment, at: datetime) -> None:
        """Cancel what was good for the day, and settle what has expired."""
        account = self._account
        account.cancel((order for order in self._of(segment) if order.status in (OPEN, PENDING)), at)
        for held in self._held(segment):
            if held.contract.expiry == at.date() and held.net:
                account.cash += held.apply(_settlement(account, held, at))

    def _held(self, segment: Segment) -> list[HeldContract]:
        return [held for held in self._account.held.values() if held.contract.segment == segment]

    def _begin_day(self) -> None:
        """Empty the books of the day before; carry positions, deliver shares."""
        account = self._account
        account.orders = [order for order in account.orders if order.status == AMO]
        account.fills.clear()
        account.matcher.forget()
        for key, held in list(account.held.items()):
            held.carry()
            if held.contract.kind == "SHARE" and held.product == "DELIVERY":
                account.deliver(held)
                del account.held[key]
            elif not held.carried:
                del account.held[key]


def _settlement(account: SimulatedAccount, held: HeldContract, at: datetime) -> Execution:
    """Return the execution that closes an expired contract at what it is worth at the index's close."""
    contract = held.contract
    level = float(account.market.paths.day(contract.underlying, at.date()).spot[-1, -1])
    over = level - contract.strike if contract.right != "PE" else contract.strike - level
    worth = round(max(0.0, over) if contract.kind == "OPTION" else level, 2)
    side = "SELL" if held.net > 0 else "BUY"
    order = ExchangeOrder(
        "", contract, side, "LIMIT", held.product, "DAY", "NORMAL", abs(held.net), worth, 0.0, "", at
    )
    return Execution(order, int(at.timestamp()), abs(held.net), worth)
