"""Which strike a leg's rule chooses at the close of a bar; nothing later is looked at.

All rules work on many bars at once: rows are the listed strikes of one expiry, columns the bars.
"""

from __future__ import annotations

from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kit.backtest.plan.parts import ByDays, ExpiryRule, Side, StrikeRule
from kit.bars.minutes import TICKS_PER_RUPEE, DayMinutes
from kit.clock import MINUTES_PER_YEAR, risk_free_rate, years_to_expiry
from kit.model import Right
from kit.pricing.arrays import Floats
from kit.pricing.black76 import iv_and_greeks

Columns = NDArray[np.intp]
NO_STRIKE = 0


def expiry_of(rule: ExpiryRule, day: DayMinutes) -> date | None:
    """Return the expiry that a rule chooses among those the day has bars of; None: it has none such."""
    listed = [expiry for expiry in day.expiries if expiry >= day.day]
    if isinstance(rule, ByDays):
        return min(listed, key=lambda expiry: abs((expiry - day.day).days - rule.days), default=None)
    if rule == "monthly":
        month = [expiry for expiry in listed if expiry.replace(day=1) == listed[0].replace(day=1)]
        return month[-1] if month else None
    place = 0 if rule == "nearest" else 1
    return listed[place] if len(listed) > place else None


def _span(columns: Columns) -> Columns | slice:
    """Return columns as a slice where they follow each other: a view then, and no copy."""
    if len(columns) and columns[-1] - columns[0] + 1 == len(columns):
        return slice(columns[0], columns[-1] + 1)
    return columns


