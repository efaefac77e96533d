"""How far the index may go by a date, and how likely a position has earned or a level was touched.

The index is lognormal around its forward with one volatility, the chain's at the money unless another is
given: a view for sizing, not the market's own distribution of the expiry.

Source of the touch: reflection of a Brownian motion with drift, J. M. Harrison, "Brownian Motion and
Stochastic Flow Systems" (1985), chapter 1.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtr

from kit.arguments import checked, real
from kit.errors import DataError
from kit.evaluation.through_time import breakevens_before_expiry, profit_before_expiry
from kit.model import ChainSnapshot, Leg
from kit.pricing.arrays import floats

LONGEST_YEARS = 10  # no option of an index lives longer


class Move(NamedTuple):
    """The index by a date, rupees.

    Parameters
    ----------
    forward : float
        Where the market puts it.
    points : float
        One standard deviation.
    low, high : float
        The forward less and plus it: two thirds of outcomes lie between.
    """

    forward: float
    points: float
    low: float
    high: float


@checked
def expected_move_by(
    snapshot: ChainSnapshot, days: float | None = None, *, sigma: float | None = None
) -> Move:
    """Return the expected move by a date.

    Parameters
    ----------
    snapshot : ChainSnapshot
        Gives forward, and the volatility at the money.
    days : float, optional
        Calendar days ahead; default to the expiry.
    sigma : float, optional
        Another annualised volatility.

    Returns
    -------
    Move
        NaN without a volatility.
    """
    forward, sd = _ahead(snapshot, days, sigma)
    points = forward * sd
    return Move(forward, points, forward - points, forward + points)


@checked
def probability_of_touch(
    snapshot: ChainSnapshot, level: ArrayLike, days: float | None = None, *, sigma: float | None = None
) -> Any:
    """Return the chance that the index is at a level at least once by a date.

    Parameters
    ----------
    snapshot, days, sigma
        As in `expected_move_by`.
    level : array_like
        Rupees; one that is not positive is never touched.

    Returns
    -------
    ndarray or float64
        1 at the spot; NaN without a volatility.
    """
    forward, sd = _ahead(snapshot, days, sigma)
    levels = floats(level)
    drift = np.log(forward / snapshot.spot) - sd * sd / 2  # of the logarithm, until the date
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.log(levels / snapshot.spot)
        side = np.where(away < 0, -1.0, 1.0)
        beyond = ndtr(side * (drift - away) / sd)
        reflected = np.exp(2 * drift * away / (sd * sd) + log_ndtr(-side * (away + drift) / sd))
    chance = np.where(levels == snapshot.spot, 1.0, np.minimum(beyond + reflected, 1.0))
    return np.where(np.isnan(sd), np.nan, np.where(levels > 0, chance, 0.0))[()]


@checked
def probability_of_profit_by(
    legs: Sequence[Leg], snapshot: ChainSnapshot, days: float, *, sigma: float | None = None
) -> float:
    """Return the chance that a position shows a profit on a date, valued as then.

    Parameters
    ----------
    legs : sequence of Leg
        The position.
    snapshot, sigma
        As in `expected_move_by`; the legs keep their own volatilities.
    days : float
        Calendar days ahead; above 0.

    Returns
    -------
    float
        NaN without a volatility.

    Raises
    ------
    DataError
        The date is not ahead.
    """
    forward, sd = _ahead(snapshot, days, sigma)
    if np.isnan(sd):
        return float("nan")
    edges = np.array([0.0, *breakevens_before_expiry(legs, snapshot, days), np.inf])
    below = np.zeros(edges.size)
    below[1:-1] = ndtr(np.log(edges[1:-1] / forward) / sd + sd / 2)
    below[-1] = 1.0
    inside = (edges[:-1] + np.minimum(edges[1:], 3 * max(snapshot.spot, edges[-2]))) / 2
    earns = profit_before_expiry(legs, snapshot, inside, days=days) > 0
    return float(np.diff(below)[earns].sum())


def _ahead(snapshot: ChainSnapshot, days: float | None, sigma: float | None) -> tuple[float, float]:
    """Return the forward of a date, and the standard deviation of the index's logarithm until it."""
    years = snapshot.t_years if days is None else real(days) / 365
    if not 0 < years < LONGEST_YEARS:
        raise DataError("There is no move by this day", days, "Give days ahead, less than ten years.")
    chosen = snapshot.iv_at(snapshot.forward) if sigma is None else sigma
    growth = (snapshot.forward / snapshot.spot) ** (years / snapshot.t_years) if snapshot.t_years > 0 else 1.0
    return snapshot.spot * growth, chosen * years**0.5
