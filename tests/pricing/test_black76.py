from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest

from kit.pricing.black76 import greeks, implied_volatility, iv_and_greeks, price
from kit.pricing.engines import Name
from kit.pricing.reasons import Reason

Grid = Any  # built by the fixture of this room


@pytest.mark.parametrize(
    ("forward", "strike", "years", "sigma", "rate", "is_call", "published", "digits"),
    [
        (
            20.0,
            20.0,
            4 / 12,
            0.25,
            0.09,
            False,
            1.12,
            2,
        ),  # Hull, Options, Futures, chapter on futures options
        (19.0, 19.0, 0.75, 0.28, 0.10, True, 1.7011, 4),  # Haug, Complete Guide, Black-76
        (19.0, 19.0, 0.75, 0.28, 0.10, False, 1.7011, 4),
        (42 * np.exp(0.05), 40.0, 0.5, 0.20, 0.10, True, 4.76, 2),  # Hull, Black-Scholes-Merton example
        (42 * np.exp(0.05), 40.0, 0.5, 0.20, 0.10, False, 0.81, 2),
    ],
)
def test_published_prices(
    each_engine: Name,
    forward: float,
    strike: float,
    years: float,
    sigma: float,
    rate: float,
    is_call: bool,
    published: float,
    digits: int,
) -> None:
    """The prices that textbooks print come out to the last printed digit."""
    discount = np.exp(-rate * years)
    value = price(forward, strike, years, sigma, discount, is_call)
    assert round(float(value), digits) == published
    assert implied_volatility(value, forward, strike, years, discount, is_call).iv == pytest.approx(sigma)


def test_published_greeks(each_engine: Name) -> None:
    """Hull's delta 0.522, gamma 0.066 and vega 12.1 of the spot come out, in the units stated."""
    years, rate = 0.3846, 0.05
    discount = np.exp(-rate * years)
    found = greeks(49 / discount, 50.0, years, 0.20, discount, True, delta_of="spot")
    assert round(float(found.delta), 3) == 0.522
    assert round(float(found.gamma / discount**2), 3) == 0.066  # of the forward, so twice through dF/dS
    assert round(float(found.vega * 100), 1) == 12.1


def test_price_on_the_hard_grid(each_engine: Name, grid: Grid) -> None:
    """Prices equal 50-digit arithmetic to 1e-14 of the forward, small ones to 1e-8 of themselves."""
    assert grid.price.size > 100_000
    error = np.abs(price(*grid.inputs) - grid.price)
    assert (error / grid.forward).max() <= 1e-14
    out = grid.is_call == (grid.strike >= grid.forward)
    held = out & (grid.price > 1e-250 * grid.forward)
    assert (error[held] / grid.price[held]).max() <= 1e-8


def test_the_exact_answers_are_the_derivatives_of_the_price(grid: Grid, judges: Any) -> None:
    """The closed forms that judge the Greeks equal central differences of the 60-digit price."""
    forward, strike, years, sigma, _, call = grid.inputs
    out = call == (strike >= forward)  # parity gives the other side
    closed_forms, differences = judges
    rows = np.flatnonzero(out & (grid.price > 1e-250 * forward))[::120]
    assert rows.size > 350
    with mp.workdps(60):
        for row in rows.tolist():
            market = [float(part[row]) for part in (forward, strike, years, sigma)]
            pairs = zip(differences(*market, call[row]), closed_forms(*market, call[row]), strict=True)
            assert all(abs(difference - closed) <= 1e-12 * abs(closed) for difference, closed in pairs), row


def test_greeks_on_the_hard_grid(each_engine: Name, grid: Grid) -> None:
    """Greeks equal 50-digit arithmetic to 1e-12 of the size they naturally have."""
    found = greeks(*grid.inputs)
    forward, root = grid.forward, np.sqrt(grid.t_years)
    money = grid.discount * forward
    sizes = {
        "delta": (found.delta, grid.delta, grid.discount),
        "gamma": (found.gamma, grid.gamma, grid.discount / (forward * grid.sigma * root)),
        "vega": (found.vega * 100, grid.vega, money * root),
        "theta": (
            found.theta * 365,
            grid.theta,
            money * grid.sigma / root - np.log(grid.discount) / grid.t_years * forward,
        ),
        "rho": (found.rho * 100, grid.rho, grid.t_years * np.maximum(grid.price, forward)),
    }
    worst = {name: float((np.abs(ours - exact) / size).max()) for name, (ours, exact, size) in sizes.items()}
    assert max(worst.values()) <= 1e-12, worst


def test_volatility_on_the_hard_grid(each_engine: Name, grid: Grid) -> None:
    """Volatility is right to 1e-11 wherever a rupee of price can tell, and reprices to 1e-9 everywhere."""
    f, k, t, sigma, discount, call = grid.inputs
    found = implied_volatility(grid.price, f, k, t, discount, call)
    telling = grid.vega > 1e-4 * f
    assert telling.sum() > 40_000
    assert (found.reason[telling] == Reason.OK).all()
    assert np.abs(found.iv - sigma)[telling].max() <= 1e-11
    solved = found.reason == Reason.OK
    again = price(f, k, t, found.iv, discount, call)
    assert (np.abs(again - grid.price)[solved] / f[solved]).max() <= 1e-9
    assert np.isnan(found.iv[~solved]).all()


def test_out_of_the_money_volatility_needs_no_vega(each_engine: Name, grid: Grid) -> None:
    """An out-of-the-money price as small as 1e-250 of the forward still gives its volatility to 1e-11."""
    f, k, t, sigma, discount, call = grid.inputs
    tiny = (call == (k > f)) & (grid.price > 1e-250 * f) & (grid.price < 0.01 * f) & (sigma * np.sqrt(t) < 1)
    assert tiny.sum() > 10_000
    found = implied_volatility(grid.price[tiny], f[tiny], k[tiny], t[tiny], discount[tiny], call[tiny])
    assert np.abs(found.iv - sigma[tiny]).max() <= 1e-11


def test_fused_call_equals_its_parts(each_engine: Name, grid: Grid) -> None:
    """The fused call gives what volatility and Greeks give one after the other."""
    f, k, t, _, discount, call = (part[::37] for part in grid.inputs)
    fused = iv_and_greeks(grid.price[::37], f, k, t, discount, call)
    iv, reason = implied_volatility(grid.price[::37], f, k, t, discount, call)
    parts = greeks(f, k, t, iv, discount, call)
    assert np.array_equal(fused.reason, reason)
    assert np.array_equal(fused.iv, iv, equal_nan=True)
    solved = reason == Reason.OK
    scale = np.maximum(np.abs(parts.delta[solved]), 1e-3)
    assert (np.abs(fused.delta - parts.delta)[solved] / scale).max() <= 1e-11
    np.testing.assert_allclose(fused.vega[solved], parts.vega[solved], rtol=1e-11, atol=1e-250)
    np.testing.assert_allclose(fused.gamma[solved], parts.gamma[solved], rtol=1e-11, atol=1e-250)
