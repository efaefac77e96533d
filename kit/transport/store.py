"""requests-cache's backend of this kit: one SQLite file, bounded, least recently used first out."""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from requests_cache.backends.base import BaseCache, BaseStorage

from kit.forks import renew_in_fork
from kit.settings import CacheConfig
from kit.transport.database import DamagedFile, Database, FileUnusable
from kit.transport.stored import decoded, encoded, lifespan

_TIDY_S = 60.0  # between removals of what has expired
_TOUCHES = 256  # hits noted in memory before they are written together
_NOTED = 50_000  # rows whose end is remembered by the steady clock
_STALE_S = 86_400.0  # how long an expired answer is kept that may still serve
_CONFIRMABLE = "(about LIKE '%\"ETag\": %' OR about LIKE '%\"Last-Modified\": %')"
_VERSION = 2
_SCHEMA = (
    "CREATE TABLE {0} (key TEXT PRIMARY KEY, about TEXT NOT NULL, body BLOB NOT NULL,"
    " created REAL NOT NULL, expires REAL, sum INT NOT NULL, used REAL NOT NULL, size INT NOT NULL)",
    "CREATE INDEX {0}_used ON {0} (used, size)",
    "CREATE INDEX {0}_expires ON {0} (expires) WHERE expires IS NOT NULL",
    "CREATE TABLE {0}_total (entries INT NOT NULL, bytes INT NOT NULL)",
    "INSERT INTO {0}_total VALUES (0, 0)",
    "CREATE TRIGGER {0}_added AFTER INSERT ON {0} BEGIN"
    " UPDATE {0}_total SET entries = entries + 1, bytes = bytes + new.size; END",
    "CREATE TRIGGER {0}_removed AFTER DELETE ON {0} BEGIN"
    " UPDATE {0}_total SET entries = entries - 1, bytes = bytes - old.size; END",
    "CREATE TRIGGER {0}_changed AFTER UPDATE OF size ON {0} BEGIN"
    " UPDATE {0}_total SET bytes = bytes - old.size + new.size; END",
)
_UPSERT = (
    "INSERT INTO {0} VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET about=excluded.about,"
    " body=excluded.body, created=excluded.created, expires=excluded.expires, sum=excluded.sum,"
    " used=excluded.used, size=excluded.size"
)
_RECOUNT = (
    "UPDATE {0}_total SET entries = (SELECT count(*) FROM {0}),"
    " bytes = (SELECT coalesce(sum(size), 0) FROM {0})"
)
_ODD = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, OSError)


