"""A slow engine, straight from the written meaning: bars one by one, rupees as whole paise, no shared code.

It knows intraday plans without Python rules and without adjustment. Nothing of `kit.backtest` is imported;
the plan is only read.
"""
# ruff: noqa: D102 - the meaning is written elsewhere; here it is only spelt out

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from slow_bars import TICK, Bars, exact, moved, size_of, to_tick


@dataclass
class Held:
    """One leg of the plan on one day."""

    number: int
    leg: object
    sign: int
    doing: str = "wanted"  # wanted, waiting, open, leaving, cost, done
    entries: int = 0
    key: tuple | None = None
    tries_until: int = 0
    by_close: bool = False
    wait: object = None
    wait_from: int | None = None
    raw: int = 0
    paid: int = 0
    bar: int = -1
    watch: int = 0
    cost: int = 0
    stop: int | None = None
    start_stop: int | None = None
    why_stop: str = "stop"
    target: int | None = None
    best: int = 0
    leaving: str = ""
    left: dict = field(default_factory=dict)


class SlowDay:
    """One plan on one day."""

    def __init__(self, plan, day):
        self.plan, self.b = plan, Bars(day)
        self.rows = []
        self.realised = Fraction(0)
        self.peak = Fraction(0)
        self.legs = []
        for number, leg in enumerate(plan.legs, 1):
            held = Held(number, leg, 1 if leg.side == "buy" else -1)
            held.left = {rule.after: rule.times for rule in leg.reentry}
            self.legs.append(held)
        live = sorted(e for e in self.b.listed if e >= day.day)
        self.expiries = [self.expiry(leg.expiry, live) for leg in plan.legs]

    def expiry(self, rule, live):
        if rule == "nearest":
            return live[0]
        if rule == "next":
            return live[1] if len(live) > 1 else None
        if rule == "monthly":
            return [e for e in live if (e.year, e.month) == (live[0].year, live[0].month)][-1]
        return min(live, key=lambda e: abs((e - self.b.day.day).days - rule.days))

    # what money does

    def slip(self, key, t, price, side):
        slippage = self.plan.fills.slippage
        if slippage is None:
            return price
        bar = self.b.bars[key].get(t)
        by = {
            "ticks": lambda x: exact(x) * TICK,
            "percent": lambda x: Fraction(price) * exact(x) / 100,
            "bar_range": lambda x: exact(x) * (bar[1] - bar[2]) if bar else Fraction(0),
        }[slippage.kind](slippage.value)
        return to_tick(price + side * by)

    def units(self, held):
        return held.leg.lots * self.b.lots[held.key]

    def open_leg(self, held, price, t, watch):
        held.doing, held.raw, held.bar, held.watch, held.best = "open", price, t, watch, price
        held.entries += 1
        held.paid = self.slip(held.key, t, price, held.sign)
        held.cost = held.cost or price
        held.stop = moved(price, held.leg.stop, -held.sign) if held.leg.stop else None
        held.start_stop, held.why_stop = held.stop, "stop"
        held.target = moved(price, held.leg.target, held.sign) if held.leg.target else None
        self.trail(held)

    def close_leg(self, held, price, t, reason, stale=False):
        out = self.slip(held.key, t, price, -held.sign)
        self.realised += held.sign * (out - held.paid) * self.units(held)
        self.rows.append((held.number, held.entries, held.key[1], held.bar, held.paid, t, out, reason, stale))
        held.doing = "done"

    def refuse(self, held):
        held.entries += 1
        held.doing = "done"
        strike = held.key[1] if held.key else None
        self.rows.append((held.number, held.entries, strike, None, None, None, None, "refused", False))

    def out_by_rule(self, held, price, t, reason):
        self.close_leg(held, price, t, reason)
        self.someone_left = True
        after = "target" if reason == "target" else "stop"
        rule = next((r for r in held.leg.reentry if r.after == after), None)
        if rule is None or held.left[after] == 0 or self.plan.square_off == "complete":
            return
        held.left[after] -= 1
        if rule.kind == "cost":
            held.doing, held.watch = "cost", t + 1
            return
        held.doing = "waiting" if rule.kind == "momentum" else "wanted"
        held.wait, held.wait_from = rule.move, None
        held.key, held.cost, held.tries_until, held.by_close = None, 0, t + 5, True

    def better_stop(self, held, level, why):
        if held.stop is None or held.sign * (level - held.stop) > 0:
            held.stop, held.why_stop = level, why

    def trail(self, held):
        trail = held.leg.trail
        if trail is None:
            return
        if trail.kind == "distance":
            by = (
                Fraction(held.best) * exact(trail.percent) / 100
                if trail.percent
                else exact(trail.points) * 100
            )
            self.better_stop(held, to_tick(held.best - held.sign * by), "trail")
            return
        gain = held.sign * (held.best - held.raw)
        count = gain // size_of(trail.every, held.raw) if gain > 0 else 0
        if count:
            by = count * size_of(trail.move, held.raw)
            self.better_stop(held, to_tick(held.start_stop + held.sign * by), "trail")

    # what a bar does

    def reached(self, held, price, level, kind):
        if level is None:
            return False
        return (price - level) * held.sign <= 0 if kind == "stop" else (price - level) * held.sign >= 0

    def look(self, held, t):
        bar = self.b.bars.get(held.key, {}).get(t)
        if bar is None or t < held.watch:
            return
        o, h, low, _ = bar
        if held.doing == "cost":
            before = self.b.last(held.key, t - 1)[1]
            worse, better = held.sign * (before - held.cost) > 0, held.sign * (o - held.cost) < 0
            if worse and better:
                self.open_leg(held, o, t, t + 1)
            elif low <= held.cost <= h:
                self.open_leg(held, held.cost, t, t + 1)
            return
        bad, good = (low, h) if held.sign > 0 else (h, low)
        stop, target = (
            self.reached(held, bad, held.stop, "stop"),
            self.reached(held, good, held.target, "target"),
        )
        if self.reached(held, o, held.stop, "stop"):
            what = "stop"
        elif self.reached(held, o, held.target, "target"):
            what = "target"
        elif stop and target:
            rule = self.plan.fills.same_bar
            near = "stop" if abs(bad - o) <= abs(good - o) else "target"
            what = {"nearer_first": near, "stop_first": "stop", "target_first": "target"}[rule]
        else:
            what = "stop" if stop else "target" if target else None
        if what is None:
            held.best = max(held.best, h) if held.sign > 0 else min(held.best, low)
            self.trail(held)
            return
        if what == "stop":
            self.stop_hit = True
        self.fill(held, t, bar, what)

    def fill(self, held, t, bar, what):
        o, _, _, c = bar
        bad = bar[2] if held.sign > 0 else bar[1]
        level = held.stop if what == "stop" else held.target
        reason = held.why_stop if what == "stop" else "target"
        how = self.plan.fills.stop if what == "stop" else self.plan.fills.target
        if how == "next_open":
            held.doing, held.leaving = "leaving", reason
            return
        at_level = o if self.reached(held, o, level, what) else level
        price = {"level": at_level, "bar_close": c, "extreme": bad}[how]
        self.out_by_rule(held, price, t, reason)

    def later(self, held):
        return self.plan.fills.entry == "next_open" and not held.by_close and held.doing == "wanted"

    def enter_at_close(self, held, t):
        """Moment t + 1, decision bar t."""
        if held.key is None:
            expiry = self.expiries[held.number - 1]
            strike = None if expiry is None else self.b.choose(self.plan, held.leg, expiry, t)
            held.key = None if strike is None else (expiry, strike, held.leg.right)
        close = None if held.key is None else self.b.close(held.key, t)
        if held.doing == "waiting":
            if held.wait_from is not None:
                up = (held.wait.percent or held.wait.points) > 0
                if close is not None and (close >= held.wait_from if up else close <= held.wait_from):
                    self.open_leg(held, close, t, t + 1)
                return
            if close is not None:
                held.wait_from = moved(close, held.wait, 1)
                return
        later = self.later(held)
        if close is not None and not later:
            self.open_leg(held, close, t, t + 1)
        elif t >= held.tries_until and not (later and held.key):
            self.refuse(held)

    def all_out(self, t, reason, at_open=False):
        for held in self.legs:
            if held.doing in ("open", "leaving"):
                bar = self.b.bars[held.key].get(t)
                if bar:
                    self.close_leg(held, bar[0] if at_open else bar[3], t, reason)
                else:
                    self.close_leg(held, *reversed(self.b.last(held.key, t)), reason, stale=True)
            elif held.doing == "wanted" and held.tries_until:
                self.refuse(held)
            held.doing = "done"

    def worth(self, t):
        total = self.realised
        for held in self.legs:
            if held.doing in ("open", "leaving"):
                total += held.sign * (self.b.last(held.key, t)[1] - held.paid) * self.units(held)
        return total

    def limit(self, t):
        o, worth, peak = self.plan.overall, self.worth(t), self.peak
        self.peak = max(peak, worth)

        def inr(rupees):
            return exact(rupees) * 100

        if o.stop_inr is not None:
            raised = peak // inr(o.trail.every_inr) * inr(o.trail.move_inr) if o.trail else 0
            if worth <= raised - inr(o.stop_inr):
                return "overall_stop"
        if o.target_inr is not None and worth >= inr(o.target_inr):
            return "overall_target"
        if o.lock and peak >= inr(o.lock.at_inr):
            kept = inr(o.lock.keep_inr)
            if o.lock.every_inr:
                kept += (peak - inr(o.lock.at_inr)) // inr(o.lock.every_inr) * inr(o.lock.move_inr)
            if worth <= kept:
                return "lock"
        return None

    def run(self):
        plan, day = self.plan, self.b.day
        start = day.column(plan.entry.at) - 1
        end = day.column(plan.exit.at)
        open_exit = plan.fills.exit == "next_open" and end < self.b.n
        final = end if open_exit else min(end - 1, self.b.n - 1)
        moment_of_exit = final if open_exit else final + 1
        for held in self.legs:
            held.tries_until = start + 5
            if held.leg.wait:
                held.doing, held.wait = "waiting", held.leg.wait
        for t in range(start, final + 1):
            self.someone_left, self.stop_hit = False, False
            if t > start:
                if t == final and open_exit:
                    self.all_out(t, "time", at_open=True)
                    break
                self.at_open(t)
                for held in self.legs:
                    if held.doing in ("open", "cost"):
                        self.look(held, t)
                if self.stop_hit and plan.break_even != "none":
                    self.break_even(t)
            if self.close_of_bar(t, final, moment_of_exit, open_exit):
                break
        return sorted(self.rows, key=lambda row: row[:2])

    def close_of_bar(self, t, final, moment_of_exit, open_exit):
        if self.plan.square_off == "complete" and self.someone_left:
            self.all_out(t, "square_off")
            return True
        reason = self.limit(t)
        if reason:
            self.all_out(t, reason)
            return True
        if t == final and not open_exit:
            self.all_out(t, "time")
            return True
        if t + 1 < moment_of_exit:
            for held in self.legs:
                if held.doing in ("wanted", "waiting"):
                    self.enter_at_close(held, t)
        return False

    def at_open(self, t):
        for held in self.legs:
            bar = self.b.bars.get(held.key, {}).get(t)
            if held.doing == "leaving" and bar:
                self.out_by_rule(held, bar[0], t, held.leaving)
            elif self.later(held) and held.key:
                if bar:
                    self.open_leg(held, bar[0], t, t)
                elif t > held.tries_until:
                    self.refuse(held)

    def break_even(self, t):
        for held in self.legs:
            if held.doing == "open":
                gain = held.sign * (self.b.last(held.key, t)[1] - held.raw)
                if gain > 0 or self.plan.break_even == "all":
                    self.better_stop(held, held.raw, "break_even")
