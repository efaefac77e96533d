"""Whether a position can be had at the prices it is scored at, and whether its figures mean anything."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isnan, nan

from kit.evaluation.distribution import Distribution
from kit.evaluation.liquidity import contradicting, spread_pct, touch
from kit.model import ChainSnapshot, Contract, Leg

OPTIONS = ("CE", "PE")
NO_MARKET = 0.1  # a leg's volatility of this quality or less is theory, or a trade of another day


def thinnest(legs: Sequence[Leg], rows: Sequence[Contract], lot: int) -> tuple[float, float, float, float]:
    """Return the widest spread in percent, and least size, lots traded and quality of a leg."""
    options = [(leg, row) for leg, row in zip(legs, rows, strict=True) if leg.right in OPTIONS]
    return (
        abs(_least([-spread_pct(row) for _, row in options], 0.0)),
        _least([row.ask_qty if leg.lots > 0 else row.bid_qty for leg, row in options], inf) / lot,
        _least([row.volume for _, row in options], inf) / lot,
        _least([row.iv_quality for _, row in options], 1.0),
    )


def _least(values: Sequence[float], at_most: float) -> float:
    """Return the least; NaN once one is unknown."""
    known = not isnan(sum(values))
    return min([at_most, *values]) if known else nan


def verdict(
    legs: Sequence[Leg],
    rows: Sequence[Contract],
    snapshot: ChainSnapshot,
    likely: Distribution,
    ends: tuple[float, float, float],
) -> tuple[str, bool]:
    """Return why the figures of a position say little, ``"ok"`` if they do not, and whether it can be had.

    Parameters
    ----------
    legs : sequence of Leg
        At their entry.
    rows : sequence of Contract
        What the chain says of each.
    snapshot : ChainSnapshot
        The chain.
    likely : Distribution
        Of the view taken.
    ends : tuple of float
        Greatest and least profit at the entry, and what that costs more than the middle, points.
    """
    best, worst, spread = ends
    bad = list[str]()
    if worst >= 0 and best > 0:
        bad.append("bad quotes: a profit that cannot be missed")
    elif best > worst and (worst + spread > 0 or best + spread < 0):  # at the middle; a box is a loan
        bad.append("bad quotes: middles that contradict each other")
    doubts = [likely.doubt] if likely.doubt else []
    crossed = contradicting(snapshot)
    for leg, row in zip(legs, rows, strict=True):
        if leg.right in OPTIONS:
            named = f"{leg.strike:g}{leg.right}"
            if isnan(touch(row, leg.lots)) and leg.price == row.price:
                bad.append(f"nobody {'offers' if leg.lots > 0 else 'bids for'} {named}")
            if row.iv_quality < NO_MARKET:
                doubts.append(f"no market in {named}")
            if crossed and (leg.right, leg.strike) in crossed:
                doubts.append(f"arbitrage at {named}")
    return "; ".join([*bad, *doubts]) or "ok", not bad
