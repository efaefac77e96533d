"""Where the index may end: a distribution, exact for every payoff that is linear between strikes.

The mean of such a payoff is a sum of means of calls, and its chance of profit a sum of chances between
levels; both are asked of the distribution, one by one without NumPy or for whole arrays. Amounts are points.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from math import nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kit.pricing.arrays import Floats
from kit.pricing.density import Density

WITHIN = 0.00135  # chance on either side of what the money at risk covers: three deviations of a normal


@dataclass(frozen=True, eq=False)
class Distribution(ABC):
    """Where the index ends under a view, for one chain.

    Parameters
    ----------
    view : str
        The view in short, as tables name it.
    note : str
        What it rests on, and how it goes on beyond that.
    doubt : str
        Why its figures are unreliable; empty: nothing speaks against them.
    iv_error : float
        How far the smile it was made of misses its quotes, annualised fraction; NaN where none was.
    """

    view: str
    note: str
    doubt: str = field(default="", kw_only=True)
    iv_error: float = field(default=nan, kw_only=True)

    @abstractmethod
    def call(self, strike: ArrayLike) -> Any:
        """Return the mean of what a call pays, rupees; one of strike 0 pays the index itself."""

    @abstractmethod
    def cdf(self, level: ArrayLike) -> Any:
        """Return the chance to end at or below a level."""

    @abstractmethod
    def pdf(self, level: ArrayLike) -> Any:
        """Return the density at a level, per rupee."""

    @abstractmethod
    def quantile(self, chance: float) -> float:
        """Return the level below which the index ends with a chance, rupees."""

    @abstractmethod
    def _call_at(self, strike: float) -> float: ...

    @abstractmethod
    def cdf_at(self, level: float) -> float:
        """Return `cdf` of one level, without NumPy."""

    def call_at(self, strike: float) -> float:
        """Return `call` of one strike, without NumPy; each is worked out once."""
        known = self._calls.get(strike)
        if known is None:
            known = self._calls[strike] = self._call_at(strike)
        return known

    @cached_property
    def _calls(self) -> dict[float, float]:
        return {}

    @cached_property
    def mean(self) -> float:
        """Mean of the index at expiry, rupees."""
        return self.call_at(0.0)

    @cached_property
    def low(self) -> float:
        """The level below which the index ends with a chance of `WITHIN`, rupees."""
        return self.quantile(WITHIN)

    @cached_property
    def high(self) -> float:
        """The level above which the index ends with a chance of `WITHIN`, rupees."""
        return self.quantile(1 - WITHIN)


@dataclass(frozen=True, eq=False)
class SmileDistribution(Distribution):
    """The density of a smile, or of one volatility for all strikes.

    Parameters
    ----------
    density : Density
        See `kit.pricing.density`.
    """

    density: Density

    def call(self, strike: ArrayLike) -> Any:
        """Return the undiscounted price of a call under the smile, rupees."""
        return self.density.call(strike)

    def cdf(self, level: ArrayLike) -> Any:
        """Return the chance to end at or below a level."""
        return self.density.cdf(level)

    def pdf(self, level: ArrayLike) -> Any:
        """Return the density at a level, per rupee."""
        return self.density.pdf(level)

    def quantile(self, chance: float) -> float:
        """Return the level below which the index ends with a chance, rupees."""
        return self.density.quantile(chance)

    def _call_at(self, strike: float) -> float:
        return self.density.call_at(strike)

    def cdf_at(self, level: float) -> float:
        """Return `cdf` of one level, without NumPy."""
        return self.density.cdf_at(level)


@dataclass(frozen=True, eq=False)
class SampleDistribution(Distribution):
    """Levels at which the index ended, each as likely as the others.

    Parameters
    ----------
    levels : ndarray, shape (n,)
        Ascending, rupees.
    """

    levels: Floats

    def call(self, strike: ArrayLike) -> Any:
        """Return the mean of what a call paid, rupees."""
        k = np.asarray(strike, np.float64)
        at = np.searchsorted(self.levels, k, side="right")
        return (self._sums[at] - k * (self.levels.size - at))[()] / self.levels.size

    def cdf(self, level: ArrayLike) -> Any:
        """Return the share of levels at or below this one."""
        return np.searchsorted(self.levels, np.asarray(level), side="right")[()] / self.levels.size

    def pdf(self, level: ArrayLike) -> Any:
        """Return a smoothed density, per rupee: a normal around each level, as wide as Scott's rule says."""
        width = float(self.levels.std()) * self.levels.size**-0.2
        x = (np.asarray(level, np.float64)[..., None] - self.levels) / width
        return np.exp(-x * x / 2).mean(axis=-1)[()] / (width * sqrt(2 * np.pi))

    def quantile(self, chance: float) -> float:
        """Return the level below which this share of the levels lies, rupees."""
        return float(np.quantile(self.levels, chance))

    def _call_at(self, strike: float) -> float:
        return float(self.call(strike))

    def cdf_at(self, level: float) -> float:
        """Return `cdf` of one level, without NumPy."""
        return bisect_right(self._list, level) / len(self._list)

    @cached_property
    def _list(self) -> list[float]:
        return [float(level) for level in self.levels]

    @cached_property
    def _sums(self) -> Floats:
        """Sum of the levels from each place on."""
        sums: Floats = np.append(np.cumsum(self.levels[::-1])[::-1], 0.0)
        return sums


@dataclass(frozen=True, eq=False)
class Unknown(Distribution):
    """Where nothing is known of the volatility: every answer is NaN."""

    def call(self, strike: ArrayLike) -> Any:
        """Return NaN."""
        return np.full(np.shape(strike), nan)[()]

    def cdf(self, level: ArrayLike) -> Any:
        """Return NaN."""
        return self.call(level)

    def pdf(self, level: ArrayLike) -> Any:
        """Return NaN."""
        return self.call(level)

    def quantile(self, chance: float) -> float:
        """Return NaN."""
        return nan * chance

    def _call_at(self, strike: float) -> float:
        return nan * strike

    def cdf_at(self, level: float) -> float:
        """Return NaN."""
        return nan * level
