"""How much of a sweep's best result is luck: the deflated Sharpe ratio and the chance of overfitting.

Sources: Bailey and López de Prado, The Deflated Sharpe Ratio (2014); Bailey, Borwein, López de Prado and Zhu,
The Probability of Backtest Overfitting (2015).
"""

from __future__ import annotations

from itertools import combinations
from math import e, nan, sqrt

import numpy as np
from scipy.stats import kurtosis, norm, skew

from kit.pricing.arrays import Floats

_BLOCKS = 12  # 924 ways to choose half of them


def sharpe_by_set(daily: Floats) -> Floats:
    """Return the daily Sharpe ratio of each column of (days, sets); NaN where nothing moves."""
    if len(daily) < 2:
        return np.full(daily.shape[1], nan)
    sd = daily.std(axis=0, ddof=1)
    ratios: Floats = np.divide(daily.mean(axis=0), sd, out=np.full(daily.shape[1], nan), where=sd > 0)
    return ratios


def deflated_sharpe(daily: Floats) -> float:
    """Return the probability that the best set's true Sharpe ratio is above 0, after so many trials.

    Parameters
    ----------
    daily : (days, sets) array
        Profit of each set on each day.

    Returns
    -------
    float
        From 0 to 1; NaN for fewer than three days or two sets that move.
    """
    ratios = sharpe_by_set(daily)
    known = ratios[np.isfinite(ratios)]
    if len(daily) < 3 or len(known) < 2:
        return nan
    best = int(np.nanargmax(ratios))
    luck = (1 - np.euler_gamma) * norm.ppf(1 - 1 / len(known)) + np.euler_gamma * norm.ppf(
        1 - 1 / (len(known) * e)
    )
    expected = sqrt(float(known.var(ddof=1))) * luck
    ratio, returns = float(ratios[best]), daily[:, best]
    spread = 1 - skew(returns) * ratio + (kurtosis(returns, fisher=False) - 1) / 4 * ratio**2
    return float(norm.cdf((ratio - expected) * sqrt(len(daily) - 1) / sqrt(max(float(spread), 1e-12))))


def overfit_probability(daily: Floats, blocks: int = _BLOCKS) -> float:
    """Return how often the best set of one half of the days is below the middle in the other half.

    Parameters
    ----------
    daily : (days, sets) array
        Profit of each set on each day.
    blocks : int, default 12
        Into so many runs of days they are cut; every half of them is tried.

    Returns
    -------
    float
        From 0 to 1; NaN for fewer than two days a block or two sets.
    """
    days, sets = daily.shape
    if days < 2 * blocks or sets < 2:
        return nan
    parts = np.array_split(daily, blocks)
    sums = np.array([part.sum(axis=0) for part in parts])
    squares = np.array([(part**2).sum(axis=0) for part in parts])
    sizes = np.array([len(part) for part in parts], float)
    chosen = np.array(
        [np.isin(range(blocks), half) for half in combinations(range(blocks), blocks // 2)], float
    )
    inside = _ratios(chosen, sums, squares, sizes)
    outside = _ratios(1 - chosen, sums, squares, sizes)
    best = inside.argmax(axis=1)
    theirs = outside[np.arange(len(best)), best]
    rank = (outside < theirs[:, None]).sum(axis=1) + (outside == theirs[:, None]).sum(axis=1) / 2
    return float((rank / sets <= 0.5).mean())


def _ratios(chosen: Floats, sums: Floats, squares: Floats, sizes: Floats) -> Floats:
    count = (chosen @ sizes)[:, None]
    mean = chosen @ sums / count
    variance = np.maximum(chosen @ squares / count - mean**2, 1e-12)
    ratios: Floats = mean / np.sqrt(variance)
    return ratios


def overfit_sentence(daily: Floats) -> str:
    """Say in one plain sentence how far the best set of a sweep can be trusted."""
    deflated, overfit = deflated_sharpe(daily), overfit_probability(daily)
    if np.isnan(deflated) or np.isnan(overfit):
        return f"{daily.shape[0]} days and {daily.shape[1]} sets are too few to tell skill from luck."
    verdict = "may be skill" if deflated > 0.95 and overfit < 0.2 else "is hardly more than luck"
    return (
        f"The best of {daily.shape[1]} sets {verdict}: its edge is real with probability {deflated:.0%} "
        f"after so many trials, and in {overfit:.0%} of all splits the best of one half was below the middle "
        "of the other."
    )
