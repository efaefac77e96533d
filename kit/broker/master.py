"""The instrument master: the broker's list of everything tradable, as a table that answers by name.

The broker's file is one JSON array of some 170,000 rows and 40 MB. It is read in pieces as it
arrives, so that memory stays small, into a small SQLite file that a look-up opens in a millisecond.

Source: OpenAPIScripMaster.json as served in 2026; older files lack fields, later ones may add some.
"""

from __future__ import annotations

import codecs
import json
import sqlite3
import threading
import warnings
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from kit.broker.shapes import KeyTwice, once
from kit.errors import CacheUnavailable, ProtocolError
from kit.forks import fork_outside

T = TypeVar("T")
BANKNIFTY_INDEX = "99926009"  # the broker's token of the index row, present in every whole master
_PATIENCE_S = 0.2  # nobody writes into a finished file: who holds it is no kit
_LONGEST_ROW = 2**20  # characters; the broker's have some 250
_DECODER = json.JSONDecoder(object_pairs_hook=once)


def rows_of(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSON array while its bytes arrive.

    Parameters
    ----------
    chunks : iterable of bytes
        The body in pieces of any length.

    Raises
    ------
    ProtocolError
        The body is not a JSON array of objects, or ends early.
    """
    text, rest, begun = codecs.getincrementaldecoder("utf-8")("replace"), "", False
    for chunk in chunks:
        rest += text.decode(chunk)
        if not begun and rest.strip():
            rest = rest.lstrip()
            if rest[0] != "[":
                break
            begun, rest = True, rest[1:]
        found, rest = _whole_objects(rest)
        yield from found
    if not begun or rest.strip() != "]":
        raise ProtocolError("The instrument master is not a whole JSON array", rest[:80], "Try again later.")


def _whole_objects(text: str) -> tuple[list[dict[str, Any]], str]:
    """Return the objects that `text` begins with, and what is left of it."""
    found, at = [], _skipped(text, 0)
    while text.startswith("{", at):
        try:
            row, at = _DECODER.raw_decode(text, at)
        except KeyTwice as error:
            raise ProtocolError("A row of the instrument master", str(error), "Try again later.") from None
        except ValueError:  # the rest of this object is still on its way
            if len(text) - at > _LONGEST_ROW:
                raise _endless(text[at : at + 80]) from None
            break
        except RecursionError:
            raise _endless(text[at : at + 80]) from None
        found.append(row)
        at = _skipped(text, at)
    return found, text[at:]


def _endless(begin: str) -> ProtocolError:
    return ProtocolError("A row of the instrument master has no end", begin, "Try again later.")


def _skipped(text: str, at: int) -> int:
    while at < len(text) and text[at] in " ,\r\n\t":
        at += 1
    return at


class Master:
    """The instrument rows of one day, looked up by name.

    Parameters
    ----------
    database : sqlite3.Connection
        Holds the table; closed by `close`.
    fetched_at : datetime
        When it was downloaded, timezone-aware.

    Attributes
    ----------
    again : callable or None
        Fetches it anew where its file turns out to be damaged; None: that is an error.
    """

    def __init__(self, database: sqlite3.Connection, fetched_at: datetime) -> None:
        self._database = database
        self._lock = threading.RLock()
        self._closing = weakref.finalize(self, database.close)  # a master of yesterday may be in use
        self.fetched_at = fetched_at
        self.again: Callable[[], Master] | None = None
        fork_outside(self, "_lock")

    @classmethod
    def open(cls, file: Path) -> Self:
        """Open a stored master.

        Raises
        ------
        sqlite3.Error
            The file is not one.
        """
        database = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=ro", timeout=_PATIENCE_S, uri=True, check_same_thread=False
        )
        try:
            whole = "SELECT at FROM fetched, rows WHERE name = 'BANKNIFTY' AND sum IS NOT NULL LIMIT 1"
            (fetched_at,) = database.execute(whole).fetchone()
            return cls(database, datetime.fromisoformat(fetched_at))
        except BaseException:
            database.close()
            raise

    def rows(self, name: str, kind: str | None = None, expiry: str | None = None) -> list[dict[str, Any]]:
        """Return the rows of one name as the broker wrote them, in file order.

        Parameters
        ----------
        name : str
            Field ``name``, for instance ``"BANKNIFTY"``.
        kind : str, optional
            Field ``instrumenttype``, for instance ``"OPTIDX"``; default all.
        expiry : str, optional
            Field ``expiry``, for instance ``"23NOV2026"``; default all.
        """
        asked = "SELECT row, sum FROM rows WHERE name = ? AND kind = ifnull(?, kind)"
        asked += " AND expiry = ifnull(?, expiry) ORDER BY rowid"
        return self._query(_rows, asked, name, kind, expiry)

    def symbol(self, symbol: str) -> list[dict[str, Any]]:
        """Return the rows of one trading symbol, for instance ``"BANKNIFTY23NOV2657000CE"``."""
        return self._query(_rows, "SELECT row, sum FROM rows WHERE symbol = ?", symbol)

    def expiries(self, name: str, kind: str) -> list[str]:
        """Return every expiry of a name and kind once, as the broker wrote them, in no order."""
        asked = "SELECT DISTINCT expiry FROM rows WHERE name = ? AND kind = ?"
        return self._query(_texts, asked, name, kind)

    def names(self) -> list[str]:
        """Return every name once, sorted."""
        return self._query(_texts, "SELECT DISTINCT name FROM rows ORDER BY name")

    def close(self) -> None:
        """Close the file; harmless twice."""
        self._closing()

    def _query(self, read: Callable[[list[Any]], list[T]], sql: str, *values: str | None) -> list[T]:
        with self._lock:
            try:
                return read(self._database.execute(sql, values).fetchall())
            except (sqlite3.Error, *_SPOILT) as error:
                if self.again is None:
                    remedy = "Download it again."
                    raise ProtocolError("The stored instrument master is damaged", None, remedy) from error
                note = (
                    f"The stored instrument master is damaged ({type(error).__name__}); it is fetched again"
                )
            warnings.warn(note, CacheUnavailable, stacklevel=5)
            self._become(self.again())
            return read(self._database.execute(sql, values).fetchall())

    def _become(self, fresh: Master) -> None:
        fresh._closing.detach()
        self._closing()
        self._database, self.fetched_at = fresh._database, fresh.fetched_at
        self._closing = weakref.finalize(self, self._database.close)


_SPOILT = (ValueError, TypeError, AttributeError, RecursionError)


def _rows(found: list[tuple[str, int]]) -> list[dict[str, Any]]:
    if any(check != zlib.crc32(row.encode()) for row, check in found):
        raise ValueError("a row does not fit its checksum")
    rows: list[dict[str, Any]] = json.loads(f"[{','.join(row for row, _check in found)}]")  # at one go
    return rows


def _texts(found: list[tuple[str]]) -> list[str]:
    return [str(text) for (text,) in found]


def fill(database: sqlite3.Connection, rows: Iterable[Mapping[str, Any]], now: datetime) -> None:
    """Write the rows of a master into an empty database and check that they are whole.

    Test contracts of the exchange (``NSETEST``) are left out.

    Raises
    ------
    ProtocolError
        The Bank Nifty index is not among them.
    """
    complete = False

    def kept() -> Iterator[tuple[str | int, ...]]:
        nonlocal complete
        for row in rows:
            name = str(row.get("name", ""))
            complete = complete or row.get("token") == BANKNIFTY_INDEX
            if "NSETEST" not in name:
                plain = (str(row.get(field) or "") for field in ("instrumenttype", "expiry", "symbol"))
                text = json.dumps(row, separators=(",", ":"))
                yield name, *plain, text, zlib.crc32(text.encode())

    with database:
        database.execute(
            "CREATE TABLE rows (name TEXT, kind TEXT, expiry TEXT, symbol TEXT, row TEXT, sum INT)"
        )
        database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?)", kept())
        database.execute("CREATE INDEX by_name ON rows (name, kind, expiry)")
        database.execute("CREATE INDEX by_symbol ON rows (symbol)")
        database.execute("CREATE TABLE fetched AS SELECT ? AS at", (now.isoformat(),))
    if not complete:
        raise ProtocolError("The instrument master lacks Bank Nifty", BANKNIFTY_INDEX, "Try again later.")
