"""How right the pricing is, judged by decimal arithmetic that shares nothing with it."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from kit.benchmark.measure import Samples
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most
from kit.pricing.black76 import greeks, implied_volatility, iv_and_greeks, price

RATE = 0.065
DIGITS = 70
_ROOT_TWO_PI = Decimal("2.5066282746310005024157652848110452530069867406099383166299235763422936546")


@row("iv_error", part="pricing", unit="1e-11", target=at_most(1), quick=True)
def iv_error(run: Run) -> Samples:
    """Largest error of a volatility from an exact price, where vega tells, 0.1 % to 500 %."""
    drawn = _hard(2_000 if run.quick else 20_000)
    telling = greeks(*drawn).vega * 100 > 1e-4 * drawn[0]
    f, k, t, sigma, df, call = (part[telling] for part in drawn)
    exact = []
    for market in zip(*(part.tolist() for part in (f, k, t, sigma, df, call)), strict=True):
        run.checkpoint()
        exact.append(_exact_price(*market))
    found = implied_volatility(exact, f, k, t, df, call)
    return Samples([float(np.abs(found.iv - sigma).max() / 1e-11)])


@row("reprice_error", part="pricing", unit="1e-9 of forward", target=at_most(1), quick=True)
def reprice_error(run: Run) -> Samples:
    """Largest distance from a price to the price of its volatility, wherever that is defined."""
    f, k, t, sigma, df, call = _hard(20_000 if run.quick else 200_000)
    value = price(f, k, t, sigma, df, call)
    found = iv_and_greeks(value, f, k, t, df, call)
    again = price(f, k, t, found.iv, df, call)
    return Samples([float(np.nanmax(np.abs(again - value) / f) / 1e-9)])


def _hard(size: int) -> tuple[Any, ...]:
    """Draw options of one minute to three years and 0.1 % to 500 %, two deviations about the money."""
    random = np.random.default_rng(76)
    forward = 43_000.0 * np.ones(size)
    years = np.exp(random.uniform(np.log(1 / 525_600), np.log(3.0), size))
    sigma = np.exp(random.uniform(np.log(0.001), np.log(5.0), size))
    strike = forward * np.exp(np.clip(random.normal(0, 2, size) * sigma * np.sqrt(years), -2, 2))
    return forward, strike, years, sigma, np.exp(-RATE * years), random.random(size) < 0.5


def _exact_price(
    forward: float, strike: float, years: float, sigma: float, discount: float, call: bool
) -> float:
    with localcontext(prec=DIGITS):
        f, k, t, v, df = (Decimal(number) for number in (forward, strike, years, sigma, discount))
        deviation = v * t.sqrt()
        d1 = (f / k).ln() / deviation + deviation / 2
        side = 1 if call else -1
        return float(df * side * (f * _normal(side * d1) - k * _normal(side * (d1 - deviation))))


def _normal(x: Decimal) -> Decimal:
    """Return the normal distribution function: one half and the density times x + x³/3 + x⁵/15 + ..."""
    term = total = x
    n = 1
    while abs(term) > Decimal(10) ** -DIGITS:
        n += 2
        term *= x * x / n
        total += term
    return Decimal("0.5") + total * (-x * x / 2).exp() / _ROOT_TWO_PI
