"""A position over several expiries on the day of the first: its profit then, as if linear between levels.

Legs of the first expiry have their value at expiry, later ones Black's on their own chain with every strike's
volatility as it is today. The levels are a quarter of a percent apart, and every strike is one of them.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import date
from weakref import WeakKeyDictionary

import numpy as np

from kit.evaluation.distribution import Distribution
from kit.evaluation.payoff import Knots
from kit.evaluation.through_time import profit_before_expiry
from kit.model import ChainSnapshot, Leg
from kit.pricing.arrays import Floats

_CURVES: WeakKeyDictionary[ChainSnapshot, dict[tuple[date, frozenset[float]], _Curves]] = WeakKeyDictionary()
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
    curves = _curves(snapshot, first, strikes)
    shown = curves.regular.copy()
    shown[np.searchsorted(curves.levels, strikes)] = True
    profits = sum(leg.lots * (curves.value(leg, snapshot)[shown] - leg.price) for leg in legs)
    slope = sum(leg.lots for leg in legs if leg.right != "PE")
    return Knots(tuple(curves.levels[shown].tolist()), tuple(np.round(profits, 9).tolist()), float(slope))


class _Curves:
    """What a unit of each contract is worth by level on the day of the first expiry; each worked out once."""

    def __init__(self, first: ChainSnapshot, strikes: Set[float]) -> None:
        regular = first.spot * LEVELS
        self.levels = np.unique([*regular, *strikes])
        self.regular = np.isin(self.levels, regular)
        self._days = 365 * first.t_years * (1 + 1e-12)  # not before it, whatever the last bit
        self._values: dict[tuple[object, ...], Floats] = {}

    def value(self, leg: Leg, snapshot: ChainSnapshot) -> Floats:
        key = (leg.right, leg.strike, leg.expiry)
        if key not in self._values:
            unit, levels = replace(leg, lots=1, price=0.0), np.maximum(self.levels, _LEAST)
            self._values[key] = profit_before_expiry((unit,), snapshot, levels, days=self._days)
        return self._values[key]


def _curves(snapshot: ChainSnapshot, first: ChainSnapshot, strikes: Sequence[float]) -> _Curves:
    """Return the curves of a snapshot whose levels include every listed strike, and these."""
    kept = _CURVES.setdefault(snapshot, {})
    listed = {strike for chain in (snapshot, *snapshot.others) for strike in chain.strikes}
    key = (first.expiry, frozenset(strikes) - listed)
    if key not in kept:
        kept[key] = _Curves(first, {*listed, *strikes})
    return kept[key]


def mean_of(shape: Knots, likely: Distribution) -> float:
    """Return the mean of a profit, points: a sum of means of calls, one for each change of its slope."""
    levels, profits = (np.array(part) for part in shape[:2])
    slopes = np.append(np.diff(profits) / np.diff(levels), shape.slope)
    calls: Floats = np.asarray(likely.call(levels[1:]))
    return float(profits[0] + slopes[0] * likely.mean + np.diff(slopes) @ calls)
