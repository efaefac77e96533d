"""The score of a position: what it can earn and lose, how likely, what it costs, and how it reacts.

The profit at expiry is linear between strikes, so every figure is exact under the distribution of the view
that is taken (`kit.evaluation.views`): no grid and no simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isnan, nan, sqrt

import numpy as np

from kit.arguments import checked
from kit.evaluation.chances import extremes_between, probability_of_profit
from kit.evaluation.distribution import Distribution
from kit.evaluation.exercise import exercise_rate
from kit.evaluation.leg_figures import LegFigures, leg_figures
from kit.evaluation.margin_sums import blocked, margin_inr
from kit.evaluation.payoff import breakevens, extremes, knots
from kit.evaluation.scored import FIGURES, Score, describe
from kit.evaluation.several_expiries import dated, first_chain, later, mean_of, profile
from kit.evaluation.terms import Terms
from kit.evaluation.verdict import OFF_SMILE, verdict
from kit.evaluation.views import View, market
from kit.model import ChainSnapshot, Leg
from kit.model.position import check_legs

__all__ = ["FIGURES", "Score", "describe", "score", "score_on"]


@checked
def score(
    legs: Sequence[Leg],
    snapshot: ChainSnapshot,
    *,
    name: str = "",
    view: View | str = market,
    entry: str = "touch",
    basis: str = "held",
) -> Score:
    """Score a position on the chain it was taken from.

    One over several expiries is scored at the first of them: what is still open then is sold at Black's price
    with each strike's volatility of today, see `kit.evaluation.several_expiries`.

    Parameters
    ----------
    legs : sequence of Leg
        At least one.
    snapshot : ChainSnapshot
        Gives forward, discount, time, lot size, quotes and Greeks; with the chains of all expiries beside it.
    name : str, optional
        What to call it.
    view : View or str, default market
        Whose distribution of the index: the market's, or one of your own, see `kit.evaluation.views`.
    entry : {"touch", "mid"}, default "touch"
        At which prices legs that have the chain's price are entered; a price of your own stays.
    basis : {"held", "closed"}, default "held"
        Whether charges are those of holding to expiry, or of closing before at the entry prices.

    Returns
    -------
    Score
        Probabilities are NaN where no volatility is known, a Greek where a leg has none.

    Raises
    ------
    DataError
        There are no legs, or the charges of that day are not known.
    UnknownExpiry
        The chain of their expiry is not at hand.
    SettingsError
        A word for view, entry or basis is misspelt.
    """
    return score_on(legs, snapshot, Terms.of(view, entry, basis), name)


def score_on(legs: Sequence[Leg], snapshot: ChainSnapshot, terms: Terms, name: str = "") -> Score:
    """Score a position on given terms; otherwise as `score`."""
    check_legs(legs, snapshot)
    first = first_chain(legs, snapshot)
    if first is not snapshot:
        legs = dated(legs, snapshot)
    lot = first.lot_size
    likely, parts = leg_figures(legs, snapshot, first, terms)
    held = [part.held for part in parts]
    (
        spread, paid, paid_mid, edge, exercised, charges, missed, delta, gamma, theta, vega, rho, *blocks
    ) = _sums(parts)  # fmt: skip
    spread = round(spread, 9)
    open_then = later(held, first) if snapshot.others else []
    shape = profile(held, snapshot, first) if open_then else knots(held)
    best, worst = extremes(shape)
    crossings = breakevens(shape)
    least, most = extremes_between(shape, likely.low, likely.high)
    if open_then:
        edge += _mean_later(later([part.middle for part in parts], first), likely, first, snapshot)
    if terms.basis == "held":
        charges += lot * exercised * exercise_rate(first.expiry)[0]
    premium, crossed = lot * _received(paid), terms.crossings * spread
    expected = lot * (edge - crossed / first.discount) - charges
    margin = margin_inr(legs, snapshot) if open_then else lot * blocked(blocks)
    tied_up = margin + max(-premium, 0.0)
    cost, reward = charges + lot * crossed, lot * most
    risk = _at_risk(-lot * least, tied_up, -lot * worst)
    doubts = [likely.doubt] if likely.doubt else []
    at_the_chains_prices = all(part.middle.price == part.listed for part in parts)
    if not open_then and abs(edge) > OFF_SMILE * sqrt(missed) and at_the_chains_prices:
        doubts.append("prices off the smile")
    return Score(
        name, tuple(held), lot, likely.view, terms.entry, terms.basis,
        premium, lot * _received(paid_mid), lot * spread, lot * best, lot * -worst, crossings,
        probability_of_profit(shape, crossings, likely), lot * edge, lot * sqrt(missed),
        expected, charges, cost, risk, reward,
        _ratio(cost, risk), _ratio(expected, risk), _ratio(reward, risk),
        _ratio(lot * -worst, risk), margin, _ratio(expected, tied_up),
        delta, gamma, theta, vega, rho, *_thinnest(parts, lot),
        *_verdict(parts, doubts, best, worst, spread if terms.entry == "touch" else 0.0, charges / lot),
    )  # fmt: skip


def _sums(parts: Sequence[LegFigures]) -> list[float]:
    total = np.zeros(parts[0].sums.size)
    for part in parts:
        total += part.sums
    found: list[float] = total.tolist()
    return found


def _received(paid: float) -> float:
    return round(-paid, 9) + 0.0  # no zero less than nothing


def _thinnest(parts: Sequence[LegFigures], lot: int) -> tuple[float, float, float, float]:
    """Return the widest spread in percent, and least size, lots traded and quality of a leg."""
    least = parts[0].least
    for part in parts[1:]:
        least = np.minimum(least, part.least)  # NaN once one is unknown
    narrowest, size, traded, quality = least.tolist()
    return abs(narrowest), size / lot, traded / lot, quality


def _verdict(parts: Sequence[LegFigures], doubts: Sequence[str], *points: float) -> tuple[str, bool]:
    bad = [text for part in parts for text in part.bad]
    return verdict(bad, [*doubts, *(text for part in parts for text in part.doubts)], *points)


def _mean_later(
    legs: Sequence[Leg], likely: Distribution, first: ChainSnapshot, snapshot: ChainSnapshot
) -> float:
    """Return the mean profit of what is sold at the first expiry; what options cost earns interest."""
    interest = sum(leg.lots * leg.price * (1 - 1 / first.discount) for leg in legs if leg.is_option)
    return mean_of(profile(legs, snapshot, first), likely) + interest


def _at_risk(likely: float, tied_up: float, greatest: float) -> float:
    """Return a likely loss, or what is tied up where that is more, but no more than can be lost.

    Where the margin is not known and nothing but the unlikely loses, it is not known either.
    """
    if isnan(tied_up) and likely <= 0 < greatest:
        return nan
    risk = tied_up if tied_up > likely else likely  # where one is NaN, the likely loss
    return greatest if greatest < risk else risk


def _ratio(amount: float, risk: float) -> float:
    if risk > 0 or isnan(risk):
        return amount / risk
    return amount * inf if amount else 0.0
