"""Profit of a position at expiry, exactly: it is linear between the strikes.

Everything here is in points, that is rupees per unit times lots; one point is worth the lot size in
rupees. Prices are rounded at the ninth decimal, so that sums of ticks are zero when they should be.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kit.model import Leg
from kit.pricing.arrays import Floats


class Knots(NamedTuple):
    """A piecewise linear profit at expiry.

    Parameters
    ----------
    levels : tuple of float
        Settlement levels where the slope changes: 0 and the strikes, ascending, rupees.
    profits : tuple of float
        Profit at each level, points.
    slope : float
        Points per rupee beyond the last level; 0 when the profit is bounded there.
    """

    levels: tuple[float, ...]
    profits: tuple[float, ...]
    slope: float


def profit_at_expiry(legs: Sequence[Leg], settlement: ArrayLike) -> Floats:
    """Return the profit at expiry for any settlement level.

    Parameters
    ----------
    legs : sequence of Leg
        The position.
    settlement : array_like
        Closing levels of the index, rupees; NaN gives NaN.

    Returns
    -------
    ndarray of the shape of `settlement`
        Points.
    """
    levels = np.asarray(settlement, dtype=np.float64)
    total = np.zeros_like(levels)
    for leg in legs:
        sign = -1.0 if leg.right == "PE" else 1.0  # a future and the index are calls of strike 0
        total += leg.lots * (np.maximum(sign * (levels - leg.strike), 0.0) - leg.price)
    return total


def knots(legs: Sequence[Leg]) -> Knots:
    """Return the levels at which the profit's slope changes, with the profit there.

    Parameters
    ----------
    legs : sequence of Leg
        The position; none at all is a profit of 0 everywhere.
    """
    profit, slope = 0.0, 0
    turns: dict[float, int] = {}
    for leg in legs:
        turns[leg.strike] = turns.get(leg.strike, 0) + leg.lots  # a call begins to rise, a put ends to fall
        profit -= leg.lots * leg.price
        if leg.right == "PE":
            profit += leg.lots * leg.strike
            slope -= leg.lots
    slope += turns.pop(0.0, 0)  # a future and the index turn at the first level
    levels, profits = [0.0], [round(profit, 9)]
    for strike in sorted(turns):
        profit += slope * (strike - levels[-1])
        slope += turns[strike]
        levels.append(strike)
        profits.append(round(profit, 9))
    return Knots(tuple(levels), tuple(profits), float(slope))


def extremes(shape: Knots) -> tuple[float, float]:
    """Return the greatest and the least profit at expiry, points; infinite where unbounded."""
    best, worst = max(shape.profits), min(shape.profits)
    return (inf if shape.slope > 0 else best, -inf if shape.slope < 0 else worst)


def breakevens(shape: Knots) -> tuple[float, ...]:
    """Return the settlement levels above 0 at which the profit passes or touches zero, ascending.

    A stretch of exactly zero profit gives its two ends.
    """
    found = []
    points = list(zip(shape.levels, shape.profits, strict=True))
    for (left, low), (right, high) in pairwise(points):
        if low * high < 0:
            found.append(left + (right - left) * low / (low - high))
        elif high == 0 and low != 0:
            found.append(right)
        elif low == 0 and high != 0 and left > 0 and left not in found:
            found.append(left)
    last, profit = points[-1]
    if profit * shape.slope < 0:
        found.append(last - profit / shape.slope)
    elif profit == 0 and shape.slope and last > 0 and last not in found:
        found.append(last)
    return tuple(found)


def plotted_levels(
    legs: Sequence[Leg], crossings: Sequence[float], low: float, high: float, points: int
) -> Floats:
    """Return index levels for a curve: evenly spaced, and every strike and breakeven between the ends."""
    kinks = [at for at in (*(leg.strike for leg in legs), *crossings) if low < at < high]
    return np.unique([*np.linspace(low, high, points), *kinks])


def profit_at(shape: Knots, level: float) -> float:
    """Return the profit at one settlement level from 0 upwards, points."""
    before = bisect_right(shape.levels, level) - 1
    start = shape.levels[before]
    if before + 1 == len(shape.levels):
        return shape.profits[before] + shape.slope * (level - start)
    rise = shape.profits[before + 1] - shape.profits[before]
    return shape.profits[before] + rise * (level - start) / (shape.levels[before + 1] - start)
