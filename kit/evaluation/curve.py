"""What a position earns across the index: the curves of a payoff plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.metrics import score_on
from kit.evaluation.payoff import profit_at_expiry
from kit.evaluation.scored import Score
from kit.evaluation.terms import STANDARD, Terms
from kit.evaluation.through_time import profit_before_expiry
from kit.model import ChainSnapshot, Leg

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
        Profit at expiry, and if the index stood there today with every volatility as it is; the
        latter is NaN where the chain has no volatility at all.
    score : Score
        Premium, extremes, breakevens, probability of profit and Greeks.
    """

    name: str
    level: NDArray[np.float64]
    expiry_inr: NDArray[np.float64]
    today_inr: NDArray[np.float64]
    score: Score


def payoff(
    legs: Sequence[Leg], snapshot: ChainSnapshot, reach: float, name: str = "", terms: Terms = STANDARD
) -> Payoff:
    """Score a position and draw its curves, exact at every strike and breakeven.

    Parameters
    ----------
    legs, snapshot, name, terms
        As in `kit.evaluation.metrics.score_on`.
    reach : float
        How far the curves go on either side of the spot, as a fraction of it.
    """
    scored = score_on(legs, snapshot, terms, name)
    low, high = snapshot.spot * (1 - reach), snapshot.spot * (1 + reach)
    kinks = [at for at in (*(leg.strike for leg in legs), *scored.breakevens) if low < at < high]
    level = np.unique([*np.linspace(low, high, POINTS), *kinks])
    expiry, today = profit_at_expiry(scored.legs, level), profit_before_expiry(scored.legs, snapshot, level)
    return Payoff(name, level, expiry * snapshot.lot_size, today * snapshot.lot_size, scored)
