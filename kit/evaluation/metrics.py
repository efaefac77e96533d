"""The score of a position: what it can earn and lose, how likely, what it costs, and how it reacts.

The profit at expiry is linear between strikes, so every figure is exact under the distribution of the view
that is taken (`kit.evaluation.views`): no grid and no simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isnan, sqrt
from typing import Literal, NamedTuple

from kit.errors import DataError, SettingsError
from kit.evaluation.blocked import margin_inr
from kit.evaluation.chances import extremes_between, probability_of_profit
from kit.evaluation.costs import exercise_tax, opening_inr, round_trip_inr
from kit.evaluation.distribution import Distribution
from kit.evaluation.liquidity import Entry, contract_of, entry_price
from kit.evaluation.payoff import breakevens, extremes, knots
from kit.evaluation.scored import FIGURES, Score, describe
from kit.evaluation.several import dated, first_chain, later, mean_of, profile
from kit.evaluation.verdict import OPTIONS, thinnest, verdict
from kit.evaluation.views import View, market, view_of
from kit.model import ChainSnapshot, Contract, Leg

__all__ = ["FIGURES", "STANDARD", "Basis", "Score", "Terms", "describe", "score", "score_on"]

Basis = Literal["held", "closed"]


class Terms(NamedTuple):
    """On what terms positions are scored.

    Parameters
    ----------
    view : View
        Whose distribution.
    entry : {"touch", "mid"}
        At which prices they are entered.
    basis : {"held", "closed"}
        What is charged.
    """

    view: View = market
    entry: Entry = "touch"
    basis: Basis = "held"

    @classmethod
    def of(cls, view: View | str, entry: str, basis: str) -> Terms:
        """Return checked terms.

        Raises
        ------
        SettingsError
            A word is misspelt.
        """
        if entry not in ("touch", "mid"):
            raise SettingsError("There is no entry of this name", entry, "Use touch or mid.")
        if basis not in ("held", "closed"):
            raise SettingsError("There is no basis of this name", basis, "Use held or closed.")
        return cls(view_of(view), entry, basis)  # type: ignore[arg-type] # both were looked up


STANDARD = Terms()


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
    with each strike's volatility of today, see `kit.evaluation.several`.

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
    if not legs:
        raise DataError("A position needs at least one leg", tuple(legs), "Return legs from the strategy.")
    first = first_chain(legs, snapshot)
    if first is not snapshot:
        legs = dated(legs, snapshot)
    rows = [contract_of(leg, snapshot) for leg in legs]
    lot, likely = first.lot_size, terms.view.on(first)
    held, mid, spread = _entered(legs, rows, terms.entry)
    open_then = later(held, first)
    shape = profile(held, snapshot, first) if open_then else knots(held)
    best, worst = extremes(shape)
    crossings = breakevens(shape)
    least, most = extremes_between(shape, likely.low, likely.high)
    edge, exercised = _means(mid, likely, first)
    if open_then:
        edge += _mean_later(later(mid, first), likely, first, snapshot)
    charges = _charges(held, open_then, exercised, first, terms.basis)
    premium = lot * _premium(held)
    paid = _crossings(terms) * spread
    expected = lot * (edge - paid / first.discount) - charges
    cost, risk, reward = charges + lot * paid, -lot * least, lot * most
    beyond = spread if terms.entry == "touch" else 0.0
    margin = margin_inr(legs, snapshot if open_then else first)
    tied_up = margin + max(-premium, 0.0)
    told = verdict(held, rows, first, likely, (best, worst, beyond))
    return Score(
        name, tuple(held), lot, likely.view, terms.entry, terms.basis,
        premium, lot * _premium(mid), lot * spread, lot * best, lot * -worst, crossings,
        probability_of_profit(shape, crossings, likely), lot * edge, _fit_error(held, rows, lot, likely),
        expected, charges, cost, risk, reward,
        _ratio(cost, risk), _ratio(expected, risk), _ratio(reward, risk), margin, _ratio(expected, tied_up),
        *_net_greeks(held, rows, lot), *thinnest(held, rows, lot), *told,
    )  # fmt: skip


def _crossings(terms: Terms) -> int:
    """How often the spread is crossed: not at the middle, once in, and once out where it is closed."""
    return 0 if terms.entry == "mid" else 1 if terms.basis == "held" else 2


def _entered(
    legs: Sequence[Leg], rows: Sequence[Contract], entry: Entry
) -> tuple[list[Leg], list[Leg], float]:
    """Return the legs at their entry and at the middle, and what the touch costs more, points."""
    held, mid, spread = list[Leg](), list[Leg](), 0.0
    for leg, row in zip(legs, rows, strict=True):
        middle, at_once = entry_price(leg, row, "mid"), entry_price(leg, row, "touch")
        spread += leg.lots * (at_once - middle)
        mid.append(_at(leg, middle))
        held.append(_at(leg, at_once if entry == "touch" else middle))
    return held, mid, round(spread, 9)


def _at(leg: Leg, price: float) -> Leg:
    return leg if leg.price == price else Leg(leg.right, leg.strike, leg.lots, price, leg.expiry)


def _premium(legs: Sequence[Leg]) -> float:
    return round(-sum([leg.lots * leg.price for leg in legs if leg.right in OPTIONS]), 9)


def _means(legs: Sequence[Leg], likely: Distribution, first: ChainSnapshot) -> tuple[float, float]:
    """Return the mean profit of what ends at the first expiry, and of what its exercise is taxed on."""
    total = taxed = 0.0
    _, on_intrinsic = exercise_tax(first.expiry)
    for leg in legs:
        if leg.right != "INDEX" and leg.expiry not in (None, first.expiry):
            continue
        pays = likely.call_at(leg.strike)
        if leg.right == "PE":
            pays += leg.strike - likely.mean
        total += leg.lots * (pays - (leg.price if leg.right == "FUT" else leg.price / first.discount))
        if leg.lots > 0 and leg.right in OPTIONS:
            taxed += leg.lots * (pays if on_intrinsic else _settled(leg, pays, likely))
    return total, taxed


def _mean_later(
    legs: Sequence[Leg], likely: Distribution, first: ChainSnapshot, snapshot: ChainSnapshot
) -> float:
    """Return the mean profit of what is sold at the first expiry; what options cost earns interest."""
    interest = sum(leg.lots * leg.price * (1 - 1 / first.discount) for leg in legs if leg.is_option)
    return mean_of(profile(legs, snapshot, first), likely) + interest


def _settled(leg: Leg, pays: float, likely: Distribution) -> float:
    """Return the mean of the index where it ends in the money, and 0 elsewhere."""
    below = likely.cdf_at(leg.strike)
    return pays + leg.strike * (1 - below) if leg.right == "CE" else leg.strike * below - pays


def _charges(
    legs: Sequence[Leg], open_then: Sequence[Leg], exercised: float, first: ChainSnapshot, basis: Basis
) -> float:
    """Return what opening costs, with closing it all or what the first expiry leaves and exercises."""
    on, lot = first.taken_at.date(), first.lot_size
    if basis == "closed":
        return round_trip_inr(legs, lot, on)
    closing = opening_inr([replace(leg, lots=-leg.lots) for leg in open_then], lot, on) if open_then else 0.0
    return opening_inr(legs, lot, on) + closing + lot * exercised * exercise_tax(first.expiry)[0]


def _ratio(amount: float, risk: float) -> float:
    if risk > 0 or isnan(risk):
        return amount / risk
    return amount * inf if amount else 0.0


def _fit_error(legs: Sequence[Leg], rows: Sequence[Contract], lot: int, likely: Distribution) -> float:
    """Add up, as if each leg missed by itself, what the smile's error and half the spread are worth."""
    missed, fit = 0.0, 100 * likely.iv_error
    for leg, row in zip(legs, rows, strict=True):
        half = (row.ask - row.bid) / 2 if row.ask >= row.bid else 0.0
        missed += leg.lots**2 * ((row.vega * fit) ** 2 + half * half)
    return lot * sqrt(missed)


def _net_greeks(
    legs: Sequence[Leg], rows: Sequence[Contract], lot: int
) -> tuple[float, float, float, float, float]:
    """Delta, gamma, theta, vega and rho of the whole position, rupees."""
    delta = gamma = theta = vega = rho = 0.0
    for leg, row in zip(legs, rows, strict=True):
        units = leg.lots * lot
        delta += units * row.delta
        gamma += units * row.gamma
        theta += units * row.theta
        vega += units * row.vega
        rho += units * row.rho
    return delta, gamma, theta, vega, rho
