from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.chains.readers import read_chain
from kit.clock import IST, years_to_expiry
from kit.errors import DataError, SettingsError
from kit.pricing.black76 import price
from kit.pricing.smile import Slice
from kit.pricing.smile_fit import fit_slice
from kit.pricing.surface import Surface, fit_snapshot, fit_surface

FORWARD, YEARS = 43_000.0, 0.05
STRIKES = np.arange(38_000.0, 48_100.0, 200.0)
KNOWN = Slice(YEARS, FORWARD, a=0.0004, b=0.012, rho=-0.35, m=0.01, sigma=0.04)


def test_a_known_smile_is_found_again() -> None:
    """From its own volatilities a curve comes back to a hundredth of a point."""
    found = fit_slice(STRIKES, KNOWN.iv(STRIKES), FORWARD, YEARS)
    assert np.abs(found.iv(STRIKES) - KNOWN.iv(STRIKES)).max() < 1e-4
    assert found.fit_error < 1e-4
    assert found.outliers == ()


@pytest.mark.parametrize("years", [0.002, 0.02, 0.06, 0.3, 1.0])
def test_a_flat_smile_is_fitted(years: float) -> None:
    """One volatility at every strike gives that volatility, however many strikes there are."""
    for step in (100.0, 200.0, 400.0):
        strikes = np.arange(42_000.0, 44_600.0, step)
        for level in (0.05, 0.14, 0.6):
            found = fit_slice(strikes, np.full(strikes.size, level), 43_322.0, years)
            np.testing.assert_allclose(found.iv(strikes), level, atol=1e-6)


def test_outliers_are_flagged_and_do_not_bend_the_curve() -> None:
    """Three absurd quotes are named by their strikes, and the fit error speaks of the others."""
    quoted = np.array(KNOWN.iv(STRIKES))
    for row, error in ((10, 0.08), (25, -0.03), (40, 0.2)):
        quoted[row] += error
    found = fit_slice(STRIKES, quoted, FORWARD, YEARS)
    assert found.outliers == (STRIKES[10], STRIKES[25], STRIKES[40])
    assert np.abs(found.iv(FORWARD) - KNOWN.iv(FORWARD)) < 0.001
    assert found.fit_error < 0.002


def test_uncertain_quotes_count_less() -> None:
    """A wing with wide spreads gives way to the tight quotes near the money."""
    quoted, error = np.array(KNOWN.iv(STRIKES)), np.full(STRIKES.size, 1e-4)
    quoted[40:], error[40:] = quoted[40:] + 0.05, 0.10
    found = fit_slice(STRIKES, quoted, FORWARD, YEARS, iv_error=error)
    assert np.abs(found.iv(STRIKES[15:35]) - KNOWN.iv(STRIKES[15:35])).max() < 0.003


def test_what_is_no_volatility_is_left_out() -> None:
    """Infinite, missing and negative volatilities, and a strike of zero, change nothing."""
    good = KNOWN.iv(STRIKES)
    strikes = np.concatenate([STRIKES, [0.0, np.inf, 43_050.0, 43_060.0, 43_070.0]])
    quoted = np.concatenate([good, [0.15, 0.15, np.inf, np.nan, -0.1]])
    assert fit_slice(strikes, quoted, FORWARD, YEARS) == fit_slice(STRIKES, good, FORWARD, YEARS)
    with pytest.raises(DataError, match="forward"):
        fit_slice(STRIKES, good, float("nan"), YEARS)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.002, 1.0), st.floats(0.0, 0.05))
@example(9323, 0.9296875, 0.029824052409248132)  # negative between two points that were looked at
def test_no_fit_can_be_arbitraged_with_a_butterfly(seed: int, years: float, noise: float) -> None:
    """Whatever the quotes, the implied density is nowhere negative, so calls are convex in the strike."""
    random = np.random.default_rng(seed)
    k = np.sort(random.uniform(-4, 4, 25)) * 0.15 * np.sqrt(years)
    quoted = np.maximum(0.15 - 0.1 * k + random.uniform(0, 3) * k**2 + random.normal(0, noise, k.size), 0.02)
    found = fit_slice(FORWARD * np.exp(k), quoted, FORWARD, years)
    near = np.linspace(2 * k[0], 2 * k[-1], 401)
    assert (found.total_variance(near) > 0).all()
    assert (found.density_sign(near) >= -1e-9).all()
    strikes = np.linspace(FORWARD * np.exp(2 * k[0]), FORWARD * np.exp(2 * k[-1]), 301)
    calls = price(FORWARD, strikes, years, found.iv(strikes), 1.0, True)
    assert (np.diff(calls, 2) >= -1e-7).all()


