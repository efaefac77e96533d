"""Compile the loops once, so that nobody waits for it later."""

from __future__ import annotations

from time import perf_counter

from kit.pricing.black76 import iv_and_greeks
from kit.pricing.engines import default_engine, using


def warm() -> float:
    """Compile and cache the loops, or load them from the cache.

    Returns
    -------
    float
        Seconds until the first answer.
    """
    start = perf_counter()
    with using(default_engine()):
        iv_and_greeks(800.0, 43_000.0, 43_100.0, 0.05, 0.99, is_call=True)
    return perf_counter() - start
