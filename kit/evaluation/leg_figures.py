"""What each leg adds to a score, worked out once for a chain on given terms: a position adds its legs up."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isnan
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from kit.evaluation.costs import opening_inr, round_trip_inr
from kit.evaluation.distribution import Distribution
from kit.evaluation.exercise import exercise_rate
from kit.evaluation.liquidity import contract_of, contradicting, entry_price, has_future, spread_pct
from kit.evaluation.margin_sums import blocks
from kit.evaluation.terms import Terms
from kit.evaluation.verdict import leg_objections
from kit.model import ChainSnapshot, Contract, Leg
from kit.pricing.arrays import Floats


class LegFigures(NamedTuple):
    """One leg of a chain, as a score needs it.

    Parameters
    ----------
    listed : float
        The chain's price, rupees per unit; NaN: none.
    held, middle : Leg
        At its entry, and at the middle of bid and ask.
    sums : ndarray
        What adds up. Points: spread, premium at the entry and at the middle, mean profit, what its exercise
        is taxed on; rupees: charges; the square of the fit's error; rupees: delta, gamma, theta, vega and
        rho; then what `kit.evaluation.margin_sums` adds up.
    least : ndarray, shape (4,)
        Of which the least leg counts: less the spread in percent, units at the side that the leg trades
        against, units traded, quality of the volatility; NaN: unknown.
    bad, doubts : tuple of str
        Why it cannot be traded at its price, and why its figures are unreliable.
    """

    listed: float
    held: Leg
    middle: Leg
    sums: Floats
    least: Floats
    bad: tuple[str, ...]
    doubts: tuple[str, ...]


_Key = tuple[object, ...]
_Known = tuple[Distribution, dict[_Key, LegFigures]]
_KNOWN: WeakKeyDictionary[ChainSnapshot, dict[Terms, _Known]] = WeakKeyDictionary()


def leg_figures(
    legs: Sequence[Leg], snapshot: ChainSnapshot, first: ChainSnapshot, terms: Terms
) -> tuple[Distribution, list[LegFigures]]:
    """Return the view's distribution and each leg's figures; those at the chain's prices are kept.

    Parameters
    ----------
    legs : sequence of Leg
        A position.
    snapshot : ChainSnapshot
        With the chains of all their expiries at hand.
    first : ChainSnapshot
        That of the first expiry.
    terms : Terms
        View, entry and basis.
    """
    by_terms = _KNOWN.setdefault(first, {})
    kept = by_terms.get(terms)
    if kept is None:
        kept = by_terms[terms] = (terms.view.on(first), {})
    likely, known = kept
    found = []
    for leg in legs:
        key = (leg.right, leg.strike, leg.lots, leg.expiry)
        one = known.get(key)
        if one is None or not (leg.price == one.listed or isnan(leg.price)):
            row = contract_of(leg, snapshot)
            one = _figures_of(leg, row, first, likely, terms)
            if leg.expiry in (None, first.expiry) and (leg.price == row.price or isnan(leg.price)):
                known[key] = one
        found.append(one)
    return likely, found


def _figures_of(
    leg: Leg, row: Contract, first: ChainSnapshot, likely: Distribution, terms: Terms
) -> LegFigures:
    lots, lot = leg.lots, first.lot_size
    middle, at_once = entry_price(leg, row, "mid"), entry_price(leg, row, "touch")
    mid, held = _at(leg, middle), _at(leg, at_once if terms.entry == "touch" else middle)
    goes_on = leg.right != "INDEX" and leg.expiry not in (None, first.expiry)
    mean, taxed = (0.0, 0.0) if goes_on else means(mid, likely, first)
    charged = round_trip_inr if goes_on or terms.basis == "closed" else opening_inr
    missed = lots**2 * error_squared(row, likely)
    paid = (held.price, mid.price) if leg.is_option else (0.0, 0.0)
    greeks = (row.delta, row.gamma, row.theta, row.vega, row.rho)
    sums = [
        lots * (at_once - middle), lots * paid[0], lots * paid[1], mean, taxed,
        charged([held], lot, first.taken_at.date()), missed, *(lots * lot * greek for greek in greeks),
        *blocks(leg, first),
    ]  # fmt: skip
    least = [0.0, inf, inf, 1.0]
    if leg.is_option:
        size = row.ask_qty if lots > 0 else row.bid_qty
        # an unknown one stays unknown
        least = [min(value, most) for value, most in
                 zip((-spread_pct(row), size, row.volume, row.iv_quality), least, strict=True)]  # fmt: skip
    bad, doubts = leg_objections(held, row, contradicting(first))
    ends = leg.expiry or first.expiry
    if leg.right == "FUT" and not has_future(first.underlying, ends, first.taken_at.date()):
        bad = (f"no future ends on {ends:%d %b %Y}",)
    return LegFigures(row.price, held, mid, np.array(sums), np.array(least), bad, doubts)


def _at(leg: Leg, price: float) -> Leg:
    return leg if leg.price == price else Leg(leg.right, leg.strike, leg.lots, price, leg.expiry)


def error_squared(row: Contract, likely: Distribution) -> float:
    """Return the square of how far smile and middle may be from what a unit is worth, rupees squared."""
    half = (row.ask - row.bid) / 2 if row.ask >= row.bid else 0.0
    return float((row.vega * (100 * likely.iv_error)) ** 2 + half * half)


def means(leg: Leg, likely: Distribution, first: ChainSnapshot) -> tuple[float, float]:
    """Return a leg's mean profit at the expiry, and what its exercise is taxed on, points."""
    pays = likely.call_at(leg.strike)
    if leg.right == "PE":
        pays += leg.strike - likely.mean
    mean = leg.lots * (pays - (leg.price if leg.right == "FUT" else leg.price / first.discount))
    if leg.lots < 0 or not leg.is_option:
        return mean, 0.0
    _, on_intrinsic = exercise_rate(first.expiry)
    return mean, leg.lots * (pays if on_intrinsic else _settled(leg, pays, likely))


def _settled(leg: Leg, pays: float, likely: Distribution) -> float:
    """Return the mean of the index where it ends in the money, and 0 elsewhere."""
    below = likely.cdf_at(leg.strike)
    return pays + leg.strike * (1 - below) if leg.right == "CE" else leg.strike * below - pays
