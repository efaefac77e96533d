"""Decoded objects, remembered in process: bounded, single-flight, never older than their lifetime.

`CacheManager` keeps values under any hashable key; what a market's keys and lifetimes are, the market
knows. How a value is kept safe from its callers stands in `kit.cache.values`.
"""

from __future__ import annotations

from kit.cache.manager import CacheManager, Timed
from kit.settings import CacheConfig

__all__ = ["CacheConfig", "CacheManager", "Timed"]
