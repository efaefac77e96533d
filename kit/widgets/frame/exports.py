"""What a panel shows, as files: a table, a picture, a page of its own."""

from __future__ import annotations

import io
from html import escape
from typing import TYPE_CHECKING, Protocol

from kit.errors import DataError
from kit.shown import card, rows_of, table
from kit.widgets.frame.header import SavedFile

if TYPE_CHECKING:
    import ipywidgets as w
    import pandas as pd

    from kit.widgets.frame.context import Context
    from kit.widgets.frame.live import LiveFigure

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<style>body{{font:14px system-ui;margin:24px;color-scheme:light dark}}img{{max-width:100%;background:#fff}}
body .kit-card{{max-width:none}}body .kit-card .kit-wide{{max-height:none}}</style>
<h1>{title}</h1><p>{words}</p>{image}{table}</html>
"""
_MOST_ROWS = 5_000


class Tabular(Protocol):
    """A panel of quotes that has a table, and words on it, to hand over."""

    heading: str
    context: Context
    words: w.HTML

    def data(self) -> pd.DataFrame:
        """Return what is shown as a table."""


def name_of(panel: Tabular, ending: str) -> str:
    """Return a file name that says what, of which expiry, and when it was quoted."""
    chain = panel.context.chain
    what = f"{panel.heading.lower().replace(' ', '-')}-{chain.underlying}-{chain.expiry:%Y-%m-%d}"
    return f"{what}-{chain.taken_at:%Y%m%dT%H%M%S}.{ending}"


def title_of(panel: Tabular) -> str:
    """Return a heading that says what, of which expiry, and whose prices."""
    chain = panel.context.chain
    return f"{panel.heading}: {chain.underlying} {chain.expiry:%d %b %Y} ({panel.context.venue})"


def csv(panel: Tabular) -> SavedFile:
    """Return the panel's table."""
    return SavedFile(name_of(panel, "csv"), "text/csv", panel.data().to_csv().encode())


def png(panel: Tabular, image: bytes) -> SavedFile:
    """Return a picture of the panel."""
    return SavedFile(name_of(panel, "png"), "image/png", image)


def pixels(plot: LiveFigure) -> bytes:
    """Return a plot as PNG at twice its size on the page, on white.

    Raises
    ------
    DataError
        Nothing is drawn yet.
    """
    if not plot.figure.axes:
        raise DataError("There is no picture yet", None, "Press Run, or add a leg.")
    buffer = io.BytesIO()
    plot.figure.savefig(buffer, format="png", dpi=200, facecolor="white")
    plot.redraw()  # saving drew the moving artists away
    return buffer.getvalue()


def html(panel: Tabular, image: bytes) -> SavedFile:
    """Return a picture, words and table as a page that needs nothing else."""
    from base64 import b64encode

    encoded = b64encode(image).decode()
    title = title_of(panel)
    page = _PAGE.format(
        title=escape(title), words=panel.words.value,
        table=card("", {}, table(rows_of(panel.data()), most=_MOST_ROWS)),
        image=f'<img alt="{escape(title)}" src="data:image/png;base64,{encoded}">',
    )  # fmt: skip
    return SavedFile(name_of(panel, "html"), "text/html", page.encode())