class BoundedStorage(BaseStorage[str, Any]):
    """One table of the file as the mapping that requests-cache works on.

    It holds answers, and texts (where a redirect led). What another process spoilt, tampered with or
    locks is as if it were not there: a row that does not fit its checksum, looked at when a process
    first reads it, is dropped.

    Parameters
    ----------
    database : Database
        The file.
    table : str
        ``"answers"`` or ``"redirects"``.
    config : CacheConfig
        Bounds, and whether expired answers are kept for ``stale_if_error``.
    describe : callable, optional
        Returns an answer as JSON and body; default: without owner.
    """

    def __init__(
        self,
        database: Database,
        table: str,
        config: CacheConfig,
        describe: Callable[[Any], tuple[str, bytes]] = lambda answer: encoded(answer, "", (), ()),
    ) -> None:
        super().__init__(serializer=None)
        self._database, self._table, self._config = database, table, config
        self._describe = describe
        self._touched: dict[str, float] = {}
        self._ends: dict[tuple[str, float, float], float] = {}
        self._lock = threading.Lock()
        renew_in_fork(self, _lock=threading.Lock)
        self._tidied = 0.0
        self.evictions = self.expirations = self.failures = 0
        len(self)  # warns now, not later, of a file that cannot be used
        if self._read("SELECT 1 FROM {0} WHERE used > ? LIMIT 1", (time.time() + 1,)):
            self._written(self._delete, "expires IS NOT NULL", ())  # the clock was set back: ages are unknown

    def __getitem__(self, key: str) -> Any:
        asked = "SELECT about, body, created, expires, sum, size FROM {0} WHERE key=?"
        for about, body, created, expires, check, size in self._read(asked, (key,)):
            with suppress(*_ODD):
                known = (key, created, expires) in self._ends and len(about) + len(body) == size
                if known or check == _checksum(about, body, created, expires):
                    self._touch(key)
                    return self._found(key, about, body, created, expires)
            self._written(self._delete, "key=?", (key,))
        raise KeyError(key)

    def __setitem__(self, key: str, value: Any) -> None:
        answer = hasattr(value, "status_code")
        about, body = self._describe(value) if answer else (f"={value}", b"")
        created = value.created_at.timestamp() if answer else time.time()
        expires = value.expires.timestamp() if answer and value.expires is not None else None
        size = len(about) + len(body)
        if size <= self._config.disk_max_bytes:
            check = _checksum(about, body, created, expires)
            self._written(self._write, (str(key), about, body, created, expires, check, time.time(), size))
            self._end(str(key), created, expires)

    def __delitem__(self, key: str) -> None:
        if key not in self or not self._written(self._delete, "key=?", (key,)):
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter([key for (key,) in self._read("SELECT key FROM {0}")])

    def __len__(self) -> int:
        return self.total()[0]

    def __contains__(self, key: object) -> bool:
        return bool(self._read("SELECT 1 FROM {0} WHERE key=?", (key,)))

    def bulk_delete(self, keys: Iterable[str]) -> None:
        """Delete several rows; those that do not exist are no error."""
        for key in keys:
            self._written(self._delete, "key=?", (key,))

    def clear(self) -> None:
        """Delete every row and give the space back."""
        self._written(self._delete, "true", ())
        self._read("PRAGMA incremental_vacuum")

    def close(self) -> None:
        """Write what is still noted in memory, and close the file."""
        if self._touched:
            self._written(self._write_touches)
        self._database.close()

    def total(self) -> tuple[int, int]:
        """Return how many rows there are and their bytes."""
        whole = "typeof(entries) || typeof(bytes) = 'integerinteger' AND min(entries, bytes) >= 0"
        found = self._read(f"SELECT entries, bytes FROM {{0}}_total WHERE {whole}")  # noqa: S608 - our own
        return tuple(found[0]) if found else (0, 0)

    def tidy(self) -> None:
        """Remove what has expired.

        An answer that the host can confirm, and with ``stale_if_error`` every one, is kept for another day.
        """
        self._written(self._expire)

    def _found(self, key: str, about: str, body: bytes, created: float, expires: float | None) -> Any:
        if about.startswith("="):
            return about[1:]
        return decoded(key, about, body, created, self._end(key, created, expires))

    def _end(self, key: str, created: float, expires: float | None) -> float | None:
        """Return when a row expires by the present wall clock; setting that back prolongs no lifetime.

        A row from the future counts as expired, since its age cannot be known.
        """
        now, tick = time.time(), time.monotonic()
        if expires is None or created > now:
            return None if expires is None else 0.0
        if len(self._ends) > _NOTED:
            self._ends.clear()
        return min(expires, now + self._ends.setdefault((key, created, expires), tick + expires - now) - tick)

    def _write(self, rows: sqlite3.Connection, row: tuple[Any, ...]) -> list[Any]:
        self._write_touches(rows)
        rows.execute(self._sql(_UPSERT), row)
        if time.monotonic() - self._tidied > _TIDY_S:
            self._expire(rows)
        self._evict(rows)
        return []

    def _evict(self, rows: sqlite3.Connection) -> None:
        """Remove the least recently used until both bounds hold."""
        while True:
            total = rows.execute(self._sql("SELECT entries, bytes FROM {0}_total")).fetchone()
            if total is None or not all(isinstance(count, int) for count in total):
                raise DamagedFile("the total of the rows is gone")
            entries, size = total
            too_many = entries - self._config.disk_max_entries
            if too_many <= 0 and size <= self._config.disk_max_bytes:
                return
            oldest = "DELETE FROM {0} WHERE key IN (SELECT key FROM {0} ORDER BY used LIMIT ?)"
            removed = rows.execute(self._sql(oldest), (max(1, too_many),)).rowcount
            if not removed:
                raise DamagedFile("the total of the rows is wrong")
            self.evictions += removed

    def _expire(self, rows: sqlite3.Connection) -> list[Any]:
        self._tidied, now = time.monotonic(), time.time()
        gone = self._delete(rows, "expires <= ?", (now - _STALE_S,))
        if not self._config.stale_if_error:
            gone += self._delete(rows, f"expires <= ? AND NOT {_CONFIRMABLE}", (now,))
        self.expirations += len(gone)
        rows.execute(self._sql(_RECOUNT))  # a total that damage or a lost trigger spoilt would bound nothing
        return []

    def _delete(self, rows: sqlite3.Connection, where: str, values: tuple[Any, ...]) -> list[Any]:
        asked = f"DELETE FROM {self._table} WHERE {where} RETURNING key"  # noqa: S608 - our own words
        return rows.execute(asked, values).fetchall()

    def _touch(self, key: str) -> None:
        self._touched[key] = time.time()
        if len(self._touched) >= _TOUCHES:
            self._written(self._write_touches)

    def _write_touches(self, rows: sqlite3.Connection) -> list[Any]:
        with self._lock:
            touched, self._touched = self._touched, {}
        if touched:
            marks = [(used, key) for key, used in touched.items()]
            rows.executemany(self._sql("UPDATE {0} SET used=? WHERE key=?"), marks)
        return []

    def _sql(self, statement: str) -> str:
        return statement.format(self._table)

    def _read(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        return self._tried(self._database.read, self._sql(statement), values)

    def _written(self, work: Callable[..., list[Any]], *values: Any) -> list[Any]:
        return self._tried(self._database.write, lambda rows: work(rows, *values))

    def _tried(self, step: Callable[..., list[Any]], *values: Any) -> list[Any]:
        """Run a step and return nothing where the file cannot be used: a failing disk fails no call."""
        try:
            return step(*values)
        except FileUnusable:
            self.failures += 1
            return []


class BoundedCache(BaseCache):
    """A requests-cache backend: answers and redirects in one file, private, shared by all kernels.

    Parameters
    ----------
    file : Path or None
        None: nothing is kept, not even in memory.
    config : CacheConfig
        Bounds; ``disk=False`` keeps nothing either.
    owner : callable, optional
        Names the account that a request's answer belongs to; default: everybody's.
    """

    def __init__(
        self, file: Path | None, config: CacheConfig, owner: Callable[[Any], str] = lambda _request: ""
    ) -> None:
        super().__init__(str(file))
        self._file, self._owner = file, owner
        if file is None or not config.disk:
            file, config = None, config.model_copy(update={"disk_max_entries": 0})
        schema = [line.format(table) for table in ("answers", "redirects") for line in _SCHEMA]
        database = Database(file, _VERSION, schema, "The disk tier is off")
        self.responses: BoundedStorage = BoundedStorage(database, "answers", config, self._described)
        self.redirects: BoundedStorage = BoundedStorage(database, "redirects", config)

    @property
    def db_path(self) -> Path | None:  # type: ignore[override]
        """The file; None: there is none."""
        return self._file

    def save_response(
        self, response: Any, cache_key: str | None = None, expires: datetime | None = None
    ) -> None:
        """Store an answer for its lifetime, counted from the moment the request left."""
        key = cache_key or self.create_key(response.request)
        response.created_at, response.expires = lifespan(response, expires)
        self.responses[key] = response
        if not getattr(response, "revalidated", False):
            for each in response.history:
                self.redirects[self.create_key(each.request)] = key

    def get_stats(self) -> dict[str, int]:
        """Return ``entries, size_bytes, evictions, expirations, failures`` of the answers."""
        (entries, size), kept = self.responses.total(), self.responses
        counts = {name: getattr(kept, name) for name in ("evictions", "expirations", "failures")}
        return {"entries": entries, "size_bytes": size, **counts}

    def _described(self, answer: Any) -> tuple[str, bytes]:
        settings = self._settings
        if settings.match_headers is True:
            matched: Iterable[str] = answer.request.headers
        else:
            matched = settings.match_headers or ()
        return encoded(answer, self._owner(answer.request), settings.ignored_parameters or (), matched)


def _checksum(about: str, body: bytes, created: float, expires: float | None) -> int:
    return zlib.crc32(body, zlib.crc32(f"{about}{created!r}{expires!r}".encode()))
