"""A plan over sessions, minute by minute: at the open, within the bar, at the close."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Any

from kit.clock import IST, lot_size

from . import money, signals
from .bars import TICKS, Bar, Contract, Session
from .choose import Unlisted, contract_of, expiry_of
from .held import Held
from .overall import Limits

STOPS = ("stop", "trail", "break_even")


@dataclass
class Place:
    """What a leg of the plan is at: waiting for an entry, open, or through."""

    number: int
    leg: Any
    lots: int
    phase: str = "out"  # enter, move, cost, open, out
    moment: int = 0  # the first at which an entry is tried
    at_open: bool = False
    contract: Contract | None = None
    base: int | None = None  # the close from which a move counts
    first_price: int = 0  # of the contract it may take again at cost
    entries: int = 0
    again: dict[str, int] = field(default_factory=dict)
    held: Held | None = None
    waits: Any = None  # how far the contract must move first


class Position:
    """One position of a plan, from its entry to the last leg's exit; `rows` is its log."""

    def __init__(self, plan: Any, session: Session, exit_day: date) -> None:
        self.plan, self.session, self.exit_day = plan, session, exit_day
        times = 1 if plan.sizing is None else math.floor(plan.capital_inr / plan.sizing.margin_inr)
        self.places = [Place(n, leg, leg.lots * times) for n, leg in enumerate(plan.legs, 1)]
        self.rows: list[dict[str, Any]] = []
        self.limits = Limits(plan.overall)
        self.realised, self.ended, self.entered = Fraction(0), times == 0, session.day
        self.exit_at = plan.exit.at.hour * 60 + plan.exit.at.minute
        self.left, self.hit, self.minute_now = False, list[Place](), 0  # in the present minute
        for place in self.places:
            if times == 0:
                self.refuse(place, "the capital does not carry the margin")

    # -- a day --------------------------------------------------------------------------------------

    def day(self, session: Session) -> None:
        """Go through one session."""
        self.session = session
        if session.day == self.entered:
            starts = signals.starts(self.plan, session, self.exit_at)
            for place in self.places:
                moment = starts.get(place.leg.on) if place.leg.on else min(starts.values(), default=None)
                if moment is not None and not self.ended:
                    self.wait_for_entry(place, moment, self.plan.fills.entry == "next_open", place.leg.wait)
        for minute in range(session.first, session.last + 1):
            if not self.ended:
                self.left, self.hit, self.minute_now = False, [], minute
                self.at_the_open(minute)
                self.within(minute)
                self.at_the_close(minute)
        if not self.ended:
            self.after_the_last_bar()

    def is_last_day(self) -> bool:
        return self.session.day >= self.exit_day

    def at_the_open(self, minute: int) -> None:
        """Do what happens at the moment a bar starts: it knows that bar's open and no more."""
        if self.is_last_day() and self.plan.fills.exit == "next_open" and minute == self.exit_at:
            for place in self.open_places():
                bar = self.session.bar(place.held.contract, minute)
                self.leave(place, "time", bar and (bar.open, bar, minute))
            self.end()
            return
        for place in self.open_places():
            bar = self.session.bar(place.held.contract, minute)
            if place.held.pending and bar:
                self.leave(place, place.held.pending, (bar.open, bar, minute))
        for place in self.places:
            if place.phase == "enter" and place.at_open:
                self.try_entry(place, minute, minute)

    def within(self, minute: int) -> None:
        """Look at high and low of a bar."""
        for place in self.places:
            if place.phase == "open":
                self.examine(place, minute)
            elif place.phase == "cost":
                self.at_cost(place, minute)

    def at_the_close(self, minute: int) -> None:
        """Do what happens at the close of a bar, which is the moment after it."""
        if self.left and self.plan.square_off == "complete":
            self.all_leave("square_off", minute)
            return
        self.move_to_break_even()
        for place in self.open_places():
            held, bar = place.held, self.session.bar(place.held.contract, minute)
            if bar:
                held.last = (self.session.day, minute, bar)
                if not (self.session.day == held.day and minute < held.watch_from):
                    held.watched(bar)
        if reason := self.limits.judge(self.profit(), bool(self.open_places())):
            self.all_leave(reason, minute)
            return
        if self.is_last_day() and minute + 1 >= self.exit_at and self.plan.fills.exit == "bar_close":
            self.all_leave("time", minute)
            return
        for place in self.places:
            if place.phase in ("enter", "move") and not place.at_open:
                self.try_entry(place, minute + 1, minute)

    def after_the_last_bar(self) -> None:
        """Settle what expires today; on the last day the rest leaves at its last close."""
        level = money.settlement(self.session)
        for place in self.open_places():
            if place.held.contract[0] == self.session.day and level is not None:
                self.settle(place, level)
            elif self.is_last_day() or place.held.contract[0] == self.session.day:
                self.leave(place, "time", self.bar_now(place, self.session.last))
        if self.is_last_day():
            self.end()
        elif all(place.phase in ("open", "out") for place in self.places) and not self.open_places():
            self.ended = True

    # -- entries ------------------------------------------------------------------------------------

    def wait_for_entry(self, place: Place, moment: int, at_open: bool, waits: Any) -> None:
        place.phase, place.moment, place.at_open, place.waits = "enter", moment, at_open, waits
        place.contract, place.base = None, None
        if waits is not None:
            place.at_open = False

    def try_entry(self, place: Place, moment: int, minute: int) -> None:
        """Try an entry at a moment, with the price of the bar that starts at `minute`."""
        if moment < place.moment or (self.is_last_day() and moment >= self.exit_at):
            return
        late = moment > place.moment + 5
        if place.phase == "move":
            bar = self.session.bar(place.contract, minute)
            if bar and self.has_moved(place, bar.close):
                self.enter(place, minute, bar.close, bar, moment)
            return
        try:
            if place.contract is None and not late:
                place.contract = contract_of(self.plan, place.leg, self.session, moment - 1)
        except Unlisted as error:
            self.refuse(place, str(error))
            return
        bar = place.contract and self.session.bar(place.contract, minute)
        if late:
            self.refuse(place, "no trade within five minutes")
        elif bar and place.waits is not None:
            place.phase, place.base = "move", bar.close
        elif bar:
            self.enter(place, minute, bar.open if place.at_open else bar.close, bar, moment)

    def has_moved(self, place: Place, close: int) -> bool:
        far = money.distance(place.waits, place.base)
        return close - place.base >= far if far > 0 else close - place.base <= far

    def at_cost(self, place: Place, minute: int) -> None:
        """Take the same contract again where a bar comes back to its first price."""
        bar = self.session.bar(place.contract, minute)
        if not bar:
            return
        way, price = (1 if place.leg.side == "buy" else -1), place.first_price
        last = place.base
        place.base = bar.close
        if way * (last - price) > 0 and way * (bar.open - price) < 0:
            self.enter(place, minute, bar.open, bar, minute + 1, again=True)
        elif bar.low <= price <= bar.high:
            self.enter(place, minute, price, bar, minute + 1, again=True)

    def enter(self, place: Place, minute: int, price: int, bar: Bar, watch: int, again: bool = False) -> None:
        place.entries += 1
        place.phase = "open"
        fill = money.slipped(self.plan.fills.slippage, price, bar, place.leg.side == "buy", place.lots)
        day = self.session.day
        place.held = Held(place.leg, place.contract, day, minute, price, fill, watch, (day, minute, bar))
        if not again:
            place.first_price = price

    def refuse(self, place: Place, why: str) -> None:
        place.entries += 1
        place.phase = "out"
        row = {"day": self.session.day, "leg": place.number, "entry": place.entries, "reason": "refused"}
        self.rows.append({**row, "why": why, "side": place.leg.side, "right": place.leg.right})

    # -- exits --------------------------------------------------------------------------------------

    def open_places(self) -> list[Place]:
        return [place for place in self.places if place.phase == "open"]

    def examine(self, place: Place, minute: int) -> None:
        held = place.held
        bar = self.session.bar(held.contract, minute)
        if not bar or held.pending or (self.session.day == held.day and minute < held.watch_from):
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
            self.leave(place, struck[0], (held.price(convention, struck, bar), bar, minute))

    def move_to_break_even(self) -> None:
        for place in self.open_places():
            held = place.held
            others = [other for other in self.hit if other is not place]
            bar = self.session.bar(held.contract, self.minute_now)
            now = bar.close if bar else held.last[2].close
            gains = held.way * (now - held.entry) > 0
            if others and (self.plan.break_even == "all" or (self.plan.break_even == "in_profit" and gains)):
                held.break_even = True

    def bar_now(self, place: Place, minute: int) -> tuple[int, Bar, int] | None:
        bar = self.session.bar(place.held.contract, minute)
        return bar and (bar.close, bar, minute)

    def all_leave(self, reason: str, minute: int) -> None:
        for place in self.open_places():
            self.leave(place, reason, self.bar_now(place, minute))
        self.end()

    def end(self) -> None:
        """Nothing comes after; a first entry that never came is refused."""
        self.ended = True
        for place in self.places:
            if place.phase == "enter":
                self.refuse(place, "the position ended first")

    def leave(self, place: Place, reason: str, at: tuple[int, Bar, int] | None) -> None:
        """Leave at a price of a bar; None: at the last close, which is stale."""
        held, day = place.held, self.session.day
        stale = at is None
        if at is None:
            day, minute, bar = held.last
            at = (bar.close, bar, minute)
        price, bar, minute = at
        fill = money.slipped(self.plan.fills.slippage, price, bar, held.way < 0, place.lots)
        units = place.lots * lot_size(self.plan.underlying, held.contract[0], self.session.day)
        charges = money.of_order(fill, units, held.way < 0, self.session.day)
        self.write(place, (day, minute), Fraction(fill, TICKS), reason, charges, stale)
        self.after_exit(place, reason)

    def settle(self, place: Place, level: Fraction) -> None:
        held = place.held
        worth = Fraction(money.to_nearest(money.intrinsic(held.contract, level) * TICKS), TICKS)
        units = place.lots * lot_size(self.plan.underlying, held.contract[0], self.session.day)
        tax = money.of_exercise(worth, level, units, self.session.day) if held.way > 0 else Fraction(0)
        self.write(place, (self.session.day, self.session.last), worth, "expiry", tax, False)
        place.phase, place.held = "out", None

    def write(
        self, place: Place, when: tuple[date, int], price: Fraction, reason: str, charges: Fraction, stale: bool
    ) -> None:
        held = place.held
        size = lot_size(self.plan.underlying, held.contract[0], held.day)
        units = place.lots * size
        gross = held.way * (price - Fraction(held.fill, TICKS)) * units
        self.realised += gross
        cost = money.of_order(held.fill, units, held.way > 0, held.day) + charges
        cost = cost if self.plan.charges else Fraction(0)
        expiry, strike, right = held.contract
        self.rows.append({
            "day": held.day, "leg": place.number, "entry": place.entries, "side": place.leg.side,
            "right": right, "strike": strike, "expiry": expiry, "lots": place.lots, "lot_size": size,
            "entry_bar": _stamp(held.day, held.minute), "entry_price": held.fill / TICKS,
            "exit_bar": _stamp(*when), "exit_price": float(price), "reason": reason,
            "gross_inr": float(gross), "charges_inr": float(cost), "net_inr": float(gross - cost), "stale": stale,
        })  # fmt: skip

    def after_exit(self, place: Place, reason: str) -> None:
        """Write what a leg does next, and that it left in this minute."""
        held, place.held, place.phase = place.held, None, "out"
        after = "stop" if reason in STOPS else reason
        if after not in ("stop", "target"):
            return
        self.left = True
        rule = next((rule for rule in place.leg.reentry if rule.after == after), None)
        if rule is None or place.again.get(after, 0) >= rule.times or self.plan.square_off == "complete":
            return
        place.again[after] = place.again.get(after, 0) + 1
        if rule.kind == "cost":
            place.phase, place.contract = "cost", held.contract
            place.base = self.session.bar(held.contract, self.minute_now).close
        else:
            waits = rule.move if rule.kind == "momentum" else None
            self.wait_for_entry(place, self.minute_now + 1, False, waits)

    def profit(self) -> Fraction:
        """Return the rupees of the position: what has left, and what is open at its last close."""
        total = self.realised
        for place in self.open_places():
            held = place.held
            units = place.lots * lot_size(self.plan.underlying, held.contract[0], held.day)
            total += held.way * Fraction(held.last[2].close - held.fill, TICKS) * units
        return total


