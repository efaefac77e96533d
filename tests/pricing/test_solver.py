"""The solver's two ways to a volatility, each on its own, against fifty digits."""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from kit.pricing.arrays import Floats
from kit.pricing.solver import bracketed_volatility, log_moneyness, total_volatility

Solver = Callable[[Floats, Floats, Floats], Floats]


def priced() -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return time value, forward, strike, the root of the total variance, and how well it can be known."""
    rows = []
    with mpmath.workdps(50):
        for s in (1e-6, 0.003, 0.1, 1.2, 1.9, 2.1, 5.0, 9.0, 12.0):
            for h in (0.0, 1e-7, 0.4, 3.0, 12.0, 25.0, 36.0):
                strike = float(43_000 * mpmath.exp(h * s))
                if not strike < 1e250:
                    continue
                p = mpmath.log(mpmath.mpf(strike) / 43_000)
                root = mpmath.sqrt(mpmath.mpf(43_000) * strike)
                low, high = -p / s - mpmath.mpf(s) / 2, -p / s + mpmath.mpf(s) / 2
                c = 43_000 * mpmath.ncdf(high) - strike * mpmath.ncdf(low)
                if 1e-300 < c < 43_000 * (1 - mpmath.mpf("1e-6")):
                    vega = root * mpmath.npdf(p / s) * mpmath.exp(-(mpmath.mpf(s) ** 2) / 8)
                    rows.append((float(c), 43_000.0, strike, s, float(c / (vega * s))))
    c, forward, strike, s, known = np.array(rows).T
    return c, forward, strike, s, known


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(
    "solve", [bracketed_volatility, lambda c, f, k: total_volatility(c, abs(f - k), f, k)]
)
def test_volatility_is_found_to_the_last_digits(solve: Solver, swapped: bool) -> None:
    """From the money to 36 deviations and from a millionth to 12: as exactly as prices tell."""
    c, forward, strike, s, known = priced()
    with np.errstate(all="ignore"):  # as the engine calls it
        found = solve(c, strike, forward) if swapped else solve(c, forward, strike)
    assert len(s) > 45
    assert (np.abs(found / s - 1) < 2e-14 + 1e-15 * (known + 1 / s)).all()


def test_log_moneyness_keeps_its_digits_at_the_money() -> None:
    """Forwards one rounding off the strike have the distance that their doubles have, not none."""
    strike = np.array([65_535.99, 43_000.0, 33_000.0, 1.0])
    for forward in (np.nextafter(strike, np.inf), np.nextafter(strike, 0.0), strike):
        with mpmath.workdps(50):
            exact = [float(abs(mpmath.log(mpmath.mpf(f) / k))) for f, k in zip(forward, strike, strict=True)]
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(log_moneyness(forward, strike), exact, rtol=1e-15)