class ExpiryMinutes:
    """The contracts of one expiry on one day, calls and puts side by side by strike.

    Parameters
    ----------
    day : DayMinutes
        The session.
    expiry : date
        One of its expiries.
    money : {"spot", "synthetic"}
        What strikes are counted from; without an index the synthetic future stands in.
    """

    def __init__(self, day: DayMinutes, expiry: date, money: str) -> None:
        self.day, self.expiry = day, expiry
        self.synthetic_money = money == "synthetic" or not day.has_index
        mine = np.flatnonzero(day.expiry == np.datetime64(expiry))
        self.strikes = np.unique(day.strike[mine]).astype(np.int64)
        self._rows: dict[Right, NDArray[np.intp]] = {}
        for right, call in (("CE", True), ("PE", False)):
            rows = np.full(len(self.strikes), -1)
            side = mine[day.is_call[mine] == call]
            rows[np.searchsorted(self.strikes, day.strike[side])] = side
            self._rows[right] = rows  # type: ignore[index]  # the two rights
        self._synthetic: dict[bytes, Floats] = {}  # by columns: legs that enter together ask alike

    def closes(self, right: Right, columns: Columns) -> Floats:
        """Return (strikes, bars) closes in rupees; NaN where the contract did not trade in the bar."""
        rows, bars = self._rows[right], _span(columns)
        close, traded = self.day.close[:, bars][rows], self.day.traded[:, bars][rows]
        return np.where(traded & (rows >= 0)[:, None], close / TICKS_PER_RUPEE, np.nan)

    def synthetic(self, columns: Columns) -> Floats:
        """Return strike + call - put where call and put are nearest each other; NaN without a pair."""
        key = columns.tobytes()
        if key not in self._synthetic:
            apart = self.closes("CE", columns) - self.closes("PE", columns)
            distance = np.abs(apart)
            distance[np.isnan(distance)] = np.inf
            place, bars = distance.argmin(axis=0), np.arange(len(columns))
            self._synthetic[key] = self.strikes[place] + apart[place, bars]
        return self._synthetic[key]

    def spot(self, columns: Columns) -> Floats:
        """Return the level that strikes are counted from, rupees; NaN where it is unknown."""
        index: Floats = self.day.index[3][columns]
        return self.synthetic(columns) if self.synthetic_money else index

    def choose(self, rule: StrikeRule, right: Right, side: Side, columns: Columns) -> NDArray[np.int64]:
        """Return the strike at the close of each bar, rupees; 0 where the rule finds none."""
        if rule.listed is not None:
            return np.full(len(columns), int(rule.listed))
        if rule.delta is not None:
            return self._closest(np.abs(self.deltas(right, columns)), rule.delta, side)
        if rule.kind.startswith("premium"):
            return self._by_premium(rule, right, side, columns)
        return self._by_level(rule, 1 if right == "CE" else -1, columns)

    def _by_level(self, rule: StrikeRule, outward: int, columns: Columns) -> NDArray[np.int64]:
        spot = self.spot(columns)
        money = self._nearest(spot)
        if rule.steps is not None:
            place = money + outward * rule.steps
            return self._at(np.where(money < 0, -1, place))
        at_money = np.where(money < 0, np.nan, self.strikes[money])
        if rule.points is not None:
            level = at_money + outward * rule.points
        elif rule.percent is not None:
            level = spot * (1 + outward * rule.percent / 100)
        else:
            bars = np.arange(len(columns))
            straddle = self.closes("CE", columns)[money, bars] + self.closes("PE", columns)[money, bars]
            level = at_money + outward * rule.value * straddle
        return self._at(self._nearest(level))

    def _at(self, place: NDArray[np.intp]) -> NDArray[np.int64]:
        inside = (place >= 0) & (place < len(self.strikes))
        return np.where(inside, self.strikes[np.where(inside, place, 0)], NO_STRIKE)

    def _nearest(self, level: Floats) -> NDArray[np.intp]:
        """Return the place of the nearest listed strike, the lower of two; -1 where the level is unknown."""
        strikes = self.strikes
        above = np.clip(np.searchsorted(strikes, level), 1, max(1, len(strikes) - 1))
        if len(strikes) == 1:
            return np.where(np.isnan(level), -1, 0)
        low, high = strikes[above - 1], strikes[above]
        place = np.where(level - low <= high - level, above - 1, above)
        return np.where(np.isnan(level), -1, place)

    def _by_premium(self, rule: StrikeRule, right: Right, side: Side, columns: Columns) -> NDArray[np.int64]:
        price = self.closes(right, columns)
        if rule.premium_between is not None:
            low, high = rule.premium_between
            inside = (price >= low) & (price <= high)
            return self._closest(np.where(inside, price, np.nan), np.inf if side == "sell" else 0.0, side)
        if rule.premium_at_least is not None:
            price = np.where(price >= rule.premium_at_least, price, np.nan)
        elif rule.premium_at_most is not None:
            price = np.where(price <= rule.premium_at_most, price, np.nan)
        return self._closest(price, rule.value, side)

    def _closest(self, figures: Floats, wanted: float, side: Side) -> NDArray[np.int64]:
        """Return the strike whose figure is nearest; of two equally near the dearer to sell, else cheaper."""
        known = ~np.isnan(figures)
        finite = np.nan_to_num(figures)
        apart = -finite if np.isinf(wanted) else np.round(np.abs(finite - wanted), 9)
        apart = np.where(known, apart, np.inf)
        tied = apart == apart.min(axis=0)
        among = np.where(tied & known, finite, -np.inf if side == "sell" else np.inf)
        place = among.argmax(axis=0) if side == "sell" else among.argmin(axis=0)
        return np.where(known.any(axis=0), self.strikes[place], NO_STRIKE)

    def deltas(self, right: Right, columns: Columns) -> Floats:
        """Return (strikes, bars) Black-76 deltas at the closes, on the synthetic future; NaN: no trade."""
        years = self._years_at_open - (columns + 1) / MINUTES_PER_YEAR
        discount = np.exp(-risk_free_rate(self.day.day) * years)
        prices = self.closes(right, columns)
        shape = prices.shape
        spread = [np.broadcast_to(row, shape).ravel() for row in (self.synthetic(columns), years, discount)]
        strikes = np.repeat(self.strikes.astype(float), shape[1])
        solved = iv_and_greeks(prices.ravel(), spread[0], strikes, spread[1], spread[2], right == "CE")
        return np.asarray(solved.delta).reshape(shape)

    @cached_property
    def _years_at_open(self) -> float:
        return years_to_expiry(self.day.start(0), self.expiry)
