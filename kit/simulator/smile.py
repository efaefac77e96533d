"""Implied volatility of the simulated market: a surface on which no static arbitrage exists.

Total variance of log-moneyness ``k`` is ``w = θ/2 (1 + ρφk + √((φk + ρ)² + 1 - ρ²))`` with
``φ = η/√(θ(1 + θ))``. With ``η (1 + |ρ|) <= 2`` there is no butterfly arbitrage, and with θ rising in
time no calendar arbitrage.

Source: J. Gatheral, A. Jacquier, "Arbitrage-free SVI volatility surfaces", Quantitative Finance 14 (2014),
theorems 4.1 and 4.2 and section 4.

Prices come from Black-76 written out here, not from `kit.pricing`: the market must be the same to the last
tick whichever pricing engine is installed, and a client that prices it with `kit.pricing` is then checked
against something else than itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

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
    """Return Black-76 prices on this surface before rounding to the tick, rupees; all arguments broadcast."""
    ahead, spread, d1, discount, side = _terms(spot, strike, t_years, short_vol, is_call, rate, ratio)
    return np.asarray(side * discount * (ahead * ndtr(side * d1) - strike * ndtr(side * (d1 - spread))))


class Greeks(NamedTuple):
    """Sensitivities as the broker states them: per rupee of the forward, per day and per volatility point."""

    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats
    iv_percent: Floats


def greeks(
    spot: Any, strike: Any, t_years: Any, short_vol: Any, is_call: Any, rate: Any, ratio: float = 1.0
) -> Greeks:
    """Return sensitivities on this surface; arguments as in `fair_price`."""
    ahead, spread, d1, discount, side = _terms(spot, strike, t_years, short_vol, is_call, rate, ratio)
    root = np.sqrt(np.maximum(t_years, _SHORTEST_YEARS))
    density = discount * np.exp(-np.square(d1) / 2) / np.sqrt(2 * np.pi)
    value = fair_price(spot, strike, t_years, short_vol, is_call, rate, ratio)
    decay = ahead * density * spread / root / (2 * root)
    return Greeks(
        side * discount * ndtr(side * d1),
        density / (ahead * spread),
        (rate * value - decay) / 365,
        ahead * density * root / 100,
        100 * spread / root,
    )


def _terms(
    spot: Any, strike: Any, t_years: Any, short_vol: Any, is_call: Any, rate: Any, ratio: float
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return forward, total deviation, d1, discount, and 1 for a call or -1 for a put."""
    ahead = forward(spot, t_years, rate)
    log_moneyness = np.log(strike / ahead)
    spread = volatility(log_moneyness, t_years, short_vol, ratio) * np.sqrt(
        np.maximum(t_years, _SHORTEST_YEARS)
    )
    discount = np.exp(-rate * np.maximum(t_years, 0))
    return ahead, spread, spread / 2 - log_moneyness / spread, discount, np.where(is_call, 1.0, -1.0)
