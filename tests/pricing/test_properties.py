from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.pricing.black76 import greeks, implied_volatility, price
from kit.pricing.engines import using
from kit.pricing.reasons import Reason

FORWARD = st.floats(1_000, 200_000)
DISTANCE = st.floats(-1.0, 1.0)  # ln(K/F)
YEARS = st.floats(2e-6, 3.0)
SIGMA = st.floats(0.001, 5.0)
DISCOUNT = st.floats(0.5, 1.0)
ENGINE = st.sampled_from(["compiled", "numpy"])


@settings(max_examples=150, deadline=None)
@given(ENGINE, FORWARD, DISTANCE, YEARS, SIGMA, DISCOUNT)
def test_put_call_parity(
    engine: str, forward: float, distance: float, years: float, sigma: float, discount: float
) -> None:
    """A call less a put is always the discounted forward less the discounted strike."""
    strike = forward * np.exp(distance)
    with using(engine):
        gap = price(forward, strike, years, sigma, discount, np.array([True, False]))
    assert abs(gap[0] - gap[1] - discount * (forward - strike)) <= 1e-13 * (forward + strike)


@settings(max_examples=150, deadline=None)
@given(ENGINE, FORWARD, DISTANCE, YEARS, SIGMA, DISCOUNT, st.booleans())
def test_price_to_volatility_to_price(
    engine: str,
    forward: float,
    distance: float,
    years: float,
    sigma: float,
    discount: float,
    is_call: bool,
) -> None:
    """A price's volatility gives the price back, or a reason says why there is none."""
    strike = forward * np.exp(distance)
    with using(engine):
        value = price(forward, strike, years, sigma, discount, is_call)
        iv, reason = implied_volatility(value, forward, strike, years, discount, is_call)
        again = price(forward, strike, years, iv, discount, is_call)
        vega = greeks(forward, strike, years, sigma, discount, is_call).vega * 100
    if reason == Reason.OK:
        assert abs(again - value) <= 1e-9 * forward
        assert vega <= 1e-4 * forward or abs(iv - sigma) <= 1e-11
    else:
        assert np.isnan(iv)
        assert vega <= 1e-4 * forward


@settings(max_examples=100, deadline=None)
@given(ENGINE, FORWARD, DISTANCE, YEARS, SIGMA, DISCOUNT, st.booleans())
def test_price_rises_with_volatility_and_stays_between_its_limits(
    engine: str,
    forward: float,
    distance: float,
    years: float,
    sigma: float,
    discount: float,
    is_call: bool,
) -> None:
    """Price never falls as volatility rises, and lies between intrinsic value and the bound."""
    strike = forward * np.exp(distance)
    sigmas = sigma * np.linspace(0.5, 1.5, 33)
    with using(engine):
        values = price(forward, strike, years, sigmas, discount, is_call)
    noise = 1e-15 * (forward + strike)
    assert (np.diff(values) >= -noise).all()
    intrinsic = discount * max(forward - strike if is_call else strike - forward, 0.0)
    assert (values >= intrinsic - noise).all()
    assert (values <= discount * (forward if is_call else strike) + noise).all()


@settings(max_examples=100, deadline=None)
@given(ENGINE, FORWARD, YEARS, SIGMA, DISCOUNT)
def test_calls_fall_and_puts_rise_with_the_strike(
    engine: str, forward: float, years: float, sigma: float, discount: float
) -> None:
    """Along the strikes calls fall, puts rise, and both are convex."""
    strikes = forward * np.linspace(0.5, 1.5, 41)
    with using(engine):
        calls, puts = price(forward, strikes, years, sigma, discount, np.array([[True], [False]]))
    noise = 4e-15 * forward
    assert (np.diff(calls) <= noise).all()
    assert (np.diff(puts) >= -noise).all()
    assert (np.diff(calls, 2) >= -2 * noise).all()


@settings(max_examples=100, deadline=None)
@given(ENGINE, FORWARD, DISTANCE, YEARS, SIGMA, DISCOUNT, st.booleans())
def test_greeks_stay_in_their_ranges(
    engine: str,
    forward: float,
    distance: float,
    years: float,
    sigma: float,
    discount: float,
    is_call: bool,
) -> None:
    """Delta lies within the discount factor, gamma and vega are not negative, rho is -T times price."""
    strike = forward * np.exp(distance)
    with using(engine):
        found = greeks(forward, strike, years, sigma, discount, is_call)
        of_spot = greeks(forward, strike, years, sigma, discount, is_call, delta_of="spot")
        value = price(forward, strike, years, sigma, discount, is_call)
    side = 1 if is_call else -1
    assert 0 <= side * found.delta <= discount
    assert found.gamma >= 0
    assert found.vega >= 0
    assert abs(found.rho + years * value / 100) <= 1e-14 * forward
    assert abs(of_spot.delta * discount - found.delta) <= 1e-15


def test_a_hundred_thousand_odd_markets(each_engine: str) -> None:
    """Any price within its bounds, in any market, has a volatility that gives it back to 1e-13."""
    random = np.random.default_rng(99)
    size = 100_000
    forward = np.exp(random.uniform(-3, 14, size))
    strike = forward * np.exp(random.normal(0, 1, size) * np.exp(random.uniform(-9, 1, size)))
    years = np.exp(random.uniform(np.log(1e-7), np.log(10), size))
    discount = np.exp(-random.uniform(-0.05, 0.2, size) * years)
    is_call = random.random(size) < 0.5
    intrinsic = np.maximum(np.where(is_call, forward - strike, strike - forward), 0)
    share = np.where(random.random(size) < 0.5, random.random(size) ** 8, 1 - random.random(size) ** 8)
    value = discount * (intrinsic + share * np.minimum(forward, strike))
    iv, reason = implied_volatility(value, forward, strike, years, discount, is_call)
    solved = reason == Reason.OK
    assert solved.mean() > 0.95
    again = price(forward, strike, years, iv, discount, is_call)
    assert (np.abs(again - value) / np.maximum(forward, strike) / discount)[solved].max() <= 1e-13
