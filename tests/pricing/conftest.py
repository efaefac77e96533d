"""A hard grid with exact answers, and the engines to try on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import mpmath as mp
import numpy as np
import pytest
from numpy.typing import NDArray

from kit.pricing.engines import Name, using

Floats = NDArray[np.float64]

POINTS, PIECES = 102_400, 16
DIGITS = 50  # a price of 1e-6 deviations is a difference that loses a dozen of them


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


def markets() -> tuple[Any, ...]:
    """Draw forward, strike, years, sigma, discount and side, all different, near the money and far out."""
    random = np.random.default_rng(1976)
    forward = np.exp(random.uniform(np.log(10.0), np.log(1e6), POINTS))
    years = np.exp(random.uniform(np.log(1 / 525_600), np.log(3.0), POINTS))  # from one minute
    sigma = np.exp(random.uniform(np.log(0.001), np.log(5.0), POINTS))
    near = 10.0 ** random.uniform(-12, -2, POINTS) * random.choice(
        [-1.0, 0.0, 1.0], POINTS, p=[0.48, 0.04, 0.48]
    )
    by_deviations = np.clip(random.normal(0, 4, POINTS) * sigma * np.sqrt(years), -2.1, 2.1)
    anywhere = random.uniform(-2.1, 2.1, POINTS)
    kind = random.choice(3, POINTS, p=[0.4, 0.5, 0.1])
    strike = forward * np.choose(kind, [1 + near, np.exp(by_deviations), np.exp(anywhere)])
    discount = np.where(random.random(POINTS) < 0.4, 1.0, random.uniform(0.5, 1.0, POINTS))
    return forward, strike, years, sigma, discount, random.random(POINTS) < 0.5


def exact(forward: Any, strike: Any, years: Any, sigma: Any, side: int) -> Any:
    """Return the undiscounted call (side 1) or put (side -1)."""
    deviation = sigma * mp.sqrt(years)
    d1 = mp.log(forward / strike) / deviation + deviation / 2
    return side * (forward * mp.ncdf(side * d1) - strike * mp.ncdf(side * (d1 - deviation)))


def closed_forms(forward: float, strike: float, years: float, sigma: float, call: bool) -> list[Any]:
    """Return price, delta, gamma, dV/dT and dV/dsigma, undiscounted.

    The out-of-the-money side is computed, where small numbers keep their digits; parity gives the other.
    """
    f, k, t, v = (mp.mpf(number) for number in (forward, strike, years, sigma))
    side, wanted = (1 if k >= f else -1), (1 if call else -1)
    deviation = v * mp.sqrt(t)
    d1 = mp.log(f / k) / deviation + deviation / 2
    root_half = mp.sqrt(mp.mpf(0.5))
    delta = side * mp.erfc(-side * d1 * root_half) / 2
    price = f * delta - side * k * mp.erfc(-side * (d1 - deviation) * root_half) / 2
    density = mp.exp(-d1 * d1 / 2) / mp.sqrt(2 * mp.pi)
    if side != wanted:
        price, delta = price - side * (f - k), delta - side
    vega = f * density * mp.sqrt(t)
    return [price, delta, density / (f * deviation), vega * v / (2 * t), vega]


def differences(forward: float, strike: float, years: float, sigma: float, call: bool) -> list[Any]:
    """Return the same by central differences of the price."""
    f, k, t, v, h = *(mp.mpf(number) for number in (forward, strike, years, sigma)), mp.mpf(10) ** -15
    side = 1 if call else -1
    middle, up, down = (exact(f * (1 + move), k, t, v, side) for move in (0, h, -h))
    decay = exact(f, k, t * (1 + h), v, side) - exact(f, k, t * (1 - h), v, side)
    vega = exact(f, k, t, v * (1 + h), side) - exact(f, k, t, v * (1 - h), side)
    curve = (up - 2 * middle + down) / (h * f) ** 2
    return [middle, (up - down) / (2 * h * f), curve, decay / (2 * h * t), vega / (2 * h * v)]


def _answers(rows: list[tuple[Any, ...]], kept: Path) -> Floats:
    """Return the closed forms of some points, computed once on this machine."""
    if not kept.exists():
        with mp.workdps(DIGITS):
            found = [[float(value) for value in closed_forms(*row)] for row in rows]
        draft = kept.with_suffix(f".{os.getpid()}")
        with draft.open("wb") as file:
            np.save(file, np.array(found))
        draft.replace(kept)
    answers: Floats = np.load(kept)
    return answers


@pytest.fixture(scope="session")
def grid(request: pytest.FixtureRequest) -> Grid:
    """Build 102,400 different options: one minute to three years, 0.1 % to 500 %, up to 8 times the forward.

    Test processes that run side by side begin at different ends and share what they have.
    """
    forward, strike, t, sigma, discount, is_call = markets()
    rows = list(zip(*(part.tolist() for part in (forward, strike, t, sigma, is_call)), strict=True))
    assert request.config.cache
    folder = request.config.cache.mkdir(f"hard_grid_{crc32(Path(__file__).read_bytes()):08x}")
    size = POINTS // PIECES
    order = (
        range(PIECES) if os.environ.get("PYTEST_XDIST_WORKER", "gw0")[-1] in "02468" else range(PIECES)[::-1]
    )
    pieces = {at: _answers(rows[at * size : (at + 1) * size], folder / f"{at}.npy") for at in order}
    price, delta, gamma, decay, vega = np.concatenate([pieces[at] for at in range(PIECES)]).T * discount
    return Grid(
        forward=forward,
        strike=strike,
        t_years=t,
        sigma=sigma,
        discount=discount,
        is_call=is_call,
        price=price,
        delta=delta,
        gamma=gamma,
        theta=-np.log(discount) / t * price - decay,
        vega=vega,
        rho=-t * price,
    )


@pytest.fixture(scope="session")
def judges() -> tuple[Callable[..., list[Any]], Callable[..., list[Any]]]:
    """Give the closed forms that judge the grid, and the differences that judge them."""
    return closed_forms, differences


@pytest.fixture(params=["compiled", "numpy"])
def each_engine(request: pytest.FixtureRequest) -> Iterator[Name]:
    """Run the test once with every engine."""
    with using(request.param):
        yield request.param
