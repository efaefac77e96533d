"""The library's store, with what the kit adds: one entry's history, counts, and a bound of bytes."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from cachetools import Cache, TLRUCache

from kit.cache.values import Held, size_of


class Entry:
    """One kept value and its history.

    Parameters
    ----------
    held : Held
        The value in its safe form.
    created, expires : float
        Seconds of the cache's timer.
    """

    __slots__ = ("_size", "created", "expires", "give", "hits", "kept")

    def __init__(self, held: Held, created: float, expires: float) -> None:
        self.kept, self.give = held
        self.created = created
        self.expires = expires
        self.hits = 0
        self._size: int | None = None

    @property
    def size(self) -> int:
        """Bytes, estimated when somebody wants to know: for a frame that takes longer than keeping it."""
        if self._size is None:
            self._size = size_of(self.kept)
        return self._size


class Store(TLRUCache[Hashable, Entry]):
    """The library's exact LRU with lifetimes, counting what leaves it and, if bounded, the bytes in it."""

    def __init__(self, max_size: int, max_bytes: int | None, timer: Callable[[], float]) -> None:
        super().__init__(max_size, ttu=lambda _key, entry, _now: entry.expires, timer=timer)
        self.max_bytes = max_bytes
        self.bytes = self.evictions = self.expirations = 0

    def put(self, key: Hashable, entry: Entry) -> None:
        """Keep an entry; one larger than the bound of bytes is not kept."""
        self.drop(key)
        if self.max_bytes is None:
            self[key] = entry
        elif entry.size <= self.max_bytes:
            self[key] = entry
            self.bytes += entry.size if key in self else 0  # not in it when its lifetime is zero
            while self.bytes > self.max_bytes:
                self.popitem()

    def drop(self, key: Hashable) -> bool:
        """Remove an entry; tell whether there was one."""
        self.expire()
        entry = self.pop(key, None)
        if entry is None:
            return False
        self._left(entry)
        return True

    def entries(self) -> list[tuple[Hashable, Entry]]:
        """List what lives, without making it recently used."""
        return [(key, Cache.__getitem__(self, key)) for key in self]

    def expire(self, time: float | None = None) -> list[tuple[Hashable, Entry]]:
        """Remove what had expired by `time`, default now, and return it."""
        gone = list(super().expire(time))
        self.expirations += len(gone)
        for _key, entry in gone:
            self._left(entry)
        return gone

    def popitem(self) -> tuple[Hashable, Entry]:
        """Remove the least recently used entry."""
        key, entry = super().popitem()
        self.evictions += 1
        self._left(entry)
        return key, entry

    def clear(self) -> None:
        """Remove everything."""
        super().clear()
        self.bytes = 0

    def _left(self, entry: Entry) -> None:
        if self.max_bytes is not None:
            self.bytes -= entry.size
