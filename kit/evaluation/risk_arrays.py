"""What one unit of each contract loses in the sixteen scenarios of a clearing house's scan.

Every contract is valued by Black-Scholes on the index close with one volatility, whatever its strike and
expiry, and again two calendar days later after a move of the index and of volatility. Recomputed so, the
published risk arrays agree almost to the paisa: see ``docs/margin.md``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from kit.evaluation.margin_rules import FAR_DAYS, RiskParameters
from kit.pricing.arrays import Floats
from kit.pricing.black76 import greeks, price

_STEPS = np.repeat([0.0, 1 / 3, -1 / 3, 2 / 3, -2 / 3, 1.0, -1.0], 2)
# Now, and in each scenario:
MOVES = np.concatenate([[0.0], _STEPS, [2.0, -2.0]])  # of the price scan range
VOLS = np.concatenate([[0.0], np.tile([1.0, -1.0], 7), [0.0, 0.0]])  # of the volatility scan range
AHEAD_YEARS = np.append(0.0, np.full(16, 2 / 365))  # the scan looks two days ahead
COUNTED = np.append(np.ones(14), [0.35, 0.35])  # the extreme moves are counted in part
_DELTA_AT = _STEPS[::2]
_DELTA_WEIGHTS = np.array([0.27, 0.217, 0.217, 0.111, 0.111, 0.037, 0.037])


def risk_arrays(
    right: Sequence[str], strike: ArrayLike, days: ArrayLike, parameters: RiskParameters
) -> Floats:
    """Return the loss of one bought unit in each scenario.

    Parameters
    ----------
    right : sequence of {"CE", "PE", "FUT"}
        By contract.
    strike : array_like, shape (n,)
        Rupees; 0 of a future.
    days : array_like, shape (n,)
        Calendar days from the close to the expiry.
    parameters : RiskParameters
        Of the day.

    Returns
    -------
    ndarray, shape (n, 16)
        Rupees per unit; negative is a gain. The last two are already counted at 35 %.
    """
    days = np.asarray(days, np.float64)[:, None]
    far = days > FAR_DAYS
    reach = np.where(far, parameters.price_scan_far, parameters.price_scan)
    spots = parameters.close * (1 + reach * MOVES)
    years = np.maximum(days / 365 - AHEAD_YEARS, 0.0)
    values = _values(right, strike, spots, years, VOLS, parameters)
    losses: Floats = (values[:, :1] - values[:, 1:]) * COUNTED
    return losses


def _values(
    right: Sequence[str],
    strike: ArrayLike,
    spots: Floats,
    years: Floats,
    vols: Floats,
    parameters: RiskParameters,
) -> Floats:
    is_future = np.array([one == "FUT" for one in right])[:, None]
    is_call = np.array([one != "PE" for one in right])[:, None]
    forward, discount = spots * np.exp(parameters.rate * years), np.exp(-parameters.rate * years)
    sigma = parameters.volatility + vols * parameters.vol_scan
    # a strike of 0 has no logarithm; a future is its forward, whatever stands here
    strikes = np.where(is_future, parameters.close, np.asarray(strike, np.float64)[:, None])
    return np.where(is_future, forward, price(forward, strikes, years, sigma, discount, is_call))


def composite_deltas(
    right: Sequence[str], strike: ArrayLike, days: ArrayLike, parameters: RiskParameters
) -> Floats:
    """Return each contract's delta averaged over the scan: what one expiry offsets of another.

    Parameters
    ----------
    right, strike, days, parameters
        As of `risk_arrays`.

    Returns
    -------
    ndarray, shape (n,)
        Of the index, per unit.
    """
    years = np.asarray(days, np.float64)[:, None] / 365
    forward = parameters.close * (1 + parameters.price_scan * _DELTA_AT) * np.exp(parameters.rate * years)
    is_future = np.array([one == "FUT" for one in right])
    is_call = np.array([one != "PE" for one in right])[:, None]
    strikes = np.where(is_future, parameters.close, strike)[:, None]
    discount = np.exp(-parameters.rate * years)
    delta = greeks(forward, strikes, years, parameters.volatility, discount, is_call, delta_of="spot").delta
    return np.where(is_future, 1.0, delta @ _DELTA_WEIGHTS)
