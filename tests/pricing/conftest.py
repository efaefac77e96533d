"""A hard grid with exact answers, and the engines to try on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from numpy.typing import NDArray

from kit.pricing.engines import Name, using

Floats = NDArray[np.float64]

F0 = 43_000.0
DISTANCES = np.array([0.0005, 0.005, 0.015, 0.03, 0.05, 0.08, 0.12, 0.2, 0.35, 0.5, 0.7, 1.0, 2.0])
STRIKES = F0 * np.exp(np.concatenate([-DISTANCES, [0.0], DISTANCES]))
YEARS = np.array([1 / 525_600, 1 / 8_760, 1 / 365, 7 / 365, 30 / 365, 0.25, 1.0, 3.0])  # from one minute
SIGMAS = np.array([0.001, 0.003, 0.01, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 3.5, 5.0])  # to 500 %
RATE = mp.mpf("0.065")
# Powers of two change neither ln(F/K) nor sigma sqrt(T) by a single bit, so one exact answer serves them all.
SCALES = np.array([2.0**-12, 2.0**-6, 0.5, 1.0, 2.0, 2.0**6, 2.0**12])
DISCOUNTS = np.array([1.0, 0.9875, 0.5])


@dataclass(frozen=True)
class Grid:
    """Inputs and exact answers, 1-D arrays of one length; vega and rho per 1, theta per year."""

    forward: Floats
    strike: Floats
    t_years: Floats
    sigma: Floats
    discount: Floats
    is_call: NDArray[np.bool_]
    price: Floats
    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats
    rho: Floats

    @property
    def inputs(self) -> tuple[Any, ...]:
        """Everything that `kit.pricing.black76.price` takes."""
        return self.forward, self.strike, self.t_years, self.sigma, self.discount, self.is_call


def exact(forward: Any, strike: Any, years: Any, sigma: Any, side: int) -> Any:
    """Return the undiscounted call (side 1) or put (side -1) in 60 digits."""
    deviation = sigma * mp.sqrt(years)
    d1 = mp.log(forward / strike) / deviation + deviation / 2
    return side * (forward * mp.ncdf(side * d1) - strike * mp.ncdf(side * (d1 - deviation)))


def differences(strike: float, years: float, sigma: float) -> list[list[float]]:
    """Return price, delta, gamma, dV/dT and dV/dsigma of call and put, by central differences.

    The out-of-the-money side is differenced, where small numbers keep their digits; parity gives the other.
    """
    f, k, t, v, h = mp.mpf(F0), mp.mpf(strike), mp.mpf(years), mp.mpf(sigma), mp.mpf(10) ** -15
    side = 1 if strike >= F0 else -1
    middle, up, down = (exact(f * (1 + move), k, t, v, side) for move in (0, h, -h))
    per_rupee = (up - down) / (2 * h * f)
    curve = (up - 2 * middle + down) / (h * f) ** 2
    decay = (exact(f, k, t * (1 + h), v, side) - exact(f, k, t * (1 - h), v, side)) / (2 * h * t)
    vega = (exact(f, k, t, v * (1 + h), side) - exact(f, k, t, v * (1 - h), side)) / (2 * h * v)
    out = [middle, per_rupee, curve, decay, vega]
    twin = [middle - side * (f - k), per_rupee - side, curve, decay, vega]
    pair = [out, twin] if side == 1 else [twin, out]
    return [[float(value) for value in values] for values in pair]


@pytest.fixture(scope="session")
def grid() -> Grid:
    """Build 108,864 options: one minute to three years, 0.1 % to 500 %, strikes to 7 times the forward."""
    with mp.workdps(60):
        points = [(k, t, v) for k in STRIKES for t in YEARS for v in SIGMAS]
        answers = np.array([differences(*point) for point in points])  # point, side, value
    shape = (len(points), 2, SCALES.size, DISCOUNTS.size)
    k, t, v = (np.broadcast_to(axis[:, None, None, None], shape).ravel() for axis in np.array(points).T)
    call = np.broadcast_to(np.array([True, False])[None, :, None, None], shape).ravel()
    scale = np.broadcast_to(SCALES[None, None, :, None], shape).ravel()
    discount = np.broadcast_to(DISCOUNTS, shape).ravel()
    price, delta, gamma, decay, vega = (
        np.broadcast_to(answers[:, :, None, None, number], shape).ravel() * discount for number in range(5)
    )
    carry = -np.log(discount) / t * price
    return Grid(
        forward=F0 * scale,
        strike=k * scale,
        t_years=t,
        sigma=v,
        discount=discount,
        is_call=call,
        price=price * scale,
        delta=delta,
        gamma=gamma / scale,
        theta=(carry - decay) * scale,
        vega=vega * scale,
        rho=-t * price * scale,
    )


@pytest.fixture(params=["compiled", "numpy"])
def each_engine(request: pytest.FixtureRequest) -> Iterator[Name]:
    """Run the test once with every engine."""
    with using(request.param):
        yield request.param
