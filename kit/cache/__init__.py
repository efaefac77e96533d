"""Decoded objects, remembered in process: bounded, single-flight, never older than their lifetime.

`CacheManager` keeps values under any hashable key; `SmartCache` gives the market's own things typed
keys and lifetimes. How a value is kept safe from its callers stands in `kit.cache.values`.
"""

from __future__ import annotations

from kit.cache.manager import CacheManager, Timed
from kit.cache.smart import SmartCache, quote_ttl_s
from kit.settings import CacheConfig

__all__ = ["CacheConfig", "CacheManager", "SmartCache", "Timed", "quote_ttl_s"]
