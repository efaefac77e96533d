"""A position on one screen: now, at a date under a scenario, and at its first expiry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from math import nan
from typing import Any, NamedTuple, TypeVar

import numpy as np

from kit.arguments import checked, number
from kit.clock.sessions import session, sessions
from kit.errors import DataError
from kit.evaluation.attribution import Attribution, attribute_scenario
from kit.evaluation.liquidity import Entry, contract_of, entry_price
from kit.evaluation.margin import Margin, margin
from kit.evaluation.metrics import score_on
from kit.evaluation.moved_smile import Kept
from kit.evaluation.payoff import plotted_levels
from kit.evaluation.scored import Score
from kit.evaluation.several_expiries import first_chain
from kit.evaluation.terms import Terms
from kit.evaluation.through_time import (
    breakevens_before_expiry,
    greeks_before_expiry,
    profit_before_expiry,
    profit_grid,
)
from kit.evaluation.touch import probability_of_profit_by
from kit.evaluation.views import View
from kit.model import ChainSnapshot, Leg, Position
from kit.pricing.arrays import Floats
from kit.pricing.black76 import Greeks

T = TypeVar("T")
POINTS = 161
REACH = 0.1  # of the spot, on either side
IV_SHIFTS = np.linspace(-0.1, 0.1, 41)
DATES = 25  # of the grid spot x date


class Scenario(NamedTuple):
    """What is supposed to have happened.

    Parameters
    ----------
    days : float, default 0
        Calendar days from the chain's moment.
    spot_shift : float, default 0
        Of the index, as a fraction of it.
    iv_shift : float, default 0
        Added to every volatility, annualised fraction.
    kept : {"strike", "moneyness", "delta"}, default "strike"
        What keeps its volatility when the index moves, see `kit.evaluation.moved_smile`.
    """

    days: float = 0.0
    spot_shift: float = 0.0
    iv_shift: float = 0.0
    kept: Kept = "strike"


@dataclass(frozen=True, eq=False)
class Standing:
    """A position as it stands, whatever the scenario; amounts in rupees, before charges.

    Parameters
    ----------
    position : Position
        At its entry prices.
    chain : ChainSnapshot
        With the chains of the legs' expiries beside it.
    first_days : float
        Calendar days until the first leg expires.
    level : ndarray of shape (n,)
        Index levels, ascending.
    now_inr, expiry_inr : ndarray of shape (n,)
        Profit now, and at the first expiry with every volatility as it is.
    breakevens : tuple of float
        Levels without profit or loss at the first expiry.
    margin : Margin or str
        What is blocked now, or why that is not known.
    score : Score or str
        At the first expiry, or why there is none.
    """

    position: Position
    chain: ChainSnapshot
    first_days: float
    level: Floats
    now_inr: Floats
    expiry_inr: Floats
    breakevens: tuple[float, ...]
    margin: Margin | str
    score: Score | str
    _chances: dict[float, float] = field(default_factory=dict, repr=False)

    @property
    def profit_now_inr(self) -> float:
        """What closing at the model's values would bring: after an entry at the touch, minus the spread."""
        return float(np.interp(self.chain.spot, self.level, self.now_inr))

    def chance_by(self, days: float) -> float:
        """Return the probability of a profit on a day; at the first expiry where that is now."""
        ahead = days or self.first_days
        if ahead not in self._chances:  # a shift of index or volatility asks for the same day again
            chance = probability_of_profit_by(self.position, self.chain, ahead) if ahead > 0 else nan
            self._chances[ahead] = chance
        return self._chances[ahead]

    @property
    def premium_inr(self) -> float:
        """Received when positive, paid when negative, at the entry."""
        options = (leg for leg in self.position if leg.is_option)
        return -self.chain.lot_size * sum(leg.lots * leg.price for leg in options)


@dataclass(frozen=True, eq=False)
class Outlook:
    """A position under a scenario; amounts in rupees, before charges.

    Parameters
    ----------
    standing : Standing
        What the scenario does not move.
    scenario : Scenario
        What is supposed.
    then_inr : ndarray of the shape of `Standing.level`
        Profit at the scenario's date and volatility by index level.
    breakevens : tuple of float
        Levels without profit or loss there.
    legs_inr : ndarray of shape (legs,)
        Profit of each leg in the scenario, at its own level.
    legs_greeks_inr : ndarray of shape (legs, 5)
        Delta, gamma, theta, vega and rho of each leg there: rupees per point, per point squared, a day, a
        point of volatility, a point of the rate.
    probability_of_profit : float
        Chance of a profit at the scenario's date; at the first expiry where that is now.
    attribution : Attribution
        What each Greek contributes to the way from now to the scenario.
    """

    standing: Standing
    scenario: Scenario
    then_inr: Floats
    breakevens: tuple[float, ...]
    legs_inr: Floats
    legs_greeks_inr: Floats
    probability_of_profit: float
    attribution: Attribution

    @property
    def profit_inr(self) -> float:
        """In the scenario, at its own level."""
        return float(self.legs_inr.sum())

    @property
    def greeks_inr(self) -> Greeks:
        """Of the whole position in the scenario."""
        return Greeks(*self.legs_greeks_inr.sum(axis=0))

    @property
    def return_on_margin(self) -> float:
        """The scenario's profit over what it ties up, margin and a premium paid; NaN where unknown."""
        blocked, paid = self.standing.margin, max(-self.standing.premium_inr, 0.0)
        return self.profit_inr / (blocked.total_inr + paid) if isinstance(blocked, Margin) else nan