def _stamp(day: date, minute: int) -> datetime:
    return datetime.combine(day, time(minute // 60, minute % 60), IST)


def play(plan: Any, sessions: Mapping[date, Session]) -> list[dict[str, Any]]:
    """Return the trade log of a plan: rows of section 7, without the plan's name."""
    rows: list[dict[str, Any]] = []
    free_from = date.min
    for day, session in sorted(sessions.items()):
        if day < free_from or not admitted(plan.days, session):
            continue
        later = [session for other, session in sorted(sessions.items()) if other >= day]
        position = Position(plan, session, exit_day(plan, later))
        for number, of_day in enumerate(later):
            if number == 0 or not position.ended:
                position.day(of_day)
                free_from = of_day.day + timedelta(days=1)
            if position.ended:
                break
        rows += position.rows
    return sorted(rows, key=lambda row: (row["day"], row["leg"], row["entry"]))


def admitted(days: Any, session: Session) -> bool:
    """Tell whether the plan trades on a day."""
    left = (min(session.expiries()) - session.day).days if session.expiries() else None
    return (
        (days.weekdays is None or f"{session.day:%a}" in days.weekdays)
        and (days.dates is None or session.day in days.dates)
        and session.day not in days.without
        and (days.days_to_expiry is None or (left is not None and days.days_to_expiry.admits(left)))
    )


def exit_day(plan: Any, later: list[Session]) -> date:
    """Return the session in which what is open leaves."""
    if plan.exit.days_to_expiry is None:
        return later[min(plan.exit.after_days, len(later) - 1)].day
    listed = []
    for leg in plan.legs:
        with suppress(Unlisted):
            listed.append(expiry_of(leg.expiry, later[0]))
    first = min(listed, default=later[0].day)
    near = [session.day for session in later if (first - session.day).days <= plan.exit.days_to_expiry]
    return near[0] if near else later[-1].day
