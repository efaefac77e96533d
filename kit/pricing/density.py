"""The distribution of the index at expiry that a smile stands for, exactly and without a grid.

The undiscounted price of a call under the smile is the mean of what it pays, so its derivatives in the strike
are the distribution: with ``s(k)`` the root of the total variance at log-moneyness ``k`` and
``d = -k/s - s/2``, the chance to end below a level is ``N(-d) + n(d) s'(k)``, the density there
``g(k) n(d) / (level s)`` with Gatheral's *g*. Beyond the outermost quote the curve goes on: total variance
becomes linear in log-moneyness.

D. Breeden, R. Litzenberger, "Prices of state-contingent claims implicit in option prices", Journal of
Business 51 (1978).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, exp, inf, log, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from kit.pricing.arrays import Floats, floats
from kit.pricing.smile import Slice

_ROOT_2, _ROOT_2PI = sqrt(2.0), sqrt(2 * pi)
_LEAST = 1e-300


@dataclass(frozen=True)
class Density:
    """The distribution of the index at expiry under a smile; vectorised, and fast for single levels.

    Parameters
    ----------
    smile : Slice
        Its total variance gives the width, its forward the mean. Without variance the index ends there.
    """

    smile: Slice

    def call(self, strike: ArrayLike) -> Any:
        """Return the mean of what a call pays, rupees: its undiscounted price, as array or float64."""
        k, s, _ = self._at(strike)
        forward = self.smile.forward
        paid = forward * ndtr(s / 2 - k / s) - floats(strike) * ndtr(-s / 2 - k / s)
        return np.where(k == -inf, forward, paid)[()]

    def cdf(self, level: ArrayLike) -> Any:
        """Return the chance to end at or below a level, as array or float64."""
        k, s, slope = self._at(level)
        d = -k / s - s / 2
        below = ndtr(-d) + np.exp(-d * d / 2) / _ROOT_2PI * slope
        return np.where(k == -inf, 0.0, np.clip(below, 0.0, 1.0))[()]

    def pdf(self, level: ArrayLike) -> Any:
        """Return the density at a level, per rupee, as array or float64."""
        k, s, _ = self._at(level)
        d = -k / s - s / 2
        dense = self.smile.density_sign(k) * np.exp(-d * d / 2) / (_ROOT_2PI * floats(level) * s)
        return np.where(k == -inf, 0.0, dense)[()]

    def call_at(self, strike: float) -> float:
        """Return `call` of one strike, without NumPy."""
        forward = self.smile.forward
        if strike <= 0:
            return forward - strike
        k = log(strike / forward)
        s, _ = self._near(k)
        if not s > 0:
            return max(forward - strike, 0.0) if s == 0 else s
        return forward * _normal(s / 2 - k / s) - strike * _normal(-s / 2 - k / s)

    def cdf_at(self, level: float) -> float:
        """Return `cdf` of one level, without NumPy."""
        forward = self.smile.forward
        if level <= 0:
            return 0.0
        k = log(level / forward)
        s, slope = self._near(k)
        if not s > 0:
            return float(level >= forward) if s == 0 else s
        d = -k / s - s / 2
        return min(max(_normal(-d) + exp(-d * d / 2) / _ROOT_2PI * slope, 0.0), 1.0)

    def quantile(self, chance: float) -> float:
        """Return the level below which the index ends with a chance, rupees."""
        forward = self.smile.forward
        reach = max(6 * sqrt(self.smile.total_variance(0.0)), 1e-9)
        low, high = -reach, reach
        while self.cdf_at(forward * exp(low)) > chance and low > -50:
            low *= 2
        while self.cdf_at(forward * exp(high)) < chance and high < 50:
            high *= 2
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if self.cdf_at(forward * exp(middle)) < chance else (low, middle)
        return forward * exp((low + high) / 2)

    def _at(self, level: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Return log-moneyness, the root of total variance there, and its slope."""
        _, b, rho, m, sigma = self.smile.raw
        with np.errstate(divide="ignore", invalid="ignore"):
            k = np.log(floats(level) / self.smile.forward)
        x = np.where(k == -inf, 0.0, k) - m
        s = np.sqrt(np.maximum(self.smile.total_variance(x + m), _LEAST))
        return k, s, b * (rho + x / np.sqrt(x * x + sigma * sigma)) / (2 * s)

    def _near(self, k: float) -> tuple[float, float]:
        a, b, rho, m, sigma = self.smile.raw
        x = k - m
        root = sqrt(x * x + sigma * sigma)
        s = sqrt(max(a + b * (rho * x + root), 0.0))
        return s, b * (rho + x / root) / (2 * s) if s > 0 else 0.0


def _normal(x: float) -> float:
    return 0.5 * erfc(-x / _ROOT_2)
