"""The disk tier: answers in one SQLite file, bounded, least recently used first out."""

from __future__ import annotations

import math
import sqlite3
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from requests_cache.backends.base import BaseCache, BaseStorage

from kit.errors import CacheUnavailable
from kit.settings import CacheConfig
from kit.transport.answers import StoredAnswer, decoded, encoded
from kit.transport.database import Database, NewerSchema, damaged

_TIDY_S = 60.0  # between removals of what has expired
_TOUCHES = 256  # hits noted in memory before they are written together
_STALE_S = 86_400.0  # how long an expired answer is kept for stale_if_error
_VERSION = 1
_SCHEMA = (
    "CREATE TABLE answers (key TEXT PRIMARY KEY, about TEXT NOT NULL, body BLOB NOT NULL,"
    " created REAL NOT NULL, expires REAL, used REAL NOT NULL, size INT NOT NULL)",
    "CREATE INDEX answers_used ON answers (used, size)",
    "CREATE INDEX answers_expires ON answers (expires) WHERE expires IS NOT NULL",
    "CREATE TABLE total (entries INT NOT NULL, bytes INT NOT NULL)",
    "INSERT INTO total VALUES (0, 0)",
    "CREATE TRIGGER added AFTER INSERT ON answers BEGIN"
    " UPDATE total SET entries = entries + 1, bytes = bytes + new.size; END",
    "CREATE TRIGGER removed AFTER DELETE ON answers BEGIN"
    " UPDATE total SET entries = entries - 1, bytes = bytes - old.size; END",
    "CREATE TRIGGER changed AFTER UPDATE OF size ON answers BEGIN"
    " UPDATE total SET bytes = bytes - old.size + new.size; END",
)
_UPSERT = (
    "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET about=excluded.about,"
    " body=excluded.body, created=excluded.created, expires=excluded.expires, used=excluded.used,"
    " size=excluded.size"
)


