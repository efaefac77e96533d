from __future__ import annotations

import math

import numpy as np
import pytest

from kit.pricing.black76 import greeks, implied_volatility, iv_and_greeks, price
from kit.pricing.engines import Name
from kit.pricing.reasons import Reason, reason_text

F, K, T, D = 43_000.0, 42_500.0, 0.02, 0.998
NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((NAN, F, K, T, D, True), Reason.MISSING),
        ((700.0, NAN, K, T, D, True), Reason.MISSING),
        ((700.0, F, NAN, T, D, True), Reason.MISSING),
        ((700.0, F, K, NAN, D, True), Reason.MISSING),
        ((700.0, F, K, T, NAN, True), Reason.MISSING),
        ((700.0, INF, K, T, D, True), Reason.MISSING),
        ((700.0, F, INF, T, D, False), Reason.MISSING),
        ((700.0, F, K, INF, D, True), Reason.MISSING),
        ((700.0, F, K, T, INF, True), Reason.MISSING),
        ((700.0, -F, K, T, D, True), Reason.MISSING),
        ((700.0, F, 0.0, T, D, True), Reason.MISSING),
        ((700.0, F, K, T, 0.0, True), Reason.MISSING),
        ((700.0, F, K, 0.0, D, True), Reason.EXPIRED),
        ((700.0, F, K, -0.01, D, True), Reason.EXPIRED),
        ((498.0, F, K, T, D, True), Reason.BELOW_INTRINSIC),
        ((0.0, F, K, T, D, True), Reason.BELOW_INTRINSIC),
        ((-1.0, F, K, T, D, False), Reason.BELOW_INTRINSIC),
        ((-INF, F, K, T, D, False), Reason.BELOW_INTRINSIC),
        ((0.0, F, K, T, D, False), Reason.NO_TIME_VALUE),
        ((D * 500.0, F, K, T, D, True), Reason.NO_TIME_VALUE),
        ((D * F, F, K, T, D, True), Reason.ABOVE_BOUND),
        ((D * K, F, K, T, D, False), Reason.ABOVE_BOUND),
        ((INF, F, K, T, D, True), Reason.ABOVE_BOUND),
        ((700.0, F, K, T, D, True), Reason.OK),
        ((1e-300, F, K, T, D, False), Reason.OK),
        ((5e-324, F, K, T, D, False), Reason.OK),
        ((D * K * (1 - 1e-12), F, K, T, D, False), Reason.OK),
    ],
)
def test_every_price_has_a_volatility_or_a_reason(
    each_engine: Name, arguments: tuple[float, ...], reason: Reason
) -> None:
    """Any input gives a volatility, or NaN everywhere with the reason that fits."""
    found = iv_and_greeks(*arguments)
    assert Reason(found.reason) is reason
    assert np.isfinite(found[:6]).all() if reason is Reason.OK else np.isnan(found[:6]).all()


def test_no_combination_of_odd_numbers_raises(each_engine: Name) -> None:
    """Every combination of special numbers passes through without an exception, finite where it is OK."""
    odd = np.array([NAN, INF, -INF, -1.0, 0.0, 5e-324, 1e-300, 1e-8, 1.0, 43_000.0, 1e300])
    prices, forward, strike, years = np.meshgrid(odd, odd, odd, odd)
    for discount in (NAN, 0.0, -1.0, 0.5, 1.0, 2.0):
        for is_call in (True, False):
            iv, reason = implied_volatility(prices, forward, strike, years, discount, is_call)
            assert np.array_equal(np.isfinite(iv), reason == Reason.OK)
            price(forward, strike, years, prices, discount, is_call)
            greeks(forward, strike, years, prices, discount, is_call)


def test_engines_agree_on_odd_numbers() -> None:
    """Both engines give every odd input the same reason and the same NaN pattern."""
    from kit.pricing.engines import using

    odd = np.array([NAN, INF, -1.0, 0.0, 1e-300, 1e-8, 0.05, 500.0, 43_000.0, 1e300])
    prices, forward, strike, years = np.meshgrid(odd, odd, odd, odd)
    answers = []
    for name in ("compiled", "numpy"):
        with using(name):
            answers.append(
                (
                    implied_volatility(prices, forward, strike, years, 0.99, True),
                    price(forward, strike, years, prices, 0.99, False),
                )
            )
    (ours, our_price), (theirs, their_price) = answers
    assert np.array_equal(ours.reason, theirs.reason)
    assert np.array_equal(np.isnan(our_price), np.isnan(their_price))


