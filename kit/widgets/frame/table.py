"""The chain as an HTML table: quicker than a grid widget, and readable by a screen reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import pandas as pd


@dataclass(frozen=True)
class Column:
    """One field of a chain as the table shows it.

    Parameters
    ----------
    field : str
        Column of the chain.
    title : str
        Heading, with the unit where one is needed.
    form : str
        Format of a number.
    factor : float, default 1
        Multiplies the number, for instance 100 for percent.
    """

    field: str
    title: str
    form: str
    factor: float = 1

    def cell(self, value: float) -> str:
        """Write one number; a dash where there is none."""
        return "–" if isnan(value) else self.form.format(value * self.factor)


def chain_table(rows: pd.DataFrame, columns: Sequence[Column], forward: float, middle: float) -> str:
    """Write calls left, puts right, one row per strike.

    Parameters
    ----------
    rows : DataFrame
        Indexed by strike, columns ``(field, right)``.
    columns : sequence of Column
        Fields of the call side from left to right; the put side mirrors them.
    forward : float
        Divides the strikes into in and out of the money, rupees.
    middle : float
        The strike at the money, rupees.

    Returns
    -------
    str
        HTML.
    """
    head = _head([column.title for column in columns])
    around = zip(rows.index.tolist(), rows.iterrows(), strict=True)
    body = "".join(_row(strike, row, columns, forward, middle) for strike, (_, row) in around)
    label = "aria-label='Option chain, calls left, puts right'"
    table = f"<table class='kit-table' {label}>{head}<tbody>{body}</tbody></table>"
    return f"<div class='kit-scroll' tabindex=0>{table}</div>"  # with a tab stop, keys can scroll it


def _head(titles: Sequence[str]) -> str:
    calls, puts = (f"<th colspan={len(titles)} scope='colgroup'>{side}</th>" for side in ("Calls", "Puts"))
    left, right = (
        "".join(f"<th scope='col'>{title}</th>" for title in side) for side in (titles, titles[::-1])
    )
    names = f"{left}<th scope='col' class='kit-strike'>Strike</th>{right}"
    return f"<thead><tr>{calls}<th></th>{puts}</tr><tr>{names}</tr></thead>"


def _row(strike: float, row: pd.Series, columns: Sequence[Column], forward: float, middle: float) -> str:
    calls = _side(row, columns, "CE", strike < forward)
    puts = _side(row, columns[::-1], "PE", strike > forward)
    kind = " class='kit-middle'" if strike == middle else ""
    return f"<tr{kind}>{calls}<th scope='row' class='kit-strike'>{strike:,.0f}</th>{puts}</tr>"


def _side(row: pd.Series, columns: Sequence[Column], right: str, inside: bool) -> str:
    mark = " class='kit-inside'" if inside else ""
    return "".join(f"<td{mark}>{column.cell(row[column.field, right])}</td>" for column in columns)
