"""A table drawn by the page itself: sorts by click, filters rows and columns, tells what was clicked."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isnan
from pathlib import Path
from typing import Any

import anywidget
import traitlets as t

NUMBERS = {"1,234,567": "plain", "12,34,567": "indian", "12.35 L": "short"}
_ENDLESS = 1e308  # stands for infinity, which JSON does not know
_MOST_ROWS = 2_000  # in the page at once; more make it slow, and nobody reads them


@dataclass(frozen=True)
class GridColumn:
    """One column of a `Grid`.

    Parameters
    ----------
    field : str
        What the rows call it.
    title : str
        Heading.
    unit : str, optional
        Stands small below the heading.
    digits : int, default 0
        Decimals of its numbers.
    factor : float, default 1
        Multiplies them, for instance 100 for percent.
    signed : bool, default False
        Whether a plus is written.
    text, key : bool, default False
        Whether it holds words, and whether it stays in sight as the name of the row.
    group : str, optional
        Heading above several columns.
    help : str, optional
        Shown when the pointer rests on the heading; of cells that are buttons, what they do.
    press : bool, default False
        Whether its cells are buttons, in a `Grid` that is `clickable`.
    """

    field: str
    title: str
    unit: str = ""
    digits: int = 0
    factor: float = 1
    signed: bool = False
    text: bool = False
    key: bool = False
    group: str = ""
    help: str = ""
    press: bool = False

    def cell(self, value: Any) -> Any:
        """Return a value as the page gets it: scaled, None where there is none."""
        if value is None:
            return None
        if self.text:
            return str(value)
        number = float(value) * self.factor
        return None if isnan(number) else min(max(number, -_ENDLESS), _ENDLESS)

    def as_dict(self) -> dict[str, Any]:
        """Return what the page needs of it."""
        return asdict(self) | {"title_all": f"{self.group} {self.title}".strip()}


@dataclass(frozen=True)
class GridRow:
    """One row of a `Grid`.

    Parameters
    ----------
    key : hashable
        Tells which row was clicked; text or number.
    cells : sequence
        One value per column, as `GridColumn.cell` gives it.
    mark : str, optional
        ``kit-middle`` for the row at the money; ``kit-failed`` for one without figures, whose first cell is
        its name and whose last says why.
    inside : sequence of str, optional
        Groups whose cells are shaded.
    """

    key: Hashable
    cells: Sequence[Any]
    mark: str = ""
    inside: Sequence[str] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        """Return what the page needs of it."""
        return {"key": self.key, "cells": list(self.cells), "mark": self.mark, "inside": list(self.inside)}


def cells_of(columns: Iterable[GridColumn], record: Mapping[Any, Any]) -> list[Any]:
    """Return the cells of a row whose columns' fields stand in a record."""
    return [column.cell(record[column.field]) for column in columns]


def numbered(columns: Sequence[GridColumn], records: Iterable[Mapping[Any, Any]]) -> list[GridRow]:
    """Return a row for each record; its key is its number from 0."""
    return [GridRow(number, cells_of(columns, record)) for number, record in enumerate(records)]


def led_by(columns: Sequence[GridColumn], fields: Sequence[str]) -> tuple[GridColumn, ...]:
    """Return columns with the named ones next to the key, where they stay in sight."""
    return tuple(sorted(columns, key=lambda one: (not one.key, one.field not in fields)))


class Grid(anywidget.AnyWidget):
    """A sortable table.

    Parameters
    ----------
    label : str
        What it shows, for those who cannot see it.
    sortable, clickable : bool
        Whether its headings sort it, and the cells of columns that `press` answer through `clicked`.
    searchable : bool
        Whether a line above it filters its rows and chooses its columns.
    titled : bool
        Whether its label stands above it.

    Attributes
    ----------
    hidden : list of str or None
        Titles of the columns that the reader took away; None until then: the last ones wait in the chooser
        where there is no room for all, but for a table in groups.
    """

    _esm = Path(__file__).with_name("grid.js")

    label = t.Unicode().tag(sync=True)
    columns: t.List[Any] = t.List().tag(sync=True)
    rows: t.List[Any] = t.List().tag(sync=True)
    numbers = t.Unicode("plain").tag(sync=True)
    sort = t.Dict().tag(sync=True)
    hidden: t.List[Any] = t.List(default_value=None, allow_none=True).tag(sync=True)
    sortable = t.Bool(True).tag(sync=True)
    clickable = t.Bool(False).tag(sync=True)
    searchable = t.Bool(True).tag(sync=True)
    titled = t.Bool(False).tag(sync=True)
    clicked = t.Dict().tag(sync=True)
    most = t.Int(_MOST_ROWS).tag(sync=True)

    def __init__(self, label: str, **looks: bool) -> None:
        super().__init__(label=label, **looks)

    def show(self, columns: Sequence[GridColumn], rows: Sequence[GridRow]) -> None:
        """Replace columns and rows in one message; the order chosen by click stays while columns do."""
        described = [column.as_dict() for column in columns]
        with self.hold_sync():
            if described != self.columns:
                self.sort, self.columns = {}, described
            self.rows = [row.as_dict() for row in rows]
