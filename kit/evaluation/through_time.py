"""A position at any date before its last expiry: value, profit, Greeks and breakevens, on any grid.

A position may span expiries. Each leg is valued on the chain of its own, with its own forward, which keeps
its ratio to the index per year of time left; at and after its expiry a leg is worth its intrinsic value at
the index level looked at. Source of the formula: F. Black, Journal of Financial Economics 3 (1976).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kit.arguments import checked, number
from kit.evaluation.moved_smile import Kept, Term, checked_names, moved_volatility, shifted
from kit.evaluation.payoff import breakevens, knots
from kit.model import ChainSnapshot, Leg
from kit.model.position import check_legs
from kit.pricing.arrays import Floats, floats
from kit.pricing.black76 import Greeks, greeks, price

SCANNED = np.linspace(0.4, 1.8, 1401)  # where breakevens are looked for, as multiples of the spot


class LegAhead(NamedTuple):
    """What one leg is valued with at each point of a grid: forward, years left, volatility, discount."""

    leg: Leg
    forward: Floats
    left: Floats
    sigma: Floats
    discount: Floats


@checked
def profit_before_expiry(
    legs: Sequence[Leg],
    snapshot: ChainSnapshot,
    spot: ArrayLike,
    *,
    days: ArrayLike = 0.0,
    iv_shift: ArrayLike = 0.0,
    skew_shift: ArrayLike = 0.0,
    term: Term = "parallel",
    held: Kept = "strike",
) -> Floats:
    """Return the profit if the index stood elsewhere, later, at another volatility.

    The arguments broadcast against each other, so a whole grid is one call::

        profit_before_expiry(legs, chain, spots, days=days[:, None, None], iv_shift=shifts[:, None])

    Parameters
    ----------
    legs : sequence of Leg
        The position; options of any expiry at hand, futures, the index.
    snapshot : ChainSnapshot
        Gives carry, discount, time and volatilities, with the chains of other expiries beside it.
    spot : array_like
        Index levels, rupees.
    days : array_like, default 0
        Calendar days from the snapshot; at and after its expiry a leg has its value at expiry.
    iv_shift : array_like, default 0
        Added to every volatility, annualised fraction; no volatility falls below zero.
    skew_shift : array_like, default 0
        Added for each 10 % that a strike is above the forward: -0.01 lifts a put 10 % below by a point.
    term : {"parallel", "root_time"}, default "parallel"
        Whether both shifts are the same for every expiry, or smaller for later ones: by the root of a month
        over the time to expiry.
    held : {"strike", "moneyness", "delta"}, default "strike"
        What keeps its volatility when index and time move: see `kit.evaluation.moved_smile`.

    Returns
    -------
    ndarray of the broadcast shape
        Points; NaN where a chain has no volatility at all.

    Raises
    ------
    SettingsError
        `term` or `held` is no such name.
    UnknownExpiry
        The chain of a leg's expiry is not at hand.
    """
    grid = [floats(value) for value in (spot, days, iv_shift, skew_shift)]
    total = np.zeros(np.broadcast_shapes(*(axis.shape for axis in grid)))
    for at in legs_ahead(legs, snapshot, grid, term, held):
        total += at.leg.lots * (value_ahead(at) - at.leg.price)
    return total


@checked
def greeks_before_expiry(
    legs: Sequence[Leg],
    snapshot: ChainSnapshot,
    spot: ArrayLike,
    *,
    days: ArrayLike = 0.0,
    iv_shift: ArrayLike = 0.0,
    skew_shift: ArrayLike = 0.0,
    term: Term = "parallel",
    held: Kept = "strike",
) -> Greeks:
    """Return the position's Greeks there, each of the broadcast shape, in points per unit and lot.

    A rupee of the index moves each forward by its own carry; delta and gamma are of the index. The other
    arguments are those of `profit_before_expiry`.
    """
    grid = [floats(value) for value in (spot, days, iv_shift, skew_shift)]
    shape = np.broadcast_shapes(*(axis.shape for axis in grid))
    totals = np.zeros((5, *shape))
    for at in legs_ahead(legs, snapshot, grid, term, held):
        with np.errstate(divide="ignore", invalid="ignore"):  # NaN where the index stands at nothing
            carry = at.forward / grid[0]
        delta, gamma, *rest = _greeks(at)
        for place, figure in enumerate((delta * carry, gamma * carry * carry, *rest)):
            totals[place] += at.leg.lots * figure
    return Greeks(*totals)


@checked
def profit_grid(
    legs: Sequence[Leg],
    snapshot: ChainSnapshot,
    spots: ArrayLike,
    iv_shifts: ArrayLike,
    days: ArrayLike,
    *,
    held: Kept = "strike",
) -> Floats:
    """Return the profit of every day, volatility and index level, for a heat map or sliders.

    Parameters
    ----------
    legs, snapshot, held
        As in `profit_before_expiry`.
    spots, iv_shifts, days : array_like, 1-D
        The axes; a number is an axis of one.

    Returns
    -------
    ndarray, shape (days, iv_shifts, spots)
        Rupees.
    """
    level, shift, day = (np.ravel(floats(axis)) for axis in (spots, iv_shifts, days))
    when, moved = day[:, None, None], shift[:, None]
    points = profit_before_expiry(legs, snapshot, level, days=when, iv_shift=moved, held=held)
    return snapshot.lot_size * points


@checked
def breakevens_before_expiry(
    legs: Sequence[Leg],
    snapshot: ChainSnapshot,
    days: float,
    *,
    iv_shift: float = 0.0,
    skew_shift: float = 0.0,
    term: Term = "parallel",
    held: Kept = "strike",
) -> tuple[float, ...]:
    """Return the index levels without profit or loss at a date, ascending, rupees.

    At the expiry of all legs they are exact; before it, and over several expiries, those between 0.4 and
    1.8 times the spot are found to a hundredth of a rupee. The arguments are those of
    `profit_before_expiry`.
    """
    checked_names(held, term)
    number(days, "Not a count of days")
    check_legs(legs, snapshot)
    chains = [snapshot.at(leg.expiry) for leg in legs]
    if len({chain.expiry for chain in chains}) == 1 and days / 365 >= chains[0].t_years:
        return breakevens(knots(legs))

    def profit(spot: Floats) -> Floats:
        shift = {"iv_shift": iv_shift, "skew_shift": skew_shift}
        return profit_before_expiry(legs, snapshot, spot, days=days, term=term, held=held, **shift)

    levels = snapshot.spot * SCANNED
    signs = np.sign(profit(levels))
    changes = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    low, high, rising = levels[changes], levels[changes + 1], signs[changes + 1] > 0
    for _ in range(16 if changes.size else 0):  # from 0.1 % of the spot to less than a hundredth
        middle = (low + high) / 2
        above = (profit(middle) > 0) == rising
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return tuple(sorted([*((low + high) / 2).tolist(), *levels[signs == 0].tolist()]))


def legs_ahead(
    legs: Sequence[Leg], snapshot: ChainSnapshot, grid: Sequence[Floats], term: Term, held: Kept
) -> Iterator[LegAhead]:
    """Yield what each leg is valued with; `grid` is spot, days, volatility and skew shift, broadcasting."""
    checked_names(held, term)
    check_legs(legs, snapshot)
    spots, days, iv_shift, skew_shift = grid
    ahead = {}
    for leg in legs:
        chain = snapshot.at(leg.expiry)
        if chain.expiry not in ahead:
            ahead[chain.expiry] = _ahead(chain, snapshot.spot, spots, days)
        left, forward, discount = ahead[chain.expiry]
        if leg.right == "INDEX":
            yield LegAhead(leg, spots, left, left, discount)
        elif leg.right == "FUT":
            yield LegAhead(leg, forward, left, left, discount)
        else:
            sigma = moved_volatility(leg, chain, forward, left, held)
            if iv_shift.any() or skew_shift.any():
                sigma = shifted(sigma, leg, chain, forward if skew_shift.any() else np.array(leg.strike),
                                iv_shift, skew_shift, term)  # fmt: skip
            yield LegAhead(leg, forward, left, sigma, discount)


def _ahead(chain: ChainSnapshot, spot: float, spots: Floats, days: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the years left, the forward and the discount factor at each point; carry stays as it is."""
    left = np.maximum(chain.t_years - days / 365, 0.0)
    share = left / chain.t_years if chain.t_years > 0 else left
    return left, spots * (chain.forward / spot) ** share, chain.discount**share


def value_ahead(at: LegAhead) -> Floats:
    """Return the price of one unit of a leg, rupees."""
    if not at.leg.is_option:
        return at.forward
    is_call = at.leg.right == "CE"
    return np.asarray(price(at.forward, at.leg.strike, at.left, at.sigma, at.discount, is_call))


def _greeks(at: LegAhead) -> Greeks:
    if not at.leg.is_option:
        flat = np.array(0.0)
        return Greeks(np.array(1.0), flat, flat, flat, flat)
    return greeks(at.forward, at.leg.strike, at.left, at.sigma, at.discount, at.leg.right == "CE")