@checked
def standing(
    position: Sequence[Leg], snapshot: ChainSnapshot, *, view: View | str = "market", entry: Entry = "touch"
) -> Standing:
    """Look at a position as it stands.

    Parameters
    ----------
    position : sequence of Leg
        What is held; legs without a price of their own are entered at this chain's.
    snapshot : ChainSnapshot
        With the chains of the legs' expiries beside it.
    view, entry
        As in `kit.evaluation.metrics.score`.

    Raises
    ------
    DataError
        There are no legs, or a contract does not exist or has no price.
    UnknownExpiry
        The chain of a leg's expiry is not at hand.
    SettingsError
        A word is misspelt.
    """
    terms = Terms.of(view, entry, "held")
    held = entered(position, snapshot, terms.entry)
    first, lot = 365 * first_chain(held, snapshot).t_years, snapshot.lot_size
    crossings = tuple(sorted(breakevens_before_expiry(held, snapshot, first)))
    low, high = snapshot.spot * (1 - REACH), snapshot.spot * (1 + REACH)
    level = plotted_levels(held.legs, crossings, low, high, POINTS)
    now = lot * profit_before_expiry(held, snapshot, level)
    then = lot * profit_before_expiry(held, snapshot, level, days=first)
    blocked = _or_why(lambda: margin(held, snapshot))
    scored = _or_why(lambda: score_on(held, snapshot, terms))
    return Standing(held, snapshot, first, level, now, then, crossings, blocked, scored)


@checked
def outlook(held: Standing, scenario: Scenario | None = None) -> Outlook:
    """Look at a position under a scenario; without one nothing moves.

    Raises
    ------
    SettingsError
        What the smile is held in is misspelt.
    DataError
        The index would stand at nothing or below, or a figure of the scenario is no number.
    """
    told, chain = scenario or Scenario(), held.chain
    number(told.spot_shift, "The index stays above nothing; it cannot move by", above=-1.0)
    number(told.iv_shift, "Not a shift of volatility")
    legs, spot, lot = held.position, chain.spot * (1 + told.spot_shift), chain.lot_size
    moved: Any = {"days": told.days, "iv_shift": told.iv_shift, "held": told.kept}
    alone = [((leg,), chain, spot) for leg in legs]
    return Outlook(
        held,
        told,
        lot * profit_before_expiry(legs, chain, held.level, **moved),
        breakevens_before_expiry(legs, chain, **moved),
        lot * np.array([float(profit_before_expiry(*one, **moved)) for one in alone]),
        lot * np.array([[*greeks_before_expiry(*one, **moved)] for one in alone], np.float64),
        held.chance_by(told.days),
        attribute_scenario(legs, chain, spot, **moved),
    )


def entered(position: Sequence[Leg], snapshot: ChainSnapshot, entry: Entry = "touch") -> Position:
    """Return the legs with their expiries and entry prices: a leg that has a price of its own keeps it."""
    legs = []
    held = position if isinstance(position, Position) else Position(tuple(position), snapshot.underlying)
    for leg in snapshot.priced(held):
        row = contract_of(leg, snapshot.at(leg.expiry))
        legs.append(replace(leg, price=entry_price(leg, row, entry)))
    return Position(tuple(legs), snapshot.underlying)


def heat(held: Standing, scenario: Scenario, by: str = "volatility") -> tuple[Floats, Floats, Floats]:
    """Return a grid of profit for a heat map.

    Parameters
    ----------
    held, scenario
        As in `outlook`; what the grid does not run over stays as the scenario says.
    by : {"volatility", "date"}, default "volatility"
        What it runs over beside the index.

    Returns
    -------
    level, other, profit_inr : ndarray of shape (n,), (m,), (m, n)
        Index levels; shifts of volatility, or days ahead until the first expiry; rupees.
    """
    legs, chain, kept = held.position, held.chain, scenario.kept
    level = chain.spot * np.linspace(1 - REACH, 1 + REACH, 81)
    if by == "volatility":
        return level, IV_SHIFTS, profit_grid(legs, chain, level, IV_SHIFTS, [scenario.days], held=kept)[0]
    days = np.linspace(0, held.first_days, DATES)
    return level, days, profit_grid(legs, chain, level, [scenario.iv_shift], days, held=kept)[:, 0]


def target_dates(snapshot: ChainSnapshot, first_expiry: date) -> list[tuple[datetime, float]]:
    """List the moments that a position may be looked at: now, then closes until its first expiry.

    Where that is within two sessions, its full hours too.

    Returns
    -------
    list of (datetime, days)
        Ascending; days from the chain's moment.
    """
    now = snapshot.taken_at
    ahead = [session(day) for day in sessions(now.date(), first_expiry)]
    closes = [one.close for one in ahead]
    if len(ahead) <= 2:
        hours = [one.close.replace(hour=hour, minute=0) for one in ahead for hour in range(10, 16)]
        within = [hour for hour in hours if any(one.is_open(hour) for one in ahead)]
        closes = sorted({*closes, *within})
    moments = [now, *(moment for moment in closes if moment > now)]
    last = 365 * snapshot.at(first_expiry).t_years
    return [(moment, min((moment - now).total_seconds() / 86_400, last)) for moment in moments]


def _or_why(found: Callable[[], T]) -> T | str:
    try:
        return found()
    except DataError as error:  # an old day or another index: everything else is known
        return str(error)
