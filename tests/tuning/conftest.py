"""The kit's own cache as the referee of what is replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from kit.cache import CacheManager
from kit.market.questions import Question
from kit.settings import CacheConfig
from kit.tuning.lifetimes import SOURCES


@pytest.fixture(scope="session")
def replayed_hit_rate() -> Callable[[CacheConfig, Sequence[Question]], float]:
    """Return a function that asks the in-process tier in simulated time and tells its hits, percent."""

    def hits(config: CacheConfig, requests: Sequence[Question]) -> float:
        now_s = 0.0
        cache = CacheManager(config, timer=lambda: now_s)
        for request in requests:
            now_s = request.at_s
            lifetime_s = getattr(config, SOURCES[request.kind].setting)
            cache.get_or_set((request.kind, request.key), object, lifetime_s)
        return float(cache.get_stats()["hit_rate_percent"])

    return hits
