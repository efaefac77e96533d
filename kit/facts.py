"""Dated facts that the exchange or the broker can change, read from ``data/*.csv``.

Each table has one row per change with the date it applies from and its source. Nothing else in the
kit knows such a number: correct it in the table, and everything follows.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

from kit.errors import DataError

_HERE = Path(__file__).parent
_FOLDERS = (_HERE / "data", _HERE.parent / "data")  # an installed wheel, then a checkout


@cache
def table(name: str) -> Sequence[Mapping[str, str]]:
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
                return tuple(csv.DictReader(lines))
    raise DataError("No table of facts has this name", name, f"Look in {_FOLDERS[-1]}.")


def in_force(
    rows: Sequence[Mapping[str, str]], on: date, since: str = "from", **match: str
) -> Mapping[str, str]:
    """Choose the row that applies on a date.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of a table, in any order.
    on : date
        The day asked about.
    since : str, default "from"
        The column that holds the first day a row applies to.
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
    known = [
        row
        for row in rows
        if row[since] <= on.isoformat() and all(row[key] == value for key, value in match.items())
    ]
    if not known:
        raise DataError(f"No fact {match or ''} is known for this day", on.isoformat(), "Add a row to data/.")
    return max(known, key=lambda row: row[since])