def test_too_few_volatilities_are_an_error_that_says_so() -> None:
    """Five volatilities, or no time, raise with the number found."""
    with pytest.raises(DataError, match="six volatilities"):
        fit_slice(STRIKES[:5], KNOWN.iv(STRIKES[:5]), FORWARD, YEARS)
    with pytest.raises(DataError, match="time to expiry"):
        fit_slice(STRIKES, KNOWN.iv(STRIKES), FORWARD, 0.0)


def test_one_uncertainty_stands_for_all_strikes() -> None:
    """A scalar is the uncertainty of each volatility; a column of another length is refused by name."""
    quoted = KNOWN.iv(STRIKES)
    whole = fit_slice(STRIKES, quoted, FORWARD, YEARS, iv_error=np.full(STRIKES.size, 0.002))
    assert fit_slice(STRIKES, quoted, FORWARD, YEARS, iv_error=0.002) == whole
    with pytest.raises(DataError, match="iv_error"):
        fit_slice(STRIKES, quoted, FORWARD, YEARS, iv_error=[0.002, 0.003])
    with pytest.raises(DataError, match="column iv "):
        fit_slice(STRIKES, quoted[:-1], FORWARD, YEARS)


def test_skew_is_the_slope_at_the_forward() -> None:
    """The stated skew equals a difference quotient of the volatility in log-moneyness."""
    up, down = KNOWN.iv(FORWARD * np.exp(np.array([1e-5, -1e-5])))
    assert KNOWN.skew == pytest.approx((up - down) / 2e-5, rel=1e-6)
    assert KNOWN.atm_iv == pytest.approx(KNOWN.iv(FORWARD), rel=1e-14)


def surface() -> Surface:
    """Two expiries a month apart."""
    taken = datetime(2026, 9, 1, 11, 0, tzinfo=IST)
    days = (date(2026, 9, 29), date(2026, 10, 27))
    years = [
        ((datetime(d.year, d.month, d.day, 15, 40, tzinfo=IST) - taken) / timedelta(days=365)) for d in days
    ]
    near = Slice(years[0], 43_100.0, a=0.001, b=0.02, rho=-0.3, m=0.0, sigma=0.05)
    far = Slice(years[1], 43_300.0, a=0.003, b=0.03, rho=-0.3, m=0.0, sigma=0.08)
    return Surface(taken, days, (near, far))


@pytest.mark.parametrize(
    ("day", "session_before"),
    [
        (date(2026, 9, 26), date(2026, 9, 25)),  # a Saturday
        (date(2026, 10, 2), date(2026, 10, 1)),  # a holiday
        (pd.Timestamp("2026-10-02"), date(2026, 10, 1)),
        (datetime(2026, 10, 2, 9, 15), date(2026, 10, 1)),
        (np.datetime64("2026-10-02"), date(2026, 10, 1)),
        (np.datetime64("2026-10-02T00:00:00", "ns"), date(2026, 10, 1)),
        ("2026-10-02", date(2026, 10, 1)),
        ("02-Oct-2026", date(2026, 10, 1)),
    ],
)
def test_any_day_in_any_form_has_a_volatility(day: Any, session_before: date) -> None:
    """A day without a session counts as the session before it, however the day is written."""
    both = surface()
    assert both.iv(43_000.0, day) == both.iv(43_000.0, session_before)
    assert both.forward(day) == both.forward(session_before)


def test_a_word_that_is_no_day_is_refused() -> None:
    """A text that is no date raises the kit's own error; a strike of zero has no volatility."""
    with pytest.raises(DataError, match="next month"):
        surface().iv(43_000.0, "next month")
    for none in (pd.NaT, np.datetime64("NaT", "ns")):
        with pytest.raises(DataError, match="NaT"):
            surface().iv(43_000.0, none)
    assert np.isnan(surface().iv([0.0, -1.0], 0.1)).all()
    assert np.isnan(KNOWN.iv(0.0))


