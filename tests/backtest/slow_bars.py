"""What the slow engine reads: bars as dictionaries, prices as whole paise, strikes chosen one by one."""
# ruff: noqa: D102, D103 - the meaning is written elsewhere; here it is only spelt out

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import isnan

TICK = 5  # paise


def paise(rupees: float) -> int:
    return round(rupees * 100)


def to_tick(exact: Fraction) -> int:
    """Nearest 0.05, half away from zero, never under 0.05."""
    ticks = int(Decimal(exact.numerator * 1000 // exact.denominator).scaleb(-3) / TICK * 10**6)
    whole = Decimal(ticks).scaleb(-6).quantize(Decimal(1), ROUND_HALF_UP)
    return max(TICK, int(whole) * TICK)


def exact(number) -> Fraction:
    return Fraction(str(number))


def moved(price: int, amount, sign: int) -> int:
    """Price moved by an amount, `sign` times up."""
    by = Fraction(price) * exact(amount.percent) / 100 if amount.percent else exact(amount.points) * 100
    return to_tick(price + sign * by)


def size_of(amount, price: int) -> Fraction:
    return Fraction(price) * exact(amount.percent) / 100 if amount.percent else exact(amount.points) * 100


class Bars:
    """One day as dictionaries: (strike, right) -> minute -> (open, high, low, close) of traded bars."""

    def __init__(self, day):
        self.day = day
        self.n = len(day.minutes)
        self.bars = {}
        self.listed = {}
        for (expiry, strike, right), row in day.rows.items():
            self.listed.setdefault(expiry, set()).add(strike)
            self.bars[expiry, strike, right] = {
                t: tuple(int(getattr(day, name)[row, t]) * TICK for name in ("open", "high", "low", "close"))
                for t in range(self.n)
                if day.traded[row, t]
            }
        self.lots = {key: int(day.lot_size[row]) for key, row in day.rows.items()}
        self.index = None if not day.has_index else [float(x) for x in day.index[3]]

    def close(self, key, t):
        bar = self.bars.get(key, {}).get(t)
        return None if bar is None else bar[3]

    def last(self, key, t):
        while t >= 0:
            if t in self.bars[key]:
                return t, self.bars[key][t][3]
            t -= 1
        return None

    def synthetic(self, expiry, t):
        best = None
        for strike in sorted(self.listed[expiry]):
            call, put = self.close((expiry, strike, "CE"), t), self.close((expiry, strike, "PE"), t)
            if call is not None and put is not None and (best is None or abs(call - put) < best[0]):
                best = (abs(call - put), strike * 100 + call - put)
        return None if best is None else best[1] / 100

    def spot(self, plan, expiry, t):
        if plan.money == "synthetic" or self.index is None:
            return self.synthetic(expiry, t)
        return None if isnan(self.index[t]) else self.index[t]

    def choose(self, plan, leg, expiry, t):
        """Strike of the leg's rule at the close of bar t, or None."""
        strikes, rule, out = sorted(self.listed[expiry]), leg.strike, 1 if leg.right == "CE" else -1
        if rule.kind.startswith("premium"):
            return self.by_premium(rule, leg, expiry, t)
        spot = self.spot(plan, expiry, t)
        if spot is None:
            return None

        def nearest(level):
            return min(strikes, key=lambda strike: (abs(strike - level), strike))

        money = nearest(spot)
        if rule.kind == "steps":
            place = strikes.index(money) + out * rule.steps
            return strikes[place] if 0 <= place < len(strikes) else None
        if rule.kind == "points":
            return nearest(money + out * rule.points)
        if rule.kind == "percent":
            return nearest(spot * (1 + out * rule.percent / 100))
        assert rule.kind == "straddles"
        call, put = self.close((expiry, money, "CE"), t), self.close((expiry, money, "PE"), t)
        return (
            None
            if call is None or put is None
            else nearest(money + out * rule.straddles * (call + put) / 100)
        )

    def by_premium(self, rule, leg, expiry, t):
        found = []
        for strike in sorted(self.listed[expiry]):
            price = self.close((expiry, strike, leg.right), t)
            if price is not None:
                found.append((price, strike))
        dear = -1 if leg.side == "sell" else 1
        if rule.kind == "premium_between":
            low, high = (paise(x) for x in rule.premium_between)
            found = [pair for pair in found if low <= pair[0] <= high]
            return min(found, key=lambda pair: (dear * pair[0], pair[1]))[1] if found else None
        goal = paise(rule.value)
        if rule.kind == "premium_at_least":
            found = [pair for pair in found if pair[0] >= goal]
        if rule.kind == "premium_at_most":
            found = [pair for pair in found if pair[0] <= goal]
        found = [(abs(price - goal), dear * price, strike) for price, strike in found]
        return min(found)[2] if found else None
