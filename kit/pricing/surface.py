"""The volatility surface: a smile per expiry, and total variance linear in time between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from kit.clock import Convention, parse_day, years_to_expiry
from kit.errors import DataError
from kit.pricing.arrays import Floats, floats
from kit.pricing.smile import Slice
from kit.pricing.snapshot_smile import quoted
from kit.pricing.term import fit_term

if TYPE_CHECKING:
    from kit.model import ChainSnapshot


Expiry = date | np.datetime64 | str | float


@dataclass(frozen=True)
class Surface:
    """Volatility by strike and expiry.

    Parameters
    ----------
    taken_at : datetime
        When the quotes were taken, timezone-aware.
    expiries : tuple of date
        Ascending.
    slices : tuple of Slice
        By expiry.
    convention : {"calendar", "trading"}
        How its years run, as in `kit.clock.years_to_expiry`.
    """

    taken_at: datetime
    expiries: tuple[date, ...]
    slices: tuple[Slice, ...]
    convention: Convention = "calendar"

    def iv(self, strike: ArrayLike, expiry: Expiry) -> Any:
        """Return the volatility at a strike and an expiry.

        Between expiries total variance is linear in time at equal log-moneyness, and the forward grows at a
        constant rate; before the first and after the last expiry their volatility stands still.

        Parameters
        ----------
        strike : array_like
            Rupees.
        expiry : date, datetime64, str or float
            Any day, the session before it where it is none; or years from `taken_at`.

        Returns
        -------
        ndarray or float64
            Annualised fraction; NaN at and after the expiry, and for a strike that is not positive.

        Raises
        ------
        DataError
            A text that is no date, or NaT.
        """
        t, strikes = self._years(expiry), floats(strike)
        k = np.log(np.where(strikes > 0, strikes, np.nan) / self.forward(t))
        if not t > 0:
            return np.full(k.shape, np.nan)[()]
        after = int(np.searchsorted([piece.t_years for piece in self.slices], t))
        near, far = self.slices[max(after - 1, 0)], self.slices[min(after, len(self.slices) - 1)]
        if near is far:
            return np.sqrt(near.total_variance(k) / near.t_years)
        share = (t - near.t_years) / (far.t_years - near.t_years)
        total = (1 - share) * near.total_variance(k) + share * far.total_variance(k)
        return np.sqrt(total / t)

    def forward(self, expiry: Expiry) -> float:
        """Return the forward of an expiry, rupees; between expiries its logarithm is linear in time."""
        years = [piece.t_years for piece in self.slices]
        logs = np.log([piece.forward for piece in self.slices])
        return float(np.exp(np.interp(self._years(expiry), years, logs)))

    def calendar_gap(self, moneyness: ArrayLike = (-0.1, -0.05, 0.0, 0.05, 0.1)) -> Floats:
        """Return the least rise of total variance from each expiry to the next.

        Parameters
        ----------
        moneyness : array_like
            Log-moneyness at which to look.

        Returns
        -------
        ndarray, shape (expiries - 1,)
            Negative where a calendar spread has a negative price: the quotes disagree, not the fit.
        """
        total = np.array([piece.total_variance(moneyness) for piece in self.slices])
        gap: Floats = np.diff(total, axis=0).min(axis=1)
        return gap

    def _years(self, expiry: Expiry) -> float:
        if isinstance(expiry, Real):
            return float(expiry)
        named = expiry if isinstance(expiry, str) else str(expiry)[:10]  # any date, and NaT, which is none
        return years_to_expiry(self.taken_at, parse_day(named), self.convention)


def fit_snapshot(snapshot: ChainSnapshot, convention: Convention = "calendar") -> Slice:
    """Fit the smile of one chain snapshot, by itself, to its out-of-the-money options.

    Each volatility weighs by its `kit.pricing.quality.iv_quality`; few or doubtful ones lean on a flat smile.
    In trading time volatilities differ, and total variance does not: it is fitted once.

    Parameters
    ----------
    snapshot : ChainSnapshot
        One expiry.
    convention : {"calendar", "trading"}
        How the years of the smile run, as in `kit.clock.years_to_expiry`.

    Raises
    ------
    DataError
        The chain has no volatility, or has expired.
    """
    return fit_surface([snapshot], convention).slices[0]


def fit_surface(snapshots: Sequence[ChainSnapshot], convention: Convention = "calendar") -> Surface:
    """Fit a surface to the chains of several expiries, taken at one moment: `kit.pricing.term.fit_term`.

    A chain that has expired is left out. `convention` is that of `fit_snapshot`.

    Raises
    ------
    DataError
        No chain has a volatility.
    """
    chains = sorted(snapshots, key=lambda chain: chain.expiry)
    fitted = fit_term([quoted(chain.frame, chain.forward, chain.t_years) for chain in chains])
    found = {
        chain.expiry: _in_years(piece, chain, convention)
        for chain, piece in zip(chains, fitted, strict=True)
        if piece is not None
    }
    if not found:
        raise DataError("No expiry has a volatility for a smile", len(snapshots), "Take a traded chain.")
    return Surface(snapshots[0].taken_at, tuple(found), tuple(found.values()), convention)


def _in_years(piece: Slice, chain: ChainSnapshot, convention: Convention) -> Slice:
    if convention == "calendar":
        return piece
    years = years_to_expiry(chain.taken_at, chain.expiry, convention)
    # Fitted anew in other years the curve would land elsewhere; its five numbers are of total variance.
    scale = math.sqrt(piece.t_years / years)
    return replace(piece, t_years=years, fit_error=piece.fit_error * scale, atm_error=piece.atm_error * scale)
