"""What makes a paper account go on: orders are taken or rejected, meet quotes, and days end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from math import isnan, nan

from kit.backtest.plan import FillRules
from kit.clock import is_open, is_session, session
from kit.errors import DataError, InvalidOrder
from kit.model import Instrument, OrderRequest
from kit.model.tick import Tick
from kit.trading import events
from kit.trading.checks import check_contract, reason_against
from kit.trading.closing import closable, closers, is_squared_off
from kit.trading.events import Event
from kit.trading.journal import Journal
from kit.trading.ledger import PaperLedger
from kit.trading.matching import Meeting, Taken, joins, take
from kit.trading.money import settled
from kit.trading.quotes import QuoteBoard, is_fresh, mark_of
from kit.trading.records import AMO, PaperOrder

MARKS_EVERY_S = 60.0  # how old the journal's prices may be; orders and fills never are
_BY_LOSS = "the daily loss"
_SQUARED = "squared off at the end of the day"


class Dealing:
    """A ledger, its journal and the quotes it is shown; nothing happens that is not in the journal first.

    Parameters
    ----------
    journal : Journal
        Read to the end at once.
    rules : FillRules
        At which prices orders are filled.
    daily_loss_inr : float
        A loss of so many rupees in a day throws the kill switch; NaN: none does.
    """

    def __init__(self, journal: Journal, rules: FillRules, daily_loss_inr: float = nan) -> None:
        self.journal, self.rules, self.daily_loss_inr = journal, rules, daily_loss_inr
        self.ledger, self.board = PaperLedger(), QuoteBoard()
        self._marked_at: datetime | None = None
        for event in journal.events():
            self.ledger.apply(event)
        for order in self.ledger.waiting():
            order.rests = order.status == "open"  # a stop or an after-market order has yet to arrive

    def record(self, *happened: Event) -> None:
        """Write events, then let them have happened."""
        self.journal.append(happened)
        for event in happened:
            self.ledger.apply(event)

    def known(self, order: OrderRequest) -> PaperOrder | None:
        """Return the order that was placed under a request's tag; None: there is none.

        Raises
        ------
        InvalidOrder
            It is another order.
        """
        order_id = self.ledger.by_tag.get(order.tag)
        if order_id is None:
            return None
        found = self.ledger.orders[order_id]
        if repr(found.asked) != repr(order):
            raise InvalidOrder("This tag names another order", order.tag, "Give each order its own tag.")
        return found

    def place(self, order: OrderRequest, at: datetime, *, forced: bool = False) -> PaperOrder:
        """Take or reject an order, once; it meets the newest quote. One that is forced is taken."""
        if (found := self.known(order)) is not None:
            return found
        check_contract(order)
        self.begin_day(at)
        self.value(order.contract)
        closed = not is_open(at, order.contract.segment)
        kept = closed and order.validity == "DAY" and not order.after_market
        asked = replace(order, after_market=True) if kept else order
        taken = self._taken(order, at, "" if forced else reason_against(asked, self.ledger, at), kept)
        self.record(taken)
        placed = self.ledger.orders[taken.order_id]
        if placed.waits and not placed.request.after_market:
            self.meet(placed, at)
            if order.validity == "IOC" and placed.waits:
                self.record(events.OrderEnded(at, placed.order_id, "IOC: what could not be filled at once"))
        return placed

    def fill_at(self, order: OrderRequest, price_inr: float, at: datetime) -> PaperOrder:
        """Take an order and fill it at a known price, once, in one entry of the journal; or reject it."""
        if (found := self.known(order)) is not None:
            return found
        self.begin_day(at)
        self.ledger.marks.setdefault(order.contract.token, price_inr)
        return self._filled_at(order, price_inr, at, reason_against(order, self.ledger, at, opened=True))

    def reason_to_keep(self, order: PaperOrder, changed: OrderRequest, at: datetime) -> str:
        """Return why an order may not be changed so; empty where it may."""
        waiting, order.status = order.status, "cancelled"  # it takes its own place
        try:
            return reason_against(changed, self.ledger, at)
        finally:
            order.status = waiting

    def close(self, at: datetime) -> None:
        """Keep the last prices and give the journal free; harmless twice."""
        if not self.journal.closed:
            try:
                self.journal.append([events.PricesMarked(at, dict(self.ledger.marks))])
            finally:
                self.journal.close()

    def value(self, contract: Instrument) -> None:
        """Value a contract at its newest quote, if it has one."""
        tick = self.board.newest(contract)
        if tick is not None and not isnan(mark := mark_of(tick)):
            self.ledger.marks[contract.token] = mark

    def meet(self, order: PaperOrder, at: datetime) -> None:
        """Let an order meet the newest quote of its contract, where that is fresh."""
        contract, side = order.request.contract, order.request.side
        if (tick := self._tradable(contract, at)) is None:
            return
        if order.status != "open":
            if order.request.is_stop and not _triggered(order, tick.ltp):
                return
            self.record(events.OrderTriggered(at, order.order_id))
        quote = f"{tick.at_ms}-{tick.sequence}"
        named, left = self.ledger.taken.get((contract.token, side), ("", nan))
        meeting = Meeting(tick, self.board.traded(contract.token, side), left if named == quote else nan)
        if (got := take(order, meeting, self.rules)) is not None:
            if not got.from_touch:
                self.board.give(contract.token, side, got.quantity)
            self.value(contract)
            self.record(_filled(order, got, meeting, quote, at))
        if not order.rests or isnan(order.ahead):
            order.ahead, order.rests = joins(order, tick, self.rules), True

    def meet_all(self, at: datetime, tokens: Iterable[str] | None = None) -> None:
        """Let waiting orders meet the quotes, of some contracts or all, and value what is held."""
        self.begin_day(at)
        self._fire(at)
        wanted = None if tokens is None else set(tokens)
        for order in sorted(self.ledger.waiting(), key=PaperOrder.priority):
            if wanted is None or order.request.contract.token in wanted:
                self.meet(order, at)
        for one in (*self.ledger.held.values(), *self.ledger.shares.values()):
            self.value(one.contract)
        self._remember(at)
        self._square_off(at)
        loss = self.ledger.dawn_inr - self.ledger.equity_inr
        if loss >= self.daily_loss_inr and not self.ledger.stopped:  # never where there is no limit
            self.stop(f"{_BY_LOSS} of {self.daily_loss_inr:,.0f} rupees was reached", at)

    def stop(self, why: str, at: datetime) -> None:
        """Throw the kill switch: what waits is cancelled, what is held is closed at the next quotes."""
        ended = [events.OrderEnded(at, order.order_id, why) for order in self.ledger.waiting()]
        self.record(*ended, events.TradingStopped(at, why))
        for one in closable(self.ledger):
            for closing in closers(one, after_market=not is_open(at, one.contract.segment)):
                self.place(closing, at, forced=True)

    def begin_day(self, at: datetime) -> None:
        """End the earlier session where a new one begins: its orders are over, what expired is settled.

        Raises
        ------
        DataError
            The moment lies before what has happened.
        """
        ledger, day = self.ledger, at.date()
        if ledger.day == day:
            return
        if ledger.day is not None and day < ledger.day:
            remedy = "Go on from there, or open another journal."
            raise DataError(f"This account is already at {ledger.day}", str(day), remedy)
        self._settle_intraday()
        over = [
            events.OrderEnded(at, order.order_id, "the day is over")
            for order in ledger.waiting() if order.status != AMO
        ]  # fmt: skip
        expired = [
            events.PositionSettled(at, token, product, *settled(one, ledger.marks))
            for (token, product), one in ledger.held.items()
            if one.net and one.contract.expiry and one.contract.expiry < day
        ]  # fmt: skip
        resumed = [events.TradingResumed(at)] if ledger.stopped.startswith(_BY_LOSS) else []
        marks = events.PricesMarked(at, dict(ledger.marks))
        self.record(marks, *over, *expired, events.DayBegan(at), *resumed)

    def _taken(self, order: OrderRequest, at: datetime, reason: str, kept: bool = False) -> events.OrderTaken:
        number = len(self.ledger.orders) + 1
        return events.OrderTaken(at, f"{at:%y%m%d}{number:06d}", order, reason, kept)

    def _filled_at(self, order: OrderRequest, price_inr: float, at: datetime, reason: str = "") -> PaperOrder:
        taken = self._taken(order, at, reason)
        filled = events.OrderFilled(at, taken.order_id, order.quantity, price_inr, "bar")
        self.record(taken, *(() if taken.reason else (filled,)))
        return self.ledger.orders[taken.order_id]

    def _tradable(self, contract: Instrument, at: datetime) -> Tick | None:
        """Return the newest quote of a contract while it trades and the quote is fresh."""
        tick = self.board.newest(contract)
        return tick if tick and is_fresh(tick, at) and is_open(at, contract.segment) else None

    def _fire(self, at: datetime) -> None:
        """Place the orders of the rules whose trigger is reached: first the order, by a tag of its own."""
        for one in [one for one in self.ledger.rules.values() if one.status == "NEW"]:
            rule = one.rule
            if (tick := self._tradable(rule.contract, at)) is None:
                continue
            if tick.ltp >= rule.trigger_price_inr if one.above else tick.ltp <= rule.trigger_price_inr:
                order = OrderRequest(
                    rule.contract, rule.side, rule.quantity, rule.price_inr, product=rule.product,
                    tag=f"gtt-{one.rule_id}",
                )  # fmt: skip
                self.place(order, at)
                self.record(events.RuleEnded(at, one.rule_id, "SENTTOEXCHANGE"))

    def _square_off(self, at: datetime) -> None:
        """Close what is held for the day only, at the next quotes, once the broker does."""
        for order in self.ledger.waiting():
            if is_squared_off(order.request, at) and order.request.order_type != "MARKET":
                self.record(events.OrderEnded(at, order.order_id, _SQUARED))
        waiting = {(order.request.contract.token, order.request.product) for order in self.ledger.waiting()}
        for key, one in list(self.ledger.held.items()):
            for closing in () if key in waiting else closers(one, after_market=False):
                if is_squared_off(closing, at):
                    self.place(closing, at, forced=True)

    def _settle_intraday(self) -> None:
        """Close what the earlier session left of INTRADAY at its last known price: no quote came any more."""
        day, left = self.ledger.day, [one for one in self.ledger.held.values() if one.product == "INTRADAY"]
        for one in left:
            for closing in closers(one, after_market=False):
                at = session(day, one.contract.segment).close if day and is_session(day) else None
                if at is not None:
                    self._filled_at(closing, self.ledger.mark(one), at)

    def _remember(self, at: datetime) -> None:
        """Keep the prices once a minute, so that a restart knows what things are worth."""
        if self._marked_at is None or (at - self._marked_at).total_seconds() >= MARKS_EVERY_S:
            self._marked_at = at
            self.journal.append([events.PricesMarked(at, dict(self.ledger.marks))])


def _triggered(order: PaperOrder, ltp: float) -> bool:
    return order.sign * (ltp - order.request.trigger_price_inr) >= 0  # NaN: nothing has traded


def _filled(order: PaperOrder, got: Taken, meeting: Meeting, quote: str, at: datetime) -> events.OrderFilled:
    if not got.from_touch:
        return events.OrderFilled(at, order.order_id, got.quantity, got.price_inr)
    side = (meeting.tick.asks if order.sign > 0 else meeting.tick.bids)[0]
    shown = side.quantity if isnan(meeting.size_left) else meeting.size_left
    return events.OrderFilled(at, order.order_id, got.quantity, got.price_inr, quote, shown - got.quantity)
