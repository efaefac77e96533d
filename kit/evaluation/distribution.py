"""Chances and means of a profit at expiry, exactly, with the index lognormal around its forward.

The forward is the chain's, the volatility the one at the money unless another is given; `sd` is the
standard deviation of the log of the index at expiry. Amounts are points. Plain numbers are used instead
of arrays because a position has a handful of legs, for which an array costs more than the arithmetic.

Source: F. Black, "The pricing of commodity contracts", Journal of Financial Economics 3 (1976).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, exp, inf, isfinite, isnan, log, nan, sqrt

from kit.evaluation.payoff import Knots, profit_at
from kit.model import ChainSnapshot, Leg

RISK_SD = 3.0  # standard deviations that the money at risk covers: 99.7 % of all outcomes


def deviation(snapshot: ChainSnapshot, sigma: float | None = None) -> float:
    """Return the standard deviation of the log of the index at expiry.

    Parameters
    ----------
    snapshot : ChainSnapshot
        Gives the time, and the volatility at the money.
    sigma : float, optional
        Another annualised volatility.

    Returns
    -------
    float
        0 once expired, NaN without a volatility.
    """
    chosen = snapshot.iv_at(snapshot.forward) if sigma is None else sigma
    return chosen * sqrt(max(snapshot.t_years, 0.0))


def _normal(x: float) -> float:
    return 0.5 * erfc(-x / 1.4142135623730951)


def expected_profit(legs: Sequence[Leg], premium: float, forward: float, sd: float) -> float:
    """Return the mean profit at expiry: the premium and the undiscounted Black value of every leg.

    Parameters
    ----------
    legs : sequence of Leg
        The position.
    premium : float
        Received, as it stands at expiry, points.
    forward, sd : float
        The distribution; an `sd` of NaN gives NaN.
    """
    if isnan(sd):
        return nan
    total = premium
    for leg in legs:
        strike = leg.strike
        if sd > 0 and strike > 0:
            d1 = log(forward / strike) / sd + sd / 2
            call = forward * _normal(d1) - strike * _normal(d1 - sd)
        else:
            call = max(forward - strike, 0.0)
        total += leg.lots * (call if leg.right == "CE" else call - forward + strike)
    return total


def probability_of_profit(shape: Knots, crossings: tuple[float, ...], forward: float, sd: float) -> float:
    """Return the chance of a profit above zero: the sum over the stretches between breakevens that earn.

    Parameters
    ----------
    shape : Knots
        The profit.
    crossings : tuple of float
        Its breakevens.
    forward, sd : float
        The distribution; an `sd` of NaN gives NaN, of 0 certainty.
    """
    if not sd > 0:
        return float(profit_at(shape, forward) > 0) if sd == 0 else nan
    bounds = (0.0, *crossings, inf)
    chances = [0.0, *[_normal(log(level / forward) / sd + sd / 2) for level in crossings], 1.0]
    total = 0.0
    for number, left in enumerate(bounds[:-1]):
        right = bounds[number + 1]
        inside = (left + right) / 2 if right < inf else max(left, shape.levels[-1]) + 1
        if profit_at(shape, inside) > 0:
            total += chances[number + 1] - chances[number]
    return total


def worst_within(shape: Knots, forward: float, sd: float) -> float:
    """Return the least profit while the index ends within `RISK_SD` deviations; NaN without a finite `sd`."""
    if not isfinite(sd):
        return nan
    low, high = (forward * exp(side * RISK_SD * sd - sd * sd / 2) for side in (-1, 1))
    knots = zip(shape.levels, shape.profits, strict=True)
    inside = [profit for level, profit in knots if low < level < high]
    return min(profit_at(shape, low), profit_at(shape, high), *inside)