def test_an_expired_option_is_worth_its_intrinsic_value(each_engine: Name) -> None:
    """At and after expiry the price is intrinsic, delta a step, and nothing else moves."""
    for years in (0.0, -0.1):
        assert price(F, K, years, 0.2, 1.0, True) == F - K
        assert price(F, K, years, 0.2, 1.0, False) == 0.0
        call = greeks(F, K, years, 0.2, 1.0, True)
        assert (call.delta, call.gamma, call.theta, call.vega) == (1.0, 0.0, 0.0, 0.0)
        assert call.rho == 0.0


def test_no_volatility_is_worth_discounted_intrinsic_value(each_engine: Name) -> None:
    """At zero volatility the price is discounted intrinsic value; negative volatility is NaN."""
    assert price(F, K, T, 0.0, D, True) == pytest.approx(D * (F - K), rel=1e-15)
    assert price(F, K, T, 0.0, D, False) == 0.0
    assert np.isnan(price(F, K, T, -0.1, D, True))


def test_boundless_volatility_is_worth_the_bound(each_engine: Name) -> None:
    """At a huge volatility a call is worth the discounted forward, a put the discounted strike."""
    assert price(F, K, 1.0, 100.0, D, True) == pytest.approx(D * F, rel=1e-15)
    assert price(F, K, 1.0, 100.0, D, False) == pytest.approx(D * K, rel=1e-15)


def test_shapes_and_types_in_and_out(each_engine: Name) -> None:
    """Arguments broadcast; float32, integers, frozen and strided arrays come out as float64, 0-d as 0-d."""
    strikes = np.arange(40_000, 46_000, 100)
    grid = price(F, strikes[:, None], np.array([0.01, 0.1, 1.0], np.float32), 0.2, D, True)
    assert grid.shape == (60, 3)
    assert grid.dtype == np.float64
    frozen = np.array(strikes, np.float64)
    frozen.flags.writeable = False
    strided = np.repeat(strikes.astype(np.float64), 2)[::2]
    assert np.array_equal(price(F, frozen, 0.1, 0.2, D, True), price(F, strided, 0.1, 0.2, D, True))
    single = implied_volatility(np.float32(700), 43_000, 42_500, 0.02, D, np.True_)
    assert isinstance(single.iv, np.float64)
    assert single.iv.shape == ()
    assert implied_volatility([], F, K, T, D, True).iv.shape == (0,)
    assert greeks(F, strikes, T, 0.2, D, strikes > F).delta.shape == (60,)


def test_every_block_edge_gives_the_same_numbers(each_engine: Name) -> None:
    """A chain of any length gives each option the number it has alone."""
    strikes = np.linspace(38_000, 48_000, 300)
    values = price(F, strikes, T, 0.2, D, strikes > F)
    whole = iv_and_greeks(values, F, strikes, T, D, strikes > F)
    for size in (1, 7, 127, 128, 129, 255, 256, 257):
        part = iv_and_greeks(values[:size], F, strikes[:size], T, D, strikes[:size] > F)
        np.testing.assert_allclose(part.iv, whole.iv[:size], rtol=1e-13)
        np.testing.assert_allclose(part.theta, whole.theta[:size], rtol=1e-11)


def test_reasons_read_as_the_words_of_the_chain_column() -> None:
    """Codes become the lower-case words that a chain table holds."""
    words = reason_text(np.arange(6, dtype=np.int8)).tolist()
    assert words == ["ok", "missing", "below_intrinsic", "no_time_value", "above_bound", "expired"]


@pytest.mark.parametrize(("years", "sigma"), [(0.0, 0.2), (-0.1, 0.2), (0.02, 0.0), (0.0, 0.0)])
def test_gamma_on_the_forward_is_nan_where_delta_jumps(each_engine: Name, years: float, sigma: float) -> None:
    """Without time or volatility gamma is 0 beside the forward and NaN on it, never a huge number."""
    found = greeks(F, np.array([F, F + 1e-9, K]), years, sigma, D, True)
    np.testing.assert_equal(found.gamma, [NAN, 0.0, 0.0])
    assert np.isfinite(found.delta).all()
