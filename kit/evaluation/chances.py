"""Chance and range of a profit that is linear between strikes, under a distribution of the index.

Plain numbers are used instead of arrays because a position has a handful of legs, for which an array costs
more than the arithmetic.
"""

from __future__ import annotations

from math import inf, nan

from kit.evaluation.distribution import Distribution
from kit.evaluation.payoff import Knots, profit_at


def probability_of_profit(shape: Knots, crossings: tuple[float, ...], likely: Distribution) -> float:
    """Return the chance of a profit above zero: the sum over the stretches between breakevens that earn.

    Parameters
    ----------
    shape : Knots
        The profit.
    crossings : tuple of float
        Its breakevens.
    likely : Distribution
        Of the index at expiry.
    """
    bounds = (0.0, *crossings, inf)
    chances = [0.0, *map(likely.cdf_at, crossings), 1.0]
    total = 0.0 * likely.mean  # NaN where nothing is known
    for number, left in enumerate(bounds[:-1]):
        right = bounds[number + 1]
        inside = (left + right) / 2 if right < inf else max(left, shape.levels[-1]) + 1
        if profit_at(shape, inside) > 0:
            total += chances[number + 1] - chances[number]
    return total


def extremes_between(shape: Knots, low: float, high: float) -> tuple[float, float]:
    """Return the least and the greatest profit while the index ends between two levels; NaN unless known."""
    if not low <= high:
        return nan, nan
    knots = zip(shape.levels, shape.profits, strict=True)
    found = [profit for level, profit in knots if low < level < high]
    found += (profit_at(shape, low), profit_at(shape, high))
    return min(found), max(found)
