"""What a position earns across the index: the curves of a payoff plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.evaluation.metrics import score_on
from kit.evaluation.payoff import plotted_levels, profit_at_expiry
from kit.evaluation.scored import Score
from kit.evaluation.terms import STANDARD
from kit.evaluation.through_time import profit_before_expiry
from kit.model import ChainSnapshot, Leg
from kit.pricing.arrays import Floats

POINTS = 121


@dataclass(frozen=True)
class Payoff:
    """What one position earns, in rupees.

    Parameters
    ----------
    name : str
        The strategy in words.
    level : ndarray of shape (n,)
        Index levels, ascending.
    expiry_inr, today_inr : ndarray of shape (n,)
        Profit at the first expiry, and if the index stood there today, with every volatility as it is; the
        latter, and legs of a later expiry, are NaN where a chain has no volatility at all.
    score : Score
        Premium, extremes, breakevens, probability of profit and Greeks.
    """

    name: str
    level: Floats
    expiry_inr: Floats
    today_inr: Floats
    score: Score


def payoff(legs: Sequence[Leg], snapshot: ChainSnapshot, reach: float, name: str = "") -> Payoff:
    """Score a position and draw its curves, exact at every strike and breakeven.

    Parameters
    ----------
    legs, snapshot, name
        As in `kit.evaluation.metrics.score`.
    reach : float
        How far the curves go on either side of the spot, as a fraction of it.
    """
    scored = score_on(legs, snapshot, STANDARD, name)
    low, high = snapshot.spot * (1 - reach), snapshot.spot * (1 + reach)
    level = plotted_levels(legs, scored.breakevens, low, high, POINTS)
    expiry = _at_first_expiry(scored.legs, snapshot, level)
    today = profit_before_expiry(scored.legs, snapshot, level)
    return Payoff(name, level, expiry * snapshot.lot_size, today * snapshot.lot_size, scored)


def _at_first_expiry(legs: Sequence[Leg], snapshot: ChainSnapshot, level: Floats) -> Floats:
    """Return points; where all legs end together, without any model."""
    ends = {leg.expiry or snapshot.expiry for leg in legs if leg.right != "INDEX"}
    if len(ends) <= 1:
        return profit_at_expiry(legs, level)
    return profit_before_expiry(legs, snapshot, level, days=365 * snapshot.at(min(ends)).t_years)
