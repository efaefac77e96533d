"""Published libraries as referees on a part of the hard grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kit.pricing.black76 import greeks, implied_volatility, price

Grid = Any  # built by the fixture of this room


def test_quantlib_prices_the_same(grid: Grid) -> None:
    """QuantLib's Black formula gives the same price on the whole grid to 1e-13 of the forward."""
    ql = pytest.importorskip("QuantLib")
    f, k, t, sigma, discount, call = (part.tolist() for part in grid.inputs)
    sides = {True: ql.Option.Call, False: ql.Option.Put}
    theirs = np.array(
        [
            ql.blackFormula(sides[c], strike, forward, vol * years**0.5, df)
            for forward, strike, years, vol, df, c in zip(f, k, t, sigma, discount, call, strict=True)
        ]
    )
    assert (np.abs(price(*grid.inputs) - theirs) / grid.forward).max() <= 1e-13


def test_quantlib_implies_the_same_volatility(grid: Grid) -> None:
    """QuantLib's solver agrees to its own accuracy where the price is worth a tick or more."""
    ql = pytest.importorskip("QuantLib")
    telling = (grid.vega > 1e-3 * grid.forward) & (grid.sigma * np.sqrt(grid.t_years) < 1.5)
    rows = np.flatnonzero(telling)[::7]
    assert rows.size > 3_000
    f, k, t, sigma, discount, call = (part[rows] for part in grid.inputs)
    ours = implied_volatility(grid.price[rows], f, k, t, discount, call).iv
    sides = {True: ql.Option.Call, False: ql.Option.Put}
    for at, row in enumerate(rows.tolist()):
        deviation = ql.blackFormulaImpliedStdDev(
            sides[bool(call[at])],
            k[at],
            f[at],
            grid.price[row],
            discount[at],
            0.0,
            sigma[at] * t[at] ** 0.5,
            1e-12,
        )
        assert ours[at] == pytest.approx(deviation / t[at] ** 0.5, abs=2e-9)


def test_quantlib_gives_zero_for_a_tiny_price_and_we_do_not() -> None:
    """A price of 1e-49 has a volatility, though QuantLib answers zero."""
    ql = pytest.importorskip("QuantLib")
    tiny = float(price(100.0, 300.0, 0.25, 0.15, 1.0, True))
    assert 0 < tiny < 1e-40
    assert ql.blackFormulaImpliedStdDev(ql.Option.Call, 300.0, 100.0, tiny) == 0.0
    assert implied_volatility(tiny, 100.0, 300.0, 0.25, 1.0, True).iv == pytest.approx(0.15, abs=1e-12)


def test_vollib_implies_the_same_volatility(grid: Grid) -> None:
    """Let's Be Rational agrees to 1e-11 wherever vega is not negligible."""
    vollib = pytest.importorskip("vollib.black.implied_volatility")
    rows = np.flatnonzero((grid.vega > 1e-4 * grid.forward) & (grid.discount == 1.0))[::5]
    assert rows.size > 2_000
    f, k, t, _, discount, call = (part[rows] for part in grid.inputs)
    ours = implied_volatility(grid.price[rows], f, k, t, discount, call).iv
    theirs = np.array(
        [
            vollib.implied_volatility(grid.price[row], forward, strike, 0.0, years, "c" if is_call else "p")
            for row, forward, strike, years, is_call in zip(rows, f, k, t, call, strict=True)
        ]
    )
    assert np.abs(ours - theirs).max() <= 2e-11


def test_vollib_gives_the_same_greeks(grid: Grid) -> None:
    """Vollib's Black Greeks agree, its rho of -T times the price included."""
    analytical = pytest.importorskip("vollib.black.greeks.analytical")
    rows = np.flatnonzero(grid.discount < 1.0)[::41]
    f, k, t, sigma, discount, call = (part[rows] for part in grid.inputs)
    ours = greeks(f, k, t, sigma, discount, call)
    rate = -np.log(discount) / t
    scales = {
        "delta": np.ones_like(f),
        "gamma": 1 / (f * sigma * np.sqrt(t)),
        "theta": f * sigma / np.sqrt(t) / 365 + rate * f / 365,
        "vega": f * np.sqrt(t) / 100,
        "rho": t * np.maximum(f, k) / 100,
    }
    for name, scale in scales.items():
        measure = getattr(analytical, name)
        theirs = np.array(
            [measure("c" if c else "p", *row) for c, *row in zip(call, f, k, t, rate, sigma, strict=True)]
        )
        assert (np.abs(getattr(ours, name) - theirs) / scale).max() <= 1e-9, name
