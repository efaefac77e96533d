"""Single numbers that describe a smile, a chain or a history of volatility."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from kit.arguments import checked
from kit.errors import SettingsError
from kit.pricing.arrays import Floats, floats
from kit.pricing.smile import Slice


@checked
def delta_strike(smile: Slice, delta: float) -> float:
    """Return the strike at which an option has a forward delta, discounting left out, rupees.

    Parameters
    ----------
    smile : Slice
        The smile.
    delta : float
        Between 0 and 1 for a call, between -1 and 0 for a put.

    Returns
    -------
    float
        NaN for a delta of NaN, and where the smile reaches it at no strike that a float can hold.

    Raises
    ------
    SettingsError
        No option has this delta: 25 for what is 0.25, or a text.
    """
    if not isinstance(delta, Real) or abs(delta) >= 1 or delta == 0:
        raise SettingsError(
            "A delta must lie between 0 and 1, a put's between -1 and 0", delta, "Write 0.25, not 25."
        )
    d1 = float(ndtri(delta if delta > 0 else 1 + delta))
    high = 2.0  # log-moneyness, either way: d1 falls as the strike rises
    while not _d1(smile, -high) >= d1 >= _d1(smile, high):
        high *= 2
        if high > 500.0 or math.isnan(d1):
            return float("nan")
    low = -high
    for _ in range(60):
        k = (low + high) / 2
        low, high = (k, high) if _d1(smile, k) > d1 else (low, k)
    return smile.forward * math.exp(low)


def _d1(smile: Slice, k: float) -> float:
    total = math.sqrt(float(smile.total_variance(k)))
    return -k / total + total / 2


@checked
def risk_reversal(smile: Slice, delta: float = 0.25) -> float:
    """Return the volatility of the call less that of the put of equal delta, annualised fraction."""
    return float(smile.iv(delta_strike(smile, delta)) - smile.iv(delta_strike(smile, -delta)))


@checked
def butterfly(smile: Slice, delta: float = 0.25) -> float:
    """Return the mean volatility of call and put of equal delta less that at the forward."""
    wings = smile.iv(delta_strike(smile, delta)) + smile.iv(delta_strike(smile, -delta))
    return float(wings / 2 - smile.atm_iv)


def expected_move(forward: ArrayLike, iv: ArrayLike, t_years: ArrayLike) -> Any:
    """Return one standard deviation of the forward until expiry, rupees, as array or float64.

    All arguments broadcast; NaN once expired.
    """
    years = floats(t_years)
    return (floats(forward) * floats(iv) * np.sqrt(np.where(years > 0, years, np.nan)))[()]


def iv_rank(now: float, history: ArrayLike) -> float:
    """Return where a volatility lies between the lowest and the highest of its history, 0 to 1.

    Outside the history it is below 0 or above 1. NaN without two different values.
    """
    known = _known(history)
    if known.size == 0 or known.max() == known.min():
        return float("nan")
    return float((now - known.min()) / (known.max() - known.min()))


def iv_percentile(now: float, history: ArrayLike) -> float:
    """Return the share of its history that a volatility exceeds, 0 to 1; NaN without history."""
    known = _known(history)
    return float((known < now).mean()) if known.size and not math.isnan(now) else float("nan")


def _known(history: ArrayLike) -> Floats:
    values = floats(history).reshape(-1)
    return values[np.isfinite(values)]


def chain_variance(
    strike: ArrayLike, call: ArrayLike, put: ArrayLike, forward: float, discount: float, t_years: float
) -> float:
    """Return the variance that all out-of-the-money options of an expiry price together.

    The sum of India VIX: every strike's price, weighted by its distance to its neighbours over its
    square. From the money outwards it ends at two strikes in a row without a price.

    Parameters
    ----------
    strike : array_like, shape (n,)
        Ascending, rupees.
    call, put : array_like, shape (n,)
        Mid prices by strike, rupees; NaN: none.
    forward, discount, t_years : float
        Of the expiry.

    Returns
    -------
    float
        Annualised variance; its root is a volatility. NaN where the prices do not reach a deviation of the
        result on either side of the forward: the sum would miss too much of what lies beyond.

    Notes
    -----
    NSE, "Computation methodology of India VIX", after the Cboe VIX white paper. NSE smooths wide quotes
    with a spline; here they are used as they are.
    """
    k, calls, puts = floats(strike), floats(call), floats(put)
    below = np.flatnonzero(k <= forward)
    if below.size < 2 or k.size - below.size < 2 or not t_years > 0:
        return float("nan")
    middle = int(below[-1])
    price = np.where(np.arange(k.size) < middle, puts, calls)
    price[middle] = (calls[middle] + puts[middle]) / 2
    quoted = _reached(price, middle) & ~np.isnan(price)
    if np.count_nonzero(quoted) < 4:
        return float("nan")
    total = 2 / discount * _strip(k[quoted], price[quoted]) - (forward / k[middle] - 1) ** 2
    width = forward * math.sqrt(max(total, 0.0))
    covered = k[quoted][0] <= forward - width and k[quoted][-1] >= forward + width
    return total / t_years if covered and total > 0 else float("nan")


def _strip(k: Floats, price: Floats) -> float:
    """Sum the prices, each weighted by its distance to its neighbours over its strike squared."""
    edges = np.concatenate([[2 * k[0] - k[1]], k, [2 * k[-1] - k[-2]]])
    return float(((edges[2:] - edges[:-2]) / 2 * price / k**2).sum())


def _reached(price: Floats, middle: int) -> NDArray[np.bool_]:
    """Walk outwards from the money until two prices in a row are missing."""
    missing = np.isnan(price)
    pair = missing & np.roll(missing, 1)  # this one and the one below
    reached = np.ones(price.size, dtype=np.bool_)
    lower = np.flatnonzero(pair[1 : middle + 1]) + 1
    if lower.size:
        reached[: lower[-1] + 1] = False
    upper = np.flatnonzero(pair[middle + 2 :]) + middle + 2
    if upper.size:
        reached[upper[0] - 1 :] = False
    return reached


def volatility_index(variance: ArrayLike, t_years: ArrayLike, days: float = 30) -> float:
    """Return the volatility over a fixed horizon from the variances of the expiries around it.

    Parameters
    ----------
    variance, t_years : array_like, shape (n,)
        `chain_variance` and years to expiry, ascending in time; NaN is left out.
    days : float, default 30
        Horizon, calendar days.

    Returns
    -------
    float
        Annualised fraction; total variance is linear in time between expiries, flat volatility outside.
    """
    level, years = floats(variance), floats(t_years)
    known = np.isfinite(level) & (years > 0)
    if not known.any():
        return float("nan")
    level, years, horizon = level[known], years[known], days / 365
    if not years[0] < horizon < years[-1]:
        return math.sqrt(float(np.interp(horizon, years, level)))
    return math.sqrt(float(np.interp(horizon, years, level * years)) / horizon)
