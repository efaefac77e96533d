"""Profit of a position before expiry, on any grid of index level, volatility and time."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kit.model import ChainSnapshot, Leg
from kit.pricing.black76 import price

Grid = NDArray[np.float64]


def profit_before_expiry(
    legs: Sequence[Leg],
    snapshot: ChainSnapshot,
    spot: ArrayLike,
    *,
    days: ArrayLike = 0.0,
    iv_shift: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Return the profit if the index stood elsewhere, later, at another volatility.

    The arguments broadcast against each other, so a whole grid is one call::

        profit_before_expiry(legs, chain, spots, days=days[:, None, None], iv_shift=shifts[:, None])

    Parameters
    ----------
    legs, snapshot
        The position, and the chain that gives carry, discount, time and the volatility of every strike,
        which stays with its strike.
    spot : array_like
        Index levels, rupees.
    days : array_like, default 0
        Calendar days from the snapshot; at and after expiry the profit is that of expiry.
    iv_shift : array_like, default 0
        Added to every volatility, annualised fraction; no volatility falls below zero.

    Returns
    -------
    ndarray of the broadcast shape
        Points; NaN where the chain has no volatility at all.
    """
    grids = (np.asarray(value, np.float64) for value in (spot, days, iv_shift))
    spots, later, shift = np.broadcast_arrays(*grids)
    left, forward, discount = _ahead(snapshot, spots, later)
    total = np.zeros_like(spots)
    for leg in legs:
        sigma = np.maximum(_volatility(leg, snapshot) + shift, 0.0)
        value = price(forward, leg.strike, left, sigma, discount, leg.right == "CE")
        total += leg.lots * (value - leg.price)
    return total


def _ahead(snapshot: ChainSnapshot, spots: Grid, days: Grid) -> tuple[Grid, Grid, Grid]:
    """Return the years left, the forward and the discount factor at each point; carry stays as it is."""
    left = np.maximum(snapshot.t_years - days / 365, 0.0)
    share = left / snapshot.t_years if snapshot.t_years > 0 else left
    return left, spots * (snapshot.forward / snapshot.spot) ** share, snapshot.discount**share


def _volatility(leg: Leg, snapshot: ChainSnapshot) -> float:
    """Return the contract's own volatility, else the smile's at its strike."""
    own = snapshot.contracts[leg.right].get(leg.strike)
    return snapshot.iv_at(leg.strike) if own is None or isnan(own.iv) else own.iv
