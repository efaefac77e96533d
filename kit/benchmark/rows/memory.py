"""What the in-process tier weighs, whether it grows, and what a write costs."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import numpy as np
import pandas as pd

from kit.benchmark.measure import Arms, Figures
from kit.benchmark.registry import row
from kit.benchmark.run import SEED, Run
from kit.benchmark.targets import at_most, within
from kit.cache import CacheManager
from kit.settings import CacheConfig

_ENTRIES = 40


def _chain_table(seed: int) -> pd.DataFrame:
    """Return a table of the size of a chain: 240 contracts, 15 numbers each."""
    return pd.DataFrame(np.random.default_rng(seed).random((240, 15)))


@contextmanager
def _traced() -> Iterator[Callable[[], int]]:
    """Trace allocations; the function it gives returns the bytes held now."""

    def held() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    gc.collect()
    tracemalloc.start()
    try:
        yield held
    finally:
        tracemalloc.stop()


def _weight_kib(fill: Callable[[], object]) -> float:
    """Return what `_ENTRIES` entries weigh, each."""
    with _traced() as held:
        kept = fill()
        weight = held() / _ENTRIES / 1024
        del kept
    return weight


@row("cache", "KiB", peer=("the same tables in a dict", within(1.5)), quick=True)
def memory_per_entry(run: Run) -> Figures:
    """Memory of one cached 240-contract table in the in-process tier, beside the same tables in a dict."""

    def cached() -> object:
        cache = CacheManager(CacheConfig())
        for number in range(_ENTRIES):
            cache.set(number, _chain_table(number))
        return cache

    def plain() -> object:
        return {number: _chain_table(number) for number in range(_ENTRIES)}

    _weight_kib(cached)  # the first time also loads what pandas loads lazily
    pairs = [(_weight_kib(cached), _weight_kib(plain)) for _ in range(2 if run.quick else 9)]
    return Figures(*zip(*pairs, strict=True))


@row("cache", "KiB", at_most(100), quick=True)
def memory_growth(run: Run) -> Figures:
    """Memory that 10,000 writes and reads of ever new keys add to an in-process tier that is full."""

    def grown_kib() -> float:
        cache = CacheManager(CacheConfig(max_size=100))
        with _traced() as held:
            _write_and_read(cache, range(1000))
            full = held()
            _write_and_read(cache, range(1000, 11_000))
            return (held() - full) / 1024

    return Figures([grown_kib() for _ in range(1 if run.quick else 7)])


def _write_and_read(cache: CacheManager, keys: range) -> None:
    for key in keys:
        cache.set(("ltp", key), [float(key)] * 20)
        cache.get(("ltp", key - 50))


@row("cache", "us", at_most(100), quick=True)
def hot_write(_: Run) -> Arms:
    """Keep a 240-contract table in the in-process tier under one of 100 keys, protected from its caller."""
    cache, table, number = CacheManager(CacheConfig()), _chain_table(SEED), count()
    return Arms(lambda: cache.set(next(number) % 100, table))
