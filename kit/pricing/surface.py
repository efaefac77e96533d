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

from kit.clock import Convention, parse_expiry, years_to_expiry
from kit.errors import DataError
from kit.pricing.arrays import Floats, floats
from kit.pricing.smile import Slice
from kit.pricing.smile_fit import fit_slice

if TYPE_CHECKING:
    from kit.model import ChainSnapshot


Expiry = date | np.datetime64 | str | float
TICK_INR = 0.05
STALE = 0.02  # annualised fraction: nobody knows when a last trade was


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
        return years_to_expiry(self.taken_at, parse_expiry(named), self.convention)


def fit_snapshot(snapshot: ChainSnapshot, convention: Convention = "calendar") -> Slice:
    """Fit the smile of a chain snapshot to its out-of-the-money options.

    Each volatility is as uncertain as half the spread, or a tick, over vega; one from a last traded price,
    as two points. In trading time volatilities differ, and total variance does not: it is fitted once.

    Parameters
    ----------
    snapshot : ChainSnapshot
        One expiry.
    convention : {"calendar", "trading"}
        How the years of the smile run, as in `kit.clock.years_to_expiry`.

    Raises
    ------
    DataError
        The chain has too few volatilities, or has expired.
    """
    frame = snapshot.frame
    strike, vega = frame["strike"].to_numpy(np.float64), frame["vega"].to_numpy(np.float64) * 100
    out_of_the_money = (frame["right"].to_numpy() == "CE") == (strike >= snapshot.forward)
    iv = np.where(out_of_the_money, frame["iv"].to_numpy(np.float64), np.nan)
    spread = (frame["ask"] - frame["bid"]).to_numpy(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # no vega, no say
        error = np.where(np.isnan(spread), STALE, np.maximum(spread / 2, TICK_INR) / vega)
    found = fit_slice(strike, iv, snapshot.forward, snapshot.t_years, iv_error=error)
    if convention == "calendar":
        return found
    years = years_to_expiry(snapshot.taken_at, snapshot.expiry, convention)
    # Fitted anew in other years the curve would land elsewhere; its five numbers are of total variance.
    return replace(found, t_years=years, fit_error=found.fit_error * math.sqrt(found.t_years / years))


def fit_surface(snapshots: Sequence[ChainSnapshot], convention: Convention = "calendar") -> Surface:
    """Fit a surface to the chains of several expiries, taken at one moment.

    A chain with too few volatilities for a smile is left out. `convention` is that of `fit_snapshot`.

    Raises
    ------
    DataError
        No chain has enough.
    """
    fitted: dict[date, Slice] = {}
    for snapshot in sorted(snapshots, key=lambda chain: chain.expiry):
        try:
            fitted[snapshot.expiry] = fit_snapshot(snapshot, convention)
        except DataError:  # far expiries are hardly quoted; the surface reaches over them
            continue
    if not fitted:
        raise DataError(
            "No expiry has enough volatilities for a smile", len(snapshots), "Take a traded chain."
        )
    return Surface(snapshots[0].taken_at, tuple(fitted), tuple(fitted.values()), convention)
