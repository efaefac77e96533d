"""The score of a position: what it can earn and lose, how likely, and how it reacts.

The profit at expiry is linear between strikes, so every figure is exact under the distribution of
`kit.evaluation.distribution`: no grid and no simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import inf, isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.errors import DataError
from kit.evaluation.costs import round_trip_inr
from kit.evaluation.distribution import (
    RISK_SD,
    deviation,
    expected_profit,
    probability_of_profit,
    worst_within,
)
from kit.evaluation.payoff import Knots, breakevens, extremes, knots, profit_at_expiry
from kit.model import ChainSnapshot, Leg


@dataclass(frozen=True, slots=True)
class Score:
    """What a position is worth knowing for; all amounts for the whole position in rupees.

    Parameters
    ----------
    name : str
        What the analyst called it.
    legs : tuple of Leg
        The position.
    lot_size : int
        Units in one lot.
    premium_inr : float
        Received when positive, paid when negative.
    max_profit_inr, max_loss_inr : float
        At expiry, before charges; a loss is positive, and both may be infinite. A negative loss is a
        profit that cannot be missed.
    breakevens : tuple of float
        Settlement levels without profit or loss, ascending, rupees.
    probability_of_profit : float
        Chance of a profit above zero at expiry, before charges; NaN without a volatility.
    expected_profit_inr : float
        Mean profit at expiry less `charges_inr`; the premium earns interest until then. NaN without a
        volatility.
    charges_inr : float
        Opening and closing every leg at its entry price.
    risk_inr : float
        Greatest loss at expiry while the index ends within three standard deviations; NaN without a
        volatility.
    return_on_risk : float
        `expected_profit_inr` over `risk_inr`: what the ranking is by. Infinite where nothing is at risk.
    delta_inr : float
        Rupees per point of the forward.
    gamma_inr : float
        Change of `delta_inr` per point of the forward.
    theta_inr : float
        Rupees per calendar day.
    vega_inr : float
        Rupees per percentage point of volatility.
    rho_inr : float
        Rupees per percentage point of the rate.
    """

    name: str
    legs: tuple[Leg, ...]
    lot_size: int
    premium_inr: float
    max_profit_inr: float
    max_loss_inr: float
    breakevens: tuple[float, ...]
    probability_of_profit: float
    expected_profit_inr: float
    charges_inr: float
    risk_inr: float
    return_on_risk: float
    delta_inr: float
    gamma_inr: float
    theta_inr: float
    vega_inr: float
    rho_inr: float

    def row(self) -> dict[str, Any]:
        """Return the fields as one row of a table, the legs as text."""
        return {name: getattr(self, name) for name in FIGURES} | {"legs": describe(self.legs)}

    def payoff(self, snapshot: ChainSnapshot) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the profit at expiry for a plot: exact, with few points.

        Parameters
        ----------
        snapshot : ChainSnapshot
            Its volatility sets how far the plot reaches: three standard deviations, or the outermost
            strike if that is further.

        Returns
        -------
        levels, profit_inr : ndarray of shape (n,)
            Settlement levels at the ends, the strikes and the breakevens, ascending, and rupees there.
        """
        strikes = [leg.strike for leg in self.legs]
        sd = deviation(snapshot)
        reach = snapshot.forward * min(0.9, RISK_SD * (sd if sd > 0 else 0.01))
        ends = (min(snapshot.forward - reach, *strikes), max(snapshot.forward + reach, *strikes))
        shown = [level for level in (*strikes, *self.breakevens) if ends[0] <= level <= ends[1]]
        levels = np.unique([*ends, *shown])
        return levels, self.lot_size * profit_at_expiry(self.legs, levels)


FIGURES = tuple(part.name for part in fields(Score) if part.name not in ("name", "legs", "lot_size"))


def describe(legs: Sequence[Leg]) -> str:
    """Write legs as an analyst reads them: ``-1 43000PE, -1 43500CE``."""
    return ", ".join(f"{leg.lots:+d} {leg.strike:g}{leg.right}" for leg in legs)


def score(
    legs: Sequence[Leg], snapshot: ChainSnapshot, *, name: str = "", sigma: float | None = None
) -> Score:
    """Score a position on the chain it was taken from.

    Parameters
    ----------
    legs : sequence of Leg
        At least one.
    snapshot : ChainSnapshot
        Gives forward, discount, time, lot size and Greeks.
    name : str, optional
        What to call it.
    sigma : float, optional
        Your own annualised volatility until expiry; default the chain's at the money.

    Returns
    -------
    Score
        Probabilities are NaN where no volatility is known, a Greek where a leg has none.

    Raises
    ------
    DataError
        There are no legs, or the charges of that day are not known.
    """
    if not legs:
        raise DataError("A position needs at least one leg", tuple(legs), "Return legs from the strategy.")
    lot, shape = snapshot.lot_size, knots(legs)
    premium = round(-sum([leg.lots * leg.price for leg in legs]), 9)
    best, worst = extremes(shape)
    crossings = breakevens(shape)
    bounds = (lot * premium, lot * best, lot * -worst, crossings)
    prospects = _prospects(legs, snapshot, shape, crossings, premium, sigma)
    return Score(name, tuple(legs), lot, *bounds, *prospects, *_net_greeks(legs, snapshot))


def _prospects(
    legs: Sequence[Leg],
    snapshot: ChainSnapshot,
    shape: Knots,
    crossings: tuple[float, ...],
    premium: float,
    sigma: float | None,
) -> tuple[float, float, float, float, float]:
    """Chance of profit, mean profit, charges, money at risk and the return on it."""
    forward, lot, sd = snapshot.forward, snapshot.lot_size, deviation(snapshot, sigma)
    charges = round_trip_inr(legs, lot, snapshot.taken_at.date())
    expected = lot * expected_profit(legs, premium / snapshot.discount, forward, sd) - charges
    risk = lot * -worst_within(shape, forward, sd)
    chance = probability_of_profit(shape, crossings, forward, sd)
    return chance, expected, charges, risk, _ratio(expected, risk)


def _ratio(expected: float, risk: float) -> float:
    if risk > 0 or isnan(risk):
        return expected / risk
    return inf if expected > 0 else -inf


def _net_greeks(legs: Sequence[Leg], snapshot: ChainSnapshot) -> tuple[float, ...]:
    """Delta, gamma, theta, vega and rho of the whole position, rupees."""
    contracts, lot = snapshot.contracts, snapshot.lot_size
    delta = gamma = theta = vega = rho = 0.0
    for leg in legs:
        row, units = contracts[leg.right].get(leg.strike), leg.lots * lot
        if row is None:
            return (nan,) * 5
        delta += units * row.delta
        gamma += units * row.gamma
        theta += units * row.theta
        vega += units * row.vega
        rho += units * row.rho
    return delta, gamma, theta, vega, rho
