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
from kit.evaluation.scan.shape import between, bounds, breakevens, chance, rounded, shape
from kit.evaluation.verdict import OFF_SMILE
from kit.pricing.arrays import Floats

MOST_LEGS = 8


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
        row[col.PREMIUM_AT] = premium
        row[col.MAX_PROFIT_AT], row[col.MAX_LOSS_AT] = terms[col.LOT] * best, terms[col.LOT] * -worst
        row[col.BREAKEVEN_LOW_AT] = crossings[1] if count else np.nan
        row[col.BREAKEVEN_HIGH_AT] = crossings[count] if count else np.nan
        row[col.PROBABILITY_OF_PROFIT_AT] = chance(
            terms, levels, knots, profits, slope, len(held) + 1, crossings, count
        )
        least, most = between(terms, knots, profits, slope, len(held) + 1)
        row[col.RISK_AT], row[col.REWARD_AT] = -terms[col.LOT] * least, terms[col.LOT] * most
        sums(contracts, terms, held, lots, row)
        told(contracts, terms, held, lots, best, worst, row)
        blocked(contracts, terms, held, lots, losses, row)
        risked(row)


def sums(
    contracts: Floats, terms: Floats, held: NDArray[np.int32], lots: NDArray[np.int32], row: Floats
) -> None:
    """Write what adds up over the legs: means, charges, Greeks."""
    lot = terms[col.LOT]
    mid = spread = mean = taxed = charges = missed = 0.0
    delta = gamma = theta = vega = rho = 0.0
    for leg in range(len(held)):
        contract, number = contracts[held[leg]], lots[leg]
        at_once = contract[col.BUY] if number > 0 else contract[col.SELL]
        spread += number * (at_once - contract[col.MID])
        mean += number * contract[col.MEAN]
        missed += number * number * contract[col.MISSED]
        price = at_once if terms[col.AT_TOUCH] > 0 else contract[col.MID]
        fee = contract[col.BUY_FEE] if number > 0 else contract[col.SELL_FEE]
        charges += contract[col.FIXED_FEE] + abs(number) * price * fee
        if contract[col.IS_OPTION] > 0:
            mid -= number * contract[col.MID]
            taxed += max(number, 0) * contract[col.TAXED]
        delta += number * contract[col.DELTA]
        gamma += number * contract[col.GAMMA]
        theta += number * contract[col.THETA]
        vega += number * contract[col.VEGA]
        rho += number * contract[col.RHO]
    spread = rounded(spread)
    charges += taxed * terms[col.EXERCISE_FEE]
    paid = terms[col.CROSSED] * spread
    expected, cost = lot * (mean - paid / terms[col.DISCOUNT]) - charges, charges + lot * paid
    row[col.PREMIUM_MID_AT], row[col.SPREAD_AT] = lot * rounded(mid), lot * spread
    row[col.EDGE_AT] = lot * mean
    row[col.FIT_ERROR_AT] = lot * math.sqrt(missed)
    row[col.EXPECTED_PROFIT_AT], row[col.CHARGES_AT], row[col.COST_AT] = expected, charges, cost
    row[col.DELTA_AT], row[col.GAMMA_AT], row[col.THETA_AT] = lot * delta, lot * gamma, lot * theta
    row[col.VEGA_AT], row[col.RHO_AT] = lot * vega, lot * rho


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
    beyond = row[col.SPREAD_AT] / terms[col.LOT] if terms[col.AT_TOUCH] > 0 else 0.0
    bad = (worst >= 0 and best > 0) or (best > worst and (worst + beyond > 0 or best + beyond < 0))
    bad = bad or row[col.MAX_PROFIT_AT] <= row[col.CHARGES_AT]
    had = not bad and nobody == 0
    row[col.SPREAD_PCT_AT], row[col.SIZE_LOTS_AT] = widest, fits
    row[col.TRADED_LOTS_AT], row[col.IV_QUALITY_AT] = traded, quality
    row[col.TRADABLE_AT] = 1.0 if had else 0.0
    off = abs(row[col.EDGE_AT]) > OFF_SMILE * row[col.FIT_ERROR_AT]
    row[col.SOUND_AT] = 1.0 if had and not off and doubtful == 0 and terms[col.DOUBT] == 0 else 0.0


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
    """Write the margin."""
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
    span = 0.0 if beside == 0.0 else max(max(worst, 0.0) - value, floor, 0.0)  # nothing but bought options
    row[col.MARGIN_AT] = terms[col.LOT] * (span + beside)


def risked(row: Floats) -> None:
    """Write what is at risk, once loss and margin are known, and the amounts per rupee of both."""
    tied_up = row[col.MARGIN_AT] + max(-row[col.PREMIUM_AT], 0.0)
    row[col.RETURN_ON_MARGIN_AT] = ratio(row[col.EXPECTED_PROFIT_AT], tied_up)
    risk = tied_up if tied_up > row[col.RISK_AT] else row[col.RISK_AT]  # where one is NaN, the likely loss
    risk = row[col.MAX_LOSS_AT] if row[col.MAX_LOSS_AT] < risk else risk
    if math.isnan(tied_up) and row[col.RISK_AT] <= 0 < row[col.MAX_LOSS_AT]:
        risk = np.nan
    row[col.RISK_AT] = risk
    row[col.LOSS_TO_RISK_AT] = ratio(row[col.MAX_LOSS_AT], risk)
    row[col.COST_ON_RISK_AT] = ratio(row[col.COST_AT], risk)
    row[col.RETURN_ON_RISK_AT] = ratio(row[col.EXPECTED_PROFIT_AT], risk)
    row[col.REWARD_TO_RISK_AT] = ratio(row[col.REWARD_AT], risk)
