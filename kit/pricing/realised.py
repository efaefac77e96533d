"""Realised volatility of daily bars: from closes, from ranges, and from all four prices.

Sources: M. Parkinson, "The extreme value method for estimating the variance of the rate of return", Journal
of Business 53 (1980); D. Yang and Q. Zhang, "Drift-independent volatility estimation based on high, low,
open, and close prices", Journal of Business 73 (2000).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from kit.arguments import checked
from kit.errors import DataError
from kit.pricing.arrays import Floats, floats

DAYS_PER_YEAR = 252


def close_volatility(close: ArrayLike, window: int = 20) -> Floats:
    """Return the annualised standard deviation of the last `window` log returns of closes.

    Parameters
    ----------
    close : array_like, shape (n,)
        Rupees, oldest first.
    window : int, default 20
        Days; at least 2.

    Returns
    -------
    ndarray, shape (n,)
        Annualised fraction; NaN until there are enough days, and while one of them is not positive.
    """
    returns = _log_ratio(floats(close)[1:], floats(close)[:-1])
    return _annual(np.append(np.nan, _rolling_variance(returns, window)))


def parkinson_volatility(high: ArrayLike, low: ArrayLike, window: int = 20) -> Floats:
    """Return the annualised volatility that the last `window` daily ranges show.

    It sees the day and not the night: where an index opens away from its close, it is too low.

    Parameters
    ----------
    high, low : array_like, shape (n,)
        Rupees, oldest first.
    window : int, default 20
        As in `close_volatility`, and so is the answer.
    """
    squares = _log_ratio(floats(high), floats(low)) ** 2
    return _annual(_rolling_mean(squares, window) / (4 * math.log(2)))


def yang_zhang_volatility(
    opened: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike, window: int = 20
) -> Floats:
    """Return the annualised volatility of the last `window` nights and days, whatever the drift.

    Parameters
    ----------
    opened, high, low, close : array_like, shape (n,)
        Rupees, oldest first.
    window : int, default 20
        As in `close_volatility`, and so is the answer.
    """
    o, h, low_, c = (floats(prices) for prices in (opened, high, low, close))
    night = np.append(np.nan, _log_ratio(o[1:], c[:-1]))
    day, up, down = _log_ratio(c, o), _log_ratio(h, o), _log_ratio(low_, o)
    inside = _rolling_mean(up * (up - day) + down * (down - day), window)
    k = 0.34 / (1.34 + (window + 1) / (window - 1))
    return _annual(_rolling_variance(night, window) + k * _rolling_variance(day, window) + (1 - k) * inside)


@checked
def realised_volatility(bars: pd.DataFrame, window: int = 20) -> pd.DataFrame:
    """Return all three of a table of daily bars, to stand beside the implied volatility.

    Parameters
    ----------
    bars : DataFrame
        Columns ``open``, ``high``, ``low``, ``close``, one row per session, oldest first.
    window : int, default 20
        Sessions.

    Returns
    -------
    DataFrame
        Columns ``close``, ``parkinson``, ``yang_zhang``: annualised fractions, NaN until there are enough
        sessions.

    Raises
    ------
    DataError
        A column is missing, two rows are of one day or not in order, or the window is too short.
    """
    missing = [name for name in ("open", "high", "low", "close") if name not in bars]
    if missing:
        raise DataError("Realised volatility needs columns", missing, "Pass daily bars with all four prices.")
    if isinstance(bars.index, pd.DatetimeIndex) and bars.index.normalize().has_duplicates:
        raise DataError("Several bars are of one day", str(bars.index[0].date()), "Resample them to days.")
    if isinstance(bars.index, pd.DatetimeIndex) and not bars.index.is_monotonic_increasing:
        raise DataError("Daily bars go from old to new", str(bars.index[0].date()), "Use bars.sort_index().")
    o, h, low, c = (bars[name].to_numpy(np.float64) for name in ("open", "high", "low", "close"))
    found = {
        "close": close_volatility(c, window),
        "parkinson": parkinson_volatility(h, low, window),
        "yang_zhang": yang_zhang_volatility(o, h, low, c, window),
    }
    return pd.DataFrame(found, index=bars.index)


def _log_ratio(above: Floats, below: Floats) -> Floats:
    positive = (above > 0) & (below > 0)
    return np.log(np.where(positive, above, np.nan) / np.where(positive, below, np.nan))


def _windows(values: Floats, window: int) -> Floats:
    if window != int(window) or window < 2:
        raise DataError("A window has at least two days", window, "20 is a month of trading.")
    if values.size < window:
        return np.empty((0, window))
    return np.lib.stride_tricks.sliding_window_view(values, int(window))


def _rolling_mean(values: Floats, window: int) -> Floats:
    means = _windows(values, window).mean(axis=1)
    return np.append(np.full(values.size - means.size, np.nan), means)


def _rolling_variance(values: Floats, window: int) -> Floats:
    variances = _windows(values, window).var(axis=1, ddof=1)
    return np.append(np.full(values.size - variances.size, np.nan), variances)


def _annual(variance: Floats) -> Floats:
    volatility: Floats = np.sqrt(DAYS_PER_YEAR * np.maximum(variance, 0.0))
    return volatility
