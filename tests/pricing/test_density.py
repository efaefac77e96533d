"""The distribution a smile stands for, against quadrature and differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.pricing.black76 import price
from kit.pricing.density import Density
from kit.pricing.smile import Slice
from kit.pricing.smile_fit import fit_slice

STRIKES = np.arange(38_000.0, 49_000.0, 100.0)
LEVELS = np.linspace(1.0, 200_000.0, 400_001)


def skewed(tilt: float, years: float) -> Slice:
    """Return a fitted smile that tilts."""
    k = np.log(STRIKES / 43_000)
    return fit_slice(STRIKES, 0.15 + tilt * k + 1.5 * k * k, 43_000.0, years)


@settings(max_examples=20, deadline=None)
@given(st.floats(-0.4, 0.3), st.floats(0.005, 0.5))
def test_it_is_a_distribution_with_the_forward_as_mean(tilt: float, years: float) -> None:
    """The density is nowhere negative, sums to the chances, and its mean is the forward."""
    density = Density(skewed(tilt, years))
    dense = density.pdf(LEVELS)
    assert (dense >= 0).all()
    last, beyond = float(LEVELS[-1]), 1 - density.cdf_at(200_000.0)
    assert np.trapezoid(dense, LEVELS) == pytest.approx(1 - beyond, abs=1e-6)
    tail = density.call_at(last) + last * beyond
    assert np.trapezoid(dense * LEVELS, LEVELS) == pytest.approx(43_000.0 - tail, rel=1e-5)
    assert (np.diff(density.cdf(LEVELS)) >= -1e-12).all()


def test_a_call_is_worth_what_the_smile_prices_it_at() -> None:
    """The mean payoff of a call is its undiscounted Black-76 price at the smile's volatility."""
    smile = skewed(-0.3, 0.08)
    exact = price(43_000.0, STRIKES, 0.08, smile.iv(STRIKES), 1.0, True)
    assert Density(smile).call(STRIKES) == pytest.approx(exact, abs=1e-8)


def test_chance_and_density_are_the_slopes_of_the_price() -> None:
    """Differences of the call price give the chance, and differences of that the density."""
    density = Density(skewed(-0.3, 0.08))
    step = 0.5
    slope = (density.call(STRIKES + step) - density.call(STRIKES - step)) / (2 * step)
    assert density.cdf(STRIKES) == pytest.approx(1 + slope, abs=1e-7)
    bend = (density.cdf(STRIKES + step) - density.cdf(STRIKES - step)) / (2 * step)
    assert density.pdf(STRIKES) == pytest.approx(bend, rel=1e-4, abs=1e-12)


def test_single_levels_give_what_arrays_give() -> None:
    """The fast way and the vectorised way agree to the last digits, also at and below zero."""
    density = Density(skewed(-0.3, 0.08))
    for level in (-100.0, 0.0, 1.0, 30_000.0, 43_000.0, 43_210.5, 80_000.0):
        assert density.cdf_at(level) == pytest.approx(float(density.cdf(max(level, 0.0))), abs=1e-13)
        if level >= 0:
            assert density.call_at(level) == pytest.approx(float(density.call(level)), abs=1e-8)
    assert density.call_at(-100.0) == 43_100.0


@pytest.mark.parametrize("chance", [0.00135, 0.1, 0.5, 0.9, 0.99865])
def test_a_quantile_has_its_chance_below(chance: float) -> None:
    """The chance below a quantile is the one it was asked for."""
    density = Density(skewed(-0.3, 0.08))
    assert density.cdf_at(density.quantile(chance)) == pytest.approx(chance, abs=1e-9)


def test_without_variance_the_index_ends_at_the_forward() -> None:
    """A smile of no variance is certainty."""
    density = Density(Slice(1.0, 43_000.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    assert (density.call_at(42_000.0), density.call_at(44_000.0)) == (1_000.0, 0.0)
    assert (density.cdf_at(42_999.0), density.cdf_at(43_000.0)) == (0.0, 1.0)
    assert density.call(np.array([42_000.0, 44_000.0])) == pytest.approx([1_000.0, 0.0])
