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
from scipy.special import ndtr

from kit.simulator.randomness import Floats

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


def vix(short_vol: Any, ratio: float) -> Floats:
    """Return the volatility index: thirty-day variance at the money and a little for the wings, percent."""
    return np.asarray(105 * np.sqrt(at_the_money_variance(VIX_YEARS, short_vol, ratio) / VIX_YEARS))


class QuotedGreeks(NamedTuple):
    """Sensitivities as the broker states them: per rupee of the forward, per day and per volatility point."""

    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats
    iv_percent: Floats


class QuotedSmile:
    """One expiry at one or many moments.

    Parameters
    ----------
    spot : array_like
        The underlying's level, rupees.
    t_years : array_like
        Calendar years to expiry.
    short_vol : array_like
        Short-dated volatility of Bank Nifty, annualised fraction.
    rate : float
        Annual rate.
    ratio : float, default 1.0
        The underlying's volatility over Bank Nifty's.

    Attributes
    ----------
    forward : ndarray
        What parity of every pair of options says, rupees.
    discount : ndarray
        To the expiry.
    """

    def __init__(self, spot: Any, t_years: Any, short_vol: Any, rate: float, ratio: float = 1.0) -> None:
        left = np.maximum(t_years, 0)
        self.forward: Floats = np.asarray(spot * np.exp((rate - DIVIDEND_YIELD) * left))
        self.discount: Floats = np.asarray(np.exp(-rate * left))
        self._rate = rate
        self._years = np.maximum(t_years, _SHORTEST_YEARS)
        self._log_forward = np.log(self.forward)
        self._theta = at_the_money_variance(t_years, short_vol, ratio)
        self._phi = CURVATURE / np.sqrt(self._theta * (1 + self._theta))

    def call(self, strike: Any) -> Floats:
        """Return Black-76 call prices before rounding to the tick, rupees."""
        deviation, d1 = self._terms(strike)
        return np.asarray(self.discount * (self.forward * ndtr(d1) - strike * ndtr(d1 - deviation)))

    def put(self, strike: Any, call: Floats | None = None) -> Floats:
        """Return put prices by parity, rupees; from `call` where that is at hand."""
        paid = self.call(strike) if call is None else call
        return np.asarray(np.maximum(paid - self.discount * (self.forward - strike), 0))

    def greeks(self, strike: Any, is_call: Any) -> QuotedGreeks:
        """Return sensitivities of calls and puts."""
        deviation, d1 = self._terms(strike)
        root, side = np.sqrt(self._years), np.where(is_call, 1.0, -1.0)
        density = self.discount * np.exp(-np.square(d1) / 2) / np.sqrt(2 * np.pi)
        value = np.where(is_call, self.call(strike), self.put(strike))
        decay = self.forward * density * deviation / (2 * self._years)
        return QuotedGreeks(
            side * self.discount * ndtr(side * d1),
            density / (self.forward * deviation),
            (self._rate * value - decay) / 365,
            self.forward * density * root / 100,
            100 * deviation / root,
        )

    def _terms(self, strike: Any) -> tuple[Floats, Floats]:
        """Return total deviation and d1."""
        log_moneyness = np.log(strike) - self._log_forward
        deviation = self._deviation(log_moneyness)
        return deviation, deviation / 2 - log_moneyness / deviation

    def _deviation(self, log_moneyness: Any) -> Floats:
        """Return the square root of total variance."""
        tilted = self._phi * log_moneyness
        total = self._theta / 2 * (1 + SKEW * tilted + np.sqrt(np.square(tilted + SKEW) + 1 - SKEW**2))
        return np.asarray(np.sqrt(total))
