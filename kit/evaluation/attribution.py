"""What each Greek contributed to what a position gained between two snapshots, or would gain in a scenario.

Each leg's Greeks at the first snapshot are multiplied by what its own forward, volatility and time do: a
Taylor series to the second order, with the mixed term of price and volatility. What it leaves is stated as
`remainder_inr`, so that the parts always sum to the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import log, nan, sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd

from kit.arguments import checked
from kit.evaluation.moved_smile import Kept, leg_volatility
from kit.evaluation.several_expiries import dated
from kit.evaluation.through_time import legs_ahead, value_ahead
from kit.model import ChainSnapshot, Leg
from kit.model.position import check_legs
from kit.pricing.black76 import greeks


@dataclass(frozen=True, slots=True)
class Attribution:
    """A change of value by cause, rupees.

    Parameters
    ----------
    change_inr : float
        What the position gained, at the prices of both snapshots.
    delta_inr, gamma_inr : float
        By the move of each leg's forward, to first and second order.
    theta_inr : float
        By the days that passed.
    vega_inr : float
        By each leg's own change of volatility.
    vanna_inr, volga_inr : float
        By forward and volatility together, and by volatility to second order.
    rho_inr : float
        By the change of the discount rate.
    remainder_inr : float
        What these leave: third orders, and quotes that moved off their own volatility.
    """

    change_inr: float
    delta_inr: float
    gamma_inr: float
    theta_inr: float
    vega_inr: float
    vanna_inr: float
    volga_inr: float
    rho_inr: float
    remainder_inr: float

    def row(self) -> dict[str, float]:
        """Return every figure by name."""
        return asdict(self)


@checked
def attribute(legs: Sequence[Leg], before: ChainSnapshot, after: ChainSnapshot) -> Attribution:
    """Return what each Greek contributed between two snapshots, for the whole position.

    Parameters
    ----------
    legs : sequence of Leg
        The position; entry prices do not matter.
    before, after : ChainSnapshot
        With the chains of the legs' expiries beside them.

    Returns
    -------
    Attribution
        NaN where a leg has no price or no volatility on one of them. What has ended by the second keeps the
        volatility it had, and `remainder_inr` has the rest.

    Raises
    ------
    DataError
        A contract is not on one of them.
    UnknownExpiry
        The chain of a leg's expiry is not at hand: it has expired, or was not put beside. A leg without one
        is of the first snapshot's.
    """
    rows = attribution_by_leg(legs, before, after)
    return Attribution(**{str(name): float(rows[name].sum(skipna=False)) for name in rows.columns})


@checked
def attribution_by_leg(legs: Sequence[Leg], before: ChainSnapshot, after: ChainSnapshot) -> pd.DataFrame:
    """Return the columns of `Attribution` leg by leg; the arguments are those of `attribute`."""
    for chain in (before, after):
        check_legs(legs, chain)
    held = dated(legs, before)  # after an expiry the later chain's own would be another contract
    rows = [_of_leg(leg, before.at(leg.expiry), after.at(leg.expiry), before.lot_size) for leg in held]
    return pd.DataFrame([row.row() for row in rows])


@checked
def attribute_scenario(
    legs: Sequence[Leg],
    snapshot: ChainSnapshot,
    spot: float,
    *,
    days: float = 0.0,
    iv_shift: float = 0.0,
    held: Kept = "strike",
) -> Attribution:
    """Return what each Greek would contribute if the index stood elsewhere, later, at another volatility.

    The change is that of the model's values, so that nothing changes where nothing moves. The arguments are
    those of `kit.evaluation.through_time.profit_before_expiry`, one number each.
    """
    moves = [
        [np.array(figure) for figure in (level, ahead, shift, 0.0)]
        for level, ahead, shift in ((snapshot.spot, 0.0, 0.0), (spot, days, iv_shift))
    ]
    pairs = zip(*(legs_ahead(legs, snapshot, move, "parallel", held) for move in moves), strict=True)
    rows = []
    for now, then in pairs:
        chain = snapshot.at(now.leg.expiry)
        rate = _rate(chain)  # stays as it is
        after = _After(float(then.forward), float(then.sigma), float(then.left), rate)
        gained = float(value_ahead(then) - value_ahead(now))
        rows.append(_parts(now.leg, chain, now.leg.lots * snapshot.lot_size, gained, after).row())
    return Attribution(**{name: sum(row[name] for row in rows) for name in rows[0]})


class _After(NamedTuple):
    forward: float
    sigma: float
    years: float
    rate: float


def _of_leg(leg: Leg, before: ChainSnapshot, after: ChainSnapshot, lot_size: int) -> Attribution:
    gained = after.price(leg.strike, leg.right) - before.price(leg.strike, leg.right)
    quoted = after if after.t_years > 0 else before  # at its end a contract has no volatility to change
    sigma = leg_volatility(leg, quoted) if leg.is_option else nan
    moved = _After(after.forward, sigma, after.t_years, _rate(after))
    return _parts(leg, before, leg.lots * lot_size, gained, moved)


def _parts(leg: Leg, before: ChainSnapshot, units: int, gained: float, after: _After) -> Attribution:
    change = units * gained
    if not leg.is_option:
        return Attribution(change, change, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    parts = dict(zip(_TERMS, (units * part for part in _taylor(leg, before, after)), strict=True))
    return Attribution(change_inr=change, remainder_inr=change - sum(parts.values()), **parts)


_TERMS = ("delta_inr", "gamma_inr", "theta_inr", "vega_inr", "vanna_inr", "volga_inr", "rho_inr")


def _taylor(leg: Leg, before: ChainSnapshot, after: _After) -> tuple[float, ...]:
    """Return the seven terms of one unit: delta, gamma, theta, vega, vanna, volga, rho."""
    sigma, forward, years = leg_volatility(leg, before), before.forward, before.t_years
    if not years > 0:
        return (nan,) * 7
    greek = greeks(forward, leg.strike, years, sigma, before.discount, leg.right == "CE")
    delta, gamma, theta, vega, rho = (float(figure) for figure in greek)
    d1 = log(forward / leg.strike) / (sigma * sqrt(years)) + sigma * sqrt(years) / 2
    d2 = d1 - sigma * sqrt(years)
    vanna, volga = -vega * d2 / (forward * sigma * sqrt(years)), vega * d1 * d2 / (100 * sigma)
    move = after.forward - forward
    points = 100 * (after.sigma - sigma)  # of volatility
    rate_points = 100 * (after.rate - _rate(before))
    days = (before.t_years - after.years) * 365
    return (
        delta * move,
        gamma * move**2 / 2,
        theta * days,
        vega * points,
        vanna * move * points,
        volga * points**2 / 2,
        rho * rate_points,
    )


def _rate(chain: ChainSnapshot) -> float:
    return -log(chain.discount) / chain.t_years if chain.t_years > 0 else 0.0
