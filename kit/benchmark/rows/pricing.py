"""Options per second against the pricing libraries, cold starts and a whole chain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.benchmark.machine import compiling_in, fresh, has_avx512
from kit.benchmark.measure import Arms, Figures
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_least, at_most, faster
from kit.pricing.arrays import Floats
from kit.pricing.black76 import iv_and_greeks, price
from kit.pricing.engines import using
from kit.pricing.warm import warm

Work = Callable[[], object]

SIZE = 100_000
LOOP = 2_000  # options that a library without arrays is timed on: its rate does not change with the number
ROUNDS = 7
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


def _fast_vollib(run: Run, size: int) -> Work | None:
    library = run.peer("fast_vollib")
    if library is None:
        return None
    import numba

    given = options(size)
    flags = np.where(given.is_call, "c", "p")
    rates = np.full(size, RATE)

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


def _quantlib(run: Run, size: int) -> Work | None:
    library = run.peer("QuantLib")
    if library is None:
        return None
    sides = {True: library.Option.Call, False: library.Option.Put}
    rows = list(zip(*(column.tolist() for column in options(size)), strict=True))

    def work() -> None:
        for value, forward, strike, years, discount, is_call in rows:
            deviation = library.blackFormulaImpliedStdDev(
                sides[is_call], strike, forward, value, discount, 0.0, 0.2 * years**0.5, 1e-12
            )
            payoff = library.PlainVanillaPayoff(sides[is_call], strike)
            found = library.BlackCalculator(payoff, forward, deviation, discount)
            found.deltaForward(), found.gammaForward(), found.theta(forward, years)
            found.vega(years), found.rho(years)

    return work


PEERS: dict[str, Callable[[Run, int], Work | None]] = {"fast-vollib": _fast_vollib, "QuantLib": _quantlib}


def _rates(run: Run, peer: str) -> Figures:
    """Time one thread of each in turns, in millions of options per second."""
    given = options(SIZE)
    theirs = SIZE if peer == "fast-vollib" else LOOP
    work = PEERS[peer](run, theirs)
    ours_rates: list[float] = []
    peer_rates: list[float] = []
    with using("compiled", threads=1):
        for number in range((3 if run.quick else ROUNDS) + 1):
            run.checkpoint()
            started = perf_counter()
            iv_and_greeks(*given)
            between = perf_counter()
            if work is not None:
                work()
            if number:  # the first round warms up
                ours_rates.append(SIZE / (between - started) / 1e6)
                peer_rates.append(theirs / (perf_counter() - between) / 1e6)
    return Figures(ours_rates, peer_rates if work is not None else ())


def _register(peer: str) -> None:
    def measure(run: Run) -> Figures:
        return _rates(run, peer)

    measure.__doc__ = f"Volatility and five Greeks of {SIZE:,} options on one thread, beside {peer}."
    name = f"iv_greeks_{SIZE}_{peer.lower().replace('-', '_')}"
    target, quick = at_least(15 if has_avx512() else 8), peer == "fast-vollib"
    row("pricing", "M options/s", target, peer=(peer, faster(10)), name=name, quick=quick)(measure)


for _peer in PEERS:
    _register(_peer)


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


_FIRST_CALL = "from kit.pricing.warm import warm; print(warm())"


def _first_call(folder: Path) -> float:
    return float(fresh(compiling_in(folder) + _FIRST_CALL))


@row("pricing", "s", at_most(6))
def first_call(run: Run) -> Figures:
    """Make the first call after installation: numba loads and compiles."""
    return Figures([_first_call(run.folder())])


@row("pricing", "s", at_most(0.4))
def first_call_later(run: Run) -> Figures:
    """Make the first call in a later process: numba and the compiled loops load."""
    cache = run.folder()
    _first_call(cache)
    return Figures([_first_call(cache) for _ in range(5)])
