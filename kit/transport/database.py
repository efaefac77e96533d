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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kit.errors import CacheUnavailable

_PATIENCE_S = 2.0  # to wait for another process's transaction
_RETRY_S = 30.0  # until a file that failed is tried again
_DAMAGE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_WAL_LIMIT_BYTES = 16 * 2**20


class NewerSchema(sqlite3.DatabaseError):
    """The file was written by a later version of the kit."""


class DamagedFile(sqlite3.DatabaseError):
    """What sqlite3 read out of the file is no value that it can have written."""


class Database:
    """A connection that outlives damage, deletion of its file, and a fork; opened on first use.

    Parameters
    ----------
    path : Path or None
        The file; None: in memory, for this process alone.
    version : int
        Of the schema; an older file is emptied, a newer one is refused.
    schema : sequence of str
        Statements that make an empty file ready.
    durable : bool, default True
        Flush to the disk now and then; off: a power cut (not a kill) may damage the file.

    Attributes
    ----------
    made : int
        How often the file was found without the schema and made anew.
    """

    made = 0

    def __init__(
        self, path: Path | None, version: int, schema: Sequence[str], *, durable: bool = True
    ) -> None:
        self.path = path
        self._version = version
        self._schema = schema
        self._durable = durable
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] = (0, 0)  # process, inode

    def __del__(self) -> None:
        if getattr(self, "_connection", None) is not None:
            self.close()

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock of the file for one transaction; an error undoes it.

        Raises
        ------
        OSError, sqlite3.Error
            The file cannot be used; `NewerSchema`: a later version of the kit owns it.
        """
        with self._lock, _foreign_errors():
            connection = self._ready()
            if connection.in_transaction:  # a commit that Ctrl-C broke off
                connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def read(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Run one query and return its rows; raises as `write` does."""
        with self._lock, _foreign_errors():
            return self._ready().execute(statement, values).fetchall()

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._identity[0] == os.getpid():
                self._connection.close()
            self._connection = None

    def set_aside(self, reason: Exception) -> None:
        """Rename a damaged file and start an empty one, saying so.

        A file that another process has already replaced is left alone.

        Raises
        ------
        OSError, sqlite3.Error
            No new file can be made.
        """
        if self.path is None:
            raise reason
        with self._lock:
            inode = self._identity[1]
            self.close()
            if inode in (0, _inode(self.path)):
                aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
                for end in ("", "-wal", "-shm"):
                    with contextlib.suppress(FileNotFoundError):
                        Path(f"{self.path}{end}").replace(f"{aside}{end}")
                message = f"{self.path} was damaged ({reason}); it is set aside as {aside.name} and rebuilt"
                warnings.warn(CacheUnavailable(message), stacklevel=2)
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
                _write_ahead(connection, "NORMAL" if self._durable else "OFF")
            self._prepare(connection)
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if _version(connection) == self._version:
            return
        connection.execute("BEGIN IMMEDIATE")
        found = _version(connection)  # another process may have been faster
        if found > self._version:
            raise NewerSchema(
                f"{self.path} has schema {found}, this version of the kit knows {self._version}"
            )
        if found < self._version:
            self.made += 1
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
                connection.execute(f'DROP TABLE IF EXISTS "{name}"')
            for statement in self._schema:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={self._version}")
        connection.execute("COMMIT")


def damaged(error: sqlite3.Error) -> bool:
    """Tell damage (not a database, malformed, a table gone) from what may pass (locked, full, read-only)."""
    return isinstance(error, DamagedFile) or _code(error) in _DAMAGE


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


class Outage:
    """A time in which a file is done without: said once, and over by itself.

    Parameters
    ----------
    what : str
        What is off, for the warning.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._until = -math.inf
        self._told = False

    def __bool__(self) -> bool:
        return time.monotonic() < self._until

    def begin(self, error: Exception) -> None:
        """Do without for a while; what can still be read (full, read-only) is only told of, once."""
        if _code(error) not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY):
            self._until = time.monotonic() + _RETRY_S
        if not self._told:
            self._told = True
            warnings.warn(CacheUnavailable(f"{self._what}: {error}"), stacklevel=7)

    def end(self) -> None:
        """Note that the file works again."""
        if self._until > 0:
            self._until, self._told = -math.inf, False


@contextlib.contextmanager
def _foreign_errors() -> Iterator[None]:
    """Give what sqlite3 raises beside its own errors, reading a damaged file, the name of damage."""
    try:
        yield
    except (UnicodeError, OverflowError, MemoryError) as error:
        raise DamagedFile(f"{type(error).__name__} out of SQLite") from None


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
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


def _write_ahead(connection: sqlite3.Connection, flushing: str) -> None:
    """Switch to the write-ahead log; SQLite does not wait for others here, so this does."""
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # heeded while the file is empty
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
