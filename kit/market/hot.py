"""The in-process tier as the data manager uses it: one flight per key, never past a reply's life."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import monotonic
from typing import TypeVar

from kit.broker.shapes import Reply
from kit.cache import CacheManager, Timed

T = TypeVar("T")


class Hot:
    """Keeps tables under the typed cache's keys, so that `SmartCache` finds them too.

    Parameters
    ----------
    cache : CacheManager
        Keeps them.
    enabled : bool
        Whether to keep anything.
    """

    def __init__(self, cache: CacheManager, enabled: bool) -> None:
        self._cache = cache
        self._enabled = enabled

    def once(self, key: Hashable, kind: type[T], make: Callable[[], Reply[T]]) -> Reply[T]:
        """Return what is kept under a key, as a reply from ``"hot"``, or what was asked for now.

        Parameters
        ----------
        key : hashable
            One of `kit.market.smart`.
        kind : type
            What it must be; anything else under this key was put there by somebody else and is replaced.
        make : callable
            Asks for it; of all callers who miss, one does.
        """
        if not self._enabled:
            return make()
        asked: list[Reply[T]] = []

        def timed() -> Timed:
            began = monotonic()
            asked.append(make())
            spent_s = monotonic() - began  # asking and decoding use up the lifetime too
            return Timed(asked[0].data, max(0.0, asked[0].remaining_s - spent_s))

        found = self._cache.get_or_set(key, timed)
        if not isinstance(found, kind):
            self._cache.delete(key)
            return self.once(key, kind, make)
        return asked[0].holding(found) if asked else Reply(found, "hot", 0.0, 0.0)
