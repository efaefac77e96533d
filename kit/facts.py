"""Dated facts that the exchange or the broker can change, read from ``data/*.csv``.

Each table has one row per change with the date it applies from and its source. Nothing else in the
kit knows such a number: correct it in the table, and everything follows. For which days a table answers,
and up to which of them it is certain, stands in ``data/ranges.csv``; a day outside is refused.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from kit import arguments
from kit.errors import DataError, UnknownSymbol

_HERE = Path(__file__).parent
_FOLDERS = (_HERE / "data", _HERE.parent / "data")  # an installed wheel, then a checkout
Row = Mapping[str, str]


class FactSpan(NamedTuple):
    """The days for which a table answers.

    Parameters
    ----------
    first, last : date
        Both included; a day outside is refused.
    certain_to : date
        The last day for which there was evidence; later days carry the last row forward: provisional.
    """

    first: date
    certain_to: date
    last: date


@cache
def table(name: str) -> Sequence[Row]:
    """Read a table of dated facts once per process.

    Parameters
    ----------
    name : str
        File name without ``.csv``, for instance ``"holidays"``.

    Returns
    -------
    sequence of mapping
        The rows as text, in file order.

    Raises
    ------
    DataError
        No such table is shipped with the kit.
    """
    for folder in _FOLDERS:
        path = folder / f"{name}.csv"
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as lines:
                names, *rows = csv.reader(lines)
            return tuple(dict(zip(names, row, strict=True)) for row in rows if row)
    raise DataError("No table of facts has this name", name, f"Look in {_FOLDERS[-1]}.")


@cache
def span(name: str, key: str = "") -> FactSpan:
    """Return the days for which a table answers.

    Parameters
    ----------
    name : str
        Of the table.
    key : str
        What is asked about where the table has several things, for instance the underlying.

    Raises
    ------
    DataError
        The table says nothing about it; names what it knows.
    """
    rows = {row["key"]: row for row in table("ranges") if row["table"] == arguments.text(name, "No table")}
    if arguments.text(key, "No fact has this key") not in rows:
        raise DataError(f"The table {name} says nothing about", key, f"It knows {', '.join(rows)}.")
    days = (date.fromisoformat(rows[key][column]) for column in ("first", "certain_to", "last"))
    return FactSpan(*days)


def within(name: str, on: date, key: str = "") -> None:
    """Refuse a day for which a table does not answer.

    Raises
    ------
    DataError
        It is no day or lies outside the range, or the table says nothing about `key`.
    """
    first, _, last = span(name, key)
    if not isinstance(on, date) or isinstance(on, datetime):
        raise DataError("Not a day", on, "Give a date.")
    if not first <= on <= last:
        what = f"The table {name} does not reach to this day" + (f" for {key}" if key else "")
        raise DataError(what, on.isoformat(), f"It answers from {first} to {last}; see data/ranges.csv.")


def fact(name: str, on: date, *, key: str = "", **match: str) -> Row:
    """Return the row of a table that applies on a day within its range.

    Parameters
    ----------
    name : str
        Of the table.
    on : date
        The day asked about.
    key : str
        As in `span`.
    **match : str
        Further columns that must equal these values.

    Raises
    ------
    DataError
        The day lies outside the range, or no row applies.
    """
    within(name, on, key)
    return in_force(table(name), on, **match)


def in_force(rows: Sequence[Row], on: date, **match: str) -> Row:
    """Choose the row that applies on a date.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of a table, in any order; each applies from the day in its column ``from``.
    on : date
        The day asked about.
    **match : str
        Further columns that must equal these values.

    Returns
    -------
    mapping
        The latest matching row whose date is not after `on`.

    Raises
    ------
    DataError
        No row applies that early.
    """
    day = on.isoformat()
    alike = (row for row in rows if all(row[column] == value for column, value in match.items()))
    known = [row for row in alike if row["from"] <= day]
    if not known:
        raise DataError(f"No fact {match or ''} is known for this day", day, "Add a row to data/.")
    return max(known, key=lambda row: row["from"])


_SAME = {
    "NIFTYBANK": "BANKNIFTY",
    "NIFTY50": "NIFTY",
    "NIFTYFINSERVICE": "FINNIFTY",
    "NIFTYMIDSELECT": "MIDCPNIFTY",
    "NIFTYNEXT50": "NIFTYNXT50",
}  # the index's own name (niftyindices.com), and the one its contracts have


def underlying_name(text: str) -> str:
    """Return the name that contracts have for an underlying, however it is written: ``"Nifty Bank"``.

    Examples
    --------
    >>> underlying_name("NIFTY BANK"), underlying_name("m&m")
    ('BANKNIFTY', 'M&M')
    """
    plain = arguments.text(text, "No instrument has this name", UnknownSymbol).strip().upper()
    if not plain:
        raise UnknownSymbol("An underlying has a name", text, "Write for instance BANKNIFTY.")
    letters = "".join(letter for letter in plain if letter.isalnum())
    same = {*_SAME.values()} & {letters}
    return _SAME.get(letters) or (same.pop() if same else plain)
