"""At which level of the index expiring options are settled, from its own bars of one minute."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from kit.bars.minutes import minute_of
from kit.clock import session, settlement_rule

_LAST = timedelta(minutes=30)
_EARLY = timedelta(minutes=1)  # the auction ends at random: its print comes at 15:28 or at 15:29


def settlement_level(minutes: NDArray[np.integer], close: NDArray[np.float64], on: date) -> float:
    """Return the settlement level of a day, rupees.

    Until July 2026 it is the mean of the index over the last half hour of its session; the exchange weighs
    trades of the shares, and the closes of minutes are the nearest to it that index bars tell. Since August
    2026 it is the print of the closing auction: never the level at which the index stood still before it.

    Parameters
    ----------
    minutes : ndarray of int, shape (n,)
        Start of each bar, minutes since midnight in Asia/Kolkata.
    close : ndarray, shape (n,)
        Rupees; NaN: no bar.
    on : date
        The expiry.

    Returns
    -------
    float
        NaN where the bars that decide are missing.

    Raises
    ------
    DataError
        The day is no session, or lies outside the tables' range.
    """
    cash = session(on, "cash")
    there = np.isfinite(close) & (minutes < minute_of(cash.close))
    if settlement_rule(on) == "mean_last_30" or cash.auction is None:
        last = there & (minutes >= minute_of(cash.close - _LAST))
        return float(close[last].mean()) if last.any() else float("nan")
    begins = (cash.auction.price_at or cash.auction.close) - _EARLY
    printed = close[there & (minutes >= minute_of(begins))]
    return float(printed[-1]) if printed.size else float("nan")