class AnswerStore(BaseStorage[str, StoredAnswer]):
    """The mapping from key to answer that requests-cache works on.

    Parameters
    ----------
    file : Path
        The SQLite file, shared by all kernels.
    config : CacheConfig
        Bounds, and whether expired answers are kept for ``stale_if_error``.

    Raises
    ------
    OSError, sqlite3.Error
        The file cannot be used.
    """

    def __init__(self, file: Path, config: CacheConfig) -> None:
        super().__init__(serializer=None)
        self._config = config
        self._database = Database(file, _VERSION, _SCHEMA)
        self._touched: dict[str, float] = {}
        self._lock = threading.Lock()
        self._tidied = 0.0
        self.evictions = self.expirations = self.failures = 0

    def __getitem__(self, key: str) -> StoredAnswer:
        statement = "SELECT about, body, created, expires FROM answers WHERE key=?"
        for about, body, created, expires in self._safely(self._database.read, statement, (key,)):
            self._touch(key)
            with suppress(ValueError, KeyError, TypeError):  # not a row of ours: as if it were not there
                return decoded(key, about, body, created, expires)
        raise KeyError(key)

    def __setitem__(self, key: str, answer: Any) -> None:
        about, body = encoded(answer)
        size = len(about) + len(body)
        if size <= self._config.disk_max_bytes:
            lapses = None if answer.lapses == math.inf else answer.lapses
            self._safely(self._write, (key, about, body, answer.created, lapses, time.time(), size))

    def __delitem__(self, key: str) -> None:
        if not self._safely(self._delete, "key=?", (key,)):
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter([key for (key,) in self._safely(self._database.read, "SELECT key FROM answers")])

    def __len__(self) -> int:
        return self.total()[0]

    def __contains__(self, key: object) -> bool:
        return bool(self._safely(self._database.read, "SELECT 1 FROM answers WHERE key=?", (key,)))

    def bulk_delete(self, keys: Iterable[str]) -> None:
        """Delete several answers; those that do not exist are no error."""
        for key in keys:
            self._safely(self._delete, "key=?", (key,))

    def clear(self) -> None:
        """Delete every answer and give the space back."""
        self._safely(self._delete, "true", ())
        self._safely(self._database.read, "PRAGMA incremental_vacuum")

    def close(self) -> None:
        """Write what is still noted in memory, and close the file."""
        with suppress(sqlite3.Error, OSError):
            if self._touched:
                with self._database.write() as rows:
                    self._write_touches(rows)
        self._database.close()

    def total(self) -> tuple[int, int]:
        """Return how many answers there are and their bytes."""
        found = self._safely(self._database.read, "SELECT entries, bytes FROM total")
        return (int(found[0][0]), int(found[0][1])) if found else (0, 0)

    def tidy(self, now: float | None = None) -> None:
        """Remove what has expired; with ``stale_if_error``, what expired more than a day ago."""
        self._safely(self._expire, time.time() if now is None else now)

    def _write(self, row: tuple[Any, ...]) -> list[Any]:
        with self._database.write() as rows:
            self._write_touches(rows)
            rows.execute(_UPSERT, row)
            self._evict(rows)
        if time.monotonic() - self._tidied > _TIDY_S:
            self._expire(time.time())
        return []

    def _evict(self, rows: sqlite3.Connection) -> None:
        """Remove the least recently used until both bounds hold."""
        while True:
            entries, size = rows.execute("SELECT entries, bytes FROM total").fetchone()
            too_many = entries - self._config.disk_max_entries
            if too_many <= 0 and size <= self._config.disk_max_bytes:
                return
            oldest = "SELECT key FROM answers ORDER BY used LIMIT ?"
            self.evictions += rows.execute(
                f"DELETE FROM answers WHERE key IN ({oldest})",  # noqa: S608 - our own words
                (max(1, too_many),),
            ).rowcount

    def _expire(self, now: float) -> list[Any]:
        self._tidied = time.monotonic()
        kept_for = _STALE_S if self._config.stale_if_error else 0.0
        removed = self._delete("expires <= ?", (now - kept_for,))
        self.expirations += len(removed)
        return []

    def _delete(self, where: str, values: tuple[Any, ...]) -> list[Any]:
        with self._database.write() as rows:
            return rows.execute(f"DELETE FROM answers WHERE {where} RETURNING key", values).fetchall()  # noqa: S608

    def _touch(self, key: str) -> None:
        self._touched[key] = time.time()
        if len(self._touched) >= _TOUCHES:
            self._safely(self._flush)

    def _flush(self) -> list[Any]:
        with self._database.write() as rows:
            self._write_touches(rows)
        return []

    def _write_touches(self, rows: sqlite3.Connection) -> None:
        with self._lock:
            touched, self._touched = self._touched, {}
        if touched:
            marks = [(used, key) for key, used in touched.items()]
            rows.executemany("UPDATE answers SET used=? WHERE key=?", marks)

    def _safely(self, work: Any, *values: Any) -> list[Any]:
        """Run a step; the disk tier may fail, the call that uses it may not."""
        try:
            found: list[Any] = work(*values)
        except (OSError, sqlite3.Error) as error:
            self._recover(error)
        else:
            return found
        return []

    def _recover(self, error: Exception) -> None:
        """Set a damaged file aside; what may pass (full, read-only, locked for long) is only counted."""
        if isinstance(error, sqlite3.Error) and damaged(error):
            try:
                self._database.set_aside(error)
                return
            except (OSError, sqlite3.Error) as second:
                error = second
        self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        if self.failures == 1:
            warnings.warn(CacheUnavailable(f"The disk tier does not work: {error}"), stacklevel=6)


class AnswerCache(BaseCache):
    """requests-cache's view of the disk tier; without a file, or when it fails, of nothing at all.

    Parameters
    ----------
    file : Path or None
        None: no disk tier.
    config : CacheConfig
        Bounds; ``disk=False`` means no disk tier either.
    """

    def __init__(self, file: Path | None, config: CacheConfig) -> None:
        super().__init__("answers")
        self.store = None if file is None or not config.disk else _opened(file, config)
        if self.store is not None:
            self.responses = self.store  # type: ignore[assignment] # ours hands out StoredAnswer

    def find(self, key: str) -> StoredAnswer | None:
        """Return the answer under a key, whether or not it has expired."""
        return None if self.store is None else self.store.get(key)

    def keep(self, key: str, answer: Any) -> None:
        """Store an answer."""
        if self.store is not None:
            self.store[key] = answer

    def get_stats(self) -> dict[str, int]:
        """Return ``entries, size_bytes, evictions, expirations, failures`` of the disk tier."""
        if self.store is None:
            return dict.fromkeys(("entries", "size_bytes", "evictions", "expirations", "failures"), 0)
        entries, size = self.store.total()
        return {
            "entries": entries,
            "size_bytes": size,
            "evictions": self.store.evictions,
            "expirations": self.store.expirations,
            "failures": self.store.failures,
        }


def _opened(file: Path, config: CacheConfig) -> AnswerStore | None:
    try:
        return AnswerStore(file, config)
    except NewerSchema as error:
        message = f"The disk tier is off: {error}"
    except (OSError, sqlite3.Error) as error:
        message = f"The disk tier is off, {file} cannot be used: {error}"
    warnings.warn(CacheUnavailable(message), stacklevel=5)
    return None
