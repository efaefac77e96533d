"""The journal of a paper account: its events in SQLite, each on the disk before anything follows from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from kit.errors import UnreadableFile, UnwritableFile
from kit.trading.events import Event, read, written

_MARK = 0x42_4E_4B_31  # application_id of a journal of this form
_TABLE = (
    "create table if not exists events (number integer primary key, kind text not null, body text not null)"
)
_DISK = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
T = TypeVar("T")


class Journal:
    """Appends events and reads them again; one process at a time holds it.

    Parameters
    ----------
    path : Path
        The file; made with its folder where there is none.

    Raises
    ------
    UnwritableFile
        It cannot be written, or another process has it open.
    UnreadableFile
        It is no journal.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = self._guarded(self._opened)
        self.closed = False

    def append(self, events: Iterable[Event]) -> None:
        """Write events together; when this returns they are on the disk.

        Raises
        ------
        UnwritableFile
            They are not; nothing of them is.
        """
        rows = [written(event) for event in events]

        def write() -> None:
            with self._database:
                self._database.executemany("insert into events (kind, body) values (?, ?)", rows)

        self._guarded(write)

    def events(self) -> list[Event]:
        """Return every event, oldest first.

        Raises
        ------
        UnreadableFile
            A row is no event.
        """
        query = "select kind, body from events order by number"
        rows = self._guarded(lambda: self._database.execute(query).fetchall())
        return [read(kind, body) for kind, body in rows]

    def close(self) -> None:
        """Give the file free; harmless twice."""
        self._database.close()
        self.closed = True

    def _opened(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        database = sqlite3.connect(self.path, timeout=1.0, check_same_thread=False)
        try:
            database.execute("pragma locking_mode = exclusive")
            database.execute("pragma journal_mode = wal")
            database.execute("pragma synchronous = full")  # a commit returns when the disk has it
            mark = database.execute("pragma application_id").fetchone()  # none: its head is damaged
            if mark != (_MARK,) and database.execute("select count(*) from sqlite_master").fetchone()[0]:
                raise UnreadableFile(_NONE, str(self.path), _ANOTHER)
            with database:
                database.execute("begin exclusive")  # held until it is closed, or the process is gone
                database.execute(f"pragma application_id = {_MARK}")
                database.execute(_TABLE)
        except BaseException:
            database.close()
            raise
        return database

    def _guarded(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                remedy = "Close the account there; one process holds a journal."
                raise UnwritableFile("This journal is open elsewhere", str(self.path), remedy) from error
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DISK:
                raise UnreadableFile(_NONE, str(self.path), _ANOTHER) from error
            raise UnwritableFile(f"The journal fails: {error}", str(self.path), "Free the disk.") from error
        except sqlite3.ProgrammingError as error:
            raise UnwritableFile("This account is closed", str(self.path), "Open it again.") from error
        except sqlite3.DatabaseError as error:
            raise UnreadableFile(_NONE, str(self.path), _ANOTHER) from error
        except OSError as error:
            what = f"No journal can be kept here: {error.strerror or error}"
            raise UnwritableFile(what, str(self.path), _ANOTHER) from error


_NONE, _ANOTHER = "Damaged, or no journal of a paper account", "Name another file, or a copy of this one."
