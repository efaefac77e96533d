"""The smile of one expiry: a curve through its implied volatilities that cannot be arbitraged.

The curve is a raw SVI slice, in log-moneyness ``k = ln(K/F)``, for the total variance ``w = iv² T``::

    w(k) = a + b · (rho (k - m) + sqrt((k - m)² + sigma²))

It has no butterfly arbitrage when the density it implies is nowhere negative, that is `Slice.density_sign`
(the function *g* of the source) is not, and when its wings rise slower than ``2 |k|``.

J. Gatheral, A. Jacquier, "Arbitrage-free SVI volatility surfaces", Quantitative Finance 14 (2014), lemma 2.2;
R. Lee, "The moment formula for implied volatility at extreme strikes", Mathematical Finance 14 (2004).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kit.pricing.arrays import Floats, floats

Parameter = float | Floats


@dataclass(frozen=True)
class Slice:
    """The fitted smile of one expiry.

    Parameters
    ----------
    t_years : float
        Years to expiry.
    forward : float
        Rupees.
    a, b, rho, m, sigma : float
        Raw SVI: level, angle, tilt, shift and smoothness of the curve.
    fit_error : float
        Root mean square of fitted minus quoted volatility over what is not an outlier, weighted as in the
        fit, annualised fraction.
    outliers : tuple of float
        Strikes whose quoted volatility lies far off the curve, rupees.
    atm_error : float
        How uncertain the volatility at the forward is, annualised fraction; NaN: not known.
    quoted : tuple of float
        Lowest and highest strike that the curve rests on, rupees; beyond them it is continued.
    """

    t_years: float
    forward: float
    a: float
    b: float
    rho: float
    m: float
    sigma: float
    fit_error: float = 0.0
    outliers: tuple[float, ...] = field(default=())
    atm_error: float = math.nan
    quoted: tuple[float, float] = (math.nan, math.nan)

    def total_variance(self, k: ArrayLike) -> Any:
        """Return ``iv² T`` at log-moneyness `k`, an ndarray or a float64."""
        return svi(np.asarray(k, dtype=np.float64), *self.raw)[()]

    def iv(self, strike: ArrayLike) -> Any:
        """Return the volatility at `strike` (rupees), an annualised fraction; NaN unless it is positive."""
        if isinstance(strike, float) and strike > 0:  # one strike needs no arrays
            x = math.log(strike / self.forward) - self.m
            total = self.a + self.b * (self.rho * x + math.sqrt(x * x + self.sigma * self.sigma))
            return np.float64(math.sqrt(total / self.t_years))
        strikes = floats(strike)
        k = np.log(np.where(strikes > 0, strikes, np.nan) / self.forward)
        return np.sqrt(self.total_variance(k) / self.t_years)

    def density_sign(self, k: ArrayLike) -> Any:
        """Return a number with the sign of the implied density at log-moneyness `k`."""
        return density_sign(np.asarray(k, dtype=np.float64), *self.raw)[()]

    @property
    def raw(self) -> tuple[float, float, float, float, float]:
        """The five numbers of the curve: a, b, rho, m and sigma."""
        return self.a, self.b, self.rho, self.m, self.sigma

    @property
    def atm_iv(self) -> float:
        """Volatility at the forward, annualised fraction."""
        return math.sqrt(float(self.total_variance(0.0)) / self.t_years)

    @property
    def skew(self) -> float:
        """Slope of the volatility at the forward, per unit of log-moneyness."""
        slope = self.b * (self.rho - self.m / math.hypot(self.m, self.sigma))
        return slope / (2 * self.atm_iv * self.t_years)


def svi(k: Floats, a: Parameter, b: Parameter, rho: Parameter, m: Parameter, sigma: Parameter) -> Floats:
    """Return total variance by log-moneyness; parameters may be columns, for one curve per row."""
    x = k - m
    return a + b * (rho * x + np.sqrt(x * x + sigma * sigma))


def density_sign(
    k: Floats, a: Parameter, b: Parameter, rho: Parameter, m: Parameter, sigma: Parameter
) -> Floats:
    """Return Gatheral's *g*: negative where the curve can be arbitraged with a butterfly."""
    x = k - m
    root = np.sqrt(x * x + sigma * sigma)
    w = a + b * (rho * x + root)
    first, second = b * (rho + x / root), b * sigma * sigma / root**3
    return (1 - k * first / (2 * w)) ** 2 - first * first / 4 * (1 / w + 0.25) + second / 2
