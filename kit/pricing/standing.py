"""Where today's volatility stands in its own history, and on how many days that rests."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from kit.arguments import checked, instance
from kit.errors import DataError
from kit.pricing.measures import iv_percentile, iv_rank


class IvStanding(NamedTuple):
    """A volatility among those of the days before it.

    Parameters
    ----------
    now : float
        In the history's own unit.
    rank : float
        0 at the lowest of the days before, 1 at the highest; outside them below 0 or above 1.
    percentile : float
        Share of the days before on which it was lower.
    days : int
        How many days that rests on.
    first, last : date
        Of those days.
    """

    now: float
    rank: float
    percentile: float
    days: int
    first: date
    last: date

    def __str__(self) -> str:
        return (
            f"rank {self.rank:.0%}, percentile {self.percentile:.0%} of {self.days} days "
            f"({self.first} to {self.last})"
        )


_BY_DAY = "Set its dates as the index."


@checked
def iv_standing(
    history: pd.Series[float], now: float | None = None, *, on: date | None = None, days: int = 252
) -> IvStanding:
    """Return rank and percentile of a volatility among the days before it.

    Parameters
    ----------
    history : Series
        A volatility by day or time: collected, imported, or an index such as India VIX. Of several values
        of a day the last counts; NaN counts as no day.
    now : float, optional
        The volatility to place; default the history's own on its last day, which then is not counted.
    on : date, optional
        Its day; days from it on are not looked at. Default after the history, or its last day.
    days : int, default 252
        How many days back to look; fewer are used where there are not so many, and `IvStanding.days` says.

    Raises
    ------
    DataError
        The history is not by day or has no day to compare with, or `days` is none.
    """
    instance(history, pd.Series, "history")
    if not all(isinstance(day, date) for day in history.index):
        raise DataError("A history of volatility is by day, not by", type(history.index).__name__, _BY_DAY)
    if days < 1:
        raise DataError("A rank needs days to look back", days, "252 are a year of trading.")
    daily = history.dropna().sort_index(kind="stable")
    daily = daily.groupby(pd.DatetimeIndex(daily.index).date).last()
    if now is None:
        daily = daily if on is None else daily[daily.index <= on]
        if not daily.size:
            raise DataError("The history has no day until", str(on), "Pass an earlier history.")
        now, on = float(daily.iloc[-1]), daily.index[-1]
    before = (daily if on is None else daily[daily.index < on]).tail(days)
    if not before.size:
        raise DataError("The history has no day before", str(on), "Collect or import some days first.")
    values = before.to_numpy(np.float64)
    return IvStanding(
        now, iv_rank(now, values), iv_percentile(now, values), values.size, before.index[0], before.index[-1]
    )
