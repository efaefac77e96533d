"""`CacheManager`: exact LRU with a lifetime per entry, one flight per key, and a cleaner."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from math import isnan
from typing import Any

from kit.arguments import instance, like, real
from kit.cache.cleaner import CLEANER, INTERVAL_S
from kit.cache.flights import Flights
from kit.cache.store import Entry, Store
from kit.cache.values import Held, hold
from kit.errors import KitError
from kit.forks import renew_in_fork
from kit.settings import CacheConfig
from kit.shown import Showable, table, written

_CLEANING_SLICE_S = 0.005  # entries are removed by the moment they expired, this much of time per lock
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Timed:
    """What a factory returns when its value has a lifetime of its own.

    Parameters
    ----------
    value : object
        The value.
    ttl : float
        Seconds left of the response the value was decoded from; ``math.inf``: it never expires.
    """

    value: Any
    ttl: float


class CacheManager(Showable):
    """Caches decoded objects in memory: bounded, thread-safe, one computation per key at a time.

    Parameters
    ----------
    config : CacheConfig, optional
        Bounds and the default lifetime.
    timer : callable, optional
        Seconds that never run backwards.

    Notes
    -----
    No value is served once its lifetime is over, whether or not the cleaner has passed. The least
    recently used entry leaves first, exactly. A value larger than ``max_bytes`` is not kept.
    How values are protected from their callers: `kit.cache.values`.

    Examples
    --------
    >>> cache = CacheManager(CacheConfig(max_size=1000, default_ttl=300))
    >>> cache.get_or_set("answer", lambda: 42)
    42
    """

    def __init__(
        self, config: CacheConfig | None = None, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self.config = CacheConfig() if config is None else instance(config, CacheConfig, "config")
        self._timer = timer
        self._lock = threading.RLock()
        self._store = Store(self.config.max_size, self.config.max_bytes, timer)
        self._flights: Flights[Held] = Flights()
        self._hits = self._misses = self._cleanup_runs = 0
        self._cleaned = timer()
        CLEANER.watch(self)
        emptied = partial(Store, self.config.max_size, self.config.max_bytes, timer)
        renew_in_fork(self, _lock=threading.RLock, _store=emptied)

    def get(self, key: Hashable, default: Any = None) -> Any:
        """Return the value kept under a key, or `default` when there is none that still lives."""
        with self._lock:
            try:
                entry = self._store[key]
            except KeyError:
                self._misses += 1
                return default
            except TypeError as error:
                raise _no_key(key) from error
            self._hits += 1
            entry.hits += 1
        give = entry.give
        return entry.kept if give is None else give(entry.kept)

    def set(self, key: Hashable, value: Any, ttl: float | None = None) -> bool:
        """Remember a value; True, for what cannot be kept is an error.

        Parameters
        ----------
        key : hashable
        value : object
            See `kit.cache.values` for what callers get back. None is a value like any other.
        ttl : float, optional
            Lifetime, seconds; default ``config.default_ttl``. Zero or less forgets the key.

        Raises
        ------
        KitError
            The value cannot be copied, so it could not be protected.
        """
        self._put(key, hold(value), ttl)
        return True

    def _put(self, key: Hashable, held: Held, ttl: float | None) -> None:
        now = self._timer()
        entry = Entry(held, now, now + (self.config.default_ttl if ttl is None else _seconds(ttl)))
        with self._lock:
            try:
                self._store.put(key, entry)
            except TypeError as error:
                raise _no_key(key) from error

    def get_or_set(self, key: Hashable, factory: Callable[[], Any], ttl: float | None = None) -> Any:
        """Return the kept value, else make it: of all callers who miss, one calls `factory`.

        Parameters
        ----------
        key : hashable
        factory : callable
            Returns the value, or a `Timed` value whose lifetime overrules `ttl`. Its error reaches
            every caller that waits and is not remembered.
        ttl : float, optional
            Lifetime from the moment the factory returns, seconds.

        Raises
        ------
        KitError
            The factory asks for its own key, or the value cannot be protected.
        """
        found = self.get(key, _MISSING)
        if found is not _MISSING:
            return found
        held = self._flights.join(key, lambda: self._peek(key), lambda: self._make(key, factory, ttl))
        return held.kept if held.give is None else held.give(held.kept)

    def _peek(self, key: Hashable) -> Held | None:
        """Look for what a flight that ended a moment ago left, without counting."""
        with self._lock:
            entry = self._store.get(key)
        return None if entry is None else Held(entry.kept, entry.give)

    def _make(self, key: Hashable, factory: Callable[[], Any], ttl: float | None) -> Held:
        flight = self._flights.current(key)
        made = like(factory, "factory", "__call__")()
        if isinstance(made, Timed):
            made, ttl = made.value, made.ttl
        held = hold(made)
        if self._flights.current(key) is flight:  # nobody deleted the key meanwhile
            self._put(key, held, ttl)
        return held

    def delete(self, key: Hashable) -> bool:
        """Forget one entry, also one that is just being made; tell whether there was one."""
        try:
            self._flights.abandon(key)
            with self._lock:
                return self._store.drop(key)
        except TypeError as error:
            raise _no_key(key) from error

    def clear(self) -> None:
        """Forget every entry; the counts stay."""
        self._flights.abandon()
        with self._lock:
            self._store.clear()

    def get_stats(self) -> dict[str, Any]:
        """Return counts since the start.

        Returns
        -------
        dict
            ``entries, max_size, size_bytes, max_bytes, hits, misses, hit_rate_percent, evictions,
            expirations, cleanup_runs``; sizes are estimates in bytes.
        """
        with self._lock:
            self._store.expire()
            asked = self._hits + self._misses
            return {
                "entries": len(self._store),
                "max_size": self.config.max_size,
                "size_bytes": sum(entry.size for _key, entry in self._store.entries()),
                "max_bytes": self.config.max_bytes,
                "hits": self._hits,
                "misses": self._misses,
                "hit_rate_percent": round(100 * self._hits / asked, 2) if asked else 0.0,
                "evictions": self._store.evictions,
                "expirations": self._store.expirations,
                "cleanup_runs": self._cleanup_runs,
            }

    def get_cache_info(self) -> list[dict[str, Any]]:
        """List the entries, oldest first.

        Returns
        -------
        list of dict
            ``key, age_s, remaining_s, hits, size_bytes`` of each living entry.
        """
        with self._lock:
            now = self._timer()
            self._store.expire(now)
            rows = [
                {
                    "key": key,
                    "age_s": now - entry.created,
                    "remaining_s": entry.expires - now,
                    "hits": entry.hits,
                    "size_bytes": entry.size,
                }
                for key, entry in self._store.entries()
            ]
        return sorted(rows, key=lambda row: -row["age_s"])

    def clean(self) -> None:
        """Remove what has expired, a slice of time per lock so that no reader waits long."""
        now = self._timer()
        while self._cleaned < now:
            self._cleaned = min(now, max(self._cleaned + _CLEANING_SLICE_S, now - INTERVAL_S))
            with self._lock:
                self._store.expire(self._cleaned)
        self._cleanup_runs += 1

    def _figures(self) -> dict[str, object]:
        return self.get_stats()

    def _details(self) -> list[str]:
        rows = [row | {"key": _short(row["key"])} for row in self.get_cache_info()]
        return [table(rows, "Entries, oldest first", most=20)]

    def __repr__(self) -> str:
        with self._lock:
            entries = len(self._store)
        return f"CacheManager(entries={entries}, max_size={self.config.max_size})"


def _short(key: object) -> str:
    text = written(key)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _seconds(ttl: Any) -> float:
    found = real(ttl)
    if isnan(found):
        raise KitError("Not a lifetime", ttl, "Give seconds; math.inf: it never expires.")
    return found


def _no_key(key: Any) -> KitError:
    return KitError("Not the key of a cache", key, "Use text, numbers, dates or a tuple of them.")
