"""Every figure of many positions, one after the other: plain loops that numba turns into machine code.

The sums are those of `kit.evaluation.metrics.score_on` and `kit.evaluation.margin.estimate`, in their order;
a test compares them on random positions. `kit.evaluation.scan.compiled` compiles `score_all`; without numba
`kit.evaluation.scan.arrays` does the same sums with NumPy.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.scan import columns as col

Floats = NDArray[np.float64]
MOST_LEGS = 8
ROOT_2, ROOT_2PI = math.sqrt(2.0), math.sqrt(2 * math.pi)


def score_all(
    contracts: Floats,
    terms: Floats,
    levels: Floats,
    places: NDArray[np.int32],
    lots: NDArray[np.int32],
    out: Floats,
) -> None:
    """Fill a row of figures for every position.

    Parameters
    ----------
    contracts, terms, levels
        As of `kit.evaluation.scan.ladder.Ladder`.
    places : ndarray, shape (n, legs)
        Contracts of each position, by ascending strike.
    lots : ndarray, shape (legs,)
        The same for all of them.
    out : ndarray, shape (n, figures)
        Filled; the columns are `kit.evaluation.scan.columns.FIGURES`.
    """
    knots, profits = np.empty(MOST_LEGS + 1), np.empty(MOST_LEGS + 1)
    crossings, losses = np.empty(2 * MOST_LEGS + 3), np.empty(16)
    for number in range(len(places)):
        row, held = out[number], places[number]
        premium, slope = shape(contracts, terms, held, lots, knots, profits)
        best, worst = bounds(profits, len(held) + 1, slope)
        count = breakevens(knots, profits, len(held) + 1, slope, crossings)
        row[0] = premium
        row[3], row[4] = terms[col.LOT] * best, terms[col.LOT] * -worst
        row[5] = crossings[1] if count else np.nan
        row[6] = crossings[count] if count else np.nan
        row[7] = chance(terms, levels, knots, profits, slope, len(held) + 1, crossings, count)
        least, most = between(terms, knots, profits, slope, len(held) + 1)
        row[13], row[14] = -terms[col.LOT] * least, terms[col.LOT] * most
        sums(contracts, terms, held, lots, row)
        told(contracts, terms, held, lots, best, worst, row)
        blocked(contracts, terms, held, lots, losses, row)


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


def sums(
    contracts: Floats, terms: Floats, held: NDArray[np.int32], lots: NDArray[np.int32], row: Floats
) -> None:
    """Write what adds up over the legs: means, charges, Greeks."""
    lot = terms[col.LOT]
    mid = spread = mean = taxed = bought = sold = missed = 0.0
    delta = gamma = theta = vega = rho = 0.0
    options = 0
    for leg in range(len(held)):
        contract, number = contracts[held[leg]], lots[leg]
        at_once = contract[col.BUY] if number > 0 else contract[col.SELL]
        spread += number * (at_once - contract[col.MID])
        mean += number * contract[col.MEAN]
        missed += number * number * contract[col.MISSED]
        if contract[col.IS_OPTION] > 0:
            options += 1
            mid -= number * contract[col.MID]
            price = at_once if terms[col.AT_TOUCH] > 0 else contract[col.MID]
            if number > 0:
                bought += number * price
                taxed += number * contract[col.TAXED]
            else:
                sold -= number * price
        delta += number * contract[col.DELTA]
        gamma += number * contract[col.GAMMA]
        theta += number * contract[col.THETA]
        vega += number * contract[col.VEGA]
        rho += number * contract[col.RHO]
    spread = rounded(spread)
    charges = options * terms[col.FIXED_FEE] + bought * terms[col.BUY_FEE] + sold * terms[col.SELL_FEE]
    charges += taxed * terms[col.EXERCISE_FEE]
    paid = terms[col.CROSSED] * spread
    expected, cost, risk = lot * (mean - paid / terms[col.DISCOUNT]) - charges, charges + lot * paid, row[13]
    row[1], row[2], row[8] = lot * rounded(mid), lot * spread, lot * mean
    row[9] = lot * math.sqrt(missed)
    row[10], row[11], row[12] = expected, charges, cost
    row[15], row[16], row[17] = ratio(cost, risk), ratio(expected, risk), ratio(row[14], risk)
    row[18], row[19], row[20], row[21], row[22] = lot * delta, lot * gamma, lot * theta, lot * vega, lot * rho


def ratio(amount: float, risk: float) -> float:
    """Return an amount per rupee at risk, infinite where nothing is."""
    if risk > 0 or math.isnan(risk):
        return amount / risk
    if math.isnan(amount):
        return np.nan
    if amount == 0:
        return 0.0
    return np.inf if amount > 0 else -np.inf


def told(
    contracts: Floats,
    terms: Floats,
    held: NDArray[np.int32],
    lots: NDArray[np.int32],
    best: float,
    worst: float,
    row: Floats,
) -> None:
    """Write liquidity, whether the position can be had, and whether its figures mean anything."""
    widest, fits, traded, quality = 0.0, np.inf, np.inf, 1.0
    nobody = doubtful = 0.0
    for leg in range(len(held)):
        contract, buys = contracts[held[leg]], lots[leg] > 0
        fits = least(fits, contract[col.OFFERED] if buys else contract[col.BID_FOR])
        traded, quality = least(traded, contract[col.TRADED]), least(quality, contract[col.QUALITY])
        widest = -least(-widest, -contract[col.SPREAD])
        nobody += contract[col.NO_OFFER] if buys else contract[col.NO_BID]
        doubtful += contract[col.DOUBTFUL]
    beyond = row[2] / terms[col.LOT] if terms[col.AT_TOUCH] > 0 else 0.0
    bad = (worst >= 0 and best > 0) or (best > worst and (worst + beyond > 0 or best + beyond < 0))
    had = not bad and nobody == 0
    row[23], row[24], row[25], row[26] = widest, fits, traded, quality
    row[27] = 1.0 if had else 0.0
    row[28] = 1.0 if had and doubtful == 0 and terms[col.DOUBT] == 0 else 0.0


def least(so_far: float, value: float) -> float:
    """Return the lesser; NaN once one is unknown."""
    return so_far if so_far <= value or math.isnan(so_far) else value


def blocked(
    contracts: Floats,
    terms: Floats,
    held: NDArray[np.int32],
    lots: NDArray[np.int32],
    losses: Floats,
    row: Floats,
) -> None:
    """Write the margin, and the expected profit on it."""
    losses[:] = 0.0
    value = floor = beside = 0.0
    for leg in range(len(held)):
        contract, number = contracts[held[leg]], lots[leg]
        for scenario in range(16):
            losses[scenario] += number * contract[col.LOSSES + scenario]
        value += number * contract[col.MID] * contract[col.IS_OPTION]
        if number > 0:
            beside += number * contract[col.HELD_BLOCKS]
        else:
            beside -= number * contract[col.SOLD_BLOCKS]
            floor -= number * contract[col.SOLD_LEAST]
    worst = losses[0]
    for scenario in range(1, 16):
        worst = max(worst, losses[scenario])
    span = max(max(worst, 0.0) - value, floor, 0.0)
    row[29] = terms[col.LOT] * (span + beside)
    row[30] = ratio(row[10], row[29])
