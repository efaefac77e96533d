"""How the kit's parts and results show themselves in a cell: a line of text, and a card of HTML.

This is the one place for both. A card takes its colours from the page it stands in, so that it is readable
in a light and a dark theme, in JupyterLab, Voila, an exported notebook and the kit's own pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from html import escape
from math import isfinite, isinf, isnan
from numbers import Real
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 60  # of a table in a cell; the text below says how many there are
_LONG = "kit-long"
_WITH_UNIT = re.compile(
    r"(?<=₹) (?=[-+−\d])|(?<=\d) (?=…)|(?<=…) (?=-?\d)|"
    r"(?<=\d) (?=%|₹|(?:ms|us|s|min|h|bps|KiB|MiB|lots|days)\b|\d[\d,.]* ?[CP]E\b)"
)
_NUMERIC = re.compile(r"[-+−]?(₹ ?)?[-+−]?[\d,.]+( ?%)?|[–∞]|-∞")
STYLE = """<style>
.kit-card{font-size:13px;line-height:1.45;margin:4px 0;max-width:1560px}
.kit-card h4{margin:0 0 2px;font-size:14px;font-weight:600}.kit-card p{margin:2px 0}
.kit-card dl{display:flex;flex-wrap:wrap;gap:4px 22px;margin:4px 0 8px}
.kit-card dt,.kit-card dd{display:block;float:none;width:auto;margin:0;padding:0}
.kit-card dt{font-size:11px;font-weight:400}.kit-card dd{font-weight:600;font-variant-numeric:tabular-nums}
.kit-card .kit-wide{overflow:auto;max-height:460px;margin:4px 0;width:fit-content;max-width:100%}
.kit-card table{border-collapse:collapse;margin:0;font-size:12px;font-variant-numeric:tabular-nums}
.kit-card caption{text-align:left;font-weight:600;padding:2px 0}
.kit-card.kit-card table th,.kit-card.kit-card table td{padding:2px 9px;text-align:left;white-space:nowrap;
border-bottom:1px solid color-mix(in srgb,currentColor 18%,transparent)}
.kit-card.kit-card table .kit-n{text-align:right}
.kit-card table td.kit-long{white-space:normal;overflow-wrap:break-word;min-width:120px;max-width:420px}
.kit-card tr.kit-marked{box-shadow:inset 3px 0 #c8553d}
</style>"""


class Showable:
    """Mixed into what an analyst may name at the end of a cell.

    A class says its figures, and where it has some its tables; `repr` and the HTML follow.
    """

    __slots__ = ()

    def _figures(self) -> Mapping[str, object]:
        """Return what is worth knowing at first sight, by name, in order."""
        raise NotImplementedError

    def _details(self) -> Iterable[str]:
        """Return what stands below the figures: tables made by `table`, sentences made by `sentence`."""
        return ()

    def _heading(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {written(value)}" for name, value in self._figures().items())
        name, kind = self._heading(), type(self).__name__
        return f"<{kind}{f' {name}' if name != kind else ''}: {told}>"

    def _repr_html_(self) -> str:
        return card(self._heading(), self._figures(), *self._details())


def card(heading: str, figures: Mapping[str, object], *details: str) -> str:
    """Return a card: a heading, labelled figures, and whatever HTML stands below."""
    tiles = "".join(
        f"<div><dt>{_label(n)}</dt><dd>{escape(written(v))}</dd></div>" for n, v in figures.items()
    )
    head = f"<h4>{escape(heading)}</h4>" if heading else ""
    return (
        f"{STYLE}<div class='kit-card'>{head}{f'<dl>{tiles}</dl>' if tiles else ''}{''.join(details)}</div>"
    )


def sentence(text: str) -> str:
    """Return a paragraph of a card."""
    return f"<p>{escape(unbroken(text))}</p>" if text else ""


def unbroken(text: str) -> str:
    """Return a text in which no line ends between a figure and its unit or sign, lots and their contract."""
    return _WITH_UNIT.sub("\N{NO-BREAK SPACE}", text).replace("−₹", "−\N{WORD JOINER}₹")


def table(
    rows: Sequence[Mapping[str, object]], caption: str = "", marked: Sequence[int] = (), most: int = MOST_ROWS
) -> str:
    """Return rows as an HTML table, figures on the right; empty where there is none.

    Parameters
    ----------
    rows : sequence of mapping
        By heading, all with the same ones.
    caption : str, optional
        Stands above.
    marked : sequence of int
        Rows that need a look.
    most : int
        Further rows are counted, not shown.
    """
    if not rows:
        return ""
    columns = [_column(values) for values in zip(*(row.values() for row in rows[:most]), strict=True)]
    looks = [f" class='{kind}'" if (kind := _look(column)) else "" for column in columns]
    head = "".join(
        f"<th scope=col{look}>{_label(name)}</th>" for name, look in zip(rows[0], looks, strict=True)
    )
    lines = []
    for place, cells in enumerate(zip(*columns, strict=True)):
        row = "".join(
            f"<td{look}>{escape(unbroken(cell))}</td>" for cell, look in zip(cells, looks, strict=True)
        )
        lines.append(f"<tr{' class=kit-marked' if place in marked else ''}>{row}</tr>")
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    left = sentence(f"{len(rows) - most:,} more" if len(rows) > most else "")
    whole = f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f"<div class='kit-wide' tabindex=0>{whole}</div>{left}"


def _look(column: Sequence[str]) -> str:
    """Return the class of a column's cells: figures stand on the right, long texts wrap."""
    if all(map(_NUMERIC.fullmatch, filter(None, column))):
        return "kit-n"
    return _LONG if max(map(len, column)) > 40 else ""


def _label(name: object) -> str:
    """Write a name for a reader: a setting's path stays as it is written in ``kit.yaml``."""
    text = str(name)
    return escape(text if "." in text else text.replace("_", " "))


def _column(values: Sequence[object]) -> list[str]:
    """Write the values of one column, figures with as many decimals as the largest needs."""
    numbers = [one for one in values if isinstance(one, Real) and not isinstance(one, bool)]
    known = [float(one) for one in numbers if isfinite(one)]
    most = max(map(abs, known), default=0.0)
    mixed = len(numbers) + sum(one is None for one in values) < len(values)
    if mixed or most < 0.01 or all(one.is_integer() for one in known):
        return [*map(written, values)]
    form = "{:,.2f}" if most >= 10 else "{:,.3f}"
    return [form.format(one) if isinstance(one, Real) and isfinite(one) else written(one) for one in values]


def rows_of(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return a frame as rows for `table`, the index first."""
    known = frame.astype(object).where(frame.notna(), None)
    if known.index.nlevels == 1 and known.index.name is None:
        known.index.name = ""  # else the heading would be "index"
    known = known.reset_index()
    return [dict(zip(map(str, known.columns), row, strict=True)) for row in known.itertuples(index=False)]


def written(value: object) -> str:
    """Write a value for a reader: figures with separators, a dash for unknown, yes and no, dates in words."""
    if value is None or value is False or value is True:
        return {None: "–", False: "no", True: "yes"}[value]
    if isinstance(value, Real) and not isinstance(value, str):
        return _number(float(value))
    if isinstance(value, datetime):
        return f"{value:%d %b %Y %H:%M:%S}"
    if isinstance(value, date):
        return f"{value:%d %b %Y}"
    if isinstance(value, list | tuple):
        figures = all(isinstance(part, Real) for part in value)
        return (" · " if figures else " ").join(map(written, value)) or "none"
    return str(value)


def counted(number: int, noun: str) -> str:
    """Write how many there are, the noun as its number asks.

    Examples
    --------
    >>> counted(1, "session"), counted(1200, "expiry")
    ('1 session', '1,200 expiries')
    """
    return f"{number:,} {noun if number == 1 else re.sub('(?<=[^aeiou])y$', 'ie', noun) + 's'}"


def printed(frame: Any, **how: Any) -> str:
    """Return a table as plain text: whole, or in blocks of columns where a terminal has no room beside.

    Parameters
    ----------
    frame : DataFrame or Series
        The table.
    **how
        As `pandas.DataFrame.to_string` takes it.
    """
    whole = str(frame.to_string(**how))
    width = get_terminal_size((0, 0)).columns  # 0 where there is no terminal: a file is as wide as it takes
    if not width or max(map(len, whole.splitlines()), default=0) <= width or frame.ndim == 1:
        return whole
    return str(frame.to_string(line_width=width, **how)).replace("\\\n", "\n")


def rupees(value: float, digits: int = 0) -> str:
    """Write an amount: ``₹ 12,345``, a minus sign for a loss, words where it is unbounded or unknown."""
    if isnan(value):
        return "unknown"
    if isinf(value):
        return "unlimited"
    value = round(value, 6)  # no dust of binary fractions: 4687.4999999999 is half a rupee
    return f"{'−' if round(value, digits) < 0 else ''}₹ {abs(value):,.{digits}f}"


def _number(value: float) -> str:
    if isnan(value):
        return "–"
    if isinf(value):
        return "∞" if value > 0 else "-∞"
    value += 0.0  # no minus before a nought
    if abs(value) >= 1000 or value.is_integer():
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.4g}"
