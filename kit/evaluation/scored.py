"""The score of a position: every figure by which positions are compared, as one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from math import inf, isnan
from typing import Any

import numpy as np
import pandas as pd

from kit.evaluation.payoff import knots, profit_at
from kit.evaluation.several_expiries import first_chain, later, profile
from kit.evaluation.views import market
from kit.model import ChainSnapshot, Leg
from kit.pricing.arrays import Floats
from kit.shown import Showable, rupees, sentence, table


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Score(Showable):
    """Every figure by which a position is compared with others; amounts are rupees for the whole position.

    Parameters
    ----------
    name : str
        What the analyst called it.
    legs : tuple of Leg
        The position, at its entry prices.
    lot_size : int
        Units in one lot.
    view : str
        Whose distribution of the index chances and means are of, see `kit.evaluation.views`.
    entry : str
        ``"touch"``: bought at the ask and sold at the bid; ``"mid"``: at the middle of the two.
    basis : str
        ``"held"`` to expiry, or ``"closed"`` at the entry prices before it: what is charged.
    premium_inr : float
        Received when positive, paid when negative, at the entry; futures and the index have none.
    premium_mid_inr : float
        Likewise at the middle of bid and ask.
    spread_inr : float
        What entering at the touch costs more than at the middle.
    max_profit_inr, max_loss_inr : float
        At expiry, before charges; a loss is positive, and both may be infinite. A negative loss is a
        profit that cannot be missed: see `verdict`.
    breakevens : tuple of float
        Settlement levels without profit or loss, ascending, rupees.
    probability_of_profit : float
        Chance of a profit above zero at expiry, before charges; NaN without a volatility.
    edge_inr : float
        Mean profit at expiry at the middle of bid and ask, before charges; the premium earns interest until
        then. Under the market's view it is 0 but for the error of the fit.
    fit_error_inr : float
        How far smile and middle may be from what the legs are worth: the smile's error times their vegas, and
        half their spreads, as if each missed by itself. NaN where the view is of no smile.
    expected_profit_inr : float
        Mean profit at expiry at the entry, after charges; NaN without a volatility.
    charges_inr : float
        Held: opening every leg, and the mean tax on what is exercised. Closed: opening and closing.
    cost_inr : float
        Charges, and the spread at the touch: entering it once, and leaving it where it is closed.
    risk_inr : float
        What is at risk: the greatest loss at expiry, before charges, in all but 0.135 % of outcomes on either
        side, or what is tied up (margin, and a premium paid) where that is more; never more than
        `max_loss_inr`. NaN without a volatility, and where no margin is known and nothing likely loses.
    reward_inr : float
        Greatest profit in all but 0.135 % of outcomes on either side.
    cost_on_risk : float
        `cost_inr` over `risk_inr`: the order of the ranking under the market's view. Infinite where nothing
        is at risk.
    return_on_risk : float
        `expected_profit_inr` over `risk_inr`: the order of the ranking under any other view.
    reward_to_risk : float
        `reward_inr` over `risk_inr`.
    loss_to_risk : float
        `max_loss_inr` over `risk_inr`: about 1 where bought options end the loss, several times that where it
        ends with the index at nought, infinite where it has no end.
    margin_inr : float
        What the position blocks, an estimate: see `kit.evaluation.margin`. NaN where no rules are known.
    return_on_margin : float
        `expected_profit_inr` over what the position ties up: `margin_inr` and a premium paid.
    delta_inr : float
        Rupees per point of the forward.
    gamma_inr : float
        Change of `delta_inr` per point of the forward.
    theta_inr : float
        Rupees per calendar day.
    vega_inr : float
        Rupees per percentage point of volatility.
    rho_inr : float
        Rupees per percentage point of the rate.
    spread_pct : float
        Of the leg with the widest spread, percent of its middle; NaN where a side of a leg is not quoted.
    size_lots : float
        Lots that stand at the touch of the thinnest leg; NaN: unknown.
    traded_lots : float
        Of the leg traded least today; NaN: unknown.
    iv_quality : float
        Of the leg whose volatility is the least reliable, 0 to 1.
    verdict : str
        ``"ok"``, or why the figures are unreliable: a profit that cannot be missed, a side that nobody
        quotes or a settlement that nobody traded, charges above the greatest profit; quotes that contradict
        each other, a leg without a market, a bad fit, prices off the smile.
    tradable : bool
        Whether the first four of these are not the case: what is not stands behind what is.
    """

    name: str
    legs: tuple[Leg, ...]
    lot_size: int
    view: str
    entry: str
    basis: str
    premium_inr: float
    premium_mid_inr: float
    spread_inr: float
    max_profit_inr: float
    max_loss_inr: float
    breakevens: tuple[float, ...]
    probability_of_profit: float
    edge_inr: float
    fit_error_inr: float
    expected_profit_inr: float
    charges_inr: float
    cost_inr: float
    risk_inr: float
    reward_inr: float
    cost_on_risk: float
    return_on_risk: float
    reward_to_risk: float
    loss_to_risk: float
    margin_inr: float
    return_on_margin: float
    delta_inr: float
    gamma_inr: float
    theta_inr: float
    vega_inr: float
    rho_inr: float
    spread_pct: float
    size_lots: float
    traded_lots: float
    iv_quality: float
    verdict: str
    tradable: bool

    def __eq__(self, other: object) -> bool:
        """Tell whether every figure is the same; unknown is unknown."""
        return isinstance(other, Score) and str(astuple(self)) == str(astuple(other))

    def __hash__(self) -> int:
        return hash((self.name, self.legs, self.view, self.entry, self.basis))

    def row(self) -> dict[str, Any]:
        """Return the fields as one row of a table, the legs as text."""
        return {name: getattr(self, name) for name in FIGURES} | {"legs": describe(self.legs)}

    def _heading(self) -> str:
        return self.name.replace("_", " ")

    def _figures(self) -> dict[str, object]:
        chance = self.probability_of_profit
        return {
            "Legs": describe(self.legs),
            "Premium": rupees(self.premium_inr),
            "Maximum profit": rupees(self.max_profit_inr),
            "Maximum loss": rupees(self.max_loss_inr),
            "Breakevens": self.breakevens,
            "Probability of profit": "–" if isnan(chance) else f"{chance:.1%}",
            "Expected, after charges": rupees(self.expected_profit_inr),
            "Spread and charges": rupees(self.cost_inr),
            "Verdict": self.verdict,
        }

    def _details(self) -> list[str]:
        terms = f"View: {self.view}. Entered at the {self.entry}, {self.basis}."
        row = {
            "delta, a point": self.delta_inr, "gamma, a point²": self.gamma_inr,
            "theta, a day": self.theta_inr, "vega, a vol. point": self.vega_inr,
            "rho, a percent": self.rho_inr,
        }  # fmt: skip
        return [sentence(terms), table([row], "Greeks, ₹ of the whole position")]

    def payoff(self, snapshot: ChainSnapshot) -> tuple[Floats, Floats]:
        """Return the profit at expiry for a plot: exact, with few points.

        Parameters
        ----------
        snapshot : ChainSnapshot
            Its smile sets how far the plot reaches: all but 0.27 % of the outcomes, or the outermost
            strike if that is further.

        Returns
        -------
        levels, profit_inr : ndarray of shape (n,)
            Levels at the ends, the strikes and the breakevens, ascending, and rupees at the first expiry.
        """
        first = first_chain(self.legs, snapshot)
        likely, forward = market.on(first), first.forward
        shape = profile(self.legs, snapshot, first) if later(self.legs, first) else knots(self.legs)
        low, high = (
            (likely.low, likely.high) if likely.high > likely.low else (0.97 * forward, 1.03 * forward)
        )
        strikes = [leg.strike for leg in self.legs if leg.is_option]
        ends = (min(low, *strikes, forward), max(high, *strikes, forward))
        shown = [level for level in (*shape.levels, *self.breakevens) if ends[0] <= level <= ends[1]]
        levels = np.unique([*ends, *shown])
        return levels, self.lot_size * np.array([profit_at(shape, level) for level in levels])


FAR = 2  # losses over what is at risk: up to 1.8 where bought options end them, from 3 where none do
FIGURES = tuple(part.name for part in fields(Score) if part.name not in ("name", "legs", "lot_size"))


def describe(legs: Sequence[Leg]) -> str:
    """Write legs as an analyst reads them: ``-1 43000PE, -1 43500CE``; dated where expiries differ."""
    several = len({leg.expiry for leg in legs}) > 1
    dates = [f" {leg.expiry:%d%b%Y}".upper() if several and leg.expiry else "" for leg in legs]
    return ", ".join(
        f"{leg.lots:+d} {f'{leg.strike:g}' if leg.is_option else ''}{leg.right}{day}"
        for leg, day in zip(legs, dates, strict=True)
    )


def exposed(rows: pd.DataFrame, how: str = "") -> str:
    """Say how many of some positions can lose far more than is at risk, the first to know of a cheap one.

    Parameters
    ----------
    rows : DataFrame
        `max_loss_inr` and `loss_to_risk` of each; NaN of what was not scored.
    how : str, optional
        How to leave those out.

    Returns
    -------
    str
        A sentence; empty where bought options end every loss.
    """
    losses = rows["max_loss_inr"].dropna().astype(float)
    endless = int((losses == inf).sum())
    far = endless + int(((losses < inf) & (rows["loss_to_risk"] > FAR)).sum())
    ends = f", {endless} of them without limit (max loss ∞)" if endless else ""
    many = f"{far} of {len(losses)} can lose over {FAR:g} times what is at risk"
    return f"{many}{ends}{how}." if far else ""
