"""Decoded objects, remembered in process: bounded, single-flight, never older than their lifetime."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from kit.settings import CacheConfig

__all__ = ["CacheConfig", "CacheManager", "SmartCache", "Timed"]


@dataclass(frozen=True, slots=True)
class Timed:
    """What a factory returns when its value has a lifetime of its own.

    Parameters
    ----------
    value : object
    ttl : float
        Seconds left of the response the value was decoded from.
    """

    value: Any
    ttl: float


class CacheManager:
    """TTL and LRU in process."""

    def __init__(
        self, config: CacheConfig | None = None, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        raise NotImplementedError

    def get(self, key: Hashable, default: Any = None) -> Any:
        """Return the value, or `default` when there is none."""
        raise NotImplementedError

    def set(self, key: Hashable, value: Any, ttl: float | None = None) -> None:
        """Remember a value for `ttl` seconds."""
        raise NotImplementedError

    def get_or_set(self, key: Hashable, factory: Callable[[], Any], ttl: float | None = None) -> Any:
        """Return the value, made by one call of `factory` if there is none."""
        raise NotImplementedError

    def delete(self, key: Hashable) -> bool:
        """Forget one entry; tell whether there was one."""
        raise NotImplementedError

    def clear(self) -> None:
        """Forget everything."""
        raise NotImplementedError

    def get_stats(self) -> dict[str, Any]:
        """Return entries, max_size, size_bytes, hits, misses, hit_rate_percent, evictions, ..."""
        raise NotImplementedError

    def get_cache_info(self) -> list[dict[str, Any]]:
        """List entries with age, remaining life and hits."""
        raise NotImplementedError


class SmartCache:
    """Typed keys and lifetimes."""

    def __init__(self, cache_manager: CacheManager) -> None:
        raise NotImplementedError
