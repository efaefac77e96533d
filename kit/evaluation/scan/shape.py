"""What one position pays across the index, and how likely: the half of the kernel that knows levels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.scan import columns as col
from kit.pricing.arrays import Floats

ROOT_2, ROOT_2PI = math.sqrt(2.0), math.sqrt(2 * math.pi)


def shape(
    contracts: Floats,
    terms: Floats,
    held: NDArray[np.int32],
    lots: NDArray[np.int32],
    knots: Floats,
    profits: Floats,
) -> tuple[float, float]:
    """Write levels and profits at them; return the premium in rupees and the slope beyond the last level."""
    profit, premium, slope = 0.0, 0.0, 0.0
    for leg in range(len(held)):
        row = contracts[held[leg]]
        price = entry(row, terms, lots[leg])
        profit -= lots[leg] * price
        if row[col.IS_OPTION] > 0:
            premium -= lots[leg] * price
        if row[col.IS_PUT] > 0:
            profit += lots[leg] * row[col.STRIKE]
            slope -= lots[leg]
    knots[0], profits[0] = 0.0, rounded(profit)
    for leg in range(len(held)):
        strike = contracts[held[leg], col.STRIKE]
        profit += slope * (strike - knots[leg])
        slope += lots[leg]
        knots[leg + 1], profits[leg + 1] = strike, rounded(profit)
    return terms[col.LOT] * rounded(premium), slope


def entry(row: Floats, terms: Floats, lots: int) -> float:
    """Return what a leg is entered at, rupees per unit."""
    if terms[col.AT_TOUCH] > 0:
        return float(row[col.BUY] if lots > 0 else row[col.SELL])
    return float(row[col.MID])


def rounded(value: float) -> float:
    """Round at the ninth decimal, so that sums of ticks are zero when they should be."""
    return round(value * 1e9) / 1e9


def bounds(profits: Floats, count: int, slope: float) -> tuple[float, float]:
    """Return the greatest and the least profit, infinite where unbounded."""
    best, worst = profits[0], profits[0]
    for at in range(1, count):
        best, worst = max(best, profits[at]), min(worst, profits[at])
    if slope > 0:
        best = np.inf
    if slope < 0:
        worst = -np.inf
    return best, worst


def breakevens(knots: Floats, profits: Floats, count: int, slope: float, found: Floats) -> int:
    """Write 0, then the levels without profit or loss, ascending; return how many those are."""
    number, found[0] = 0, 0.0
    for at in range(1, count):
        low, high, left, right = profits[at - 1], profits[at], knots[at - 1], knots[at]
        if low * high < 0:
            number += 1
            found[number] = left + (right - left) * low / (low - high)
        elif high == 0 and low != 0:
            number += 1
            found[number] = right
        elif low == 0 and high != 0 and left > 0 and (number == 0 or found[number] != left):
            number += 1
            found[number] = left
    last, level = profits[count - 1], knots[count - 1]
    if last * slope < 0:
        number += 1
        found[number] = level - last / slope
    elif last == 0 and slope != 0 and level > 0 and (number == 0 or found[number] != level):
        number += 1
        found[number] = level
    return number


def profit_at(knots: Floats, profits: Floats, slope: float, count: int, level: float) -> float:
    """Return the profit at one level."""
    at = count - 1
    while at > 0 and knots[at] > level:
        at -= 1
    if at == count - 1:
        return float(profits[at] + slope * (level - knots[at]))
    width = knots[at + 1] - knots[at]
    return float(profits[at] + (profits[at + 1] - profits[at]) * (level - knots[at]) / width)


def chance(
    terms: Floats,
    levels: Floats,
    knots: Floats,
    profits: Floats,
    slope: float,
    count: int,
    crossings: Floats,
    number: int,
) -> float:
    """Return the chance of a profit: the sum over the stretches between breakevens that earn."""
    if not terms[col.LOW] <= terms[col.HIGH]:
        return np.nan
    total, below = 0.0, 0.0
    for at in range(number + 1):
        left = crossings[at]
        if at < number:
            inside, above = (left + crossings[at + 1]) / 2, cdf(terms, levels, crossings[at + 1])
        else:
            inside, above = max(left, knots[count - 1]) + 1, 1.0
        if profit_at(knots, profits, slope, count, inside) > 0:
            total += above - below
        below = above
    return total


def cdf(terms: Floats, levels: Floats, level: float) -> float:
    """Return the chance to end at or below a level under the view."""
    if terms[col.VIEW] == col.SAMPLE:
        return float(np.searchsorted(levels, level, side="right") / len(levels))
    if terms[col.VIEW] != col.SMILE:
        return np.nan
    if level <= 0:
        return 0.0
    k = math.log(level / terms[col.FORWARD])
    x = k - terms[col.SVI_M]
    root = math.sqrt(x * x + terms[col.SVI_SIGMA] * terms[col.SVI_SIGMA])
    s = math.sqrt(max(terms[col.SVI_A] + terms[col.SVI_B] * (terms[col.SVI_RHO] * x + root), 0.0))
    if not s > 0:
        return 1.0 if level >= terms[col.FORWARD] else 0.0
    slope = terms[col.SVI_B] * (terms[col.SVI_RHO] + x / root) / (2 * s)
    d = -k / s - s / 2
    below = 0.5 * math.erfc(d / ROOT_2) + math.exp(-d * d / 2) / ROOT_2PI * slope
    return float(min(max(below, 0.0), 1.0))


def between(terms: Floats, knots: Floats, profits: Floats, slope: float, count: int) -> tuple[float, float]:
    """Return the least and the greatest profit between the levels that all but few outcomes lie between."""
    low, high = terms[col.LOW], terms[col.HIGH]
    if not low <= high:
        return np.nan, np.nan
    first = profit_at(knots, profits, slope, count, low)
    last = profit_at(knots, profits, slope, count, high)
    least, most = min(first, last), max(first, last)
    for at in range(count):
        if low < knots[at] < high:
            least, most = min(least, profits[at]), max(most, profits[at])
    return least, most
