"""A position over several expiries on the day of the first: its profit then, as if linear between levels.

Legs of the first expiry have their value at expiry, later ones Black's on their own chain with every strike's
volatility as it is today. The levels are a quarter of a percent apart, and every strike is one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.distribution import Distribution
from kit.evaluation.payoff import Knots
from kit.evaluation.through_time import profit_before_expiry
from kit.model import ChainSnapshot, Leg

LEVELS = np.append(0.0, np.linspace(0.4, 1.8, 561))  # as multiples of the spot
_LEAST = 1e-6  # rupees: the index at nothing has no logarithm


def first_chain(legs: Sequence[Leg], snapshot: ChainSnapshot) -> ChainSnapshot:
    """Return the chain of the expiry that comes first; the snapshot where none of the legs has one.

    Raises
    ------
    UnknownExpiry
        The chain of a leg's expiry is not at hand.
    """
    if {leg.expiry for leg in legs} <= {None, snapshot.expiry}:
        return snapshot
    chains = [snapshot.at(leg.expiry) for leg in legs if leg.right != "INDEX"]
    return min(chains, key=lambda chain: chain.expiry, default=snapshot)


def dated(legs: Sequence[Leg], snapshot: ChainSnapshot) -> list[Leg]:
    """Return the legs with the expiry that they leave open: the snapshot's."""
    own = snapshot.expiry
    return [leg if leg.expiry or leg.right == "INDEX" else replace(leg, expiry=own) for leg in legs]


def later(legs: Sequence[Leg], first: ChainSnapshot) -> list[Leg]:
    """Return the legs that are still open after the first expiry; the index has none."""
    return [leg for leg in legs if leg.right != "INDEX" and leg.expiry not in (None, first.expiry)]


def profile(legs: Sequence[Leg], snapshot: ChainSnapshot, first: ChainSnapshot) -> Knots:
    """Return the profit on the day of an expiry before others, points.

    Parameters
    ----------
    legs : sequence of Leg
        At their entry prices.
    snapshot : ChainSnapshot
        With the chains of all their expiries at hand.
    first : ChainSnapshot
        That of the expiry, none of the legs being of an earlier one.
    """
    strikes = [leg.strike for leg in legs if leg.is_option]
    levels = np.unique([*(first.spot * LEVELS), *strikes])
    days = 365 * first.t_years * (1 + 1e-12)  # not before it, whatever the last bit
    profits = profit_before_expiry(legs, snapshot, np.maximum(levels, _LEAST), days=days)
    slope = sum(leg.lots for leg in legs if leg.right != "PE")
    return Knots(tuple(levels.tolist()), tuple(np.round(profits, 9).tolist()), float(slope))


def mean_of(shape: Knots, likely: Distribution) -> float:
    """Return the mean of a profit, points: a sum of means of calls, one for each change of its slope."""
    levels, profits = (np.array(part) for part in shape[:2])
    slopes = np.append(np.diff(profits) / np.diff(levels), shape.slope)
    calls: NDArray[np.float64] = np.asarray(likely.call(levels[1:]))
    return float(profits[0] + slopes[0] * likely.mean + np.diff(slopes) @ calls)
