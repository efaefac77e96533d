"""One position of a plan, minute by minute: at the open, within the bar, at the close."""

from __future__ import annotations

import math
from datetime import date
from fractions import Fraction
from typing import Any

from kit.clock import lot_size

from . import money, signals
from .bars import TICKS, Bar, Session
from .choose import Unlisted, contract_of, deltas_of, expiry_of
from .held import Held
from .overall import Limits
from .place import Place
from .tradelog import TradeLog

STOPS = ("stop", "trail", "break_even")
TRIES = 5  # minutes after the first at which an entry is tried again
Fill = tuple[int, Bar, int]  # a price, the bar it is of, and that bar's minute


class Position:
    """One position, from its entry to the last leg's exit; `log` is what it did."""

    def __init__(self, plan: Any, session: Session, exit_day: date) -> None:
        self.plan, self.session, self.exit_day = plan, session, exit_day
        times = 1 if plan.sizing is None else math.floor(plan.capital_inr / plan.sizing.margin_inr)
        self.places = [Place(n, leg, leg.lots * times) for n, leg in enumerate(plan.legs, 1)]
        self.limits, self.log, self.entered = Limits(plan.overall), TradeLog(plan, session.day), session.day
        self.expiries = {place.number: expiry_of(place.leg.expiry, session) for place in self.places}
        self.exit_at = plan.exit.at.hour * 60 + plan.exit.at.minute
        self.adjusts_left = plan.adjust.times if plan.adjust else 0
        self.ended, self.minute, self.since = False, 0, 0
        self.left, self.hit = False, list[Place]()  # in the present minute

    def day(self, session: Session) -> None:
        """Go through one session; minutes are counted on from the session before."""
        for place in self.places:
            place.moment -= self.session.last + 1 - session.first if session is not self.session else 0
        if session is not self.session:  # five minutes do not reach over the night
            for place in self.places:
                if place.phase == "enter":
                    self._refuse(place, "no trade within five minutes")
        self.session = session
        if session.day == self.entered:
            self._begin()
        for minute in range(session.first, session.last + 1):
            if not self.ended:
                self.left, self.hit, self.minute = False, [], minute
                self._at_the_open()
                self._within()
                self._at_the_close()
        if not self.ended:
            self._after_the_last_bar()

    def refuse_all(self, why: str) -> None:
        """Write a refusal for every leg."""
        for place in self.places:
            self._refuse(place, why)

    @property
    def is_late(self) -> bool:
        """Tell whether every entry comes after the session's last bar has closed."""
        return min(signals.of_legs(self.plan, self.session).values()) > self.session.last + 1

    @property
    def was_refused(self) -> bool:
        """Tell whether all that was asked for was refused, so that the position never came to be."""
        waits = any(place.phase != "out" for place in self.places)
        return not waits and all(row["reason"] == "refused" for row in self.log.rows)

    # what a minute brings

    def _begin(self) -> None:
        moments = signals.of_legs(self.plan, self.session)
        self.since = moments.get(0, 0)  # the first leg's, from which an adjustment counts its minutes
        for place, moment in moments.items():
            self.places[place].seek(moment, self.plan.fills.entry == "next_open", self.plan.legs[place].wait)

    @property
    def _last_day(self) -> bool:
        return self.session.day >= self.exit_day

    def _at_the_open(self) -> None:
        """Do what happens at the moment a bar starts: it knows that bar's open and no more."""
        if self.ended:
            return
        leaves = max(self.exit_at, self.session.first)
        if self._last_day and self.plan.fills.exit == "next_open" and self.minute == leaves:
            self._all_leave("time", at_open=True)
            return
        for place in self._open():
            bar = self._bar(place)
            if place.held.pending and bar:
                self._leave(place, place.held.pending, (bar.open, bar, self.minute))
        for place in self.places:
            if place.phase == "enter" and place.at_open:
                self._try_entry(place, self.minute)

    def _within(self) -> None:
        """Look at high and low of a bar."""
        for place in self.places:
            if place.phase == "open":
                self._examine(place)
            elif place.phase == "cost":
                self._at_cost(place)

    def _at_the_close(self) -> None:
        """Do what happens at the close of a bar, which is the moment after it."""
        if self.ended:
            return
        for place in self._open():
            if bar := self._bar(place):
                place.held.last = (self.session.day, self.minute, bar)
                if self._watches(place.held):
                    place.held.watched(bar)
        self._move_to_break_even()
        out = self.left and self.plan.square_off == "complete"
        reason = "square_off" if out else self.limits.judge(self._profit())
        moment = self.minute + 1
        if not reason and self._last_day and moment >= self.exit_at and self.plan.fills.exit == "bar_close":
            reason = "time"
        if reason:
            self._all_leave(reason)
            return
        if self._last_day and moment >= min(self.exit_at, self.session.last + 1):
            return
        self._adjust()
        for place in self.places:
            if place.phase in ("enter", "move") and not place.at_open:
                self._try_entry(place, moment)

    def _after_the_last_bar(self) -> None:
        """Settle what expires today; on the last day the rest leaves at its last close."""
        level = money.settlement(self.session)
        for place in self._open():
            if place.held.contract[0] == self.session.day and level is not None:
                self._settle(place, level)
            elif self._last_day:  # at the last close, as a contract whose settlement nothing tells
                self._leave(place, "time", self._close(place))
        if self._last_day:
            self._end()

    # entries

    def _try_entry(self, place: Place, moment: int) -> None:
        """Try an entry at a moment; what is known is the bar before it, and at the open that price."""
        if moment < max(place.moment, self.session.first + 1):
            return
        minute = moment if place.at_open else moment - 1
        if place.phase == "move":
            bar = self.session.bar(place.contract, minute)
            if bar and place.has_moved(bar.close):
                self._enter(place, minute, bar.close, bar, moment)
            return
        if moment > place.moment + TRIES:
            self._refuse(place, "no trade within five minutes")
            return
        try:
            place.contract = place.contract or contract_of(
                self.plan, place.leg, self.expiries[place.number], self.session, moment - 1
            )
        except Unlisted as error:
            self._refuse(place, str(error))
            return
        bar = place.contract and self.session.bar(place.contract, minute)
        if bar and place.waits is not None:
            place.phase, place.base = "move", bar.close
        elif bar:
            self._enter(place, minute, bar.open if place.at_open else bar.close, bar, moment)

    def _at_cost(self, place: Place) -> None:
        """Take the same contract again where a later bar comes back to its first price."""
        bar = self.session.bar(place.contract, self.minute)
        if not bar or self.minute < place.moment:
            return
        way, price, before = (1 if place.leg.side == "buy" else -1), place.first_price, place.base
        place.base = bar.close
        if way * (before - price) > 0 > way * (bar.open - price):
            self._enter(place, self.minute, bar.open, bar, self.minute + 1)
        elif bar.low <= price <= bar.high:
            self._enter(place, self.minute, price, bar, self.minute + 1)

    def _enter(self, place: Place, minute: int, price: int, bar: Bar, watch: int) -> None:
        if place.phase != "cost":
            place.first_price = price
        place.entries, place.phase = place.entries + 1, "open"
        fill = money.slipped(self.plan.fills.slippage, price, bar, place.leg.side == "buy", place.lots)
        day, contract = self.session.day, place.contract
        units = place.lots * lot_size(self.plan.underlying, contract[0], day)
        place.held = Held(place.leg, contract, day, minute, price, fill, units, watch, (day, minute, bar))

    def _refuse(self, place: Place, why: str) -> None:
        place.entries, place.phase = place.entries + 1, "out"
        self.log.refused(place, why)

    # while a leg is open

    def _open(self) -> list[Place]:
        return [place for place in self.places if place.phase == "open"]

    def _bar(self, place: Place) -> Bar | None:
        return self.session.bar(place.held.contract, self.minute)

    def _close(self, place: Place) -> Fill | None:
        bar = self._bar(place)
        return bar and (bar.close, bar, self.minute)

    def _watches(self, held: Held) -> bool:
        return self.session.day > held.day or self.minute >= held.watch_from

    def _examine(self, place: Place) -> None:
        held, bar = place.held, self._bar(place)
        if not bar or held.pending or not self._watches(held):
            return
        struck = held.struck(bar, self.plan.fills.same_bar)
        if struck is None:
            return
        if struck[0] in STOPS:
            self.hit.append(place)
        convention = self.plan.fills.target if struck[0] == "target" else self.plan.fills.stop
        if convention == "next_open":
            held.pending = struck[0]
        else:
            self._leave(place, struck[0], (held.price(convention, struck, bar), bar, self.minute))

    def _move_to_break_even(self) -> None:
        rule = self.plan.break_even
        for place in self._open():
            gains = place.held.way * (place.held.last[2].close - place.held.entry) > 0
            others = any(other is not place for other in self.hit)
            if others and (rule == "all" or (rule == "in_profit" and gains)):
                place.held.break_even = True

    def _adjust(self) -> None:
        """Let all legs leave and be taken anew when the position's delta has drifted."""
        rule, moment = self.plan.adjust, self.minute + 1
        if not self.adjusts_left or (moment - self.since) % rule.every:
            return
        net, held = 0.0, [place for place in self._open() if not place.held.pending]
        for place in held:
            expiry, strike, right = place.held.contract
            closes = {strike: bar.close / TICKS} if (bar := self._bar(place)) else {}
            delta = deltas_of(self.session, expiry, right, closes, self.minute).get(strike, math.nan)
            net += place.held.way * place.leg.lots * delta
        if abs(net) > rule.net_delta:
            self.adjusts_left -= 1
            for place in held:
                if self._bar(place):
                    self._leave(place, "adjust", self._close(place))
                    place.seek(moment, at_open=False, waits=None)

    def _profit(self) -> int:
        """Return what the position has earned: what has left, and what is open at its last close."""
        total = self.log.realised
        for place in self._open():
            held = place.held
            total += held.way * (held.last[2].close - held.fill) * held.units
        return total

    # exits

    def _all_leave(self, reason: str, at_open: bool = False) -> None:
        for place in self._open():
            bar = self._bar(place)
            self._leave(place, reason, bar and (bar.open if at_open else bar.close, bar, self.minute))
        self._end()

    def _end(self) -> None:
        """Nothing comes after; an entry that was tried and never came is refused."""
        self.ended = True
        for place in self.places:
            if place.phase == "enter" and place.moment <= self.minute:
                self._refuse(place, "the position ended first")

    def _leave(self, place: Place, reason: str, at: Fill | None) -> None:
        """Leave at a price of a bar; None: at the last close, which is stale."""
        held, day, stale = place.held, self.session.day, at is None
        if at is None:
            day, minute, bar = held.last
            at = (bar.close, bar, minute)
        price, bar, minute = at
        fill = money.slipped(self.plan.fills.slippage, price, bar, held.way < 0, place.lots)
        charges = money.of_order(fill, held.units, held.way < 0, day)
        self.log.left(place, (day, minute), fill, reason, charges, stale)
        self._after_exit(place, reason)

    def _settle(self, place: Place, level: Fraction) -> None:
        held, day = place.held, self.session.day
        worth = money.to_nearest(money.intrinsic(held.contract, level) * TICKS)
        tax = (
            money.of_exercise(Fraction(worth, TICKS), level, held.units, day) if held.way > 0 else Fraction(0)
        )
        self.log.left(place, (day, self.session.last), worth, "expiry", tax, False)
        place.phase, place.held = "out", None

    def _after_exit(self, place: Place, reason: str) -> None:
        """Note that a leg left in this minute, and what it does next."""
        contract, place.held, place.phase = place.held.contract, None, "out"
        after = "stop" if reason in STOPS else reason
        if after not in ("stop", "target"):
            return
        self.left = True
        rule = next((rule for rule in place.leg.reentry if rule.after == after), None)
        if rule is None or place.again.get(after, 0) >= rule.times or self.plan.square_off == "complete":
            return
        place.again[after] = place.again.get(after, 0) + 1
        if rule.kind == "cost":
            place.phase, place.contract, place.moment = "cost", contract, self.minute + 1
            place.base = self.session.bar(contract, self.minute).close
        else:
            place.seek(self.minute + 1, at_open=False, waits=rule.move)
