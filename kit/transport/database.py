"""One small SQLite file shared by every process and thread of the machine.

Private (mode 0600), write-ahead log, patient with other writers, of a known schema version, rebuilt
when it is damaged. The limiter and the disk tier both stand on it.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from kit.errors import CacheUnavailable
from kit.forks import fork_outside, renew_in_fork

_PATIENCE_S = 2.0  # to wait for another process's transaction
_RETRY_S = 30.0  # until a file that failed is tried again
_DAMAGE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_ODD = (UnicodeError, OverflowError, MemoryError)  # what sqlite3 raises beside its own, on damaged files
_WAL_LIMIT_BYTES = 16 * 2**20
T = TypeVar("T")


class FileUnusable(Exception):
    """The file cannot be used for a while, as a `CacheUnavailable` warning has said."""


class DamagedFile(sqlite3.DatabaseError):
    """The file holds what nobody has written."""


class Database:
    """A connection that survives damage, locks, deletion of its file, and a fork; opened on first use.

    A damaged file is renamed and replaced. A file that stays locked for two seconds, is newer than this kit
    or cannot be reached is not tried again for half a minute; one that is full or read-only is tried with
    each use. Until it works, every use raises `FileUnusable` at once. A warning says so the first time.

    Parameters
    ----------
    path : Path or None
        The file; None: in memory, for this process alone.
    version : int
        Of the schema; an older file is emptied, a newer one is refused.
    schema : sequence of str
        Statements that make an empty file ready.
    without : str, default ""
        What follows when the file cannot be used; the warning begins with it.
    durable : bool, default True
        Flush to the disk now and then; off: a power cut (not a kill) may damage the file.
    """

    def __init__(
        self,
        path: Path | None,
        version: int,
        schema: Sequence[str],
        without: str = "",
        *,
        durable: bool = True,
    ) -> None:
        self.path = path
        self._version = version
        self._schema = schema
        self._without = without
        self._durable = durable
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._closing: weakref.finalize[..., Any] | None = None  # runs when this object is collected
        self._identity: tuple[int, int] = (0, 0)  # process, inode
        self._off_until = -math.inf
        self._told = False
        self._made = 0
        renew_in_fork(self, _lock=threading.RLock)
        fork_outside(self, "_lock")

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do some work in one transaction that holds the file's write lock; an error undoes it.

        Raises
        ------
        FileUnusable
            The file cannot be used now.
        """
        return self._usable(lambda: self._transaction(work))

    def read(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Run one query and return its rows; raises as `write` does."""
        return self._usable(lambda: self._ready().execute(statement, values).fetchall())

    @property
    def content(self) -> tuple[int, int]:
        """A mark that changes when the file is replaced or emptied."""
        return self._made, self._identity[1]

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            if self._closing is not None:
                self._closing()
            self._connection = None

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._ready()
        if connection.in_transaction:  # a commit that Ctrl-C broke off
            connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = work(connection)
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return done

    def _usable(self, step: Callable[[], T]) -> T:
        with self._lock:
            if time.monotonic() < self._off_until:
                raise FileUnusable
            for _attempt in range(2):
                try:
                    done = step()
                except (OSError, sqlite3.Error, *_ODD) as error:
                    self._mend(error)
                    continue
                if self._off_until > 0:
                    self._off_until, self._told = -math.inf, False
                return done
        raise FileUnusable

    def _mend(self, error: Exception) -> None:
        code = int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
        if isinstance(error, DamagedFile | UnicodeError | OverflowError | MemoryError) or code in _DAMAGE:
            try:
                return self._set_aside(error)
            except (OSError, sqlite3.Error) as second:
                error = second
        if code not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY):
            self._off_until = time.monotonic() + _RETRY_S
        if not self._told:
            self._told = True
            message = f"{self._without}; {self.path} cannot be used: {error}"
            warnings.warn(CacheUnavailable(message), stacklevel=7)
        raise FileUnusable from None

    def _set_aside(self, reason: Exception) -> None:
        """Rename a damaged file and start an empty one; one that another process replaced is left alone."""
        if self.path is None:
            raise sqlite3.DatabaseError(str(reason))
        inode = self._identity[1]
        self.close()
        if inode in (0, _inode(self.path)):
            aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
            for end in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    Path(f"{self.path}{end}").replace(f"{aside}{end}")
            message = f"{self.path} was damaged ({reason}); it is set aside as {aside.name} and rebuilt"
            warnings.warn(CacheUnavailable(message), stacklevel=7)
        self._open()

    def _ready(self) -> sqlite3.Connection:
        if self._identity[0] != os.getpid():  # after a fork the parent's connection must not be touched
            self._connection = None
        elif self.path is not None and _inode(self.path) != self._identity[1]:
            self.close()  # somebody deleted or replaced the file
        return self._connection or self._open()

    def _open(self) -> sqlite3.Connection:
        if self.path is not None:
            _create_private(self.path)
        self._identity = (os.getpid(), 0 if self.path is None else _inode(self.path))
        connection = sqlite3.connect(
            self.path or ":memory:", timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
        )
        try:
            if self.path is not None:
                _write_ahead(connection, "NORMAL" if self._durable else "OFF", self.path.stat().st_size == 0)
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._closing = weakref.finalize(self, _close, connection, os.getpid())
        self._connection = connection
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if _version(connection) == self._version:
            return
        connection.execute("BEGIN IMMEDIATE")
        found = _version(connection)  # another process may have been faster
        if found > self._version:
            raise sqlite3.DatabaseError(f"it has schema {found}, this kit knows {self._version}")
        if found < self._version:
            self._made += 1
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
                connection.execute(f'DROP TABLE IF EXISTS "{name}"')
            for statement in self._schema:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={self._version}")
        connection.execute("COMMIT")


def _close(connection: sqlite3.Connection, owner: int) -> None:
    if os.getpid() == owner:  # a fork's copy must not be touched
        connection.close()


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _inode(path: Path) -> int:
    try:
        return os.stat(path).st_ino  # noqa: PTH116 - in every read, and half as long as Path's own
    except FileNotFoundError:
        return -1


def _create_private(path: Path) -> None:
    """Make the folder 0700 and the file 0600; SQLite gives ``-wal`` and ``-shm`` the file's mode.

    A file that exists is not opened here: closing it would drop the locks that other connections of this
    process hold on it, and another process could then take the log away under them.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _write_ahead(connection: sqlite3.Connection, flushing: str, is_new: bool) -> None:
    """Switch to the write-ahead log; SQLite does not wait for others here, so this does."""
    if is_new:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # a write; SQLite obeys it only in an empty file
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    connection.execute(f"PRAGMA synchronous={flushing}")  # either survives a kill of the process
    connection.execute(f"PRAGMA journal_size_limit={_WAL_LIMIT_BYTES}")
