"""The smiles of several expiries, fitted together: a thin one leans on its neighbours.

An expiry whose own quotes leave the volatility at the money uncertain is fitted to them and to what the
well-quoted expiries around it say of its shape and level. Then total variance at the money is made to rise
from each expiry to the next, each weighing as much as it is certain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from kit.pricing.arrays import Floats
from kit.pricing.smile import Slice
from kit.pricing.smile_fit import MIN_POINTS, Points, fit_points, flattened, sound

THIN = 0.05  # of the volatility at the money; what is more uncertain leans on its neighbours
MOST = 0.45  # of the volatility; what is more uncertain is no price of a market, and is left out
LENT = 0.10  # of the volatility: how uncertain what neighbours lend is
ALONE = 0.20  # of the volatility: likewise of a flat smile, where there is no neighbour
_DEVIATIONS = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])  # where they lend


class Quoted(NamedTuple):
    """The volatilities of one expiry.

    Parameters
    ----------
    forward, t_years : float
        Rupees and years.
    points : Points
        Out-of-the-money volatilities; none is allowed.
    """

    forward: float
    t_years: float
    points: Points


def fit_term(chains: Sequence[Quoted]) -> tuple[Slice | None, ...]:
    """Fit the smiles of expiries taken at one moment.

    Parameters
    ----------
    chains : sequence of Quoted
        Ascending in time.

    Returns
    -------
    tuple of Slice or None
        By expiry; None where it has expired, or neither it nor a neighbour has a volatility.
    """
    reliable = [chain._replace(points=_reliable(chain.points)) for chain in chains]
    alone = [_fit_alone(chain) for chain in reliable]
    lenders = [piece for piece in alone if piece is not None]
    return _rising(
        [
            piece or _fit_with(chain if chain.points.k.size or lenders else whole, lenders)
            for whole, chain, piece in zip(chains, reliable, alone, strict=True)
        ]
    )


def _reliable(points: Points) -> Points:
    """Leave out model prices and stale trades: they err together, so that many are no better than one."""
    kept = points.error < MOST * points.iv
    return Points(*(part[kept] for part in points))


def _usable(chain: Quoted) -> bool:
    return chain.t_years > 0 and chain.forward > 0


def _fit_alone(chain: Quoted) -> Slice | None:
    """Fit an expiry to its own quotes; None where they leave the money uncertain."""
    if not _usable(chain) or chain.points.k.size < MIN_POINTS:
        return None
    found = fit_points(chain.points, chain.forward, chain.t_years)
    return found if found.atm_error <= THIN * found.atm_iv else None


def _fit_with(chain: Quoted, lenders: Sequence[Slice]) -> Slice | None:
    """Fit a thin expiry to its own quotes and what its neighbours lend; without any to a flat smile."""
    own = chain.points
    if not _usable(chain) or not (own.k.size or lenders):
        return None
    root = math.sqrt(chain.t_years)
    if lenders:
        lent, doubt = _lent(chain.t_years, lenders), LENT
    else:
        weight = np.exp(-((own.k / (own.iv * root)) ** 2) / 2) / own.error**2
        level = float(weight @ own.iv / weight.sum()) if weight.sum() > 0 else float(np.median(own.iv))
        lent, doubt = np.full(_DEVIATIONS.size, level), ALONE
    borrowed = Points(_DEVIATIONS * lent[2] * root, lent, doubt * lent)
    if not own.k.size:
        found = fit_points(borrowed, chain.forward, chain.t_years)
        return replace(found, fit_error=math.nan, quoted=(math.nan, math.nan))
    return fit_points(own, chain.forward, chain.t_years, borrowed)


def _lent(t_years: float, lenders: Sequence[Slice]) -> Floats:
    """Return the volatility at each deviation: total variance is linear in time, flat volatility outside."""
    years = [piece.t_years for piece in lenders]
    levels = np.array(
        [
            piece.total_variance(_DEVIATIONS * piece.atm_iv * math.sqrt(piece.t_years)) / piece.t_years
            for piece in lenders
        ]
    )
    if not years[0] < t_years < years[-1]:
        return np.asarray(np.sqrt(levels[0] if t_years <= years[0] else levels[-1]))
    totals = levels * np.array(years)[:, None]
    return np.sqrt([np.interp(t_years, years, total) / t_years for total in totals.T])


def _rising(pieces: Sequence[Slice | None]) -> tuple[Slice | None, ...]:
    """Let total variance at the money never fall: neighbours that disagree meet at their weighted mean."""
    pools: list[tuple[float, float, int]] = []  # total variance, weight, how many
    known = [piece for piece in pieces if piece is not None]
    for piece in known:
        total = float(piece.total_variance(0.0))
        pool = (total, (piece.atm_iv / max(piece.atm_error, 1e-4) / total) ** 2, 1)
        while pools and pools[-1][0] > pool[0]:
            before = pools.pop()
            weight = before[1] + pool[1]
            pool = ((before[0] * before[1] + pool[0] * pool[1]) / weight, weight, before[2] + pool[2])
        pools.append(pool)
    totals = iter([total for total, _, count in pools for _ in range(count)])
    return tuple(piece and _moved(piece, next(totals)) for piece in pieces)


def _moved(piece: Slice, total: float) -> Slice:
    """Return the curve with another total variance at the money, flatter where that would be arbitraged."""
    now = float(piece.total_variance(0.0))
    if now == total:
        return piece
    share = total / now
    raw = (piece.a * share, piece.b * share, *piece.raw[2:])
    width = max(abs(math.log(end / piece.forward)) for end in piece.quoted) if piece.quoted[0] > 0 else 0.1
    a, b, rho, m, sigma = raw if sound(raw, width) else flattened(raw, width)
    return replace(piece, a=a, b=b, rho=rho, m=m, sigma=sigma)
