"""Wide files made long: calls and puts side by side, or a group of columns for each symbol."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa

_FIELD = r"(?P<field>open|high|low|close|volume|vol|oi|open_?interest)"
_SIDES = re.compile(rf"(?P<side>ce|pe|call|put)[_. ]?{_FIELD}", re.IGNORECASE)
_BEFORE = re.compile(rf"(?P<side>.+?)[_. ]{_FIELD}", re.IGNORECASE)
_BEHIND = re.compile(rf"{_FIELD}[_. ](?P<side>.+)", re.IGNORECASE)
_RIGHTS = {"ce": "CE", "call": "CE", "pe": "PE", "put": "PE"}


def long_tables(table: pa.Table) -> Iterator[pa.Table]:
    """Yield a table as it is, or one for each side or symbol of a wide one.

    A side becomes the column ``option_type``, a symbol the column ``symbol``; rows in which a side has no
    close are no bars.
    """
    for form, key in ((_SIDES, "option_type"), (_BEFORE, "symbol"), (_BEHIND, "symbol")):
        sides: dict[str, dict[str, str]] = {}
        for heading in table.column_names:
            if found := form.fullmatch(heading):
                sides.setdefault(found["side"], {})[found["field"].lower()] = heading
        sides = {
            side: columns for side, columns in sides.items() if {"open", "high", "low", "close"} <= {*columns}
        }
        if sides:
            yield from (_one(table, sides, side, key) for side in sides)
            return
    yield table


def _one(table: pa.Table, sides: dict[str, dict[str, str]], side: str, key: str) -> pa.Table:
    taken = {heading for columns in sides.values() for heading in columns.values()}
    shared = [heading for heading in table.column_names if heading not in taken and heading != key]
    names = {heading: field for field, heading in sides[side].items()}
    found = table.select([*shared, *names]).rename_columns(
        [names.get(name, name) for name in [*shared, *names]]
    )
    found = found.filter(found.column("close").is_valid())
    label = _RIGHTS.get(side.lower(), side) if key == "option_type" else side
    return found.append_column(key, pa.array([label] * found.num_rows, pa.string()).dictionary_encode())