def test_a_surface_in_trading_time_has_the_same_total_variance(make_chain: Any) -> None:
    """In trading time the years differ and the deviations do not; an unknown convention is refused."""
    chain = make_chain(days=3.18)  # from Friday 11:15 to Monday's close
    calendar, trading = (fit_surface([chain], convention) for convention in ("calendar", "trading"))
    assert trading.slices[0].t_years == years_to_expiry(chain.taken_at, chain.expiry, "trading")
    assert trading.slices[0].t_years < 0.8 * calendar.slices[0].t_years
    k = np.array([-0.02, 0.0, 0.02])
    np.testing.assert_array_equal(trading.slices[0].total_variance(k), calendar.slices[0].total_variance(k))
    assert trading.iv(55_000.0, chain.expiry) == pytest.approx(trading.slices[0].iv(55_000.0), rel=1e-9)
    with pytest.raises(SettingsError, match="trading"):
        fit_surface([chain], "Trading")  # type: ignore[arg-type]


def test_every_slice_keeps_its_total_variance_in_trading_time(shared_data: Path) -> None:
    """On a real chain the deviations of no expiry change with the years, far from the money included."""
    chains = read_chain(shared_data / "chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz")
    calendar, trading = (fit_surface(chains, convention) for convention in ("calendar", "trading"))
    assert calendar.expiries == trading.expiries
    k = np.linspace(-0.1, 0.1, 21)
    for ours, theirs in zip(calendar.slices, trading.slices, strict=True):
        np.testing.assert_array_equal(ours.total_variance(k), theirs.total_variance(k))
        scale = np.sqrt(ours.t_years / theirs.t_years)
        assert theirs.fit_error == pytest.approx(ours.fit_error * scale, nan_ok=True)
        assert theirs.atm_iv == pytest.approx(ours.atm_iv * scale)


def test_total_variance_is_linear_between_expiries() -> None:
    """Halfway between two expiries the total variance is halfway, at equal log-moneyness."""
    both = surface()
    near, far = both.slices
    middle = (near.t_years + far.t_years) / 2
    k = np.array([-0.1, 0.0, 0.07])
    strikes = both.forward(middle) * np.exp(k)
    expected = (near.total_variance(k) + far.total_variance(k)) / 2
    np.testing.assert_allclose(both.iv(strikes, middle) ** 2 * middle, expected, rtol=1e-12)
    assert both.forward(middle) == pytest.approx(np.sqrt(43_100.0 * 43_300.0))


def test_listed_expiries_give_their_own_slice() -> None:
    """On a listed expiry the surface is the slice; before the first and after the last it stands still."""
    both = surface()
    near, far = both.slices
    assert both.iv(43_000.0, both.expiries[0]) == pytest.approx(near.iv(43_000.0), rel=1e-9)
    assert both.iv(43_000.0, both.expiries[1]) == pytest.approx(far.iv(43_000.0), rel=1e-9)
    assert both.iv(43_100.0, near.t_years / 2) == pytest.approx(near.atm_iv)
    assert both.iv(43_300.0, 2 * far.t_years) == pytest.approx(far.atm_iv)
    assert np.isnan(both.iv(43_000.0, 0.0))


def test_a_calendar_that_crosses_is_reported() -> None:
    """The gap of total variance is positive for a sound pair, negative where the far expiry is cheaper."""
    both = surface()
    assert (both.calendar_gap() > 0).all()
    near, far = both.slices
    cheap = Slice(far.t_years, far.forward, a=0.0001, b=0.001, rho=-0.3, m=0.0, sigma=0.05)
    assert (Surface(both.taken_at, both.expiries, (near, cheap)).calendar_gap() < 0).all()


def test_a_snapshot_gives_the_smile_it_was_made_from(make_chain: Any) -> None:
    """A chain built on a known smile is fitted to a fifth of a point around the money."""
    chain = make_chain(atm_iv=0.14, skew=-0.4, days=14.0)
    found = fit_snapshot(chain)
    assert found.atm_iv == pytest.approx(0.14, abs=0.002)
    assert found.skew == pytest.approx(-0.4 * 0.14, abs=0.03)
    assert found.fit_error < 0.002
    assert fit_surface([chain]).iv(chain.forward, chain.t_years) == pytest.approx(found.atm_iv)


def test_a_surface_without_quotes_is_an_error(make_chain: Any) -> None:
    """When no chain has a volatility the error counts the chains."""
    chain = make_chain()
    with pytest.raises(DataError, match="No expiry"):
        fit_surface([replace(chain, frame=chain.table.assign(iv=np.nan))])
