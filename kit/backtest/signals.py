"""When each leg's entry is first tried: at the plan's moment, or when its signal comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.backtest.moment import RuleMoment, asked
from kit.backtest.plan.parts import SignedAmount
from kit.backtest.plan.plan import Breakout, Plan, PlanEntry
from kit.backtest.strikes import ExpiryMinutes
from kit.backtest.tape import NEVER
from kit.bars.minutes import DayMinutes
from kit.errors import DataError
from kit.pricing.arrays import Bools, Floats

Signals = Mapping[str, "pd.Series[bool]"]
UP, DOWN = "up", "down"


def starts_of(plan: Plan, day: DayMinutes, signals: Signals) -> list[int]:
    """Return of each leg the bar at whose close its entry is first tried; `NEVER` without a signal.

    Raises
    ------
    DataError
        The plan names a signal that was not given.
    """
    entry = plan.entry
    first = day.column(entry.at) - 1
    if not entry.has_signal:
        return [first] * len(plan.legs)
    until = entry.until or plan.exit.at
    last = min(len(day.minutes) - 1, day.column(until) - (1 if entry.until else 2))
    columns = np.arange(max(0, first), last + 1)
    found = _breaks(entry, day, columns, signals)
    return [min(found.get(UP, NEVER), found.get(DOWN, NEVER)) if leg.on is None else found.get(leg.on, NEVER)
            for leg in plan.legs]  # fmt: skip


def _breaks(entry: PlanEntry, day: DayMinutes, columns: NDArray[np.intp], signals: Signals) -> dict[str, int]:
    """Return the first bar of each direction in which the signal comes."""
    if entry.breakout:
        return _breakout(entry.breakout, day, columns)
    if entry.momentum:
        return _momentum(entry.momentum, day, columns)
    if isinstance(entry.signal, str):
        fires = _column(entry.signal, day, columns, signals)
    else:
        fires = _asked(entry.signal, day, columns)
    return {UP: int(columns[fires][0])} if fires.any() else {}


def _asked(rule: Any, day: DayMinutes, columns: NDArray[np.intp]) -> Bools:
    fires = np.zeros(len(columns), np.bool_)
    for place, column in enumerate(columns[columns < known_bars(day)]):
        if asked(rule, "entry", RuleMoment(day, int(column)), bool):
            fires[place] = True
            break
    return fires


def known_bars(day: DayMinutes) -> int:
    """Return how many bars of a day have come: of a running session the later ones are blank."""
    known = np.flatnonzero(np.isfinite(day.index[3]) | day.traded.any(axis=0))
    return int(known[-1]) + 1 if known.size else 0


def _column(name: str, day: DayMinutes, columns: NDArray[np.intp], signals: Signals) -> Bools:
    if name not in signals:
        raise DataError(
            "The plan waits for a signal that was not given", name, f"Known: {', '.join(sorted(signals))}."
        )
    starts = pd.DatetimeIndex([day.start(int(column)) for column in columns])
    return signals[name].reindex(starts, fill_value=False).to_numpy(bool)


def _level(day: DayMinutes) -> Floats:
    """Return (high, low, close) of the index by bar, rupees; closes alone where the synthetic stands in."""
    if day.has_index:
        return day.index[[1, 2, 3]]
    closes = ExpiryMinutes(day, day.expiries[0], "synthetic").synthetic(np.arange(len(day.minutes)))
    return np.array([closes, closes, closes])


def _breakout(rule: Breakout, day: DayMinutes, columns: NDArray[np.intp]) -> dict[str, int]:
    high, low, close = _level(day)
    span = slice(max(0, day.column(rule.range[0])), max(0, day.column(rule.range[1])))
    if not np.isfinite(high[span]).any():
        return {}
    sides = {UP: close[columns] > np.nanmax(high[span]), DOWN: close[columns] < np.nanmin(low[span])}
    found = {side: int(columns[fires][0]) for side, fires in sides.items() if fires.any()}
    if rule.sides == "first" and len(found) > 1:
        earliest = min(found, key=lambda side: found[side])
        return {earliest: found[earliest]}
    return found


def _momentum(rule: SignedAmount, day: DayMinutes, columns: NDArray[np.intp]) -> dict[str, int]:
    close = _level(day)[2][columns]
    known = close[np.isfinite(close)]
    if len(known) == 0:
        return {}
    start = known[0]
    goal = start * (1 + (rule.percent or 0) / 100) + (rule.points or 0)
    fires = close >= goal if goal > start else close <= goal
    return {UP if goal > start else DOWN: int(columns[fires][0])} if fires.any() else {}
