"""Implied volatility of the simulated market: a surface on which no static arbitrage exists.

Total variance of log-moneyness ``k`` is ``w = θ/2 (1 + ρφk + √((φk + ρ)² + 1 - ρ²))`` with
``φ = η/√(θ(1 + θ))``. With ``η (1 + |ρ|) <= 2`` there is no butterfly arbitrage, and with θ rising in
time no calendar arbitrage.

Source: J. Gatheral, A. Jacquier, "Arbitrage-free SVI volatility surfaces", Quantitative Finance 14 (2014),
theorems 4.1 and 4.2 and section 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kit.pricing import numpy_engine

Floats = NDArray[np.float64]

SKEW, CURVATURE = -0.35, 0.66  # ρ and η
LONG_VOL = 0.15  # annualised, of Bank Nifty
REVERSION_YEARS = 0.25  # how fast forward variance returns to the long level
DIVIDEND_YIELD = 0.008  # annual fraction
VIX_YEARS = 30 / 365
_SHORTEST_YEARS = 1e-7  # three seconds: keeps the square roots finite at the closing bell


def at_the_money_variance(t_years: Any, short_vol: Any, ratio: float = 1.0) -> Floats:
    """Return total variance at the money: rises with time because forward variance is positive."""
    t = np.maximum(t_years, _SHORTEST_YEARS)
    excess = np.square(short_vol) - LONG_VOL**2
    decayed = REVERSION_YEARS * -np.expm1(-t / REVERSION_YEARS)
    return np.asarray(ratio**2 * (LONG_VOL**2 * t + excess * decayed))


def volatility(log_moneyness: ArrayLike, t_years: Any, short_vol: Any, ratio: float = 1.0) -> Floats:
    """Return implied volatility, annualised fraction.

    Parameters
    ----------
    log_moneyness : array_like
        ``ln(strike / forward)``.
    t_years : array_like
        Calendar years to expiry.
    short_vol : array_like
        Short-dated volatility of Bank Nifty, annualised fraction.
    ratio : float, default 1.0
        The underlying's volatility over Bank Nifty's.
    """
    t = np.maximum(t_years, _SHORTEST_YEARS)
    theta = at_the_money_variance(t, short_vol, ratio)
    tilted = CURVATURE / np.sqrt(theta * (1 + theta)) * np.asarray(log_moneyness)
    total = theta / 2 * (1 + SKEW * tilted + np.sqrt(np.square(tilted + SKEW) + 1 - SKEW**2))
    return np.asarray(np.sqrt(total / t))


def vix(short_vol: Any, ratio: float) -> Floats:
    """Return the volatility index: thirty-day variance at the money and a little for the wings, percent."""
    return np.asarray(105 * np.sqrt(at_the_money_variance(VIX_YEARS, short_vol, ratio) / VIX_YEARS))


def forward(spot: Any, t_years: Any, rate: Any) -> Floats:
    """Return the forward, rupees: what parity of every pair of options says."""
    return np.asarray(spot * np.exp((rate - DIVIDEND_YIELD) * np.maximum(t_years, 0)))


def fair_price(
    spot: Any, strike: Any, t_years: Any, short_vol: Any, is_call: Any, rate: Any, ratio: float = 1.0
) -> Floats:
    """Return option prices before rounding to the tick, rupees; all arguments broadcast."""
    ahead = forward(spot, t_years, rate)
    iv = volatility(np.log(strike / ahead), t_years, short_vol, ratio)
    discount = np.exp(-rate * np.maximum(t_years, 0))
    arrays = np.broadcast_arrays(ahead, strike, np.maximum(t_years, 0), iv, discount, is_call)
    flat = [np.ascontiguousarray(array).reshape(-1) for array in arrays]
    values = numpy_engine.price(*(array.astype(np.float64, copy=False) for array in flat[:5]), flat[5].astype(bool))
    return values.reshape(arrays[0].shape)
