"""What a series of profits says: returns against risk, drawdown, hit rates. All from daily rupees."""

from __future__ import annotations

from math import nan, sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SESSIONS_PER_YEAR = 252


class Drawdown(NamedTuple):
    """The deepest fall of the equity.

    Parameters
    ----------
    rupees : float
        From the peak to the trough, 0 or more.
    peak, trough : Timestamp or None
        When; None where the equity never fell.
    recovered : Timestamp or None
        When the peak was reached again; None: not yet.
    """

    rupees: float
    peak: pd.Timestamp | None
    trough: pd.Timestamp | None
    recovered: pd.Timestamp | None


def drawdown(profit: pd.Series) -> Drawdown:
    """Return the deepest fall of cumulated profits, starting from nothing.

    Parameters
    ----------
    profit : Series
        Rupees by time.
    """
    equity = profit.to_numpy(float).cumsum()
    peaks = np.maximum.accumulate(np.maximum(equity, 0.0))
    falls = peaks - equity
    if not len(falls) or falls.max() <= 0:
        return Drawdown(0.0, None, None, None)
    trough = int(falls.argmax())
    level = peaks[trough]
    reached = np.flatnonzero(equity[:trough] >= level)
    again = np.flatnonzero(equity[trough:] >= level) + trough
    times = pd.DatetimeIndex(profit.index)
    recovered = times[again[0]] if len(again) else None
    return Drawdown(float(falls[trough]), times[reached[0] if len(reached) else 0], times[trough], recovered)


def sharpe(returns: pd.Series) -> float:
    """Return the yearly Sharpe ratio of daily returns over no interest; NaN for fewer than two days."""
    sd = returns.std()
    return float(returns.mean() / sd * sqrt(SESSIONS_PER_YEAR)) if len(returns) > 1 and sd > 0 else nan


def sortino(returns: pd.Series) -> float:
    """Return the yearly Sortino ratio: mean over the root mean square of losses; NaN without a loss."""
    below = sqrt(float((np.minimum(returns, 0.0) ** 2).mean())) if len(returns) else 0.0
    return float(returns.mean() / below * sqrt(SESSIONS_PER_YEAR)) if below > 0 else nan


def exposure(trades: pd.DataFrame, bars: NDArray[np.datetime64], minutes: float) -> float:
    """Return the share of the sessions' minutes in which a leg was held; several at once count once.

    A leg is held from the bar after that of its entry to that of its exit.

    Parameters
    ----------
    trades : DataFrame
        The trade log, refused entries left out.
    bars : sorted datetime64 array
        The starts of the bars that the positions lived in, each once, India's time.
    minutes : float
        How many minutes the sessions have.
    """
    entered, left = (
        np.searchsorted(bars, pd.DatetimeIndex(trades[end]).tz_localize(None).to_numpy(), "right")
        for end in ("entry_bar", "exit_bar")
    )
    count = len(bars) + 1
    held = np.cumsum(np.bincount(entered, minlength=count) - np.bincount(left, minlength=count))
    return float((held > 0).sum() / minutes)


def metrics(daily: pd.Series, trades: pd.DataFrame, capital_inr: float) -> pd.Series:
    """Return the figures of a backtest.

    Parameters
    ----------
    daily : Series
        Net profit of every session that was looked at, rupees.
    trades : DataFrame
        The trade log, refused entries left out.
    capital_inr : float
        What returns are counted on, rupees.

    Returns
    -------
    Series
        By name; ratios are yearly, NaN where they have no meaning.
    """
    net, fall = trades["net_inr"], drawdown(daily)
    won, lost = net[net > 0], net[net < 0]
    returns = daily / capital_inr
    yearly = float(returns.mean() * SESSIONS_PER_YEAR) if len(daily) else nan
    units = trades["lots"] * trades["lot_size"]
    turnover = float(((trades["entry_price"] + trades["exit_price"]) * units).sum())
    return pd.Series(
        {
            "net_inr": float(net.sum()),
            "gross_inr": float(trades["gross_inr"].sum()),
            "charges_inr": float(trades["charges_inr"].sum()),
            "trades": len(net),
            "sessions": len(daily),
            "return_per_year": yearly,
            "sharpe": sharpe(returns),
            "sortino": sortino(returns),
            "calmar": yearly / (fall.rupees / capital_inr) if fall.rupees > 0 else nan,
            "max_drawdown_inr": fall.rupees,
            "win_rate": float((net > 0).mean()) if len(net) else nan,
            "winning_days": float((daily > 0).mean()) if len(daily) else nan,
            "expectancy_inr": float(net.mean()) if len(net) else nan,
            "profit_factor": float(won.sum() / -lost.sum()) if len(lost) else nan,
            "average_win_inr": float(won.mean()) if len(won) else nan,
            "average_loss_inr": float(lost.mean()) if len(lost) else nan,
            "turnover_inr": turnover,
        }
    )
