"""What a panel shows, as files: a table, a picture, a page of its own."""

from __future__ import annotations

import io
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from kit.clock import IST
from kit.errors import DataError
from kit.shown import card, rows_of, table
from kit.widgets.frame.header import SavedFile

if TYPE_CHECKING:
    from kit.widgets.frame.live import LiveFigure
    from kit.widgets.frame.panel import Panel

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<style>body{{font:14px system-ui;margin:24px;color-scheme:light dark}}img{{max-width:100%;background:#fff}}
body .kit-card{{max-width:none}}body .kit-card .kit-wide{{max-height:none}}</style>
<h1>{title}</h1><p>{words}</p>{image}{table}</html>
"""
_MOST_ROWS = 5_000


def name_of(panel: Panel, ending: str) -> str:
    """Return a file name that says what, of which expiry, and when: quoted, or else handed over."""
    what, at = panel.heading.lower().replace(" ", "-"), datetime.now(IST)
    if panel.quoted is not None:
        chain = panel.quoted.chain
        what, at = f"{what}-{chain.underlying}-{chain.expiry:%Y-%m-%d}", chain.taken_at
    return f"{what}-{at:%Y%m%dT%H%M%S}.{ending}"


def title_of(panel: Panel) -> str:
    """Return a heading that says what, of which expiry, and whose prices; else when it was handed over."""
    if panel.quoted is None:
        return f"{panel.heading}, {datetime.now(IST):%d %b %Y %H:%M} IST"
    chain = panel.quoted.chain
    return f"{panel.heading}: {chain.underlying} {chain.expiry:%d %b %Y} ({panel.quoted.venue})"


def csv(panel: Panel) -> SavedFile:
    """Return the panel's table."""
    return SavedFile(name_of(panel, "csv"), "text/csv", panel.data().to_csv().encode())


def png(panel: Panel) -> SavedFile:
    """Return a picture of the panel."""
    return SavedFile(name_of(panel, "png"), "image/png", panel.picture())


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


def html(panel: Panel) -> SavedFile:
    """Return words and table, and the picture of a panel that has one, as a page that needs nothing else."""
    from base64 import b64encode

    title = title_of(panel)
    encoded = b64encode(panel.picture()).decode() if "png" in panel.hands_over else ""
    image = f'<img alt="{escape(title)}" src="data:image/png;base64,{encoded}">' if encoded else ""
    page = _PAGE.format(
        title=escape(title), words=panel.words.value, image=image,
        table=card("", {}, table(rows_of(panel.data()), most=_MOST_ROWS)),
    )  # fmt: skip
    return SavedFile(name_of(panel, "html"), "text/html", page.encode())
