"""Options per second against the fastest pricing library, and a whole chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.benchmark.machine import has_avx512
from kit.benchmark.measure import Arms
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_least, at_most, faster
from kit.pricing.arrays import Floats
from kit.pricing.black76 import iv_and_greeks, price
from kit.pricing.engines import using
from kit.pricing.warm import warm

SIZE = 100_000
RATE = 0.065


class Options(NamedTuple):
    """A seeded chain with unrounded prices, each with a volatility; 1-D columns."""

    price: Floats
    forward: Floats
    strike: Floats
    t_years: Floats
    discount: Floats
    is_call: NDArray[np.bool_]


def options(size: int) -> Options:
    """Draw out-of-the-money options of four expiries, 10 % to 40 % volatility, within 3.5 deviations."""
    random = np.random.default_rng(size)
    years = random.choice(np.array([1, 7, 30, 90]) / 365, size)
    sigma = random.uniform(0.10, 0.40, size)
    forward = 43_000 * np.exp(random.normal(0, 0.01, size))
    strike = forward * np.exp(random.uniform(-3.5, 3.5, size) * sigma * np.sqrt(years))
    discount, is_call = np.exp(-RATE * years), strike > forward
    value = np.asarray(price(forward, strike, years, sigma, discount, is_call))
    return Options(value, forward, strike, years, discount, is_call)


def _fast_vollib(run: Run) -> Callable[[], object] | None:
    library = run.peer("fast_vollib")
    if library is None:
        return None
    import numba

    given = options(SIZE)
    flags = np.where(given.is_call, "c", "p")
    rates = np.full(SIZE, RATE)

    def work() -> object:
        numba.set_num_threads(1)
        sigma = library.fast_implied_volatility_black(
            given.price, given.forward, given.strike, rates, given.t_years, flags,
            on_error="ignore", return_as="numpy", backend="numba",
        )  # fmt: skip
        return library.get_all_greeks(
            flags, given.forward, given.strike, given.t_years, rates, sigma,
            model="black", return_as="dict", backend="numba",
        )  # fmt: skip

    return work


@row("pricing", "M options/s", at_least(15 if has_avx512() else 8), peer=("fast-vollib", faster(10)),
     quick=True)  # fmt: skip
def iv_greeks_100000_fast_vollib(run: Run) -> Arms:
    """Volatility and five Greeks of 100,000 options on one thread, beside fast-vollib."""
    given = options(SIZE)
    run.enter(using("compiled", threads=1))
    rounds = 3 if run.quick else 7
    return Arms(lambda: iv_and_greeks(*given), _fast_vollib(run), items=SIZE, calls=1, rounds=rounds, warm=1)


@row("pricing", "us", at_most(40), quick=True)
def iv_greeks_call(run: Run) -> Arms:  # noqa: ARG001 the row needs nothing of the run
    """Volatility and Greeks of 200 options, the whole call."""
    given = options(200)
    warm()
    return Arms(ours=lambda: iv_and_greeks(*given))


@row("pricing", "M options/s", at_least(2), quick=True)
def iv_greeks_numpy(run: Run) -> Arms:
    """Volatility and Greeks of 100,000 options where numba is missing."""
    given = options(SIZE)
    run.enter(using("numpy"))
    return Arms(ours=lambda: iv_and_greeks(*given), items=SIZE)
