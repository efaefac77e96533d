"""Whether a position can be traded at the prices it is scored at, and whether its figures are reliable."""

from __future__ import annotations

from collections.abc import Iterable, Set
from math import isnan

from kit.evaluation.liquidity import is_theory, touch
from kit.model import Contract, Leg

OFF_SMILE = 3.0  # errors of the fit; what earns or loses more at the middle is not priced as the smile is
NO_MARKET = 0.1  # a leg's volatility of this quality or less is theory, or a trade of another day
_Reasons = tuple[str, ...]


def leg_objections(leg: Leg, row: Contract, crossed: Set[tuple[str, float]]) -> tuple[_Reasons, _Reasons]:
    """Return why a leg cannot be traded at its price, and why its figures are unreliable.

    Parameters
    ----------
    leg : Leg
        At its entry.
    row : Contract
        What the chain says of it.
    crossed : set of (str, float)
        Contracts whose quotes contradict each other, by right and strike.
    """
    if not leg.is_option:
        return (), ()
    named = f"{leg.strike:g}{leg.right}"
    bad = _Reasons()
    if leg.price == row.price and is_theory(row):
        bad = (f"nobody traded {named}",)
    elif leg.price == row.price and isnan(touch(row, leg.lots)):
        bad = (f"nobody {'offers' if leg.lots > 0 else 'bids for'} {named}",)
    doubts = (f"no market in {named}",) if row.iv_quality < NO_MARKET and not bad else ()
    return bad, (*doubts, f"arbitrage at {named}") if (leg.right, leg.strike) in crossed else doubts


def verdict(
    bad: Iterable[str], doubts: Iterable[str], best: float, worst: float, spread: float, charges: float
) -> tuple[str, bool]:
    """Return why the figures of a position are unreliable, else ``"ok"``, and whether it can be traded.

    Parameters
    ----------
    bad, doubts : iterable of str
        What is told of the view and of each leg.
    best, worst : float
        Greatest and least profit at the entry, points.
    spread : float
        What that costs more than the middle, points.
    charges : float
        Points.
    """
    if worst >= 0 and best > 0:
        bad = ("bad quotes: a profit that cannot be missed", *bad)
    elif best > worst and (worst + spread > 0 or best + spread < 0):  # at the middle; a box is a loan
        bad = ("bad quotes: middles that contradict each other", *bad)
    elif best <= charges:
        bad = ("cannot earn its charges", *bad)
    found = [*bad]
    return "; ".join([*found, *doubts]) or "ok", not found
