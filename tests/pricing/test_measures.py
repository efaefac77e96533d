from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kit.errors import DataError, SettingsError
from kit.pricing.black76 import greeks, price
from kit.pricing.measures import (
    butterfly,
    chain_variance,
    delta_strike,
    expected_move,
    iv_percentile,
    iv_rank,
    risk_reversal,
    volatility_index,
)
from kit.pricing.smile import Slice

FORWARD, YEARS = 43_000.0, 30 / 365
SMILE = Slice(YEARS, FORWARD, a=0.0008, b=0.015, rho=-0.4, m=0.0, sigma=0.05)
FLAT = Slice(YEARS, FORWARD, a=0.04 * YEARS, b=0.0, rho=0.0, m=0.0, sigma=1.0)


@pytest.mark.parametrize("delta", [0.1, 0.25, 0.5, -0.25, -0.1])
def test_a_delta_strike_has_that_delta(delta: float) -> None:
    """The strike found has the delta asked for at its own volatility."""
    strike = delta_strike(SMILE, delta)
    found = greeks(FORWARD, strike, YEARS, SMILE.iv(strike), 1.0, delta > 0).delta
    assert found == pytest.approx(delta, abs=1e-10)


@pytest.mark.parametrize("delta", [25, -25, 0, 1, -1, 2, 0.0, "0.25", None])
def test_a_delta_that_no_option_has_is_refused(delta: Any) -> None:
    """A delta typed in per cent, as a text, or beyond its range, raises and says how to write it."""
    for measure in (delta_strike, risk_reversal, butterfly):
        with pytest.raises((SettingsError, DataError), match=r"0\.25|a number"):
            measure(SMILE, delta)


def test_a_delta_far_out_is_found_or_nan() -> None:
    """Beyond a log-moneyness of 2 the strike still has its delta, and NaN stays NaN."""
    wide = Slice(3.0, FORWARD, a=25.0 * 3.0, b=0.0, rho=0.0, m=0.0, sigma=1.0)  # 500 % for three years
    strike = delta_strike(wide, -0.25)
    assert np.log(strike / FORWARD) > 2
    assert greeks(FORWARD, strike, 3.0, 5.0, 1.0, False).delta == pytest.approx(-0.25, abs=1e-10)
    assert np.isnan(delta_strike(SMILE, float("nan")))
    assert np.isnan(risk_reversal(SMILE, float("nan")))


def test_a_flat_smile_has_neither_tilt_nor_wings() -> None:
    """Without a smile, risk reversal and butterfly are zero; with an index's smile calls are cheaper."""
    assert risk_reversal(FLAT) == pytest.approx(0.0, abs=1e-14)
    assert butterfly(FLAT) == pytest.approx(0.0, abs=1e-14)
    assert risk_reversal(SMILE) < 0 < butterfly(SMILE)


def test_expected_move_is_one_deviation() -> None:
    """At 20 % and a quarter of a year the expected move is a tenth of the forward; after expiry NaN."""
    assert expected_move(43_000.0, 0.2, 0.25) == pytest.approx(4_300.0)
    moves = expected_move(43_000.0, [0.2, 0.4], np.array([0.25, 0.0]))
    np.testing.assert_allclose(moves, [4_300.0, np.nan])


def test_rank_and_percentile_follow_their_definitions() -> None:
    """Rank is the place between lowest and highest, percentile the share of days below."""
    history = [0.10, 0.12, np.nan, 0.14, 0.30]
    assert iv_rank(0.15, history) == pytest.approx(0.25)
    assert iv_percentile(0.15, history) == pytest.approx(0.75)
    assert iv_rank(0.35, history) > 1
    assert np.isnan(iv_rank(0.15, [0.1, 0.1]))
    assert np.isnan(iv_rank(0.15, []))
    assert np.isnan(iv_percentile(0.15, []))
    assert np.isnan(iv_percentile(float("nan"), history))


def test_chain_variance_of_a_flat_smile_is_its_variance() -> None:
    """Priced at one volatility, all options together give that volatility back."""
    strikes = np.arange(25_000.0, 70_000.0, 100.0)
    call, put = price(FORWARD, strikes, YEARS, 0.2, 0.995, np.array([[True], [False]]))
    found = chain_variance(strikes, call, put, FORWARD, 0.995, YEARS)
    assert np.sqrt(found) == pytest.approx(0.2, abs=2e-4)


def test_chain_variance_stops_at_two_missing_strikes() -> None:
    """One missing strike is bridged; beyond two in a row nothing counts."""
    strikes = np.arange(38_000.0, 48_100.0, 100.0)
    call, put = price(FORWARD, strikes, YEARS, 0.2, 1.0, np.array([[True], [False]]))
    full = chain_variance(strikes, call, put, FORWARD, 1.0, YEARS)
    one = call.copy()
    one[strikes == 44_000] = np.nan
    assert chain_variance(strikes, one, put, FORWARD, 1.0, YEARS) == pytest.approx(full, rel=1e-3)
    two = call.copy()
    two[(strikes == 46_000) | (strikes == 46_100)] = np.nan
    kept = strikes < 46_000
    short = chain_variance(strikes[kept], call[kept], put[kept], FORWARD, 1.0, YEARS)
    assert chain_variance(strikes, two, put, FORWARD, 1.0, YEARS) == pytest.approx(short, rel=1e-12)
    low = put.copy()
    low[(strikes == 40_000) | (strikes == 40_100)] = np.nan
    kept = strikes > 40_100
    short = chain_variance(strikes[kept], call[kept], put[kept], FORWARD, 1.0, YEARS)
    assert chain_variance(strikes, call, low, FORWARD, 1.0, YEARS) == pytest.approx(short, rel=1e-12)


def test_chain_variance_of_half_a_smile_is_nan() -> None:
    """Prices that do not reach one deviation on either side give no variance instead of a low one."""
    strikes = np.arange(38_000.0, 48_100.0, 100.0)  # a deviation of 20 % in a month is 2,466 rupees
    call, put = price(FORWARD, strikes, YEARS, 0.2, 1.0, np.array([[True], [False]]))
    for low, high, known in ((38_000, 48_000, True), (41_000, 48_000, False), (38_000, 45_000, False)):
        cut = (strikes >= low) & (strikes <= high)
        assert np.isfinite(chain_variance(strikes[cut], call[cut], put[cut], FORWARD, 1.0, YEARS)) == known


def test_chain_variance_needs_strikes_on_both_sides() -> None:
    """With one side of the chain, or after expiry, it is NaN."""
    strikes = np.arange(44_000.0, 46_000.0, 100.0)
    ones = np.ones_like(strikes)
    assert np.isnan(chain_variance(strikes, ones, ones, FORWARD, 1.0, YEARS))
    around = np.arange(42_000.0, 44_000.0, 100.0)
    assert np.isnan(chain_variance(around, around, around, FORWARD, 1.0, 0.0))


def test_the_index_is_linear_in_total_variance() -> None:
    """Between two expiries the 30-day volatility follows total variance; outside it stands still."""
    years = np.array([20, 40]) / 365
    index = volatility_index([0.04, 0.09], years)
    assert index**2 * 30 / 365 == pytest.approx((0.04 * years[0] + 0.09 * years[1]) / 2)
    assert volatility_index([0.04, 0.09], years, days=7) == pytest.approx(0.2)
    assert volatility_index([0.04, 0.09], years, days=90) == pytest.approx(0.3)
    assert volatility_index([0.04, np.nan], years) == pytest.approx(0.2)
    assert np.isnan(volatility_index([np.nan], [0.1]))
